import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { apiAt, startHttp, TOKEN } from "../helpers/http_program.ts";
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

/** Asks a person at one replica, gives the answer to another, and returns the wait's result. */
async function answeredElsewhere(api: string, asking: URL, answering: URL) {
  const urls = [asking, answering];
  let waits = 0;
  const transport = new StreamableHTTPClientTransport(asking, {
    requestInit: { headers: { authorization: `Bearer ${TOKEN}` } },
    fetch: (_, init) => {
      const isWait = String(init?.body).includes('"wait_for_idle"');
      return fetch(urls[isWait ? waits++ : 0] ?? answering, init);
    },
  });
  const client = new Client({ name: "person", version: "1" }, {
    versionNegotiation: { mode: "auto" },
    capabilities: { elicitation: { form: {} } },
  });
  let forms = 0;
  client.setRequestHandler("elicitation/create", ({ params }) => {
    forms++;
    const keys = "requestedSchema" in params ? params.requestedSchema.required ?? [] : [];
    return { action: "accept", content: Object.fromEntries(keys.map((key) => [key, "allow"])) };
  });
  await client.connect(transport);
  const call = async (name: string, args: Record<string, unknown>) => {
    const { structuredContent } = await client.callTool({ name, arguments: args });
    return { ...structuredContent as Record<string, unknown> };
  };
  const { agents } = await call("list_agents", { name_contains: "approval needed" });
  assert(Array.isArray(agents));
  const { session_id } = await call("create_session", {
    agent_id: agents[0].id,
    message: "Please do.",
  });
  const { status } = await call("wait_for_idle", { session_id });
  await client.close();
  const events = await fetch(`${api}/v1/sessions/${session_id}/events?limit=100`, {
    headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
  });
  const { data } = await events.json();
  const confirmations =
    data.filter(({ type }: { type: string }) => type === "user.tool_confirmation").length;
  return { status, forms, waits, confirmations };
}

Deno.test("an answer counts at every replica that has the sealing key, and at no other", async () => {
  const simulator = new Spawned(["simulator", "--port=0"]);
  const line = await simulator.until(() =>
    [...simulator.stdout, ...simulator.stderr].find((line) => line.includes("ANTHROPIC_BASE_URL="))
  );
  const [, api = ""] = /ANTHROPIC_BASE_URL=(\S+)/.exec(line) ?? [];
  const [first, second] = [await newKey(), await newKey()];
  await withFile(`${second}\n${first}\n`, async (rotated) => {
    await withFile(first, async (old) => {
      const start = (...args: string[]) => startHttp(args, apiAt(api));
      await using asking = await start("--sealing-key-file", old);
      await using sealed = await start("--sealing-key-file", rotated);
      await using other = await start();
      assertEquals(
        await answeredElsewhere(api, new URL(asking.url), new URL(sealed.url)),
        { status: "idle", forms: 1, waits: 2, confirmations: 1 },
      );
      assertEquals(
        await answeredElsewhere(api, new URL(asking.url), new URL(other.url)),
        { status: "requires_action", forms: 1, waits: 2, confirmations: 0 },
      );
      const warned = ({ program }: typeof other) =>
        program.stderr.filter((line) => line.includes("Without a sealing key")).length;
      assertEquals([asking, sealed, other].map(warned), [0, 0, 1]);
    });
  });
  simulator.kill("SIGTERM");
  await simulator.ending();
});

/** Connects a client of 2025-11-25 that shows the session view, and lists the tools elsewhere. */
async function toolsElsewhere(opening: string, listing: string): Promise<string> {
  let requests = 0;
  const transport = new StreamableHTTPClientTransport(new URL(opening), {
    requestInit: { headers: { authorization: `Bearer ${TOKEN}` } },
    fetch: (_, init) => fetch(requests++ === 0 ? opening : listing, init),
  });
  const ui = { mimeTypes: ["text/html;profile=mcp-app"] };
  const client = new Client({ name: "viewer", version: "1" }, {
    versionNegotiation: { mode: "legacy" },
    capabilities: { extensions: { "io.modelcontextprotocol/ui": ui } },
  });
  await client.connect(transport);
  const { tools } = await client.listTools();
  await client.close();
  return JSON.stringify(tools);
}

Deno.test("a client that shows the session view is known to every replica with the sealing key", async () => {
  await withFile(`${await newKey()}\n`, async (path) => {
    const env = { CMA_MCP_SEALING_KEY_FILE: path };
    await using one = await startHttp(["--simulate"], env);
    await using same = await startHttp(["--simulate"], env);
    await using stranger = await startHttp(["--simulate"]);
    assertStringIncludes(await toolsElsewhere(one.url, same.url), "ui/resourceUri");
    const unknown = await toolsElsewhere(one.url, stranger.url);
    assert(unknown.includes("wait_for_idle") && !unknown.includes("ui/resourceUri"), unknown);
  });
});
