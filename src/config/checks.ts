/**
 * Checks of single values that settings share. Each returns the value in normal form, or throws a
 * `UsageError` that says what to type.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";

/** Ids that are safe in a path; the API's own are longer than needed and match. */
const ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Visible ASCII: what an HTTP header can carry without quoting. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** Names of this machine as seen from itself. */
export const LOOPBACK_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Shortest bearer token that the HTTP server accepts, in characters. */
export const MIN_TOKEN_LENGTH = 32;

/** An id of the API, such as `agent_…`. */
export function checkId(value: string, source: string): string {
  if (ID.test(value)) return value;
  throw new UsageError(
    `Cannot use '${value}' in ${source}: an id has 1 to 128 letters, digits, '_' and '-'`,
  );
}

/** Whether a host name or address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** The API's base URL, without a slash at its end. */
export function checkBaseUrl(value: string, source: string): string {
  const url = URL.parse(value);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `Cannot use '${value}' as ${source}: type a URL such as https://api.anthropic.com`,
    );
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`Cannot use ${source}: leave out user name, password, '?' and '#'`);
  }
  return url.href.replace(/\/+$/, "");
}

/** A host name, an address or either with a port, as in a `Host` header. */
export function checkHostHeader(value: string, source: string): string {
  const url = /^[^/?#@\\]+$/.test(value) ? URL.parse(`http://${value}`) : null;
  if (url && !value.includes("*")) return value.toLowerCase();
  throw new UsageError(`Cannot use '${value}' in ${source}: type a host such as mcp.example.com`);
}

/** An origin, as in an `Origin` header. */
export function checkOrigin(value: string, source: string): string {
  const url = URL.parse(value);
  const isOrigin = url && url.origin !== "null" && url.href === `${url.origin}/`;
  if (isOrigin) return url.origin;
  throw new UsageError(
    `Cannot use '${value}' in ${source}: type an origin such as https://claude.ai`,
  );
}

/** An interface to listen on: a host name or an address. */
export function checkHost(value: string, source: string): string {
  const bare = value.replace(/^\[(.*)\]$/, "$1");
  if (/^[A-Za-z0-9.:_-]+$/.test(bare)) return bare;
  throw new UsageError(`Cannot use '${value}' as ${source}: type an address such as 127.0.0.1`);
}

/** A credential that must fit into a header. Never repeats the value. */
export function checkSecret(value: string, source: string): string {
  const placeholder = /^(\$\{.*\}|<.*>)$/.exec(value);
  if (placeholder) {
    throw new UsageError(
      `${source} holds a placeholder that was not filled in: put the value there`,
    );
  }
  if (HEADER_SAFE.test(value)) return value;
  throw new UsageError(`${source} has spaces, line breaks or other characters that no key has`);
}

/** A bearer token of the HTTP server. Never repeats the value. */
export function checkToken(value: string, source: string): string {
  checkSecret(value, source);
  if (value.length >= MIN_TOKEN_LENGTH) return value;
  throw new UsageError(
    `${source} is too short (${value.length} characters, at least ${MIN_TOKEN_LENGTH}): ` +
      "make one with 'openssl rand -hex 32'",
  );
}

/** Paths that the HTTP server has another use for. */
const TAKEN_PATHS: readonly string[] = ["/", "/mcp", "/health", "/ready"];

/** A path of the HTTP server's own, such as `/metrics`. */
export function checkPath(value: string, source: string): string {
  const plain = /^(\/[A-Za-z0-9._~-]+)+$/.test(value) &&
    new URL(value, "http://host").pathname === value;
  if (plain && !TAKEN_PATHS.includes(value)) return value;
  throw new UsageError(`Cannot use '${value}' as ${source}: type a path such as /metrics`);
}

/** A network in CIDR notation, or a single address; whether it exists shows when it is used. */
export function checkNetwork(value: string, source: string): string {
  if (/^[0-9a-f.:]+(\/\d{1,3})?$/i.test(value)) return value.toLowerCase();
  throw new UsageError(`Cannot use '${value}' in ${source}: type a network such as 10.0.0.0/8`);
}

/** Names of tokens: they go into logs and refusals, so they stay plain. */
export const TOKEN_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** A name for a token of the token file. */
export function checkTokenName(value: string, source: string): string {
  if (TOKEN_NAME.test(value)) return value;
  throw new UsageError(
    `Cannot use '${value}' as ${source}: a name has 1 to 64 letters, digits, '.', '_' and '-'`,
  );
}

/** A time in RFC 3339, or a date, which means its first moment in UTC. */
export function checkTime(value: string, source: string): string {
  const time = /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(time);
  if (isTime && !Number.isNaN(Date.parse(time))) return time;
  throw new UsageError(
    `Cannot use '${value}' as ${source}: type a date, or a time such as 2027-01-31T00:00:00Z`,
  );
}
