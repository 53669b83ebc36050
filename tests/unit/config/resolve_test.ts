import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Config, ServeConfig } from "../../../src/config/config.ts";
import { resolveConfig, resolveStart } from "../../../src/config/resolve.ts";
import { sha256 } from "../../../src/core/sha256.ts";
import { UsageError } from "../../../src/core/errors.ts";

const KEY = "sk-ant-api03-not-a-real-key";
const TOKEN = "0123456789abcdef0123456789abcdef";

interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function resolve({ args = [], env = {}, files = {} }: Given): Promise<Config> {
  return resolveConfig(args, (name) => env[name], (path) => {
    const content = files[path];
    return content === undefined
      ? Promise.reject(new Error("no such file"))
      : Promise.resolve(content);
  });
}

/** The configuration to serve with, a key in the environment. */
async function serving({ args, env, files }: Given = {}): Promise<ServeConfig> {
  const config = await resolve({ args, env: { ANTHROPIC_API_KEY: KEY, ...env }, files });
  if (config.command !== "serve") throw new Error(`Expected serve, got ${config.command}`);
  return config;
}

async function refusal(given: Given): Promise<string> {
  const { message } = await assertRejects(() => resolve(given), UsageError);
  assert(!message.includes("\n"), `Expected one line, got ${message}`);
  return message;
}

Deno.test("resolveStart() repeats no secret that was put in the place of something else", async () => {
  const secret = "key-of-another-service-0123456789";
  const env = new Map([["ANTHROPIC_API_KEY", secret], ["MANAGED_AGENTS_MCP_TOKEN", TOKEN]]);
  const start = (...args: string[]) =>
    resolveStart(args, (name) => env.get(name), () => Promise.reject(new Error("no such file")));
  const unready = await start("--log-level", secret);
  assert(unready.command === "unready" && unready.message.includes("--log-level"));
  const { message } = await assertRejects(() => start("--http", "--port", secret), UsageError);
  for (const text of [unready.message, message]) {
    assert(text.includes("[redacted]") && !text.includes(secret), text);
  }
});

Deno.test("resolveConfig() serves stdio with documented defaults when only a key is set", async () => {
  assertEquals({ ...await serving() }, {
    command: "serve",
    http: undefined,
    simulate: false,
    credential: { kind: "api_key", value: KEY },
    server: {
      baseUrl: "https://api.anthropic.com",
      environmentId: undefined,
      allowedAgentIds: undefined,
      toolSets: ["core"],
      publish: undefined,
      publishDescriptions: false,
      maxWaits: 400,
      maxCalls: 1000,
      exposeToolInputs: false,
      exposeAgentConfig: false,
      approvalTimeoutMs: 600_000,
      askCustomTools: false,
      viewActions: true,
      consoleUrl: undefined,
      maxCostUsd: undefined,
      maxCostCeilingUsd: undefined,
      tracing: false,
    },
    log: { level: "info", format: "text" },
    warnings: [],
  });
});

Deno.test("resolveConfig() freezes what it returns, all the way down", async () => {
  const config = await serving({ args: ["--http"], env: { CMA_MCP_TOKEN: TOKEN } });
  assert(Object.isFrozen(config) && Object.isFrozen(config.http?.allowedHosts));
});

Deno.test("resolveConfig() prefers the flag, then each variable in order, then the default", async () => {
  const both = { CMA_BASE_URL: "https://one.example", ANTHROPIC_BASE_URL: "https://two.example" };
  const flag = ["--base-url", "https://flag.example"];
  assertEquals((await serving({ args: flag, env: both })).server.baseUrl, "https://flag.example");
  assertEquals((await serving({ env: both })).server.baseUrl, "https://one.example");
  assertEquals(
    (await serving({ env: { ...both, CMA_BASE_URL: " " } })).server.baseUrl,
    "https://two.example",
  );
  assertEquals(
    (await serving({ env: { ANTHROPIC_BASE_URL: "" } })).server.baseUrl,
    "https://api.anthropic.com",
  );
});

Deno.test("resolveConfig() takes the key from file, key variable or token variable, in order", async () => {
  const env = { ANTHROPIC_API_KEY: KEY, ANTHROPIC_AUTH_TOKEN: "oauth-token" };
  const fromFile = await serving({
    args: ["--api-key-file", "k"],
    env,
    files: { k: "file-key\n" },
  });
  assertEquals(fromFile.credential, {
    kind: "api_key",
    value: "file-key",
    file: "k",
    named: "--api-key-file",
  });
  assertEquals((await serving({ env })).credential, { kind: "api_key", value: KEY });
  const token = (await serving({ env: { ...env, ANTHROPIC_API_KEY: "" } })).credential;
  assertEquals(token, { kind: "auth_token", value: "oauth-token" });
});

