import { assertEquals } from "@std/assert";
import { PROXY_VARIABLES, proxyFor } from "../../../src/config/proxy.ts";

type Env = Readonly<Record<string, string>>;

const HTTPS = "https://api.example.com";

const cases: readonly [string, Env, string, string | undefined][] = [
  ["no proxy where no variable names one", {}, HTTPS, undefined],
  ["HTTPS_PROXY for https", { HTTPS_PROXY: "http://p:8080" }, HTTPS, "p:8080 HTTPS_PROXY"],
  ["the variable in small letters", { https_proxy: "http://p:8080" }, HTTPS, "p:8080 https_proxy"],
  ["nothing for a blank variable", { HTTPS_PROXY: " " }, HTTPS, undefined],
  ["no HTTP_PROXY for https", { HTTP_PROXY: "http://p:8080" }, HTTPS, undefined],
  ["HTTP_PROXY for http", { HTTP_PROXY: "http://p:8080" }, "http://h", "p:8080 HTTP_PROXY"],
  ["HTTP_PROXY for loopback", { HTTP_PROXY: "http://p" }, "http://127.0.0.1:1", "p HTTP_PROXY"],
  [
    "ALL_PROXY before the others",
    { ALL_PROXY: "socks5://a:1080", HTTPS_PROXY: "http://p:8080" },
    HTTPS,
    "a:1080 ALL_PROXY",
  ],
  ["a proxy without scheme", { HTTPS_PROXY: "p:8080" }, HTTPS, "p:8080 HTTPS_PROXY"],
  [
    "the address without user name and password",
    { HTTPS_PROXY: "http://me:secret@p:8080/" },
    HTTPS,
    "p:8080 HTTPS_PROXY",
  ],
  [
    "an unreadable address without its words",
    { HTTPS_PROXY: "http://me:secret@ p" },
    HTTPS,
    "of an unreadable address HTTPS_PROXY",
  ],
];
for (const [name, env, url, expected] of cases) {
  Deno.test(`proxyFor() gives ${name}`, () => {
    const proxy = proxyFor(new URL(url), (variable) => env[variable]);
    assertEquals(proxy && `${proxy.address} ${proxy.variable}`, expected);
  });
}

const exempt: readonly [string, string, boolean][] = [
  ["api.example.com", HTTPS, true],
  ["API.Example.COM", HTTPS, true],
  ["example.com", HTTPS, true],
  [".example.com", HTTPS, true],
  ["*.example.com", HTTPS, true],
  ["other.org, example.com", HTTPS, true],
  ["*", HTTPS, true],
  ["ample.com", HTTPS, false],
  ["other.org", HTTPS, false],
  [",", HTTPS, false],
  ["::1", "https://[::1]:8443", true],
  ["127.0.0.1", "https://127.0.0.1:8443", true],
];
for (const [list, url, expected] of exempt) {
  Deno.test(`proxyFor() ${expected ? "exempts" : "does not exempt"} ${url} by '${list}'`, () => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      const env: Env = { HTTPS_PROXY: "http://p:8080", [name]: list };
      assertEquals(proxyFor(new URL(url), (variable) => env[variable]) === undefined, expected);
    }
  });
}

Deno.test("proxyFor() reads no variable that the program may not read", () => {
  const read = new Set<string>();
  const env = (name: string) => {
    read.add(name);
    return undefined;
  };
  proxyFor(new URL(HTTPS), env);
  proxyFor(new URL("http://host"), env);
  assertEquals([...read].sort(), [...PROXY_VARIABLES].sort());
});
