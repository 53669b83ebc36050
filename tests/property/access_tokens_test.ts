// No token counts that its issuer has not signed as it is, whatever of it was changed, and whatever
// is sent in place of one.
import { assert, assertEquals } from "@std/assert";
import type { TokenCheck } from "../../src/access/access_tokens.ts";
import { toBase64Url } from "../../src/core/text.ts";
import {
  type IssuerKey,
  issuerKey,
  rawToken,
  type VerifierWorld,
  verifierWorld,
} from "../helpers/fake_issuer.ts";
import { anyCharacter, assertAsync, fc, fuzzRuns, jsonValue } from "../helpers/fuzz.ts";

/** The keys of an issuer with one of each kind, and one more without a name. */
const KEYS = await Promise.all([
  issuerKey("ec"),
  issuerKey("rsa", "RS256", 2_048),
  issuerKey("pss", "PS256", 2_048),
  issuerKey("ed", "Ed25519"),
  // The older name of the same algorithm.
  issuerKey("ed-old", "EdDSA"),
]);

async function withWorld(
  keys: readonly IssuerKey[],
  run: (world: VerifierWorld) => Promise<void>,
  tokenTypes = ["at+jwt", "JWT"],
): Promise<void> {
  const world = verifierWorld({ keys, trusted: { tokenTypes } });
  try {
    await world.clock.advance(0);
    await run(world);
    assertEquals(world.lines.filter((line) => line.startsWith("error:")), []);
  } finally {
    world.verifier.close();
  }
}

/** Checks that a result is whole, and does not show what only the token may hold. */
function assertRefused(check: TokenCheck, token: string): void {
  assert(check.kind !== "accepted", `It is accepted: ${token}`);
  assert(!check.message.includes("s3cret"), check.message);
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  assert(!/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]/.test(check.message), check.message);
  assert(check.message.length < 2_000, String(check.message.length));
}

Deno.test("each accepted algorithm is checked by its key", () =>
  withWorld(KEYS, async ({ issuer, verifier }) => {
    for (const key of KEYS) {
      const token = await issuer.token({}, {}, key);
      assertEquals((await verifier.verify(token)).kind, "accepted", key.alg);
    }
  }));

Deno.test("a token that names no key is checked by those that fit", async () => {
  const nameless = await Promise.all([1, 2, 3].map(() => issuerKey(undefined)));
  await withWorld([...nameless, ...KEYS], async ({ issuer, verifier }) => {
    for (const key of nameless) {
      assertEquals((await verifier.verify(await issuer.token({}, {}, key))).kind, "accepted");
    }
    for (const claims of [{ exp: 1 }, { aud: "x" }, { sub: undefined }]) {
      assertRefused(await verifier.verify(await issuer.token(claims, {}, nameless[1])), "");
    }
    const forged = await issuer.token({}, {}, await issuerKey(undefined));
    const check = await verifier.verify(forged);
    assert(check.kind === "rejected");
    assertEquals(check.problem, "bad_signature");
  });
});

Deno.test("keys of the same name are told apart by their algorithm, and all tried", async () => {
  const twins = await Promise.all([
    issuerKey("same"),
    issuerKey("same"),
    issuerKey("same", "Ed25519"),
  ]);
  await withWorld(twins, async ({ issuer, verifier }) => {
    for (const key of twins) {
      assertEquals((await verifier.verify(await issuer.token({}, {}, key))).kind, "accepted");
    }
  });
});

Deno.test("a weak RSA key counts for nothing", async () => {
  const weak = await issuerKey("weak", "RS256", 1_024);
  await withWorld([weak], async ({ issuer, verifier }) => {
    // The library does not sign with it.
    const unsigned = rawToken({ alg: "RS256", typ: "at+jwt", kid: "weak" }, issuer.claims());
    const bytes = new TextEncoder().encode(unsigned.slice(0, -1));
    const signed = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", weak.privateKey, bytes);
    const signature = toBase64Url(new Uint8Array(signed));
    const check = await verifier.verify(unsigned + signature);
    assert(check.kind === "rejected");
    assertEquals(check.problem, "unknown_key");
    assert(/fewer than 2048 bits/.test(check.message), check.message);
  });
});

