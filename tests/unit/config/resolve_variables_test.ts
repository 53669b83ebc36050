import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readsFiles, resolveConfig, resolveStart } from "../../../src/config/resolve.ts";
import { ALL_SETTINGS, type ScopedSetting } from "../../../src/config/settings.ts";
import { UsageError } from "../../../src/core/errors.ts";

type Env = Readonly<Record<string, string>>;

const TOKEN = "0123456789abcdef0123456789abcdef";
const OTHER_TOKEN = "fedcba9876543210fedcba9876543210";
const SEALING_KEY = "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8";
const OTHER_SEALING_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210";
const FILES: Env = {
  "key-1": "one-key",
  "key-2": "other-key",
  "list": JSON.stringify({ tokens: [{ name: "ci", sha256: "0".repeat(64) }] }),
  "access-1": TOKEN,
  "access-2": OTHER_TOKEN,
  "seal-1": SEALING_KEY,
  "seal-2": OTHER_SEALING_KEY,
  "client-1": "one-secret-of-ours",
  "client-2": "other-secret-of-ours",
};

function readFile(path: string): Promise<string> {
  const content = FILES[path];
  return content === undefined
    ? Promise.reject(new Error("no such file"))
    : Promise.resolve(content);
}

/** What a server over HTTP needs, and OAuth with all its rows. */
const SERVER: Env = { ANTHROPIC_API_KEY: "a-key", CMA_MCP_TOKEN: TOKEN, CMA_MCP_HTTP: "on" };
const OAUTH: Env = {
  CMA_MCP_PUBLIC_URL: "https://mcp.example.com",
  CMA_MCP_OAUTH_ISSUER: "https://login.example.com",
  CMA_MCP_OAUTH_INTROSPECTION_URL: "https://login.example.com=https://login.example.com/introspect",
  CMA_MCP_OAUTH_CLIENT_ID: "us",
  CMA_MCP_OAUTH_CLIENT_SECRET_FILE: "client-1",
};
const TLS: Env = { CMA_MCP_TLS_CERT: "c.pem", CMA_MCP_TLS_KEY: "k.pem" };

/** Two values for each row that has both a flag and a variable, of which neither is the default. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  "simulate": ["true", "false"],
  "port": ["8080", "0"],
  "host": ["localhost", "127.0.0.2"],
  "allowed-hosts": ["a.example", "b.example:8443,c.example"],
  "allowed-origins": ["https://a.example", "https://b.example"],
  "public-url": ["https://a.example", "https://b.example/agents"],
  "drain-seconds": ["7", "0"],
  "lame-duck-seconds": ["7", "0"],
  "metrics-port": ["9090", "0"],
  "access-file": ["access-1", "access-2"],
  "oauth-issuer": ["https://login.example.com,https://a.example", "https://login.example.com"],
  "oauth-audience": ["one,two", "https://login.example.com=three"],
  "oauth-token-type": ["JWT", "JWT,at+jwt"],
  "oauth-introspection-url": ["https://a.example/i", "https://b.example/i"],
  "oauth-client-id": ["one", "two"],
  "oauth-client-secret-file": ["client-1", "client-2"],
  "hash-subjects": ["true", "false"],
  "tls-cert": ["one.pem", "two.pem"],
  "tls-key": ["one.key", "two.key"],
  "api-key-file": ["key-1", "key-2"],
  "sealing-key-file": ["seal-1", "seal-2"],
  "base-url": ["https://a.example", "https://b.example"],
  "environment-id": ["env_1", "env_2"],
  "allowed-agents": ["agent_1", "agent_2,agent_3"],
  "tools": ["files", "all"],
  "publish": ["all", "agent_1"],
  "publish-descriptions": ["true", "false"],
  "max-waits": ["7", "8"],
  "max-calls": ["7", "8"],
  "expose-tool-inputs": ["true", "false"],
  "expose-agent-config": ["true", "false"],
  "approval-timeout": ["0", "60"],
  "ask-custom-tools": ["true", "false"],
  "view-actions": ["off", "on"],
  "console-url": ["https://a.example", "https://b.example"],
  "max-cost-usd": ["1", "2.50"],
  "max-cost-usd-ceiling": ["10", "20"],
  "log-level": ["debug", "warn"],
  "log-format": ["json", "text"],
  "fault": ["reset", "hang,reset:GET"],
  "habit": ["takeUpMs=0", "takeUpMs=1"],
  "seed": ["7", "8"],
  "second-environment": ["true", "false"],
  "log-requests": ["true", "false"],
};

function isOf(row: ScopedSetting, command: "serve" | "simulator"): boolean {
  return row.commands.includes(command) && !row.isArgument;
}

/** Resolves, and returns the configuration as a text in which no setting is named. */
async function resolved(
  command: "serve" | "simulator",
  { flag, env: variables = [] }: ScopedSetting,
  given: { readonly flag?: string; readonly env?: Env },
): Promise<string> {
  const rows = command === "serve" ? { ...SERVER, ...OAUTH, ...TLS } : {};
  const base = Object.entries(rows).filter(([name]) => !variables.includes(name));
  const env: Env = { ...Object.fromEntries(base), ...given.env };
  const args = [
    ...command === "serve" ? [] : [command],
    ...given.flag === undefined ? [] : [`--${flag}=${given.flag}`],
  ];
  const config = await resolveConfig(args, (name) => env[name], readFile);
  const names = [`--${flag}`, ...variables];
  return names.reduce((text, name) => text.replaceAll(name, "it"), JSON.stringify(config));
}

