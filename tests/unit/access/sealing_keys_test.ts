import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  NAME_SEALING_KEY,
  newSealingKey,
  NO_SEALING_KEY,
  parseSealingKeys,
} from "../../../src/access/sealing_keys.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { fromBase64Url } from "../../../src/core/text.ts";

/** Bytes that look random, and differ by seed. */
function drawn(seed: number, length = 32): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state >>> 16;
  });
}

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const base64Url = (bytes: Uint8Array) =>
  base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const bytesIn = (text: string) => parseSealingKeys(text, "'k'").map(({ bytes }) => bytes);

Deno.test("parseSealingKeys() reads base64, base64url and hex, of 32 bytes and more", () => {
  for (let seed = 1; seed < 50; seed++) {
    for (const length of [32, 33, 34, 48, 64]) {
      const bytes = drawn(seed, length);
      const texts = [base64(bytes), base64(bytes).replace(/=+$/, ""), base64Url(bytes), hex(bytes)];
      for (const text of [...texts, hex(bytes).toUpperCase()]) {
        assertEquals(bytesIn(text), [bytes], text);
        assertEquals(parseSealingKeys(` ${text}\r\n`, "'k'")[0]?.text, text);
      }
    }
  }
});

Deno.test("parseSealingKeys() reads a key a line, in order, each once, without comments", () => {
  const [first, second] = [drawn(1), drawn(2)];
  const text = [
    "# since May",
    base64(first),
    "",
    `   ${hex(second)}  `,
    "  # the same again",
    base64Url(second),
  ].join("\n");
  assertEquals(bytesIn(text), [first, second]);
  assertEquals(bytesIn(text.replaceAll("\n", "\r\n")), [first, second]);
});

const key = base64(drawn(3));
const refused: readonly [string, string, RegExp][] = [
  ["nothing", "", /^'k' holds no key: make one with 'cma-mcp token sealing-key > sealing.key'$/],
  ["comments only", "# a\n\n#b", /^'k' holds no key/],
  ["a sentence", "correct horse battery staple", /^'k', line 1, is neither base64 nor hex: make/],
  ["a JSON list", '{ "tokens": [] }', /line 1, is neither/],
  ["a length that base64 has not", key.slice(0, 41), /line 1, is neither/],
  ["padding within", `${key}${key}`, /line 1, is neither/],
  ["a novel", "Ab3/".repeat(1_000), /line 1, is neither/],
  ["16 bytes of hex", hex(drawn(1, 16)), /line 1, is too short \(16 bytes, at least 32\): make/],
  ["31 bytes", base64(drawn(1, 31)), /is too short \(31 bytes/],
  ["a second line that is too short", `${key}\n${key.slice(0, 20)}`, /line 2, is too short/],
  ["zeros", hex(new Uint8Array(32)), /line 1, is not random: make/],
  ["few different bytes", hex(Uint8Array.from({ length: 64 }, (_, i) => i * i % 10)), /not random/],
  ["words of few letters", hex(drawn(1, 64).map((byte) => byte % 15)), /not random/],
  ["counted bytes", hex(Uint8Array.from({ length: 32 }, (_, i) => i)), /not random/],
  ["bytes counted down", hex(Uint8Array.from({ length: 48 }, (_, i) => 255 - i)), /not random/],
  ["a short key said twice", hex(drawn(1, 24)).repeat(2), /not random/],
  [
    "a key for the API",
    `sk-ant-api03-${base64Url(drawn(1, 48))}`,
    /is an API key, which must seal/,
  ],
  ["a token", `cma_${base64Url(drawn(1))}`, /is a bearer token, which must seal nothing: make/],
  ["eleven keys", Array.from({ length: 11 }, (_, i) => hex(drawn(i + 1))).join("\n"), /than 10/],
];
for (const [name, text, message] of refused) {
  Deno.test(`parseSealingKeys() refuses ${name} in one line without it`, () => {
    const error = assertThrows(() => parseSealingKeys(text, "'k'"), UsageError);
    assertMatch(error.message, message);
    assert(!error.message.includes("\n"));
    for (const line of text.split("\n").filter((line) => line.length > 5)) {
      assert(!error.message.includes(line.slice(0, 12)), error.message);
    }
  });
}

Deno.test("parseSealingKeys() takes ten keys, and every key that newSealingKey() makes", () => {
  const made = Array.from({ length: 10 }, newSealingKey);
  assertEquals(parseSealingKeys(made.join("\n"), "'k'").map(({ text }) => text), made);
  for (let i = 0; i < 1_000; i++) assertEquals(bytesIn(newSealingKey())[0]?.byteLength, 32);
  assertNotEquals(newSealingKey(), newSealingKey());
});

Deno.test("newSealingKey() draws again where the text would begin as an API key does", () => {
  const taken = "sk-wgfh3xr1DL-ecDRSS6IrwoZBYHnjU1lsbS4MgD8s";
  const other = newSealingKey();
  const draws = [taken, taken.replace("sk", "SK"), other].map(fromBase64Url);
  assertEquals(newSealingKey(() => draws.shift() ?? new Uint8Array()), other);
});

Deno.test("NO_SEALING_KEY and NAME_SEALING_KEY make one line", () => {
  assertMatch(`${NO_SEALING_KEY}: ${NAME_SEALING_KEY}`, /^[^\n]{1,300} --sealing-key-file$/);
  // All that is sealed and lives longer than a page of a list.
  for (const what of ["answers", "links", "idempotency keys"]) {
    assertStringIncludes(NO_SEALING_KEY, what);
  }
});
