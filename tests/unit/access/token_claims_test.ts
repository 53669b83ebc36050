import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TrustedIssuer } from "../../../src/access/access_tokens.ts";
import {
  checkClaims,
  noAccessToken,
  otherUse,
  quoted,
  rejected,
  scopesOf,
} from "../../../src/access/token_claims.ts";

const NOW = Date.parse("2026-11-27T03:00:00.000Z");
const TRUSTED: TrustedIssuer = {
  issuer: "https://login.example.com",
  audiences: ["https://mcp.example.com/mcp", "api://mcp"],
  tokenTypes: ["at+jwt"],
};
const CLAIMS = {
  iss: TRUSTED.issuer,
  aud: "api://mcp",
  sub: "alice",
  exp: NOW / 1_000 + 600,
};

/** Returns the message about claims that differ from good ones. */
function messageOf(changes: Record<string, unknown>): string {
  const check = checkClaims({ ...CLAIMS, ...changes }, TRUSTED, "introspection", NOW);
  return check.kind === "rejected" ? check.message : check.kind;
}

Deno.test("what is wrong with a token is said with what would be right", () => {
  assertEquals(messageOf({}), "accepted");
  assertMatch(
    messageOf({ aud: ["https://a.example.com", 7] }),
    /another audience \(aud\): it is for 'https:\/\/a\.example\.com', '7'; this server is https:\/\/mcp\.example\.com\/mcp or api:\/\/mcp\.$/,
  );
  assertMatch(
    messageOf({ aud: undefined }),
    /lacks the claim aud.*have the authorization server issue it for https:\/\/mcp\.example\.com\/mcp\.$/,
  );
  assertMatch(
    messageOf({ exp: NOW / 1_000 - 60 }),
    /expired \(exp\) at 2026-11-27T02:59:00\.000Z\.$/,
  );
  assertMatch(
    messageOf({ nbf: NOW / 1_000 + 60 }),
    /valid from 2026-11-27T03:01:00\.000Z on only \(nbf\): it is 2026-11-27T03:00:00\.000Z here\.$/,
  );
  assertMatch(
    messageOf({ iss: "https://evil.example.com" }),
    /says 'https:\/\/evil\.example\.com'; this server accepts those of https:\/\/login\.example\.com\.$/,
  );
});

Deno.test("a token that is bound to a key is told by its claims or its type", () => {
  for (const bound of [{ cnf: {} }, { cnf: null }, { token_type: "DPoP" }, { token_type: "pop" }]) {
    assertMatch(messageOf(bound), /bound to its sender's key/);
  }
  for (const type of ["Bearer", "bearer", "access_token", 7]) {
    assertEquals(messageOf({ token_type: type }), "accepted");
  }
});

Deno.test("a time may have fractions, and lies within those of the calendar", () => {
  assertEquals(messageOf({ exp: NOW / 1_000 + 0.5 }), "accepted");
  for (const exp of [Infinity, -1, 8.64e12 + 1, NaN, "1", null, [1]]) {
    assertMatch(messageOf({ exp }), /claim exp is no time/);
  }
});

Deno.test("half a minute is forgiven, and no more", () => {
  assertEquals(messageOf({ exp: NOW / 1_000 - 29.5 }), "accepted");
  assertMatch(messageOf({ exp: NOW / 1_000 - 30 }), /expired/);
  for (const claim of ["nbf", "iat"]) {
    assertEquals(messageOf({ [claim]: NOW / 1_000 + 30 }), "accepted");
    assertMatch(messageOf({ [claim]: NOW / 1_000 + 30.5 }), /valid from/);
  }
});

Deno.test("a subject may have 255 characters of any script", () => {
  for (const sub of ["é".repeat(255), "auth0|5f7c8ec7c33c6c004bbafe82", "alice@example.com", " "]) {
    assertEquals(messageOf({ sub }), "accepted");
  }
  for (const sub of ["é".repeat(256), "a\u0000", "a\u0085", "\udfff"]) {
    assertMatch(messageOf({ sub }), /claim sub has/);
  }
});

Deno.test("scopes of this server are found in either claim, once", () => {
  const scopes = scopesOf({ scope: "actions  agents:read", scp: ["agents:read", "admin"] });
  assertEquals(scopes, ["agents:read", "actions"]);
  assertEquals(scopesOf({}), []);
});

Deno.test("values are quoted so that they cannot forge a line, and cut", () => {
  assertEquals(quoted("a\nb"), "'a\\u000ab'");
  assertEquals(quoted("x".repeat(300)), `'${"x".repeat(200)}…'`);
  assertEquals(quoted(undefined), "'nothing'");
  assertEquals(quoted({ a: 1 }, 4), "'{\"a\"…'");
});

Deno.test("a rejection without a claim names none", () => {
  assert(!("claim" in rejected("malformed", "No.")));
});

Deno.test("otherUse() finds what a token calls itself, in the claims that are asked for alone", () => {
  const uses = ["id", "Refresh", "id_token", "RefreshToken", "offline", "logout"];
  for (const use of uses) {
    assertEquals(otherUse({ token_use: use }, ["token_use"]), noAccessToken("token_use"), use);
  }
  for (const use of ["access", "Bearer", "at+jwt", "idea", "", undefined, ["id"]]) {
    assertEquals(otherUse({ typ: use }, ["token_use", "typ"]), undefined, `${use}`);
  }
  assertEquals(otherUse({ token_type: "refresh_token" }, ["token_use", "typ"]), undefined);
});
