import { assertEquals, assertMatch } from "@std/assert";
import { COMMIT, VERSION, versionText } from "../../../src/commands/version.ts";

Deno.test("versionText() is the version, and behind it the commit of an executable", () => {
  assertEquals(versionText("1.2.3", undefined), "1.2.3");
  assertEquals(versionText("1.2.3", "0123456+"), "1.2.3 (0123456+)");
});

Deno.test("VERSION is a semantic version, and a program run from source has no COMMIT", () => {
  assertMatch(VERSION, /^\d+\.\d+\.\d+$/);
  assertEquals([COMMIT, versionText()], [undefined, VERSION]);
});
