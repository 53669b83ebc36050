/**
 * Path segments and query strings.
 *
 * @module
 */

import { ToolError } from "../core/errors.ts";

/** Query parameters by name; undefined ones are left out, arrays repeat with `[]`. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/**
 * An id as one path segment. Ids that a URL parser would take for a step up or down the path are
 * refused, as the official SDK does.
 *
 * @throws `ToolError` `invalid_argument`
 */
export function pathSegment(id: string): string {
  if (/^\.{0,2}$/.test(id) || !id.isWellFormed()) {
    throw new ToolError("invalid_argument", `"${id.toWellFormed()}" is not an id`);
  }
  return encodeURIComponent(id);
}

/** `?a=1&types%5B%5D=x&types%5B%5D=y`, or nothing. */
export function queryString(query: Query = {}): string {
  const pairs: string[] = [];
  const add = (name: string, value: string) =>
    pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === "object") { for (const item of value) add(`${name}[]`, item); }
    else add(name, String(value));
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
