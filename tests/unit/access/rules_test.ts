import { assertEquals } from "@std/assert";
import {
  type AccessRule,
  type Claims,
  type ClaimValue,
  mismatchWith,
  ruleFor,
} from "../../../src/access/rules.ts";

const ISSUER = "https://login.example.com";

function ruleOf(name: string, claim?: string, ...values: ClaimValue[]): AccessRule {
  return { name, issuer: ISSUER, ...(claim !== undefined && { when: { claim, values } }) };
}

/** Returns the name of the rule that fits. */
function fits(claims: Claims, ...rules: AccessRule[]): string | undefined {
  return ruleFor(rules, ISSUER, claims)?.name;
}

Deno.test("ruleFor() takes the first rule that fits, in the order of the file", () => {
  const rules = [
    ruleOf("admins", "groups", "admin"),
    ruleOf("analysts", "groups", "analyst", "scientist"),
    ruleOf("everybody"),
  ];
  assertEquals(fits({ groups: ["scientist", "admin"] }, ...rules), "admins");
  assertEquals(fits({ groups: ["scientist"] }, ...rules), "analysts");
  assertEquals(fits({ groups: [] }, ...rules), "everybody");
  assertEquals(fits({}, ...rules.slice(0, 2)), undefined);
  assertEquals(fits({}), undefined);
});

Deno.test("ruleFor() compares issuers letter by letter", () => {
  const [rule] = [ruleOf("everybody")];
  for (
    const issuer of [`${ISSUER}/`, "https://LOGIN.example.com", "http://login.example.com", ""]
  ) {
    assertEquals(ruleFor([rule], issuer, {}), undefined, issuer);
  }
  assertEquals(ruleFor([rule], ISSUER, {}), rule);
});

/** A claim's name, the values wanted, the claims of the token, and whether they fit. */
const CASES: readonly [string, string, readonly ClaimValue[], Claims, boolean][] = [
  ["a text", "team", ["red"], { team: "red" }, true],
  ["one of several texts", "team", ["blue", "red"], { team: "red" }, true],
  ["another case", "team", ["Red"], { team: "red" }, false],
  ["a part of the text", "team", ["red"], { team: "redder" }, false],
  ["a text with a space around it", "team", ["red"], { team: " red" }, false],
  ["a number", "level", [3], { level: 3 }, true],
  ["a number as text", "level", [3], { level: "3" }, false],
  ["a text that wants a number", "level", ["3"], { level: 3 }, false],
  ["the largest exact number", "id", [2 ** 53 - 1], { id: 2 ** 53 - 1 }, true],
  ["a number that is also another's", "id", [2 ** 53], { id: 2 ** 53 }, false],
  ["true", "staff", [true], { staff: true }, true],
  ["true as text", "staff", [true], { staff: "true" }, false],
  ["1 for true", "staff", [true], { staff: 1 }, false],
  ["false", "staff", [false], { staff: false }, true],
  ["an absent claim for false", "staff", [false], {}, false],
  ["null", "team", ["null"], { team: null }, false],
  ["a list", "groups", ["b"], { groups: ["a", "b"] }, true],
  ["a list of mixed values", "groups", [2], { groups: ["a", 2, null, {}] }, true],
  ["a list in a list", "groups", ["a"], { groups: [["a"]] }, false],
  ["an object", "groups", ["a"], { groups: { a: "a" } }, false],
  ["an object in a list", "groups", ["[object Object]"], { groups: [{}] }, false],
  ["words of scope", "scope", ["b"], { scope: "a b c" }, true],
  ["words of scp", "scp", ["b"], { scp: "a b c" }, true],
  ["a list of scp", "scp", ["b"], { scp: ["a", "b"] }, true],
  ["a whole scope of several words", "scope", ["a b"], { scope: "a b" }, false],
  ["words of another claim", "groups", ["b"], { groups: "a b" }, false],
  ["a path", "realm_access.roles", ["x"], { realm_access: { roles: ["x"] } }, true],
  ["a deep path", "a.b.c", [1], { a: { b: { c: 1 } } }, true],
  ["a URL as name", "https://e.com/r", ["x"], { "https://e.com/r": ["x"] }, true],
  ["a name with a dot before the path", "a.b", ["x"], { "a.b": "x", a: { b: "y" } }, true],
  ["the path behind a name", "a.b", ["y"], { "a.b": "x", a: { b: "y" } }, false],
  ["a path into a list", "a.0", ["x"], { a: ["x"] }, false],
  ["the length of a list", "groups.length", [1], { groups: ["x"] }, false],
  ["the length of a text", "team.length", [3], { team: "red" }, false],
  ["a path that ends early", "a.b.c", ["x"], { a: { b: "x" } }, false],
  ["a prototype's name", "constructor.name", ["Object"], {}, false],
  ["a checked address", "email", ["a@e.com"], { email: "a@e.com", email_verified: true }, true],
  ["an address that nobody checked", "email", ["a@e.com"], { email: "a@e.com" }, false],
  [
    "an address that is checked in words",
    "email",
    ["a@e.com"],
    { email: "a@e.com", email_verified: "true" },
    false,
  ],
];

for (const [name, claim, values, claims, expected] of CASES) {
  Deno.test(`ruleFor() ${expected ? "takes" : "refuses"} ${name}`, () => {
    assertEquals(fits(claims, ruleOf("r", claim, ...values)), expected ? "r" : undefined);
  });
}

Deno.test("ruleFor() believes nothing of what every object inherits", () => {
  const inherited: Claims = Object.create({ team: "red", email_verified: true });
  assertEquals(fits(inherited, ruleOf("r", "team", "red")), undefined);
  const address = Object.assign(Object.create({ email_verified: true }), { email: "a@e.com" });
  assertEquals(fits(address, ruleOf("r", "email", "a@e.com")), undefined);
  const nested: Claims = { a: Object.create({ b: "x" }) };
  assertEquals(fits(nested, ruleOf("r", "a.b", "x")), undefined);
});

Deno.test("mismatchWith() says why a rule does not fit", () => {
  const rule = ruleOf("r", "groups", "x");
  const why = (claims: Claims, issuer = ISSUER) => mismatchWith(rule, issuer, claims);
  assertEquals(why({ groups: "x" }), undefined);
  assertEquals(why({ groups: "x" }, "https://other.example.com"), { kind: "issuer" });
  assertEquals(why({}), { kind: "absent" });
  assertEquals(why({ groups: null }), { kind: "absent" });
  assertEquals(why({ groups: ["a", "a", 1] }), { kind: "other_values", found: ["a", 1] });
  assertEquals(why({ groups: {} }), { kind: "no_values" });
  assertEquals(why({ groups: [] }), { kind: "no_values" });
  assertEquals(why({ _claim_names: { groups: "src1" } }), { kind: "elsewhere" });
  assertEquals(why({ hasgroups: true }), { kind: "elsewhere" });
  assertEquals(why({ hasgroups: false }), { kind: "absent" });
  assertEquals(why({ _claim_names: { roles: "src1" } }), { kind: "absent" });
  assertEquals(mismatchWith(ruleOf("r", "email", "a"), ISSUER, { email: "a" }), {
    kind: "unverified_email",
  });
});