for (const command of ["serve", "simulator"] as const) {
  for (const row of ALL_SETTINGS.filter((setting) => isOf(setting, command))) {
    const { flag, env = [] } = row;
    if (flag === undefined || flag === "http") continue;
    Deno.test(`--${flag} of ${command} is the same as ${env.join(" and ")}, and wins`, async () => {
      const [one, other] = VALUES[flag] ?? [];
      assert(one !== undefined && other !== undefined, "give it two values in VALUES");
      const byFlag = await resolved(command, row, { flag: one });
      assert(byFlag !== await resolved(command, row, { flag: other }), "it has no effect");
      for (const name of env) {
        assertEquals(await resolved(command, row, { env: { [name]: one } }), byFlag);
        assertEquals(await resolved(command, row, { flag: one, env: { [name]: other } }), byFlag);
        const blank = await resolved(command, row, { flag: one, env: { [name]: " " } });
        assertEquals(blank, byFlag);
      }
    });
  }
}

async function serving(args: readonly string[], env: Env) {
  const all: Env = { ANTHROPIC_API_KEY: "a-key", ...env };
  const config = await resolveConfig(args, (name) => all[name], readFile);
  assert(config.command === "serve");
  return config;
}

Deno.test("CMA_MCP_HTTP serves HTTP, with the flags that only HTTP has", async () => {
  const env = { CMA_MCP_TOKEN: TOKEN };
  for (const on of ["1", "true", "YES", "on"]) {
    assert((await serving([], { ...env, CMA_MCP_HTTP: on })).http);
  }
  const { http } = await serving(["--port=8080"], { ...env, CMA_MCP_HTTP: "1" });
  assertEquals(http?.port, 8080);
  for (const off of ["", " ", "0", "false", "No", "off"]) {
    assertEquals((await serving([], { ...env, CMA_MCP_HTTP: off })).http, undefined);
  }
});

Deno.test("--http=off wins over CMA_MCP_HTTP, and then no variable of HTTP is read", async () => {
  const env = {
    ...{ CMA_MCP_HTTP: "1", PORT: "no port", CMA_MCP_METRICS_PORT: "none", CMA_MCP_TOKEN: "short" },
    ...{ CMA_MCP_DRAIN_SECONDS: "x", CMA_MCP_TLS_CERT: "c", CMA_MCP_ACCESS_FILE: "gone" },
    ...{ CMA_MCP_OAUTH_ISSUER: "none", CMA_MCP_HASH_SUBJECTS: "maybe" },
  };
  const config = await serving(["--http=off"], env);
  assertEquals([config.http, config.warnings], [undefined, []]);
  assertEquals((await serving([], { ...env, CMA_MCP_HTTP: "" })).http, undefined);
});

Deno.test("a switch that a flag turns off is off, whatever its variable says", async () => {
  const env = { CMA_MCP_EXPOSE_TOOL_INPUTS: "true", CMA_MCP_SIMULATE: "1" };
  const { server, simulate } = await serving(["--expose-tool-inputs=off", "--simulate=no"], env);
  assertEquals([server.exposeToolInputs, simulate], [false, false]);
});

const starts: readonly [readonly string[], string, boolean][] = [
  [[], "", true],
  [[], "1", false],
  [[], "maybe", false],
  [[], "off", true],
  [["--http=off"], "1", true],
  [["--http", "--http=off"], "1", true],
  [["--http"], "off", false],
  [["--http=yes"], "", false],
];
for (const [args, http, isStdio] of starts) {
  const title = `[${args.join(" ")}] with CMA_MCP_HTTP=${http}`;
  Deno.test(`resolveStart() tells ${isStdio ? "the host" : "stderr"} what is wrong for ${title}`, async () => {
    const env: Env = { CMA_MCP_HTTP: http, CMA_LOG_LEVEL: "loud" };
    const start = () => resolveStart(args, (name) => env[name], readFile);
    if (isStdio) assertEquals((await start()).command, "unready");
    else await assertRejects(start, UsageError);
  });
}

