/**
 * How long the head of a request may be.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import { errorResponse } from "./responses.ts";

/** Longest URL, in characters: no client of this server has anything to say there. */
const MAX_URL_LENGTH = 4_096;
/** Most header fields; proxies add some of their own. */
const MAX_FIELDS = 100;
/** Longest header fields together, names included, in characters. */
const MAX_FIELDS_LENGTH = 16_384;

/** The answer to a request whose URL or header is too large; undefined for any other. */
export function checkHead({ url, headers }: Request): Response | undefined {
  if (url.length > MAX_URL_LENGTH) {
    return errorResponse(
      STATUS_CODE.URITooLong,
      `The URL is too long: at most ${MAX_URL_LENGTH} characters.`,
    );
  }
  let fields = 0;
  let length = 0;
  for (const [name, value] of headers) {
    fields++;
    length += name.length + value.length;
  }
  if (fields <= MAX_FIELDS && length <= MAX_FIELDS_LENGTH) return undefined;
  return errorResponse(
    STATUS_CODE.RequestHeaderFieldsTooLarge,
    `The header is too large: at most ${MAX_FIELDS} fields and ${MAX_FIELDS_LENGTH} characters.`,
  );
}
