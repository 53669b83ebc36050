import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { bench, HEADERS, message } from "./helpers.ts";
import { Heartbeats } from "../../../src/simulator/stream.ts";

const IDLE = { type: "session.status_idle", stop_reason: { type: "end_turn" } };
const SAY = { type: "agent.message", content: [{ type: "text", text: "hi" }] };

Deno.test("a stream sends an event line, one data line and a blank line per event", async () => {
  const { simulator, open } = bench();
  const id = simulator.createSession();
  const stream = await open(id);
  simulator.emit(id, { type: "agent.message", content: [{ type: "text", text: "a\nb" }] });
  await settle();
  assertMatch(stream.text, /^event: agent\.message\ndata: \{[^\n]*\}\n\n$/);
  simulator.close();
  await settle();
});

Deno.test("a stream shows only what happens after it opened", async () => {
  const { simulator, open } = bench();
  const id = simulator.createSession();
  simulator.emit(id, SAY);
  const stream = await open(id);
  await settle();
  assertEquals(stream.text, "");
  simulator.emit(id, IDLE);
  await settle();
  assertEquals(stream.types, ["session.status_idle"]);
  simulator.close();
  await settle();
});

Deno.test("a stream on a quiet session has a heartbeat every 15 seconds and nothing else", async () => {
  const { clock, simulator, open } = bench();
  const stream = await open(simulator.createSession());
  await clock.advance(14_999);
  assertEquals(stream.frames, []);
  await clock.advance(30_001);
  assertEquals(stream.frames, Array(3).fill('event: ping\ndata: {"type":"ping"}'));
  simulator.close();
  await settle();
});

Deno.test("two streams of a session get the same events under the same ids", async () => {
  const { simulator, open } = bench();
  const id = simulator.createSession();
  const streams = [await open(id), await open(id)];
  simulator.emit(id, SAY);
  simulator.emit(id, IDLE);
  await settle();
  assertEquals(streams[0]?.text, streams[1]?.text);
  assertEquals(streams[0]?.events.length, 2);
  simulator.close();
  await settle();
});

Deno.test("a stream does not show another session's events", async () => {
  const { simulator, open } = bench();
  const stream = await open(simulator.createSession());
  simulator.emit(simulator.createSession(), SAY);
  await settle();
  assertEquals(stream.text, "");
  simulator.close();
  await settle();
});

for (const type of ["session.status_terminated", "session.deleted"]) {
  Deno.test(`a stream ends after ${type}`, async () => {
    const { clock, simulator, open } = bench();
    const id = simulator.createSession();
    const stream = await open(id);
    simulator.emit(id, { type });
    await settle();
    assertEquals(stream.types, [type]);
    assertEquals(stream.state, "ended");
    assertEquals(simulator.openStreams(), 0);
    assertEquals(clock.pendingTimers, 0);
  });
}

Deno.test("aborting the request breaks the stream and leaves no timer", async () => {
  const { clock, simulator, open } = bench();
  const id = simulator.createSession();
  const stream = await open(id);
  assertEquals(simulator.openStreams(), 1);
  stream.controller.abort(new Error("enough"));
  await settle();
  assertEquals(String(stream.state), "Error: enough");
  assertEquals(simulator.openStreams(), 0);
  assertEquals(clock.pendingTimers, 0);
  simulator.emit(id, SAY);
});

Deno.test("cancelling the body frees the stream", async () => {
  const { clock, simulator } = bench();
  const id = simulator.createSession();
  const url = `http://simulator/v1/sessions/${id}/events/stream`;
  const response = await simulator.fetch(new Request(url, { headers: HEADERS }));
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  await response.body?.cancel();
  assertEquals(simulator.openStreams(), 0);
  assertEquals(clock.pendingTimers, 0);
  simulator.emit(id, SAY);
});

