import { assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import {
  type CallsState,
  MAX_TURN_ENTRIES,
  TurnEntries,
} from "../../../src/session/turn_entries.ts";
import { eventMaker } from "../../helpers/events.ts";

const NOTHING: CallsState = { isAtRest: false, waiting: [] };

function entriesOf(events: readonly SessionEvent[], state = NOTHING): TurnEntries {
  const entries = new TurnEntries();
  for (const event of events) entries.add(readEvent(event));
  entries.settle(state);
  return entries;
}

/** The entries in short: kind, and what tells them apart. */
function told(events: readonly SessionEvent[], state = NOTHING): string[] {
  return entriesOf(events, state).entries.map((entry) => {
    const by = entry.subagent === undefined ? "" : ` by ${entry.subagent}`;
    switch (entry.kind) {
      case "message":
        return `${entry.text}${by}`;
      case "tool":
        return [
          entry.is_custom && "custom",
          entry.server,
          entry.name,
          entry.state,
          entry.decision,
        ].filter(Boolean).join(" ") + by;
      case "subagent":
        return `${entry.name}: ${entry.state}`;
      case "error":
        return `${entry.type} ${entry.retry_status}`;
      case "evaluation":
        return `${entry.result} ${entry.iteration} ${entry.explanation}`;
      default:
        return entry.kind;
    }
  });
}

Deno.test("entries tell the newest turn only, by the message that it answers", () => {
  const e = eventMaker();
  const first = [e.user("one"), e.running(), e.text("a"), e.endTurn()];
  assertEquals(told(first), ["a"]);
  const second = [e.user("two"), e.running(), e.text("b")];
  assertEquals(told([...first, ...second]), ["b"]);
  const { key, task, startedAt, endedAt, knowsStart } = entriesOf([...first, ...second]);
  assertEquals([key, task, knowsStart], [second[0]?.id, "two", true]);
  assertEquals(startedAt, Date.parse(second[0]?.processed_at ?? ""));
  assertEquals(endedAt, undefined);
  const end = e.endTurn();
  assertEquals(
    entriesOf([...first, ...second, end]).endedAt,
    Date.parse(end.processed_at ?? ""),
  );
});

Deno.test("a message that is queued at rest begins the next turn, under one key until its end", () => {
  const e = eventMaker();
  const events = [e.user("one"), e.running(), e.text("a"), e.endTurn()];
  const sent = e.queuedUser("two");
  const keys = new Set<string | undefined>();
  const entries = entriesOf(events);
  assertEquals(entries.entries.length, 1);
  for (const event of [sent, e.stamped(sent), e.running(), e.text("b"), e.endTurn()]) {
    entries.add(readEvent(event));
    keys.add(entries.key);
    assertEquals(entries.task, "two");
  }
  assertEquals([...keys], [sent.id]);
  assertEquals(entries.entries.map(({ kind }) => kind), ["message"]);
});

Deno.test("a message in mid-turn is an entry, and then the task of its own turn", () => {
  const e = eventMaker();
  const sent = e.queuedUser("two");
  const first = [e.user("one"), e.running(), e.text("a"), sent, e.text("b")];
  assertEquals(told(first), ["a", "input", "b"]);
  const second = [...first, e.endTurn(), e.stamped(sent), e.running(), e.text("c")];
  assertEquals(told(second), ["c"]);
  const { key, task } = entriesOf(second);
  assertEquals([key, task], [sent.id, "two"]);
});

Deno.test("without status events, inputs part the turns", () => {
  const e = eventMaker();
  const sent = e.queuedUser("two");
  const events = [e.user("one"), e.text("a"), sent, e.text("b")];
  assertEquals(told(events), ["a", "input", "b"]);
  assertEquals(told([...events, e.stamped(sent)]), ["b"]);
  assertEquals(entriesOf([...events, e.stamped(sent)]).task, "two");
  assertEquals(told([e.user("one"), e.text("a"), e.user("two"), e.text("b")]), ["b"]);
  const third = e.queuedUser("three");
  const all = [...events, e.stamped(sent), e.text("c"), third, e.text("d"), e.stamped(third)];
  assertEquals([told(all), entriesOf(all).task], [["d"], "three"]);
});

Deno.test("a history that begins in mid-turn has no known start, and no task", () => {
  const e = eventMaker();
  const { key, task, knowsStart } = entriesOf([e.text("a"), e.text("b")]);
  assertEquals([key, task, knowsStart], ["sevt_000001", undefined, false]);
});

Deno.test("calls have a state, a server and a decision", () => {
  const e = eventMaker();
  const [plain, asks, denied, custom] = [
    e.tool("bash"),
    e.make("agent.mcp_tool_use", {
      name: "push",
      mcp_server_name: "github",
      evaluated_permission: "ask",
    }),
    e.tool("rm", { evaluated_permission: "ask" }),
    e.make("agent.custom_tool_use", { name: "weather" }),
  ];
  const decide = (call: SessionEvent, result: string) =>
    e.make("user.tool_confirmation", { tool_use_id: call.id, result });
  const events = [e.user("q"), e.running(), plain, asks, denied, custom];
  assertEquals(told(events), [
    "bash running",
    "github push running",
    "rm running",
    "custom weather waiting",
  ]);
  const waiting = [asks.id ?? "", denied.id ?? ""];
  assertEquals(told(events, { isAtRest: false, waiting }).slice(1, 3), [
    "github push waiting",
    "rm waiting",
  ]);
  events.push(
    e.toolResult(plain.id ?? "", { is_error: true }),
    decide(asks, "allow"),
    decide(denied, "deny"),
    decide(denied, "allow"),
    e.make("user.custom_tool_result", { custom_tool_use_id: custom.id }),
  );
  assertEquals(told(events), [
    "bash failed",
    "github push running allow",
    "rm failed deny",
    "custom weather done",
  ]);
  assertEquals(told(events, { isAtRest: true, waiting: [] })[1], "github push done allow");
});

Deno.test("results without the id of their call are those of the oldest one", () => {
  const e = eventMaker();
  const nameless = (name: string) => ({ type: "agent.tool_use", name, input: {} });
  const result = { type: "agent.tool_result" };
  const events = [e.user("q"), e.running(), e.tool("a"), e.tool("b")];
  assertEquals(told([...events, result]), ["a done", "b running"]);
  const others = [e.user("q"), e.running(), nameless("a"), nameless("b")];
  assertEquals(told([...others, result]), ["a done", "b running"]);
});

Deno.test("subagents have one entry each; their words are theirs", () => {
  const e = eventMaker();
  const thread = (type: string, fields = {}) =>
    e.make(`session.thread_${type}`, {
      session_thread_id: "sthr_1",
      agent_name: "Researcher",
      ...fields,
    });
  const events = [
    e.user("q", { session_thread_id: "sthr_0" }),
    e.running(),
    thread("created"),
    thread("status_running"),
    e.tool("search", { session_thread_id: "sthr_1" }),
    e.make("agent.message", { content: "found", session_thread_id: "sthr_1" }),
    e.make("agent.message", { content: "well", session_thread_id: "sthr_9" }),
    e.text("I say"),
  ];
  const begun = [
    "Researcher: running",
    "search running by Researcher",
    "found by Researcher",
    "well by sthr_9",
    "I say",
  ];
  assertEquals(told(events), begun);
  assertEquals(told([...events, thread("status_idle")]), ["Researcher: idle", ...begun.slice(1)]);
  assertEquals(
    told([...events, e.make("session.thread_status_idle", { session_thread_id: "sthr_0" })]),
    begun,
  );
});

Deno.test("errors, retries, evaluations and interrupts are entries, each once", () => {
  const e = eventMaker();
  const stop = e.make("user.interrupt", { processed_at: null });
  const evaluation = (stage: string, fields = {}) =>
    e.make(`span.outcome_evaluation_${stage}`, { outcome_id: "outc_1", iteration: 0, ...fields });
  assertEquals(
    told([
      e.user("q"),
      e.running(),
      e.error("model_overloaded_error"),
      e.make("session.status_rescheduled"),
      e.running(),
      evaluation("start"),
      evaluation("ongoing"),
      evaluation("end", { result: "needs_revision", explanation: "Too long." }),
      stop,
      e.stamped(stop),
      e.endTurn(),
      e.make("user.interrupt"),
    ]),
    [
      "model_overloaded_error retrying",
      "retry",
      "needs_revision 0 Too long.",
      "interrupt",
    ],
  );
});

Deno.test("an error at rest belongs to the turn that begins by itself after it, not to an input's", () => {
  const e = eventMaker();
  const before = [e.user("q"), e.running(), e.text("a"), e.endTurn(), e.error("mcp_error")];
  assertEquals(told(before), ["a", "mcp_error retrying"]);
  assertEquals(told([...before, e.running(), e.text("b")]), ["mcp_error retrying", "b"]);
  assertEquals(told([...before, e.user("q2"), e.running()]), []);
});

Deno.test("what agents and servers choose is shown escaped, and short", () => {
  const e = eventMaker();
  const odd = `x\u202e${"y".repeat(300)}`;
  const shown = `x\\u202e${"y".repeat(121)}`;
  const [tool, error, message, thread, other] = entriesOf([
    e.user("q", { session_thread_id: "sthr_0" }),
    e.running(),
    e.make("agent.mcp_tool_use", { name: odd, mcp_server_name: odd }),
    e.make("session.error", { error: { type: odd, message: odd.repeat(9) } }),
    { ...e.text("hi"), id: "i".repeat(5_000) },
    e.make("session.thread_created", { session_thread_id: "sthr_1", agent_name: odd }),
    e.make("agent.message", { content: "well", session_thread_id: odd }),
  ]).entries;
  assertEquals([tool?.kind === "tool" && tool.name, tool?.kind === "tool" && tool.server], [
    shown,
    shown,
  ]);
  assertEquals(error?.kind === "error" && error.type.startsWith("x\\u202e"), true);
  assertEquals(error?.kind === "error" && error.message?.length, 500);
  assertEquals((message?.key.length ?? 999) < 130, true);
  assertEquals([thread?.kind === "subagent" && thread.name, other?.subagent], [shown, shown]);
});

Deno.test("the newest entries of a long turn are kept, and memory stays bounded", () => {
  const e = eventMaker();
  const entries = entriesOf([e.user("q"), e.running()]);
  for (let count = 0; count < 10_000; count++) {
    const use = e.tool(`t${count}`);
    entries.add(readEvent(use));
    entries.add(readEvent(e.toolResult(use.id ?? "")));
    // Its input's beginning is kept, those of a bounded number of others too.
    entries.add(readEvent(e.user(`m${count}`)));
  }
  entries.settle(NOTHING);
  assertEquals(entries.entries.length, MAX_TURN_ENTRIES);
  assertEquals(entries.first, 20_000 - MAX_TURN_ENTRIES);
  assertEquals(entries.entries.at(-1)?.kind, "input");
});
