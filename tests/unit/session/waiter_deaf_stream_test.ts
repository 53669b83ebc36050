// Proxies that buffer: a stream's heartbeats arrive, and none of its events.
import { assert, assertEquals } from "@std/assert";
import { setUp, type WaiterSetUp } from "./waiter_support.ts";

/** Lets time pass with a heartbeat each second. */
async function pass({ clock, session }: WaiterSetUp, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    session.heartbeat();
    await clock.advance(Math.min(1_000, ms - passed));
  }
}

const WAITS: readonly [timeoutMs: number, overAtMs: number, maxMs: number][] = [
  [5_000, 1_000, 5_000],
  [8_000, 2_000, 8_000],
  [9_999, 4_000, 9_999],
  [12_000, 2_000, 12_000],
  [45_000, 2_000, 20_000],
  [45_000, 17_000, 45_000],
  [50_000, 2_000, 20_000],
  [120_000, 2_000, 20_000],
];

for (const [timeoutMs, overAtMs, maxMs] of WAITS) {
  for (const quietMs of [0, 4_000, 6_000, 120_000, 3_600_000]) {
    for (const call of [false, true]) {
      const what = `${quietMs} ms after its ${call ? "call" : "begin"}`;
      Deno.test(`wait() of ${timeoutMs} ms, ${what}, finds an end at ${overAtMs} ms that the stream hides`, async () => {
        const t = setUp();
        t.session.status = "running";
        const question = t.e.user("q");
        const tool = t.e.tool("bash");
        t.session.emit(question, t.e.running(), ...(call ? [tool] : []));
        await t.clock.advance(3_000 + quietMs);
        const waiting = t.wait({ timeoutMs });
        await pass(t, overAtMs);
        if (call) t.session.record(t.e.toolResult(tool.id ?? ""));
        t.session.record(t.e.text("DONE"));
        t.session.record(t.e.endTurn());
        t.session.status = "idle";
        await pass(t, timeoutMs - overAtMs);
        const result = await t.clock.runUntil(waiting);
        assertEquals([result.status, result.reply], ["idle", "DONE"]);
        assert(result.elapsed_sec * 1_000 <= maxMs, `${result.elapsed_sec} s`);
        assert(t.session.requests.length <= 8, t.session.requests.join(" "));
        await t.assertClean();
      });
    }
  }
}
