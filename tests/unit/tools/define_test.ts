import { assertEquals, assertStrictEquals } from "@std/assert";
import * as z from "zod";
import { defineTool } from "../../../src/tools/define.ts";
import { harness } from "./support.ts";

function counted() {
  const made = { input: 0, output: 0 };
  const tool = defineTool({
    name: "probe",
    title: "Probe",
    description: "Probes.",
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: () => {
      made.input++;
      return z.strictObject({ count: z.int() });
    },
    output: () => {
      made.output++;
      return z.object({ count: z.int() });
    },
    run: ({ count }) => Promise.resolve({ count: count + 1 }),
  });
  return { made, tool };
}

Deno.test("defineTool() makes no schema before one is needed: a start waits for none", () => {
  const { made, tool } = counted();
  assertEquals(tool.name, "probe");
  assertEquals(made, { input: 0, output: 0 });
});

Deno.test("defineTool() makes each schema once, whether it is listed or called first", async () => {
  const { made, tool } = counted();
  const { run } = harness({});
  assertEquals(await run(tool, { count: 1 }), { count: 2 });
  assertEquals(await run(tool, { count: 2 }), { count: 3 });
  assertEquals(made, { input: 1, output: 0 });
  assertStrictEquals(tool.input, tool.input);
  assertStrictEquals(tool.output, tool.output);
  assertEquals(made, { input: 1, output: 1 });
});
