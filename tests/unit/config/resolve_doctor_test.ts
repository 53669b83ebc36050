import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { DoctorConfig, HostConfig } from "../../../src/config/config.ts";
import { resolveConfig } from "../../../src/config/resolve.ts";
import { UsageError } from "../../../src/core/errors.ts";

type Env = Readonly<Record<string, string>>;

const TOKEN = "0123456789abcdef0123456789abcdef";
const SOUND: Env = { ANTHROPIC_API_KEY: "a-key", CMA_MCP_TOKEN: TOKEN };

function resolve(args: readonly string[], env: Env = {}) {
  return resolveConfig(args, (name) => env[name], () => Promise.reject(new Error("no such file")));
}

async function doctorConfig(args: readonly string[], env: Env = {}): Promise<DoctorConfig> {
  const config = await resolve(["doctor", ...args], env);
  assert(config.command === "doctor");
  return config;
}

Deno.test("resolveConfig() gives the doctor the server's settings", async () => {
  const config = await doctorConfig(["--http", "--port=0", "--environment-id=env_1", "--json"], {
    ...SOUND,
    ALLOWED_AGENT_IDS: "agent_1",
  });
  assertEquals(config.problems, []);
  assertEquals(config.warnings, []);
  assertEquals(config.credential, { kind: "api_key", value: "a-key" });
  assertEquals(
    [config.server.baseUrl, config.server.environmentId, config.http?.port, config.json],
    [
      "https://api.anthropic.com",
      "env_1",
      0,
      true,
    ],
  );
  assert(Object.isFrozen(config.http));
});

const OAUTH = [
  "--http",
  "--public-url=https://mcp.example.com",
  "--oauth-issuer=https://a.example",
];

const problems: readonly [string, readonly string[], Env, string, RegExp][] = [
  ["no key", [], {}, "key", /set ANTHROPIC_API_KEY/],
  ["a placeholder for a key", [], { ANTHROPIC_API_KEY: "<your API key>" }, "key", /not filled in/],
  ["a missing key file", ["--api-key-file=k"], SOUND, "key", /Cannot read 'k'/],
  ["a base URL that is none", ["--base-url=api"], SOUND, "network", /type a URL/],
  ["an odd environment id", ["--environment-id=a/b"], SOUND, "environment", /an id has/],
  ["an odd agent id", ["--allowed-agents=a/b"], SOUND, "allowlist", /an id has/],
  ["no token", ["--http"], { ANTHROPIC_API_KEY: "a-key" }, "http", /needs a bearer token/],
  ["a short token", ["--http"], { ...SOUND, CMA_MCP_TOKEN: "short" }, "http", /too short/],
  [
    "an issuer without a scheme",
    [...OAUTH, "--oauth-issuer=login"],
    SOUND,
    "oauth",
    /an issuer such/,
  ],
  ["no public URL", ["--http", "--oauth-issuer=https://a.example"], SOUND, "oauth", /--public-url/],
  ["half a client", [...OAUTH, "--oauth-client-id=c"], SOUND, "oauth", /give all three/],
  ["half a certificate", ["--http", "--tls-key=k"], SOUND, "http", /goes with --tls-cert/],
  ["no sealing key file", ["--sealing-key-file=k"], SOUND, "sealing", /Cannot read 'k'/],
  ["an odd sealing key file", ["--sealing-key-file=~"], SOUND, "sealing", /Cannot read '~'/],
  ["an odd number", ["--max-waits=0"], SOUND, "settings", /whole number from 1/],
  ["an odd log level", [], { ...SOUND, CMA_LOG_LEVEL: "loud" }, "settings", /type one of/],
];
for (const [name, args, env, check, message] of problems) {
  Deno.test(`resolveConfig() reports ${name} to the doctor once, and goes on`, async () => {
    const config = await doctorConfig(args, env);
    assertEquals(config.problems.map((problem) => problem.check), [check]);
    assertMatch(config.problems[0]?.message ?? "", message);
    // What it does not touch can still be used.
    assertEquals(config.server.baseUrl === undefined, check === "network");
    assertEquals(config.credential === undefined, check === "key");
  });
}

Deno.test("resolveConfig() reports everything that is wrong to the doctor at the same time", async () => {
  const { problems } = await doctorConfig(["--http", "--base-url=api", "--max-calls=x"], {});
  assertEquals(
    problems.map(({ check }) => check),
    ["key", "network", "settings", "http"],
  );
});

