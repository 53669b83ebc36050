/**
 * Finds the proxy that the runtime sends a request through.
 *
 * @module
 */

/** Variables that name proxies, or hosts that bypass them. */
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

/** Reads an environment variable. */
type ReadEnv = (name: string) => string | undefined;

/** Schemes of proxies that the runtime can use. */
const SCHEMES = /^(https?|socks5h?):$/;

/**
 * Returns the URL of a proxy; undefined for a value that the runtime cannot read, and so ignores.
 */
function readProxy(value: string): URL | undefined {
  const url = URL.parse(value.includes("://") ? value : `http://${value}`);
  return url && SCHEMES.test(url.protocol) && url.hostname !== "" ? url : undefined;
}

function bits(address: string): { readonly value: bigint; readonly size: number } | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) {
    const parts = address.split(".").map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { value: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n), size: 32 };
  }
  const host = address.includes(":") ? URL.parse(`http://[${address}]`)?.hostname : undefined;
  if (host === undefined) return undefined;
  const [head = "", tail] = host.slice(1, -1).split("::");
  const words = (text: string | undefined) => text ? text.split(":") : [];
  const [first, last] = [words(head), words(tail)];
  const all = [...first, ...Array(8 - first.length - last.length).fill("0"), ...last];
  return { value: all.reduce((sum, word) => sum * 65536n + BigInt(`0x${word}`), 0n), size: 128 };
}

/** Returns true if an address equals the entry, or lies in its network, such as `10.0.0.0/8`. */
function isInNetwork(host: string, entry: string): boolean {
  const [network = "", length, ...rest] = entry.split("/");
  const [address, base] = [bits(host), bits(network)];
  if (!address || !base || address.size !== base.size || rest.length > 0) return false;
  const size = length === undefined ? base.size : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (size < 0 || size > base.size) return false;
  const shift = BigInt(base.size - size);
  return address.value >> shift === base.value >> shift;
}

/**
 * Returns true if the runtime reaches a host without the proxy. Seen with Deno 2.9.6: names match
 * whole or as the end of one, with or without a dot before it, and with regard to case; `*` matches
 * every name and no address; addresses match addresses and networks; ports and wildcards match
 * nothing.
 */
function isExempt(host: string, list: string): boolean {
  const entries = list.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
  if (bits(host)) return entries.some((entry) => isInNetwork(host, entry));
  return entries.some((entry) => {
    const name = entry.replace(/^\./, "");
    return entry === "*" || (name !== "" && (host === name || host.endsWith(`.${name}`)));
  });
}

/**
 * Returns true if a list was probably meant to name the host, even if the runtime reads it
 * differently.
 */
function isMeant(host: string, list: string): boolean {
  const normal = list.split(/[\s,;|]+/).map((entry) =>
    entry.toLowerCase().replace(/^[a-z]+:\/\//, "").replace(/^\*\./, ".")
      .replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/^([^:]+):\d+$/, "$1").replace(/\.?\/?$/, "")
  );
  return normal.includes("*") || isExempt(host, normal.join(","));
}

function bareHostOf(url: URL): string {
  return url.hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

/**
 * Returns the list of hosts that bypass the proxy. An empty variable in capitals still hides the
 * other one.
 */
function exemptions(env: ReadEnv): { readonly variable: string; readonly list: string } {
  const variable = env("NO_PROXY") === undefined ? "no_proxy" : "NO_PROXY";
  return { variable, list: env(variable) ?? "" };
}

/** Finds the first variable that names a proxy between this program and a URL, and its value. */
function findProxy(url: URL, env: ReadEnv): { variable: string; proxy: URL } | undefined {
  if (isExempt(bareHostOf(url), exemptions(env).list)) return undefined;
  for (const name of ["ALL_PROXY", url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY"]) {
    for (const variable of [name, name.toLowerCase()]) {
      const proxy = readProxy(env(variable)?.trim() ?? "");
      if (proxy) return { variable, proxy };
    }
  }
  return undefined;
}

/**
 * Returns the proxy between this program and a URL, by the variables that the runtime's own `fetch`
 * follows: `ALL_PROXY` first; a value that it cannot read is ignored.
 *
 * @param env reads a variable; an empty one counts as unset, but for `NO_PROXY`
 */
export function proxyFor(url: URL, env: ReadEnv): Proxy | undefined {
  const found = findProxy(url, env);
  return found && { variable: found.variable, address: found.proxy.host };
}

/** The address of that proxy, with the user name and password that it may have. */
export function proxyUrl(url: URL, env: ReadEnv): URL | undefined {
  return findProxy(url, env)?.proxy;
}

/** A variable that the runtime reads differently from what was probably meant. */
export interface ProxyMisreading {
  readonly message: string;
  readonly cure: string;
}

/** Finds proxy variables that do not apply to a URL although they were probably meant to. */
export function proxyMisreadings(url: URL, env: ReadEnv): ProxyMisreading[] {
  const host = bareHostOf(url);
  const unreadable = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"]
    .flatMap((name) => [name, name.toLowerCase()])
    .filter((variable) => env(variable)?.trim() && !readProxy(env(variable)?.trim() ?? ""))
    .map((variable) => ({
      message: `${variable} names no proxy that can be used, and is ignored`,
      cure: `set it to an address such as http://proxy.example.com:8080, or take it out`,
    }));
  const { variable, list } = exemptions(env);
  const proxy = proxyFor(url, env);
  const isMisread = proxy !== undefined && isMeant(host, list);
  const plain = ["HTTP_PROXY", "http_proxy"].find((name) => readProxy(env(name)?.trim() ?? ""));
  const isForPlainOnly = proxy === undefined && url.protocol === "https:" && !isMeant(host, list);
  return [
    ...unreadable,
    ...plain && isForPlainOnly
      ? [{
        message: `${plain} does not apply to ${url.origin}, which is reached without a proxy`,
        cure: "set HTTPS_PROXY as well if this network has one, or NO_PROXY if it needs none",
      }]
      : [],
    ...isMisread
      ? [{
        message: `${variable} does not keep ${host} from the proxy ${proxy.address}`,
        cure: `put ${host} into it, in small letters, with commas between entries and without ` +
          "port, brackets or '*.'",
      }]
      : [],
  ];
}
