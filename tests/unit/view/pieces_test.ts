import { assert, assertEquals } from "@std/assert";
import { markdownPieces } from "../../../src/view/pieces.ts";
import { fc } from "../../helpers/fuzz.ts";

Deno.test("a short text is one piece, and none is no piece", () => {
  assertEquals(markdownPieces("Done.", 100), ["Done."]);
  assertEquals(markdownPieces("", 100), []);
});

Deno.test("a long text is cut at empty lines", () => {
  const block = `${"word ".repeat(15)}\n\n`;
  const pieces = markdownPieces(block.repeat(10), 200);
  assertEquals(pieces.join(""), block.repeat(10));
  assert(pieces.every((piece) => piece.endsWith("\n\n")));
});

Deno.test("a code block goes on as one in the next piece", () => {
  const code = "let a = 1;\n\n".repeat(30);
  const pieces = markdownPieces(`Before\n\n\`\`\`ts\n${code}\`\`\`\n\nAfter`, 120);
  assert(pieces.length > 2);
  for (const piece of pieces.slice(1, -1)) {
    assert(piece.startsWith("```ts\n"), piece);
    assert(piece.endsWith("\n```\n"), piece);
  }
  const back = pieces.join("").replaceAll("\n```\n```ts\n", "");
  assert(back.endsWith("\n\nAfter"));
  assertEquals(back.match(/let a = 1;/g)?.length, 30);
});

Deno.test("a fence within a longer fence ends nothing", () => {
  const text = `\`\`\`\`md\n\`\`\`\n${"x\n\n".repeat(40)}\`\`\`\`\n\nAfter`;
  const pieces = markdownPieces(text, 60);
  assert(pieces.slice(1, -1).every((piece) => piece.startsWith("````md\n")));
});

Deno.test("the pieces of a text that grows stay the same, but for the last", () => {
  fc.assert(fc.property(
    fc.array(fc.constantFrom("word ", "\n", "\n\n", "```\n", "- item\n", "x".repeat(90), "~~~\n"), {
      minLength: 20,
      maxLength: 200,
    }),
    fc.nat(40),
    (parts, more) => {
      const earlier = markdownPieces(parts.slice(0, parts.length - more).join(""), 100);
      const later = markdownPieces(parts.join(""), 100);
      assertEquals(later.slice(0, Math.max(0, earlier.length - 1)), earlier.slice(0, -1));
    },
  ));
});

Deno.test("nothing but fences and empty pieces differs from the text", () => {
  const bare = (text: string) => text.replace(/[`~\s]/g, "");
  fc.assert(fc.property(
    fc.array(fc.constantFrom("word ", "\n", "\n\n", "```\n", "y".repeat(250), "~~~\n", "😀"), {
      maxLength: 120,
    }),
    (parts) => {
      const text = parts.join("");
      const pieces = markdownPieces(text, 100);
      assertEquals(bare(pieces.join("")), bare(text));
      assert(pieces.every((piece) => piece.length <= 220 && piece.isWellFormed()));
    },
  ));
});
