import { assert, assertEquals, assertRejects } from "@std/assert";
import { allOrAbort, bindSignal, waitInTurn } from "../../../src/core/abort.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("bindSignal() aborts when it is told to, once, and leaves no timer", () => {
  const clock = new ManualClock();
  const other = new AbortController();
  const bound = bindSignal(clock, { signals: [other.signal, undefined], timeoutMs: 1_000 });
  bound.abort("left");
  assertEquals([bound.signal.reason, clock.pendingTimers], ["left", 0]);
  other.abort("later");
  bound.abort("again");
  assertEquals(bound.signal.reason, "left");
});

Deno.test("allOrAbort() aborts the other requests when one fails", async () => {
  const signals: AbortSignal[] = [];
  const failure = new Error("first");
  const error = await assertRejects(() =>
    allOrAbort(new AbortController().signal, (signal) => {
      signals.push(signal);
      return Promise.all([Promise.reject(failure), new Promise(() => {})]);
    })
  );
  assertEquals(error, failure);
  assert(signals[0]?.aborted);
});

Deno.test("allOrAbort() passes the caller's abort on, and leaves nothing behind", async () => {
  const controller = new AbortController();
  const result = allOrAbort(
    controller.signal,
    (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  controller.abort(new Error("cancelled"));
  await assertRejects(() => result, Error, "cancelled");
  let inner: AbortSignal | undefined;
  const done = await allOrAbort(controller.signal, (signal) => {
    inner = signal;
    return Promise.resolve(7);
  });
  assertEquals([done, inner?.aborted], [7, true]);
});

Deno.test("allOrAbort() does not abort what succeeded", async () => {
  let inner: AbortSignal | undefined;
  await allOrAbort(new AbortController().signal, (signal) => {
    inner = signal;
    return Promise.all([1, 2]);
  });
  assertEquals(inner?.aborted, false);
});

Deno.test("waitInTurn() hands out what the queue's owner gives, in turn", async () => {
  const queue = new Set<(value: string) => void>();
  const { signal } = new AbortController();
  const both = Promise.all([waitInTurn(queue, signal), waitInTurn(queue, signal)]);
  for (const value of ["first", "second"]) {
    const [next] = queue;
    next?.(value);
  }
  assertEquals([await both, queue.size], [["first", "second"], 0]);
});

Deno.test("waitInTurn() leaves the queue when its signal aborts, or has done so before", async () => {
  const queue = new Set<(value: void) => void>();
  const controller = new AbortController();
  const waiting = waitInTurn(queue, controller.signal);
  assertEquals(queue.size, 1);
  const reason = new Error("gone");
  controller.abort(reason);
  assertEquals(await assertRejects(() => waiting), reason);
  assertEquals(await assertRejects(() => waitInTurn(queue, controller.signal)), reason);
  assertEquals(queue.size, 0);
});
