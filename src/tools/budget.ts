/**
 * The size budget of results: hosts cut, spill or reject results that are too long for a model.
 *
 * @module
 */

import { clipText, MAX_RESULT_CHARS } from "../core/text.ts";

/**
 * Takes the first of `items` that fit, and at least one.
 *
 * @param budgetChars bound of their JSON text, commas included
 */
export function takeWithinBudget<T>(
  items: readonly T[],
  budgetChars: number,
): { readonly taken: readonly T[]; readonly cut: boolean } {
  let used = 0;
  for (const [index, item] of items.entries()) {
    used += JSON.stringify(item).length + 1;
    if (used > budgetChars && index > 0) return { taken: items.slice(0, index), cut: true };
  }
  return { taken: items, cut: false };
}

const STRING_CAPS = [20_000, 8_000, 3_000, 1_000, 400] as const;
const ARRAY_CAPS = [200, 50, 10] as const;

/**
 * Fits a value into a budget: returns it as it is when its JSON text fits, else a copy in which
 * first long texts are clipped, then long lists are shortened, as little as necessary. Ids are
 * shorter than any bound, so they stay whole.
 *
 * @returns the value; `cut` is true when anything was left out
 */
export function fitBudget(
  value: Record<string, unknown>,
  budgetChars: number = MAX_RESULT_CHARS,
): { readonly value: Record<string, unknown>; readonly cut: boolean } {
  if (JSON.stringify(value).length <= budgetChars) return { value, cut: false };
  let smallest = value;
  for (const maxChars of STRING_CAPS) {
    smallest = clipFields(value, maxChars, Infinity);
    if (JSON.stringify(smallest).length <= budgetChars) return { value: smallest, cut: true };
  }
  for (const maxItems of ARRAY_CAPS) {
    smallest = clipFields(value, STRING_CAPS[STRING_CAPS.length - 1] ?? 400, maxItems);
    if (JSON.stringify(smallest).length <= budgetChars) break;
  }
  return { value: smallest, cut: true };
}

function clipFields(
  value: Record<string, unknown>,
  maxChars: number,
  maxItems: number,
): Record<string, unknown> {
  const entries = Object.entries(value).slice(0, maxItems === Infinity ? undefined : 100);
  return Object.fromEntries(
    entries.map(([name, field]) => [name, clipValue(field, maxChars, maxItems)]),
  );
}

function clipValue(value: unknown, maxChars: number, maxItems: number): unknown {
  if (typeof value === "string") return clipText(value, maxChars);
  if (Array.isArray(value)) {
    return value.slice(0, maxItems).map((item) => clipValue(item, maxChars, maxItems));
  }
  if (typeof value === "object" && value !== null) {
    return clipFields({ ...value }, maxChars, maxItems);
  }
  return value;
}
