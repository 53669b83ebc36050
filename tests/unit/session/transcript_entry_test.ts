import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { tellEvent, typesTold } from "../../../src/session/event_types.ts";
import type { TellContext, TranscriptEntry } from "../../../src/session/transcript_entry.ts";

const CALL = { id: "sevt_call", type: "agent.tool_use", name: "bash", input: { command: "ls" } };
const CONTEXT: TellContext = {
  toolUses: new Map([["sevt_call", CALL]]),
  results: new Map(),
  subagents: new Map([["sthr_1", "Researcher"]]),
  exposeToolInputs: false,
  redact: (text) => text,
};

const text = (words: string) => [{ type: "text", text: words }];

const CASES: readonly (readonly [SessionEvent, TranscriptEntry | undefined])[] = [
  [{ type: "user.message", content: text("Hi.") }, { speaker: "User", text: "Hi." }],
  [
    { type: "user.message", content: text("Hi."), processed_at: null },
    {
      speaker: "User",
      text: "Hi.",
      attachments: ["Queued: the agent has not taken it up yet."],
    },
  ],
  [
    {
      type: "user.message",
      content: [
        ...text("Read."),
        { type: "document", title: "a](b).pdf", source: { type: "file", file_id: "file_1" } },
        { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
        { type: "search_result" },
      ],
    },
    {
      speaker: "User",
      text: "Read.",
      attachments: [
        "With a document: a\\](b).pdf `file_1`",
        "With an image: `https://example.com/a.png`",
        "With a search result",
      ],
    },
  ],
  [{ type: "system.message", content: text("Be brief.") }, {
    speaker: "System",
    text: "Be brief.",
  }],
  [{ type: "agent.message", content: text("Done.") }, { speaker: "Agent", text: "Done." }],
  [{ type: "agent.message", content: [] }, { speaker: "Agent" }],
  [
    { type: "agent.message", content: text("Found."), session_thread_id: "sthr_1" },
    { speaker: "Subagent Researcher", text: "Found." },
  ],
  [{ type: "agent.thinking" }, undefined],
  [{ ...CALL, id: "x" }, { speaker: "Agent", line: "Tool `bash`" }],
  [
    { ...CALL, evaluated_permission: "ask", session_thread_id: "sthr_1" },
    { speaker: "Subagent Researcher", line: "Tool `bash` (asked for approval)" },
  ],
  [
    { ...CALL, evaluated_permission: "deny" },
    { speaker: "Agent", line: "Tool `bash`: denied by its policy" },
  ],
  [
    { type: "agent.mcp_tool_use", name: "search", mcp_server_name: "docs" },
    { speaker: "Agent", line: "Tool `search` of MCP server `docs`" },
  ],
  [
    { type: "agent.custom_tool_use", name: "get`weather" },
    { speaker: "Agent", line: "Tool `get'weather` (custom)" },
  ],
  [{ type: "agent.tool_result", tool_use_id: "sevt_call", content: text("a") }, undefined],
  [
    { type: "agent.tool_result", tool_use_id: "sevt_other", content: text("a") },
    { speaker: "Agent", line: "Result of tool call `sevt_other`: done, 1 character" },
  ],
  [
    { type: "user.tool_confirmation", tool_use_id: "sevt_call", result: "allow" },
    { speaker: "User", line: "Allowed tool `bash`." },
  ],
  [
    {
      type: "user.tool_confirmation",
      tool_use_id: "sevt_other",
      result: "deny",
      deny_message: "No.",
    },
    { speaker: "User", line: "Denied tool call `sevt_other`:", text: "No." },
  ],
  [
    { type: "user.custom_tool_result", custom_tool_use_id: "sevt_call", content: text("18 °C") },
    { speaker: "User", line: "Result of tool `bash`:", text: "18 °C" },
  ],
  [{ type: "user.tool_result", is_error: true }, {
    speaker: "User",
    line: "Failure of a tool call:",
  }],
  [{ type: "user.interrupt" }, { speaker: "User", line: "Interrupted the agent." }],
  [
    { type: "user.define_outcome", description: "A chart." },
    { speaker: "User", line: "Outcome wanted:", text: "A chart." },
  ],
  [
    { type: "span.outcome_evaluation_end", result: "satisfied", explanation: "It is there." },
    { speaker: "Session", line: "Outcome evaluated: `satisfied`", text: "It is there." },
  ],
  [
    { type: "session.thread_created", session_thread_id: "sthr_1" },
    { speaker: "Agent", line: "Started subagent Researcher" },
  ],
  [
    { type: "agent.thread_message_sent", to_agent_name: "<Reviewer>", content: text("Look.") },
    { speaker: "Agent", line: "To subagent &lt;Reviewer>:", text: "Look." },
  ],
  [
    { type: "agent.thread_message_received", content: text("Seen.") },
    { speaker: "A subagent", text: "Seen." },
  ],
  [
    {
      type: "session.error",
      error: {
        type: "mcp_error",
        message: "Gone.",
        retry_status: "exhausted",
        mcp_server_name: "d",
      },
    },
    { speaker: "Session", line: "Error `mcp_error` of MCP server `d` (exhausted)", text: "Gone." },
  ],
  [{ type: "session.status_idle", stop_reason: { type: "end_turn" } }, undefined],
  [{ type: "session.status_idle", stop_reason: { type: "requires_action" } }, undefined],
  [
    {
      type: "session.status_idle",
      stop_reason: { type: "refusal" },
      stop_details: { explanation: "No." },
    },
    { speaker: "Session", line: "The turn ended: `refusal`", text: "No." },
  ],
  [{ type: "session.status_terminated" }, { speaker: "Session", line: "The session ended." }],
  [{ type: "workflow_run.created", name: "w" }, {
    speaker: "Agent",
    line: "Started workflow run `w`",
  }],
  [
    { type: "workflow_run.status_ended", result: { type: "failed", error: { message: "No." } } },
    { speaker: "Session", line: "Workflow run ended: `failed`", text: "No." },
  ],
  [{ type: "session.usage" }, undefined],
  [{ type: "agent.of_tomorrow", content: text("x") }, undefined],
];

for (const [event, entry] of CASES) {
  const { type, ...fields } = event;
  Deno.test(`a transcript tells ${type} ${JSON.stringify(fields).slice(0, 120)}`, () => {
    assertEquals(tellEvent(event, CONTEXT), entry);
  });
}

Deno.test("every type that transcripts tell has a case above", () => {
  const told = new Set(CASES.flatMap(([{ type }, entry]) => entry ? [type] : []));
  const alike = ["agent.mcp_tool_result", "session.deleted", "workflow_run.error"];
  assertEquals(typesTold().filter((type) => !told.has(type)), alike);
});

Deno.test("a call is told with its result, where that is at hand", () => {
  const told = (result: SessionEvent) =>
    tellEvent(CALL, { ...CONTEXT, results: new Map([["sevt_call", result]]) })?.line;
  const type = "agent.tool_result";
  assertEquals(told({ type, content: text("a".repeat(12)) }), "Tool `bash`: done, 12 characters");
  assertEquals(told({ type, is_error: true }), "Tool `bash`: failed");
});

Deno.test("a tool's input is told only where the operator shows inputs", () => {
  assertEquals(tellEvent(CALL, CONTEXT)?.text, undefined);
  assertEquals(tellEvent(CALL, { ...CONTEXT, exposeToolInputs: true })?.text, '{"command":"ls"}');
});

Deno.test("secrets are hidden in texts and in names, also where a name is cut", () => {
  const secret = `sk-secret-${"0123456789".repeat(5)}`;
  const redact = createRedact([secret]).thorough;
  const context = { ...CONTEXT, redact };
  const name = `${"x".repeat(170)}${secret}`;
  for (
    const event of [
      { type: "agent.message", content: text(`It is ${secret}.`) },
      { type: "agent.mcp_tool_use", name, mcp_server_name: name },
      { type: "session.error", error: { type: name, message: secret, retry_status: name } },
      { type: "session.thread_created", agent_name: name },
      { type: "user.tool_confirmation", result: "deny", deny_message: secret },
      {
        type: "user.message",
        content: [{ type: "document", title: name, source: { url: `https://e.com/${secret}` } }],
      },
    ]
  ) {
    const told = JSON.stringify(tellEvent(event, context));
    assert(!told.includes("0123456789"), told);
    assert(told.includes("[redacted]") || told.includes("\\\\[redacted\\\\]"), told);
  }
});

Deno.test("no odd field makes telling fail", () => {
  const odd = [null, 7, "odd", true, [], [null], {}, { type: 7 }, { a: { b: [[]] } }, [["a"]]];
  const fields = ["content", "name", "input", "result", "error", "stop_reason", "description"]
    .concat(["session_thread_id", "tool_use_id", "agent_name", "deny_message", "explanation"]);
  for (const type of typesTold()) {
    for (const field of fields) {
      for (const value of odd) {
        const entry = tellEvent({ type, [field]: value }, { ...CONTEXT, exposeToolInputs: true });
        assert(entry === undefined || !/[\n\r]/.test(`${entry.speaker}${entry.line}`));
      }
    }
  }
});
