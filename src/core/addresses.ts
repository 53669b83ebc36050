/**
 * Rules for addresses: the API's base URL, names of this machine, and origins of web pages.
 *
 * @module
 */

import { UsageError } from "./errors.ts";
import { firstChars } from "./text.ts";

/** Base URL of the hosted API. */
export const HOSTED = "https://api.anthropic.com";

/**
 * Page of the Claude Console that lists the hosted API's sessions; the page of a session has its id
 * behind that.
 */
export const HOSTED_CONSOLE = "https://platform.claude.com/workspaces/default/sessions";

/** Anthropic sites that people copy an address from although they are not the API. */
const NO_API =
  /^(console|platform|www|docs|support|status)\.(anthropic|claude)\.com$|^(claude\.ai|anthropic\.com|claude\.com)$/;

/** The API's own paths, which requests append to the base URL. */
const API_PATH = /\/v1(?:\/(?:[a-z_]+)(?:\/.*)?)?$/;

/**
 * Checks a base URL and brings it into normal form: without a slash at its end, and without `/v1`,
 * which belongs to the paths.
 *
 * @param value http or https, with or without a path prefix
 * @param source how the user named it, such as `CMA_BASE_URL`
 * @throws `UsageError` one line that says what to type; never with a user name or password
 */
export function checkBaseUrl(value: string, source: string): string {
  const url = URL.parse(value);
  if (!url || !/^https?:$/.test(url.protocol) || /\s/.test(value)) {
    const shown = value.includes("@") ? "it" : `'${firstChars(value, 200)}'`;
    const withScheme = url ? URL.parse(`http://${value}`) : URL.parse(`https://${value}`);
    const meant = withScheme && /^[\w.-]+(:\d+)?$/.test(value) &&
        (value.includes(".") || withScheme.port !== "" || withScheme.hostname === "localhost")
      ? withScheme.origin
      : HOSTED;
    throw new UsageError(`Cannot use ${shown} as ${source}: type a URL such as ${meant}`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`Cannot use ${source}: leave out user name, password, '?' and '#'`);
  }
  if (/^https?$/.test(url.hostname)) {
    throw new UsageError(`Cannot use ${source}: it has its 'https://' twice: type it once`);
  }
  if (NO_API.test(url.hostname)) {
    throw new UsageError(
      `Cannot use ${source}: ${url.hostname} is no API: type ${HOSTED}, or leave it out`,
    );
  }
  if (url.origin === HOSTED.replace("https:", "http:")) {
    throw new UsageError(`Cannot use ${source}: the key would travel unencrypted: type ${HOSTED}`);
  }
  const path = url.pathname.replace(/\/{2,}/g, "/").replace(/\/+$/, "");
  const apiPath = API_PATH.exec(path);
  const base = url.origin + (apiPath ? path.slice(0, apiPath.index) : path);
  if (apiPath && apiPath[0] !== "/v1") {
    throw new UsageError(`Cannot use ${source}: leave out '${apiPath[0]}': type ${base}`);
  }
  return base;
}

/** Writes an address as it stands in a URL. */
export function hostAndPort(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Returns where programs on this machine reach a server that listens on `host`. */
export function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Names of this machine as seen from itself, as they stand in a `Host` header. */
export const LOOPBACK_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Returns true for a host name or address that can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** Labels of a host name behind `*.`: at least two, of which the last is not a number of an address. */
const SUFFIX = /^\*((?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?){2,})$/;

/**
 * Reads `*.run.app`, which stands for every name below `run.app`, at any depth.
 *
 * @returns the end that all these names have, with its dot; undefined for any other text, such as
 *   `*`, or `*.com`, below which everybody can have a name
 */
export function hostSuffix(text: string): string | undefined {
  const [, suffix] = SUFFIX.exec(text.toLowerCase()) ?? [];
  if (suffix === undefined) return undefined;
  // The URL standard takes a name that ends with a number for an address, and refuses most.
  return URL.canParse(`http://a${suffix}`) ? suffix : undefined;
}

/**
 * Brings an origin, as browsers write it into an `Origin` header (RFC 6454, section 6), into a
 * normal form for comparison: scheme, host and port in lower case, without the scheme's default
 * port. The URL standard knows origins of the web's schemes only; those of extensions and of pages
 * inside programs, such as `vscode-webview://…`, have a host just the same.
 *
 * @returns undefined for anything else: an opaque origin (`null`), or a URL with more in it
 */
export function normalOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || url.host === "" || url.username || url.password || url.search || url.hash) {
    return undefined;
  }
  if (url.pathname !== "" && url.pathname !== "/") return undefined;
  return `${url.protocol}//${url.host}`.toLowerCase();
}
