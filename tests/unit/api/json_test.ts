import { assert, assertEquals, assertThrows } from "@std/assert";
import { BodyTooLargeError } from "../../../src/api/body.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import {
  hiddenOf,
  JsonParser,
  leftOutOf,
  type ListBounds,
  ListScanner,
  parseClean,
  textLeftOutOf,
} from "../../../src/api/json.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { fc, FUZZ_SEED, fuzzRuns, jsonValue } from "../../helpers/fuzz.ts";
import { createRandom, type Random } from "../../helpers/random.ts";

const SEED = FUZZ_SEED;
function randomValue(random: Random, depth: number): unknown {
  const kind = random.pick(["text", "number", "null", "list", "object", "flag"]);
  const count = Math.floor(random.between(0, 4));
  switch (kind) {
    case "text":
      return Array.from(
        { length: count * 3 },
        () =>
          random.pick([
            '"',
            "\\",
            "\\\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            "é",
            "\n",
            "data",
            "\u2028",
            "😀",
          ]),
      )
        .join("");
    case "number":
      return random.between(-1e6, 1e6);
    case "list":
      return depth > 3 ? [] : Array.from({ length: count }, () => randomValue(random, depth + 1));
    case "object":
      return depth > 3 ? {} : Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          random.pick(["data", "id", "a", `k${index}`]),
          randomValue(random, depth + 1),
        ]),
      );
    case "flag":
      return random.next() < 0.5;
    default:
      return null;
  }
}

Deno.test(`a long list reads as JSON.parse reads it, however it is cut (seed ${SEED})`, () => {
  const random = createRandom(SEED);
  for (let round = 0; round < 400; round++) {
    const entries = Array.from(
      { length: Math.floor(random.between(0, 6)) },
      () => randomValue(random, 0),
    );
    const frames: unknown[] = [
      { data: entries, next_page: randomValue(random, 2) },
      { next_page: null, data: entries, more: { data: entries } },
      { nested: { data: [1, [2]] }, data: entries },
      { data: randomValue(random, 0) },
      entries,
      randomValue(random, 0),
    ];
    for (const frame of frames) {
      const text = JSON.stringify(frame, undefined, random.pick([0, 2]));
      assertEquals(
        readLong(text, random),
        JSON.parse(text),
        `seed ${SEED}, round ${round}: ${text}`,
      );
    }
  }
});

/** Reads a text as one that is long. */
function readLong(text: string, random?: Random, bounds: Partial<ListBounds> = {}): unknown {
  const scanner = new ListScanner({
    maxTextChars: Infinity,
    maxEntryChars: Infinity,
    maxChars: Infinity,
    ...bounds,
  }, JSON.parse);
  for (let from = 0; from < text.length;) {
    const length = random ? Math.ceil(random.between(0, random.pick([1, 3, 50]))) : 65_536;
    scanner.push(text.slice(from, from + length));
    from += length;
  }
  return scanner.end();
}

Deno.test("a long list that is cut, or is no JSON, cannot be read", () => {
  const text = JSON.stringify({ data: [{ id: "a", text: 'x"\\y' }, { id: "b" }], next_page: null });
  for (let length = 1; length < text.length; length++) {
    assertThrows(
      () => readLong(text.slice(0, length)),
      SyntaxError,
    );
  }
  for (const wrong of ["<html>", '{"data":[{]}', '{"data":[}', '{"data":["a" "b"]}', "{]"]) {
    assertThrows(() => readLong(wrong), SyntaxError);
  }
  assertEquals(readLong(""), undefined);
});

Deno.test("a long list leaves out texts beyond the bound, and counts them", () => {
  const long = '"\\'.repeat(100);
  const value = readLong(
    JSON.stringify({ data: [{ id: "a", text: long, more: ["short", long] }, { id: "b" }] }),
    undefined,
    { maxTextChars: 50 },
  );
  assertEquals(JSON.parse(JSON.stringify(value)), {
    data: [{ id: "a", text: "", more: ["short", ""] }, { id: "b" }],
  });
  const [first, second] = value instanceof Object && "data" in value && Array.isArray(value.data)
    ? value.data
    : [];
  assertEquals([leftOutOf(first), leftOutOf(second)], [800, 0]);
});

Deno.test("bytes that are left out of an entry are told from its texts", () => {
  const source = { type: "base64", media_type: "image/png", data: "A".repeat(400) };
  const content = [{ type: "image", source }, { type: "text", text: "x".repeat(80) }];
  const value = readLong(
    JSON.stringify({ data: [{ id: "a", content }, { id: "data", title: "y".repeat(70) }] }),
    undefined,
    { maxTextChars: 50 },
  );
  const [first, second] = value instanceof Object && "data" in value && Array.isArray(value.data)
    ? value.data
    : [];
  assertEquals([leftOutOf(first), textLeftOutOf(first)], [480, 80]);
  assertEquals([leftOutOf(second), textLeftOutOf(second)], [70, 70]);
});

