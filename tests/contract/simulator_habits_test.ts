// What the official SDK makes of the habits of other implementations.
import { assertEquals } from "@std/assert";
import type { Habits } from "../../src/simulator/mod.ts";
import { collect, sdkBench, userMessage } from "./simulator_client.ts";

/** One turn under these habits, as the SDK streams and lists it. */
async function turn(habits: Partial<Habits>) {
  const { client: { beta: { sessions } }, clock, simulator } = sdkBench(habits);
  const id = simulator.createSession();
  const stream = await sessions.events.stream(id);
  const sent = await sessions.events.send(id, { events: [userMessage("Hello")] });
  await clock.advance(3_000);
  const listed = await collect(sessions.events.list(id));
  const { status } = await sessions.retrieve(id);
  simulator.close();
  return { sent, listed, streamed: await collect(stream), status };
}

Deno.test("with hosted habits stream and list agree, and the session is idle", async () => {
  const { sent, listed, streamed, status } = await turn({});
  assertEquals(streamed.slice(1).map((event) => event.type), listed.map((event) => event.type));
  assertEquals(sent.data?.[0]?.id, listed[0]?.id);
  assertEquals(status, "idle");
});

Deno.test("with sendAnswers202Empty the SDK gets no echo, and the turn runs all the same", async () => {
  const { sent, listed } = await turn({ sendAnswers202Empty: true });
  assertEquals(sent?.data, undefined);
  assertEquals(listed.at(-1)?.type, "session.status_idle");
});

Deno.test("with idleWithoutStopReason the SDK sees an idle without reason", async () => {
  const { streamed } = await turn({ idleWithoutStopReason: true });
  const idle = streamed.at(-1);
  assertEquals(idle?.type, "session.status_idle");
  assertEquals(idle !== undefined && "stop_reason" in idle, false);
});

Deno.test("with noStatusEvents only retrieving the session tells that the turn is over", async () => {
  const { streamed, status } = await turn({ noStatusEvents: true });
  const statusEvents = streamed.filter((event) => event.type.includes("status"));
  assertEquals([statusEvents, status], [[], "idle"]);
});

Deno.test("with eventsWithoutIds the SDK still streams and lists every event", async () => {
  const { streamed, listed } = await turn({ eventsWithoutIds: true });
  assertEquals(listed.length, 9);
  assertEquals(streamed.length, 10);
  assertEquals(listed.some((event) => "id" in event), false);
});

Deno.test("with stampAtSettle processed_at is not monotonic in the list", async () => {
  const { listed } = await turn({ stampAtSettle: true });
  const times = listed.map((event) => event.processed_at ?? "");
  assertEquals(listed[0]?.type, "user.message");
  assertEquals(times.toSorted().indexOf(times[0] ?? "") > 0, true);
});

Deno.test("with streamReplaysHistory a second stream begins with the same ids", async () => {
  const { client: { beta: { sessions } }, clock, simulator } = sdkBench({
    streamReplaysHistory: true,
  });
  const id = simulator.createSession();
  await sessions.events.send(id, { events: [userMessage("Hello")] });
  await clock.advance(3_000);
  const listed = await collect(sessions.events.list(id));
  const stream = await sessions.events.stream(id);
  simulator.close();
  const replayed = await collect(stream);
  assertEquals(replayed, listed);
});

Deno.test("with sendAnswersWithoutData the SDK gets no echo", async () => {
  const { sent, listed } = await turn({ sendAnswersWithoutData: true });
  assertEquals(sent.data, undefined);
  assertEquals(listed.at(-1)?.type, "session.status_idle");
});

Deno.test("with pagesWithoutNext the SDK sees the first page and takes it for all", async () => {
  const { client: { beta: { sessions } }, simulator } = sdkBench({ pagesWithoutNext: true });
  const id = simulator.createSession({ scripted: false });
  for (let i = 0; i < 5; i++) simulator.emit(id, { type: "agent.thinking" });
  assertEquals((await collect(sessions.events.list(id, { limit: 2 }))).length, 2);
});

Deno.test("with listIgnores order and types the SDK gets everything, oldest first", async () => {
  const { client: { beta: { sessions } }, simulator } = sdkBench({
    listIgnores: ["order", "types"],
  });
  const id = simulator.createSession({ scripted: false });
  const ids = [1, 2, 3].map(() => simulator.emit(id, { type: "agent.thinking" }));
  const query = { order: "desc", types: ["agent.message"], limit: 2 } as const;
  const listed = await collect(sessions.events.list(id, { ...query, types: [...query.types] }));
  assertEquals(listed.map((event) => event.id), ids);
});
