/**
 * Amounts of money as results show them. The API writes US dollars as whole cents in a text
 * (`{"amount":"3","currency":"USD"}`, from `@anthropic-ai/sdk`), which readers take for dollars.
 *
 * @module
 */

import { fieldsOf, integerOf } from "../api/read.ts";

/** Names that say more than the field's own with `_usd` behind it. */
const NAMES: Readonly<Record<string, string>> = {
  list_cost: "cost_usd",
  max_list_cost: "max_cost_usd",
};

/**
 * A field that holds an amount of US dollars, as a field that says so, in dollars.
 *
 * @returns undefined for any other field
 */
export function dollarsOf(
  name: string,
  value: unknown,
): readonly [name: string, dollars: number] | undefined {
  const { amount, currency } = fieldsOf(value) ?? {};
  const cents = integerOf(amount);
  if (cents === undefined || currency !== "USD") return undefined;
  return [Object.hasOwn(NAMES, name) ? NAMES[name] ?? name : `${name}_usd`, cents / 100];
}

/** A value of bounded depth with every amount of US dollars in it as {@linkcode dollarsOf} has it. */
export function inDollars(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inDollars);
  const fields = fieldsOf(value);
  if (!fields) return value;
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) =>
      dollarsOf(name, field) ?? [name, inDollars(field)]
    ),
  );
}
