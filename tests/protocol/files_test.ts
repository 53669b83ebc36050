// The set `files` as hosts use it: a chart and a table come out of a session.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { openApp, WAYS } from "./support.ts";
import { entry, openTeam } from "./tokens_support.ts";

const TOOL_SETS = ["core", "files"] as const;

/** The bytes of a block that has some. */
function bytesIn(block: unknown, field: "data" | "blob"): Uint8Array<ArrayBuffer> {
  const base64 = Reflect.get(Object(block), field);
  return Uint8Array.from(atob(String(base64)), (char) => char.charCodeAt(0));
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`a chart, a table and a document come out of a session: ${way}`, async () => {
    const app = openApp();
    const factory = createServerFactory(app.services, { version: "1.2.3", toolSets: TOOL_SETS });
    const { client, close } = await connect({ ...app, factory });
    const call = async (tool: string, args: Record<string, unknown>) => {
      const result = await app.until(client.call(tool, args));
      assertEquals(result.isError, false, result.text);
      return result;
    };
    const agent_id = app.simulator.agentId("script");
    const made = await call("create_session", { agent_id, message: "make report" });
    const session_id = made.structured?.session_id;
    await call("wait_for_idle", { session_id });
    // At once, while the list still trails the agent.
    const { structured: table } = await call("read_session_file", {
      session_id,
      filename: "sales.csv",
    });
    assertStringIncludes(String(table?.text), "month,sales\nJan,900\n");
    assertEquals([table?.mime_type, table?.next_offset], ["text/csv", undefined]);
    await call("read_session_file", { session_id, filename: "report.pdf" });
    const { structured: list } = await call("list_session_files", { session_id });
    assert(Array.isArray(list?.files));
    assertEquals(list.files.map(({ filename }) => filename), [
      "report.pdf",
      "summary.json",
      "report.md",
      "chart.png",
      "sales.csv",
    ]);
    const idOf = (name: string) =>
      String(Array.isArray(list.files) && list.files.find((one) => one.filename === name)?.file_id);
    const chart = await call("read_session_file", { session_id, file_id: idOf("chart.png") });
    const [image] = chart.blocks;
    assertEquals(Reflect.get(Object(image), "type"), "image");
    assertEquals(Reflect.get(Object(image), "mimeType"), "image/png");
    assertEquals(bytesIn(image, "data").byteLength, chart.structured?.size_bytes);
    assertStringIncludes(String(chart.structured?.next), `cma-mcp files ${session_id} file_`);
    const document = await call("read_session_file", { session_id, file_id: idOf("report.pdf") });
    const resource: unknown = Reflect.get(Object(document.blocks[0]), "resource");
    assertEquals(
      Reflect.get(Object(resource), "uri"),
      `cma://sessions/${session_id}/files/${idOf("report.pdf")}`,
    );
    assertEquals(new TextDecoder().decode(bytesIn(resource, "blob").subarray(0, 5)), "%PDF-");
    await close();
    app.close();
  });

  Deno.test(`a long table is read to its end: ${way}`, async () => {
    const app = openApp();
    const factory = createServerFactory(app.services, { version: "1.2.3", toolSets: TOOL_SETS });
    const { client, close } = await connect({ ...app, factory });
    const session_id = app.simulator.createSession({ agent: "script" });
    await app.until(client.call("send_message", { session_id, text: "table big.csv 12000" }));
    await app.until(client.call("wait_for_idle", { session_id }));
    let whole = "";
    let offset: unknown;
    do {
      const { structured, text } = await app.until(
        client.call("read_session_file", {
          session_id,
          filename: "big.csv",
          ...(offset !== undefined && { offset }),
        }),
      );
      assert(text.length <= 40_000);
      whole += structured?.text;
      offset = structured?.next_offset;
    } while (offset !== undefined);
    const rows = whole.split("\n");
    assertEquals([rows.length, rows[0], rows[12_000]?.split(",")[0]], [
      12_002,
      "row,value",
      "12000",
    ]);
    await close();
    app.close();
  });
}

Deno.test("a file of another token's session is as unknown as one that does not exist", async () => {
  const team = openTeam([entry("mia"), entry("noah"), entry("lead", { sessions: "all" })], {
    toolSets: TOOL_SETS,
  });
  const agent_id = team.app.simulator.agentId("quick");
  const withFile = async (token: string) => {
    const { result: { session_id } } = await team.call(token, "create_session", { agent_id });
    const content = new TextEncoder().encode(`${token}'s`);
    const file_id = team.app.simulator.writeFile(String(session_id), `${token}.txt`, content);
    return { session_id, file_id };
  };
  const [own, foreign] = [await withFile("mia"), await withFile("noah")];
  const read = (token: string, args: Record<string, unknown>) =>
    team.call(token, "read_session_file", args);
  assertEquals((await read("mia", own)).result.text, "mia's");
  const unknown = await read("mia", { ...own, file_id: "file_unknown" });
  assertStringIncludes(unknown.text, "That file does not exist or is not available");
  for (const token of ["mia", "lead"]) {
    const mixed = await read(token, { ...own, file_id: foreign.file_id });
    assertEquals([mixed.isError, mixed.text], [true, unknown.text]);
  }
  assertEquals((await read("lead", foreign)).result.text, "noah's");
  assertEquals((await read("mia", foreign)).isError, true);
  await team.close();
});

Deno.test("a file that has expired reads like one that does not exist", async () => {
  const team = openTeam([entry("lead", { sessions: "all" })], { toolSets: TOOL_SETS });
  const { simulator } = team.app;
  const session_id = simulator.createSession({ agent: "quick" });
  const file_id = simulator.writeFile(session_id, "old.csv", new TextEncoder().encode("1,2"));
  simulator.expireFile(file_id);
  const { isError, text } = await team.call("lead", "read_session_file", { session_id, file_id });
  assertEquals(isError, true);
  assertStringIncludes(text, "That file does not exist or is not available");
  await team.close();
});
