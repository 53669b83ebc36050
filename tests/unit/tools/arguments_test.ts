import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";
import { ToolError } from "../../../src/core/errors.ts";
import { EVENT_ID } from "../../../src/api/read.ts";
import { HTTPS_URL, parseArguments, TIME } from "../../../src/tools/arguments.ts";
import { EVENT_TYPE, eventIdSchema, idSchema } from "../../../src/tools/ids.ts";
import { TOOLS, VIEW_TOOLS } from "../../../src/tools/registry.ts";

const SCHEMA = z.strictObject({
  session_id: idSchema("A session"),
  limit: z.int().min(1).max(500).optional(),
  version: z.int().min(1).optional(),
  text: z.string().min(1).max(10).optional(),
  order: z.enum(["asc", "desc"]).optional(),
  types: z.array(z.string().regex(EVENT_TYPE)).max(5).optional(),
  cursor: z.string().min(1).optional(),
  timeout_sec: z.int().optional(),
  after_id: z.string().optional(),
  tool_name: z.string().optional(),
  deny_message: z.string().optional(),
});

const ID = "session_id must be an id of 1 to 128 letters, digits, _ or -.";
const TAKES =
  "this tool takes session_id, limit, version, text, order, types, cursor, timeout_sec, after_id, " +
  "tool_name, deny_message";

const WRONG: readonly [string, unknown, string][] = [
  ["nothing", undefined, "session_id is required: an id of 1 to 128 letters, digits, _ or -."],
  ["null", null, "session_id is required: an id of 1 to 128 letters, digits, _ or -."],
  ["a required null", { session_id: null }, `session_id is required:${ID.slice(18)}`],
  ["a list", [], `The arguments must be an object: ${TAKES}.`],
  ["a path as id", { session_id: "../agents" }, ID],
  ["an empty id", { session_id: "" }, ID],
  ["a long id", { session_id: "x".repeat(129) }, ID],
  ["a number as id", { session_id: 7 }, ID],
  ["a large limit", { session_id: "s", limit: 501 }, "limit must be an integer from 1 to 500."],
  ["a text as limit", { session_id: "s", limit: "x" }, "limit must be an integer from 1 to 500."],
  [
    "a large limit in quotes",
    { session_id: "s", limit: "501" },
    "limit must be an integer from 1 to 500.",
  ],
  [
    "a fraction in quotes",
    { session_id: "s", limit: "1.5" },
    "limit must be an integer from 1 to 500.",
  ],
  ["version 0", { session_id: "s", version: 0 }, "version must be an integer of at least 1."],
  [
    "a long text",
    { session_id: "s", text: "12345678901" },
    "text must be a text of 1 to 10 characters.",
  ],
  ["an order", { session_id: "s", order: "up" }, 'order must be one of "asc", "desc".'],
  [
    "a number as types",
    { session_id: "s", types: 5 },
    'types must be a list of at most 5, each an event type such as "agent.message".',
  ],
  [
    "a missing one beside an unknown one",
    { foo: "s" },
    `session_id is required:${ID.slice(18, -1)}; Unknown argument "foo": ${TAKES}.`,
  ],
  [
    "a missing one that is misspelt",
    { sessionId: "s" },
    `session_id is required:${ID.slice(18, -1)}; ` +
    'Unknown argument "sessionId": did you mean session_id?',
  ],
  [
    "a wrong one beside an unknown one and a misspelt one",
    { session_id: "s", limit: "x", foo: 1, orders: "asc" },
    `limit must be an integer from 1 to 500; Unknown argument "foo": ${TAKES}; ` +
    'Unknown argument "orders": did you mean order?',
  ],
  [
    "two wrong ones",
    { session_id: "/", limit: 0 },
    "session_id must be an id of 1 to 128 letters, digits, _ or -; " +
    "limit must be an integer from 1 to 500.",
  ],
];

for (const [name, args, message] of WRONG) {
  Deno.test(`parseArguments() names what is wrong with ${name}`, () => {
    const error = assertThrows(() => parseArguments(SCHEMA, args), ToolError);
    assertEquals([error.code, error.message], ["invalid_argument", message]);
  });
}

