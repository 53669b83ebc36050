import { assertEquals } from "@std/assert";
import { createRunningCalls } from "../../../src/mcp/cancellation.ts";

const NEVER = new AbortController().signal;

Deno.test("cancel() aborts the call of that client and id, and no other", () => {
  const calls = createRunningCalls();
  const entered = [
    calls.enter("a", 1, NEVER),
    calls.enter("a", "1", NEVER),
    calls.enter("a", 2, NEVER),
    calls.enter("b", 1, NEVER),
    calls.enter(undefined, 1, NEVER),
  ];
  calls.cancel("a", 1);
  calls.cancel("c", 1);
  calls.cancel(undefined, 1);
  assertEquals(entered.map(({ signal }) => signal.aborted), [true, false, false, false, false]);
});

Deno.test("a call that has ended cannot be cancelled", () => {
  const calls = createRunningCalls();
  const call = calls.enter("a", 1, NEVER);
  call.leave();
  calls.cancel("a", 1);
  assertEquals(call.signal.aborted, false);
});

Deno.test("ending a call does not affect a later one with the same id", () => {
  const calls = createRunningCalls();
  const first = calls.enter("a", 1, NEVER);
  const second = calls.enter("a", 1, NEVER);
  first.leave();
  calls.cancel("a", 1);
  assertEquals([first.signal.aborted, second.signal.aborted], [false, true]);
});

Deno.test("cancel() of an id that several calls have aborts none of them", () => {
  const calls = createRunningCalls();
  const first = calls.enter("a", 1, NEVER);
  const second = calls.enter("a", 1, NEVER);
  calls.cancel("a", 1);
  assertEquals([first.signal.aborted, second.signal.aborted], [false, false]);
  second.leave();
  calls.cancel("a", 1);
  assertEquals([first.signal.aborted, second.signal.aborted], [true, false]);
});

Deno.test("a call ends with the signal that it was entered with, until it is left", () => {
  for (const client of ["a", undefined]) {
    const calls = createRunningCalls();
    const controller = new AbortController();
    const call = calls.enter(client, 1, controller.signal);
    controller.abort("gone");
    assertEquals([call.signal.aborted, call.signal.reason], [true, "gone"]);
    assertEquals(calls.enter(client, 1, controller.signal).signal.reason, "gone");
  }
  const calls = createRunningCalls();
  const controller = new AbortController();
  const call = calls.enter("a", 1, controller.signal);
  call.leave();
  controller.abort();
  assertEquals(call.signal.aborted, false);
});