Deno.test("close() ends streams that nobody reads, and lets readers read to the end", async () => {
  const { clock, simulator, open } = bench();
  const id = simulator.createSession();
  const url = `http://simulator/v1/sessions/${id}/events/stream`;
  const unread = await simulator.fetch(new Request(url, { headers: HEADERS }));
  const stream = await open(id);
  simulator.emit(id, SAY);
  simulator.close();
  await settle();
  assertEquals(stream.types, ["agent.message"]);
  assertEquals(stream.state, "ended");
  assertEquals(clock.pendingTimers, 0);
  assertMatch(await unread.text(), /agent\.message/);
});

Deno.test("a request that is already aborted is refused with the signal's reason", async () => {
  const { simulator } = bench();
  const url = `http://simulator/v1/sessions/${simulator.createSession()}/events/stream`;
  const request = new Request(url, {
    headers: HEADERS,
    signal: AbortSignal.abort(new Error("too late")),
  });
  await assertRejects(() => simulator.fetch(request), Error, "too late");
  assertEquals(simulator.openStreams(), 0);
});

Deno.test("previews announce a message under its id, and are never listed", async () => {
  const { clock, simulator, open, send, events } = bench();
  const id = simulator.createSession();
  const plain = await open(id);
  const stream = await open(id, "?event_deltas%5B%5D=agent.message");
  await send(id, message("hello"));
  await clock.advance(2_000);
  const start = stream.types.indexOf("event_start");
  assertEquals(stream.types.slice(start, start + 4), [
    "event_start",
    "event_delta",
    "event_delta",
    "agent.message",
  ]);
  const [, first, second, full] = stream.events.slice(start);
  assertEquals([first?.event_id, second?.event_id], [full?.id, full?.id]);
  const deltas = [first, second].map((event) => JSON.stringify(event?.delta));
  assertEquals(deltas.every((delta) => delta.includes("content_delta")), true);
  assertEquals(plain.types.includes("event_start"), false);
  const listed = (await events(id)).map((event) => event.type);
  assertEquals(listed.includes("event_start"), false);
  simulator.close();
  await settle();
});

Deno.test("Heartbeats call what was added once per period, until it is removed", async () => {
  const clock = new ManualClock();
  const heartbeats = new Heartbeats(clock, 15_000);
  let beats = 0;
  const remove = heartbeats.add(() => beats++);
  await clock.advance(14_999);
  assertEquals(beats, 0);
  await clock.advance(1);
  assertEquals(beats, 1);
  await clock.advance(30_000);
  assertEquals(beats, 3);
  remove();
  remove();
  await clock.advance(60_000);
  assertEquals(beats, 3);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("Heartbeats of streams that opened together share a timer, others keep their own time", async () => {
  const clock = new ManualClock();
  const heartbeats = new Heartbeats(clock, 1_000);
  const beats: string[] = [];
  const removals = ["a", "b"].map((name) => heartbeats.add(() => beats.push(name)));
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(400);
  removals.push(heartbeats.add(() => beats.push("c")));
  assertEquals(clock.pendingTimers, 2);
  await clock.advance(1_000);
  assertEquals(beats, ["a", "b", "c"]);
  removals[0]?.();
  await clock.advance(1_000);
  assertEquals(beats, ["a", "b", "c", "b", "c"]);
  for (const remove of removals) remove();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("Heartbeats may be removed from within a beat", async () => {
  const clock = new ManualClock();
  const heartbeats = new Heartbeats(clock, 1_000);
  let beats = 0;
  const remove: () => void = heartbeats.add(() => {
    beats++;
    remove();
  });
  await clock.advance(5_000);
  assertEquals(beats, 1);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("Heartbeats with a period of 0 set no timer", () => {
  const clock = new ManualClock();
  new Heartbeats(clock, 0).add(() => {});
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("dropStreams() breaks every open stream, and leaves the sessions as they are", async () => {
  const { simulator, status, open } = bench();
  const ids = [simulator.createSession(), simulator.createSession()];
  const streams = await Promise.all(ids.map((id) => open(id)));
  simulator.dropStreams();
  await settle();
  assertEquals(streams.map(({ state }) => state instanceof Error), [true, true]);
  assertEquals([simulator.openStreams(), await status(ids[0] ?? "")], [0, "idle"]);
  simulator.close();
});
