import { assertEquals } from "@std/assert";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { type Bench, bench, dataOf, dig, message, type Wire } from "./helpers.ts";
import { type Habits, hostedHabits } from "../../../src/simulator/habits.ts";
import { createIds, createMicros } from "../../../src/simulator/ids.ts";
import {
  type Answer,
  askFor,
  emit,
  say,
  type Script,
  type ScriptedTurn,
  toolUse,
  wait,
} from "../../../src/simulator/script.ts";
import { appendSent } from "../../../src/simulator/sending.ts";
import { SimulatedSession } from "../../../src/simulator/session.ts";
import { TurnEngine } from "../../../src/simulator/turn.ts";
import { type EventBody, isWireObject, joinedText } from "../../../src/simulator/wire.ts";

const INTERRUPT = { type: "user.interrupt" };

/** Type and, where there is one, stop reason of the events that mark a turn. */
function outline(events: readonly Wire[]): string[] {
  const marks = ["user.message", "user.interrupt", "agent.message", "session.status_running"];
  return events.flatMap((event) => {
    const type = String(event.type);
    if (type === "session.status_idle") return [`idle:${dig(event, "stop_reason", "type")}`];
    if (!marks.includes(type)) return [];
    return [event.processed_at === null ? `${type} queued` : type];
  });
}

/** Closes the simulator and checks that it leaves nothing behind. */
async function finish({ clock, simulator }: Bench): Promise<void> {
  simulator.close();
  await settle();
  assertEquals(clock.pendingTimers, 0);
  assertEquals(simulator.openStreams(), 0);
}

Deno.test("a turn shows its message queued, then stamped under the same id, then runs to idle", async () => {
  const tools = bench();
  const { clock, simulator, send, open, status } = tools;
  const id = simulator.createSession();
  const stream = await open(id);
  const sent = await send(id, message("hello"));
  assertEquals(dataOf(sent)[0]?.processed_at, null);
  assertEquals(await status(id), "idle");
  await clock.advance(2_000);
  assertEquals(stream.types, [
    "user.message",
    "user.message",
    "session.status_running",
    "session.thread_status_running",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
    "session.thread_status_idle",
    "session.usage",
    "session.status_idle",
  ]);
  const [queued, stamped] = stream.events;
  assertEquals(queued?.id, stamped?.id);
  assertEquals(queued?.processed_at, null);
  assertEquals(typeof stamped?.processed_at, "string");
  await finish(tools);
  assertEquals(stream.state, "ended");
});

Deno.test("the list of a turn has each event once, in ascending time", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(2_000);
  const listed = await events(id);
  assertEquals(listed[0]?.type, "user.message");
  assertEquals(listed.length, 9);
  const times = listed.map((event) => String(event.processed_at));
  assertEquals(times.toSorted(), times);
  assertEquals(new Set(times).size, times.length);
  await finish(tools);
});

Deno.test("the agent takes a message up only a while after the POST has answered", async () => {
  const tools = bench({ takeUpMs: 300 });
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(299);
  assertEquals(outline(await events(id)), ["user.message queued"]);
  await clock.advance(1);
  assertEquals(outline(await events(id)), ["user.message", "session.status_running"]);
  await finish(tools);
});

Deno.test("the reply quotes what was asked", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("What time is it in Lisbon?"));
  await clock.advance(2_000);
  const reply = (await events(id, "?types%5B%5D=agent.message"))[0];
  assertEquals(JSON.stringify(reply?.content).includes("What time is it in Lisbon?"), true);
  await finish(tools);
});

Deno.test("the status trails the stream by the lag, in both directions", async () => {
  const tools = bench({ statusLagMs: 200, takeUpMs: 50 });
  const { clock, simulator, send, status } = tools;
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(249);
  assertEquals(await status(id), "idle");
  await clock.advance(1);
  assertEquals(await status(id), "running");
  await clock.advance(799);
  assertEquals(await status(id), "running");
  await clock.advance(1);
  assertEquals(await status(id), "idle");
  await finish(tools);
});

Deno.test("a message behind a running turn gets a turn of its own", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(300);
  await send(id, message("two"));
  await clock.advance(400);
  assertEquals(outline(await events(id)), [
    "user.message",
    "session.status_running",
    "user.message queued",
  ]);
  await clock.advance(3_000);
  const turn = ["user.message", "session.status_running", "agent.message", "idle:end_turn"];
  assertEquals(outline(await events(id)), [...turn, ...turn]);
  await finish(tools);
});

