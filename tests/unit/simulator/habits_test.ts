import { assertEquals } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import type { Habits } from "../../../src/simulator/habits.ts";
import { type Bench, bench, dig, HEADERS, message, type Wire } from "./helpers.ts";

const NO_BETA = { "x-api-key": "k" };

/** One whole turn under these habits: what was streamed and what is listed. */
async function turn(habits: Partial<Habits>): Promise<
  Bench & { id: string; streamed: Wire[]; listed: Wire[] }
> {
  const tools = bench(habits);
  const id = tools.simulator.createSession();
  const stream = await tools.open(id);
  await tools.send(id, message("hello"));
  await tools.clock.advance(3_000);
  const result = { ...tools, id, streamed: stream.events, listed: await tools.events(id) };
  tools.simulator.close();
  await settle();
  return result;
}

function ofType(events: readonly Wire[], type: string): Wire[] {
  return events.filter((event) => event.type === type);
}

Deno.test("heartbeatMs sets the pace of heartbeats, and 0 stops them", async () => {
  for (const [heartbeatMs, expected] of [[1_000, 60], [0, 0]] as const) {
    const { clock, simulator, open } = bench({ heartbeatMs });
    const stream = await open(simulator.createSession());
    await clock.advance(60_000);
    assertEquals(stream.frames.length, expected);
    simulator.close();
    await settle();
  }
});

Deno.test("statusLagMs 0 shows the status at once", async () => {
  const { simulator, status } = bench({ statusLagMs: 0 });
  const id = simulator.createSession();
  simulator.emit(id, { type: "session.status_running" });
  assertEquals(await status(id), "running");
  simulator.emit(id, { type: "session.status_idle" });
  assertEquals(await status(id), "idle");
});

for (const [nullProcessedAt, expected] of [["last", 2], ["first", 0]] as const) {
  Deno.test(`nullProcessedAt ${nullProcessedAt} lists a queued event at ${expected} of 3`, async () => {
    const { simulator, send, events } = bench({ nullProcessedAt });
    const id = simulator.createSession({ scripted: false });
    simulator.emit(id, { type: "agent.thinking" });
    await send(id, message("hello"));
    simulator.emit(id, { type: "agent.thinking" });
    const places = (await events(id)).map((event) => event.type);
    assertEquals(places.indexOf("user.message"), expected);
    const backwards = (await events(id, "?order=desc")).map((event) => event.type);
    assertEquals(backwards.indexOf("user.message"), 2 - expected);
  });
}

Deno.test("stampAtSettle stamps a message when its turn ends, unseen, in its place in the log", async () => {
  const tools = bench({ stampAtSettle: true });
  const { clock, simulator, send, events, open } = tools;
  const id = simulator.createSession();
  const stream = await open(id);
  await send(id, message("hello"));
  await clock.advance(500);
  assertEquals((await events(id))[0]?.processed_at, null);
  await clock.advance(2_000);
  const listed = await events(id);
  assertEquals(listed[0]?.type, "user.message");
  const times = listed.map((event) => String(event.processed_at));
  assertEquals(times.toSorted()[0] === times[0], false);
  assertEquals(ofType(stream.events, "user.message").length, 1);
  assertEquals(String(listed[0]?.processed_at) < String(listed.at(-1)?.processed_at), true);
  simulator.close();
  await settle();
});

Deno.test("streamReplaysHistory begins a stream with the whole log, then goes on", async () => {
  const { simulator, open } = bench({ streamReplaysHistory: true });
  const id = simulator.createSession();
  const emitted = [1, 2, 3].map(() => simulator.emit(id, { type: "agent.thinking" }));
  const stream = await open(id);
  emitted.push(simulator.emit(id, { type: "agent.thinking" }));
  await settle();
  assertEquals(stream.events.map((event) => event.id), emitted);
  simulator.close();
  await settle();
});

Deno.test("idleWithoutStopReason leaves reason and details out of stream and list", async () => {
  const { streamed, listed } = await turn({ idleWithoutStopReason: true });
  for (const events of [streamed, listed]) {
    const [idle] = ofType(events, "session.status_idle");
    assertEquals(Object.keys(idle ?? {}).toSorted(), ["id", "processed_at", "type"]);
  }
});

