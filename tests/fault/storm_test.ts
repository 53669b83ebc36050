// Many waits whose connections all drop at the same instant.
import { assert, assertEquals } from "@std/assert";
import { peak, READS_PER_MINUTE } from "./outage.ts";
import { playStorm, type StormOptions } from "./storm.ts";

const WAITS = 300;
/** What a bucket of background reads lets through at once, and the ends of turns beside it. */
const PEAK_PER_SECOND = 240;

interface Bounds {
  readonly mostMs: number;
  /** For turns that ended while the streams were away: 10.5 s where every stream takes its list along. */
  readonly missedMs?: number;
}

const STORMS: Readonly<Record<string, Omit<StormOptions, "waits"> & Bounds>> = {
  "one drop": { mostMs: 15_000, missedMs: 10_500 },
  "two more while they connect again": { dropsAgainAt: [3_000, 8_000], mostMs: 40_000 },
  "an API that says 429 for ten seconds": { refusesForMs: 10_000, mostMs: 40_000 },
};

for (const [name, { mostMs, missedMs = Infinity, ...storm }] of Object.entries(STORMS)) {
  Deno.test(`300 waits are attached again soon, and within the read limit, after ${name}`, async () => {
    const report = await playStorm({ waits: WAITS, ...storm });
    assertEquals([report.wrong, report.leaked], [[], []]);
    assert(report.attachedMs <= mostMs, `attached after ${report.attachedMs} ms`);
    const { mean } = report.missedMs;
    assert(mean <= missedMs, `turns that ended meanwhile were told after ${mean} ms`);
    const perMinute = peak(report.requests, 60_000);
    assert(perMinute <= READS_PER_MINUTE, `${perMinute} requests in a minute`);
    const perSecond = peak(report.requests, 1_000);
    assert(perSecond <= PEAK_PER_SECOND, `${perSecond} requests in a second`);
    if (storm.refusesForMs === undefined) assertEquals(report.limited, 0);
  });
}
