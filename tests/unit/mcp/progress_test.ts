import { assert, assertEquals } from "@std/assert";
import { createProgressReporter, type ProgressUpdate } from "../../../src/mcp/progress.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

function reporting(send?: (update: ProgressUpdate) => Promise<void>) {
  const clock = new ManualClock();
  const updates: ProgressUpdate[] = [];
  const failures: unknown[] = [];
  const reporter = createProgressReporter(
    clock,
    send ?? ((update) => Promise.resolve(void updates.push(update))),
    (error) => failures.push(error),
  );
  return { clock, updates, failures, reporter };
}

Deno.test("progress carries the elapsed seconds, also in its message", async () => {
  const { clock, updates, reporter } = reporting();
  reporter.report("starting");
  await clock.advance(12_340);
  reporter.report("running bash");
  assertEquals(updates, [
    { progress: 0, message: "starting (0 s)" },
    { progress: 12.3, message: "running bash (12 s)" },
  ]);
});

Deno.test("progress is strictly increasing however fast it is reported", async () => {
  const { clock, updates, reporter } = reporting();
  for (let i = 0; i < 500; i++) {
    reporter.report("busy");
    if (i % 50 === 0) await clock.advance(70);
  }
  for (const [index, { progress }] of updates.entries()) {
    assert(index === 0 || progress > (updates[index - 1]?.progress ?? 0), `${index}: ${progress}`);
  }
});

Deno.test("progress is silent once stopped, and keeps messages short", () => {
  const { updates, reporter } = reporting();
  reporter.report("x".repeat(500));
  reporter.stop();
  reporter.report("late");
  assertEquals(updates.length, 1);
  assert((updates[0]?.message.length ?? 0) < 220);
});

Deno.test("progress that cannot be sent is reported while the call runs, ignored afterwards", async () => {
  const failing = reporting(() => Promise.reject(new Error("Not connected")));
  failing.reporter.report("one");
  await failing.clock.advance(1);
  assertEquals(failing.failures.length, 1);
  failing.reporter.report("two");
  failing.reporter.stop();
  await failing.clock.advance(1);
  assertEquals(failing.failures.length, 1);
});