Deno.test("resolveConfig() reports each unusable row of OAuth to the doctor", async () => {
  const args = [...OAUTH, "--oauth-issuer=http://b.example"];
  const { problems, http } = await doctorConfig(args, { ...SOUND, CMA_MCP_HASH_SUBJECTS: "maybe" });
  assertEquals(problems.map(({ check }) => check), ["oauth", "oauth"]);
  assertEquals(problems.map(({ message }) => /--oauth-issuer|CMA_MCP_HASH/.exec(message)?.[0]), [
    "--oauth-issuer",
    "CMA_MCP_HASH",
  ]);
  assertEquals(http, undefined);
  assertEquals((await doctorConfig(OAUTH, { ANTHROPIC_API_KEY: "a-key" })).problems, []);
});

Deno.test("resolveConfig() passes the server's warnings on to the doctor", async () => {
  const { problems, warnings } = await doctorConfig(["--http"], SOUND);
  assertEquals([problems.length, warnings.length], [0, 1]);
  assertMatch(warnings[0] ?? "", /ALLOWED_AGENT_IDS/);
});

Deno.test("resolveConfig() needs no key for a doctor of the simulator", async () => {
  const config = await doctorConfig(["--simulate"], { CLAUDE_ENVIRONMENT_ID: "env_real" });
  assertEquals([config.problems, config.server.environmentId], [[], undefined]);
});

const hosts: readonly [readonly string[], Omit<HostConfig, "command">][] = [
  [["cursor"], { host: "cursor", name: "managed-agents", json: false, simulate: false }],
  [["claude.ai", "--json"], {
    host: "claude.ai",
    name: "managed-agents",
    json: true,
    simulate: false,
  }],
  [["all", "--remove"], {
    host: "all",
    name: "managed-agents",
    json: false,
    simulate: false,
    edit: "remove",
  }],
  [["vscode", "--merge", "--name", "x"], {
    host: "vscode",
    name: "x",
    json: false,
    simulate: false,
    edit: "merge",
  }],
  [["--remove", "claude-code", "--simulate"], {
    host: "claude-code",
    name: "managed-agents",
    json: false,
    simulate: true,
    edit: "remove",
  }],
];
for (const [args, expected] of hosts) {
  Deno.test(`resolveConfig() understands 'config ${args.join(" ")}' without a key`, async () => {
    assertEquals(await resolve(["config", ...args]), { command: "config", ...expected });
  });
}

const refusals: readonly [readonly string[], RegExp][] = [
  [["config"], /^Which host\? Type cma-mcp config with one of claude-desktop, /],
  [["config", "claude"], /see 'cma-mcp help config'|did you mean 'config claude/],
  [["config", "cursr"], /did you mean 'config cursor'\?/],
  [["config", "cursor", "vscode"], /Cannot use 'vscode' after 'config'/],
  [["config", "cursor", "--merge", "--remove"], /do not go together/],
  [["config", "cursor", "--name", "a b"], /1 to 64 letters/],
  [["config", "cursor", "--http"], /--http does not apply to 'config'/],
  [
    ["config", "cursor", "--tools", "all"],
    /--tools does not apply to 'config': add it to the program's arguments in what that prints/,
  ],
  [["config", "all"], /goes with --remove/],
  [["docter"], /did you mean 'doctor'\?/],
  [["confg", "cursor"], /one command at a time|did you mean 'config'/],
  [["help", "doctr"], /did you mean 'help doctor'\?/],
];
for (const [args, message] of refusals) {
  Deno.test(`resolveConfig() refuses '${args.join(" ")}' with the next step`, async () => {
    const error = await assertRejects(() => resolve(args), UsageError);
    assertMatch(error.message, message);
  });
}

Deno.test("resolveConfig() gives help for what it is wanted for", async () => {
  assertEquals(await resolve(["help", "doctor"]), { command: "help", topic: "doctor" });
  assertEquals(await resolve(["config", "--help"]), { command: "help", topic: "config" });
  assertEquals(await resolve(["--help"]), { command: "help" });
});

Deno.test("resolveConfig() reads each file once: it may be a pipe", async () => {
  const reads: string[] = [];
  const readFile = (path: string) => {
    reads.push(path);
    return path === "t" ? Promise.resolve(TOKEN) : Promise.reject(new Error("no such file"));
  };
  const args = ["doctor", "--http", "--token-file=t", "--api-key-file=k"];
  const config = await resolveConfig(args, () => undefined, readFile);
  assert(config.command === "doctor");
  assertEquals(config.http?.token, TOKEN);
  assertEquals(config.problems.map(({ check }) => check), ["key"]);
  assertEquals(reads.toSorted(), ["k", "t"]);
});
