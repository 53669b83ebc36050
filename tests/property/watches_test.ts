import { assertEquals } from "@std/assert";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import { HABIT_NAMES, HabitWorld, wordsOf } from "../helpers/habit_world.ts";
import { Watcher } from "../helpers/watcher.ts";

const plans = fc.record({
  names: fc.uniqueArray(fc.constantFrom(...HABIT_NAMES), { maxLength: 3 }),
  pauseMs: fc.constantFrom(1_000, 2_700, 5_000),
  // A watch does not last so long: that is a page that was hidden.
  hiddenMs: fc.constantFrom(0, 25_000, 60_000),
  waits: fc.boolean(),
});
const RUNS = { numRuns: 60, interruptAfterTimeLimit: 20_000 };

Deno.test("on any server watches show each turn whole, and its end when it is over, beside waits", async () => {
  await assertAsync(
    fc.asyncProperty(plans, async ({ names, pauseMs, hiddenMs, waits }) => {
      const world = new HabitWorld(names, 2);
      const watchers = [new Watcher(world), new Watcher(world)];
      for (let turn = 0; turn < 3; turn++) {
        const mine = [`${turn}a`, `${turn}b`, `${turn}c`];
        await world.say(
          `say ${mine[0]}\nsleep 3s\ntool bash ls\nsay ${mine[1]}\nsleep 4s\nsay ${mine[2]}`,
        );
        await watchers[0]?.look();
        if (waits) {
          const { status, reply } = await world.wait(5_000);
          if (status === "idle") assertEquals(wordsOf({ reply } as never), mine);
        }
        await world.clock.advance(hiddenMs);
        for (const watcher of watchers) await watcher.untilRest(pauseMs);
        for (const { latest, words } of watchers) {
          assertEquals([latest?.status, words], ["idle", mine], `turn ${turn}`);
        }
      }
      await world.clock.advance(21_000);
      assertEquals(await world.close(), []);
    }),
    RUNS,
  );
});

Deno.test("on any server a watch shows that an interrupted turn ends", async () => {
  await assertAsync(
    fc.asyncProperty(plans, fc.nat(6_000), async ({ names, pauseMs, hiddenMs }, afterMs) => {
      const world = new HabitWorld(names);
      const watcher = new Watcher(world);
      await world.say("say a\nsleep 3s\ntool bash ls\nsay b\nsleep 4s\nsay c");
      await watcher.look();
      await world.clock.advance(afterMs);
      await world.interrupt();
      await world.clock.advance(hiddenMs);
      await watcher.untilRest(pauseMs);
      const waited = await world.wait(60_000);
      assertEquals([watcher.latest?.status, watcher.words], [waited.status, wordsOf(waited)]);
      await world.clock.advance(21_000);
      assertEquals(await world.close(), []);
    }),
    RUNS,
  );
});
