import { assert, assertEquals } from "@std/assert";
import type { ToolDefinition } from "../../../src/tools/define.ts";
import { inputJsonSchema, outputJsonSchema } from "../../../src/mcp/schema.ts";
import { appTools, TOOLS, toolsOf, VIEW_TOOLS } from "../../../src/tools/registry.ts";

/** By its own path, because the runtime looks beside the file that it was told to run. */
const SNAPSHOT = `${import.meta.dirname}/__snapshots__/registry_test.ts.snap`;

function listed(tool: ToolDefinition) {
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    annotations: tool.annotations,
    inputSchema: inputJsonSchema(tool),
    outputSchema: outputJsonSchema(tool),
    ...(tool.meta && { _meta: tool.meta }),
  };
}

/** Every object anywhere in a value. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const nested = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? nested : [{ ...value }, ...nested];
}

Deno.test("nine tools in a fixed order are served unless told otherwise", () => {
  assertEquals(toolsOf().map(({ name }) => name), [
    "list_agents",
    "get_agent",
    "create_session",
    "send_message",
    "wait_for_idle",
    "get_session",
    "list_events",
    "interrupt",
    "archive_session",
  ]);
});

Deno.test("the tools of the view are in no set, and nobody decides where that is off", () => {
  const names = (tools: readonly ToolDefinition[]) => tools.map(({ name }) => name);
  assertEquals(TOOLS.filter(({ view }) => view === "app_only"), []);
  assertEquals(VIEW_TOOLS.filter(({ view }) => view !== "app_only"), []);
  assertEquals(names(VIEW_TOOLS).filter((name) => names(TOOLS).includes(name)), []);
  assertEquals(appTools({ viewActions: true }), VIEW_TOOLS);
  assertEquals(
    names(appTools({ viewActions: false })),
    names(VIEW_TOOLS).filter((name) => name !== "answer_tool_use"),
  );
  // What is left only reads.
  for (const { annotations } of appTools({ viewActions: false })) assert(annotations.readOnlyHint);
});

for (const tool of [...TOOLS, ...VIEW_TOOLS]) {
  Deno.test(`${tool.name} is defined as in its snapshot`, async (t) => {
    // Written anew by: deno test -q -P=test -u tests/unit/tools/registry_test.ts
    await t.assertSnapshot(listed(tool), { path: SNAPSHOT });
  });

  Deno.test(`${tool.name} has a title, a short description and all four hints`, () => {
    assert(tool.title.length > 0 && tool.title.length <= 40);
    assert(tool.description.length > 40 && tool.description.length < 2_048);
    assert(/^[a-z_]{1,64}$/.test(tool.name));
    assertEquals(Object.keys(tool.annotations).sort(), [
      "destructiveHint",
      "idempotentHint",
      "openWorldHint",
      "readOnlyHint",
    ]);
    assert(!(tool.annotations.readOnlyHint && tool.annotations.destructiveHint));
  });

  Deno.test(`${tool.name} has schemas that every host accepts`, () => {
    const { inputSchema, outputSchema } = listed(tool);
    for (const schema of [inputSchema, outputSchema]) {
      assertEquals(schema.type, "object");
      for (const part of objectsIn(schema)) {
        for (const keyword of ["anyOf", "oneOf", "allOf", "$ref", "$schema", "not"]) {
          assert(!(keyword in part), `${keyword} in ${JSON.stringify(part)}`);
        }
      }
    }
    assertEquals(inputSchema.additionalProperties, false);
    assert(!("additionalProperties" in outputSchema));
  });
}

Deno.test("every property of every schema has a type, as some hosts ask for", () => {
  for (const { name, inputSchema, outputSchema } of TOOLS.map(listed)) {
    for (const part of [...objectsIn(inputSchema), ...objectsIn(outputSchema)]) {
      if (typeof part.properties !== "object" || part.properties === null) continue;
      for (const [property, schema] of Object.entries(part.properties)) {
        assert("type" in Object(schema), `${property} of ${name}`);
      }
    }
  }
});

Deno.test("a search hint has only words that the tool's name and description lack", () => {
  const hinted = TOOLS.flatMap((tool) => {
    const hint = tool.meta?.["anthropic/searchHint"];
    return hint === undefined ? [] : [{ ...tool, hint }];
  });
  assert(hinted.length > 0);
  const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];
  for (const { name, description, hint } of hinted) {
    const known = wordsOf(`${name.replaceAll("_", " ")} ${description}`);
    const repeated = wordsOf(hint).filter((word) => known.includes(word) && word.length > 2);
    assertEquals([name, repeated], [name, []]);
    assert(hint.length <= 40, `${name}: ${hint.length} characters`);
  }
});

Deno.test("only the tools that change nothing are marked as read-only", () => {
  assertEquals(
    toolsOf().filter(({ annotations }) => annotations.readOnlyHint).map(({ name }) => name),
    ["list_agents", "get_agent", "wait_for_idle", "get_session", "list_events"],
  );
  for (const { name, scope, annotations } of TOOLS) {
    assertEquals(annotations.readOnlyHint, scope.endsWith(":read"), name);
  }
});

Deno.test("toolsOf() gives the tools of sets in the registry's order, each once", () => {
  assertEquals(toolsOf(["core", "core"]), toolsOf());
  assertEquals(toolsOf([]), []);
  assertEquals(new Set(TOOLS.map(({ name }) => name)).size, TOOLS.length);
});
