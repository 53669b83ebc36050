import { assertEquals } from "@std/assert";
import { createPalette } from "../../../src/commands/paint.ts";

Deno.test("createPalette() wraps texts in the codes of a colour and of its end", () => {
  const { bold, green } = createPalette(true);
  assertEquals(bold(green("x")), "\x1b[1m\x1b[32mx\x1b[39m\x1b[22m");
});

Deno.test("createPalette() leaves texts alone where there are no colours", () => {
  for (const paint of Object.values(createPalette(false))) assertEquals(paint("x"), "x");
});
