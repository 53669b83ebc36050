import { assertEquals, assertThrows } from "@std/assert";
import { createTokenRegistry, sha256, tokensOf } from "../../../src/access/tokens.ts";

Deno.test("sha256() is the hash of the text in UTF-8, as lower-case hex", () => {
  // Made with: printf 'é' | sha256sum
  assertEquals(sha256("é"), HASH);
});

const HASH = "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c";

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
