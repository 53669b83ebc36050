/**
 * Origins, as browsers write them into `Origin` headers (RFC 6454, section 6).
 *
 * @module
 */

/**
 * An origin in the form in which two are compared: scheme, host and port in lower case, without the
 * port that is the scheme's own. The URL standard knows origins of the web's schemes only; those of
 * extensions and of pages inside programs, such as `vscode-webview://…`, have a host just the same.
 *
 * @returns undefined for what is no origin: an opaque one (`null`), or a URL with more in it
 */
export function normalOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || url.host === "" || url.username || url.password || url.search || url.hash) {
    return undefined;
  }
  if (url.pathname !== "" && url.pathname !== "/") return undefined;
  return `${url.protocol}//${url.host}`.toLowerCase();
}