Deno.test("two messages in one POST are answered in order, each in its turn", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("one"), message("two"));
  await clock.advance(3_000);
  const replies = (await events(id, "?types%5B%5D=agent.message")).map((e) => JSON.stringify(e));
  assertEquals([replies[0]?.includes('\\"one\\"'), replies[1]?.includes('\\"two\\"')], [
    true,
    true,
  ]);
  await finish(tools);
});

Deno.test("with queuedMessages join a running turn answers both and goes idle once", async () => {
  const tools = bench({ queuedMessages: "join" });
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(300);
  await send(id, message("two"));
  await clock.advance(3_000);
  assertEquals(outline(await events(id)), [
    "user.message",
    "session.status_running",
    "agent.message",
    "user.message",
    "agent.message",
    "idle:end_turn",
  ]);
  await finish(tools);
});

Deno.test("an interrupt stops the output at once and ends the turn with end_turn", async () => {
  const tools = bench();
  const { clock, simulator, send, open } = tools;
  const id = simulator.createSession();
  const stream = await open(id);
  await send(id, message("one"));
  await clock.advance(800);
  await send(id, INTERRUPT);
  await clock.advance(5_000);
  assertEquals(outline(stream.events).slice(2), [
    "session.status_running",
    "user.interrupt queued",
    "user.interrupt",
    "idle:end_turn",
  ]);
  await finish(tools);
});

Deno.test("an interrupt of an idle session is echoed and nothing follows", async () => {
  const tools = bench();
  const { clock, simulator, send, open, events } = tools;
  const id = simulator.createSession();
  const stream = await open(id);
  await send(id, INTERRUPT);
  await clock.advance(5_000);
  assertEquals(outline(stream.events), ["user.interrupt queued", "user.interrupt"]);
  assertEquals((await events(id)).length, 1);
  await finish(tools);
});

Deno.test("interrupt and message in one POST make two idle events", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(500);
  await send(id, INTERRUPT, message("two"));
  await clock.advance(5_000);
  assertEquals(outline(await events(id)), [
    "user.message",
    "session.status_running",
    "user.interrupt",
    "idle:end_turn",
    "user.message",
    "session.status_running",
    "agent.message",
    "idle:end_turn",
  ]);
  await finish(tools);
});

Deno.test("with interrupts silent only the status shows that the turn ends", async () => {
  const tools = bench({ interrupts: "silent" });
  const { clock, simulator, send, events, status } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(300);
  await send(id, INTERRUPT);
  await clock.advance(50);
  assertEquals(await status(id), "idle");
  await clock.advance(5_000);
  assertEquals(outline(await events(id)), [
    "user.message",
    "session.status_running",
    "user.interrupt",
  ]);
  await finish(tools);
});

Deno.test("with interrupts ignored the reply still comes", async () => {
  const tools = bench({ interrupts: "ignored" });
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(300);
  await send(id, INTERRUPT);
  await clock.advance(5_000);
  assertEquals(outline(await events(id)).slice(-2), ["agent.message", "idle:end_turn"]);
  await finish(tools);
});

Deno.test("a second interrupt while the first takes effect ends nothing twice", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(300);
  await send(id, INTERRUPT);
  await send(id, INTERRUPT);
  await clock.advance(5_000);
  assertEquals(outline(await events(id)).filter((mark) => mark.startsWith("idle")).length, 1);
  await finish(tools);
});

Deno.test("an outcome to reach begins a turn, stamped on receipt", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  const sent = await send(id, {
    type: "user.define_outcome",
    description: "A clean report",
    rubric: { type: "text", content: "It is clean." },
  });
  const [echo] = dataOf(sent);
  assertEquals(typeof echo?.processed_at, "string");
  assertEquals(String(echo?.outcome_id).startsWith("outc_"), true);
  await clock.advance(2_000);
  const reply = (await events(id, "?types%5B%5D=agent.message"))[0];
  assertEquals(JSON.stringify(reply?.content).includes("A clean report"), true);
  await finish(tools);
});

Deno.test("a system message behind a user message is stamped with it and makes no turn", async () => {
  const tools = bench();
  const { clock, simulator, send, events } = tools;
  const id = simulator.createSession();
  const system = { type: "system.message", content: [{ type: "text", text: "Be brief." }] };
  assertEquals((await send(id, message("one"), system)).status, 200);
  await clock.advance(5_000);
  const listed = await events(id);
  assertEquals(listed.filter((event) => event.type === "session.status_idle").length, 1);
  const stamped = listed.find((event) => event.type === "system.message");
  assertEquals(typeof stamped?.processed_at, "string");
  await finish(tools);
});

