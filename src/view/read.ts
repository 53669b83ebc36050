/**
 * Reads values of which nothing is known: messages of the host, and results of tools. A value that
 * is not as it should be counts as absent, and every text and list has a bound.
 *
 * @module
 */

import { firstChars } from "../core/text.ts";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Returns true for an object that is not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns a text that is not empty, of a longer one the beginning; undefined for all else. */
export function textWithin(value: unknown, maxChars = 200): string | undefined {
  return typeof value === "string" && value !== "" ? firstChars(value, maxChars) : undefined;
}

/** Returns a number from 0 on; undefined for all else. */
export function readCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Returns the value if it is one of a few words. */
export function readWord<W extends string>(value: unknown, words: readonly W[]): W | undefined {
  return words.find((word) => word === value);
}

/** Returns the last `max` entries of a list that `read` can read; none for all else. */
export function readList<T>(
  value: unknown,
  max: number,
  read: (entry: unknown) => T | undefined,
): T[] {
  const entries: readonly unknown[] = Array.isArray(value) ? value.slice(-max) : [];
  return entries.flatMap((entry) => read(entry) ?? []);
}
