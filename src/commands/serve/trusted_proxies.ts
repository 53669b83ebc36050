/**
 * The networks of the proxies in front.
 *
 * @module
 */

import { UsageError } from "../../core/errors.ts";

/**
 * Whether an address lies in one of some networks. IPv4 addresses are also recognised in the form
 * that they have on IPv6 sockets (`::ffff:10.0.0.1`).
 *
 * @param networks in CIDR notation, or single addresses
 * @throws UsageError when one of them does not exist
 */
export async function trustedProxies(
  networks: readonly string[],
): Promise<(address: string) => boolean> {
  if (networks.length === 0) return () => false;
  // Loaded only where it is needed: it would take a noticeable part of the program's start.
  const { BlockList, isIP } = await import("node:net");
  const familyOf = (address: string) => isIP(address) === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    try {
      if (isIP(address) === 0) throw new TypeError("not an address");
      if (bits === undefined) list.addAddress(address, familyOf(address));
      else list.addSubnet(address, Number(bits), familyOf(address));
    } catch (cause) {
      throw new UsageError(
        `Cannot use '${network}' in --trusted-proxies: type a network such as 10.0.0.0/8`,
        { cause },
      );
    }
  }
  return (address) => {
    const bare = address.replace(/%.*$/, "");
    return isIP(bare) !== 0 && list.check(bare, familyOf(bare));
  };
}
