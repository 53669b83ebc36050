import { assertEquals } from "@std/assert";
import { proxyFor } from "../../src/core/proxy.ts";

/** A proxy that refuses everything, and counts. */
function startProxy() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const counter = { seen: 0 };
  const serving = (async () => {
    for await (const connection of listener) {
      counter.seen++;
      await connection.read(new Uint8Array(1_024)).catch(() => {});
      const answer = "HTTP/1.1 418 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
      await connection.write(new TextEncoder().encode(answer)).catch(() => {});
      connection.close();
    }
  })();
  return {
    counter,
    url: `http://127.0.0.1:${listener.addr.port}`,
    async close() {
      listener.close();
      await serving;
    },
  };
}

/** Lists of hosts without proxy, each with addresses that are fetched in one process. */
const LISTS: readonly (readonly [Readonly<Record<string, string>>, readonly string[]])[] = [
  [{ NO_PROXY: "*" }, ["http://api.test.invalid", "http://127.0.0.1:9999"]],
  [{ NO_PROXY: "API.test.invalid,*.other.invalid" }, [
    "http://api.test.invalid",
    "http://x.other.invalid",
  ]],
  [{ NO_PROXY: " .test.invalid , ample.invalid" }, [
    "http://api.test.invalid",
    "http://test.invalid",
    "http://example.invalid",
  ]],
  [{ NO_PROXY: "api.test.invalid:8080,127.0.0.1:9999" }, [
    "http://api.test.invalid:8080",
    "http://127.0.0.1:9999",
  ]],
  [{ NO_PROXY: "127.0.0.0/8,::1" }, ["http://127.0.0.1:9999", "http://[::1]:9999"]],
  [{ NO_PROXY: "10.0.0.0/8,[::1]" }, ["http://127.0.0.1:9999", "http://[::1]:9999"]],
  [{ NO_PROXY: "", no_proxy: "api.test.invalid" }, ["http://api.test.invalid"]],
  [{ no_proxy: "api.test.invalid" }, ["http://api.test.invalid"]],
];

for (const [lists, urls] of LISTS) {
  Deno.test(`proxyFor() says what the runtime does with ${JSON.stringify(lists)}`, async () => {
    const proxy = startProxy();
    for (const url of urls) {
      const env: Readonly<Record<string, string>> = { HTTP_PROXY: proxy.url, ...lists };
      const before = proxy.counter.seen;
      await new Deno.Command(Deno.execPath(), {
        args: ["eval", `await fetch(${JSON.stringify(url)}).catch(() => {})`],
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "", ...env },
        stdout: "null",
        stderr: "null",
      }).output();
      const isProxied = proxyFor(new URL(url), (name) => env[name]) !== undefined;
      assertEquals(isProxied, proxy.counter.seen > before, url);
    }
    await proxy.close();
  });
}
