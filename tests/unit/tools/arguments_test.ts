import { assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { ToolError } from "../../../src/core/errors.ts";
import { parseArguments } from "../../../src/tools/arguments.ts";
import { idHint, idSchema } from "../../../src/tools/ids.ts";
import { TOOLS } from "../../../src/tools/registry.ts";

const SCHEMA = z.strictObject({
  session_id: idSchema("A session"),
  limit: z.int().min(1).max(500).optional(),
  version: z.int().min(1).optional(),
  text: z.string().min(1).max(10).optional(),
  order: z.enum(["asc", "desc"]).optional(),
  types: z.array(z.string()).max(5).optional(),
  cursor: z.string().min(1).optional(),
});

const ID = "session_id must be an id of 1 to 128 letters, digits, _ or -.";
const TAKES = "this tool takes session_id, limit, version, text, order, types, cursor";

const WRONG: readonly [string, unknown, string][] = [
  ["nothing", undefined, "session_id is required: an id of 1 to 128 letters, digits, _ or -."],
  ["null", null, "session_id is required: an id of 1 to 128 letters, digits, _ or -."],
  ["a list", [], `The arguments must be an object: ${TAKES}.`],
  ["a path as id", { session_id: "../agents" }, ID],
  ["an empty id", { session_id: "" }, ID],
  ["a long id", { session_id: "x".repeat(129) }, ID],
  ["a number as id", { session_id: 7 }, ID],
  ["a large limit", { session_id: "s", limit: 501 }, "limit must be an integer from 1 to 500."],
  ["a text as limit", { session_id: "s", limit: "9" }, "limit must be an integer from 1 to 500."],
  ["version 0", { session_id: "s", version: 0 }, "version must be an integer of at least 1."],
  [
    "a long text",
    { session_id: "s", text: "12345678901" },
    "text must be a text of 1 to 10 characters.",
  ],
  [
    "an empty text that has no limit",
    { session_id: "s", cursor: "" },
    "cursor must be a text of 1 or more characters.",
  ],
  ["an order", { session_id: "s", order: "up" }, 'order must be one of "asc", "desc".'],
  [
    "a type",
    { session_id: "s", types: "agent.message" },
    'types must be a list of at most 5 event types, such as ["agent.message"].',
  ],
  ["an unknown name", { session_id: "s", foo: 1 }, `Unknown argument "foo": ${TAKES}.`],
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

Deno.test("parseArguments() says when a tool takes nothing", () => {
  assertThrows(() => parseArguments(z.strictObject({}), { a: 1 }), ToolError, "takes none");
});

Deno.test("parseArguments() passes right arguments through", () => {
  const args = { session_id: "openma-style-ID_1", limit: 500, types: ["agent.message"] };
  assertEquals(parseArguments(SCHEMA, args), args);
});

for (const tool of TOOLS) {
  Deno.test(`${tool.name} refuses an argument that it does not know`, () => {
    const error = assertThrows(
      () => parseArguments(tool.input, { session_id: "s", agent_id: "a", text: "t", foo: 1 }),
      ToolError,
    );
    assertEquals(error.message.includes('"foo"'), true);
  });
}

const HINTS: readonly [Record<string, unknown>, string | undefined][] = [
  [{ session_id: "agent_1" }, 'The session_id "agent_1" looks like an agent_id.'],
  [{ agent_id: "sesn_1" }, 'The agent_id "sesn_1" looks like a session_id.'],
  [{ agent_id: "env-1" }, 'The agent_id "env-1" looks like an environment_id.'],
  [{ session_id: "sesn_1", after_id: "sesn_1" }, 'The after_id "sesn_1" looks like a session_id.'],
  [{ session_id: "sevt_1" }, 'The session_id "sevt_1" looks like an event id.'],
  [{ session_id: "sesn_1" }, undefined],
  [{ session_id: "anything" }, undefined],
  [{ session_id: 7 }, undefined],
];

for (const [args, hint] of HINTS) {
  Deno.test(`idHint() of ${JSON.stringify(args)}`, () => assertEquals(idHint(args), hint));
}
