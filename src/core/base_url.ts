/**
 * The address that the API is reached at.
 *
 * @module
 */

import { UsageError } from "./errors.ts";
import { head } from "./text.ts";

/** The hosted API. */
export const HOSTED = "https://api.anthropic.com";

/** Sites of Anthropic's that people copy an address from, and that are no API. */
const NO_API =
  /^(console|platform|www|docs|support|status)\.(anthropic|claude)\.com$|^(claude\.ai|anthropic\.com|claude\.com)$/;

/** The API's own paths, which are put behind the base URL. */
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
    const shown = value.includes("@") ? "it" : `'${head(value, 200)}'`;
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
