/**
 * Amounts of US dollars. The API writes whole cents in a text, `{"amount":"187","currency":"USD"}`,
 * and knows no other currency (`BetaMonetaryAmount` of `@anthropic-ai/sdk` 1.12.0).
 *
 * @module
 */

import { centsIn } from "../core/cents.ts";
import { fieldsOf, integerOf } from "./read.ts";

/** A bound of what a session may cost by list prices. */
export interface Budget {
  readonly type: "limit";
  readonly max_list_cost: { readonly amount: string; readonly currency: "USD" };
}

/** Reads an amount in whole cents; undefined for anything but an amount of US dollars. */
export function centsOf(value: unknown): number | undefined {
  const { amount, currency } = fieldsOf(value) ?? {};
  return currency === "USD" ? integerOf(amount) : undefined;
}

/** Reads the dollars that a session may cost; undefined where it has no budget. */
export function budgetDollarsOf(budget: unknown): number | undefined {
  const cents = centsOf(fieldsOf(budget)?.max_list_cost);
  return cents === undefined ? undefined : cents / 100;
}

/** Reads the cents that a session has cost by its cumulative usage; undefined where not known. */
export function costCentsOf(usage: unknown): number | undefined {
  const cents = centsOf(fieldsOf(usage)?.list_cost);
  return cents !== undefined && cents >= 0 ? cents : undefined;
}

/**
 * Makes a session's budget.
 *
 * @param dollars from 0.01 to 2^53 - 1, rounded down to cents
 */
export function budgetOf(dollars: number): Budget {
  return { type: "limit", max_list_cost: { amount: centsIn(dollars), currency: "USD" } };
}
