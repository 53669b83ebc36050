import { assertEquals } from "@std/assert";
import { createAuthenticator } from "../../../src/http/authenticate.ts";
import {
  createTokenRegistry,
  sha256,
  type TokenEntry,
  tokensOf,
} from "../../../src/access/tokens.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const FIRST = "first-token-0123456789-0123456789";
const SECOND = "second-token-0123456789-012345678";

const CASES: readonly [string, Record<string, string>, string][] = [
  ["no header", {}, "no token"],
  ["the first token", { authorization: `Bearer ${FIRST}` }, "token-1"],
  ["the second token", { authorization: `Bearer ${SECOND}` }, "token-2"],
  ["another case of the scheme", { authorization: `bearer ${FIRST}` }, "token-1"],
  ["two spaces", { authorization: `Bearer  ${FIRST}` }, "token-1"],
  ["X-API-Key", { "x-api-key": SECOND }, "token-2"],
  ["a wrong bearer and a right key", { authorization: "Bearer no", "x-api-key": FIRST }, "token-1"],
  [
    "a right bearer and a wrong key",
    { authorization: `Bearer ${FIRST}`, "x-api-key": "no" },
    "token-1",
  ],
  ["a wrong token", { authorization: `Bearer ${FIRST}x` }, "unknown token"],
  ["a prefix of a token", { authorization: `Bearer ${FIRST.slice(0, -1)}` }, "unknown token"],
  [
    "another case of the token",
    { authorization: `Bearer ${FIRST.toUpperCase()}` },
    "unknown token",
  ],
  ["another scheme", { authorization: `Basic ${FIRST}` }, "no token"],
  ["no scheme", { authorization: FIRST }, "no token"],
  ["an empty bearer", { authorization: "Bearer " }, "no token"],
  ["an empty key", { "x-api-key": "" }, "no token"],
  ["both tokens in one header", { authorization: `Bearer ${FIRST} ${SECOND}` }, "no token"],
];

/** Returns the name of the token that is accepted, else why none is. */
function found(tokens: TokenEntry[], headers: HeadersInit, clock = new ManualClock()): string {
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry(tokens),
    clock,
    log: silentLogger,
  });
  const caller = authenticate(new Headers(headers));
  if ("principal" in caller) return caller.principal.id;
  return caller.token === undefined ? caller.reason : `${caller.reason}: ${caller.token}`;
}

for (const [name, headers, expected] of CASES) {
  Deno.test(`authenticate() with ${name} gives ${expected}`, () => {
    assertEquals(found(tokensOf([FIRST, SECOND]), headers), expected);
  });
}

function tokenOf(name: string, secrets: string[], expiresAtMs?: number): TokenEntry {
  return { name, hashes: secrets.map(sha256), expiresAtMs };
}

Deno.test("authenticate() accepts a token until the moment at which it expires", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("brief", [FIRST], clock.now() + 1_000)];
  const headers = { authorization: `Bearer ${FIRST}` };
  assertEquals(found(tokens, headers, clock), "brief");
  await clock.advance(999);
  assertEquals(found(tokens, headers, clock), "brief");
  await clock.advance(1);
  assertEquals(found(tokens, headers, clock), "expired token: brief");
  assertEquals(found(tokens, { "x-api-key": SECOND }, clock), "unknown token");
});

Deno.test("authenticate() goes by the system clock, which a suspend or a correction moves", () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("brief", [FIRST], clock.wallTime() + 60_000)];
  const headers = { authorization: `Bearer ${FIRST}` };
  assertEquals(found(tokens, headers, clock), "brief");
  clock.correct(60_000);
  assertEquals(found(tokens, headers, clock), "expired token: brief");
  clock.correct(-1);
  assertEquals(found(tokens, headers, clock), "brief");
});

Deno.test("authenticate() prefers an accepted token to an expired one, in either header", () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("new", [FIRST]), tokenOf("old", [SECOND], clock.now())];
  for (const [bearer, key] of [[FIRST, SECOND], [SECOND, FIRST]]) {
    const headers = { authorization: `Bearer ${bearer}`, "x-api-key": `${key}` };
    assertEquals(found(tokens, headers, clock), "new");
  }
});

Deno.test("authenticate() takes every secret of a token while one replaces another", () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("ci", [FIRST, SECOND])];
  for (const secret of [FIRST, SECOND]) {
    assertEquals(found(tokens, { "x-api-key": secret }, clock), "ci");
  }
});

Deno.test("authenticate() accepts no secret when there are no tokens", () => {
  assertEquals(found([], { "x-api-key": FIRST }), "unknown token");
});

Deno.test("authenticate() passes the accepted secret to onAccepted, and no other", () => {
  const accepted: string[] = [];
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry(tokensOf(["the-right-token"])),
    clock: new ManualClock(),
    log: silentLogger,
    onAccepted: (secret) => accepted.push(secret),
  });
  authenticate(new Headers({ authorization: "Bearer the-wrong-token" }));
  assertEquals(accepted, []);
  authenticate(
    new Headers({ authorization: "Bearer the-wrong-token", "x-api-key": "the-right-token" }),
  );
  assertEquals(accepted, ["the-right-token"]);
});