Deno.test("noStatusEvents leaves only the session's status to tell the end", async () => {
  const { streamed, listed } = await turn({ noStatusEvents: true });
  assertEquals(listed.map((event) => event.type), [
    "user.message",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
  ]);
  assertEquals(streamed.length, listed.length + 1);
});

Deno.test("noStatusEvents still moves the session's status, with its lag", async () => {
  const { clock, simulator, send, status } = bench({ noStatusEvents: true });
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(500);
  assertEquals(await status(id), "running");
  await clock.advance(1_000);
  assertEquals(await status(id), "idle");
});

Deno.test("eventsWithoutIds leaves ids out of stream, list and echo", async () => {
  const { streamed, listed } = await turn({ eventsWithoutIds: true });
  for (const event of [...streamed, ...listed]) assertEquals("id" in event, false);
  const { simulator, send } = bench({ eventsWithoutIds: true });
  const { body } = await send(simulator.createSession({ scripted: false }), message("hello"));
  assertEquals(dig(body, "data", 0, "type"), "user.message");
  assertEquals(dig(body, "data", 0, "id"), undefined);
});

Deno.test("sendAnswers202Empty answers a send with no body, and the turn runs", async () => {
  const { clock, simulator, send, events } = bench({ sendAnswers202Empty: true });
  const id = simulator.createSession();
  const reply = await send(id, message("hello"));
  assertEquals([reply.status, reply.body], [202, undefined]);
  assertEquals(reply.headers.get("request-id")?.startsWith("req_"), true);
  await clock.advance(3_000);
  assertEquals(ofType(await events(id), "agent.message").length, 1);
});

Deno.test("streamEndsWhenTerminated false keeps the stream open", async () => {
  const { simulator, open } = bench({ streamEndsWhenTerminated: false });
  const id = simulator.createSession();
  const stream = await open(id);
  simulator.emit(id, { type: "session.status_terminated" });
  await settle();
  assertEquals(stream.state, "open");
  simulator.close();
  await settle();
});

for (const archiveEmitsTerminated of [false, true]) {
  Deno.test(`archiveEmitsTerminated ${archiveEmitsTerminated} decides what the log shows`, async () => {
    const { simulator, call, events, status } = bench({ archiveEmitsTerminated });
    const id = simulator.createSession();
    assertEquals((await call("POST", `/v1/sessions/${id}/archive`)).status, 200);
    const expected = archiveEmitsTerminated ? ["session.status_terminated"] : [];
    assertEquals((await events(id)).map((event) => event.type), expected);
    assertEquals(await status(id), "terminated");
  });
}

for (const archivedSendStatus of [400, 409] as const) {
  Deno.test(`archivedSendStatus ${archivedSendStatus} refuses a send to an archived session`, async () => {
    const { simulator, call, send } = bench({ archivedSendStatus });
    const id = simulator.createSession();
    await call("POST", `/v1/sessions/${id}/archive`);
    const { status, body } = await send(id, message("hello"));
    assertEquals([status, dig(body, "error", "type")], [
      archivedSendStatus,
      "invalid_request_error",
    ]);
  });
}

Deno.test("betaHeader ignored takes requests without the header", async () => {
  const strict = bench();
  assertEquals((await strict.call("GET", "/v1/agents", undefined, NO_BETA)).status, 400);
  const lax = bench({ betaHeader: "ignored" });
  assertEquals((await lax.call("GET", "/v1/agents", undefined, NO_BETA)).status, 200);
});

Deno.test("unknownQuery ignored takes parameters that no endpoint knows", async () => {
  const strict = bench();
  assertEquals((await strict.call("GET", "/v1/agents?after=x", undefined, HEADERS)).status, 400);
  const lax = bench({ unknownQuery: "ignored" });
  assertEquals((await lax.call("GET", "/v1/agents?after=x")).status, 200);
});

for (const [messageWhileBlocked, expected] of [["refused", 400], ["queued", 200]] as const) {
  Deno.test(`messageWhileBlocked ${messageWhileBlocked} answers a message with ${expected}`, async () => {
    const { clock, simulator, send, events } = bench({ messageWhileBlocked });
    const id = simulator.createSession({ agent: "approval" });
    await send(id, message("clean up"));
    await clock.advance(2_000);
    assertEquals((await send(id, message("never mind"))).status, expected);
    const queued = (await events(id)).filter((event) => event.processed_at === null);
    assertEquals(queued.length, expected === 200 ? 1 : 0);
    simulator.close();
  });
}
