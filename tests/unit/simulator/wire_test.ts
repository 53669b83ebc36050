import { assertEquals } from "@std/assert";
import { joinedText } from "../../../src/simulator/wire.ts";

Deno.test("joinedText() joins text blocks and skips everything else", () => {
  const content = [{ type: "text", text: "a" }, { type: "image" }, null, {
    type: "text",
    text: "b",
  }];
  assertEquals(joinedText(content), "a\nb");
  for (const other of ["a", null, undefined, {}]) assertEquals(joinedText(other), "");
});
