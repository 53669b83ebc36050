import { assertEquals } from "@std/assert";
import { createPalette, showsColor } from "../../../src/core/paint.ts";

Deno.test("createPalette() wraps texts in the codes of a colour and of its end", () => {
  const { bold, green } = createPalette(true);
  assertEquals(bold(green("x")), "\x1b[1m\x1b[32mx\x1b[39m\x1b[22m");
});

Deno.test("createPalette() leaves texts alone where there are no colours", () => {
  for (const paint of Object.values(createPalette(false))) assertEquals(paint("x"), "x");
});

const colours: readonly [boolean, Record<string, string>, boolean][] = [
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "" }, true],
  [false, { FORCE_COLOR: "1" }, true],
  [true, { FORCE_COLOR: "0" }, false],
  [true, { FORCE_COLOR: "false" }, false],
  [false, { FORCE_COLOR: "3", NO_COLOR: "1" }, true],
  [false, { FORCE_COLOR: "" }, false],
];
for (const [isTerminal, env, expected] of colours) {
  const place = `${isTerminal ? "on" : "off"} a terminal with ${JSON.stringify(env)}`;
  Deno.test(`showsColor() is ${expected} ${place}`, () => {
    assertEquals(showsColor(isTerminal, (name) => env[name]), expected);
  });
}
