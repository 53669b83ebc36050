// All sets of tools of the program as it runs, as a user goes through them: an earlier session is
// found and continued in one call, a chart and a table come out of it, two sessions are waited for at
// once, an agent is called as a tool, and the transcript is read as a resource.
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startHttp, TOKEN } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";
import { connectHttp, modernClient, type TestClient } from "../protocol/support.ts";

const ARGS = ["--simulate", "--tools=all", "--publish=all"];

/** The program's own stdin and stdout, for a client of the SDK. */
class SpawnedTransport implements Transport {
  onclose?: () => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #program: Spawned;
  #seen = 0;

  constructor(program: Spawned) {
    this.#program = program;
  }

  start(): Promise<void> {
    const { stdout } = this.#program;
    const pass = (): undefined => {
      while (this.#seen < stdout.length) this.onmessage?.(JSON.parse(stdout[this.#seen++] ?? ""));
    };
    // Rejects when the program ends.
    this.#program.until(pass, Infinity).catch(() => this.onclose?.());
    return Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.#program.send(message);
  }

  async close(): Promise<void> {
    await this.#program.closeStdin();
  }
}

/** Plays all of it. @returns the link to the chart, where there is one */
async function walk(client: TestClient): Promise<string | undefined> {
  const call = async (tool: string, args: Record<string, unknown>) => {
    const result = await client.call(tool, args);
    assertEquals(result.isError, false, `${tool}: ${result.text}`);
    return { ...result, fields: result.structured ?? {} };
  };
  const { fields: { agents } } = await call("list_agents", { name_contains: "script" });
  assert(Array.isArray(agents));
  const agent_id: unknown = agents[0]?.id;

  const title = "yesterday";
  const earlier = await call("create_session", { agent_id, title, message: "say early" });
  assertEquals(
    (await call("wait_for_idle", { session_id: earlier.fields.session_id })).fields.reply,
    "early",
  );
  const { fields: { sessions } } = await call("list_sessions", { agent_id });
  assert(Array.isArray(sessions));
  const { session_id } = sessions.find((session) => session.title === title);
  assertEquals(session_id, earlier.fields.session_id);

  const asked = await call("ask_agent", { session_id, message: "make report\nsay done" });
  assertEquals([asked.fields.status, asked.fields.reply], ["idle", "done"]);
  // The API lists files some time after they are written.
  for (let tries = 0, found: unknown[] = []; found.length !== 5; tries++) {
    assert(tries < 100, JSON.stringify(found));
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, 200));
    const { fields: { files } } = await call("list_session_files", { session_id });
    assert(Array.isArray(files));
    found = files;
  }
  const table = await call("read_session_file", { session_id, filename: "sales.csv" });
  assertStringIncludes(String(table.fields.text), "month,sales\nJan,900\n");
  const chart = await call("read_session_file", { session_id, filename: "chart.png" });
  const [image] = chart.blocks;
  assertEquals(Reflect.get(Object(image), "mimeType"), "image/png");

  const started = await Promise.all(
    ["one", "two"].map((word) =>
      call("create_session", { agent_id, message: `sleep 100ms\nsay ${word}` })
    ),
  );
  const session_ids = started.map(({ fields }) => fields.session_id);
  const both = await call("wait_for_any", { session_ids, mode: "all" });
  assert(Array.isArray(both.fields.sessions));
  assertEquals(both.fields.sessions.map(({ reply }) => reply), ["one", "two"]);

  const { tools } = await client.listTools();
  const published = tools.find(({ name }) => name.startsWith("agent_simulated_script_"));
  assert(published);
  const called = await call(published.name, { message: "say I am a tool" });
  assertEquals(called.fields.reply, "I am a tool");

  const { contents } = await client.readResource(`cma://sessions/${session_id}/transcript`);
  assertStringIncludes(contents[0]?.text ?? "", "> make report\n> say done\n");
  const url = chart.fields.download_url;
  return typeof url === "string" ? url : undefined;
}

for (const [era, mode] of [["2026-07-28", "auto"], ["2025-11-25", "legacy"]] as const) {
  Deno.test(`the program serves every set on stdio, ${era}`, async () => {
    const program = new Spawned(ARGS);
    const client = await modernClient(mode, new SpawnedTransport(program));
    assertEquals(await walk(client), undefined);
    await client.close();
    assertEquals((await program.ending()).code, 0);
  });

  Deno.test(`the program serves every set over HTTP, with links, ${era}`, async () => {
    const publicUrl = "https://mcp.example.com";
    await using server = await startHttp([...ARGS, `--public-url=${publicUrl}`]);
    const { url } = server;
    const client = await connectHttp(new URL(url), mode, TOKEN);
    const link = await walk(client);
    assert(link !== undefined && link.startsWith(`${publicUrl}/files/`), link);
    const response = await fetch(link.replace(publicUrl, new URL(url).origin));
    const bytes = new Uint8Array(await response.arrayBuffer());
    assertEquals([response.status, bytes[0], ...new TextDecoder().decode(bytes.slice(1, 4))], [
      200,
      0x89,
      ..."PNG",
    ]);
    await client.close();
    assertEquals(await server.stop(), 0);
  });
}
