import type { Parts } from "../../scripts/compile/parts.ts";

/**
 * Returns the name of the part of a bundle that holds the page of the session view.
 *
 * @throws Error unless there is exactly one: then all that counts parts must be looked at again
 */
export function pagePart(parts: Parts): string {
  const found = [...parts].filter(([, text]) => /<!doctype html>/i.test(text));
  const [name] = found.map(([name]) => name);
  if (name === undefined || found.length > 1) {
    throw new Error(`${found.length} parts of the bundle hold a page`);
  }
  return name;
}
