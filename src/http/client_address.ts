/**
 * Where a request comes from, for the log.
 *
 * @module
 */

/** Addresses have at most 45 characters, and a zone. */
const ADDRESS = /^[0-9a-f.:]{2,45}(%[\w.-]{1,16})?$/i;

/**
 * The address of the client. Proxies append the address that they were called from to
 * `X-Forwarded-For`, so it is read from its end, as far as trusted proxies wrote it: what a client
 * put there itself is never believed. Nothing is decided by this address.
 *
 * @param remote the address at the other end of the connection
 * @param isTrusted whether an address is that of a proxy whose word counts
 */
export function clientAddress(
  headers: Headers,
  remote: string | undefined,
  isTrusted: (address: string) => boolean,
): string | undefined {
  if (remote === undefined || !isTrusted(remote)) return remote;
  let client = remote;
  const forwarded = (headers.get("x-forwarded-for") ?? "").split(",");
  for (const entry of forwarded.reverse()) {
    const address = bareAddress(entry.trim());
    if (address === undefined) break;
    client = address;
    if (!isTrusted(address)) break;
  }
  return client;
}

/** Some proxies add the port, and then brackets around an IPv6 address. */
function bareAddress(entry: string): string | undefined {
  const bare = /^\[(.*)\](?::\d+)?$/.exec(entry)?.[1] ??
    /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(entry)?.[1] ?? entry;
  return ADDRESS.test(bare) ? bare : undefined;
}
