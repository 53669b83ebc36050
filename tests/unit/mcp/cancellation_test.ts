import { assertEquals } from "@std/assert";
import { createRunningCalls } from "../../../src/mcp/cancellation.ts";

Deno.test("cancel() aborts the call of that client and id, and no other", () => {
  const calls = createRunningCalls();
  const entered = [
    calls.enter("a", 1),
    calls.enter("a", "1"),
    calls.enter("a", 2),
    calls.enter("b", 1),
    calls.enter(undefined, 1),
  ];
  calls.cancel("a", 1);
  calls.cancel("c", 1);
  calls.cancel(undefined, 1);
  assertEquals(entered.map(({ signal }) => signal.aborted), [true, false, false, false, false]);
});

Deno.test("a call that was left cannot be cancelled", () => {
  const calls = createRunningCalls();
  const call = calls.enter("a", 1);
  call.leave();
  calls.cancel("a", 1);
  assertEquals(call.signal.aborted, false);
});

Deno.test("leaving a call spares a later one with the same id", () => {
  const calls = createRunningCalls();
  const first = calls.enter("a", 1);
  const second = calls.enter("a", 1);
  first.leave();
  calls.cancel("a", 1);
  assertEquals([first.signal.aborted, second.signal.aborted], [false, true]);
});

Deno.test("cancel() of an id that several calls have aborts none of them", () => {
  const calls = createRunningCalls();
  const first = calls.enter("a", 1);
  const second = calls.enter("a", 1);
  calls.cancel("a", 1);
  assertEquals([first.signal.aborted, second.signal.aborted], [false, false]);
  second.leave();
  calls.cancel("a", 1);
  assertEquals([first.signal.aborted, second.signal.aborted], [true, false]);
});
