// Three sessions that are waited for at once, in any order of what happens in them.
import { assert, assertEquals } from "@std/assert";
import { createServices } from "../../src/tools/services.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import { followAll } from "../helpers/joint_calls.ts";
import { openJointWorld, type PlayedSession } from "../helpers/joint_world.ts";
import { fakeApi } from "../unit/tools/support.ts";

/** What one session does: texts at some times, its end, and drops of its stream. */
interface Plan {
  readonly texts: readonly number[];
  readonly endsAt: number;
  readonly drops: readonly number[];
}

/** Milliseconds from the beginning of the first call; 0 is before it. */
const time = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20_000 }));
const planArbitrary: fc.Arbitrary<Plan> = fc.record({
  texts: fc.array(time, { maxLength: 4 }),
  endsAt: time,
  drops: fc.array(time, { maxLength: 3 }),
}).map(({ texts, endsAt, drops }) => ({
  texts: texts.filter((at) => at < endsAt).sort((a, b) => a - b),
  endsAt,
  drops,
}));

const casesArbitrary = fc.record({
  plans: fc.tuple(planArbitrary, planArbitrary, planArbitrary),
  mode: fc.constantFrom("any" as const, "all" as const),
  timeout_sec: fc.integer({ min: 1, max: 30 }),
});

/** Milliseconds in which a session is reconnected, read again and known to be over. */
const SLACK_MS = 15_000;

function wordsOf({ texts }: Plan, id: string): string {
  return [...texts.map((_, index) => `${id} ${index}`), `${id} ends`].join("\n\n");
}

Deno.test("every word of every session arrives once, to a caller who does as each result says", async () => {
  await assertAsync(
    fc.asyncProperty(casesArbitrary, async ({ plans, mode, timeout_sec }) => {
      const world = openJointWorld(3);
      const { clock, waiter, api, sessions, ids } = world;
      const at = (ms: number, run: () => void) => void (ms === 0 ? run() : clock.after(ms, run));
      const play = (one: PlayedSession, { texts, endsAt, drops }: Plan) => {
        one.begin();
        texts.forEach((ms, index) =>
          at(ms, () => one.session.emit(one.text(`${one.id} ${index}`)))
        );
        at(endsAt, () => one.finish(`${one.id} ends`));
        for (const ms of drops) at(ms, () => one.session.drop());
      };
      plans.forEach((plan, index) => {
        const one = sessions[index];
        if (one) play(one, plan);
      });
      const services = createServices({ api: fakeApi(api), waiter, clock, log: silentLogger });
      const followed = await clock.runUntil(followAll(services, ids, { mode, timeout_sec }));
      const { replies, statuses, endedAt } = followed;
      assertEquals(
        ids.map((id) => replies[id]?.join("\n\n")),
        plans.map((plan, index) => wordsOf(plan, ids[index] ?? "")),
      );
      assertEquals(ids.map((id) => statuses[id]), ["idle", "idle", "idle"]);
      const ends = plans.map(({ endsAt }) => endsAt);
      const [first = Infinity, last = Infinity] = [endedAt[0], endedAt.at(-1)];
      const due = mode === "any" ? Math.min(...ends) : Math.max(...ends);
      assert(first <= Math.min(timeout_sec * 1_000, due + SLACK_MS), `first ${first} ms`);
      assert(first >= Math.min(timeout_sec * 1_000, due), `first ${first} ms, before an end`);
      assert(last >= Math.max(...ends) && last <= Math.max(...ends) + SLACK_MS, `last ${last} ms`);
      // What a plan has left to do after its end.
      await clock.advance(40_000);
      assertEquals(await world.leftovers(), []);
    }),
    { numRuns: 300 },
  );
});
