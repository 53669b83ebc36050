import { assert, assertEquals, assertRejects } from "@std/assert";
import { together } from "../../../src/tools/together.ts";
import { harness } from "./support.ts";

Deno.test("together() gives up the other requests when one fails", async () => {
  const { call } = harness({});
  const signals: AbortSignal[] = [];
  const failure = new Error("first");
  const error = await assertRejects(() =>
    together(call(), (signal) => {
      signals.push(signal);
      return Promise.all([Promise.reject(failure), new Promise(() => {})]);
    })
  );
  assertEquals(error, failure);
  assert(signals[0]?.aborted);
});

Deno.test("together() passes the caller's abort on, and leaves nothing behind", async () => {
  const { call } = harness({});
  const controller = new AbortController();
  const result = together(
    call({ signal: controller.signal }),
    (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  controller.abort(new Error("cancelled"));
  await assertRejects(() => result, Error, "cancelled");
  let inner: AbortSignal | undefined;
  const done = await together(call({ signal: controller.signal }), (signal) => {
    inner = signal;
    return Promise.resolve(7);
  });
  assertEquals([done, inner?.aborted], [7, true]);
});

Deno.test("together() does not abort what succeeded", async () => {
  const { call } = harness({});
  let inner: AbortSignal | undefined;
  await together(call(), (signal) => {
    inner = signal;
    return Promise.all([1, 2]);
  });
  assertEquals(inner?.aborted, false);
});
