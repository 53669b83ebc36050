import { assert, assertEquals } from "@std/assert";
import { callMethod, callServedTool } from "../../src/commands/mcp_call.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { listen } from "../../src/runtime/deno_listener.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { publishedName } from "../../src/tools/published_name.ts";
import { apiAt, startHttp } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";

const KEY = "sk-ant-test-0123456789";

/** A simulated API on loopback, and the means to rename its agents. */
function serveApi() {
  const simulator = createSimulator({ clock: systemClock, apiKey: KEY });
  const address = { host: "127.0.0.1", port: 0 };
  const server = listen(address, (request) => simulator.fetch(request), silentLogger);
  const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await simulator.fetch(
      new Request(`http://simulator${path}`, {
        headers: { "x-api-key": KEY, "anthropic-beta": "managed-agents-2026-04-01" },
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      }),
    );
    assertEquals(response.status, 200);
    return await response.json();
  };
  const env = apiAt(`http://127.0.0.1:${server.addr.port}`);
  return {
    ask,
    env,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      simulator.close();
    },
  };
}

function publishedIn(tools: unknown): string[] {
  assert(Array.isArray(tools));
  return tools.map(({ name }) => String(name)).filter((name) => name.startsWith("agent_"));
}

// Windows has no signal by which a program is asked to read again.
const ignore = Deno.build.os === "windows";

Deno.test("the program serves agents as tools over HTTP, and their new names after SIGHUP", {
  ignore,
}, async () => {
  await using api = serveApi();
  const { id } = await api.ask("/v1/agents", { name: "First name", model: "m" });
  const agent = String(id);
  await using server = await startHttp(["--publish", agent], api.env);
  const { endpoint, program } = server;
  const listed = async () => publishedIn((await callMethod(endpoint, "tools/list")).tools);
  const [before, after] = ["First name", "Second name"].map((name) => publishedName(agent, name));
  assert(before && after);
  assertEquals(await listed(), [before]);
  const asked = await callServedTool(endpoint, before, { message: "Hello" });
  assertEquals(asked.status, "idle");

  await api.ask(`/v1/agents/${agent}`, { version: 1, name: "Second name" });
  program.kill("SIGHUP");
  await program.logged(after);
  assertEquals(await listed(), [after]);
  // A client with the older list calls it by its former name.
  const { session_id } = asked;
  const again = await callServedTool(endpoint, before, { message: "Hello again", session_id });
  assertEquals([again.status, again.session_id], ["idle", session_id]);
  assert(!program.stderr.some((line) => line.includes("Nothing was read again")));
  assertEquals(await server.stop(), 0);
});

Deno.test(
  "the program serves agents as tools on stdio, and tells the host of new names after SIGHUP",
  {
    ignore,
  },
  async () => {
    await using api = serveApi();
    const { id } = await api.ask("/v1/agents", { name: "First name", model: "m" });
    const agent = String(id);
    const program = new Spawned(["--publish=all"], api.env);
    const { result } = await program.initialize();
    assertEquals(Object(result).capabilities.tools, { listChanged: true });
    const listed = async () => {
      const { result } = await program.request("tools/list", {});
      return publishedIn(Object(result).tools);
    };
    assert((await listed()).includes(publishedName(agent, "First name")));
    await api.ask(`/v1/agents/${agent}`, { version: 1, name: "Second name" });
    program.kill("SIGHUP");
    await program.until(() =>
      program.stdout.find((line) => line.includes("notifications/tools/list_changed"))
    );
    assert((await listed()).includes(publishedName(agent, "Second name")));
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
  },
);

Deno.test("the program starts and serves its other tools while the agents to publish cannot be read", async () => {
  const program = new Spawned(["--publish=all"], apiAt("http://127.0.0.1:1"));
  await program.initialize();
  const { result } = await program.request("tools/list", {});
  assertEquals(Object(result).tools.length, 9);
  await program.logged("agents to publish cannot be read");
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
});