Deno.test("close() stops a running turn without another event", async () => {
  const tools = bench();
  const { clock, simulator, send, open } = tools;
  const id = simulator.createSession();
  const stream = await open(id);
  await send(id, message("one"));
  await clock.advance(300);
  const before = stream.types.length;
  await finish(tools);
  await clock.advance(5_000);
  assertEquals(stream.types.length, before);
});

Deno.test("usage grows with every turn, and the usage event agrees with the session", async () => {
  const tools = bench();
  const { clock, simulator, send, events, call } = tools;
  const id = simulator.createSession();
  await send(id, message("one"));
  await clock.advance(3_000);
  await send(id, message("two"));
  await clock.advance(3_000);
  const snapshots = await events(id, "?types%5B%5D=session.usage");
  const tokens = snapshots.map((event) => dig(event, "usage", "input_tokens"));
  assertEquals(tokens, [1200, 2400]);
  const { body } = await call("GET", `/v1/sessions/${id}`);
  assertEquals(dig(body, "usage"), snapshots[1]?.usage);
  assertEquals(dig(body, "stats"), { active_seconds: 2, duration_seconds: 6 });
  await finish(tools);
});

/** A session and its engine, played by `script`, without any HTTP around them. */
function stage(script: Script | undefined, habits: Partial<Habits> = {}) {
  const clock = new ManualClock();
  const now = () => clock.now();
  const world = {
    habits: { ...hostedHabits, ...habits },
    now,
    makeId: createIds(now, 5),
    micros: createMicros(now),
  };
  const session = new SimulatedSession(world, 0, {
    agent: { type: "agent", id: "agent_1" },
    agentName: "Tester",
    environmentId: "env_1",
    title: null,
    metadata: {},
    budget: null,
    vaultIds: [],
    status: "idle",
  });
  const { makeId } = world;
  const engine = new TurnEngine(session, { clock, habits: world.habits, makeId, script });
  const send = (...events: EventBody[]) => {
    const sent = appendSent(session, events, makeId);
    engine.accept(sent);
    return sent;
  };
  const replies = () =>
    [...session.history.events()]
      .filter((event) => event.type === "agent.message")
      .map((event) => joinedText(event.content));
  const reasons = () =>
    [...session.history.events()]
      .filter((event) => event.type === "session.status_idle")
      .map((event) => isWireObject(event.stop_reason) ? event.stop_reason.type : undefined);
  return { clock, session, engine, send, replies, reasons };
}

Deno.test("a script learns the message, its agent, its thread, and can make ids", async () => {
  let seen: ScriptedTurn | undefined;
  const { clock, session, send } = stage(function* (turn) {
    seen = turn;
    yield* wait(0);
  });
  send({
    type: "user.message",
    content: [{ type: "text", text: "a" }, { type: "text", text: "b" }],
  });
  await clock.advance(100);
  assertEquals([seen?.text, seen?.agentName], ["a\nb", "Tester"]);
  assertEquals(seen?.primaryThreadId, session.threads.primaryId);
  assertEquals(seen?.makeId("wrun").startsWith("wrun_"), true);
});

Deno.test("a step's result is the id of the event that it added", async () => {
  const ids: string[] = [];
  const { clock, session, send } = stage(function* () {
    ids.push(yield* emit("agent.thinking"));
    ids.push(yield* emit("agent.thinking"));
  });
  send(message("go"));
  await clock.advance(100);
  const thinking = [...session.history.events()].filter((event) => event.type === "agent.thinking");
  assertEquals(thinking.map((event) => event.id), ids);
});

Deno.test("a script that ends itself early plays no further step", async () => {
  const { clock, send, replies, reasons } = stage(function* () {
    yield* say("one");
    yield { do: "end", stopReason: "max_tokens" };
    yield* say("two");
  });
  send(message("go"));
  await clock.advance(100);
  assertEquals([replies(), reasons()], [["one"], ["max_tokens"]]);
});

Deno.test("stop details go with the reason, on session and thread", async () => {
  const stopDetails = { type: "refusal", category: null, explanation: null };
  const { clock, session, send } = stage(function* () {
    yield { do: "end", stopReason: "refusal", stopDetails };
  });
  send(message("go"));
  await clock.advance(100);
  const idles = [...session.history.events()].filter((event) => event.type.endsWith("status_idle"));
  assertEquals(idles.map((event) => event.type), [
    "session.thread_status_idle",
    "session.status_idle",
  ]);
  for (const idle of idles) {
    assertEquals([idle.stop_reason, idle.stop_details], [{ type: "refusal" }, stopDetails]);
  }
});

