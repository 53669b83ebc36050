import { assert, assertEquals } from "@std/assert";
import { createAuthenticator, isAnyEqual } from "../../../src/http/authenticate.ts";
import { createTokenRegistry, type TokenEntry, tokensOf } from "../../../src/access/tokens.ts";
import { sha256 } from "../../../src/core/sha256.ts";
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
async function found(
  tokens: TokenEntry[],
  headers: HeadersInit,
  clock = new ManualClock(),
): Promise<string> {
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry(tokens),
    clock,
    log: silentLogger,
  });
  const caller = await authenticate(new Headers(headers));
  if ("principal" in caller) return caller.principal.id;
  const { reason, token } = caller.notes;
  return token === undefined ? reason : `${reason}: ${token}`;
}

for (const [name, headers, expected] of CASES) {
  Deno.test(`authenticate() with ${name} gives ${expected}`, async () => {
    assertEquals(await found(tokensOf([FIRST, SECOND]), headers), expected);
  });
}

function tokenOf(name: string, secrets: string[], expiresAtMs?: number): TokenEntry {
  return { name, hashes: secrets.map(sha256), expiresAtMs };
}

Deno.test("authenticate() accepts a token until the moment at which it expires", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("brief", [FIRST], clock.now() + 1_000)];
  const headers = { authorization: `Bearer ${FIRST}` };
  assertEquals(await found(tokens, headers, clock), "brief");
  await clock.advance(999);
  assertEquals(await found(tokens, headers, clock), "brief");
  await clock.advance(1);
  assertEquals(await found(tokens, headers, clock), "expired token: brief");
  assertEquals(await found(tokens, { "x-api-key": SECOND }, clock), "unknown token");
});

Deno.test("authenticate() goes by the system clock, which a suspend or a correction moves", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("brief", [FIRST], clock.wallTime() + 60_000)];
  const headers = { authorization: `Bearer ${FIRST}` };
  assertEquals(await found(tokens, headers, clock), "brief");
  clock.correct(60_000);
  assertEquals(await found(tokens, headers, clock), "expired token: brief");
  clock.correct(-1);
  assertEquals(await found(tokens, headers, clock), "brief");
});

Deno.test("authenticate() prefers an accepted token to an expired one, in either header", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("new", [FIRST]), tokenOf("old", [SECOND], clock.now())];
  for (const [bearer, key] of [[FIRST, SECOND], [SECOND, FIRST]]) {
    const headers = { authorization: `Bearer ${bearer}`, "x-api-key": `${key}` };
    assertEquals(await found(tokens, headers, clock), "new");
  }
});

Deno.test("authenticate() takes every secret of a token while one replaces another", async () => {
  const clock = new ManualClock();
  const tokens = [tokenOf("ci", [FIRST, SECOND])];
  for (const secret of [FIRST, SECOND]) {
    assertEquals(await found(tokens, { "x-api-key": secret }, clock), "ci");
  }
});

/** Three digests that count how often a byte of them is read. */
function countedDigests() {
  let reads = 0;
  const digest = (...bytes: number[]): ArrayLike<number> =>
    new Proxy(bytes, {
      get(target, name) {
        if (name !== "length") reads++;
        return Reflect.get(target, name);
      },
    });
  return { known: [digest(1, 2, 3), digest(4, 5, 6), digest(7, 8, 9)], reads: () => reads };
}

Deno.test("isAnyEqual() reads every byte of every digest, wherever an equal one stands", () => {
  for (
    const [offered, expected] of [
      [[1, 2, 3], true],
      [[4, 5, 6], true],
      [[7, 8, 9], true],
      [[0, 2, 3], false],
      [[1, 2, 0], false],
    ] as const
  ) {
    const { known, reads } = countedDigests();
    assertEquals([isAnyEqual(known, [offered]), reads()], [expected, 9], offered.join());
    const twice = countedDigests();
    assertEquals([isAnyEqual(twice.known, [offered, [0, 0, 0]]), twice.reads()], [expected, 18]);
  }
});