Deno.test("resolveConfig() reads every setting of a server in HTTP mode", async () => {
  const config = await serving({
    args: [
      ...["--http", "--host", "0.0.0.0", "--expose-tool-inputs", "--expose-agent-config"],
      ...["--metrics-port", "0"],
      ...["--tls-cert=c.pem", "--tls-key=k.pem"],
    ],
    env: {
      PORT: "8080",
      CMA_MCP_PUBLIC_URL: "https://mcp.example.com/agents/",
      OTEL_DENO: "true",
      MANAGED_AGENTS_MCP_TOKEN: TOKEN,
      CMA_MCP_TOKEN: "ignored",
      ALLOWED_HOSTS: "MCP.example.com, other.example:8443",
      ALLOWED_ORIGINS: "https://claude.ai/",
      ALLOWED_AGENT_IDS: "agent_1,agent_2 agent_1",
      CLAUDE_ENVIRONMENT_ID: "env_1",
      CMA_LOG_LEVEL: "debug",
      CMA_LOG_FORMAT: "json",
    },
  });
  assertEquals(config.http, {
    listenAddress: "0.0.0.0",
    port: 8080,
    token: TOKEN,
    allowedHosts: ["mcp.example.com", "other.example:8443"],
    allowedOrigins: ["https://claude.ai"],
    publicUrl: "https://mcp.example.com/agents",
    tls: {
      certFile: "c.pem",
      keyFile: "k.pem",
      named: { cert: "--tls-cert", key: "--tls-key" },
    },
    drainMs: 2_000,
    lameDuckMs: 0,
    metricsPort: 0,
  });
  assertEquals(config.server.allowedAgentIds, ["agent_1", "agent_2"]);
  assertEquals(config.server.environmentId, "env_1");
  assertEquals(config.log, { level: "debug", format: "json" });
  assert(
    config.server.exposeToolInputs && config.server.exposeAgentConfig && config.server.tracing,
  );
});

Deno.test("resolveConfig() reads whom to ask, which tools to serve and where the console is", async () => {
  const expected: Partial<ServeConfig["server"]> = {
    toolSets: ["core", "actions"],
    approvalTimeoutMs: 30_000,
    askCustomTools: true,
    viewActions: false,
    consoleUrl: "https://console.example.com/sessions",
    exposeToolInputs: true,
  };
  const args = [
    ...["--tools", "actions", "--approval-timeout=30", "--ask-custom-tools"],
    ...["--view-actions", "off"],
    ...["--expose-tool-inputs", "--console-url", "https://console.example.com/sessions/"],
  ];
  const env = {
    CMA_MCP_TOOLS: "actions",
    CMA_MCP_APPROVAL_TIMEOUT: "30",
    CMA_MCP_ASK_CUSTOM_TOOLS: "yes",
    CMA_MCP_VIEW_ACTIONS: "no",
    CMA_MCP_EXPOSE_TOOL_INPUTS: "1",
    CMA_MCP_CONSOLE_URL: "https://console.example.com/sessions/",
  };
  for (const given of [{ args }, { env }]) {
    const { server } = await serving(given);
    const { toolSets, approvalTimeoutMs, askCustomTools, viewActions } = server;
    const { consoleUrl, exposeToolInputs } = server;
    const asked = { approvalTimeoutMs, askCustomTools, viewActions };
    const found = { toolSets, ...asked, consoleUrl, exposeToolInputs };
    assertEquals<Partial<ServeConfig["server"]>>(found, expected);
  }
  const asking = await resolve({ args: ["ask", "it", "x"], env: { ...env, ...keyed } });
  assert(asking.command === "ask");
  assertEquals(
    [asking.server.askCustomTools, asking.server.consoleUrl],
    [true, expected.consoleUrl],
  );
  assertEquals((await serving({ args: ["--approval-timeout=0"] })).server.approvalTimeoutMs, 0);
});

Deno.test("resolveConfig() lets people decide in the session view unless that is off", async () => {
  const cases: readonly [string, boolean][] = [["on", true], ["true", true], ["off", false]];
  for (const [text, viewActions] of cases) {
    const found = [
      await serving({ args: ["--view-actions", text] }),
      await serving({ args: [`--view-actions=${text}`] }),
      await serving({ env: { CMA_MCP_VIEW_ACTIONS: text } }),
    ];
    assertEquals(found.map(({ server }) => server.viewActions), Array(3).fill(viewActions), text);
  }
  await assertRejects(
    () => serving({ args: ["--view-actions", "maybe"] }),
    UsageError,
    "Cannot use 'maybe' as --view-actions",
  );
  await assertRejects(
    () => serving({ args: ["--view-actions"] }),
    UsageError,
    "--view-actions needs a value: type --view-actions <on|off>",
  );
});

