import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { startHttp } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";

async function withFile(content: string, run: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".key" });
  try {
    await Deno.writeTextFile(path, content);
    await run(path);
  } finally {
    await Deno.remove(path);
  }
}

async function newKey(): Promise<string> {
  const program = new Spawned(["token", "sealing-key"]);
  assertEquals((await program.ending()).code, 0);
  assertEquals(program.stdout.length, 1, "the file of a redirected stdout holds the key only");
  return program.stdout[0] ?? "";
}

const SHORT = "q83vEjRWeJq83vEjRWeJqw";

Deno.test("a sealing key that cannot be used ends the program over HTTP, and is told on stdio", async () => {
  await withFile(`${SHORT}\n`, async (path) => {
    const sentence = /line 1, is too short \(16 bytes, at least 32\): make one with 'cma-mcp token/;
    const http = new Spawned(["--http", "--port=0", "--simulate", "--sealing-key-file", path], {
      MANAGED_AGENTS_MCP_TOKEN: "abcdefghijklmnopqrstuvwxyz-0123456789",
    });
    assertEquals((await http.ending()).code, 2);
    assertEquals([http.stdout, http.stderr.length], [[], 1]);
    assertMatch(http.stderr[0] ?? "", sentence);
    const stdio = new Spawned(["--simulate"], { CMA_MCP_SEALING_KEY_FILE: path });
    const { result } = await stdio.initialize();
    assertStringIncludes(JSON.stringify(result), "NOT SET UP");
    assertMatch(JSON.stringify(result), sentence);
    await stdio.closeStdin();
    assertEquals((await stdio.ending()).code, 2);
    const said = [http, stdio].flatMap(({ stdout, stderr }) => [...stdout, ...stderr]).join("\n");
    assert(!said.includes(SHORT), "the key is repeated");
  });
});

Deno.test("a key that the program makes seals, and stands in no result and no log", async () => {
  const key = await newKey();
  await withFile(`# for tests\r\n${key}\r\n`, async (path) => {
    await using server = await startHttp(["--simulate"], { CMA_MCP_SEALING_KEY_FILE: path });
    const { agents } = await callServedTool(server.endpoint, "list_agents", {
      name_contains: "script",
    });
    assert(Array.isArray(agents));
    const { session_id } = await callServedTool(server.endpoint, "create_session", {
      agent_id: agents[0].id,
      message: `say It is ${key}`,
    });
    const result = await callServedTool(server.endpoint, "wait_for_idle", { session_id });
    assertStringIncludes(JSON.stringify(result), "[redacted]");
    assert(!JSON.stringify(result).includes(key.slice(0, 12)));
    assertEquals(await server.stop(), 0);
    assert(!server.program.stderr.join("\n").includes(key.slice(0, 12)));
  });
});
