import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { checkBaseUrl, isLoopback, reachableHost } from "../../../src/core/addresses.ts";
import { UsageError } from "../../../src/core/errors.ts";

const accepted = [
  ["https://api.test", "https://api.test"],
  ["https://api.test/", "https://api.test"],
  ["https://api.test:8443/cma", "https://api.test:8443/cma"],
  ["http://127.0.0.1:80/a/b//", "http://127.0.0.1/a/b"],
  ["HTTPS://API.test/Prefix/", "https://api.test/Prefix"],
  ["https://api.anthropic.com/v1", "https://api.anthropic.com"],
  ["https://api.anthropic.com/v1/", "https://api.anthropic.com"],
  ["https://api.anthropic.com//v1//", "https://api.anthropic.com"],
  ["https://gw.test/cma/v1", "https://gw.test/cma"],
  ["https://gw.test/v10", "https://gw.test/v10"],
] as const;
for (const [given, expected] of accepted) {
  Deno.test(`checkBaseUrl() makes ${expected} of ${given}`, () => {
    assertEquals(checkBaseUrl(given, "CMA_BASE_URL"), expected);
  });
}

const refused: readonly [string, RegExp][] = [
  ["", /type a URL such as https:\/\/api\.anthropic\.com/],
  ["api", /such as https:\/\/api\.anthropic\.com/],
  ["api.test", /such as https:\/\/api\.test$/],
  ["localhost:4000", /such as http:\/\/localhost:4000$/],
  ["ftp://api.test", /type a URL/],
  ["file:///etc/passwd", /type a URL/],
  ["https://api .test", /type a URL/],
  ["https://user:hunter2secret@api.test", /leave out user name/],
  ["https://user:hunter2secret@api test", /type a URL/],
  ["user:hunter2secret@api.test", /type a URL/],
  ["https://api.test/?key=hunter2secret", /'\?'/],
  ["https://api.test/#hunter2secret", /'#'/],
  ["https://console.anthropic.com", /is no API: type https:\/\/api\.anthropic\.com/],
  ["https://platform.claude.com/workspaces/default/agents", /is no API/],
  ["https://https://api.anthropic.com", /twice/],
  ["https://claude.ai", /is no API/],
  ["http://api.anthropic.com", /unencrypted: type https:\/\/api\.anthropic\.com$/],
  ["https://api.test/v1/messages", /leave out '\/v1\/messages': type https:\/\/api\.test$/],
  ["https://api.test/p/v1/agents/agent_1", /type https:\/\/api\.test\/p$/],
];
for (const [given, expected] of refused) {
  Deno.test(`checkBaseUrl() refuses '${given}' and says what to type`, () => {
    const { message } = assertThrows(() => checkBaseUrl(given, "CMA_BASE_URL"), UsageError);
    assertMatch(message, expected);
    assertMatch(message, /CMA_BASE_URL/);
    assert(!message.includes("hunter2secret"), message);
  });
}

const hosts: readonly [string, boolean][] = [
  ["localhost", true],
  ["LOCALHOST", true],
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["[::1]", true],
  ["0.0.0.0", false],
  ["::", false],
  ["localhost.example.com", false],
  ["127.0.0.1.example.com", false],
  ["10.0.0.1", false],
];
for (const [host, expected] of hosts) {
  Deno.test(`isLoopback() is ${expected} for ${host}`, () => {
    assertEquals(isLoopback(host), expected);
  });
}

Deno.test("reachableHost() names this machine for an address that stands for all of its own", () => {
  const reached = ["0.0.0.0", "::", "127.0.0.1", "::1", "10.0.0.1"].map(reachableHost);
  assertEquals(reached, ["127.0.0.1", "::1", "127.0.0.1", "::1", "10.0.0.1"]);
});
