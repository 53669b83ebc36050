import { assertEquals, assertStringIncludes } from "@std/assert";
import { PROXY_VARIABLES, proxyFor, proxyMisreadings } from "../../../src/core/proxy.ts";

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
  ["nothing for an unreadable address", { HTTPS_PROXY: "http://me:secret@ p" }, HTTPS, undefined],
  ["nothing for a scheme of no proxy", { HTTPS_PROXY: "ftp://p:1" }, HTTPS, undefined],
  [
    "the next variable after an unreadable one",
    { ALL_PROXY: "http://:::", HTTPS_PROXY: '"http://p"', https_proxy: "http://p:8080" },
    HTTPS,
    "p:8080 https_proxy",
  ],
  [
    "a proxy although NO_PROXY is empty and no_proxy is not",
    { HTTPS_PROXY: "http://p:8080", NO_PROXY: "", no_proxy: "api.example.com" },
    HTTPS,
    "p:8080 HTTPS_PROXY",
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
  ["example.com", HTTPS, true],
  [".example.com", HTTPS, true],
  [".example.com", "https://example.com", true],
  ["other.org, example.com", HTTPS, true],
  ["*", HTTPS, true],
  ["API.Example.COM", HTTPS, false],
  ["*.example.com", HTTPS, false],
  ["api.example.com:443", HTTPS, false],
  ["https://api.example.com", HTTPS, false],
  ["api.example.com other.org", HTTPS, false],
  ["ample.com", HTTPS, false],
  ["other.org", HTTPS, false],
  [",", HTTPS, false],
  ["::1", "https://[::1]:8443", true],
  ["[::1]", "https://[::1]:8443", false],
  ["::/0", "https://[::1]:8443", true],
  ["2001:db8::/32", "https://[2001:db8:0:1::5]", true],
  ["2001:db8::/32", "https://[2001:db9::5]", false],
  ["127.0.0.1", "https://127.0.0.1:8443", true],
  ["127.0.0.1:8443", "https://127.0.0.1:8443", false],
  ["127.0.0.0/8", "https://127.0.0.1:8443", true],
  ["10.0.0.0/8", "https://127.0.0.1:8443", false],
  ["10.0.0.0/33", "https://10.0.0.1", false],
  ["0.0.0.0/0", "https://10.0.0.1", true],
  ["*", "https://127.0.0.1:8443", false],
];
/** Lists that will have meant the host, and yet do not keep it from the proxy. */
const MEANT = new Set([
  ...["API.Example.COM", "*.example.com", "api.example.com:443", "https://api.example.com"],
  ...["api.example.com other.org", "[::1]", "127.0.0.1:8443"],
]);
for (const [list, url, expected] of exempt) {
  Deno.test(`proxyFor() ${expected ? "exempts" : "does not exempt"} ${url} by '${list}'`, () => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      const env: Env = { HTTPS_PROXY: "http://p:8080", [name]: list };
      assertEquals(proxyFor(new URL(url), (variable) => env[variable]) === undefined, expected);
      const misreadings = proxyMisreadings(new URL(url), (variable) => env[variable]);
      const isMeant = MEANT.has(list) || (list === "*" && !expected);
      assertEquals(misreadings.length, isMeant ? 1 : 0);
      if (isMeant) assertStringIncludes(misreadings[0]?.message ?? "", `${name} does not`);
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

const PLAIN_ONLY: readonly [string, Env, string, boolean][] = [
  ["an address with TLS", {}, HTTPS, true],
  ["an address without TLS", {}, "http://api.example.com", false],
  ["an address that has a proxy", { HTTPS_PROXY: "http://p:8080" }, HTTPS, false],
  ["an address that needs no proxy", { NO_PROXY: "*" }, HTTPS, false],
];
for (const [name, others, url, expected] of PLAIN_ONLY) {
  Deno.test(`proxyMisreadings() ${expected ? "warns" : "does not warn"} of HTTP_PROXY for ${name}`, () => {
    for (const variable of ["HTTP_PROXY", "http_proxy"]) {
      const env: Env = { [variable]: "http://me:secret@p:8080", ...others };
      const found = proxyMisreadings(new URL(url), (name) => env[name]);
      assertEquals(found.map(({ message }) => message.split(" ")[0]), expected ? [variable] : []);
      assertEquals(JSON.stringify(found).includes("secret"), false);
    }
  });
}

Deno.test("proxyMisreadings() names a proxy that is ignored, without its password", () => {
  const env: Env = { HTTPS_PROXY: "http://me:secret@ p", all_proxy: "ftp://p" };
  const found = proxyMisreadings(new URL(HTTPS), (variable) => env[variable]);
  assertEquals(found.map(({ message }) => message.split(" ")[0]), ["all_proxy", "HTTPS_PROXY"]);
  assertEquals(JSON.stringify(found).includes("secret"), false);
});
