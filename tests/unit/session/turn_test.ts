import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { newestFirst } from "../../../src/session/chain.ts";
import { readEvent } from "../../../src/session/log_event.ts";
import { standing } from "../../../src/session/standing.ts";
import { initialTurn, reduceTurn, type TurnState } from "../../../src/session/turn.ts";
import { type EventMaker, eventMaker } from "../../helpers/events.ts";

function fold(events: SessionEvent[], afterId?: string): TurnState {
  return events.map(readEvent).reduce(reduceTurn, initialTurn(afterId));
}

function reply(state: TurnState): string {
  return [...newestFirst(state.collected.texts)].reverse().map((part) => part.text).join("|");
}

function verdict(state: TurnState): string {
  const stands = standing(state, undefined);
  return stands.over ? stands.status : `waits:${stands.waitingFor}`;
}

interface Case {
  name: string;
  build: (e: EventMaker) => SessionEvent[];
  after?: number;
  verdict: string;
  reply: string;
}

const CASES: Case[] = [
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
    name: "a message queued before a parked turn goes on is not answered by that turn",
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
    name: "an interrupt of a parked turn waits for its end",
    build: (e) => [e.user("q"), e.running(), e.asks("sevt_x"), e.make("user.interrupt")],
    verdict: "waits:resume",
    reply: "",
  },
  {
    name: "an idle event without a stop reason ends the turn",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.make("session.status_idle")],
    verdict: "idle",
    reply: "a",
  },
  {
    name: "an unknown stop reason ends the turn",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.idle("moon_phase")],
    verdict: "idle",
    reply: "a",
  },
  {
    name: "a refusal is named",
    build: (e) => [e.user("q"), e.running(), e.idle("refusal")],
    verdict: "refusal",
    reply: "",
  },
  {
    name: "exhausted retries drop queued input",
    build: (e) => [e.user("q"), e.running(), e.queuedUser("q2"), e.idle("retries_exhausted")],
    verdict: "retries_exhausted",
    reply: "",
  },
  {
    name: "a reached budget ends the wait whatever is queued",
    build: (e) => [e.user("q"), e.running(), e.queuedUser("q2"), e.idle("budget_reached")],
    verdict: "budget_reached",
    reply: "",
  },
  {
    name: "a session error alone ends nothing",
    build: (e) => [
      e.user("q"),
      e.running(),
      e.make("session.error", {
        error: { type: "model_overloaded_error", retry_status: { type: "retrying" } },
      }),
    ],
    verdict: "waits:turn",
    reply: "",
  },
  {
    name: "an open workflow run keeps the wait going",
    build: (e) => [
      e.user("q"),
      e.running(),
      e.make("workflow_run.created", { workflow_run_id: "wrun_1", name: "nightly" }),
      e.endTurn(),
    ],
    verdict: "waits:workflow_runs",
    reply: "",
  },
  {
    name: "after the last workflow run the agent reports once more",
    build: (e) => [
      e.user("q"),
      e.running(),
      e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
      e.endTurn(),
      e.make("workflow_run.status_ended", { workflow_run_id: "wrun_1" }),
    ],
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "a terminated session is over",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.make("session.status_terminated")],
    verdict: "terminated",
    reply: "a",
  },
  {
    name: "a deleted session is over",
    build: (e) => [e.user("q"), e.running(), e.make("session.deleted", { id: undefined })],
    verdict: "deleted",
    reply: "",
  },
  {
    name: "unknown event types change nothing",
    build: (e) => [e.user("q"), e.make("agent.daydream"), e.running(), e.make("x.y"), e.text("a")],
    verdict: "waits:turn",
    reply: "a",
  },
  {
    name: "a server without status events still shows that the agent works",
    build: (e) => [e.user("q"), e.make("span.model_request_start"), e.text("a")],
    verdict: "waits:turn",
    reply: "a",
  },
  {
    name: "after a cursor only what follows counts",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.text("b"), e.endTurn()],
    after: 2,
    verdict: "idle",
    reply: "b",
  },
  {
    name: "after a cursor every later turn counts",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("a"), e.text("b"), e.endTurn()],
      ...[e.user("q2"), e.running(), e.text("c"), e.endTurn()],
    ],
    after: 2,
    verdict: "idle",
    reply: "b|c",
  },
  {
    name: "after a queued message only its own turn counts",
    build: (e) => {
      const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
      const rest = [e.text("one"), e.endTurn(), e.stamped(second)];
      return [first, begin, second, ...rest, e.running(), e.text("two"), e.endTurn()];
    },
    after: 2,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "after a message queued behind two turns only its own turn counts",
    build: (e) => {
      const [first, begin] = [e.user("q0"), e.running()];
      const [one, two] = [e.queuedUser("q1"), e.queuedUser("q2")];
      const turnOne = [e.text("zero"), e.endTurn(), e.stamped(one), e.running(), e.text("one")];
      const turnTwo = [e.endTurn(), e.stamped(two), e.running(), e.text("two"), e.endTurn()];
      return [first, begin, one, two, ...turnOne, ...turnTwo];
    },
    after: 3,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "after a message stamped only when its turn settled the turn's text counts",
    build: (e) => {
      const sent = e.queuedUser("q");
      return [sent, e.running(), e.text("a"), e.endTurn(), e.stamped(sent)];
    },
    after: 0,
    verdict: "idle",
    reply: "a",
  },
  {
    name: "nothing after the newest event is an empty reply",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.endTurn()],
    after: 3,
    verdict: "idle",
    reply: "",
  },
];

for (const { name, build, after, verdict: expected, reply: text } of CASES) {
  Deno.test(`reduceTurn(): ${name}`, () => {
    const events = build(eventMaker());
    const state = fold(events, after === undefined ? undefined : events[after]?.id ?? undefined);
    assertEquals(verdict(state), expected);
    assertEquals(reply(state), text);
  });
}

Deno.test("reduceTurn() keeps the newest stamped event as cursor, never a queued one", () => {
  const e = eventMaker();
  const text = e.text("a");
  const state = fold([e.user("q"), e.running(), text, e.queuedUser("later")]);
  assertEquals(state.cursor, text.id);
});

Deno.test("reduceTurn() does not change the state that it is given", () => {
  const e = eventMaker();
  const before = fold([e.user("q"), e.running(), e.text("a"), e.tool("bash")]);
  const copy = structuredClone(before);
  for (const event of [e.text("b"), e.queuedUser("c"), e.tool("x"), e.endTurn()]) {
    reduceTurn(before, readEvent(event));
  }
  assertEquals(before, copy);
});

Deno.test("reduceTurn() knows whether it saw the beginning of the turn", () => {
  const e = eventMaker();
  const tail = [e.text("a"), e.endTurn()];
  assert(!fold(tail).sawTurnStart);
  assert(fold([...tail, e.user("q"), e.running(), e.text("b")]).sawTurnStart);
});

Deno.test("reduceTurn() costs the same per event however long the log is", () => {
  const e = eventMaker();
  const events = Array.from({ length: 50_000 }, () => readEvent(e.text("x")));
  let state = reduceTurn(initialTurn(), readEvent(e.running()));
  for (const event of events) state = reduceTurn(state, event);
  assertEquals(state.collected.texts?.size, 50_000);
  assertEquals(state.collected.textLength, 50_000);
});
