// Whatever clients do and whenever they do it: what the simulator promises holds.
import { assertEquals } from "@std/assert";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import { settle } from "../helpers/manual_clock.ts";
import type { Habits } from "../../src/simulator/mod.ts";
import {
  type Bench,
  bench,
  dig,
  type Listener,
  message,
  type Wire,
} from "../unit/simulator/helpers.ts";

type Action =
  | { readonly do: "message"; readonly text: string }
  | { readonly do: "interrupt" }
  | { readonly do: "redirect"; readonly text: string }
  | { readonly do: "answer" }
  | { readonly do: "wait"; readonly ms: number };

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("message" as const),
      text: fc.constantFrom("say a", "sleep 1s", "ask bash x", "tool bash x", "fail"),
    }),
    fc.record({ do: fc.constant("interrupt" as const) }),
    fc.record({ do: fc.constant("redirect" as const), text: fc.constant("say b") }),
    fc.record({ do: fc.constant("answer" as const) }),
    fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 30, 49, 50, 51, 400, 2_000),
    }),
  ),
  { minLength: 1, maxLength: 12 },
);

const habits: fc.Arbitrary<Partial<Habits>> = fc.record({
  queuedMessages: fc.constantFrom("own_turn" as const, "join" as const),
  messageWhileBlocked: fc.constantFrom("refused" as const, "queued" as const),
  nullProcessedAt: fc.constantFrom("first" as const, "last" as const),
  takeUpMs: fc.constantFrom(0, 50),
});

async function openCalls({ events }: Bench, id: string): Promise<unknown[]> {
  const idle = (await events(id)).findLast((event) => event.type === "session.status_idle");
  const ids = dig(idle, "stop_reason", "event_ids");
  return Array.isArray(ids) ? ids : [];
}

async function perform(tools: Bench, id: string, action: Action): Promise<void> {
  switch (action.do) {
    case "message":
      await tools.send(id, message(action.text));
      break;
    case "interrupt":
      await tools.send(id, { type: "user.interrupt" });
      break;
    case "redirect":
      await tools.send(id, { type: "user.interrupt" }, message(action.text));
      break;
    case "answer":
      for (const tool_use_id of await openCalls(tools, id)) {
        await tools.send(id, { type: "user.tool_confirmation", tool_use_id, result: "allow" });
      }
      break;
    case "wait":
      await tools.clock.advance(action.ms);
  }
}

/** Plays the actions, lets everything come to rest, answers what is open, until nothing is. */
async function playOut(settings: Partial<Habits>, plan: readonly Action[]): Promise<{
  tools: Bench;
  id: string;
  stream: Listener;
}> {
  const tools = bench(settings);
  const id = tools.simulator.createSession({ agent: "script" });
  const stream = await tools.open(id);
  for (const action of plan) await perform(tools, id, action);
  for (let round = 0; round < 20; round++) {
    await tools.clock.advance(20_000);
    if ((await openCalls(tools, id)).length === 0) break;
    await perform(tools, id, { do: "answer" });
  }
  return { tools, id, stream };
}

/** The last state of each event that was streamed, by id, in order of its last appearance. */
function upserted(streamed: readonly Wire[]): Wire[] {
  const byId = new Map<unknown, Wire>();
  for (const event of streamed) {
    byId.delete(event.id);
    byId.set(event.id, event);
  }
  return [...byId.values()];
}

async function finish({ clock, simulator }: Bench): Promise<void> {
  simulator.close();
  await settle();
  assertEquals([clock.pendingTimers, simulator.openStreams()], [0, 0]);
}

Deno.test("a stream whose events are upserted by id equals the list", async () => {
  await assertAsync(
    fc.asyncProperty(habits, actions, async (settings, plan) => {
      const { tools, id, stream } = await playOut(settings, plan);
      assertEquals(upserted(stream.events), await tools.events(id));
      await finish(tools);
    }),
    { numRuns: 40 },
  );
});

Deno.test("every accepted event is stamped in the end, and an event appears at most twice", async () => {
  await assertAsync(
    fc.asyncProperty(habits, actions, async (settings, plan) => {
      const { tools, id, stream } = await playOut(settings, plan);
      const listed = await tools.events(id);
      assertEquals(listed.filter((event) => event.processed_at === null), []);
      const appearances = new Map<unknown, number>();
      for (const { id } of stream.events) appearances.set(id, (appearances.get(id) ?? 0) + 1);
      assertEquals([...appearances.values()].filter((count) => count > 2), []);
      await finish(tools);
    }),
    { numRuns: 40 },
  );
});

Deno.test("running and idle take turns, and the session is idle at rest", async () => {
  await assertAsync(
    fc.asyncProperty(habits, actions, async (settings, plan) => {
      const { tools, id } = await playOut(settings, plan);
      const marks = (await tools.events(id))
        .filter((event) => /^session\.status_(idle|running)$/.test(String(event.type)));
      // Two idles in a row: calls were answered in part, or refused by an interrupt.
      const pairs = marks.slice(1).map((event, index) => [marks[index], event] as const);
      for (const [before, after] of pairs) {
        if (before?.type !== after.type) continue;
        assertEquals(dig(before, "stop_reason", "type"), "requires_action");
      }
      const last = marks.at(-1);
      assertEquals(last === undefined || last.type === "session.status_idle", true);
      assertEquals(await tools.status(id), "idle");
      await finish(tools);
    }),
    { numRuns: 40 },
  );
});

Deno.test("pages of any size and order give the same events as one page", async () => {
  await assertAsync(
    fc.asyncProperty(
      habits,
      actions,
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom("asc", "desc"),
      async (settings, plan, limit, order) => {
        const { tools, id } = await playOut(settings, plan);
        const whole = await tools.events(id, `?order=${order}`);
        const pieces: Wire[] = [];
        for (let page: unknown = ""; page !== null;) {
          const path = `/v1/sessions/${id}/events?order=${order}&limit=${limit}&page=${page}`;
          const { body } = await tools.call("GET", path);
          const data = dig(body, "data");
          if (Array.isArray(data)) pieces.push(...data);
          page = dig(body, "next_page");
        }
        assertEquals(pieces, whole);
        await finish(tools);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("a stream that drops shows a prefix of what another shows whole", async () => {
  await assertAsync(
    fc.asyncProperty(actions, fc.integer({ min: 0, max: 15 }), async (plan, after) => {
      const tools = bench();
      const id = tools.simulator.createSession({ agent: "script" });
      const whole = await tools.open(id);
      tools.simulator.faults.add({ times: 1, fault: { kind: "drop_after", events: after } });
      const cut = await tools.open(id);
      for (const action of plan) await perform(tools, id, action);
      await tools.clock.advance(5_000);
      assertEquals(cut.events, whole.events.slice(0, after));
      assertEquals(cut.state === "open", whole.events.length < after);
      await finish(tools);
    }),
    { numRuns: 40 },
  );
});
