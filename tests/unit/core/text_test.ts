import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  clipMiddle,
  clipText,
  escapeUnseen,
  firstChars,
  fromBase64Url,
  jsonLength,
  label,
  lastJsonChars,
  plainLine,
  plainText,
  printableJson,
  shorten,
  singleLineJson,
  toBase64,
  toBase64Url,
} from "../../../src/core/text.ts";
import { anyCharacter, fc, fuzzRuns, jsonValue } from "../../helpers/fuzz.ts";

const TAILS: readonly [string, string, number, string][] = [
  ["plain text", "abcdef", 3, "def"],
  ["a text that fits", "abc", 10, "abc"],
  ["no room", "abc", 0, ""],
  ["line breaks and quotes", 'a\n"b', 3, '"b'],
  ["control characters", "\u0000\u0001", 11, "\u0001"],
  ["a character of two units that fits", "a😀", 2, "😀"],
  ["a character of two units that does not", "a😀", 1, ""],
  ["half a character", "a\ud800", 6, "\ud800"],
];

for (const [name, text, room, expected] of TAILS) {
  Deno.test(`lastJsonChars() measures ${name}`, () =>
    assertEquals(lastJsonChars(text, room), expected));
}

Deno.test("lastJsonChars() is the longest end that fits", () => {
  const units = fc.string({ unit: anyCharacter, maxLength: 30 });
  const halves = fc.constantFrom("\ud83d", "\ude00", "\n", "\u0007");
  const text = fc.array(fc.oneof(units, halves), { maxLength: 8 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.nat(60), (whole, room) => {
      const tail = lastJsonChars(whole, room);
      assert(whole.endsWith(tail));
      assert(jsonLength(tail) - 2 <= room);
      if (tail === whole) return;
      const longer = [1, 2].map((more) => whole.slice(-(tail.length + more)));
      assert(longer.some((text) => jsonLength(text) - 2 > room));
    }),
    fuzzRuns(500),
  );
});

const HEADS: readonly [string, number, string][] = [
  ["abc", 3, "abc"],
  ["abc", 2, "ab"],
  ["a😀b", 2, "a"],
  ["a😀b", 3, "a😀"],
];

for (const [text, maxChars, expected] of HEADS) {
  Deno.test(`firstChars() of ${text} at ${maxChars} is ${expected}`, () => {
    assertEquals(firstChars(text, maxChars), expected);
  });
}

Deno.test("jsonLength() counts what JSON leaves out as nothing", () => {
  assertEquals([jsonLength({ a: "b" }), jsonLength(undefined)], [9, 0]);
});

const LINES: readonly [string, string, string][] = [
  ["what is plain", "plain 'text'  with blanks", "plain 'text'  with blanks"],
  ["letters and emoji", "Grüße, 世界 👍🏽 ✔️", "Grüße, 世界 👍🏽 ✔️"],
  ["line breaks of all kinds", "a\r\nb\tc\u0085d\u2028e\u2029f\vg", "a b c d e f g"],
  ["colours", "\x1b[1;31mred\x1b[0m", "red"],
  ["a title for the terminal", "\x1b]0;owned\x07text", "text"],
  ["a link", "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"],
  ["a device string", "\x1bP1$r0m\x1b\\text", "text"],
  ["commands of the second control set", "\x9b2Ja\x9d0;owned\x9cb", "ab"],
  ["a command that never ends", "a\x1b]0;still text", "a0;still text"],
  ["bell, backspace, delete", "a\x07\x08\x7fb", "a b"],
  ["bidirectional overrides", "user\u202egnp.exe\u202c \u2066x\u2069\u200f\u061c", "usergnp.exe x"],
  ["zero-width characters", "s\u200be\u200cc\u200dr\u2060e\ufefft\u00ad", "secret"],
  ["tags and fillers", `a${String.fromCodePoint(0xe0041, 0xe007f)}b\u3164\u115fc\ufff9`, "abc"],
  ["halves of characters", "a\ud83db\ude00", "ab"],
];
for (const [name, text, expected] of LINES) {
  Deno.test(`plainLine() of ${name}`, () => assertEquals(plainLine(text), expected));
}

