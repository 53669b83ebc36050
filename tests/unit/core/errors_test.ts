import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileError, unquoted } from "../../../src/core/errors.ts";

const KEY = "sk-ant-api03-0123456789abcdefABCDEF";

const WORDS: readonly [unknown, string][] = [
  [new Error("Conflict: a stream is open"), "Error: Conflict"],
  [new TypeError("The connection closed"), "TypeError: The connection closed"],
  [new Error('Unknown message type: {"text":"private"}'), "Error: Unknown message type"],
  [new Error(`${"word ".repeat(19)}longer and longer`), `Error: ${"word ".repeat(19)}`.trim()],
  [new Error(`${"word ".repeat(18)}secret-0123456789`), `Error: ${"word ".repeat(18)}`.trim()],
  [new Error("x".repeat(200)), "Error: "],
  ["plain 'private'", "Error: plain"],
];
for (const [error, words] of WORDS) {
  Deno.test(`unquoted() says "${words.slice(0, 40)}" and no more`, () => {
    assertEquals(unquoted(error), words);
  });
}

for (const text of ["private words", '{"text":"private words', '{"text":private}', "[private"]) {
  Deno.test(`unquoted() repeats nothing of ${text} that is not JSON`, () => {
    let failure: unknown;
    try {
      JSON.parse(text);
    } catch (error) {
      failure = error;
    }
    const words = unquoted(failure);
    assertEquals([words.startsWith("SyntaxError: "), words.includes("priv")], [true, false]);
  });
}

const FILES: readonly [string, string, RegExp][] = [
  ["ENOENT", "/etc/key", /'\/etc\/key' \(--api-key-file\): there is no such file/],
  ["EISDIR", "/etc", /it is a folder: name the file in it/],
  ["EACCES", "/etc/key", /may not read it/],
  ["ENOTDIR", "/etc/key/x", /a part of its path is a file/],
  ["ENOENT", "~/key", /nothing has replaced its '~': type the whole path/],
  ["ENOENT", KEY, /^Cannot read the file/],
  ["EMFILE", "/etc/key", /check that it exists and is readable/],
];
for (const [code, path, expected] of FILES) {
  Deno.test(`fileError() tells ${code} of ${path}`, () => {
    const error = fileError(
      Object.assign(new Error("os error"), { code }),
      path,
      "--api-key-file",
    );
    assertMatch(error.message, expected);
    assert(!error.message.includes(KEY));
  });
}
