import { assertEquals, assertThrows } from "@std/assert";
import { checkHead, createGuard, hostOf, pathOf } from "../../../src/http/guard.ts";

function get(url: string, headers: Record<string, string> = {}): Request {
  return new Request(url, { headers });
}

/** Fields of 4 + 6 characters. */
function fields(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`x-${String(i).padStart(2, "0")}`, "v".repeat(6)]),
  );
}

const base = "http://127.0.0.1/";
const heads: readonly [string, Request, number | undefined][] = [
  ["no fields", get(base), undefined],
  ["a hundred fields", get(base, fields(100)), undefined],
  ["one field more", get(base, { ...fields(100), y: "" }), 431],
  ["a field at the limit", get(base, { x: "v".repeat(16_383) }), undefined],
  ["a field over the limit", get(base, { x: "v".repeat(16_384) }), 431],
  [
    "fields over the limit together",
    get(base, { x: "v".repeat(9_000), y: "v".repeat(9_000) }),
    431,
  ],
  ["a long name", get(base, { ["n".repeat(16_385)]: "" }), 431],
  ["a URL at the limit", get(base + "p".repeat(4_096 - base.length)), undefined],
  ["a URL over the limit", get(base + "p".repeat(4_097 - base.length)), 414],
  ["a query over the limit", get(`${base}?${"q".repeat(4_096)}`), 414],
];
for (const [name, request, status] of heads) {
  Deno.test(`checkHead() answers ${status ?? "nothing"} to ${name}`, async () => {
    const refused = checkHead(request);
    assertEquals(refused?.status, status);
    await refused?.body?.cancel();
  });
}

/** A request as the server makes it of what came: not every URL of it is one. */
function received(url: string, headers: Record<string, string> = {}): Request {
  return Object.defineProperty(get("http://x/", headers), "url", { value: url });
}

const targets: readonly [Request, string, string][] = [
  [received("http://localhost:3000/mcp", { host: "localhost:3000" }), "localhost:3000", "/mcp"],
  [received("http://localhost/mcp?x=/y#z", { host: "LocalHost" }), "localhost", "/mcp"],
  // HTTP/2: no such header.
  [received("https://MCP.example:8443/mcp"), "mcp.example:8443", "/mcp"],
  [received("http://a b/mcp", { host: "a b" }), "a b", "/mcp"],
  [received("http://::::/mcp", { host: "::::" }), "::::", "/mcp"],
  [received("http://[::bad/mcp", { host: "localhost" }), "localhost", "/mcp"],
  [received("http://x//mcp", { host: "x" }), "x", "//mcp"],
  [received("http://x:80", { host: "x:80" }), "x:80", ""],
  [received("*"), "", ""],
];
for (const [request, host, path] of targets) {
  Deno.test(`hostOf() and pathOf() read ${request.url}`, () => {
    assertEquals([hostOf(request), pathOf(request)], [host, path]);
  });
}

function guardFor(...allowedHosts: string[]) {
  return createGuard({ allowedHosts, allowedOrigins: [], maxBodyBytes: 1_000 });
}

const named: readonly [string, number | undefined][] = [
  ["a.run.app", undefined],
  ["A.b.Run.App:8443", undefined],
  ["run.app", 421],
  [".run.app", 421],
  ["a..run.app", 421],
  ["a..b.run.app", 421],
  ["arun.app", 421],
  ["a.run.app.example.com", 421],
  ["a.run.app.", 421],
  ["a.run.app@evil.example.com", 421],
  ["other.example.com", undefined],
];
for (const [host, status] of named) {
  Deno.test(`a guard for *.run.app answers ${status ?? "nothing"} to ${host}`, async () => {
    const guard = guardFor("*.run.app", "other.example.com");
    const request = new Request("http://localhost/mcp", { method: "POST", headers: { host } });
    for (let times = 0; times < 2; times++) {
      const refused = guard.check(request);
      assertEquals(refused?.status, status);
      await refused?.body?.cancel();
    }
  });
}

Deno.test("createGuard() takes no suffix that is too short, from a library's user either", () => {
  for (const host of ["*", "*.com", "a.*.example.com", "*.run.app:443"]) {
    assertThrows(() => guardFor(host), TypeError, `'${host}'`);
  }
});

Deno.test("a page at an accepted name below a suffix may call its own host only", async () => {
  const guard = guardFor("*.run.app");
  const from = (origin: string) =>
    guard.check(
      new Request("http://a.run.app/mcp", {
        method: "POST",
        headers: { host: "a.run.app", origin },
      }),
    );
  assertEquals(from("https://a.run.app"), undefined);
  const foreign = from("https://b.run.app");
  assertEquals(foreign?.status, 403);
  await foreign?.body?.cancel();
});