Deno.test("plainLine() leaves nothing that a terminal acts on or a line reader splits at", () => {
  const odd = fc.constantFrom(
    "\x1b",
    "\x9b",
    "\x9d",
    "[",
    "]",
    "\\",
    "0;m",
    "\x07",
    "\u202e",
    "\n",
  );
  const text = fc.array(fc.oneof(odd, fc.string({ unit: anyCharacter })), { maxLength: 20 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (whole) => {
      const line = plainLine(whole);
      assert(
        !/[\p{Cc}\p{Cs}\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/u.test(line),
      );
      assertEquals(plainLine(line), line);
    }),
    fuzzRuns(500),
  );
});

Deno.test("label() is one short line", () => {
  assertEquals(label("not_found_error"), "not_found_error");
  assertEquals(label(`a\nb\x1b[31m${"x".repeat(200)}`), `a b${"x".repeat(97)}…`);
});

Deno.test("shorten() and clipText() say that something is missing, and split no character", () => {
  assertEquals([shorten("abc", 3), shorten("abcd", 3), shorten("a😀", 2)], ["abc", "abc…", "a…"]);
  assertEquals(clipText("abc😀", 4), "abc… [2 more characters]");
});

Deno.test("printableJson() and singleLineJson() mean the same, and escape what they promise", () => {
  const value = jsonValue({ maxDepth: 3 });
  const odd = fc.array(
    fc.constantFrom(
      "\u2028",
      "\u2029",
      "\x85",
      "\x9b31m",
      "\u202e",
      "\u200b",
      "\u{e0041}",
      "😀",
      '"',
    ),
    { maxLength: 6 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(value, odd, (value, odd) => {
      const json = JSON.stringify({ [odd]: value, odd });
      assertEquals(JSON.parse(printableJson(json)), JSON.parse(json));
      assertEquals(JSON.parse(singleLineJson(json)), JSON.parse(json));
      assert(!/[\x7f-\x9f\u2028\u2029\u202e\u200b\u{e0041}]/u.test(printableJson(json)));
      assert(!/[\x85\u2028\u2029]/.test(singleLineJson(json)));
    }),
    fuzzRuns(500),
  );
});

Deno.test("toBase64() encodes any length", () => {
  for (const length of [0, 1, 2, 3, 12_287, 12_288, 12_289, 30_000]) {
    const bytes = Uint8Array.from({ length }, (_, n) => n % 256);
    const back = Uint8Array.from(atob(toBase64(bytes)), (char) => char.charCodeAt(0));
    assertEquals(back, bytes);
  }
});

Deno.test("fromBase64Url() gives back what toBase64Url() was given, and takes nothing else", () => {
  for (const bytes of [[], [0], [255, 254], [251, 240, 7], [1, 2, 3, 4]]) {
    const text = toBase64Url(new Uint8Array(bytes));
    assertEquals(/^[\w-]*$/.test(text), true);
    assertEquals([...fromBase64Url(text)], bytes);
  }
  for (const text of ["+/", "YQ==", "Y Q", "é", "a", "YR", "YWJ", "AAB"]) {
    assertThrows(() => fromBase64Url(text));
  }
});

Deno.test("plainText() keeps line ends and tabs, and otherwise does what plainLine() does", () => {
  const text = "a\tb\r\n\u001b[31mred\u202e\n\n\u0007end";
  assertEquals(plainText(text), "a\tb \nred\n\n end");
});

Deno.test("escapeUnseen() escapes every character that shows nothing, and no other", () => {
  assertEquals(escapeUnseen("plain text, 日本, é, 😀"), "plain text, 日本, é, 😀");
  const hidden = ["\u0000", "\n", "\x1b", "\x9b", "\u00a0", "\u00ad", "\u115f", "\u200b", "\u200e"];
  const more = ["\u202e", "\u2028", "\u2067", "\u2800", "\u3000", "\u3164", "\ue000", "\ufe0f"];
  for (const char of [...hidden, ...more, "\ufeff", "\ud800", "\u{e0041}", "\u{e0100}"]) {
    const escaped = escapeUnseen(`a${char}b`);
    assert(/^a(?:\\u[0-9a-f]{4})+b$/.test(escaped), escaped);
    assertEquals(JSON.parse(`"${escaped}"`), `a${char}b`);
  }
});

Deno.test("escapeUnseen() escapes marks beyond four on one letter", () => {
  assertEquals(escapeUnseen("e\u0301 \u0e01\u0e39\u0e49"), "e\u0301 \u0e01\u0e39\u0e49");
  const [four, more] = ["\u0301".repeat(4), "\\u0301".repeat(996)];
  assertEquals(escapeUnseen(`a${"\u0301".repeat(1_000)}b`), `a${four}${more}b`);
});

Deno.test("escapeUnseen() of JSON text keeps its value", () => {
  fc.assert(
    fc.property(jsonValue(), (value) => {
      const json = JSON.stringify(value);
      assertEquals(JSON.parse(escapeUnseen(json)), JSON.parse(json));
    }),
    fuzzRuns(500),
  );
});

Deno.test("clipMiddle() keeps both ends, and says between them how much is left out", () => {
  assertEquals(clipMiddle("abcdef", 4, 2), { text: "abcdef", leftOut: 0 });
  assertEquals(clipMiddle("abcdefg", 4, 2), {
    text: "abcd\n[1 characters left out]\nfg",
    leftOut: 1,
  });
  // No half of a character of two units.
  assertEquals(clipMiddle("😀😀😀", 1, 1), {
    text: "\n[6 characters left out]\n",
    leftOut: 6,
  });
});
