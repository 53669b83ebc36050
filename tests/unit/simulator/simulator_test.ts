import { assertEquals, assertThrows } from "@std/assert";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { createSimulator } from "../../../src/simulator/simulator.ts";
import { bench, dataOf, dig, HEADERS, message } from "./helpers.ts";

Deno.test("emit() adds an event to list and streams, and returns its id", async () => {
  const { simulator, open, events } = bench();
  const id = simulator.createSession();
  const stream = await open(id);
  const eventId = simulator.emit(id, { type: "agent.thinking" });
  await settle();
  assertEquals(stream.events.map((event) => event.id), [eventId]);
  assertEquals((await events(id)).map((event) => event.id), [eventId]);
  simulator.close();
  await settle();
});

Deno.test("emit() can leave out the list or the streams", async () => {
  const { simulator, open, events } = bench();
  const id = simulator.createSession();
  const stream = await open(id);
  const streamOnly = simulator.emit(id, { type: "agent.thinking" }, { streamOnly: true });
  const historyOnly = simulator.emit(id, { type: "agent.thinking" }, { historyOnly: true });
  await settle();
  assertEquals(stream.events.map((event) => event.id), [streamOnly]);
  assertEquals((await events(id)).map((event) => event.id), [historyOnly]);
  simulator.close();
  await settle();
});

Deno.test("emit() takes an id and a time, and puts the event where the time belongs", async () => {
  const { simulator, events } = bench();
  const id = simulator.createSession();
  simulator.emit(id, { type: "agent.thinking" }, { id: "sevt_late" });
  const processedAt = "2026-11-23T08:00:00.000001Z";
  simulator.emit(id, { type: "agent.thinking" }, { id: "sevt_early", processedAt });
  const listed = await events(id);
  assertEquals(listed.map((event) => event.id), ["sevt_early", "sevt_late"]);
  assertEquals(listed[0]?.processed_at, processedAt);
  assertThrows(
    () => simulator.emit(id, { type: "agent.thinking" }, { processedAt: "then" }),
    RangeError,
    "then",
  );
});

Deno.test("stamp() stamps a queued event and sends it again under its id", async () => {
  const { simulator, open, events } = bench();
  const id = simulator.createSession({ scripted: false });
  const stream = await open(id);
  const eventId = simulator.emit(id, message("hello"), { queued: true });
  simulator.stamp(id, eventId);
  simulator.stamp(id, eventId);
  await settle();
  assertEquals(stream.events.map((event) => event.id), [eventId, eventId]);
  assertEquals(stream.events.map((event) => event.processed_at === null), [true, false]);
  assertEquals((await events(id)).length, 1);
  simulator.close();
  await settle();
});

Deno.test("rewrite() changes an event in lists, and tells no stream", async () => {
  const { simulator, open, events } = bench();
  const id = simulator.createSession({ scripted: false });
  const stream = await open(id);
  const call = simulator.emit(id, { type: "agent.tool_use", name: "bash", input: { a: 1 } });
  simulator.rewrite(id, call, { input: { a: 2 } });
  await settle();
  assertEquals((await events(id)).map(({ id, input }) => [id, input]), [[call, { a: 2 }]]);
  assertEquals(stream.events.map(({ input }) => input), [{ a: 1 }]);
  simulator.close();
});

Deno.test("writeFile() writes a file of a session, and returns its id", async () => {
  const { simulator } = bench();
  const id = simulator.createSession();
  const fileId = simulator.writeFile(id, "notes.md", new TextEncoder().encode("# Notes"));
  const get = (path: string) =>
    simulator.fetch(
      new Request(`http://simulator/v1/files/${fileId}${path}`, { headers: HEADERS }),
    );
  const file = await (await get("")).json();
  assertEquals([file.id, file.scope], [fileId, { id, type: "session" }]);
  assertEquals(await (await get("/content")).text(), "# Notes");
  assertThrows(() => simulator.writeFile("sesn_x", "a", new Uint8Array()), Error, "sesn_x");
  simulator.close();
});

Deno.test("emitted status events move the status as in a turn; setStatus() moves it at once", async () => {
  const { clock, simulator, status } = bench();
  const id = simulator.createSession();
  simulator.emit(id, { type: "session.status_running" });
  assertEquals(await status(id), "idle");
  await clock.advance(200);
  assertEquals(await status(id), "running");
  simulator.setStatus(id, "rescheduling");
  assertEquals(await status(id), "rescheduling");
});

