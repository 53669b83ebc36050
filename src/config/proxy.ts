/**
 * Which proxy the runtime sends a request through.
 *
 * @module
 */

/** Variables that name proxies, or hosts that are reached without. */
export const PROXY_VARIABLES: readonly string[] = [
  "ALL_PROXY",
  "all_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
];

/** A proxy, and the variable that names it. */
export interface Proxy {
  readonly variable: string;
  /** Host and port, without a user name or password. */
  readonly address: string;
}

function isExempt(host: string, list: string): boolean {
  return list.split(",").map((entry) => entry.trim().toLowerCase().replace(/^\*?\./, ""))
    .some((entry) =>
      entry === "*" || (entry !== "" && (host === entry || host.endsWith(`.${entry}`)))
    );
}

/**
 * The proxy between this program and a URL, as the variables have it; the runtime's own `fetch`
 * follows the same ones, `ALL_PROXY` first.
 *
 * @param env reads a variable; an empty one counts as unset
 */
export function proxyFor(url: URL, env: (name: string) => string | undefined): Proxy | undefined {
  const read = (name: string) => {
    const variable = [name, name.toLowerCase()].find((spelling) => env(spelling)?.trim());
    return variable && { variable, value: env(variable)?.trim() ?? "" };
  };
  const host = url.hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  const exempt = read("NO_PROXY");
  if (exempt && isExempt(host, exempt.value)) return undefined;
  const named = read("ALL_PROXY") ?? read(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (!named) return undefined;
  const { variable, value } = named;
  const proxy = URL.parse(value.includes("://") ? value : `http://${value}`);
  return { variable, address: proxy?.host || "of an unreadable address" };
}
