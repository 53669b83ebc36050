import { assert, assertEquals } from "@std/assert";
import {
  describeFailure,
  isOver,
  readAnswered,
  readResult,
  readUrl,
  readWaited,
  readWatched,
} from "../../../src/view/tool_results.ts";
import { pendingCall, SESSION, toolResult, waitResult, watched } from "../../helpers/view_world.ts";

Deno.test("a result is read from its structure, or from its text where a host drops that", () => {
  const whole = readResult(toolResult({ a: 1, proofs: { sevt_1: "p", "": "q", sevt_2: 3 } }));
  assert(whole.kind === "result");
  assertEquals(whole.fields, { a: 1 });
  assertEquals([...whole.given.proofs], [["sevt_1", "p"]]);
  const huge = readResult(toolResult({ proofs: { sevt_1: "p".repeat(100_000) } }));
  assert(huge.kind === "result");
  assertEquals(huge.given.proofs.get("sevt_1")?.length, 4_096);
  const bare = readResult({ content: [{ type: "text", text: '{"a":1}' }] });
  assert(bare.kind === "result");
  assertEquals([bare.fields, [...bare.given.proofs]], [{ a: 1 }, []]);
});

Deno.test("nobody can allow a call of a result that the server has cut to its size", () => {
  const { proofs: _, ...given } = watched({ pending: [pendingCall("sevt_1")] });
  const mayAllow = (fields: Record<string, unknown>) =>
    readWatched(JSON.parse(JSON.stringify({ ...given, ...fields })))?.pending[0]?.may_allow;
  assertEquals([mayAllow({}), mayAllow({ truncated: true })], [true, false]);
});

Deno.test("a result without fields has failed", () => {
  const text = (text: unknown) => ({ content: [{ type: "text", text }] });
  assertEquals(readResult({ ...text("No."), isError: true }), { kind: "failed", text: "No." });
  assertEquals(readResult(text("No.")), { kind: "failed", text: "No." });
  assertEquals(readResult(text("[1]")), { kind: "failed", text: "[1]" });
  assertEquals(readResult({}), { kind: "failed", text: "" });
  assertEquals(readResult({ content: "x", structuredContent: [] }), { kind: "failed", text: "" });
});

Deno.test("a session is read as the server tells it", () => {
  const { proofs: _, ...given } = watched({
    status: "requires_action",
    doing: "waits",
    connection_error: "No connection.",
    agent: "Coder",
    title: "Title",
    turn: { key: "k", task: "t", started_at: "a", ended_at: "b", last_event_id: "sevt_1" },
    timeline: {
      entries: [
        { key: "1", kind: "message", text: "Hi", at: "t", subagent: "Helper", left_out: 3 },
        { key: "2", kind: "tool", name: "bash", server: "s", state: "failed", decision: "allow" },
        { key: "3", kind: "subagent", name: "Helper", state: "idle" },
        { key: "4", kind: "error", type: "x", message: "m", retry_status: "retrying" },
        { key: "5", kind: "retry" },
        { key: "6", kind: "evaluation", result: "satisfied", iteration: 0, explanation: "e" },
        { key: "7", kind: "input" },
        { key: "8", kind: "interrupt" },
        { key: "9", kind: "tool", name: "get_weather", state: "waiting", is_custom: true },
      ],
      is_whole: false,
      cursor: "c",
      left_out: 2,
    },
    pending: [
      pendingCall("sevt_1", {
        subagent: "Helper",
        server: "s",
        console_url: "https://c.example/1",
      }),
      pendingCall("sevt_2", { left_out: 7, may_allow: false, kind: "custom_tool_result" }),
    ],
    cost_usd: 1.5,
    turn_cost_usd: 0.5,
    console_url: "https://c.example/",
    poll_after_ms: 2_000,
  });
  assertEquals(readWatched(JSON.parse(JSON.stringify(given))), given);
});

