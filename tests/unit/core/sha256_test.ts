import { assertEquals } from "@std/assert";
import { sha256 } from "../../../src/core/sha256.ts";

Deno.test("sha256() is that of the text in UTF-8", () => {
  // Source: FIPS 180-2, appendix B, and `printf é | sha256sum`.
  assertEquals(
    sha256("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  assertEquals(
    sha256("\u00e9"),
    "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c",
  );
});
