/**
 * Measures a page: contrast, sizes of what a finger meets, what sticks out, what moves.
 *
 * @module
 */

import { measurePage } from "./host/inside.js";
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

/** @param background colour of the host behind the page */
export async function measure(view: View, background: string): Promise<Measures> {
  return await view.frame.locator("html").evaluate<Measures, string>(measurePage, background);
}
