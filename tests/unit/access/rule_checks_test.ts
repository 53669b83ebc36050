import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkRules, isOpenIssuer, ruleWarnings } from "../../../src/access/rule_checks.ts";
import type { AccessRule } from "../../../src/access/rules.ts";
import { UsageError } from "../../../src/core/errors.ts";

const ISSUER = "https://login.example.com";
const GOOGLE = "https://accounts.google.com";

const all = (name: string, issuer = ISSUER): AccessRule => ({ name, issuer });
const some = (name: string, issuer: string, claim: string): AccessRule => ({
  ...all(name, issuer),
  when: { claim, values: ["example.com"] },
});

function complaint(rules: AccessRule[] | undefined, issuers: string[], source?: string): string {
  const { message } = assertThrows(() => checkRules(rules, issuers, source), UsageError);
  assert(!message.includes("\n"), message);
  return message;
}

Deno.test("checkRules() takes rules of the issuers that are trusted, and none where none is needed", () => {
  checkRules([all("a"), all("b", "https://two.example.com")], [ISSUER, "https://two.example.com"]);
  checkRules(undefined, [ISSUER]);
  checkRules([], []);
  checkRules([some("staff", GOOGLE, "hd")], [GOOGLE]);
});

Deno.test("checkRules() refuses a rule for an issuer that is not trusted, letter by letter", () => {
  assertEquals(
    complaint([all("a"), all("b", `${ISSUER}/`)], [ISSUER], "'f'"),
    `'f': rules[1] ("b"): issuer ${ISSUER}/ must be one that --oauth-issuer names, letter by ` +
      `letter: ${ISSUER}`,
  );
  assertStringIncludes(complaint([all("a")], [], "'f'"), "with --oauth-issuer");
});

Deno.test("checkRules() lets nobody in from everywhere: an open issuer needs a rule that tells people apart", () => {
  assertStringIncludes(complaint(undefined, [GOOGLE]), "the file of --access-file");
  assertStringIncludes(complaint([], [GOOGLE], "'f'"), "'f' needs a rule for it");
  assertStringIncludes(complaint([all("a")], [ISSUER, GOOGLE], "'f'"), `account at ${GOOGLE}`);
  assertStringIncludes(complaint([all("a", GOOGLE)], [GOOGLE], "'f'"), 'rules[0] ("a"): anybody');
  for (const claim of ["iss", "aud", "email_verified", "scope", "name", "preferred_username"]) {
    assertStringIncludes(
      complaint([some("a", GOOGLE, claim)], [GOOGLE], "'f'"),
      `can have that ${claim}: name a claim that tells people apart`,
    );
  }
  // Also where another rule of the same issuer is right.
  complaint([some("a", GOOGLE, "hd"), all("b", GOOGLE)], [GOOGLE], "'f'");
});

const OPEN = [
  GOOGLE,
  `${GOOGLE}/`,
  "https://ACCOUNTS.google.com",
  "https://accounts.google.com.",
  "https://login.microsoftonline.com/common/v2.0",
  "https://login.microsoftonline.com/Common/v2.0",
  "https://login.microsoftonline.com/organizations/v2.0",
  "https://login.microsoftonline.com/consumers/v2.0",
  "https://login.microsoftonline.com/{tenantid}/v2.0",
  "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
  "https://sts.windows.net/9188040D-6c67-4c5b-b112-36a304b66dad/",
  "https://login.live.com",
  "https://appleid.apple.com",
  "https://github.com/login/oauth",
  "https://token.actions.githubusercontent.com",
  "https://gitlab.com",
  "https://www.facebook.com",
  "https://www.linkedin.com/oauth",
];

for (const issuer of OPEN) {
  Deno.test(`isOpenIssuer() knows ${issuer}`, () => assert(isOpenIssuer(issuer)));
}

const CLOSED = [
  ISSUER,
  "https://login.microsoftonline.com/0b4f6f2e-1111-4222-8333-444455556666/v2.0",
  "https://login.microsoftonline.com",
  "https://sts.windows.net/0b4f6f2e-1111-4222-8333-444455556666/",
  "https://token.actions.githubusercontent.com/octo-enterprise",
  "https://gitlab.example.com",
  "https://accounts.google.com.example.com",
  "https://example.com/accounts.google.com",
  "https://team.eu.auth0.com/",
  "http://127.0.0.1:9000/%",
  "no URL",
];

for (const issuer of CLOSED) {
  Deno.test(`isOpenIssuer() leaves ${issuer} to its operator`, () => assert(!isOpenIssuer(issuer)));
}

Deno.test("ruleWarnings() says who gets in without rules, and of which issuer nobody does", () => {
  assertEquals(ruleWarnings(undefined, []), []);
  assertEquals(ruleWarnings([all("a")], [ISSUER]), []);
  const [everybody = "", ...others] = ruleWarnings(undefined, [ISSUER, "https://two.example.com"]);
  assert(/^Everybody who can sign in at .*login.* or .*two\.example/.test(everybody), everybody);
  assertEquals(others, []);
  assertEquals(ruleWarnings([all("a")], [ISSUER, "https://two.example.com"]), [
    "Nobody who signs in at https://two.example.com gets in: no rule of the access file is for it",
  ]);
  assertEquals(ruleWarnings([], [ISSUER]).length, 1);
});
