/**
 * Addresses: the base URL, path segments and query strings.
 *
 * @module
 */

import { ToolError, UsageError } from "../core/errors.ts";

/** Query parameters by name; undefined ones are left out, arrays repeat with `[]`. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/**
 * @param baseUrl http or https, with or without a path prefix and a trailing slash
 * @returns the same without a trailing slash
 * @throws `UsageError` for anything else; the message does not repeat credentials in it
 */
export function parseBaseUrl(baseUrl: string): string {
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch {
    throw new UsageError("The base URL is not a URL: give one such as https://api.example.com");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new UsageError(`The base URL must start with https:// or http://, not ${url.protocol}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError("The base URL must not contain a user name or password");
  }
  if (url.search !== "" || url.hash !== "") {
    throw new UsageError("The base URL must not contain a query or fragment");
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

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
