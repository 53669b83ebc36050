import { assertEquals } from "@std/assert";
import { targetOf } from "../../../../src/commands/serve/target.ts";

Deno.test("targetOf() names the address of the API, unless it is the simulator", () => {
  const server = { baseUrl: "https://api.example.com" };
  assertEquals(targetOf({ simulate: false, server }), "https://api.example.com");
  assertEquals(targetOf({ simulate: true, server }), "the built-in SIMULATOR");
});
