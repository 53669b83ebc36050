import { assertEquals } from "@std/assert";
import { FILE_HOSTS } from "../../../src/hosts/hosts.ts";
import { FILE_HOST_NAMES, HOST_NAMES } from "../../../src/hosts/names.ts";

Deno.test("HOST_NAMES has every host with a file, and claude.ai", () => {
  assertEquals(HOST_NAMES, [...FILE_HOST_NAMES, "claude.ai"]);
  assertEquals(Object.keys(FILE_HOSTS), [...FILE_HOST_NAMES]);
});
