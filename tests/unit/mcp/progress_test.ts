import { assert, assertEquals } from "@std/assert";
import { createRedact } from "../../../src/core/redact.ts";
import { createProgressReporter, type ProgressUpdate } from "../../../src/mcp/progress.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

function reporting(given: { send?: (update: ProgressUpdate) => Promise<void> } = {}) {
  const clock = new ManualClock();
  const updates: ProgressUpdate[] = [];
  const failures: unknown[] = [];
  const reporter = createProgressReporter({
    clock,
    redact: createRedact(["hunter2-secret"]),
    send: given.send ?? ((update) => Promise.resolve(void updates.push(update))),
    onFailure: (error) => failures.push(error),
  });
  return { clock, updates, failures, reporter };
}

Deno.test("progress begins a moment late, in whole seconds, with the newest message", async () => {
  const { clock, updates, reporter } = reporting();
  reporter.report("starting");
  await clock.advance(1_900);
  reporter.report("thinking");
  assertEquals(updates, []);
  await clock.advance(100);
  await clock.advance(10_340);
  reporter.report("running bash");
  await clock.advance(250);
  assertEquals(updates, [
    { progress: 2, message: "thinking (2 s)" },
    { progress: 12, message: "running bash (12 s)" },
  ]);
});

Deno.test("progress goes out once a second at most, and the newest message last", async () => {
  const { clock, updates, reporter } = reporting();
  for (let tenth = 0; tenth < 600; tenth++) {
    for (let i = 0; i < 20; i++) reporter.report(`news ${tenth}.${i}`);
    await clock.advance(100);
  }
  await clock.advance(2_000);
  assert(updates.length <= 62 && updates.length > 50, `${updates.length}`);
  assert(updates.at(-1)?.message.startsWith("news 599.19 "));
  for (const [index, { progress }] of updates.entries()) {
    assert(Number.isInteger(progress));
    assert(index === 0 || progress > (updates[index - 1]?.progress ?? 0), `${index}: ${progress}`);
  }
});

Deno.test("progress that the result overtakes is not sent", async () => {
  const { clock, updates, reporter } = reporting();
  await clock.advance(30_000);
  reporter.report("wrote the end");
  await clock.advance(200);
  reporter.stop();
  reporter.report("late");
  await clock.advance(60_000);
  assertEquals([updates, clock.pendingTimers], [[], 0]);
});

Deno.test("a message of progress is one short line without secrets", async () => {
  const { clock, updates, reporter } = reporting();
  reporter.report(`a\n\x1b[31mb\u202e hunter2-\u200bsecret ${"x".repeat(500)}`);
  await clock.advance(5_000);
  assertEquals(updates.length, 1);
  assert(updates[0]?.message.startsWith("a b [redacted] xxx"), updates[0]?.message);
  assert((updates[0]?.message.length ?? 0) < 210);
  for (let place = 0; place < 40; place++) {
    reporter.report(`${"x".repeat(160 + place)} hunter2-secret`);
    await clock.advance(1_000);
    assert(!/hunter2-s/.test(updates.at(-1)?.message ?? ""), updates.at(-1)?.message);
  }
});

Deno.test("progress that cannot be sent is reported while the call runs, ignored afterwards", async () => {
  const failing = reporting({ send: () => Promise.reject(new Error("Not connected")) });
  failing.reporter.report("one");
  await failing.clock.advance(2_000);
  assertEquals(failing.failures.length, 1);
  failing.reporter.report("two");
  failing.reporter.stop();
  await failing.clock.advance(2_000);
  assertEquals(failing.failures.length, 1);
});
