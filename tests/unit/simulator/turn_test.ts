import { assertEquals } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import { type Bench, bench, dataOf, dig, message, type Wire } from "./helpers.ts";

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

Deno.test("the log of a turn has each event once, in ascending time", async () => {
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

Deno.test("with interrupts silent the turn ends, and only the status tells", async () => {
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

Deno.test("closing in the middle of a turn stops it without a word", async () => {
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
