import { assertEquals } from "@std/assert";
import { createRedact } from "../../../src/core/redact.ts";

const MADE = `cma_${"Az09_-".repeat(8).slice(0, 43)}`;

/** A text, and what is left of it. */
const BY_LOOKS: readonly [string, string, string][] = [
  ["a token that this program made", `token ${MADE}.`, "token [redacted]."],
  ["such a token in JSON", `{"t":"${MADE}"}`, '{"t":"[redacted]"}'],
  ["a bearer token", "Authorization: Bearer abcdefgh12", "Authorization: Bearer [redacted]"],
  ["an API key", "key sk-ant-api03-abcdef", "key [redacted]"],
  ["a header of a key", "x-api-key: abcdefgh", "x-api-key: [redacted]"],
  ["a metadata key that begins alike", "cma_mcp_owner", "cma_mcp_owner"],
  ["a longer word that begins alike", `${MADE}x`, `${MADE}x`],
];

for (const [name, text, expected] of BY_LOOKS) {
  Deno.test(`createRedact() knows ${name} by its looks`, () => {
    assertEquals(createRedact([])(text), expected);
  });
}

Deno.test("createRedact() hides known secrets however they are spelled, the longest first", () => {
  const redact = createRedact(['a"secret/1', 'a"secret/1-more', "short"]);
  const spellings = ['a"secret/1', 'a\\"secret/1', encodeURIComponent('a"secret/1')];
  for (const text of spellings) assertEquals(redact(`<${text}>`), "<[redacted]>");
  assertEquals(redact('a"secret/1-more'), "[redacted]");
  assertEquals(redact("short"), "short");
});

const JSON_TEXTS: readonly [string, unknown, boolean][] = [
  ["an ordinary value", { reply: 'Say "hello"\n', count: 3 }, true],
  ["a secret", { reply: "it is hunter2-secret" }, false],
  ["a secret as a name", { "hunter2-secret": 1 }, false],
  ["a secret that JSON escapes", { reply: 'quo"ted\\secret' }, false],
  ["a key of any kind", { reply: "sk-ant-x" }, false],
  ["a header's name", { Authorization: "x" }, false],
];
for (const [name, value, expected] of JSON_TEXTS) {
  Deno.test(`createRedact().isClean() of ${name} is ${expected}`, () => {
    const redact = createRedact(["hunter2-secret", 'quo"ted\\secret']);
    assertEquals(redact.isClean?.(JSON.stringify(value)), expected);
  });
}