/** A change of a token's text. */
const edits: fc.Arbitrary<(token: string) => string> = fc.oneof(
  fc.tuple(fc.nat(), fc.oneof(anyCharacter, fc.constantFrom(..."AZaz09-_.=+/ "))).map(
    ([at, char]) => (token: string) => {
      const place = at % (token.length + 1);
      return token.slice(0, place) + char + token.slice(place + 1);
    },
  ),
  fc.tuple(fc.nat(), fc.string({ maxLength: 4 })).map(([at, text]) => (token: string) => {
    const place = at % (token.length + 1);
    return token.slice(0, place) + text + token.slice(place);
  }),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 50 })).map(([at, count]) => (token: string) => {
    const place = at % token.length;
    return token.slice(0, place) + token.slice(place + count);
  }),
  fc.shuffledSubarray([0, 1, 2, 0, 1, 2]).map((order) => (token: string) =>
    order.map((index) => token.split(".")[index]).join(".")
  ),
);

Deno.test("a good token whose text was changed anywhere never counts", () =>
  withWorld(KEYS, async ({ issuer, verifier }) => {
    const good = await Promise.all(KEYS.map((key) => issuer.token({ sub: "s3cret" }, {}, key)));
    const whole = new Set(good);
    await assertAsync(
      fc.asyncProperty(
        fc.constantFrom(...good),
        fc.array(edits, { minLength: 1, maxLength: 3 }),
        async (token, changes) => {
          const changed = changes.reduce((text, change) => change(text), token);
          if (!whole.has(changed)) assertRefused(await verifier.verify(changed), changed);
        },
      ),
      fuzzRuns(4_000),
    );
    // They still do.
    for (const token of good) assertEquals((await verifier.verify(token)).kind, "accepted");
  }));

/** Values that claims and header fields of real tokens have, among others. */
const values = fc.oneof(
  jsonValue({ maxDepth: 1 }),
  fc.constantFrom<unknown>(
    ...["none", "HS256", "ES256", "RS256", "at+jwt", "JWT", "ec", "rsa", "ed"],
    ...["https://login.example.com", "https://mcp.example.com/mcp", 0, -1, 1e300, null, [], {}],
  ),
);
const fieldsOf = (...names: string[]) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 8 })), values, {
    maxKeys: 4,
  });

Deno.test("other claims or another header under a good signature never count", () =>
  withWorld(KEYS, async ({ issuer, verifier }) => {
    const good = await issuer.token();
    const [, , signature = ""] = good.split(".");
    const header = { alg: "ES256", typ: "at+jwt", kid: "ec" };
    await assertAsync(
      fc.asyncProperty(
        fieldsOf("alg", "typ", "kid", "jwk", "jku", "x5c", "crit", "b64", "zip", "enc"),
        fieldsOf("iss", "aud", "sub", "exp", "nbf", "iat", "scope", "cnf", "nonce"),
        fc.constantFrom(signature, "", "AAAA", signature.slice(0, 43)),
        async (fields, claims, end) => {
          const token = rawToken(
            { ...header, ...fields },
            issuer.claims({ ...claims, jti: "s3cret" }),
            end,
          );
          assertRefused(await verifier.verify(token), token);
        },
      ),
      fuzzRuns(3_000),
    );
  }));

Deno.test("what the issuer signs counts only with whole claims, and never breaks the check", () =>
  withWorld(KEYS, async ({ issuer, verifier, clock }) => {
    await assertAsync(
      fc.asyncProperty(
        fieldsOf("iss", "aud", "sub", "exp", "nbf", "iat", "scope", "scp", "cnf", "nonce", "typ"),
        async (changes) => {
          const token = await issuer.token(changes);
          const check = await verifier.verify(token);
          if (check.kind !== "accepted") return;
          const { iss, aud, sub, exp, cnf } = issuer.claims(changes);
          assertEquals(iss, "https://login.example.com");
          assert([aud].flat().includes("https://mcp.example.com/mcp"));
          assert(typeof sub === "string" && sub !== "");
          assert(typeof exp === "number" && exp * 1_000 > clock.wallTime() - 30_000);
          assertEquals([cnf, check.subject], [undefined, sub]);
        },
      ),
      fuzzRuns(2_000),
    );
  }, ["at+jwt"]));

Deno.test("any text is refused without a failure", () =>
  withWorld(KEYS, async ({ verifier, issuer }) => {
    const { length } = issuer.asked;
    const pieces = fc.oneof(
      fc.string({ unit: anyCharacter, maxLength: 60 }),
      fc.constantFrom(".", "..", "eyJ", "eyJhbGciOiJub25lIn0", "e30", "=", "Bearer "),
    );
    await assertAsync(
      fc.asyncProperty(fc.array(pieces, { maxLength: 8 }), async (texts) => {
        const token = texts.join("");
        assertRefused(await verifier.verify(token), token);
      }),
      fuzzRuns(1_000),
    );
    assertEquals(issuer.asked.length, length);
  }));
