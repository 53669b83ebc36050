/**
 * Stand-in for `jsr:@std/assert` where only the npm registry can be reached: the functions that
 * this project's tests use, as thin adapters over `node:assert/strict`.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";

/** Thrown by a failed assertion. */
export const AssertionError = nodeAssert.AssertionError;

/** Asserts that `actual` is truthy. */
export function assert(actual: unknown, msg = ""): asserts actual {
  nodeAssert.ok(actual, msg || undefined);
}

/** Asserts deep, strict equality. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, msg);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, msg);
}

/** Asserts identity (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  nodeAssert.strictEqual(actual, expected, msg);
}

/** Asserts that a value is neither null nor undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  nodeAssert.ok(actual !== null && actual !== undefined, msg ?? `Expected a value, got ${actual}`);
}

/** Asserts that a text contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  nodeAssert.ok(actual.includes(expected), msg ?? `Expected "${actual}" to contain "${expected}"`);
}

/** Asserts that a text matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  nodeAssert.match(actual, expected, msg);
}

// deno-lint-ignore no-explicit-any -- the signature of jsr:@std/assert
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

function checkError<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  msgIncludes: string | undefined,
): asserts error is E {
  nodeAssert.ok(error instanceof Error, `Expected an Error, got ${String(error)}`);
  if (errorClass && !(error instanceof errorClass)) {
    nodeAssert.fail(`Expected ${errorClass.name}, got ${error.name}: ${error.message}`);
  }
  if (msgIncludes) assertStringIncludes(error.message, msgIncludes);
}

/** Asserts that `fn` throws; returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
): E {
  let caught: { error: unknown } | undefined;
  try {
    fn();
  } catch (error) {
    caught = { error };
  }
  if (!caught) nodeAssert.fail("Expected the function to throw");
  checkError(caught.error, errorClass, msgIncludes);
  return caught.error;
}

/** Asserts that the promise of `fn` rejects; resolves to the error. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  msgIncludes?: string,
): Promise<E> {
  let caught: { error: unknown } | undefined;
  try {
    await fn();
  } catch (error) {
    caught = { error };
  }
  if (!caught) nodeAssert.fail("Expected the promise to reject");
  checkError(caught.error, errorClass, msgIncludes);
  return caught.error;
}