Deno.test("parseArguments() passes right arguments through", () => {
  const args = { session_id: "openma-style-ID_1", limit: 500, types: ["agent.message"] };
  assertEquals(parseArguments(SCHEMA, args), { values: args, ignored: [] });
  assertEquals(parseArguments(z.strictObject({}), undefined), { values: {}, ignored: [] });
});

for (const nothing of [null, undefined, "", []]) {
  Deno.test(`parseArguments() takes ${JSON.stringify(nothing)} for an absent optional argument`, () => {
    const optional = Object.keys(SCHEMA.shape).filter((name) => name !== "session_id");
    const filled = Object.fromEntries(optional.map((name) => [name, nothing]));
    const { values } = parseArguments(SCHEMA, { session_id: "s", ...filled });
    assertEquals(values, { session_id: "s" });
  });
}

Deno.test("parseArguments() takes digits in quotes for the number", () => {
  for (const limit of ["9", " 9 ", "9.0", "+9"]) {
    assertEquals(parseArguments(SCHEMA, { session_id: "s", limit }).values.limit, 9);
  }
  assertEquals(parseArguments(SCHEMA, { session_id: "7", text: "8" }).values, {
    session_id: "7",
    text: "8",
  });
});

Deno.test("parseArguments() takes true and false in quotes for the word", () => {
  const schema = z.object({ is_error: z.boolean().optional(), text: z.string().optional() });
  const values = (args: unknown) => parseArguments(schema, args).values;
  assertEquals(values({ is_error: " True ", text: "true" }), { is_error: true, text: "true" });
  assertEquals(values({ is_error: "false" }), { is_error: false });
  assertEquals(values({ is_error: "" }), {});
  for (const is_error of ["yes", 1, "0"]) {
    assertThrows(() => values({ is_error }), ToolError, "is_error must be a boolean.");
  }
});

Deno.test("parseArguments() says that an address must be one that anybody can read", () => {
  const schema = z.object({ image_urls: z.array(z.string().regex(HTTPS_URL)).max(10) });
  const { message } = assertThrows(
    () => parseArguments(schema, { image_urls: ["http://a.example"] }),
    ToolError,
  );
  assertEquals(
    message,
    "image_urls must be a list of at most 10, each an https:// address of at most 2048 characters.",
  );
});

Deno.test("parseArguments() takes an object of texts, also as JSON, and nothing like it", () => {
  const schema = z.strictObject({
    metadata: z.record(z.string(), z.string()).optional(),
    max_cost_usd: z.number().min(0.01).optional(),
  });
  const parse = (args: unknown) => parseArguments(schema, args);
  const metadata = { ticket: "OPS-7" };
  assertEquals(parse({ metadata: JSON.stringify(metadata) }).values, { metadata });
  for (const nothing of [null, "", "null", []]) {
    assertEquals(parse({ metadata: nothing, max_cost_usd: nothing }).values, {});
  }
  for (const wrong of ["x", "[1]", 7, { ticket: 7 }, { ticket: null }, '{"ticket":7}']) {
    const { message } = assertThrows(() => parse({ metadata: wrong }), ToolError);
    assertEquals(message, "metadata must be an object whose values are texts.");
  }
  for (const name of ["budget", "maxBudgetUsd", "max_cost", "cost_usd"]) {
    const { message } = assertThrows(() => parse({ [name]: 5 }), ToolError);
    assertEquals(message, `Unknown argument "${name}": did you mean max_cost_usd?`);
  }
  // MCP's own name, which some hosts put among the arguments.
  assertEquals(parse({ _meta: {} }).ignored, ["_meta"]);
});

Deno.test("parseArguments() takes a date, or a time with its zone, and says so", () => {
  const schema = z.strictObject({ created_after: z.string().regex(TIME).optional() });
  const valueOf = (created_after: unknown) =>
    parseArguments(schema, { created_after }).values.created_after;
  for (
    const time of ["2026-11-25", "2026-11-25T09:00:00Z", "2026-11-25T09:00:00.123456789+05:30"]
  ) {
    assertEquals(valueOf(time), time);
  }
  for (const nothing of [null, "", "null"]) assertEquals(valueOf(nothing), undefined);
  for (const wrong of ["yesterday", "2026-11-25T09:00:00", "25.11.2026", "2026-11-25 "]) {
    assertThrows(
      () => valueOf(wrong),
      ToolError,
      "created_after must be a date such as 2026-11-25, or a time such as 2026-11-25T09:00:00Z.",
    );
  }
});

