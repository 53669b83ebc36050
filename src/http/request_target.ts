/**
 * What a request is addressed to. Clients may write anything there, also what no URL can hold.
 *
 * @module
 */

const TARGET = /^[a-z]+:\/\/([^/?#]*)([^?#]*)/i;

/** The path as it was sent; empty when there is none. */
export function pathOf(request: Request): string {
  return TARGET.exec(request.url)?.[2] ?? "";
}

/**
 * The host as it was sent, in lower case. HTTP/2 has a pseudo-header in place of `Host`
 * (RFC 9113, section 8.3.1), which servers hand on as part of the URL only.
 */
export function hostOf(request: Request): string {
  return request.headers.get("host")?.toLowerCase() ?? authorityOf(request);
}

/** The host of the request's URL, in lower case: the runtime puts `Host` there, or what was sent. */
export function authorityOf(request: Request): string {
  return (TARGET.exec(request.url)?.[1] ?? "").toLowerCase();
}
