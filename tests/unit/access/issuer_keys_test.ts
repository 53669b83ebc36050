import { assert, assertEquals, assertMatch } from "@std/assert";
import type { IssuerNetwork } from "../../../src/access/issuer_requests.ts";
import {
  COOL_DOWN_MS,
  FIRST_COOL_DOWN_MS,
  type IssuerKeys,
  KEEP_MS,
  keySetIn,
  openIssuerKeys,
  RENEW_MS,
} from "../../../src/access/issuer_keys.ts";
import { FakeIssuer, issuerKey, listLogger } from "../../helpers/fake_issuer.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const ISSUER = "https://login.example.com";

interface World {
  readonly clock: ManualClock;
  readonly issuer: FakeIssuer;
  readonly keys: IssuerKeys;
  readonly lines: string[];
}

const KEY = await issuerKey("key-1");

/** Runs a test with the keys of an issuer, which leave no timer behind. */
async function withKeys(
  run: (world: World) => Promise<void>,
  answer?: (issuer: FakeIssuer) => FakeIssuer["answer"],
): Promise<void> {
  const clock = new ManualClock();
  const issuer = new FakeIssuer(ISSUER, clock, [KEY]);
  issuer.answer = answer?.(issuer);
  const lines: string[] = [];
  const keys = openIssuerKeys(ISSUER, { fetch: issuer.fetch, clock, log: listLogger(lines) });
  try {
    await run({ clock, issuer, keys, lines });
  } finally {
    keys.close();
    await clock.advance(0);
  }
  assertEquals(clock.pendingTimers, 0);
}

const never: IssuerNetwork["fetch"] = (_url, { signal }) =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

/** Fails every request until told otherwise. */
function broken(issuer: FakeIssuer): FakeIssuer["answer"] {
  return (url) => {
    throw new TypeError(`error sending request for ${url}: ${issuer.issuer}`);
  };
}

Deno.test("the keys are read at once, and every five minutes", () =>
  withKeys(async ({ clock, issuer, keys, lines }) => {
    assertEquals(keys.current(), undefined);
    await clock.advance(0);
    const first = keys.current();
    assertEquals(first?.size, 1);
    assertEquals(issuer.keyReads, 1);
    await clock.advance(RENEW_MS);
    assertEquals(issuer.keyReads, 2);
    // The same keys are the same set, so that what was found out by them goes on.
    assert(keys.current() === first);
    issuer.keys = [await issuerKey("key-2")];
    await clock.advance(RENEW_MS);
    assert(keys.current() !== first);
    assertEquals(lines.length, 2);
    assertMatch(lines[1] ?? "", /^info: The keys of an authorization server were read .*"keys":1/);
  }));

Deno.test("unknown keys are asked for once in half a minute, whoever asks", () =>
  withKeys(async ({ clock, issuer, keys }) => {
    await clock.advance(0);
    for (let second = 0; second < 60; second++) {
      const all = await Promise.all(Array.from({ length: 20 }, () => keys.renew()));
      assert(all.every((hasAnswered) => hasAnswered));
      await clock.advance(1_000);
    }
    assertEquals(issuer.keyReads, 2);
  }));

Deno.test("an issuer that is down is asked once in half a minute, and callers are told at once", () =>
  withKeys(async ({ clock, issuer, keys, lines }) => {
    await clock.advance(0);
    issuer.answer = broken(issuer);
    await clock.advance(RENEW_MS);
    const before = issuer.asked.length;
    for (let second = 0; second < 60; second++) {
      const all = await Promise.all(Array.from({ length: 20 }, () => keys.renew()));
      assert(all.every((hasAnswered) => !hasAnswered));
      await clock.advance(1_000);
    }
    assertEquals(issuer.asked.length - before, 2);
    assertMatch(keys.failure() ?? "", /https:\/\/login\.example\.com/);
    // One line says that it fails, and one that it does no more.
    assertEquals(lines.filter((line) => line.startsWith("warn:")).length, 1);
    issuer.answer = undefined;
    await clock.advance(COOL_DOWN_MS);
    assertEquals(keys.current()?.size, 1);
    assertEquals(keys.failure(), undefined);
    assertMatch(lines.at(-1) ?? "", /^info: .* were read/);
  }));

Deno.test("an issuer that starts after the server counts five seconds later, and is asked no oftener", () =>
  withKeys(async ({ clock, issuer, keys, lines }) => {
    await clock.advance(0);
    for (let second = 0; second < 60; second++) {
      const all = await Promise.all(Array.from({ length: 20 }, () => keys.renew()));
      assert(all.every((hasAnswered) => !hasAnswered));
      await clock.advance(1_000);
    }
    assertEquals(issuer.asked.length, 1 + 60_000 / FIRST_COOL_DOWN_MS);
    assertEquals(lines.filter((line) => line.startsWith("warn:")).length, 1);
    issuer.answer = undefined;
    // Nobody asks for it.
    await clock.advance(FIRST_COOL_DOWN_MS);
    assertEquals([keys.current()?.size, keys.failure()], [1, undefined]);
  }, broken));

