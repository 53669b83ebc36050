import { assertEquals } from "@std/assert";
import { imageSize } from "../../../src/view/image_size.ts";

const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "string" ? [...part].map((char) => char.charCodeAt(0)) : part
    ),
  );

const IMAGES:
  readonly (readonly [name: string, image: Uint8Array, width: number, height: number])[] = [
    [
      "PNG",
      bytes("\x89PNG\r\n\x1a\n", [0, 0, 0, 13], "IHDR", [0, 0, 3, 132], [0, 0, 1, 144]),
      900,
      400,
    ],
    ["GIF", bytes("GIF89a", [0x84, 3], [0x90, 1]), 900, 400],
    [
      "JPEG with an application segment and a table first",
      bytes(
        [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc4, 0, 3, 9, 0xff, 0xff],
        [0xc2, 0, 17, 8, 1, 0x90, 3, 0x84],
      ),
      900,
      400,
    ],
    [
      "lossy WebP",
      bytes("RIFF", [0, 0, 0, 0], "WEBPVP8 ", [0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a], [
        ...[0x84, 3],
        ...[0x90, 1],
      ]),
      900,
      400,
    ],
    [
      "lossless WebP",
      bytes("RIFF", [0, 0, 0, 0], "WEBPVP8L", [0, 0, 0, 0, 0x2f], [0x83, 0xc3, 0x63, 0]),
      900,
      400,
    ],
    [
      "extended WebP",
      bytes("RIFF", [0, 0, 0, 0], "WEBPVP8X", [10, 0, 0, 0, 0, 0, 0, 0], [0x83, 3, 0, 0x8f, 1, 0]),
      900,
      400,
    ],
  ];

for (const [name, image, width, height] of IMAGES) {
  Deno.test(`the size of a ${name}`, () => {
    assertEquals(imageSize(image), { width, height });
  });

  Deno.test(`a ${name} that ends early has no size`, () => {
    for (let length = 0; length < image.length - 4; length++) {
      const part = imageSize(image.slice(0, length));
      // Nothing is read beyond the end, and nothing is made up.
      if (part !== undefined) assertEquals(part, { width, height });
    }
    assertEquals(imageSize(image.slice(0, 8)), undefined);
  });
}

Deno.test("what is no image has no size", () => {
  for (const text of ["", "<svg width='9' height='9'></svg>", "%PDF-1.7", "\x89PNG"]) {
    assertEquals(imageSize(bytes(text)), undefined);
  }
});

Deno.test("an image without a pixel has no size", () => {
  assertEquals(imageSize(bytes("GIF89a", [0, 0], [9, 0])), undefined);
});