// Which of two alike counts shows that the search goes on behind the first: its time tells no place.
Deno.test("authenticate() compares a secret with every token, also after it is found", async () => {
  const tokens = [tokenOf("one", [FIRST]), tokenOf("two", [FIRST]), tokenOf("three", [SECOND])];
  assertEquals(await found(tokens, { "x-api-key": FIRST }), "two");
});

Deno.test("authenticate() accepts no secret for a hash that is none", async () => {
  const hash = sha256(FIRST);
  for (const wrong of ["", "not hex", hash.slice(0, 2), hash.slice(0, 62), `${hash}00`]) {
    const tokens = [{ name: "ci", hashes: [wrong] }];
    assertEquals(await found(tokens, { "x-api-key": FIRST }), "unknown token", wrong);
  }
});

Deno.test("authenticate() accepts no secret when there are no tokens", async () => {
  assertEquals(await found([], { "x-api-key": FIRST }), "unknown token");
});

Deno.test("authenticate() gives a caller whose searches spend the requests of its token's rate", async () => {
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry([{ ...tokenOf("ci", [FIRST]), ratePerMinute: 3 }]),
    clock: new ManualClock(),
    log: silentLogger,
  });
  const caller = await authenticate(new Headers({ "x-api-key": FIRST }));
  assert("principal" in caller);
  assertEquals([caller.principal.charge?.(2), caller.limit()?.status], [0, undefined]);
  assertEquals([caller.principal.charge?.(1), caller.limit()?.status], [20_000, 429]);
});

Deno.test("authenticate() passes the accepted secret to onAccepted, and no other", async () => {
  const accepted: string[] = [];
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry(tokensOf(["the-right-token"])),
    clock: new ManualClock(),
    log: silentLogger,
    onAccepted: (secret) => accepted.push(secret),
  });
  await authenticate(new Headers({ authorization: "Bearer the-wrong-token" }));
  assertEquals(accepted, []);
  await authenticate(
    new Headers({ authorization: "Bearer the-wrong-token", "x-api-key": "the-right-token" }),
  );
  assertEquals(accepted, ["the-right-token"]);
});

Deno.test("again() gives the token of a name as it is now, unless it has expired", async () => {
  const clock = new ManualClock();
  const token = (name: string, fields: Partial<TokenEntry> = {}): TokenEntry => {
    return { name, hashes: [], ...fields };
  };
  const tokens = createTokenRegistry([
    token("team", { agents: ["agent_1"], ratePerMinute: 1 }),
    token("late", { expiresAtMs: clock.wallTime() + 1_000 }),
  ]);
  const { again } = createAuthenticator({ tokens, clock, log: silentLogger });
  const named = (principalId: string) => again({ principalId });
  const team = await named("team");
  assertEquals([team?.principal.id, team?.principal.agents], ["team", ["agent_1"]]);
  assertEquals([team?.limit()?.status, (await named("team"))?.limit()?.status], [undefined, 429]);
  assertEquals([(await named("late"))?.principal.id, await named("nobody"), await named("")], [
    "late",
    ...none(2),
  ]);
  clock.correct(1_000);
  assertEquals(await named("late"), undefined);
  tokens.replace([token("team", { agents: ["agent_2"] })]);
  assertEquals((await named("team"))?.principal.agents, ["agent_2"]);
  tokens.replace([]);
  assertEquals(await named("team"), undefined);
});

function none(count: number): undefined[] {
  return Array.from({ length: count });
}

Deno.test("what a call costs beside itself counts against the rate of its own caller", async () => {
  const tokens = tokensOf([FIRST, SECOND]).map((token) => ({ ...token, ratePerMinute: 5 }));
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry(tokens),
    clock: new ManualClock(),
    log: silentLogger,
  });
  const [first, second] = await Promise.all([FIRST, SECOND].map(async (secret) => {
    const caller = await authenticate(new Headers({ "x-api-key": secret }));
    return "principal" in caller ? caller : undefined;
  }));
  assertEquals(first?.principal.charge?.(5), 0);
  assertEquals(first?.limit()?.status, 429);
  assertEquals([second?.principal.charge?.(4), second?.limit()], [0, undefined]);
});
