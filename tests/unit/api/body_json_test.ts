import { assert, assertEquals } from "@std/assert";
import { parseClean } from "../../../src/api/body.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { fc, fuzzRuns, jsonValue } from "../../helpers/fuzz.ts";

const SECRET = 'k"ey/0123<456789>é';
const MARK = "[redacted]";

/** The ways of different servers to write the same JSON. */
const WRITERS: Readonly<Record<string, (value: unknown) => string>> = {
  JavaScript: (value) => JSON.stringify(value),
  Go: (value) =>
    JSON.stringify(value).replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`),
  PHP: (value) => JSON.stringify(value).replaceAll("/", "\\/"),
  Python: (value) =>
    JSON.stringify(value, null, 1)
      .replace(
        /[\x80-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      ),
};

for (const [name, write] of Object.entries(WRITERS)) {
  Deno.test(`parseClean() knows a secret as ${name} writes it`, () => {
    const redact = createRedact([SECRET]);
    const text = `a ${SECRET} b`;
    const value = { data: [{ id: "e", text, [SECRET]: [text, 1, null] }], next_page: null };
    assertEquals(parseClean(write(value), redact), {
      data: [{ id: "e", text: `a ${MARK} b`, [MARK]: [`a ${MARK} b`, 1, null] }],
      next_page: null,
    });
  });
}

Deno.test("parseClean() knows a secret that begins in one text block and ends in another", () => {
  const redact = createRedact([SECRET]);
  for (let at = 1; at < SECRET.length; at++) {
    const blocks = [`x ${SECRET.slice(0, at)}`, `${SECRET.slice(at)} y`]
      .map((text) => ({ type: "text", text }));
    const event = { type: "agent.message", content: [{ type: "image" }, ...blocks, "z"] };
    const asPhp = { ...event, content: { ...event.content } };
    for (const value of [event, { data: [event] }, { data: { 0: event } }, asPhp]) {
      const clean = JSON.stringify(parseClean(JSON.stringify(value), redact));
      assert(clean.includes(`"x ${MARK} yz"`), clean);
      assert(clean.includes('"image"'));
    }
  }
});

Deno.test("parseClean() hides what looks like a credential in errors that sessions report, only there", () => {
  const text = "mcp https://bob:pa55@mcp.example: Authorization: Basic dXNlcjpwYXNz";
  const events = [
    { type: "session.error", error: { type: "mcp_error", message: text } },
    { type: "agent.message", content: [{ type: "text", text }], error: text },
    { type: "workflow_run.error", error: text },
  ];
  const hidden = "mcp https://[redacted]@mcp.example: Authorization: Basic [redacted]";
  assertEquals(parseClean(JSON.stringify({ data: events }), createRedact([])), {
    data: [
      { type: "session.error", error: { type: "mcp_error", message: hidden } },
      events[1],
      { type: "workflow_run.error", error: hidden },
    ],
  });
});

Deno.test("parseClean() changes nothing where there is no secret", () => {
  const redact = createRedact([SECRET, "another-secret"]);
  const value = jsonValue({ maxDepth: 5 });
  fc.assert(
    fc.property(value, fc.constantFrom(...Object.values(WRITERS)), (value, write) => {
      const json = write(value);
      assertEquals(parseClean(json, redact), JSON.parse(json));
    }),
    fuzzRuns(1_000),
  );
});

Deno.test("parseClean() comes to an end however deep a value is", () => {
  const deep = `${'{"a":['.repeat(20_000)}"${SECRET.replaceAll('"', '\\"')}"${"]}".repeat(20_000)}`;
  const value = parseClean(
    `{"data":[{"id":"e","a":${deep},"text":"\\u003c"}]}`,
    createRedact([SECRET]),
  );
  assert(JSON.stringify(value).includes("nested too deeply"));
  assert(JSON.stringify(value).endsWith('"text":"<"}]}'));
});