Deno.test("a status set by hand is not overtaken by one that was still on its way", async () => {
  const { clock, simulator, status } = bench();
  const id = simulator.createSession();
  simulator.emit(id, { type: "session.status_running" });
  simulator.setStatus(id, "idle");
  await clock.advance(1_000);
  assertEquals(await status(id), "idle");
});

Deno.test("status changes in quick succession are shown one after another", async () => {
  const { clock, simulator, status } = bench();
  const id = simulator.createSession();
  simulator.emit(id, { type: "session.status_running" });
  await clock.advance(100);
  simulator.emit(id, { type: "session.status_idle" });
  await clock.advance(100);
  assertEquals(await status(id), "running");
  await clock.advance(100);
  assertEquals(await status(id), "idle");
});

Deno.test("an emitted idle that requires action blocks messages until it is answered", async () => {
  const { simulator, send } = bench();
  const id = simulator.createSession({ scripted: false });
  const call = simulator.emit(id, {
    type: "agent.tool_use",
    name: "bash",
    input: {},
    evaluated_permission: "ask",
  });
  const stop_reason = { type: "requires_action", event_ids: [call] };
  simulator.emit(id, { type: "session.status_idle", stop_reason, stop_details: null });
  assertEquals((await send(id, message("hello"))).status, 400);
  const confirmation = { type: "user.tool_confirmation", tool_use_id: call, result: "allow" };
  assertEquals((await send(id, confirmation, message("hello"))).status, 200);
  assertEquals((await send(id, confirmation)).status, 400);
});

Deno.test("a session without script keeps what it is sent queued, for ever", async () => {
  const { clock, simulator, send, events, status } = bench();
  const id = simulator.createSession({ scripted: false });
  await send(id, message("hello"), { type: "user.interrupt" });
  await clock.advance(3_600_000);
  assertEquals((await events(id)).map((event) => event.processed_at), [null, null]);
  assertEquals(await status(id), "idle");
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("createSession() takes an agent by short name or id, a title and a status", async () => {
  const { simulator, call } = bench();
  const byName = simulator.createSession({ agent: "slow", title: "T", status: "running" });
  const byId = simulator.createSession({ agent: simulator.agentId("refusal") });
  const first = (await call("GET", `/v1/sessions/${byName}`)).body;
  assertEquals(
    [dig(first, "agent", "id"), dig(first, "title"), dig(first, "status")],
    [simulator.agentId("slow"), "T", "running"],
  );
  const second = (await call("GET", `/v1/sessions/${byId}`)).body;
  assertEquals(dig(second, "agent", "name"), "Simulated Refusal");
  assertThrows(() => simulator.createSession({ agent: "nobody" }), Error, "nobody");
});

Deno.test("emit(), stamp() and setStatus() throw for an unknown session", () => {
  const { simulator } = bench();
  assertThrows(() => simulator.emit("sesn_x", { type: "agent.thinking" }), Error, "sesn_x");
  assertThrows(() => simulator.stamp("sesn_x", "sevt_x"), Error, "sesn_x");
  assertThrows(() => simulator.setStatus("sesn_x", "idle"), Error, "sesn_x");
});

Deno.test("requests records method, path, query and time, also of what fails", async () => {
  const { clock, simulator, call } = bench();
  await call("GET", "/v1/agents?limit=3");
  await clock.advance(5);
  await call("POST", "/v1/nothing", {});
  const start = clock.now() - 5;
  assertEquals(simulator.requests, [
    { method: "GET", path: "/v1/agents", query: "limit=3", at: start },
    { method: "POST", path: "/v1/nothing", query: "", at: start + 5 },
  ]);
});

Deno.test("fetch can be passed around as a function", async () => {
  const { fetch } = createSimulator({ clock: new ManualClock(), seed: 1 });
  const response = await fetch(new Request("http://simulator/v1/agents", { headers: HEADERS }));
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

Deno.test("the same seed on the same clock makes the same workspace", async () => {
  const list = async () => dataOf(await bench().call("GET", "/v1/agents"));
  assertEquals(await list(), await list());
});

Deno.test("createSimulator() has as many environments as it is told", async () => {
  for (const environments of [undefined, 3]) {
    const simulator = createSimulator({ environments });
    const request = new Request("http://simulator/v1/environments", { headers: HEADERS });
    const { data } = await (await simulator.fetch(request)).json();
    assertEquals(data.length, environments ?? 1);
    assertEquals(data.at(-1).id, simulator.environmentId);
    simulator.close();
  }
});