const LISTS: readonly [unknown, string[]][] = [
  ["agent.message", ["agent.message"]],
  ["agent.message, user.message", ["agent.message", "user.message"]],
  ['["agent.message","user.message"]', ["agent.message", "user.message"]],
];
for (const [types, expected] of LISTS) {
  Deno.test(`parseArguments() takes the text ${types} for a list`, () => {
    assertEquals(parseArguments(SCHEMA, { session_id: "s", types }).values.types, expected);
  });
}

const MISSPELT: readonly [name: string, meant: string][] = [
  ["timeout_seconds", "timeout_sec"],
  ["timeoutSeconds", "timeout_sec"],
  ["timeout_ms", "timeout_sec"],
  ["timeout", "timeout_sec"],
  ["max_timeout_secs", "timeout_sec"],
  ["last_event_id", "after_id"],
  ["lastEventId", "after_id"],
  ["message", "text"],
  ["name", "tool_name"],
  ["toolName", "tool_name"],
  ["reason", "deny_message"],
  ["limits", "limit"],
  ["max_limit", "limit"],
  ["test", "text"],
  ["text_content", "text"],
  ["type", "types"],
  ["__cursor", "cursor"],
];

for (const [name, meant] of MISSPELT) {
  Deno.test(`parseArguments() asks whether ${name} means ${meant}`, () => {
    const args = { session_id: "s", [name]: "x" };
    const error = assertThrows(() => parseArguments(SCHEMA, args), ToolError);
    assertEquals(
      [error.code, error.message],
      ["invalid_argument", `Unknown argument "${name}": did you mean ${meant}?`],
    );
  });
}

const BESIDE: readonly [name: string, beside: Record<string, unknown>][] = [
  ...["sessionId", "SESSION_ID", "session", "sess", "id", "my_session_id", "sesion_id"].map((
    name,
  ): [string, Record<string, unknown>] => [name, {}]),
  ["limits", { limit: 1 }],
  ["timeout", { timeout_sec: 5 }],
  ["last_event_id", { after_id: "e" }],
  ["type", { types: ["a.b"] }],
];
for (const [name, beside] of BESIDE) {
  const values = { session_id: "s", ...beside };
  Deno.test(`parseArguments() ignores ${name} beside the argument that it looks like`, () => {
    assertEquals(parseArguments(SCHEMA, { ...values, [name]: "x" }), { values, ignored: [name] });
  });
}

for (const name of ["sessionId", "SESSION_ID", "session", "sess", "id", "sesion_id"]) {
  for (const nothing of [{}, { session_id: null }]) {
    Deno.test(`parseArguments() suggests session_id for ${name} beside ${JSON.stringify(nothing)}`, () => {
      const error = assertThrows(
        () => parseArguments(SCHEMA, { ...nothing, [name]: "x" }),
        ToolError,
      );
      assertEquals(error.message.endsWith(`"${name}": did you mean session_id?`), true);
    });
  }
}

for (const none of ["null", "NULL", "undefined", "None", "nil", " "]) {
  Deno.test(`parseArguments() treats ${JSON.stringify(none)} as absent, except in a text`, () => {
    const schema = z.strictObject({
      session_id: idSchema(),
      environment_id: idSchema().optional(),
      after_id: eventIdSchema("An event").optional(),
      cursor: z.string().min(1).optional(),
      order: z.enum(["asc", "desc"]).optional(),
      limit: z.int().optional(),
      title: z.string().optional(),
    });
    const values = { session_id: "null", title: none };
    const nothing = {
      environment_id: none,
      after_id: none,
      cursor: none,
      order: none,
      limit: none,
    };
    const given = { ...values, ...nothing };
    assertEquals(parseArguments(schema, given).values, values);
  });
}

const INJECTED = [
  ...["wait_for_previous", "toolCallId", "task_progress", "user_context", "requestId", "_meta"],
  ...[
    "context",
    "thoughts",
    "reasoning",
    "x",
    "",
    "日本語",
    "__proto__",
    "constructor",
    "toString",
  ],
];