Deno.test("what cannot be read of a session is left out, and the rest stays", () => {
  const odd = readWatched({
    session_id: SESSION,
    status: "idle",
    title: 7,
    turn: { key: null, started_at: {} },
    timeline: { entries: [1, {}, { key: "1", kind: "of tomorrow" }, { key: "2", kind: "retry" }] },
    pending: [{ event_id: "a b", kind: "tool_confirmation" }, { event_id: "a", kind: "?" }, null],
    cost_usd: "1",
    console_url: "javascript:alert(1)",
    can: { decide: "yes", wait_tool: "a tool" },
    poll_after_ms: 1e9,
  });
  assertEquals(odd, {
    session_id: SESSION,
    status: "idle",
    turn: { key: "" },
    timeline: { entries: [{ key: "2", kind: "retry" }], is_whole: false, cursor: "" },
    pending: [],
    can: { decide: false, answer: false, interrupt: false, files: false, asks_by_form: false },
    poll_after_ms: 30_000,
  });
  for (const fields of [{}, { session_id: SESSION }, { session_id: "a/b", status: "idle" }]) {
    assertEquals(readWatched(fields), undefined);
  }
});

Deno.test("of an input that is longer than any that is shown, nobody can allow the call", () => {
  const read = readWatched({
    ...watched({ pending: [pendingCall("sevt_1", { input: "x".repeat(50_000) })] }),
  });
  assertEquals([read?.pending[0]?.may_allow, read?.pending[0]?.input.length], [false, 20_000]);
});

Deno.test("huge texts are cut: a message at its beginning, which is said", () => {
  const text = `${"x".repeat(150_000)}end`;
  const read = readWatched({
    ...watched({
      title: text,
      timeline: {
        entries: [{ key: "1", kind: "message", text, left_out: 7 }],
        is_whole: true,
        cursor: "",
      },
    }),
  });
  const entry = read?.timeline.entries[0];
  assert(entry?.kind === "message");
  assertEquals([entry.text.length, entry.left_out], [100_000, 50_010]);
  assert(entry.text.endsWith("end"));
  assertEquals(read?.title?.length, 500);
});

Deno.test("the result of a wait tells what the page can show by it alone", () => {
  const read = readWaited(waitResult({
    status: "requires_action",
    tool_activity: [{ name: "bash", status: "waiting", agent: "Helper" }],
    errors: [{ type: "x", message: "m" }],
    pending_actions: [{ event_id: "sevt_1", kind: "tool_confirmation", name: "bash", input: {} }],
    console_url: "https://c.example/",
  }));
  assertEquals(read?.session.status, "requires_action");
  assertEquals(read?.entries, [
    { key: "result:0", kind: "tool", name: "bash", state: "waiting", subagent: "Helper" },
    { key: "result:1", kind: "error", type: "x", message: "m" },
  ]);
  assertEquals(read?.pending, [pendingCall("sevt_1", { input: "", may_allow: false })]);
  assertEquals(read?.lastEventId, "sevt_9");
  assertEquals(readWaited(waitResult({ status: "timeout" }))?.isTimeout, true);
  assertEquals(readWaited({ status: "idle" }), undefined);
});

Deno.test("only addresses that a browser opens are links", () => {
  for (const url of ["https://a.example/x", "HTTP://a"]) assertEquals(readUrl(url), url);
  const others = [
    "javascript:1",
    "data:,x",
    "//a",
    "https://a b",
    "",
    1,
    `https://${"a".repeat(3e3)}`,
  ];
  for (const url of others) assertEquals(readUrl(url), undefined);
});

Deno.test("an outcome that nobody knows is unknown, and these statuses end a turn", () => {
  assertEquals([readAnswered({ outcome: "gone" }), readAnswered({})], ["gone", "unknown"]);
  const statuses = ["reading", "running", "requires_action", "idle", "deleted"] as const;
  assertEquals(statuses.map(isOver), [false, false, false, true, true]);
});

Deno.test("a failure is told in sentences, and what to do stands there once", () => {
  const failed = (kind: "refused" | "failed" | "timeout", text: string) =>
    describeFailure({ kind, text }, "Try again.");
  assertEquals(
    failed("refused", "Tool x not found: did you mean y?"),
    "The app answered with an error: Tool x not found: did you mean y. Try again.",
  );
  assertEquals(failed("refused", ""), "The app answered with an error. Try again.");
  assertEquals(failed("failed", "Too many calls: wait."), "Too many calls: wait.");
  assertEquals(failed("timeout", ""), "No answer came from the app. Try again.");
});