const complaints: readonly [Env, RegExp][] = [
  [{ CMA_MCP_HTTP: "maybe" }, /'maybe' as CMA_MCP_HTTP: type true or false/],
  [{ CMA_MCP_SIMULATE: "maybe" }, /'maybe' as CMA_MCP_SIMULATE/],
  [{ CMA_MCP_MAX_WAITS: "0" }, /'0' as CMA_MCP_MAX_WAITS: type a whole number/],
  [{ CMA_MCP_API_KEY_FILE: "gone" }, /Cannot read 'gone' \(CMA_MCP_API_KEY_FILE\)/],
  [
    { CMA_MCP_HTTP: "1", CMA_MCP_ACCESS_FILE: "gone" },
    /Cannot read 'gone' \(CMA_MCP_ACCESS_FILE\)/,
  ],
  [{ CMA_MCP_HTTP: "1", CMA_MCP_TOKEN_FILE: "gone" }, /Cannot read 'gone' \(CMA_MCP_TOKEN_FILE\)/],
  [{ ...SERVER, CMA_MCP_METRICS_PORT: "x" }, /'x' as CMA_MCP_METRICS_PORT/],
  [{ ...SERVER, CMA_MCP_TLS_CERT: "c" }, /^CMA_MCP_TLS_CERT goes with --tls-key: give both/],
  [
    { CMA_MCP_PUBLISH: "agent_2", ALLOWED_AGENT_IDS: "agent_1" },
    /^CMA_MCP_PUBLISH names agent_2, which ALLOWED_AGENT_IDS does not/,
  ],
];
for (const [env, expected] of complaints) {
  Deno.test(`a complaint names the variable that was used: ${Object.keys(env).at(-1)}`, async () => {
    const { message } = await assertRejects(() => serving([], env), UsageError);
    assertMatch(message, expected);
  });
}

Deno.test("--token-file is another name of --access-file, and complaints name the one in use", async () => {
  for (const flag of ["--access-file", "--token-file"]) {
    const { http } = await serving(["--http", `${flag}=access-1`], {});
    assertEquals(http?.token, TOKEN);
    const missing = () => serving(["--http", flag, "gone"], {});
    assertMatch((await assertRejects(missing, UsageError)).message, new RegExp(`\\(${flag}\\)`));
    const { warnings } = await serving(["--http", `${flag}=access-1`], {
      CMA_MCP_TOKEN: OTHER_TOKEN,
      ALLOWED_AGENT_IDS: "agent_1",
    });
    assertEquals(warnings, [`CMA_MCP_TOKEN has no effect beside ${flag}`]);
    // The file is read again while the server runs: complaints then name the same.
    const list = await serving(["--http", `${flag}=list`], {});
    assertEquals(list.http?.accessFile?.named, flag);
    const misspelt = () => serving(["--http", flag.slice(0, -1)], {});
    assertMatch((await assertRejects(misspelt, UsageError)).message, new RegExp(`'${flag}'`));
    const stdio = () => serving([flag, "access-1"], {});
    assertMatch((await assertRejects(stdio, UsageError)).message, new RegExp(`^${flag} only`));
  }
  const both = () => serving(["--http", "--access-file=access-1", "--token-file=access-1"], {});
  assertMatch((await assertRejects(both, UsageError)).message, /are one setting: give one of them/);
});

Deno.test("the flag of an earlier name wins over the variable of the new one", async () => {
  const env = { CMA_MCP_ACCESS_FILE: "access-2", CMA_MCP_TOKEN_FILE: "none" };
  assertEquals((await serving(["--http", "--token-file=access-1"], env)).http?.token, TOKEN);
  assertEquals((await serving(["--http"], env)).http?.token, OTHER_TOKEN);
});

Deno.test("'health' and 'doctor' follow the variables of the server beside them", async () => {
  const env: Env = { ...SERVER, ...TLS, PORT: "8080", HOST: "0.0.0.0" };
  const health = await resolveConfig(["health"], (name) => env[name], readFile);
  assertEquals(health, {
    command: "health",
    listenAddress: "0.0.0.0",
    port: 8080,
    certFile: "c.pem",
  });
  assertEquals(readsFiles(health), true);
  const doctor = await resolveConfig(["doctor"], (name) => env[name], readFile);
  assert(doctor.command === "doctor");
  assertEquals([doctor.http?.port, doctor.problems], [8080, []]);
});

Deno.test("'doctor --host' means an MCP host by its name, also where a variable serves HTTP", async () => {
  const doctor = async (...args: string[]) => {
    const config = await resolveConfig(["doctor", ...args], (name) => SERVER[name], readFile);
    assert(config.command === "doctor");
    return [config.host, config.http?.listenAddress];
  };
  assertEquals(await doctor("--host=cursor"), ["cursor", undefined]);
  assertEquals(await doctor("--host=127.0.0.2"), [undefined, "127.0.0.2"]);
  assertEquals(await doctor("--http", "--host=cursor"), [undefined, "cursor"]);
  assertEquals(await doctor("--http=off", "--host=cursor"), ["cursor", undefined]);
});

Deno.test("a wrong CMA_MCP_HTTP is a problem of the doctor, and does not end it", async () => {
  const env: Env = { ANTHROPIC_API_KEY: "a-key", CMA_MCP_HTTP: "maybe" };
  const config = await resolveConfig(["doctor"], (name) => env[name], readFile);
  assert(config.command === "doctor");
  assertEquals(config.problems.map(({ check }) => check), ["settings"]);
});

Deno.test("the simulator has an address of its own", async () => {
  const env: Env = { PORT: "8080", HOST: "0.0.0.0", CMA_SIMULATOR_PORT: "4001" };
  const config = await resolveConfig(["simulator"], (name) => env[name], readFile);
  assert(config.command === "simulator");
  assertEquals([config.listenAddress, config.port], ["127.0.0.1", 4001]);
});
