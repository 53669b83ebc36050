import { assert, assertEquals } from "@std/assert";
import {
  OUTAGE_AT_MS,
  OUTAGE_KINDS,
  OUTAGE_MS,
  peak,
  playOutage,
  READS_PER_MINUTE,
} from "./outage.ts";

const WAITS = 500;
/** The bucket of background reads, and the retries of single waits beside it. */
const PEAK_PER_SECOND = 220;

for (const kind of OUTAGE_KINDS) {
  Deno.test(`500 waits survive an outage and stay below the read limit: ${kind}`, async () => {
    const report = await playOutage(kind, WAITS);
    assertEquals(report.wrong, []);
    assertEquals(report.leaked, []);
    assertEquals(report.limited, 0);
    const { requests } = report;
    const perMinute = peak(requests, 60_000);
    assert(perMinute <= READS_PER_MINUTE, `${perMinute} requests in a minute`);
    // The first calls of all waits come at once, as their callers did; from then on nothing does.
    const later = requests.filter(({ at }) => at >= OUTAGE_AT_MS);
    const perSecond = peak(later, 1_000);
    assert(perSecond <= PEAK_PER_SECOND, `${perSecond} requests in a second`);
    const failed = later.filter((request) => request.failed);
    // A burst, and half a minute at the rate.
    assert(failed.length <= 600, `${failed.length} failed requests`);
    assert(failed.every(({ at }) => at <= OUTAGE_AT_MS + OUTAGE_MS + 30_000));
    assert(report.recoveredMs <= 75_000, `${report.recoveredMs} ms until all streams were back`);
  });
}
