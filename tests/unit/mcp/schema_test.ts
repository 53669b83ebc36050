import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { inputJsonSchema, outputJsonSchema, toolList } from "../../../src/mcp/schema.ts";
import { boundTo } from "../../../src/tools/bound.ts";
import { defineTool, READS } from "../../../src/tools/define.ts";

const SPEC = {
  name: "count_words",
  title: "Count words",
  description: "Counts.",
  scope: "sessions:read",
  kind: "call",
  reaches: { result: "list" },
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: true,
  },
  input: () =>
    z.strictObject({
      text: z.string().min(1).max(20).regex(/^\w/),
      pattern: z.string().describe("Words to leave out."),
      limit: z.int().min(1).max(50).optional(),
      after: z.int().min(0).optional(),
      names: z.array(z.string()).min(1).max(9).optional(),
    }),
  output: () => z.looseObject({ words: z.number(), first: z.object({}).optional() }),
  run: () => Promise.resolve({ words: 0 }),
} as const;

const tool = defineTool(SPEC);

Deno.test("inputJsonSchema() keeps what models need, and drops what the tool checks itself", () => {
  assertEquals(inputJsonSchema(tool), {
    type: "object",
    properties: {
      text: { type: "string" },
      pattern: { type: "string", description: "Words to leave out." },
      limit: { type: "integer", maximum: 50 },
      after: { type: "integer" },
      names: { type: "array", items: { type: "string" } },
    },
    required: ["text", "pattern"],
    additionalProperties: false,
  });
});

Deno.test("outputJsonSchema() does not forbid fields that a later version adds", () => {
  assertEquals(outputJsonSchema(tool), {
    type: "object",
    properties: { words: { type: "number" }, first: { type: "object" } },
    required: ["words"],
  });
});

Deno.test("toolList() gives each tool with its texts, hints and both schemas", () => {
  const { name, title, description, annotations } = tool;
  assertEquals(toolList([tool]), {
    tools: [{
      name,
      title,
      description,
      inputSchema: { ...inputJsonSchema(tool), type: "object" },
      annotations,
      outputSchema: { ...outputJsonSchema(tool), type: "object" },
    }],
  });
});

Deno.test("toolList() says of a published agent only what a model needs to call it", () => {
  const { name, title, description, annotations } = tool;
  const shown = { name, title, description, annotations, offered: Object.keys(tool.input.shape) };
  const { tools: [full, listed] } = toolList([tool, boundTo(tool, { agentId: "agent_1", shown })]);
  assert(full && listed);
  const { outputSchema: _, ...others } = full;
  assertEquals(Object.keys(listed), Object.keys(others));
  const { properties } = listed.inputSchema;
  assertEquals(Object.keys(Object(properties)), Object.keys(Object(full.inputSchema.properties)));
  assert(!/"(description|maxLength)"/.test(JSON.stringify(properties)));
});

Deno.test("toolList() gives the _meta of a tool that has some", () => {
  const meta = { "anthropic/requiresUserInteraction": true } as const;
  const { tools } = toolList([tool, defineTool({ ...SPEC, meta })]);
  assertEquals(tools.map(({ _meta }) => _meta), [undefined, meta]);
  assertEquals(tools.map((listed) => "_meta" in listed), [false, true]);
});

Deno.test("toolList() says the part of tools in the session view to clients that show it, in few words", () => {
  const of = (view: "shown" | "app_only", meta = {}) =>
    defineTool({
      ...{ name: "try_it", title: "Try it", description: "Tries it.", scope: "sessions:read" },
      ...{ kind: "call", reaches: { session_id: "session" }, annotations: READS, view, meta },
      input: () => z.strictObject({ session_id: z.string().max(64).describe("Whose") }),
      output: () => z.object({ done: z.boolean() }),
      run: () => Promise.resolve({ done: true }),
    });
  const uri = "ui://cma-mcp/session.html";
  const hint = { "anthropic/searchHint": "attempt" };
  const [shown, appOnly] = toolList([of("shown", hint), of("app_only")], true).tools;
  assertEquals(shown?._meta, { ...hint, "ui": { resourceUri: uri }, "ui/resourceUri": uri });
  assertEquals(shown?.outputSchema?.type, "object");
  assertEquals(appOnly, {
    ...{ name: "try_it", title: "Try it", description: "Tries it.", annotations: READS },
    inputSchema: {
      type: "object",
      properties: { session_id: { type: "string" } },
      required: ["session_id"],
      additionalProperties: false,
    },
    _meta: { ui: { visibility: ["app"] } },
  });
  const [unshown] = toolList([of("shown", hint)]).tools;
  assertEquals(unshown?._meta, hint);
});
