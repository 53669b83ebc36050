import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dataOf, play, replies } from "../helpers.ts";

Deno.test("agents write a chart, a table and a report in three forms", async () => {
  const { simulator, call, events, id } = await play("slow", "Sales, please", 12_000);
  const listed = dataOf(await call("GET", `/v1/files?scope_id=${id}`)).toReversed();
  assertEquals(listed.map(({ filename, mime_type }) => [filename, mime_type]), [
    ["sales.csv", "text/csv"],
    ["chart.png", "image/png"],
    ["report.md", "text/markdown"],
    ["summary.json", "application/json"],
    ["report.pdf", "application/pdf"],
  ]);
  const read = async (index: number) => {
    const request = new Request(`http://simulator/v1/files/${listed[index]?.id}/content`, {
      headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
    });
    return await (await simulator.fetch(request)).text();
  };
  assertStringIncludes(await read(0), "month,sales\nJan,900\n");
  assertStringIncludes(await read(2), "Task: Sales, please");
  assertEquals(JSON.parse(await read(3)).best, "Dec");
  assertStringIncludes(replies(await events(id)), 'Simulated work on "Sales, please" is done');
  assert(listed.every(({ size_bytes }) => Number(size_bytes) > 0 && Number(size_bytes) < 30_000));
  simulator.close();
});
