// Containers have their settings in the environment, and no command line.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { sha256 } from "../../src/core/sha256.ts";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { ALL_SETTINGS } from "../../src/config/settings.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { endpointAt, TOKEN } from "../helpers/http_program.ts";
import { bytesOf, sendRaw } from "../helpers/raw_http.ts";
import { Spawned } from "../helpers/spawned.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";

type Env = Readonly<Record<string, string>>;

/** Resolves when the program listens; one that ends instead fails with its output. */
async function started(env: Env): Promise<{ readonly program: Spawned; readonly url: string }> {
  const program = new Spawned([], env);
  return { program, url: await program.listening() };
}

async function end(program: Spawned): Promise<void> {
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
}

function variablesOf(command: "serve" | "simulator"): string[] {
  return ALL_SETTINGS.filter((row) => row.commands.includes(command))
    .flatMap(({ env = [] }) => env);
}

Deno.test("a server that has every setting from the environment, and no flag, answers", async () => {
  const folder = await Deno.makeTempDir();
  await using upstream = await UpstreamProcess.start();
  const certificate = await makeCertificate();
  const write = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  const env: Env = {
    CMA_MCP_HTTP: "on",
    CMA_MCP_SIMULATE: "off",
    PORT: "0",
    HOST: "127.0.0.1",
    ALLOWED_HOSTS: "*.run.app",
    ALLOWED_ORIGINS: "https://claude.ai",
    CMA_MCP_PUBLIC_URL: "https://mcp.example.com/agents",
    CMA_MCP_LAME_DUCK_SECONDS: "0",
    CMA_MCP_DRAIN_SECONDS: "0",
    CMA_MCP_METRICS_PORT: "0",
    MANAGED_AGENTS_MCP_TOKEN: "",
    CMA_MCP_TOKEN: "",
    CMA_MCP_ACCESS_FILE: await write(
      "access.json",
      JSON.stringify({ tokens: [{ name: "ci", sha256: sha256(TOKEN) }] }),
    ),
    CMA_MCP_TOKEN_FILE: "",
    CMA_MCP_BINDING_KEY: "b".repeat(32),
    CMA_MCP_OAUTH_ISSUER: "https://login.invalid",
    CMA_MCP_OAUTH_AUDIENCE: "api://us",
    CMA_MCP_OAUTH_TOKEN_TYPE: "JWT",
    CMA_MCP_OAUTH_INTROSPECTION_URL: "https://login.invalid/introspect",
    CMA_MCP_OAUTH_CLIENT_ID: "us",
    CMA_MCP_OAUTH_CLIENT_SECRET_FILE: await write("client", "secret-of-our-client\n"),
    CMA_MCP_HASH_SUBJECTS: "yes",
    CMA_MCP_TLS_CERT: await write("cert.pem", certificate.cert),
    CMA_MCP_TLS_KEY: await write("key.pem", certificate.key),
    ANTHROPIC_API_KEY: "",
    ANTHROPIC_AUTH_TOKEN: "",
    CMA_MCP_API_KEY_FILE: await write("api-key", "sk-ant-test-0123456789\n"),
    CMA_MCP_SEALING_KEY_FILE: await write(
      "sealing.key",
      "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8\n",
    ),
    CMA_BASE_URL: upstream.address.url,
    ANTHROPIC_BASE_URL: "",
    CLAUDE_ENVIRONMENT_ID: "",
    ALLOWED_AGENT_IDS: "",
    CMA_MCP_TOOLS: "all",
    CMA_MCP_PUBLISH: "",
    CMA_MCP_PUBLISH_DESCRIPTIONS: "no",
    CMA_MCP_MAX_WAITS: "7",
    CMA_MCP_MAX_CALLS: "11",
    CMA_MCP_EXPOSE_TOOL_INPUTS: "yes",
    CMA_MCP_EXPOSE_AGENT_CONFIG: "yes",
    CMA_MCP_APPROVAL_TIMEOUT: "60",
    CMA_MCP_ASK_CUSTOM_TOOLS: "yes",
    CMA_MCP_VIEW_ACTIONS: "off",
    CMA_MCP_CONSOLE_URL: "https://console.example.com/sessions",
    CMA_MCP_MAX_COST_USD: "1",
    CMA_MCP_MAX_COST_USD_CEILING: "2",
    OTEL_DENO: "false",
    CMA_LOG_LEVEL: "debug",
    CMA_LOG_FORMAT: "json",
  };
  assertEquals(variablesOf("serve").filter((name) => !(name in env)), [], "set it here too");
  const { program, url } = await started(env);
  try {
    assertMatch(url, /^https:/);
    using client = Deno.createHttpClient({ caCerts: [certificate.cert] });
    const health = await fetch(new URL("/health", url), { client });
    assertEquals([health.status, await health.text()], [200, '{"status":"ok"}']);
    // The path of the public URL, and the issuer, reach clients.
    const metadata = await fetch(new URL("/.well-known/oauth-protected-resource", url), { client });
    assertStringIncludes(await metadata.text(), '"resource":"https://mcp.example.com/agents/mcp"');
    // The token of the access file calls the API with the key of the key file.
    const { agents } = await callServedTool(
      {
        token: TOKEN,
        fetch: async (request) =>
          await fetch(url, {
            method: "POST",
            headers: request.headers,
            body: await request.text(),
            client,
          }),
      },
      "list_agents",
      {},
    );
    assert(Array.isArray(agents) && agents.length > 0);
    const log = program.stderr.join("\n");
    const [, metricsUrl = ""] = /Metrics are at (\S+?),/.exec(log) ?? [];
    const metrics = await (await fetch(metricsUrl)).text();
    assertMatch(metrics, /^cma_mcp_max_waits 7$/m);
    assertMatch(metrics, /^cma_mcp_max_calls 11$/m);
    for (const line of program.stderr) assertEquals(typeof JSON.parse(line), "object");
    assertMatch(log, /Whoever can get a name below run\.app .* --public-url names your host/);
    // So does the command that looks after the server.
    const beside = new Spawned(["health"], { ...env, PORT: new URL(url).port });
    assertEquals([(await beside.ending()).code, beside.stdout], [0, ["ok"]]);
  } finally {
    await end(program);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a simulator that has every setting from the environment plays faults", async () => {
  const env: Env = {
    CMA_SIMULATOR_PORT: "0",
    CMA_SIMULATOR_HOST: "127.0.0.1",
    CMA_SIMULATOR_FAULT: "status=529:GET",
    CMA_SIMULATOR_HABIT: "takeUpMs=0",
    CMA_SIMULATOR_SEED: "7",
    CMA_SIMULATOR_SECOND_ENVIRONMENT: "on",
    CMA_SIMULATOR_LOG_REQUESTS: "on",
    CMA_LOG_LEVEL: "info",
    CMA_LOG_FORMAT: "json",
    // Those of a server beside it.
    PORT: "1",
    HOST: "192.0.2.1",
  };
  assertEquals(variablesOf("simulator").filter((name) => !(name in env)), [], "set it here too");
  const program = new Spawned(["simulator"], env);
  const url = await program.until(() =>
    /ANTHROPIC_BASE_URL=(\S+)/.exec(program.stdout.join("\n"))?.[1]
  );
  const response = await fetch(`${url}/v1/agents`, { headers: { "x-api-key": "any" } });
  await response.body?.cancel();
  assertEquals(response.status, 529);
  await program.logged('"/v1/agents"');
  program.kill("SIGTERM");
  await program.ending();
});

/** A first deployment: the platform chooses the port and, later, the name. */
const PLATFORM: Env = {
  CMA_MCP_HTTP: "1",
  CMA_MCP_SIMULATE: "1",
  CMA_MCP_TOKEN: TOKEN,
  PORT: "0",
};

Deno.test("a server for everybody says how to start before its name is known", async () => {
  const program = new Spawned([], { ...PLATFORM, HOST: "0.0.0.0" });
  assertEquals((await program.ending()).code, 2);
  assertEquals(program.stderr.length, 1);
  assertMatch(program.stderr[0] ?? "", /needs --allowed-hosts: .*, or \*\.run\.app until you know/);
});

Deno.test("a server that does not know its name yet answers to those of its platform", async () => {
  const { program, url } = await started({ ...PLATFORM, ALLOWED_HOSTS: "*.run.app" });
  const port = Number(new URL(url).port);
  const asked = (host: string) =>
    sendRaw(
      port,
      bytesOf(
        `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
  // 401: past the check of names, and without a token.
  assertEquals(await asked("cma-mcp-abc123-ew.a.run.app"), 401);
  assertEquals(await asked("CMA-mcp.run.app:443"), 401);
  for (const host of ["run.app", "evilrun.app", "run.app.example.com", ".run.app", "a..run.app"]) {
    assertEquals(await asked(host), 421, host);
  }
  const endpoint = endpointAt(url);
  assert("agents" in await callServedTool(endpoint, "list_agents", {}));
  await end(program);
});

Deno.test("a variable of HTTP that cannot be used keeps no host from stdio", async () => {
  const program = new Spawned([], {
    ...{ CMA_MCP_SIMULATE: "1", PORT: "no port", CMA_MCP_METRICS_PORT: "none" },
    ...{ CMA_MCP_TLS_CERT: "gone", CMA_MCP_OAUTH_ISSUER: "none", ALLOWED_HOSTS: "*" },
  });
  await program.initialize();
  const { tools } = (await program.request("tools/list")).result as { tools: unknown[] };
  assert(tools.length > 0);
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
});
