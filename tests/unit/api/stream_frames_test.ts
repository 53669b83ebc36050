import { assertEquals } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import { createFramer } from "../../../src/api/stream.ts";

/** The data of the frames in `pieces`, and whether one was too large. */
function readAll(pieces: readonly string[], maxFrameChars = 1_000) {
  const framer = createFramer(maxFrameChars);
  const data = pieces.flatMap((piece) => framer.push(piece).map((frame) => frame.data));
  return { data, isTooLarge: framer.isTooLarge };
}

/** Cuts a text at the given places. */
function cut(text: string, places: readonly number[]): string[] {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) =>
    a - b
  );
  return [0, ...sorted].map((start, index) => text.slice(start, sorted[index]));
}

const places = fc.array(fc.nat(), { maxLength: 30 });

Deno.test("createFramer() reads frames with every kind of line end", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = [`event: a`, `data: 1`, ``, `: note`, `data: 2`, `data: 3`, ``, ``].join(end);
    // A lone CR at the very end may be half of a CRLF; the frame is complete with what follows.
    assertEquals(readAll([text, ": x"]).data, ["1", "2\n3"], JSON.stringify(end));
  }
});

Deno.test("createFramer() gives the same frames however the text is cut", () => {
  const line = fc.oneof(
    fc.string({ maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
    fc.constantFrom("data", "data:", "event: x", "id: 7", ": note", "", "", "odd", "retry: 1"),
  );
  const end = fc.constantFrom("\n", "\r\n", "\r");
  const text = fc.array(fc.tuple(line, end), { maxLength: 25 }).map((lines) =>
    lines.map(([content, ending]) => content + ending).join("")
  );
  fc.assert(fc.property(text, places, (text, places) => {
    assertEquals(readAll(cut(text, places)), readAll([text]));
  }));
});

Deno.test("createFramer() ends at a frame that is too large", () => {
  const big = `data: ${"x".repeat(5_000)}`;
  for (const end of ["\n", "\r\n", "\r"]) {
    const lines = ["data: before", "", big, "data: more of it", "", "data: after", "", ""];
    const text = lines.join(end) + ": end\n";
    assertEquals(readAll([text]), { data: ["before"], isTooLarge: true });
    const single = [...text];
    assertEquals(readAll(single), { data: ["before"], isTooLarge: true });
  }
});

Deno.test("createFramer() ends at a frame that is large by many small lines", () => {
  const text = "data: x\n".repeat(2_000) + "\ndata: after\n\n";
  assertEquals(readAll([text]), { data: [], isTooLarge: true });
  assertEquals(readAll([...text]), { data: [], isTooLarge: true });
});

Deno.test("createFramer() treats the bound alike for any cutting", () => {
  const MAX = 40;
  const size = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: MAX - 2, max: MAX + 2 }),
  );
  fc.assert(fc.property(
    fc.array(fc.tuple(size, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 8 }),
    places,
    (frames, places) => {
      const text = frames.map(([length, end]) =>
        `data: ${"x".repeat(length)}${end}${end}`
      ).join("") +
        ": end\n";
      const { data, isTooLarge } = readAll(cut(text, places), MAX);
      const lengths = frames.map(([length]) => length);
      const large = lengths.findIndex((length) => length > MAX);
      assertEquals(
        data.map((value) => value.length),
        large < 0 ? lengths : lengths.slice(0, large),
      );
      assertEquals(isTooLarge, large >= 0);
    },
  ));
});

Deno.test("createFramer() holds no more than the bound of a frame that never ends", () => {
  const framer = createFramer(1_000);
  framer.push("data: ");
  for (let i = 0; i < 10_000; i++) assertEquals(framer.push("x".repeat(1_000)), []);
  assertEquals(framer.isTooLarge, true);
  assertEquals(framer.push("\n\ndata: after\n\n"), []);
});

Deno.test("createFramer() does not take a note of any length for a frame", () => {
  assertEquals(readAll([`: ${"x".repeat(5_000)}`, "x".repeat(5_000), "\ndata: a\n\n"]), {
    data: ["a"],
    isTooLarge: false,
  });
});

Deno.test("createFramer() works with the smallest bound", () => {
  assertEquals(readAll(["data: 1\n\ndata: 22\n\ndata: 3\n\n"], 1), {
    data: ["1"],
    isTooLarge: true,
  });
});
