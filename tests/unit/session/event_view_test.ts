import { assert, assertEquals } from "@std/assert";
import { isQueued, type SessionEvent } from "../../../src/api/events.ts";
import { clipText } from "../../../src/core/text.ts";
import { showEvent } from "../../../src/session/event_types.ts";
import { toolInputView } from "../../../src/session/event_view.ts";

const OPTIONS = { exposeToolInputs: false, maxFieldChars: 100 };
const AT = "2026-11-23T09:00:00Z";

function view(fields: Record<string, unknown> & { type: string }, options = OPTIONS) {
  const { id: _id, processed_at: _at, type: _type, ...shown } = showEvent(
    { id: "sevt_1", processed_at: AT, ...fields },
    options,
  );
  return shown;
}

const content = [{ type: "text", text: "Hello" }];

/** Event, and what is shown of it beside id, type and time. */
const VIEWS: readonly [Record<string, unknown> & { type: string }, Record<string, unknown>][] = [
  [{ type: "user.message", content }, { text: "Hello" }],
  [{ type: "user.message", content: "bare" }, { text: "bare" }],
  [{ type: "user.message", content: null }, { text: "" }],
  [
    { type: "user.message", content: [...content, { type: "image", source: {} }] },
    { text: "Hello", attachments: ["image"] },
  ],
  [{ type: "agent.message", content: [{ type: "redacted" }] }, {
    text: "",
    attachments: ["redacted"],
  }],
  [{ type: "agent.thinking" }, {}],
  [{ type: "user.interrupt", session_thread_id: "sthr_1" }, { session_thread_id: "sthr_1" }],
  [
    {
      type: "agent.tool_use",
      name: "bash",
      input: { command: "cat /etc/passwd", n: 4, list: [1, 2] },
      evaluated_permission: "allow",
    },
    {
      name: "bash",
      input: {
        command: "[redacted, 15 characters]",
        n: "[redacted]",
        list: "[redacted, 2 items]",
      },
    },
  ],
  [
    {
      type: "agent.mcp_tool_use",
      name: "find",
      mcp_server_name: "crm",
      input: "raw text",
      evaluated_permission: "ask",
      session_thread_id: "sthr_2",
    },
    {
      name: "find",
      server: "crm",
      input: "[redacted, 8 characters]",
      permission: "ask",
      session_thread_id: "sthr_2",
    },
  ],
  [{ type: "agent.custom_tool_use", name: "book" }, { name: "book" }],
  [
    { type: "agent.tool_result", tool_use_id: "sevt_0", content, is_error: false },
    { tool_use_id: "sevt_0", text: "Hello" },
  ],
  [
    { type: "agent.mcp_tool_result", mcp_tool_use_id: "sevt_0", is_error: true, content: null },
    { tool_use_id: "sevt_0", is_error: true },
  ],
  [
    { type: "user.custom_tool_result", custom_tool_use_id: "sevt_0", content: { odd: 1 } },
    { tool_use_id: "sevt_0", text: '{"odd":1}' },
  ],
  [
    {
      type: "user.tool_confirmation",
      tool_use_id: "sevt_0",
      result: "deny",
      deny_message: "Use staging",
    },
    { tool_use_id: "sevt_0", result: "deny", deny_message: "Use staging" },
  ],
  [
    { type: "session.status_idle", stop_reason: { type: "requires_action", event_ids: ["a"] } },
    { stop_reason: { type: "requires_action", event_ids: ["a"] } },
  ],
  [
    {
      type: "session.status_idle",
      stop_reason: { type: "refusal" },
      stop_details: { type: "refusal", category: "cyber", explanation: "No." },
    },
    { stop_reason: { type: "refusal", category: "cyber", explanation: "No." } },
  ],
  [{ type: "session.status_idle" }, {}],
  [{ type: "session.status_running" }, {}],
  [
    {
      type: "session.error",
      error: {
        type: "mcp_connection_failed_error",
        message: "No route",
        retry_status: { type: "retrying" },
        mcp_server_name: "crm",
      },
    },
    {
      error: {
        type: "mcp_connection_failed_error",
        message: "No route",
        retry_status: "retrying",
        mcp_server_name: "crm",
      },
    },
  ],
  [{ type: "session.error", error: "harness_turn_failed" }, {
    error: { type: "harness_turn_failed" },
  }],
  [
    { type: "session.updated", agent: { system: "SECRET" }, title: "New" },
    { changed: ["agent", "title"], title: "New" },
  ],
  [
    { type: "session.usage", usage: { input_tokens: 3, list_cost: { amount: "1" } } },
    { usage: { input_tokens: 3, list_cost: { amount: "1" } } },
  ],
  [
    {
      type: "session.usage",
      usage: { list_cost: { amount: "3", currency: "USD" }, input_tokens: 3 },
      budget: { max_list_cost: { amount: "500", currency: "USD" } },
    },
    { usage: { input_tokens: 3, cost_usd: 0.03 }, budget: { max_cost_usd: 5 } },
  ],
  [
    { type: "session.thread_created", session_thread_id: "sthr_1", agent_name: "Helper" },
    { session_thread_id: "sthr_1", agent_name: "Helper" },
  ],
  [
    {
      type: "session.thread_status_idle",
      session_thread_id: "sthr_1",
      agent_name: "Helper",
      stop_reason: { type: "end_turn" },
    },
    { session_thread_id: "sthr_1", agent_name: "Helper", stop_reason: { type: "end_turn" } },
  ],
  [
    {
      type: "agent.thread_message_sent",
      to_session_thread_id: "sthr_2",
      to_agent_name: "Helper",
      content,
    },
    { text: "Hello", to_session_thread_id: "sthr_2", to_agent_name: "Helper" },
  ],
  [
    {
      type: "workflow_run.created",
      workflow_run_id: "wrun_1",
      name: "Nightly",
      description: null,
      phases: [{ name: "One" }, {}],
    },
    { workflow_run_id: "wrun_1", name: "Nightly", phases: ["One", "unnamed"] },
  ],
  [
    {
      type: "workflow_run.status_ended",
      workflow_run_id: "wrun_1",
      result: { type: "error", error: { message: "Broke" } },
    },
    { workflow_run_id: "wrun_1", result: "error", error: "Broke" },
  ],
  [
    {
      type: "span.outcome_evaluation_end",
      outcome_id: "outc_1",
      iteration: 2,
      result: "satisfied",
      explanation: "Good",
    },
    { outcome_id: "outc_1", iteration: 2, result: "satisfied", explanation: "Good" },
  ],
  [
    {
      type: "future.event",
      count: 3,
      flag: true,
      name: "small",
      long: "x".repeat(300),
      nothing: null,
      nested: { a: 1, deeper: { b: 2 } },
      list: [1, 2],
    },
    { count: 3, flag: true, name: "small", nested: { a: 1 } },
  ],
];