Deno.test("resolveConfig() reads which agents to publish, and never one that nobody may reach", async () => {
  const args = ["--publish", "agent_1,agent_2", "--publish-descriptions"];
  const env = { CMA_MCP_PUBLISH: "agent_1,agent_2", CMA_MCP_PUBLISH_DESCRIPTIONS: "on" };
  for (const given of [{ args }, { env }]) {
    const { publish, publishDescriptions } = (await serving(given)).server;
    assertEquals([publish, publishDescriptions], [["agent_1", "agent_2"], true]);
  }
  const some = ["--publish=agent_1,agent_2", "--allowed-agents=agent_2"];
  await assertRejects(
    () => serving({ args: some }),
    UsageError,
    "--publish names agent_1, which --allowed-agents does not: name it in both, or in none",
  );
  const all = await serving({ args: ["--publish=all", "--allowed-agents=agent_2"] });
  assertEquals(all.server.publish, "all");
});

Deno.test("resolveConfig() reads what sessions may cost, for servers and for the terminal", async () => {
  const args = ["--max-cost-usd", "2.50", "--max-cost-usd-ceiling=10"];
  const env = { CMA_MCP_MAX_COST_USD: "2.5", CMA_MCP_MAX_COST_USD_CEILING: "10.00", ...keyed };
  for (const given of [{ args }, { env }]) {
    const { maxCostUsd, maxCostCeilingUsd } = (await serving(given)).server;
    assertEquals([maxCostUsd, maxCostCeilingUsd], [2.5, 10]);
  }
  for (const args of [["ask", "it", "x"], ["demo", "--agent", "it"]]) {
    const own = await resolve({ args, env });
    assert(own.command === "ask" || own.command === "demo");
    assertEquals(own.server.maxCostUsd, 2.5);
  }
});

Deno.test("resolveConfig() ignores what belongs to HTTP when it serves stdio", async () => {
  const env = { PORT: "not a port", HOST: "0.0.0.0", CMA_MCP_TOKEN: "short" };
  assertEquals((await serving({ env })).http, undefined);
});

Deno.test("resolveConfig() simulates without a key and without the workspace's ids", async () => {
  const env = {
    CLAUDE_ENVIRONMENT_ID: "env_real",
    ALLOWED_AGENT_IDS: "agent_real",
    CMA_MCP_CONSOLE_URL: "https://console.example.com/sessions",
    CMA_MCP_PUBLISH: "agent_real",
  };
  const config = await resolve({ args: ["--simulate"], env });
  assert(config.command === "serve" && config.simulate);
  assertEquals(config.credential, undefined);
  const { environmentId, allowedAgentIds, consoleUrl, publish } = config.server;
  assertEquals([environmentId, allowedAgentIds, consoleUrl, publish], Array(4).fill(undefined));
});

Deno.test("resolveConfig() still binds a simulated server to agents that a flag names", async () => {
  const config = await resolve({ args: ["--simulate", "--allowed-agents", "agent_1"] });
  assert(config.command === "serve");
  assertEquals(config.server.allowedAgentIds, ["agent_1"]);
});

const commands: readonly [readonly string[], Config][] = [
  [["--help"], { command: "help" }],
  [["-h"], { command: "help" }],
  [["--nonsense", "--help"], { command: "help" }],
  [["help"], { command: "help" }],
  [["--version"], { command: "version" }],
  [["-V"], { command: "version" }],
  [["demo"], { command: "demo", simulate: true, server: { baseUrl: "https://api.anthropic.com" } }],
  [["simulator"], {
    command: "simulator",
    listenAddress: "127.0.0.1",
    port: 4000,
    faults: [],
    habits: [],
    seed: undefined,
    secondEnvironment: false,
    logRequests: false,
    named: { faults: "--fault", habits: "--habit" },
    log: { level: "info", format: "text" },
  }],
  [
    ["simulator", "--port=0", "--log-level", "warn", "--host", "::1", "--log-requests"]
      .concat(
        "--second-environment",
        "--fault",
        "hang,reset:GET",
        "--habit=takeUpMs=0",
        "--seed=7",
      ),
    {
      command: "simulator",
      listenAddress: "::1",
      port: 0,
      faults: ["hang", "reset:GET"],
      habits: ["takeUpMs=0"],
      seed: 7,
      secondEnvironment: true,
      logRequests: true,
      named: { faults: "--fault", habits: "--habit" },
      log: { level: "warn", format: "text" },
    },
  ],
];
for (const [args, expected] of commands) {
  Deno.test(`resolveConfig() understands '${args.join(" ")}' without a key`, async () => {
    assertEquals(await resolve({ args, env: { PORT: "9999", HOST: "192.0.2.1" } }), expected);
  });
}

