import { assertEquals } from "@std/assert";
import { hasScope, SCOPES } from "../../../src/access/scopes.ts";
import type { Principal } from "../../../src/access/principal.ts";

const scopesOf = (principal?: Principal) => SCOPES.filter((scope) => hasScope(principal, scope));

Deno.test("hasScope() gives a caller that is not identified, or not limited, every right", () => {
  assertEquals(scopesOf(), [...SCOPES]);
  assertEquals(scopesOf({ id: "ci" }), [...SCOPES]);
});

Deno.test("hasScope() gives a read-only caller the rights to read, whatever its scopes say", () => {
  assertEquals(scopesOf({ id: "ci", readOnly: true }), ["agents:read", "sessions:read"]);
  const scopes = ["sessions:read", "actions"] as const;
  assertEquals(scopesOf({ id: "ci", readOnly: true, scopes }), ["sessions:read"]);
});

Deno.test("hasScope() gives a caller with scopes these rights only", () => {
  assertEquals(scopesOf({ id: "ci", scopes: ["actions"] }), ["actions"]);
  assertEquals(scopesOf({ id: "ci", scopes: [] }), []);
});
