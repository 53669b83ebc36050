/**
 * Cents of amounts in US dollars.
 *
 * @module
 */

/**
 * Returns the whole cents of an amount, rounded down, as digits.
 *
 * @param dollars from 0.01 to 2^53 - 1. Read by its digits: 0.29 * 100 is less than 29
 */
export function centsIn(dollars: number): string {
  const [whole = "", fraction = ""] = String(dollars).split(".");
  const cents = whole + fraction.slice(0, 2).padEnd(2, "0");
  return cents.replace(/^0+(?=\d)/, "");
}

/** Rounds dollars down to whole cents, as {@linkcode centsIn} does. */
export function wholeCents(dollars: number): number {
  return Number(centsIn(dollars)) / 100;
}