const warnings: readonly [string, Given, RegExp | undefined][] = [
  ["plain http to a remote host", { args: ["--base-url=http://x.example"] }, /unencrypted/],
  ["plain http to this machine", { args: ["--base-url=http://127.0.0.1:4000"] }, undefined],
  ["HTTP without an allowlist", { args: ["--http"] }, /ALLOWED_AGENT_IDS/],
  ["HTTP with one", { args: ["--http", "--allowed-agents=agent_1"] }, undefined],
  ["a public address without TLS", {
    args: ["--http", "--allowed-agents=agent_1", "--host=0.0.0.0", "--allowed-hosts=x.example"],
  }, /unencrypted unless a proxy in front/],
  ["a public address with TLS", {
    args: [
      ...["--http", "--allowed-agents=agent_1", "--host=0.0.0.0", "--allowed-hosts=x.example"],
      ...["--tls-cert=c", "--tls-key=k"],
    ],
  }, undefined],
  ["simulated HTTP", { args: ["--http", "--simulate"] }, undefined],
  ["files over HTTP without a public address", {
    args: ["--http", "--allowed-agents=agent_1", "--tools=files"],
  }, /^Files have no links: .* --public-url$/],
  ["files over HTTP with one", {
    args: [
      ...["--http", "--allowed-agents=agent_1", "--tools=files"],
      "--public-url=https://mcp.example.com",
    ],
  }, undefined],
  ["names below one", {
    args: ["--http", "--allowed-agents=agent_1", "--allowed-hosts=mcp.example.com,*.run.app"],
  }, /^Whoever can get a name below run\.app .*DNS rebinding.* has \*\.run\.app: once you know/],
  ["names below one beside a public address", {
    args: [
      ...["--http", "--allowed-agents=agent_1", "--allowed-hosts=*.run.app"],
      "--public-url=https://a.run.app",
    ],
  }, /--public-url names your host, so take it out$/],
  ["files on stdio", { args: ["--tools=files"] }, undefined],
];
for (const [name, given, expected] of warnings) {
  Deno.test(`resolveConfig() ${expected ? "warns" : "does not warn"} about ${name}`, async () => {
    const { warnings } = await serving({ ...given, env: { CMA_MCP_TOKEN: TOKEN } });
    assertEquals(warnings.length, expected ? 1 : 0);
    if (expected) assertMatch(warnings[0] ?? "", expected);
  });
}