for (const name of INJECTED) {
  Deno.test(`parseArguments() ignores ${JSON.stringify(name)}, which a host may add`, () => {
    const args = JSON.parse(`{"session_id": "s", ${JSON.stringify(name)}: {"a": [1]}}`);
    assertEquals(parseArguments(SCHEMA, args), { values: { session_id: "s" }, ignored: [name] });
  });
}

for (const tool of [...TOOLS, ...VIEW_TOOLS]) {
  const required = {
    ...{ session_id: "s", agent_id: "a", thread_id: "h", text: "t" },
    ...{ event_id: "e", tool_name: "n", result: "deny", session_ids: ["s"] },
    proof: "p",
  };
  const own = Object.fromEntries(
    Object.entries(required).filter(([name]) => name in tool.input.shape),
  );
  const isOptional = (name: string) => !(name in own);

  Deno.test(`${tool.name} takes every optional argument filled in with nothing`, () => {
    for (const nothing of [null, ""]) {
      const optional = Object.keys(tool.input.shape).filter(isOptional);
      const args = { ...own, ...Object.fromEntries(optional.map((name) => [name, nothing])) };
      assertEquals(parseArguments(tool.input, args), { values: own, ignored: [] });
    }
  });

  Deno.test(`${tool.name} ignores what hosts add, and says so in its result`, () => {
    const names = ["wait_for_previous", "toolCallId", "user_context", "sessionId"];
    const added = Object.fromEntries(names.map((name) => [name, "x"]));
    assertEquals(parseArguments(tool.input, { ...own, ...added }), { values: own, ignored: names });
  });
}

Deno.test("parseArguments() leaves out the cursors that say nothing, and says what the others are", () => {
  const schema = z.object({
    after_ids: z.record(z.string(), z.string().regex(EVENT_ID)).optional(),
  });
  const given = { sesn_1: "sevt_1", sesn_2: null, sesn_3: "", sesn_4: "null" };
  const expected = { after_ids: { sesn_1: "sevt_1" } };
  for (const after_ids of [given, JSON.stringify(given)]) {
    assertEquals(parseArguments(schema, { after_ids }).values, expected);
  }
  for (const after_ids of [{ sesn_1: "a b" }, { sesn_1: 7 }, "x", 7]) {
    const { message } = assertThrows(() => parseArguments(schema, { after_ids }), ToolError);
    assertEquals(
      message,
      "after_ids must be an object whose values are each an event id of 1 to 128 printable " +
        "characters without spaces.",
    );
  }
});

Deno.test("parseArguments() says what a list of ids takes", () => {
  const schema = z.object({ session_ids: z.array(idSchema()).max(16) });
  const { message } = assertThrows(
    () => parseArguments(schema, { session_ids: ["a b"] }),
    ToolError,
  );
  assertEquals(
    message,
    "session_ids must be a list of at most 16, each an id of 1 to 128 letters, digits, _ or -.",
  );
});

Deno.test("parseArguments() says how many a list takes that cannot be empty", () => {
  const schema = z.object({ session_ids: z.array(idSchema()).min(1).max(16) });
  const { message } = assertThrows(() => parseArguments(schema, { session_ids: [] }), ToolError);
  assertStringIncludes(message, "session_ids must be a list of 1 to 16, each an id");
});

const TEXTS: readonly (readonly [unknown, readonly string[] | undefined])[] = [
  [["One.", "Two."], ["One.", "Two."]],
  ["One, and two.", ["One, and two."]],
  ['["One.", "Two, and three."]', ["One.", "Two, and three."]],
  ["[1, 2]", ["[1, 2]"]],
  ['{"a": 1}', ['{"a": 1}']],
  ["none", ["none"]],
  ["", undefined],
  [[], undefined],
  [null, undefined],
];

for (const [given, texts] of TEXTS) {
  Deno.test(`parseArguments() takes ${JSON.stringify(given)} for a list of free texts`, () => {
    const schema = z.object({ texts: z.array(z.string().min(1)).optional() });
    const { values } = parseArguments(schema, { texts: given });
    assertEquals(values, texts === undefined ? {} : { texts: [...texts] });
  });
}