/** Asks for one call and says how it was answered. */
const asker: Script = function* () {
  const call = yield* toolUse("bash", {}, "ask");
  yield* wait(1_000);
  const [answer] = yield* askFor(call);
  yield* say(JSON.stringify(answer));
};

function callOf(session: SimulatedSession): string {
  const call = [...session.history.events()].find((event) => event.type === "agent.tool_use");
  return call?.id ?? "";
}

const ALLOWED: Answer = { allowed: true, text: "" };

Deno.test("an answer that comes before the question is asked keeps the turn running", async () => {
  const { clock, session, send, replies, reasons } = stage(asker);
  send(message("go"));
  await clock.advance(200);
  send({ type: "user.tool_confirmation", tool_use_id: callOf(session), result: "allow" });
  await clock.advance(2_000);
  assertEquals(replies(), [JSON.stringify(ALLOWED)]);
  assertEquals(reasons(), ["end_turn"]);
});

Deno.test("an answer that is taken up just after the question was asked ends the wait for it", async () => {
  const { clock, session, send, replies, reasons } = stage(asker);
  send(message("go"));
  await clock.advance(1_040);
  send({ type: "user.tool_confirmation", tool_use_id: callOf(session), result: "allow" });
  await clock.advance(2_000);
  assertEquals(replies(), [JSON.stringify(ALLOWED)]);
  assertEquals(reasons(), ["requires_action", "end_turn"]);
});

Deno.test("the first of two answers to a call counts", async () => {
  const { clock, session, send, replies } = stage(asker);
  send(message("go"));
  await clock.advance(2_000);
  const tool_use_id = callOf(session);
  send(
    { type: "user.tool_confirmation", tool_use_id, result: "deny", deny_message: "No." },
    { type: "user.tool_confirmation", tool_use_id, result: "allow" },
  );
  await clock.advance(2_000);
  assertEquals(replies(), [JSON.stringify({ allowed: false, text: "No." })]);
});

Deno.test("an answer to some other call changes nothing", async () => {
  const { clock, send, replies, reasons } = stage(asker);
  send(message("go"));
  await clock.advance(2_000);
  send({ type: "user.custom_tool_result", custom_tool_use_id: "sevt_other" });
  await clock.advance(2_000);
  assertEquals([replies(), reasons()], [[], ["requires_action"]]);
});

Deno.test("answers in part re-emit idle once each, answers to other calls never", async () => {
  const { clock, session, send, reasons, replies } = stage(function* () {
    const calls = [];
    for (let i = 0; i < 3; i++) calls.push(yield* toolUse("bash", { i }, "ask"));
    const answers = yield* askFor(...calls);
    yield* say(answers.map((answer) => answer.text).join(","));
  });
  send(message("go"));
  await clock.advance(200);
  const calls = [...session.blocking];
  const deny = (tool_use_id: string, deny_message: string) =>
    send({ type: "user.tool_confirmation", tool_use_id, result: "deny", deny_message });
  const open = () => [...session.blocking];
  deny(calls[1] ?? "", "b");
  await clock.advance(200);
  assertEquals(open(), [calls[0], calls[2]]);
  send({ type: "user.custom_tool_result", custom_tool_use_id: "sevt_other" });
  await clock.advance(200);
  deny(calls[0] ?? "", "a");
  await clock.advance(200);
  assertEquals(open(), [calls[2]]);
  deny(calls[2] ?? "", "c");
  await clock.advance(200);
  assertEquals(reasons(), [...Array(3).fill("requires_action"), "end_turn"]);
  assertEquals(replies(), ["a,b,c"]);
});

