import { assert, assertEquals } from "@std/assert";
import {
  type Column,
  columnsOf,
  firstColumns,
  tableLines,
  wrapColumns,
} from "../../../src/core/columns.ts";

const widths: readonly [string, number][] = [
  ["", 0],
  ["agent", 5],
  ["é", 1],
  ["e\u0301", 1],
  ["日本語", 6],
  ["ｆｕｌｌ", 8],
  ["한국", 4],
  ["ｶﾅ", 2],
  ["😀", 2],
  ["🇩🇪", 2],
  ["👍🏽", 2],
  ["☀\ufe0f", 2],
  ["☀", 1],
  ["ناس", 3],
];
for (const [text, columns] of widths) {
  Deno.test(`columnsOf() counts ${columns} for '${text}'`, () => {
    assertEquals(columnsOf(text), columns);
  });
}

Deno.test("firstColumns() cuts between characters, never within one", () => {
  assertEquals(firstColumns("日本語", 5), "日本");
  assertEquals(firstColumns("a👍🏽b", 2), "a");
  assertEquals(firstColumns("abc", 3), "abc");
});

Deno.test("wrapColumns() wraps by words, and parts a word only where it is too long", () => {
  assertEquals(wrapColumns("one two three", 7), ["one two", "three"]);
  assertEquals(wrapColumns("a verylongword b", 6), ["a", "verylo", "ngword", "b"]);
  assertEquals(wrapColumns("日本 語", 4), ["日本", "語"]);
  assertEquals(wrapColumns("", 4), [""]);
  assertEquals(wrapColumns("日", 1), ["日"]);
});

const COLUMNS: readonly Column[] = [{ title: "ID", isId: true }, { title: "NAME" }, { title: "X" }];
const ID = "agent_0123456789abcdefghijklmnop";
const ROWS = [[ID, "A name of several words that is long", "1"], [
  "agent_2",
  "日本語のエージェント",
  "",
]];

Deno.test("tableLines() lays a table out with every column as wide as its widest cell", () => {
  assertEquals(tableLines(COLUMNS, [["a", "日本", "1"], ["bc", "d", "2"]], { withTitles: true }), [
    "ID  NAME  X",
    "a   日本  1",
    "bc  d     2",
  ]);
});

for (const width of [40, 60, 80]) {
  Deno.test(`tableLines() fits ${width} columns where ids leave room, and keeps ids whole`, () => {
    const lines = tableLines(COLUMNS, ROWS, { withTitles: true, width });
    for (const line of lines) assert(columnsOf(line) <= Math.max(width, 32 + 2 + 8 + 2 + 1), line);
    assertEquals(lines.filter((line) => line.startsWith(ID)).length, 1);
    assertEquals(lines.filter((line) => /^\S/.test(line)).length, 3);
    assertEquals(lines.some((line) => line.includes("\t") || line !== line.trimEnd()), false);
  });
}

Deno.test("tableLines() puts texts below the id where there is no room beside it", () => {
  assertEquals(
    tableLines(COLUMNS, [[ID, "Several words", "1"], ["a", "", ""]], {
      withTitles: true,
      width: 32,
    }),
    ["ID", "  NAME · X", ID, "  Several words · 1", "a"],
  );
  for (const width of [1, 10, 40]) {
    for (const line of tableLines(COLUMNS, ROWS, { withTitles: true, width })) {
      assert(line.startsWith("agent_") || columnsOf(line) <= Math.max(width, 10), line);
    }
  }
});

Deno.test("tableLines() makes one line of each row where no width is given", () => {
  const lines = tableLines(COLUMNS, ROWS, { withTitles: false });
  assertEquals(lines.length, 2);
  assert(lines[0]?.endsWith("that is long  1"));
});
