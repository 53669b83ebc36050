import { assertEquals } from "@std/assert";
import { createAuthenticator } from "../../../src/http/authenticate.ts";
import { type AccessToken, plainTokens, sha256 } from "../../../src/access/tokens.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const FIRST = "first-token-0123456789-0123456789";
const SECOND = "second-token-0123456789-012345678";

const CASES: readonly [string, Record<string, string>, string][] = [
  ["no header", {}, "none"],
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
  ["a wrong token", { authorization: `Bearer ${FIRST}x` }, "unknown"],
  ["a prefix of a token", { authorization: `Bearer ${FIRST.slice(0, -1)}` }, "unknown"],
  ["another case of the token", { authorization: `Bearer ${FIRST.toUpperCase()}` }, "unknown"],
  ["another scheme", { authorization: `Basic ${FIRST}` }, "none"],
  ["no scheme", { authorization: FIRST }, "none"],
  ["an empty bearer", { authorization: "Bearer " }, "none"],
  ["an empty key", { "x-api-key": "" }, "none"],
  ["both tokens in one header", { authorization: `Bearer ${FIRST} ${SECOND}` }, "none"],
];

for (const [name, headers, expected] of CASES) {
  Deno.test(`identify() with ${name} gives ${expected}`, async () => {
    const { identify } = createAuthenticator(plainTokens([FIRST, SECOND]), new ManualClock());
    const found = await identify(new Headers(headers));
    assertEquals("token" in found ? found.token.name : found.kind, expected);
  });
}

function tokenOf(
  name: string,
  secrets: string[],
  expiresAtMs?: number,
): AccessToken {
  const digests = secrets.map(sha256);
  return { name, digests, expiresAtMs, principal: { id: name } };
}

async function identified(tokens: AccessToken[], clock: ManualClock, headers: HeadersInit) {
  const { identify } = createAuthenticator({ current: () => Promise.resolve(tokens) }, clock);
  const found = await identify(new Headers(headers));
  return [found.kind, "token" in found ? found.token.name : undefined];
}

Deno.test("identify() accepts a token until the moment at which it expires", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("brief", [FIRST], clock.now() + 1_000)];
  const headers = { authorization: `Bearer ${FIRST}` };
  assertEquals(await identified(tokens, clock, headers), ["accepted", "brief"]);
  await clock.advance(999);
  assertEquals(await identified(tokens, clock, headers), ["accepted", "brief"]);
  await clock.advance(1);
  assertEquals(await identified(tokens, clock, headers), ["expired", "brief"]);
  assertEquals(await identified(tokens, clock, { "x-api-key": SECOND }), ["unknown", undefined]);
});

Deno.test("identify() goes by the system clock, which a suspend or a correction moves", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("brief", [FIRST], clock.wallTime() + 60_000)];
  const headers = { authorization: `Bearer ${FIRST}` };
  assertEquals(await identified(tokens, clock, headers), ["accepted", "brief"]);
  clock.correct(60_000);
  assertEquals(await identified(tokens, clock, headers), ["expired", "brief"]);
  clock.correct(-1);
  assertEquals(await identified(tokens, clock, headers), ["accepted", "brief"]);
});

Deno.test("identify() prefers an accepted token to an expired one, in either header", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("new", [FIRST]), tokenOf("old", [SECOND], clock.now())];
  for (const [bearer, key] of [[FIRST, SECOND], [SECOND, FIRST]]) {
    const headers = { authorization: `Bearer ${bearer}`, "x-api-key": `${key}` };
    assertEquals(await identified(tokens, clock, headers), ["accepted", "new"]);
  }
});

Deno.test("identify() takes every secret of a token while one replaces another", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("ci", [FIRST, SECOND])];
  for (const secret of [FIRST, SECOND]) {
    assertEquals(await identified(tokens, clock, { "x-api-key": secret }), ["accepted", "ci"]);
  }
});

Deno.test("identify() knows nobody when there are no tokens", async () => {
  const found = await identified([], new ManualClock(), { "x-api-key": FIRST });
  assertEquals(found, ["unknown", undefined]);
});

Deno.test("what was accepted is told, and nothing else that was offered", async () => {
  const accepted: string[] = [];
  const { identify } = createAuthenticator(
    plainTokens(["the-right-token"]),
    new ManualClock(),
    (secret) => accepted.push(secret),
  );
  await identify(new Headers({ authorization: "Bearer the-wrong-token" }));
  assertEquals(accepted, []);
  await identify(
    new Headers({ authorization: "Bearer the-wrong-token", "x-api-key": "the-right-token" }),
  );
  assertEquals(accepted, ["the-right-token"]);
});