Deno.test("an interrupt after an answer but before its effect ends the turn once", async () => {
  const { clock, session, send, replies, reasons } = stage(asker);
  send(message("go"));
  await clock.advance(2_000);
  send({ type: "user.tool_confirmation", tool_use_id: callOf(session), result: "allow" });
  send({ type: "user.interrupt" });
  await clock.advance(5_000);
  assertEquals([replies(), reasons()], [[], ["requires_action", "end_turn"]]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a new turn does not see the answers of the one before", async () => {
  const { clock, session, send, reasons } = stage(asker);
  send(message("one"));
  await clock.advance(2_000);
  send({ type: "user.tool_confirmation", tool_use_id: callOf(session), result: "allow" });
  await clock.advance(1_000);
  send(message("two"));
  await clock.advance(2_000);
  assertEquals(reasons(), ["requires_action", "end_turn", "requires_action"]);
});

Deno.test("a pause shows idle, and an interrupt in it is a no-op", async () => {
  const { clock, session, send, reasons } = stage(function* () {
    yield { do: "pause" };
    yield* wait(1_000);
    yield { do: "resume" };
    yield* say("back");
  });
  send(message("go"));
  await clock.advance(100);
  assertEquals(session.status, "idle");
  send({ type: "user.interrupt" });
  await clock.advance(500);
  assertEquals(reasons(), ["end_turn"]);
  await clock.advance(1_000);
  assertEquals(reasons(), ["end_turn", "end_turn"]);
});

Deno.test("a message sent in a pause gets its turn behind the one that is paused", async () => {
  const { clock, send, replies } = stage(function* (turn) {
    yield { do: "pause" };
    yield* wait(1_000);
    yield { do: "resume" };
    yield* say(turn.text);
  });
  send(message("one"));
  await clock.advance(500);
  send(message("two"));
  await clock.advance(5_000);
  assertEquals(replies(), ["one", "two"]);
});

Deno.test("raising the budget of a session that is not at it changes nothing", async () => {
  const { clock, engine, session, send, reasons } = stage(asker);
  engine.raiseBudget();
  send(message("go"));
  await clock.advance(2_000);
  engine.raiseBudget();
  await clock.advance(2_000);
  assertEquals(reasons(), ["requires_action"]);
  assertEquals(session.status, "idle");
});

Deno.test("at its budget a session ignores an interrupt that reaches its engine", async () => {
  const { clock, engine, session, send, replies, reasons } = stage(function* () {
    yield { do: "reach_budget" };
    yield* say("on");
  });
  send(message("go"));
  await clock.advance(100);
  assertEquals(session.atBudget, true);
  send({ type: "user.interrupt" });
  await clock.advance(1_000);
  engine.raiseBudget();
  await clock.advance(100);
  assertEquals([replies(), reasons()], [["on"], ["budget_reached", "end_turn"]]);
  assertEquals(session.atBudget, false);
});

Deno.test("rescheduling shows on session and thread, and ends by itself", async () => {
  const { clock, session, send } = stage(function* () {
    yield { do: "reschedule", ms: 500 };
    yield* say("on");
  });
  send(message("go"));
  await clock.advance(300);
  assertEquals(session.status, "rescheduling");
  assertEquals(session.threads.list()[0]?.status, "rescheduling");
  await clock.advance(500);
  assertEquals(session.status, "idle");
});

Deno.test("an interrupt while rescheduling ends the turn and its timer", async () => {
  const { clock, session, send, reasons } = stage(function* () {
    yield { do: "reschedule", ms: 60_000 };
  });
  send(message("go"));
  await clock.advance(300);
  send({ type: "user.interrupt" });
  await clock.advance(100);
  assertEquals([session.status, reasons()], ["idle", ["end_turn"]]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("terminating drops what is queued and shows on the thread too", async () => {
  const { clock, session, send } = stage(function* () {
    yield* wait(500);
    yield { do: "terminate" };
  });
  send(message("one"), message("two"));
  await clock.advance(5_000);
  assertEquals(session.status, "terminated");
  assertEquals(session.threads.list()[0]?.status, "terminated");
  const queued = [...session.history.events()].filter((event) => event.processed_at === null);
  assertEquals(queued.map((event) => joinedText(event.content)), ["two"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("with stampAtSettle joined messages are all stamped when the turn ends", async () => {
  const { clock, session, send } = stage(function* () {
    yield* wait(500);
  }, { stampAtSettle: true, queuedMessages: "join" });
  send(message("one"), message("two"));
  const stamped = () =>
    [...session.history.events()]
      .filter((event) => event.type === "user.message")
      .map((event) => event.processed_at !== null);
  await clock.advance(900);
  assertEquals(stamped(), [false, false]);
  await clock.advance(500);
  assertEquals(stamped(), [true, true]);
});

Deno.test("close() while a turn waits to be taken up leaves no timer", () => {
  const { clock, engine, send } = stage(asker);
  send(message("go"), { type: "user.interrupt" });
  assertEquals(clock.pendingTimers > 0, true);
  engine.close();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("without a script nothing is taken up", async () => {
  const { clock, session, send } = stage(undefined);
  send(message("go"), { type: "user.interrupt" });
  await clock.advance(60_000);
  assertEquals([...session.history.events()].map((event) => event.processed_at), [null, null]);
});