for (const [event, shown] of VIEWS) {
  const { type: _, ...fields } = event;
  Deno.test(`showEvent() of ${event.type} with ${JSON.stringify(fields).slice(0, 50)}`, () => {
    assertEquals(view(event), shown);
  });
}

Deno.test("showEvent() shows id, type and time, and marks what is queued", () => {
  assertEquals(showEvent({ id: "e", type: "agent.thinking", processed_at: AT }, OPTIONS), {
    id: "e",
    type: "agent.thinking",
    processed_at: AT,
  });
  const queued = { id: "e", type: "user.interrupt", processed_at: null };
  assert(isQueued(queued));
  assertEquals(showEvent(queued, OPTIONS), { id: "e", type: "user.interrupt", queued: true });
  assertEquals(showEvent({ type: "agent.thinking" }, OPTIONS), { type: "agent.thinking" });
});

Deno.test("showEvent() clips long texts of every kind", () => {
  const long = "x".repeat(250);
  const events: SessionEvent[] = [
    { type: "agent.message", content: long },
    { type: "agent.tool_result", content: long },
    { type: "session.error", error: { type: "t", message: long } },
    { type: "user.define_outcome", description: long },
    {
      type: "session.status_idle",
      stop_reason: { type: "r" },
      stop_details: { explanation: long },
    },
  ];
  for (const event of events) {
    const text = JSON.stringify(showEvent(event, OPTIONS));
    assert(text.includes("… [150 more characters]") && !text.includes("x".repeat(101)), text);
  }
});

Deno.test("showEvent() survives events whose fields are not what they should be", () => {
  for (const { type } of VIEWS.map(([event]) => event)) {
    for (const junk of [null, 7, "text", [], {}, [[]], { type: 3 }]) {
      const names = VIEWS.flatMap(([known]) => Object.keys(known));
      const odd = Object.fromEntries(names.map((name) => [name, junk]));
      const event: SessionEvent = { ...odd, type, id: "sevt_1", processed_at: AT };
      assertEquals(showEvent(event, OPTIONS).type, type);
    }
  }
});

