// Rules of the access file let in whom they name, whatever claims a token has.
import { assert, assertEquals } from "@std/assert";
import { type AccessRule, mismatchWith, ruleFor } from "../../src/access/rules.ts";
import { anyCharacter, fc, fuzzRuns, jsonValue } from "../helpers/fuzz.ts";

const ISSUER = "https://login.example.com";

const claimName = fc.constantFrom("groups", "a.b", "a", "scope", "email", "__proto__", "toString");
const claimValue = fc.oneof(
  fc.constantFrom("x", "y", "z", 1, true),
  fc.string({ unit: anyCharacter, minLength: 1, maxLength: 5 }),
);
const anyRules = fc.array(
  fc.record({
    issuer: fc.constantFrom(ISSUER, "https://other.example.com"),
    when: fc.option(
      fc.record({ claim: claimName, values: fc.array(claimValue, { minLength: 1, maxLength: 4 }) }),
      { nil: undefined },
    ),
  }),
  { maxLength: 8 },
).map((rules) => rules.map((rule, index): AccessRule => ({ name: `r${index}`, ...rule })));
const anyClaims = fc.dictionary(
  fc.constantFrom("groups", "a", "a.b", "scope", "email", "email_verified", "_claim_names"),
  fc.oneof(claimValue, fc.array(claimValue, { maxLength: 4 }), jsonValue({ maxDepth: 2 })),
);

Deno.test("ruleFor() takes the first rule that mismatchWith() has nothing against, for all claims", () => {
  fc.assert(
    fc.property(anyRules, anyClaims, (rules, claims) => {
      const fitting = rules.filter((rule) => mismatchWith(rule, ISSUER, claims) === undefined);
      assertEquals(ruleFor(rules, ISSUER, claims), fitting[0]);
      assert(fitting.every(({ issuer }) => issuer === ISSUER));
      // One that is inserted before changes the outcome only by fitting itself.
      const foreign = { name: "foreign", issuer: "https://third.example.com" };
      assertEquals(ruleFor([foreign, ...rules], ISSUER, claims), fitting[0]);
      const all = { name: "all", issuer: ISSUER };
      assertEquals(ruleFor([...rules, all], ISSUER, claims), fitting[0] ?? all);
    }),
    fuzzRuns(300),
  );
});

Deno.test("ruleFor() lets nobody in by claims that the token itself does not have", () => {
  fc.assert(
    fc.property(anyRules, (rules) => {
      const withClaims = rules.filter(({ when }) => when);
      assertEquals(ruleFor(withClaims, ISSUER, {}), undefined);
      assertEquals(ruleFor(withClaims, ISSUER, Object.create({ groups: "x", a: "x" })), undefined);
    }),
    fuzzRuns(200),
  );
});