Deno.test("an entry that is too long keeps its short fields, wherever they stand", () => {
  const many = Array.from({ length: 500 }, (_, index) => ({ index, text: "some text" }));
  const value = readLong(
    JSON.stringify({
      data: [
        {
          id: "a",
          content: many,
          type: "agent.tool_result",
          by: { name: "x" },
          at: 5,
          no: "y".repeat(2_000),
        },
        { id: "b", content: [1] },
      ],
      next_page: "p",
    }),
    undefined,
    { maxEntryChars: 3_000 },
  );
  assertEquals(JSON.parse(JSON.stringify(value)), {
    data: [
      { id: "a", content: null, type: "agent.tool_result", by: null, at: 5, no: "" },
      { id: "b", content: [1] },
    ],
    next_page: "p",
  });
});

Deno.test("a list beyond the bound ends with an error and the number of whole entries", () => {
  const body = new JsonParser({
    maxTextChars: Infinity,
    maxEntryChars: Infinity,
    maxChars: 1024 * 1024 + 100_000,
  }, JSON.parse);
  // Longer than what is parsed in one piece.
  body.push(" ".repeat(1024 * 1024));
  const entry = JSON.stringify({ text: "x".repeat(30_000) });
  assertThrows(() => {
    body.push('{"data":[');
    for (let index = 0; index < 10; index++) body.push(`${entry},`);
  }, BodyTooLargeError);
  assert(body.entries >= 2 && body.entries <= 3, String(body.entries));
});

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

/** A text that has the shape of a key, and says what its writer likes. */
const looksLikeKey = (text: string) => `sk-ant-api03-${text.padEnd(24, "_")}`;

/** Reads a list with one tool call. */
function readCall(input: string, fields = '"evaluated_permission":"ask"'): SessionEvent {
  const call = `{"type":"agent.tool_use","id":"sevt_1","name":"bash",${fields},"input":${input}}`;
  const { data: [event] }: { data: SessionEvent[] } = JSON.parse(
    '{"data":[{"type":"agent.tool_use"}]}',
  );
  const list = parseClean(`{"data":[{"type":"user.interrupt"},${call}]}`, createRedact([SECRET]));
  const read: unknown = Reflect.get(Object(Reflect.get(Object(list), "data")), 1);
  assert(event);
  return Object.assign(event, read);
}

/** Inputs that hide so many characters, in two that read the same. */
const HIDING: readonly (readonly [what: string, chars: number, input: (text: string) => string])[] =
  [
    ["what looks like a key", 313, (text) => `{"c":"${looksLikeKey(text.repeat(300))}"}`],
    ["a header's value", 300, (text) => `{"o":"\\u0041","cookie":"${text.repeat(300)}"}`],
    [
      "deep values",
      // The deepest 102 levels, and the text.
      102 * 6 + 300,
      (text) => `{"o":"\\u0041","a":${'{"a":'.repeat(298)}"${text.repeat(300)}"${"}".repeat(298)}}`,
    ],
  ];
for (const [what, chars, input] of HIDING) {
  Deno.test(`parseClean() counts ${what} that it hides of a call which waits, and tells it apart`, () => {
    const [one, other] = [readCall(input("a")), readCall(input("b"))];
    assertEquals(JSON.stringify(one), JSON.stringify(other));
    assertEquals(hiddenOf(one)?.chars, chars);
    assertEquals(hiddenOf(other)?.chars, chars);
    assert(hiddenOf(one)?.digest !== hiddenOf(other)?.digest);
    assertEquals(hiddenOf(one), hiddenOf(readCall(input("a"))));
  });
}

Deno.test("parseClean() counts what it hides of a custom tool's call, and of a tool's name", () => {
  const key = looksLikeKey("");
  const custom = parseClean(`{"type":"agent.custom_tool_use","input":"${key}"}`, createRedact([]));
  assertEquals(hiddenOf(Object(custom))?.chars, key.length);
  assertEquals(hiddenOf(readCall("{}", `"name":"${key}","evaluated_permission":"ask"`))?.chars, 37);
});

Deno.test("parseClean() notes nothing at calls that hide nothing, or that ask nobody", () => {
  assertEquals(hiddenOf(readCall('{"o":"\\u0041"}')), undefined);
  assertEquals(hiddenOf(readCall('{"o":"[redacted]"}')), undefined);
  assertEquals(
    hiddenOf(readCall(`"${looksLikeKey("")}"`, '"evaluated_permission":"allow"')),
    undefined,
  );
});

Deno.test("parseClean() counts what it hides however deep a call is", () => {
  const { chars = 0 } = hiddenOf(readCall(`${"[".repeat(50_000)}"\\u0041"${"]".repeat(50_000)}`)) ??
    {};
  assert(chars > 99_000, String(chars));
});
