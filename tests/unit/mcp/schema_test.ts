import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { inputJsonSchema, outputJsonSchema, toolList } from "../../../src/mcp/schema.ts";
import { boundTo } from "../../../src/tools/bound.ts";
import { defineTool } from "../../../src/tools/define.ts";

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
      text: z.string().min(1).regex(/^\w/),
      pattern: z.string().describe("Words to leave out."),
      limit: z.int().min(1).max(50).optional(),
      after: z.int().min(0).optional(),
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
      limit: { type: "integer", minimum: 1, maximum: 50 },
      after: { type: "integer", minimum: 0 },
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
