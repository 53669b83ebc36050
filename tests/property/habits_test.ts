import { assert, assertEquals } from "@std/assert";
import type { WaitResult } from "../../src/session/result.ts";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import { HABIT_NAMES, type HabitName, HabitWorld, wordsOf } from "../helpers/habit_world.ts";

/** What the caller passes as `after_id` after a send. */
type Cursor = "none" | "event" | "last";

interface Plan {
  readonly names: readonly HabitName[];
  readonly cursor: Cursor;
  readonly timeoutMs: number;
  /** Whether the wait goes to another replica than the send. */
  readonly elsewhere: boolean;
}

/** Every habit alone, then pairs of them at random. */
const names = fc.oneof(
  fc.constantFrom(...HABIT_NAMES).map((name) => [name]),
  fc.uniqueArray(fc.constantFrom(...HABIT_NAMES), { minLength: 2, maxLength: 3 }),
);
const plans: fc.Arbitrary<Plan> = fc.record({
  names,
  cursor: fc.constantFrom<Cursor>("none", "event", "last"),
  // Some ends show only in a session that reads idle for 10 s: a shorter wait cannot see them.
  timeoutMs: fc.constantFrom(15_000, 50_000),
  elsewhere: fc.boolean(),
});
const RUNS = { numRuns: 120, interruptAfterTimeLimit: 20_000 };

/** A wait after another until one does not time out; what they said together. */
interface Heard {
  readonly words: string[];
  readonly last: WaitResult;
  readonly tookMs: number;
}

async function waitOut(
  world: HabitWorld,
  { timeoutMs, names }: Plan,
  first: string | undefined,
  replica = 0,
): Promise<Heard> {
  const startedAt = world.clock.now();
  const words: string[] = [];
  const cursors = new Set<string | undefined>();
  for (let cursor = first;;) {
    const before = world.requests;
    const last = await world.wait(timeoutMs, cursor, replica);
    assert(world.requests - before <= 20, `${world.requests - before} requests in one wait`);
    // Without ids there is no cursor: a wait tells the whole turn again.
    if (names.includes("no_ids")) words.length = 0;
    words.push(...wordsOf(last));
    const tookMs = world.clock.now() - startedAt;
    if (last.status !== "timeout") return { words, last, tookMs };
    assert(tookMs < 150_000, `still ${last.next} after ${tookMs} ms`);
    cursors.add(cursor);
    cursor = last.last_event_id;
    assert(!cursors.has(cursor), `the same call again: ${cursor}`);
  }
}

function cursorOf(cursor: Cursor, sent: string | undefined, last: WaitResult | undefined) {
  return cursor === "event" ? sent : cursor === "last" ? last?.last_event_id : undefined;
}

/** A message on which the agent says these words, with pauses and a tool between them. */
function script([one, two, three]: readonly string[]): string {
  return `say ${one}\nsleep 3s\ntool bash ls\nsay ${two}\nsleep 4s\nsay ${three}`;
}

Deno.test("on any server each message gets its own reply, whole, each word once, in time", async () => {
  await assertAsync(
    fc.asyncProperty(plans, async (plan) => {
      const world = new HabitWorld(plan.names, 2);
      let last: WaitResult | undefined;
      for (let turn = 0; turn < 3; turn++) {
        const mine = [`${turn}a`, `${turn}b`, `${turn}c`];
        const sent = await world.say(script(mine));
        const cursor = cursorOf(plan.cursor, sent, last);
        // What another replica sent is known by its cursor alone.
        const replica = plan.elsewhere && plan.cursor === "event" && sent ? 1 : 0;
        const heard = await waitOut(world, plan, cursor, replica);
        assertEquals([heard.last.status, heard.words], ["idle", mine], `turn ${turn}`);
        assert(heard.tookMs < 75_000, `took ${heard.tookMs} ms`);
        last = heard.last;
      }
      assertEquals(await world.close(), []);
    }),
    RUNS,
  );
});

Deno.test("on any server a message queued behind a turn is answered, and omitted text is marked", async () => {
  await assertAsync(
    fc.asyncProperty(plans, fc.nat(4_000), async (plan, afterMs) => {
      const world = new HabitWorld(plan.names);
      await world.say(script(["1a", "1b", "1c"]));
      await world.clock.advance(afterMs);
      const sent = await world.say("say 2a\nsleep 2s\nsay 2b");
      const heard = await waitOut(world, plan, cursorOf(plan.cursor, sent, undefined));
      assertEquals(heard.last.status, "idle");
      const second = heard.words.filter((word) => word.startsWith("2"));
      assertEquals(second, ["2a", "2b"]);
      const known = ["1a", "1b", "1c", "2a", "2b"];
      assertEquals(heard.words.filter((word) => !known.includes(word)), []);
      assertEquals(new Set(heard.words).size, heard.words.length, "a word twice");
      assertEquals(await world.close(), []);
    }),
    RUNS,
  );
});

Deno.test("on any server an interrupted turn ends, and the session can be used again", async () => {
  await assertAsync(
    fc.asyncProperty(plans, fc.nat(6_000), async (plan, afterMs) => {
      const world = new HabitWorld(plan.names);
      await world.say(script(["1a", "1b", "1c"]));
      await world.clock.advance(afterMs);
      await world.interrupt();
      const stopped = await waitOut(world, plan, undefined);
      assertEquals(stopped.last.status, "idle");
      assert(stopped.tookMs < 75_000, `took ${stopped.tookMs} ms`);
      const sent = await world.say(script(["2a", "2b", "2c"]));
      const heard = await waitOut(world, plan, cursorOf(plan.cursor, sent, stopped.last));
      assertEquals(heard.last.status, "idle");
      const words = heard.words.filter((word) => word.startsWith("2"));
      assertEquals(words, ["2a", "2b", "2c"]);
      assertEquals(await world.close(), []);
    }),
    RUNS,
  );
});

Deno.test("on any server a wait says when the turn needs an answer", async () => {
  await assertAsync(
    fc.asyncProperty(plans, async (plan) => {
      const world = new HabitWorld(plan.names);
      const sent = await world.say("say 1a\nsleep 1s\nask bash rm\nsay 1b");
      const heard = await waitOut(world, plan, cursorOf(plan.cursor, sent, undefined));
      // A call without an id cannot be answered, so nobody can be asked to.
      const status = plan.names.includes("no_ids") ? heard.last.status : "requires_action";
      assertEquals(heard.last.status, status);
      assertEquals(heard.words, ["1a"]);
      if (status === "requires_action") assertEquals(heard.last.pending_actions.length, 1);
      assertEquals(await world.close(), []);
    }),
    RUNS,
  );
});
