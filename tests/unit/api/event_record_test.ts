import { assertEquals } from "@std/assert";
import { type EventAge, EventRecord } from "../../../src/api/event_record.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const SESSION = "sesn_1";

/** A record, and a server whose clock runs `skewMs` ahead and writes fractions of a second. */
function recording(skewMs = 0) {
  const clock = new ManualClock(Date.parse("2026-11-23T09:00:00.123Z"));
  const record = new EventRecord(clock);
  const stamp = (agoMs = 0) => clock.wallTime() + skewMs - agoMs;
  const event = (id: string, at = stamp()) => ({
    type: "user.message",
    id,
    processed_at: new Date(at).toISOString(),
  });
  return { clock, record, stamp, event };
}

Deno.test("ageOf() knows an event as older that was seen before", async () => {
  const { clock, record, event } = recording();
  record.addEvents(SESSION, [event("sevt_1")]);
  await clock.advance(1);
  const since = record.localTime();
  assertEquals(record.ageOf(SESSION, { id: "sevt_1", at: undefined }, since), "older");
  assertEquals(record.ageOf("sesn_2", { id: "sevt_1", at: undefined }, since), "likely_newer");
});

for (const skewMs of [-300_000, 0, 300_000]) {
  Deno.test(`ageOf() proves ages by stamps of a clock that is ${skewMs} ms ahead`, async () => {
    const { clock, record, stamp, event } = recording(skewMs);
    const before = stamp();
    // Sent and stamped at once, twice: the server's clock is known from both sides.
    record.addSent(SESSION, [event("sevt_1")], record.localTime());
    await clock.advance(10_000);
    const since = record.localTime();
    await clock.advance(100);
    const now = stamp();
    record.addSent(SESSION, [event("sevt_2")], record.localTime());
    const ageAt = (at: number) => record.ageOf(SESSION, { id: undefined, at }, since);
    assertEquals([ageAt(before - 1_000), ageAt(now)], ["older", "newer"]);
  });
}

const BY_DATE: readonly [string, number, EventAge][] = [
  ["long before", -10_000, "likely_older"],
  ["just after", 500, "likely_newer"],
  ["long after now", 600_000, "unclear"],
];
for (const [name, afterMs, expected] of BY_DATE) {
  Deno.test(`ageOf() takes an event dated ${name} the moment for ${expected}`, () => {
    const { record, stamp } = recording();
    const since = record.localTime();
    const at = stamp() + afterMs;
    assertEquals(record.ageOf(SESSION, { id: undefined, at }, since), expected);
  });
}

Deno.test("ageOf() follows the date headers where no stamp is known", () => {
  const skewMs = 120_000;
  const { clock, record, stamp } = recording(skewMs);
  const since = record.localTime();
  const at = stamp();
  assertEquals(record.ageOf(SESSION, { id: undefined, at }, since), "unclear");
  const date = new Date(clock.wallTime() + skewMs).toUTCString();
  record.addDate(new Headers({ date }), since);
  assertEquals(record.ageOf(SESSION, { id: undefined, at }, since), "likely_newer");
  assertEquals(record.ageOf(SESSION, { id: undefined, at: at - 60_000 }, since), "likely_older");
});

Deno.test("addDate() ignores a date that a cache repeats, and one that is none", () => {
  const { clock, record, stamp } = recording(120_000);
  const since = record.localTime();
  const date = new Date(clock.wallTime() + 120_000).toUTCString();
  record.addDate(new Headers({ date, age: "5" }), since);
  record.addDate(new Headers({ date: "yesterday" }), since);
  record.addDate(new Headers(), since);
  assertEquals(record.ageOf(SESSION, { id: undefined, at: stamp() }, since), "unclear");
});

Deno.test("addCreated() makes every first stamp of a session a proof of its clock", async () => {
  const { clock, record, event, stamp } = recording(300_000);
  record.addCreated(SESSION, record.localTime());
  record.addEvents(SESSION, [event("sevt_1")]);
  await clock.advance(5_000);
  const since = record.localTime();
  await clock.advance(100);
  record.addEvents(SESSION, [event("sevt_2")]);
  assertEquals(record.ageOf(SESSION, { id: "sevt_2", at: stamp() }, since), "newer");
});

for (
  const [name, cutMs] of [["whole seconds, which may be cut", 123], ["milliseconds", 0]] as const
) {
  Deno.test(`ageOf() knows no more of a clock than a stamp of ${name} tells`, async () => {
    const { clock, record, stamp, event } = recording();
    record.addSent(SESSION, [event("sevt_1", stamp(cutMs))], record.localTime());
    await clock.advance(10_000);
    const since = record.localTime();
    await clock.advance(5_000);
    const ageAt = (afterMs: number) =>
      record.ageOf(SESSION, { id: undefined, at: since.wall + afterMs }, since);
    const bound = cutMs === 0 ? 1 : 1_000 - cutMs;
    assertEquals([ageAt(bound), ageAt(bound + 1)], ["likely_newer", "newer"]);
  });
}