Deno.test("known keys go on for a day while their issuer is down", () =>
  withKeys(async ({ clock, issuer, keys }) => {
    await clock.advance(0);
    issuer.answer = broken(issuer);
    await clock.advance(KEEP_MS);
    assertEquals(keys.current()?.size, 1);
    await clock.advance(1);
    assertEquals(keys.current(), undefined);
    issuer.answer = undefined;
    await clock.advance(COOL_DOWN_MS);
    assertEquals(keys.current()?.size, 1);
    // The day passes while the machine sleeps, too.
    clock.correct(KEEP_MS + 1);
    assertEquals(keys.current(), undefined);
  }));

Deno.test("nobody waits more than five seconds for a slow issuer, whose keys count when they come", () => {
  const waiting: (() => void)[] = [];
  return withKeys(
    async ({ clock, issuer, keys }) => {
      await clock.advance(0);
      const renewed = keys.renew();
      await clock.advance(4_000);
      // The metadata come after 4 s, the keys 4 s later.
      waiting.shift()?.();
      await clock.advance(1_000);
      assertEquals(await renewed, false);
      assertEquals(keys.failure(), undefined);
      await clock.advance(3_000);
      waiting.shift()?.();
      await clock.advance(0);
      assertEquals(keys.current()?.size, 1);
      assertEquals(issuer.asked.length, 2);
    },
    () => () => new Promise((resolve) => waiting.push(() => resolve(undefined))),
  );
});

Deno.test("a silent issuer fails after five seconds", () =>
  withKeys(async ({ clock, keys }) => {
    await clock.advance(5_000);
    assertMatch(keys.failure() ?? "", /does not answer within 5 s/);
    assertEquals(await keys.renew(), false);
    // Nobody waits for it again before it had its rest.
    await clock.advance(FIRST_COOL_DOWN_MS - 1);
    assertEquals(await keys.renew(), false);
  }, () => never as FakeIssuer["answer"]));

Deno.test("an empty set takes all keys away, and what is no set takes none", () =>
  withKeys(async ({ clock, issuer, keys, lines }) => {
    await clock.advance(0);
    for (
      const body of [
        "{}",
        "[]",
        "null",
        "<html>",
        '{"keys":{}}',
        "{",
        `{"keys":[],"x":"${"x".repeat(600_000)}"}`,
      ]
    ) {
      issuer.answer = (url) => url === issuer.jwksUri ? new Response(body) : undefined;
      await clock.advance(RENEW_MS);
      assertEquals(keys.current()?.size, 1, body.slice(0, 20));
      assert(keys.failure() !== undefined);
    }
    issuer.answer = (url) => url === issuer.jwksUri ? Response.json({ keys: [] }) : undefined;
    await clock.advance(RENEW_MS);
    assertEquals(keys.current()?.size, 0);
    assertEquals(keys.failure(), undefined);
    assertMatch(lines.at(-1) ?? "", /^warn: An authorization server has no key that can be used/);
  }));

Deno.test("a key that leaves or comes makes another set", () =>
  withKeys(async ({ clock, issuer, keys }) => {
    await clock.advance(0);
    const [first] = issuer.keys;
    assert(first);
    const sets = new Set([keys.current()]);
    for (const list of [[first, await issuerKey("key-2")], [first], []]) {
      issuer.keys = list;
      await clock.advance(RENEW_MS);
      sets.add(keys.current());
    }
    assertEquals(sets.size, 4);
  }));

Deno.test("closing ends the reading and the timer", async () => {
  const clock = new ManualClock();
  const keys = openIssuerKeys(ISSUER, { fetch: never, clock, log: listLogger([]) });
  const renewed = keys.renew();
  keys.close();
  assertEquals(await renewed, false);
  await clock.advance(RENEW_MS);
  assertEquals(clock.pendingTimers, 0);
  assertEquals(await keys.renew(), false);
});

Deno.test("only public keys for the accepted algorithms can be used", async () => {
  const { jwk: ec } = KEY;
  const { jwk: weak } = await issuerKey("weak", "RS256", 1_024);
  const set = keySetIn({
    keys: [
      ec,
      weak,
      { ...ec, kid: "private", d: "AAAA" },
      { kty: "oct", kid: "shared", k: "AAAA" },
      { ...ec, kid: "es384", alg: "ES384" },
      { kty: "EC", crv: "P-521", kid: "p521", x: "A", y: "A" },
      { kty: "OKP", crv: "X25519", x: "A" },
      { kty: "RSA", kid: "encrypts", use: "enc", n: "AAAA", e: "AQAB" },
      "garbage",
      null,
    ],
  }, "https://login.example.com/keys");
  assertEquals(set.size, 1);
  assertEquals(Object.fromEntries(set.unusable), {
    weak: "it is an RSA key of fewer than 2048 bits",
    private: "its private part is published",
    shared: "it is a shared secret",
    es384: "it is for another algorithm",
    p521: "it is for another algorithm",
    "keys[6]": "it is for another algorithm",
    "keys[8]": "it is for another algorithm",
    "keys[9]": "it is for another algorithm",
  });
});

Deno.test("a set of very many keys costs no more than a hundred", () => {
  const keys = Array.from({ length: 101 }, (_, at) => ({ ...KEY.jwk, kid: `key-${at}` }));
  assertEquals(keySetIn({ keys }, "https://login.example.com/keys").size, 100);
});
