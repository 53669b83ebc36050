import { assertEquals, assertRejects } from "@std/assert";
import { BadRequestError } from "@anthropic-ai/sdk";
import { settle } from "../helpers/manual_clock.ts";
import type { FixtureKey } from "../../src/simulator/mod.ts";
import { collect, sdkBench, userMessage } from "./simulator_client.ts";

function start(agent: FixtureKey = "quick") {
  const bench = sdkBench();
  const { client: { beta: { sessions } }, simulator } = bench;
  return { ...bench, events: sessions.events, sessions, id: simulator.createSession({ agent }) };
}

Deno.test("the SDK streams a whole turn: queued, stamped, running, reply, idle", async () => {
  const { events, id, clock, simulator } = start();
  const stream = await events.stream(id);
  const sent = await events.send(id, { events: [userMessage("Hello")] });
  assertEquals(sent.data?.map((event) => event.type), ["user.message"]);
  const turn = (async () => {
    const seen = [];
    for await (const event of stream) {
      seen.push(event);
      if (event.type === "session.status_idle") break;
    }
    return seen;
  })();
  const seen = await clock.runUntil(turn);
  assertEquals(seen.map((event) => event.type), [
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
  const idle = seen.at(-1);
  assertEquals(idle?.type === "session.status_idle" && idle.stop_reason.type, "end_turn");
  await settle();
  assertEquals(simulator.openStreams(), 0);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("the SDK's stream outlives heartbeats and ends when the session is deleted", async () => {
  const { events, sessions, id, clock } = start();
  const stream = await events.stream(id);
  const types = collect(stream);
  await clock.advance(60_000);
  await sessions.delete(id);
  assertEquals((await types).map((event) => event.type), ["session.deleted"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("aborting the SDK's stream frees it on the simulator's side", async () => {
  const { events, id, clock, simulator } = start();
  const stream = await events.stream(id);
  const items = collect(stream);
  await settle();
  assertEquals(simulator.openStreams(), 1);
  stream.controller.abort();
  assertEquals(await items, []);
  await settle();
  assertEquals(simulator.openStreams(), 0);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a stream that breaks throws in the SDK, one that ends early does not", async () => {
  const { events, id, simulator } = start();
  simulator.faults.add({ times: 1, fault: { kind: "drop_after", events: 1 } });
  const broken = await events.stream(id);
  simulator.emit(id, { type: "session.status_running" });
  await assertRejects(() => collect(broken), TypeError);
  simulator.faults.add({ times: 1, fault: { kind: "end_after", events: 1 } });
  const ended = await events.stream(id);
  simulator.emit(id, { type: "session.status_running" });
  assertEquals((await collect(ended)).length, 1);
});

Deno.test("the SDK lists events in either order, by type and by time", async () => {
  const { events, id, clock, simulator } = start("slow");
  await events.send(id, { events: [userMessage("Hello")] });
  await clock.advance(10_000);
  const all = await collect(events.list(id));
  const ids = all.map((event) => event.id);
  const backwards = await collect(events.list(id, { order: "desc", limit: 4 }));
  assertEquals(backwards.map((event) => event.id), ids.toReversed());
  const tools = await collect(events.list(id, { types: ["agent.tool_use", "agent.tool_result"] }));
  assertEquals(tools.length, 6);
  const fifth = all[4];
  const from = await collect(events.list(id, { "created_at[gte]": fifth?.processed_at ?? "" }));
  assertEquals(from.map((event) => event.id), ids.slice(4));
  simulator.close();
});

Deno.test("the SDK lists 2,500 events in three requests", async () => {
  const { events, id, simulator } = start();
  for (let i = 0; i < 2_500; i++) simulator.emit(id, { type: "agent.thinking" });
  const before = simulator.requests.length;
  const all = await collect(events.list(id));
  assertEquals(new Set(all.map((event) => event.id)).size, 2_500);
  assertEquals(simulator.requests.length - before, 3);
});

Deno.test("the SDK gets a BadRequestError for a cursor of the other order", async () => {
  const { events, id, simulator } = start();
  for (let i = 0; i < 10; i++) simulator.emit(id, { type: "agent.thinking" });
  const page = await events.list(id, { order: "desc", limit: 3 });
  await assertRejects(
    async () => await events.list(id, { order: "asc", limit: 3, page: page.next_page }),
    BadRequestError,
  );
});

Deno.test("the SDK answers an approval, and the turn goes on to its end", async () => {
  const { events, id, clock, simulator } = start("approval");
  await events.send(id, { events: [userMessage("Clean up")] });
  await clock.advance(2_000);
  const idles = await collect(events.list(id, { types: ["session.status_idle"] }));
  const [idle] = idles;
  if (idle?.type !== "session.status_idle" || idle.stop_reason.type !== "requires_action") {
    throw new Error("not blocked");
  }
  const [tool_use_id = ""] = idle.stop_reason.event_ids;
  await events.send(id, {
    events: [{ type: "user.tool_confirmation", tool_use_id, result: "allow" }],
  });
  await clock.advance(3_000);
  const [last] = await collect(events.list(id, { order: "desc", types: ["session.status_idle"] }));
  assertEquals(last?.type === "session.status_idle" && last.stop_reason.type, "end_turn");
  simulator.close();
});

Deno.test("the SDK answers a custom tool", async () => {
  const { events, id, clock, simulator } = start("custom_tool");
  await events.send(id, { events: [userMessage("Weather?")] });
  await clock.advance(2_000);
  const [call] = await collect(events.list(id, { types: ["agent.custom_tool_use"] }));
  await events.send(id, {
    events: [{
      type: "user.custom_tool_result",
      custom_tool_use_id: call?.id ?? "",
      content: [{ type: "text", text: "sunny" }],
    }],
  });
  await clock.advance(3_000);
  const [reply] = await collect(events.list(id, { types: ["agent.message"] }));
  assertEquals(JSON.stringify(reply).includes("sunny"), true);
  simulator.close();
});

Deno.test("the SDK interrupts a turn", async () => {
  const { events, id, clock, simulator } = start("long");
  await events.send(id, { events: [userMessage("Take your time")] });
  await clock.advance(5_000);
  await events.send(id, { events: [{ type: "user.interrupt" }] });
  await clock.advance(1_000);
  const all = await collect(events.list(id, { order: "desc" }));
  assertEquals(all[0]?.type, "session.status_idle");
  assertEquals(clock.pendingTimers, 0);
  simulator.close();
});

Deno.test("the SDK reads previews of a message ahead of it", async () => {
  const { events, id, clock, simulator } = start();
  const stream = await events.stream(id, { event_deltas: ["agent.message"] });
  await events.send(id, { events: [userMessage("Hello")] });
  await clock.advance(2_000);
  simulator.close();
  const types = (await collect(stream)).map((event) => event.type);
  const at = types.indexOf("event_start");
  assertEquals(types.slice(at, at + 4), [
    "event_start",
    "event_delta",
    "event_delta",
    "agent.message",
  ]);
});
