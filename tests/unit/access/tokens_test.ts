import { assert, assertEquals, assertThrows } from "@std/assert";
import { createTokenRegistry, isTokenList, tokensOf } from "../../../src/access/tokens.ts";
import { sha256 } from "../../../src/core/sha256.ts";

Deno.test("tokensOf() calls a single token 'default', and numbers several", () => {
  const one = { hashes: [sha256("one")] };
  assertEquals(tokensOf(["one"]), [{ name: "default", ...one }]);
  assertEquals(tokensOf(["one", "two"]), [
    { name: "token-1", ...one },
    { name: "token-2", hashes: [sha256("two")] },
  ]);
});

Deno.test("tokensOf() throws without a secret, and for an empty one", () => {
  for (const secrets of [[], [""], ["one", ""]]) {
    assertThrows(() => tokensOf(secrets), TypeError, "at least one token");
  }
});

Deno.test("createTokenRegistry() holds its tokens until they are replaced", () => {
  const first = tokensOf(["one"]);
  const registry = createTokenRegistry(first);
  assertEquals(registry.current(), first);
  registry.replace([]);
  assertEquals(registry.current(), []);
});

Deno.test("no token can have the name of a person", () => {
  const token = { name: '["https://login.example.com","alice"]', hashes: [] };
  assertThrows(() => createTokenRegistry([token]), TypeError, "bracket");
  const registry = createTokenRegistry([]);
  assertThrows(() => registry.replace([token]), TypeError, "bracket");
  assertEquals(registry.current(), []);
});

Deno.test("isTokenList() tells a list from a secret", () => {
  assert(isTokenList(' \n{ "tokens": [] }'));
  assert(!isTokenList("cma_secret") && !isTokenList(""));
});
