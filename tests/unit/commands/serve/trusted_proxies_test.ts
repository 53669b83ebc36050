import { assertEquals, assertRejects } from "@std/assert";
import { trustedProxies } from "../../../../src/commands/serve/trusted_proxies.ts";
import { UsageError } from "../../../../src/core/errors.ts";

const NETWORKS = ["10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1"];

const addresses: readonly [string, boolean][] = [
  ["10.0.0.0", true],
  ["10.255.255.255", true],
  ["11.0.0.0", false],
  ["192.0.2.7", true],
  ["192.0.2.8", false],
  ["fd12:3456::1", true],
  ["fe80::1", false],
  ["::1", true],
  ["::1%lo", true],
  ["::2", false],
  ["::ffff:10.1.2.3", true],
  ["::ffff:11.1.2.3", false],
  ["", false],
  ["10.0.0", false],
  ["proxy.example", false],
];
Deno.test("trustedProxies() tells addresses of the networks from others", async () => {
  const isTrusted = await trustedProxies(NETWORKS);
  for (const [address, expected] of addresses) {
    assertEquals(isTrusted(address), expected, address);
  }
});

Deno.test("trustedProxies() trusts nobody unless told to", async () => {
  const isTrusted = await trustedProxies([]);
  assertEquals(addresses.filter(([address]) => isTrusted(address)), []);
});

for (const network of ["10.0.0.0/33", "fd00::/129", "1.2.3", ":::", "300.0.0.1/8"]) {
  Deno.test(`trustedProxies() refuses ${network} in words`, async () => {
    await assertRejects(() => trustedProxies([network]), UsageError, `'${network}'`);
  });
}
