/**
 * Measures a page: contrast, sizes of what a finger meets, what sticks out, what moves.
 *
 * @module
 */

import type { View } from "./view.ts";

/** What is wrong with a page's look; empty where nothing is. */
export interface Measures {
  /** Texts of less contrast than WCAG 2.2 demands at level AA, each with its ratio. */
  readonly faint: readonly string[];
  /** What can be clicked and is smaller than 44 pixels. */
  readonly small: readonly string[];
  /** Pixels by which the page is wider than its frame. */
  readonly wide: number;
  /** Classes of the elements that move. */
  readonly moving: readonly string[];
}

const SCRIPT = new URL("host/measure.js", import.meta.url);

/** @param background colour of the host behind the page */
export async function measure(view: View, background: string): Promise<Measures> {
  const script = await Deno.readTextFile(SCRIPT);
  // The expression ends without the formatter's semicolon.
  const expression = script.trim().replace(/;$/, "");
  return await view.frame.locator("html").evaluate<Measures, string>(expression, background);
}