const SECRET = "https://bob:hunter2@example.com";

/** Fields of event types that nobody has seen yet, in which a tool's input may come. */
const INPUTS: readonly Record<string, unknown>[] = [
  { input: { url: SECRET } },
  { input: SECRET },
  { arguments: SECRET },
  { args: [SECRET] },
  { params: { a: SECRET } },
  { command: SECRET },
  { code: SECRET },
  { env: { TOKEN: SECRET } },
  { headers: { authorization: SECRET } },
  { tool_input: SECRET },
  { toolInput: SECRET },
  { "request-headers": SECRET },
  { RequestHeaders: SECRET },
  { url: SECRET },
  { password: SECRET },
  { call: { input: SECRET } },
  { call: { arguments: { url: SECRET }, name: "fetch" } },
  { request: { headers: SECRET } },
];

for (const fields of INPUTS) {
  Deno.test(`showEvent() hides the input in ${JSON.stringify(fields)}, whatever the type`, () => {
    for (const type of ["agent.server_tool_use", "span.brand_new", "session.usage"]) {
      const event = { type, ...fields, ...(type === "session.usage" && { usage: fields }) };
      const shown = JSON.stringify(view(event));
      assert(!shown.includes("hunter2") && !shown.includes("bob"), shown);
    }
    const open = { ...OPTIONS, exposeToolInputs: true };
    assert(
      JSON.stringify(view({ type: "agent.server_tool_use", ...fields }, open)).includes("bob"),
    );
    const result = { type: "agent.tool_result", content: { a: [{ b: fields }] } };
    assert(!JSON.stringify(view(result, { ...OPTIONS, maxFieldChars: 1_000 })).includes("hunter2"));
  });
}

Deno.test("showEvent() shows of an unknown event what is no input", () => {
  const counters = { input_tokens: 5, output_tokens: 6, status_code: 200, error_code: "gone" };
  assertEquals(view({ type: "span.brand_new", ...counters, usage: counters }), {
    ...counters,
    usage: counters,
  });
});

Deno.test("showEvent() shows no marks of this program, of whichever event", () => {
  const metadata = { ticket: "OPS-7", cma_mcp_owner: "x" };
  assertEquals(view({ type: "session.brand_new", metadata }), { metadata: { ticket: "OPS-7" } });
  assertEquals(view({ type: "session.updated", metadata }), { changed: ["metadata"] });
});

Deno.test("showEvent() reads each field of an event by itself", () => {
  const blocked = { type: "requires_action", event_ids: ["T", null] };
  assertEquals(view({ type: "session.status_idle", stop_reason: blocked, stop_details: [] }), {
    stop_reason: { type: "requires_action", event_ids: ["T"] },
  });
  const text = [{ type: "text", text: null }, "a", { type: "text", text: "b" }];
  assertEquals(view({ type: "agent.message", content: text }), { text: "ab" });
  assertEquals(
    view({ type: "session.error", error: { type: "t", message: {}, retry_status: "exhausted" } }),
    { error: { type: "t", retry_status: "exhausted" } },
  );
  assertEquals(view({ type: "session.error", content: "It broke" }), {
    error: { type: "unknown_error", message: "It broke" },
  });
});

Deno.test("toolInputView() shows inputs where the operator does, clipped", () => {
  const input = { command: "ls", nested: { a: [1] } };
  assertEquals(toolInputView(input, true), input);
  assertEquals(toolInputView("ls", true), "ls");
  assertEquals(toolInputView(undefined, true), undefined);
  assertEquals(toolInputView(null, false), undefined);
  const clipped = toolInputView({ command: "y".repeat(9_000) }, true);
  assert(typeof clipped === "string" && clipped.length < 4_100 && clipped.includes("more char"));
});

Deno.test("toolInputView() names at most twenty fields of a redacted input", () => {
  const wide = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`f${i}`, i]));
  const shown = toolInputView(wide, false);
  assert(typeof shown === "object" && shown !== null);
  assertEquals(Object.keys(shown).length, 21);
  assertEquals(Object.entries(shown).at(-1), ["…", "5 more fields"]);
});

Deno.test("clipText() keeps what fits and does not tear a character apart", () => {
  assertEquals(clipText("abc", 3), "abc");
  assertEquals(clipText("abcd", 3), "abc… [1 more characters]");
  assertEquals(clipText("ab😀cd", 3), "ab… [4 more characters]");
});
