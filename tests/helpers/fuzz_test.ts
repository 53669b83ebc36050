import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { assertAsync, chooseSeed, failureReport, fc, FUZZ_SEED, jsonValue } from "./fuzz.ts";

Deno.test("a failing property names its seed, how to repeat it, and the reason", () => {
  const cause = new Error("odd");
  const failing = fc.property(fc.integer(), () => {
    throw cause;
  });
  const error = assertThrows(() => fc.assert(failing), Error);
  assertStringIncludes(error.message, `seed: ${FUZZ_SEED}`);
  assertStringIncludes(error.message, `CMA_TEST_SEED=${FUZZ_SEED} deno test`);
  assertEquals(error.cause, cause);
});

Deno.test("the same seed gives the same values, in every property", () => {
  const seen = (): number[] => {
    const values: number[] = [];
    fc.assert(fc.property(fc.integer(), (value) => void values.push(value)), { numRuns: 20 });
    return values;
  };
  assertEquals(seen(), seen());
});

Deno.test("a property of its own seed reports that one", () => {
  const details = fc.check(fc.property(fc.integer(), () => false), { seed: 7 });
  assertStringIncludes(failureReport(details).message, "CMA_TEST_SEED=7 ");
});

Deno.test("CMA_TEST_SEED is an integer, or random, or absent", () => {
  assertEquals(chooseSeed("-5"), -5);
  assertEquals(chooseSeed(undefined), chooseSeed(""));
  assertEquals(Number.isInteger(chooseSeed("random")), true);
  // A run of CI has a number beyond 32 bits.
  assertEquals(chooseSeed("19876543210"), 19_876_543_210 | 0);
  assertThrows(() => chooseSeed("seven"), RangeError, "seven");
});

Deno.test("jsonValue() has no value that its own text does not give back", () => {
  fc.assert(
    fc.property(jsonValue(), (value) => assertEquals(JSON.parse(JSON.stringify(value)), value)),
    { numRuns: 5_000 },
  );
});

Deno.test("a run that the time limit cuts off has ended before the test goes on", async () => {
  const ends: Array<() => void> = [];
  let running = 0;
  const property = fc.asyncProperty(fc.nat(), async () => {
    running++;
    await new Promise<void>((resolve) => ends.push(resolve));
    running--;
  });
  const checked = assertAsync(property, { numRuns: 2, interruptAfterTimeLimit: 100 });
  let isOver = false;
  // No run has ended within the limit, which fails the property.
  const over = checked.catch(() => {}).finally(() => isOver = true);
  while (ends.length === 0 && !isOver) await new Promise((resolve) => setTimeout(resolve, 1));
  // Longer than the limit: only the run keeps it.
  await new Promise((resolve) => setTimeout(resolve, 150));
  assertEquals([running, isOver], [1, false]);
  ends.forEach((end) => end());
  await over;
  assertEquals(running, 0);
});
