/**
 * Ids of HTTP requests: taken over from a proxy that gave one, and sent back, so that one search
 * finds a request in every log.
 *
 * @module
 */

/** Header that carries the id, in and out. */
export const REQUEST_ID_HEADER = "x-request-id";

/** What is taken over: anything else could forge or flood log lines. */
const SANE = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** The request's own id where it is a sane one, else a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get(REQUEST_ID_HEADER);
  return given !== null && SANE.test(given) ? given : crypto.randomUUID();
}

/** The response, with the id in its headers. */
export function withRequestId(response: Response, requestId: string): Response {
  response.headers.set(REQUEST_ID_HEADER, requestId);
  return response;
}