const keyed = { ANTHROPIC_API_KEY: KEY };
const http = { ...keyed, CMA_MCP_TOKEN: TOKEN };
const refusals: readonly [string, Given, RegExp][] = [
  ["no key", {}, /set ANTHROPIC_API_KEY/],
  ["a blank key", { env: { ANTHROPIC_API_KEY: "  " } }, /set ANTHROPIC_API_KEY/],
  ["a key with a space", { env: { ANTHROPIC_API_KEY: "a b" } }, /ANTHROPIC_API_KEY has spaces/],
  ["an unfilled key", { env: { ANTHROPIC_API_KEY: "${user_config.key}" } }, /not filled in/],
  ["a missing key file", { args: ["--api-key-file", "k"] }, /Cannot read 'k'/],
  ["an empty key file", { args: ["--api-key-file=k"], files: { k: "\n" } }, /is empty/],
  ["two lines in a key file", { args: ["--api-key-file=k"], files: { k: "a\nb" } }, /line breaks/],
  ["an unknown flag", { args: ["--prot", "1"] }, /'--prot': did you mean '--port'\?/],
  ["a flag like no other", { args: ["--zzzzzz=1"] }, /'--zzzzzz': see 'cma-mcp --help'/],
  ["an unknown letter", { args: ["-x"] }, /'-x'/],
  ["an unknown command", { args: ["dmeo"] }, /'dmeo': did you mean 'demo'\?/],
  ["two commands", { args: ["demo", "simulator"] }, /'simulator': one command/],
  ["a key as a flag", { args: ["--api-key", KEY] }, /set ANTHROPIC_API_KEY/],
  ["a token as a flag", { args: [`--token=${TOKEN}`] }, /set MANAGED_AGENTS_MCP_TOKEN/],
  ["a flag without value", { args: ["--http", "--port"], env: http }, /type --port <port>/],
  ["a flag before a flag", { args: ["--port", "--http"], env: http }, /type --port <port>/],
  ["a flag of serving", { args: ["demo", "--http"] }, /--http does not apply to 'demo'/],
  ["an HTTP flag on stdio", { args: ["--port", "1"], env: keyed }, /add --http/],
  ["HTTP without token", { args: ["--http"], env: keyed }, /set MANAGED_AGENTS_MCP_TOKEN/],
  ["a short token", { args: ["--http"], env: { ...keyed, CMA_MCP_TOKEN: "s" } }, /at least 32/],
  ["a JSON token file", {
    args: ["--http", "--token-file=t"],
    env: keyed,
    files: { t: `{ "alice": "${TOKEN}" }` },
  }, /'t' \(--token-file\): tokens is missing/],
  ["a token file without tokens", {
    args: ["--http", "--token-file=t"],
    env: keyed,
    files: { t: '{ "tokens": [] }' },
  }, /lists no token: make one with 'cma-mcp token new/],
  ["two lines as token file", {
    args: ["--http", "--token-file=t"],
    env: keyed,
    files: { t: `${TOKEN}\n${TOKEN}` },
  }, /has spaces, line breaks/],
  ["a short binding key", {
    args: ["--http", "--token-file=t"],
    env: { ...keyed, CMA_MCP_BINDING_KEY: "short" },
    files: { t: `{"tokens":[{"name":"a","sha256":"${"0".repeat(64)}"}]}` },
  }, /CMA_MCP_BINDING_KEY is too short/],
  ["a token without a name", { args: ["token", "new"] }, /type cma-mcp token new --name <name>/],
  ["a token that is not new", { args: ["token", "--name=a"] }, /type cma-mcp token new/],
  ["a token name with spaces", { args: ["token", "new", "--name=a b"] }, /letters, digits, '.'/],
  ["a time in words", {
    args: ["token", "new", "--name=a", "--expires=tomorrow"],
  }, /'tomorrow' as --expires: type a date/],
  ["a day that there is not", {
    args: ["token", "new", "--name=a", "--expires=2027-13-01"],
  }, /type a date/],
  ["a day that there is not, such as 30 February", {
    args: ["token", "new", "--name=a", "--expires=2027-02-30"],
  }, /type a date/],
  ["a made-up scope", {
    args: ["token", "new", "--name=a", "--scopes=action"],
  }, /'action' in --scopes: did you mean actions\? There are agents:read, /],
  ["a made-up set for a token", {
    args: ["token", "new", "--name=a", "--tools=all"],
  }, /'all' in --tools: There are core, sessions, files, actions, threads, ask, resources$/],
  ["a reader that acts", {
    args: ["token", "new", "--name=a", "--read-only", "--scopes=agents:read,actions"],
  }, /--read-only with --scopes: a token that may only read cannot have actions: let it/],
  ["a name as a file for a token", {
    args: ["token", "new", "--name=a", "--files=in.csv"],
  }, /--files/],
  ["no money for a token", {
    args: ["token", "new", "--name=a", "--max-cost-usd=0"],
  }, /US dollars from 0.01/],
  ["a flag of the server for a token", {
    args: ["token", "new", "--name=a", "--http"],
  }, /--http does not apply to 'token'/],
  ["a flag of the token for the server", { args: ["--read-only"], env: keyed }, /when serving/],
  ["a strange address", { args: ["--http", "--host", "a/b"], env: http }, /such as 127.0.0.1/],
  ["a certificate without key", {
    args: ["--http", "--tls-cert=c"],
    env: http,
  }, /--tls-cert goes with --tls-key: give both/],
  ["a key without certificate", {
    args: ["--http", "--tls-key=k"],
    env: http,
  }, /--tls-key goes with --tls-cert: give both/],
  ["a flag of an earlier version", {
    args: ["--http", "--trusted-proxies=10.0.0.0/8"],
    env: http,
  }, /'--trusted-proxies' was removed: leave it out, and find the client/],
  ["a port in words", { args: ["--http"], env: { ...http, PORT: "http" } }, /PORT: type a whole/],
  ["a port too high", { args: ["--http", "--port=65536"], env: http }, /from 0 to 65535/],
  ["no waits", { args: ["--max-waits=0"], env: keyed }, /from 1 to 100000/],
  ["a URL without scheme", { env: { ...keyed, CMA_BASE_URL: "x.example" } }, /CMA_BASE_URL: type/],
  ["another scheme", { args: ["--base-url=ftp://x"], env: keyed }, /such as https/],
  ["a URL with a password", { args: ["--base-url=https://a:b@x"], env: keyed }, /leave out user/],
  ["one agent and a list", {
    args: ["token", "new", "--name=a", "--agent=agent_1", "--agents=agent_2"],
  }, /--agent and --agents do not go together/],
  ["only commas as agents", { env: { ...keyed, ALLOWED_AGENT_IDS: "," } }, /names nothing/],
  [
    "a path as agent",
    { env: { ...keyed, ALLOWED_AGENT_IDS: "agent_a,../b" } },
    /'..\/b' in ALLOWED/,
  ],
  ["a path as environment", { args: ["--environment-id=a/b"], env: keyed }, /1 to 128 letters/],
  ["a URL as host header", {
    args: ["--http"],
    env: { ...http, ALLOWED_HOSTS: "https://x" },
  }, /such as x$/],
  ["any origin", { args: ["--http"], env: { ...http, ALLOWED_ORIGINS: "*" } }, /list each origin/],
  ["origins with a wildcard", {
    args: ["--http", "--allowed-origins=https://*.example.com"],
    env: http,
  }, /'\*' stands for nothing here, so list each origin/],
  ["a page as origin", { args: ["--http", "--allowed-origins=https://x/y"], env: http }, /origin/],
  ["a made-up set", { args: ["--tools=actoins"], env: keyed }, /--tools: did you mean actions\?/],
  ["no tools at all", { args: ["--tools", "-core"], env: keyed }, /--tools: that leaves no tool/],
  ["an hour and a bit", { args: ["--approval-timeout=3601"], env: keyed }, /from 0 to 3600/],
  ["a budget of nothing", { args: ["--max-cost-usd=0"], env: keyed }, /US dollars from 0.01/],
  ["parts of a cent", { args: ["--max-cost-usd-ceiling=0.001"], env: keyed }, /such as 5 or 2.50/],
  ["a sign of money", { env: { ...keyed, CMA_MCP_MAX_COST_USD: "5 USD" } }, /'5 USD' as CMA_MCP/],
  ["a console without a scheme", { args: ["--console-url=x"], env: keyed }, /such as https:/],
  ["a made-up log level", { args: ["--log-level=loud"], env: keyed }, /one of debug, info/],
];
for (const [name, given, expected] of refusals) {
  Deno.test(`resolveConfig() refuses ${name} in one line that says what to type`, async () => {
    const message = await refusal(given);
    assertMatch(message, expected);
    assert(!message.includes(KEY) && !message.includes(TOKEN), "the secret is not repeated");
  });
}

const SEALING_KEY = "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8";
const OTHER_SEALING_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210";

Deno.test("resolveConfig() reads sealing keys on every transport, by flag or variable", async () => {
  const files = { k: `# new\n${SEALING_KEY}\n${OTHER_SEALING_KEY}\n` };
  const env = { CMA_MCP_TOKEN: TOKEN, CMA_MCP_SEALING_KEY_FILE: "k" };
  for (
    const given of [
      { args: ["--sealing-key-file", "k"] },
      { env },
      { args: ["--http"], env },
      { args: ["--http", "--sealing-key-file=k"], env: { ...env, CMA_MCP_SEALING_KEY_FILE: "no" } },
    ]
  ) {
    const { sealing } = await serving({ ...given, files });
    assertEquals(sealing?.path, "k");
    assertEquals(sealing?.keys.map(({ text }) => text), [SEALING_KEY, OTHER_SEALING_KEY]);
    assertEquals(sealing?.keys.map(({ bytes }) => bytes.byteLength), [32, 32]);
  }
  assertEquals("sealing" in await serving(), false);
});

const sealingRefusals: readonly [string, string, Given, RegExp][] = [
  ["an empty file", " \n", {}, /'k' \(--sealing-key-file\) holds no key: make one with 'cma-mcp/],
  ["a short key", "c2hvcnQ=", {}, /line 1, is too short \(5 bytes, at least 32\)/],
  ["an API key", KEY, {}, /is an API key, which must seal nothing/],
  ["the key for another API", SEALING_KEY, {
    env: { ANTHROPIC_API_KEY: SEALING_KEY },
  }, /holds the key for the API, which must seal nothing: make one with/],
  ["the bearer token", `${SEALING_KEY}\n${OTHER_SEALING_KEY}`, {
    args: ["--http"],
    env: { CMA_MCP_TOKEN: OTHER_SEALING_KEY },
  }, /holds a bearer token, which must seal nothing/],
  ["a token of a list", SEALING_KEY, {
    args: ["--http", "--token-file=t"],
    files: { t: JSON.stringify({ tokens: [{ name: "a", sha256: sha256(SEALING_KEY) }] }) },
  }, /holds a bearer token/],
  ["a file that a variable names", "", {
    args: [],
    env: { CMA_MCP_SEALING_KEY_FILE: "~/k" },
  }, /Cannot read '~\/k' \(CMA_MCP_SEALING_KEY_FILE\): nothing has replaced its '~'/],
];
for (const [name, content, { args = [], env, files }, expected] of sealingRefusals) {
  Deno.test(`resolveConfig() refuses ${name} for sealing, in one line without it`, async () => {
    const flag = env?.CMA_MCP_SEALING_KEY_FILE ? [] : ["--sealing-key-file", "k"];
    const message = await refusal({
      args: [...args, ...flag],
      env: { ANTHROPIC_API_KEY: KEY, CMA_MCP_TOKEN: TOKEN, ...env },
      files: { k: content, ...files },
    });
    assertMatch(message, expected);
    for (const secret of [KEY, SEALING_KEY, OTHER_SEALING_KEY]) {
      assert(!message.includes(secret.slice(0, 12)), message);
    }
  });
}

Deno.test("resolveConfig() makes a sealing key without flags only", async () => {
  assertEquals(await resolve({ args: ["token", "sealing-key"] }), { command: "sealing-key" });
  const message = await refusal({ args: ["token", "sealing-key", "--name=a"] });
  assertMatch(message, /takes no flags/);
});

const LIST = JSON.stringify({
  tokens: [{ name: "ci", sha256: "0".repeat(64) }, { name: "ops", sha256: "1".repeat(64) }],
});

Deno.test("resolveConfig() reads a list of tokens, and binds sessions with the key or its own", async () => {
  const given = { args: ["--http", "--token-file=t"], files: { t: LIST } };
  const { http, bindingKey } = await serving(given);
  assertEquals(http?.token, undefined);
  assertEquals(http?.accessFile?.path, "t");
  assertEquals(http?.accessFile?.entries.map(({ name }) => name), ["ci", "ops"]);
  assertEquals(bindingKey, KEY);
  const env = { CMA_MCP_BINDING_KEY: "b".repeat(32), CMA_MCP_TOKEN: TOKEN };
  assertEquals((await serving({ ...given, env })).bindingKey, "b".repeat(32));
});

Deno.test("resolveConfig() binds no sessions where one token may do everything", async () => {
  const env = { CMA_MCP_BINDING_KEY: "b".repeat(32), CMA_MCP_TOKEN: TOKEN };
  assertEquals("bindingKey" in await serving({ args: ["--http"], env }), false);
  const file = await serving({
    args: ["--http", "--token-file=t"],
    env,
    files: { t: `${TOKEN}\n` },
  });
  assertEquals([file.http?.token, "bindingKey" in file], [TOKEN, false]);
});

Deno.test("resolveConfig() warns that tokens reach every agent unless each names its own", async () => {
  const entry = (name: string, digit: string, agents?: string[]) => ({
    name,
    sha256: digit.repeat(64),
    agents,
  });
  const warnings = async (...tokens: object[]) => {
    const files = { t: JSON.stringify({ tokens }) };
    return (await serving({ args: ["--http", "--token-file=t"], files })).warnings.length;
  };
  assertEquals(await warnings(entry("a", "0", ["agent_1"]), entry("b", "1")), 1);
  assertEquals(await warnings(entry("a", "0", ["agent_1"]), entry("b", "1", ["agent_2"])), 0);
});

Deno.test("resolveConfig() reads what a new token is to be", async () => {
  const bare = await resolve({ args: ["token", "new", "--name", "ci"] });
  assertEquals({ ...bare }, {
    command: "token",
    name: "ci",
    json: false,
    expires: undefined,
    agents: undefined,
    agent: undefined,
    environments: undefined,
    files: undefined,
    readOnly: false,
    scopes: undefined,
    tools: undefined,
    maxCostUsd: undefined,
  });
  const line =
    "token new --name ci --expires 2027-01-31 --agents agent_a,agent_b --environments env_e --read-only" +
    " --json --scopes=agents:read --tools core,CORE --files file_a,file_b --max-cost-usd 2.50";
  assertEquals({ ...await resolve({ args: line.split(" ") }) }, {
    command: "token",
    name: "ci",
    json: true,
    expires: "2027-01-31T00:00:00Z",
    agents: ["agent_a", "agent_b"],
    agent: undefined,
    environments: ["env_e"],
    files: ["file_a", "file_b"],
    readOnly: true,
    scopes: ["agents:read"],
    tools: ["core"],
    maxCostUsd: 2.5,
  });
  const bound = await resolve({ args: ["token", "new", "--name=a", "--agent=agent_1"] });
  assertEquals("agent" in bound && bound.agent, "agent_1");
});

Deno.test("resolveConfig() warns of tokens that are ignored", async () => {
  const warnings = async (args: string[], env: Record<string, string>) => {
    const config = await resolveConfig(
      ["--http", ...args],
      (name) =>
        ({ ANTHROPIC_API_KEY: "sk-ant-test-key", ALLOWED_AGENT_IDS: "agent_1", ...env })[name],
      () => Promise.resolve(TOKEN),
    );
    return "warnings" in config ? config.warnings : [];
  };
  const [one, other] = [TOKEN, `${TOKEN}-other`];
  assertEquals(await warnings([], { MANAGED_AGENTS_MCP_TOKEN: one, CMA_MCP_TOKEN: one }), []);
  assertEquals(await warnings([], { MANAGED_AGENTS_MCP_TOKEN: one, CMA_MCP_TOKEN: other }), [
    "CMA_MCP_TOKEN has no effect beside MANAGED_AGENTS_MCP_TOKEN",
  ]);
  assertEquals(await warnings(["--token-file", "t"], { CMA_MCP_TOKEN: one }), [
    "CMA_MCP_TOKEN has no effect beside --token-file",
  ]);
  assertEquals(await warnings([], { CMA_MCP_ACCESS_FILE: "t", CMA_MCP_TOKEN_FILE: "t" }), []);
  assertEquals(await warnings([], { CMA_MCP_ACCESS_FILE: "t", CMA_MCP_TOKEN_FILE: "u" }), [
    "CMA_MCP_TOKEN_FILE has no effect beside CMA_MCP_ACCESS_FILE",
  ]);
});

const ACCESS = {
  simulate: false,
  credential: { kind: "api_key", value: KEY },
  server: { baseUrl: "https://api.anthropic.com" },
} as const;
const LOG = { level: "info", format: "text" } as const;

Deno.test("resolveConfig() reads what to list, and not what only a server needs", async () => {
  const env = {
    ANTHROPIC_API_KEY: KEY,
    CLAUDE_ENVIRONMENT_ID: "wrong",
    ALLOWED_AGENT_IDS: "wrong",
  };
  const base = { ...ACCESS, log: LOG, limit: 50, json: false, agent: undefined, status: undefined };
  for (const command of ["agents", "environments"] as const) {
    assertEquals(await resolve({ args: [command], env }), { ...base, command });
  }
  const args = ["sessions", "--agent", "My agent", "--status=IDLE", "--limit=3", "--json"];
  assertEquals(await resolve({ args, env }), {
    ...base,
    command: "sessions",
    ...{ agent: "My agent", status: "idle", limit: 3, json: true },
  });
  await assertRejects(() => resolve({ args: ["agents"] }), UsageError, "No API key");
});

const asked: readonly [string[], { agent?: string; text?: string; session?: string }][] = [
  [["My agent", "Do it"], { agent: "My agent", text: "Do it" }],
  [["My agent", "-"], { agent: "My agent", text: "-" }],
  [["--session=sesn_1"], { session: "sesn_1" }],
  [["--session=sesn_1", "Do it"], { session: "sesn_1", text: "Do it" }],
  [["My agent", "Do it", "--session=sesn_1"], {
    agent: "My agent",
    text: "Do it",
    session: "sesn_1",
  }],
];
for (const [words, { agent, text, session }] of asked) {
  Deno.test(`resolveConfig() reads what 'ask ${words.join(" ")}' says`, async () => {
    const args = ["ask", ...words, "--timeout=5", "--environment-id=env_1"];
    assertEquals(await resolve({ args, env: { ANTHROPIC_API_KEY: KEY } }), {
      command: "ask",
      ...ACCESS,
      server: {
        ...ACCESS.server,
        environmentId: "env_1",
        exposeToolInputs: false,
        maxCostUsd: undefined,
        askCustomTools: false,
        consoleUrl: undefined,
      },
      ...{ agent, text, session },
      timeoutMs: 5_000,
      json: false,
      log: LOG,
    });
  });
}

const unasked: readonly [string[], string][] = [
  [[], "Whom to ask, and what?"],
  [[" ", "Do it"], "Whom to ask, and what?"],
  [["My agent"], "What to ask?"],
  [["My agent", " "], "The text is empty"],
  [["--session=agent_1", "Do it"], "--session holds an agent's id: give a session's id there"],
  [["My agent", "Do it", "--timeout=0"], "type a whole number from 1 to"],
];
for (const [words, complaint] of unasked) {
  Deno.test(`resolveConfig() complains of 'ask ${words.join(" ")}'`, async () => {
    const message = await refusal({ args: ["ask", ...words], env: { ANTHROPIC_API_KEY: KEY } });
    assert(message.startsWith(complaint) || message.includes(complaint), message);
  });
}

Deno.test("resolveConfig() wants a key for the demo only with an agent of one's own", async () => {
  const args = ["demo", "--agent", "My agent"];
  await assertRejects(() => resolve({ args }), UsageError, "No API key");
  const config = await resolve({ args, env: { ANTHROPIC_API_KEY: KEY } });
  assert(config.command === "demo");
  assertEquals([config.agent, config.simulate], ["My agent", false]);
});

Deno.test("resolveConfig() knows three shells to complete in", async () => {
  assertEquals(await resolve({ args: ["completions", "zsh"] }), {
    command: "completions",
    shell: "zsh",
  });
  assertEquals(
    await refusal({ args: ["completions"] }),
    "Which shell? Type cma-mcp completions with one of bash, zsh, fish",
  );
});
