import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type AccessRule, type Claims, mismatchWith } from "../../../src/access/rules.ts";
import { describeMismatch, parseClaims, shownValues } from "../../../src/commands/access_claims.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { toBase64Url } from "../../../src/core/text.ts";

const ISSUER = "https://login.example.com";
const CLAIMS = { iss: ISSUER, sub: "änn", groups: ["a"] };

function jwtOf(payload: string): string {
  const part = (text: string) => toBase64Url(new TextEncoder().encode(text));
  return `${part('{"alg":"RS256"}')}.${part(payload)}.c2lnbmF0dXJl`;
}

Deno.test("parseClaims() reads JSON and JWTs, also as they stand in a header", () => {
  const expected = { issuer: ISSUER, subject: "änn", claims: CLAIMS };
  const json = JSON.stringify(CLAIMS);
  for (const text of [json, ` ${json}\n`, jwtOf(json), `Bearer ${jwtOf(json)}\n`]) {
    assertEquals(parseClaims(text, "'c'"), expected);
  }
});

const WRONG: readonly [string, string, string][] = [
  ["nothing that is known", "cma_secret_secret", "neither JSON nor a JWT"],
  ["a sentence with two dots", "cma_secret. is. it", "neither JSON nor a JWT"],
  ["an encrypted token", "secret.b.c.d.e", "is an encrypted token"],
  ["JSON that ends early", '{ "iss": "secret', "holds no valid JSON"],
  ["a JWT of no JSON", jwtOf("secret"), "holds no valid JSON"],
  ["a JWT of a list", jwtOf('["secret"]'), "JSON that is no object"],
  ["a JWT of no base64url", "e30.!secret.e30", "second part cannot be decoded"],
  ["a JWT of no UTF-8", "e30._w.secret", "second part cannot be decoded"],
  ["no issuer", '{ "sub": "secret" }', "has no claim iss"],
  ["a number as subject", `{ "iss": "${ISSUER}", "sub": 3 }`, "has no claim sub"],
  ["an empty subject", `{ "iss": "${ISSUER}", "sub": "" }`, "has no claim sub"],
  ["a token that has ended", '{ "active": false, "sub": "secret" }', "is not active"],
];

for (const [name, text, expected] of WRONG) {
  Deno.test(`parseClaims() refuses ${name} in one line that repeats nothing of it`, () => {
    const { message } = assertThrows(() => parseClaims(text, "'c'"), UsageError);
    assertStringIncludes(message, expected);
    assert(message.startsWith("'c' ") && !/\n|secret/.test(message), message);
  });
}

function why(claim: string, values: (string | number | boolean)[], claims: Claims): string {
  const rule: AccessRule = { name: "r", issuer: ISSUER, when: { claim, values } };
  const mismatch = mismatchWith(rule, ISSUER, claims);
  assert(mismatch);
  return describeMismatch(rule, mismatch);
}

Deno.test("describeMismatch() says what the claim is, and what it should be", () => {
  assertEquals(
    why("groups", ["x", "y"], { groups: ["a", 1] }),
    'claim groups is ["a", 1], needs one of ["x", "y"]',
  );
  assertEquals(why("groups", ["x"], {}), 'claim groups is missing, needs ["x"]');
  assertEquals(
    why("level", [3], { level: "3" }),
    'claim level is ["3"], needs [3]: a text is no number, nor true or false',
  );
  for (const g of [{}, [], 2 ** 53]) {
    assertStringIncludes(
      why("g", ["x"], { g }),
      "claim g has no text, number below 2^53, true or false to compare",
    );
  }
  assertStringIncludes(why("groups", ["x"], { hasgroups: true }), "have the authorization server");
  assertEquals(
    why("email", ["a@e.com"], { email: "a@e.com" }),
    'claim email counts only beside "email_verified": true',
  );
  const everybody = { name: "r", issuer: "https://two.example.com" };
  assertEquals(
    describeMismatch(everybody, { kind: "issuer" }),
    "is for https://two.example.com",
  );
});

Deno.test("describeMismatch() shows a few values, cuts long ones, and escapes what nobody sees", () => {
  const many = Array.from({ length: 12 }, (_, at) => `v${at}`);
  assertStringIncludes(why("g", many, {}), '"v9", and 2 more]');
  const long = why("g", ["x"], { g: "y".repeat(1_000) });
  assert(long.length < 300, long);
  assertStringIncludes(why("g", ["x"], { g: "a\u202eb\n" }), '["a\\u202eb\\n"]');
  assertEquals(shownValues([true, 1, "1"]), '[true, 1, "1"]');
});
