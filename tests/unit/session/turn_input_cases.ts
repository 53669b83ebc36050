import type { SessionEvent } from "../../../src/api/events.ts";
import type { EventMaker } from "../../helpers/events.ts";

/** Events, and what a turn must make of them. */
export interface TurnCase {
  name: string;
  build: (e: EventMaker) => SessionEvent[];
  after?: number;
  verdict: string;
  reply: string;
  errors?: string[];
}

/** Turns, messages that queue behind them, answers and interrupts. */
export const INPUT_CASES: readonly TurnCase[] = [
  {
    name: "an empty log waits for its first event",
    build: () => [],
    verdict: "waits:first_event",
    reply: "",
  },
  {
    name: "a finished turn is idle with its text",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.text("b"), e.endTurn()],
    verdict: "idle",
    reply: "a|b",
  },
  {
    name: "only the newest turn counts",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn()],
      ...[e.user("q2"), e.running(), e.text("two"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "two",
  },
  {
    name: "a message sent after the end is not answered by it",
    build: (e) => [e.user("q1"), e.running(), e.text("one"), e.endTurn(), e.queuedUser("q2")],
    verdict: "waits:queued",
    reply: "",
  },
  {
    name: "a message that was taken up waits for its turn to begin",
    build: (e) => {
      const sent = e.queuedUser("q2");
      return [e.user("q1"), e.running(), e.text("one"), e.endTurn(), sent, e.stamped(sent)];
    },
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "a message queued behind a turn keeps the wait going when that turn ends",
    build: (e) => [e.user("q1"), e.running(), e.queuedUser("q2"), e.text("one"), e.endTurn()],
    verdict: "waits:queued",
    reply: "one",
  },
  {
    name: "a message queued behind a turn is answered with its own reply",
    build: (e) => {
      const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
      const rest = [e.text("one"), e.endTurn(), e.stamped(second)];
      return [first, begin, second, ...rest, e.running(), e.text("two"), e.endTurn()];
    },
    verdict: "idle",
    reply: "two",
  },
  {
    name: "a message that joins the running turn needs one idle only",
    build: (e) => {
      const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
      return [first, begin, second, e.text("one"), e.stamped(second), e.text("two"), e.endTurn()];
    },
    verdict: "idle",
    reply: "one|two",
  },
  {
    name: "a message stamped only when its turn has settled is answered by that turn",
    build: (e) => {
      const sent = e.queuedUser("q");
      return [sent, e.running(), e.text("a"), e.endTurn(), e.stamped(sent)];
    },
    verdict: "idle",
    reply: "a",
  },
  {
    name: "a message stamped in its place after the turn that it came in waits for its own",
    build: (e) => {
      const [first, begin, one, end] = [e.user("q1"), e.running(), e.text("one"), e.endTurn()];
      return [first, begin, e.user("q2"), one, end];
    },
    after: 2,
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "of three messages stamped in their places each has its own reply",
    build: (e) => {
      const [first, begin, one, end] = [e.user("q1"), e.running(), e.text("one"), e.endTurn()];
      const [second, begin2, two, end2] = [e.user("q2"), e.running(), e.text("two"), e.endTurn()];
      return [first, begin, second, e.user("q3"), one, end, begin2, two, end2];
    },
    after: 3,
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "the last of three messages stamped in their places is answered in the end",
    build: (e) => {
      const [first, begin, one, end] = [e.user("q1"), e.running(), e.text("one"), e.endTurn()];
      const [second, begin2, two, end2] = [e.user("q2"), e.running(), e.text("two"), e.endTurn()];
      const third = [e.user("q3"), e.running(), e.text("three"), e.endTurn()];
      const inPlace = [first, begin, second, third[0] ?? first, one, end, begin2, two, end2];
      return [...inPlace, ...third.slice(1)];
    },
    after: 3,
    verdict: "idle",
    reply: "three",
  },
  {
    name: "a message stamped on receipt in a turn may have one of its own to come",
    build: (e) => [e.user("q1"), e.running(), e.user("q2"), e.text("one"), e.endTurn()],
    after: 2,
    verdict: "waits:turn",
    reply: "one",
  },
  {
    name: "a message taken up while a turn settles may have one of its own to come",
    build: (e) => {
      const sent = e.queuedUser("q2");
      const turn = [e.user("q1"), e.running(), sent, e.text("one"), e.stamped(sent)];
      return [...turn, e.endTurn()];
    },
    verdict: "waits:turn",
    reply: "one",
  },
  {
    name: "a message taken up while a turn settles has its own reply",
    build: (e) => {
      const sent = e.queuedUser("q2");
      const turn = [e.user("q1"), e.running(), sent, e.text("one"), e.stamped(sent), e.endTurn()];
      return [...turn, e.running(), e.text("two"), e.endTurn()];
    },
    after: 2,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "a message that a list has behind its turn is answered by it",
    build: (e) => {
      const [first, begin, zero, end] = [e.user("q0"), e.running(), e.text("zero"), e.endTurn()];
      const sent = e.user("q1");
      return [first, begin, zero, end, e.running(), e.text("one"), e.endTurn(), sent];
    },
    verdict: "idle",
    reply: "one",
  },
  {
    name: "a message without a time that came in a turn may have one of its own to come",
    build: (e) =>
      [e.user("q1"), e.running(), e.user("q2"), e.text("one"), e.endTurn()].map((event) => ({
        ...event,
        processed_at: undefined,
      })),
    verdict: "waits:turn",
    reply: "one",
  },
  {
    name: "a message stamped on receipt in a turn is answered by the next",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.user("q2"), e.text("one"), e.endTurn()],
      ...[e.running(), e.text("two"), e.endTurn()],
    ],
    after: 2,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "two messages stamped on receipt before a turn may have two",
    build: (e) => [e.user("q1"), e.user("q2"), e.running(), e.text("one"), e.endTurn()],
    verdict: "waits:turn",
    reply: "one",
  },
  {
    name: "a message that joined a turn long ago has none to come",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.user("q2"), e.text("one"), e.endTurn()],
      ...Array.from({ length: 6 }, () => e.make("session.updated")),
      ...[e.user("q3"), e.running(), e.text("three"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "three",
  },
  {
    name: "messages stamped when the turn that took them all in settled are answered by it",
    build: (e) => {
      const [begin, one, two, end] = [e.running(), e.text("one"), e.text("two"), e.endTurn()];
      const at = end.processed_at;
      const stamp = { processed_at: at };
      return [e.user("q1", stamp), begin, e.user("q2", stamp), one, two, end];
    },
    verdict: "idle",
    reply: "one|two",
  },
  {
    name: "an answer to a tool call in a turn has no turn to come",
    build: (e) => {
      const use = e.make("agent.custom_tool_use", { name: "crm" });
      const result = e.make("user.custom_tool_result", { custom_tool_use_id: use.id });
      return [e.user("q1"), e.running(), use, result, e.text("one"), e.endTurn()];
    },
    verdict: "idle",
    reply: "one",
  },
  {
    name: "a message that came after its turn had begun is that turn's",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn()],
      ...[e.running(), e.user("q2"), e.text("two"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "two",
  },
  {
    name: "an idle event between a message and its turn ends nothing",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn()],
      ...[e.user("q2"), e.endTurn()],
    ],
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "an idle event that a connection begins with ends nothing",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn(), e.user("q2")],
      e.make("session.status_idle", { id: undefined, processed_at: undefined }),
    ],
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "an idle event that a connection begins with does not end an answered turn",
    build: (e) => {
      const ask = e.tool("rm", { evaluated_permission: "ask" });
      const answer = e.make("user.tool_confirmation", { tool_use_id: ask.id, result: "allow" });
      const idle = e.make("session.status_idle", { id: undefined, processed_at: undefined });
      return [e.user("q"), e.running(), ask, e.asks(ask.id ?? ""), answer, idle];
    },
    verdict: "waits:resume",
    reply: "",
  },
  {
    name: "an idle event that is not in the list does not prove a running turn's end",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("part")],
      e.make("session.status_idle", { id: undefined, processed_at: undefined }),
    ],
    verdict: "waits:turn",
    reply: "part",
  },
  {
    name: "an interrupt between a message and its turn ends that with an idle event",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn()],
      ...[e.user("q2"), e.make("user.interrupt"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "",
  },
  {
    name: "an error between a message and an idle event ends it",
    build: (e) => [e.user("q1"), e.error("billing_error"), e.endTurn()],
    verdict: "idle",
    reply: "",
    errors: ["billing_error"],
  },
  {
    name: "a message that comes stamped under another id is taken up",
    build: (e) => {
      const sent = e.queuedUser("q2");
      return [
        ...[e.user("q1"), e.running(), e.text("one"), e.endTurn(), sent],
        ...[e.user("q2"), e.running(), e.text("two"), e.endTurn()],
      ];
    },
    after: 4,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "a second message of the same text stays queued",
    build: (e) => {
      const sent = e.queuedUser("yes");
      return [
        ...[sent, e.queuedUser("yes"), e.stamped(sent)],
        ...[e.running(), e.text("one"), e.endTurn()],
      ];
    },
    verdict: "waits:queued",
    reply: "one",
  },
  {
    name: "a queued input of a kind that nobody knows is waited for where it is the cursor",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn()],
      e.make("user.wish", { processed_at: null }),
    ],
    after: 4,
    verdict: "waits:queued",
    reply: "",
  },
  {
    name: "interrupt and message: the first of two idles is not the end",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("part")],
      ...[e.make("user.interrupt"), e.queuedUser("q2"), e.endTurn()],
    ],
    verdict: "waits:queued",
    reply: "part",
  },
  {
    name: "interrupt and message: the second idle is",
    build: (e) => {
      const head = [e.user("q1"), e.running(), e.text("part"), e.make("user.interrupt")];
      const second = e.queuedUser("q2");
      const tail = [second, e.endTurn(), e.stamped(second), e.running(), e.text("two")];
      return [...head, ...tail, e.endTurn()];
    },
    verdict: "idle",
    reply: "two",
  },
  {
    name: "of two messages queued behind a turn the second has its own reply too",
    build: (e) => {
      const [first, begin] = [e.user("q0"), e.running()];
      const [one, two] = [e.queuedUser("q1"), e.queuedUser("q2")];
      const turnOne = [e.text("zero"), e.endTurn(), e.stamped(one), e.running(), e.text("one")];
      return [first, begin, one, two, ...turnOne, e.endTurn(), e.stamped(two)];
    },
    verdict: "waits:start",
    reply: "one",
  },
  {
    name: "a message queued before a blocked turn goes on is not answered by that turn",
    build: (e) => {
      const [first, begin, ask] = [e.user("q0"), e.running(), e.tool("rm")];
      const queued = e.queuedUser("q1");
      const answer = e.make("user.tool_confirmation", { tool_use_id: ask.id, result: "allow" });
      const resumed = [e.asks(ask.id ?? ""), answer, e.running(), e.text("zero"), e.endTurn()];
      return [first, begin, ask, queued, ...resumed, e.stamped(queued)];
    },
    verdict: "waits:start",
    reply: "zero",
  },
  {
    name: "a turn that begins before its message is stamped leaves the others queued",
    build: (e) => {
      const [one, two] = [e.queuedUser("q1"), e.queuedUser("q2")];
      const turn = [e.running(), e.stamped(one), e.text("one"), e.endTurn(), e.stamped(two)];
      return [one, two, ...turn];
    },
    verdict: "waits:start",
    reply: "one",
  },
  {
    name: "after an interrupt that was queued every later turn counts",
    build: (e) => {
      const stop = e.make("user.interrupt", { processed_at: null });
      const rest = [stop, e.stamped(stop), e.endTurn(), e.user("q1"), e.running(), e.text("one")];
      const more = [e.endTurn(), e.user("q2"), e.running(), e.text("two"), e.endTurn()];
      return [e.user("q0"), e.running(), ...rest, ...more];
    },
    after: 2,
    verdict: "idle",
    reply: "one|two",
  },
  {
    name: "a message dropped with exhausted retries leaves what the turn said",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("part"), e.idle("retries_exhausted")],
      e.queuedUser("dropped"),
    ],
    verdict: "waits:queued",
    reply: "part",
  },
  {
    name: "an interrupt while idle changes nothing",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.endTurn(), e.make("user.interrupt")],
    verdict: "idle",
    reply: "a",
  },
  {
    name: "requires_action parks the turn",
    build: (e) => {
      const ask = e.tool("bash", { evaluated_permission: "ask" });
      return [e.user("q"), e.running(), ask, e.asks(ask.id ?? "")];
    },
    verdict: "requires_action",
    reply: "",
  },
  {
    name: "an answered action goes on",
    build: (e) => {
      const ask = e.tool("bash", { evaluated_permission: "ask" });
      const answer = e.make("user.tool_confirmation", { tool_use_id: ask.id, result: "allow" });
      return [e.user("q"), e.running(), e.text("x"), ask, e.asks(ask.id ?? ""), answer];
    },
    verdict: "waits:resume",
    reply: "x",
  },
  {
    name: "one of two actions answered is still requires_action",
    build: (e) => {
      const [one, two] = [e.tool("a"), e.tool("b")];
      const answer = e.make("user.tool_confirmation", { tool_use_id: one.id, result: "allow" });
      return [e.user("q"), e.running(), one, two, e.asks(one.id ?? "", two.id ?? ""), answer];
    },
    verdict: "requires_action",
    reply: "",
  },
  {
    name: "text from before and after an approval is one reply",
    build: (e) => {
      const ask = e.make("agent.custom_tool_use", { name: "lookup", input: { q: 1 } });
      const answer = e.make("user.custom_tool_result", { custom_tool_use_id: ask.id });
      const before = [e.user("q"), e.running(), e.text("x"), ask, e.asks(ask.id ?? ""), answer];
      return [...before, e.running(), e.text("y"), e.endTurn()];
    },
    verdict: "idle",
    reply: "x|y",
  },
  {
    name: "an interrupt of a blocked turn waits for its end",
    build: (e) => [e.user("q"), e.running(), e.asks("sevt_x"), e.make("user.interrupt")],
    verdict: "waits:resume",
    reply: "",
  },
  {
    name: "an error between a message and its turn belongs to the turn",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("one"), e.endTurn()],
      ...[e.user("q2"), e.error("billing_error"), e.running(), e.endTurn()],
    ],
    verdict: "idle",
    reply: "",
    errors: ["billing_error"],
  },
  {
    name: "an error between a queued message and its turn belongs to the turn",
    build: (e) => {
      const sent = e.queuedUser("q2");
      const before = [e.user("q1"), e.running(), e.text("one"), e.endTurn(), e.error("late_error")];
      const taken = [sent, e.error("a_error"), e.stamped(sent), e.error("b_error"), e.running()];
      return [...before, ...taken, e.error("c_error"), e.text("two"), e.endTurn()];
    },
    verdict: "idle",
    reply: "two",
    errors: ["a_error", "b_error", "c_error"],
  },
  {
    name: "an error before any event that tells of a turn belongs to the first",
    build: (e) => [e.queuedUser("q"), e.error("mcp_connection_failed_error"), e.running()],
    verdict: "waits:turn",
    reply: "",
    errors: ["mcp_connection_failed_error"],
  },
  {
    name: "a turn that goes idle while its tool is at work has not proved its end",
    build: (e) => [e.user("q"), e.running(), e.text("let me see"), e.tool("bash"), e.endTurn()],
    verdict: "waits:turn",
    reply: "let me see",
  },
  {
    name: "an interrupted tool needs no result",
    build: (e) => [
      ...[e.user("q"), e.running(), e.tool("bash")],
      ...[e.make("user.interrupt"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "",
  },
  {
    name: "words after a tool call do not tell that it has a result",
    build: (e) => [e.user("q"), e.running(), e.tool("bash"), e.text("done"), e.endTurn()],
    verdict: "waits:turn",
    reply: "done",
  },
  {
    name: "a result that does not say whose it is answers the oldest call",
    build: (e) => [
      ...[e.user("q"), e.running(), e.tool("bash")],
      ...[e.make("agent.tool_result"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "",
  },
  {
    name: "a client's own result of a tool is its result",
    build: (e) => {
      const [use, custom] = [e.tool("bash"), e.make("agent.custom_tool_use", { name: "crm" })];
      const results = [
        e.make("user.tool_result", { tool_use_id: use.id }),
        e.make("user.custom_tool_result", { custom_tool_use_id: custom.id }),
      ];
      return [e.user("q"), e.running(), use, custom, ...results, e.endTurn()];
    },
    verdict: "idle",
    reply: "",
  },
  {
    name: "an approved call is at work until its result comes",
    build: (e) => {
      const ask = e.tool("rm", { evaluated_permission: "ask" });
      const answer = e.make("user.tool_confirmation", { tool_use_id: ask.id, result: "allow" });
      const resumed = [e.asks(ask.id ?? ""), answer, e.running(), e.endTurn()];
      return [e.user("q"), e.running(), ask, ...resumed];
    },
    verdict: "waits:turn",
    reply: "",
  },
  {
    name: "an idle event without a reason parks a turn that asked for an answer",
    build: (e) => {
      const ask = e.tool("rm", { evaluated_permission: "ask" });
      return [e.user("q"), e.running(), ask, e.make("session.status_idle")];
    },
    verdict: "requires_action",
    reply: "",
  },
  {
    name: "an idle event without a reason ends an interrupted turn that asked for an answer",
    build: (e) => [
      ...[e.user("q"), e.running(), e.tool("rm", { evaluated_permission: "ask" })],
      ...[e.make("user.interrupt"), e.make("session.status_idle")],
    ],
    verdict: "idle",
    reply: "",
  },
  {
    name: "a subagent's words are not the reply",
    build: (e) => {
      const child = { session_thread_id: "sthr_child" };
      const says = e.make("agent.message", { content: [{ type: "text", text: "psst" }], ...child });
      const created = e.make("session.thread_created", { agent_name: "Helper", ...child });
      return [e.user("q"), e.running(), created, says, e.text("done"), e.endTurn()];
    },
    verdict: "idle",
    reply: "done",
  },
  {
    name: "the words of the session's own thread are, wherever it is named",
    build: (e) => {
      const own = { session_thread_id: "sthr_own" };
      const says = (text: string, fields: Record<string, unknown>) =>
        e.make("agent.message", { content: [{ type: "text", text }], ...fields });
      const created = e.make("session.thread_created", own);
      const turn = [says("one", own), says("psst", { session_thread_id: "sthr_x" }), e.text("two")];
      return [created, e.user("q", own), e.running(), created, ...turn, e.endTurn()];
    },
    verdict: "idle",
    reply: "one|two",
  },
  {
    name: "the thread that a new session makes for itself is no subagent's",
    build: (e) => {
      const own = { session_thread_id: "sthr_own" };
      const says = e.make("agent.message", { content: [{ type: "text", text: "one" }], ...own });
      const created = e.make("session.thread_created", own);
      return [created, e.user("q"), e.running(), says, e.endTurn()];
    },
    verdict: "idle",
    reply: "one",
  },
  {
    name:
      "of two messages queued in a turn that no status event ends, the later one's reply is told",
    build: (e) => {
      const [first, one] = [e.user("q1"), e.text("one")];
      const [second, two] = [e.queuedUser("q2"), e.text("two")];
      const [third, three] = [e.queuedUser("q3"), e.text("three")];
      return [first, one, second, two, third, three, e.stamped(second), e.stamped(third)];
    },
    verdict: "waits:turn",
    reply: "three",
  },
];
