import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { listEvents } from "../../src/tools/list_events.ts";
import { createServices } from "../../src/tools/services.ts";
import { ManualClock } from "../helpers/manual_clock.ts";

const MAX_REQUESTS = 3;
const MAX_RESULT_CHARS = 40_000;
const { signal } = new AbortController();

/** A session with a long past, and the program in front of it. */
function longSession() {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, seed: 1 });
  const sessionId = simulator.createSession({ scripted: false });
  const emit = (type: string, fields: Record<string, unknown> = {}) =>
    simulator.emit(sessionId, { type, ...fields });
  const text = (value: string) => ({ content: [{ type: "text", text: value }] });
  const api = createApi({
    baseUrl: "http://simulator.test",
    credential: () => ({ kind: "api_key", value: "test-key" }),
    fetch: simulator.fetch,
    clock,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger });
  const services = createServices({ api, waiter, clock, log: silentLogger });
  let counted = 0;
  return {
    simulator,
    /** A turn of so many events, the last of them the idle event. @returns ids in order */
    turn(events: number, name: string): string[] {
      const ids = [emit("user.message", text(`${name}?`)), emit("session.status_running")];
      while (ids.length < events - 1) {
        const index = ids.length;
        ids.push(
          index % 5 === 0 || index === events - 2
            ? emit("agent.message", text(`${name} ${index}`))
            : emit("agent.thinking"),
        );
      }
      ids.push(emit("session.status_idle", { stop_reason: { type: "end_turn" } }));
      return ids;
    },
    wait: (afterId?: string) =>
      clock.runUntil(waiter.wait({ sessionId, timeoutMs: 60_000, afterId, signal })),
    list: (args: Record<string, unknown>) =>
      listEvents.run({ session_id: sessionId, ...args }, { signal, services, requestId: "1" }),
    /** Requests since the last call of this. */
    requests(): number {
      const made = simulator.requests.length - counted;
      counted = simulator.requests.length;
      return made;
    },
  };
}
Deno.test("a session of 100,000 events is waited on and read with 3 requests and little memory", async () => {
  const t = longSession();
  const ids: string[] = [];
  for (let turn = 0; turn < 1_000; turn++) ids.push(...t.turn(100, `turn ${turn}`));
  assertEquals(ids.length, 100_000);
  const heapBefore = Deno.memoryUsage().heapUsed;

  const result = await t.wait();
  assert(t.requests() <= MAX_REQUESTS);
  assertEquals(result.status, "idle");
  assert(result.reply.startsWith("turn 999 5\n\nturn 999 10\n\n"), result.reply.slice(0, 50));
  assert(result.reply.endsWith("turn 999 98"), result.reply.slice(-50));
  assertEquals(result.omitted, undefined);
  assertEquals(result.last_event_id, ids.at(-1));

  const since = await t.wait(ids.at(-60));
  assert(t.requests() <= MAX_REQUESTS);
  assert(since.reply.startsWith("turn 999 45\n\n"), since.reply.slice(0, 50));

  const page = await t.list({ after_id: ids.at(-51), limit: 100 });
  assert(t.requests() <= MAX_REQUESTS);
  assertEquals(Array.isArray(page.events) && page.events.length, 50);
  assertEquals(page.last_event_id, ids.at(-1));

  const grownMb = (Deno.memoryUsage().heapUsed - heapBefore) / 1e6;
  assert(grownMb < 30, `${grownMb} MB`);
  t.simulator.close();
});

Deno.test("a turn of 5,000 events stays within the budget, its newest text first to be kept", async () => {
  const t = longSession();
  const before = t.turn(100, "before");
  const ids = t.turn(5_000, "a rather long line of text to fill the budget with");
  const result = await t.wait();
  assert(t.requests() <= 3 + 5);
  assert(JSON.stringify(result).length <= MAX_RESULT_CHARS);
  assert(result.reply.endsWith("budget with 4998"));
  assert(result.reply.length > 25_000, `${result.reply.length} characters`);
  assert(result.omitted !== undefined && !result.reply.includes("before"));
  assertStringIncludes(result.next ?? "", "list_events");

  // With a cursor, what was left out is counted and can be read on from another cursor.
  const { omitted, reply } = await t.wait(before.at(-1));
  assert(t.requests() <= 3 + 6);
  assertEquals(reply, result.reply);
  assert((omitted?.characters ?? 0) > 20_000);
  const page = await t.list({ after_id: omitted?.after_id, limit: 20, types: ["agent.message"] });
  const [first] = Array.isArray(page.events) ? page.events : [];
  assertEquals(first.id, ids[5]);
  t.simulator.close();
});
