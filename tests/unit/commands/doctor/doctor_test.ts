import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { OpenHttpClient } from "../../../../src/api/connections.ts";
import type { FetchLike } from "../../../../src/api/types.ts";
import { doctor } from "../../../../src/commands/doctor/doctor.ts";
import { resolveConfig } from "../../../../src/config/resolve.ts";
import { createRedact } from "../../../../src/core/redact.ts";
import type { Machine, Program } from "../../../../src/runtime/program.ts";
import { createSimulator, type Fault, type FaultRule } from "../../../../src/simulator/mod.ts";
import { ManualClock, settle } from "../../../helpers/manual_clock.ts";
import { recordProgram } from "../../../helpers/program.ts";
import { machineWith } from "../../../helpers/machine.ts";

const KEY = "sk-ant-a-key-for-tests";
const TOKEN = "0123456789abcdef0123456789abcdef";
const CURSOR = "/home/user/.cursor/mcp.json";
const ENTRY = { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: KEY } };
const SOUND_MACHINE = machineWith({
  "/opt/cma-mcp": "",
  [CURSOR]: JSON.stringify({ mcpServers: { agents: ENTRY } }),
});

interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly fetch?: FetchLike;
  readonly machine?: Machine;
  readonly program?: Partial<Program>;
  /** Content of every file that a setting names. */
  readonly file?: string;
}

const offline: FetchLike = () => Promise.reject(new Error("No request is expected"));

/** Runs the doctor as `main` would. */
async function examined(given: Given) {
  const { args = [], env = { ANTHROPIC_API_KEY: KEY }, fetch = offline } = given;
  const variables: Readonly<Record<string, string>> = { HOME: "/home/user", ...env };
  const read = (name: string) => variables[name];
  const readFile = () => Promise.resolve(given.file ?? "");
  const config = await resolveConfig(["doctor", ...args], read, readFile);
  assert(config.command === "doctor");
  const clock = new ManualClock();
  const program = recordProgram({
    clock,
    env: read,
    redact: createRedact([KEY]),
    openHttpClient: () => ({
      fetch: (url, init) => fetch(new Request(url, init)),
      close: () => {},
    }),
    ...given.machine ?? SOUND_MACHINE,
    ...given.program,
  });
  const ok = await clock.runUntil(doctor(config, program));
  assertEquals(clock.pendingTimers, 0);
  const lines = program.printed;
  assert(!lines.join("\n").includes(KEY), "The key is told");
  return { ok, lines, states: lines.slice(0, -1).map((line) => line.split(/ +/, 2).join(":")) };
}

/** What is printed against a simulator of its own. */
async function simulated(given: Given, rule?: FaultRule) {
  const simulator = createSimulator({ clock: new ManualClock(), apiKey: KEY });
  if (rule) simulator.faults.add(rule);
  try {
    return await examined({ fetch: simulator.fetch, ...given });
  } finally {
    simulator.close();
  }
}

Deno.test("doctor() prints a line for each check, and that all is well", async () => {
  const { ok, lines, states } = await simulated({});
  assertEquals(ok, true);
  assertEquals(states, [
    "ok:network",
    "ok:key",
    "skip:clock",
    "ok:agents",
    "ok:environment",
    "ok:allowlist",
    "ok:cursor",
  ]);
  assertEquals(lines.at(-1), "6 ok, 0 warnings, 0 failed");
  assertMatch(lines[1] ?? "", /^ok {3}key {12}ANTHROPIC_API_KEY is accepted$/);
});

const faults: readonly [string, Fault, RegExp | undefined, string][] = [
  ["a refused key", { kind: "status", status: 401 }, undefined, "fail key"],
  ["a forbidden key", { kind: "status", status: 403 }, undefined, "fail key"],
  ["no credit", { kind: "status", status: 402 }, undefined, "fail key"],
  ["a rate limit", { kind: "status", status: 429, retryAfter: 5 }, undefined, "warn network"],
  ["a server error", { kind: "status", status: 500 }, undefined, "fail network"],
  ["an overload", { kind: "status", status: 529 }, undefined, "fail network"],
  ["an unknown path", { kind: "status", status: 404 }, undefined, "fail network"],
  ["a broken connection", { kind: "reset" }, undefined, "fail network"],
  ["a lost answer", { kind: "lost_ack" }, undefined, "fail network"],
  ["agents that fail later", { kind: "status", status: 500 }, /^\/v1\/agents\/./, "fail allowlist"],
  ["environments that fail", { kind: "status", status: 500 }, /environments$/, "fail environment"],
  ["environments that break", { kind: "reset" }, /environments$/, "fail environment"],
];
for (const [name, fault, path, expected] of faults) {
  Deno.test(`doctor() finds ${name} in a simulated API, with a cure`, async () => {
    const args = path ? ["--allowed-agents=agent_1"] : [];
    const { ok, lines } = await simulated({ args }, { fault, match: { path } });
    const line = lines.find((line) =>
      line.startsWith(expected.split(" ")[0] ?? "") &&
      line.includes(expected.split(" ")[1] ?? "")
    );
    assert(line, lines.join("\n"));
    assert(line.includes(": "), line);
    assertEquals(ok, !expected.startsWith("fail"));
  });
}

Deno.test("doctor() waits ten seconds for an API that hangs, and no longer", async () => {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock });
  simulator.faults.add({ fault: { kind: "hang" } });
  const start = clock.now();
  const env = (name: string) => name === "ANTHROPIC_API_KEY" ? KEY : undefined;
  const config = await resolveConfig(["doctor"], env, () => Promise.resolve(""));
  assert(config.command === "doctor");
  const openHttpClient: OpenHttpClient = () => ({
    fetch: (url, init) => simulator.fetch(new Request(url, init)),
    close: () => {},
  });
  const program = recordProgram({ clock, openHttpClient, ...SOUND_MACHINE });
  const running = doctor(config, program);
  assertEquals(await clock.runUntil(running), false);
  assertEquals(clock.now() - start, 10_000);
  assertStringIncludes(program.printed.join("\n"), "within 10 s");
  simulator.close();
});

Deno.test("doctor() retries a passing error when the API has answered before", async () => {
  const { ok, states } = await simulated({}, {
    fault: { kind: "status", status: 503 },
    match: { path: /environments$/ },
    times: 1,
  });
  assertEquals([ok, states.includes("ok:environment")], [true, true]);
});

Deno.test("doctor() checks network and hosts without a key, and says what it skips", async () => {
  const { ok, lines, states } = await simulated({ env: {}, machine: machineWith({}) });
  assertEquals(ok, false);
  assertEquals(states, ["fail:key", "ok:network", "skip:clock", "skip:workspace", "warn:hosts"]);
  assertStringIncludes(lines[0] ?? "", "set ANTHROPIC_API_KEY");
  assertStringIncludes(lines[3] ?? "", "there is no key");
});

Deno.test("doctor() only warns of a missing key that a host has", async () => {
  const { ok, lines } = await simulated({ env: {} });
  assertEquals(ok, true);
  assertMatch(lines[0] ?? "", /^warn key {12}There is no API key here, but Cursor has one for it:/);
});

Deno.test("doctor() fails for an odd key even where a host has another", async () => {
  const { ok, states } = await simulated({ env: { ANTHROPIC_API_KEY: "<your API key>" } });
  assertEquals([ok, states[0]], [false, "fail:key"]);
});

Deno.test("doctor() sends no request when the base URL cannot be used", async () => {
  const { ok, states } = await examined({ args: ["--base-url=api"] });
  assertEquals(ok, false);
  assertEquals(states, ["fail:network", "skip:workspace", "ok:cursor"]);
});

Deno.test("doctor() checks the settings of HTTP mode only with --http", async () => {
  const env = { ANTHROPIC_API_KEY: KEY, CMA_MCP_TOKEN: TOKEN };
  const { ok, states } = await simulated({ args: ["--http", "--port=0"], env });
  assertEquals(ok, true);
  assertEquals(states.filter((state) => /token|http|port|settings/.test(state)), [
    "warn:settings",
    "ok:token",
    "ok:http",
    "ok:port",
  ]);
  const stdio = await simulated({ env });
  assertEquals(stdio.states.filter((state) => /token|http|port/.test(state)), []);
});

Deno.test("doctor() misses no host where the server is for HTTP", async () => {
  const env = { ANTHROPIC_API_KEY: KEY, CMA_MCP_TOKEN: TOKEN };
  const hosts = async (args: string[]) => {
    const { states } = await simulated({ args, env, machine: machineWith({}) });
    return states.filter((state) => /hosts/.test(state));
  };
  assertEquals(await hosts(["--http", "--port=0"]), []);
  assertEquals(await hosts([]), ["warn:hosts"]);
});

const SEALING_KEY = "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8";

Deno.test("doctor() has one row about sealing, over HTTP, and for an unusable file everywhere", async () => {
  const env = { ANTHROPIC_API_KEY: KEY, CMA_MCP_TOKEN: TOKEN };
  const rows = async (...[args, file]: [string[], string?]) => {
    const { ok, lines } = await simulated({ args, env, file });
    const found = lines.filter((line) => /sealing/.test(line));
    assert(!lines.join().includes(SEALING_KEY.slice(0, 12)));
    return [ok, ...found.map((line) => line.split(/ +/, 2).join(":"))];
  };
  const http = ["--http", "--port=0"];
  const keyed = ["--sealing-key-file=k"];
  assertEquals(await rows(http), [true, "warn:sealing"]);
  assertEquals(await rows([...http, ...keyed], SEALING_KEY), [true, "ok:sealing"]);
  assertEquals(await rows([...http, ...keyed], "short"), [false, "fail:sealing"]);
  assertEquals(await rows([...http, ...keyed], TOKEN + TOKEN), [false, "fail:sealing"]);
  assertEquals(await rows([...http, "--simulate"]), [true]);
  assertEquals(await rows([]), [true]);
  assertEquals(await rows(keyed, SEALING_KEY), [true]);
  assertEquals(await rows(keyed, "short"), [false, "fail:sealing"]);
});

Deno.test("doctor() checks each authorization server, and reaches it by the network's own client", async () => {
  const asked: string[] = [];
  const { ok, lines } = await examined({
    args: [
      "--http",
      "--port=0",
      "--simulate",
      "--public-url=https://mcp.example.com",
      "--oauth-issuer=https://login.example.com,https://other.example.com",
    ],
    fetch: (request) => {
      asked.push(request.url);
      assertEquals(request.headers.get("x-api-key"), null);
      return Promise.resolve(new Response("", { status: 404 }));
    },
  });
  assertEquals(ok, false);
  assertEquals(
    lines.filter((line) => /^fail +oauth/.test(line)).map((line) => /https:\S+/.exec(line)?.[0]),
    [
      "https://login.example.com/.well-known/oauth-authorization-server",
      "https://other.example.com/.well-known/oauth-authorization-server",
    ],
  );
  assertEquals(asked.length, 4);
});

Deno.test("doctor() fails for a token that is too short", async () => {
  const env = { ANTHROPIC_API_KEY: KEY, CMA_MCP_TOKEN: "short" };
  const { ok, lines } = await simulated({ args: ["--http"], env });
  assertEquals(ok, false);
  assertMatch(lines[0] ?? "", /^fail http.*CMA_MCP_TOKEN is too short/);
});

Deno.test("doctor() reports the proxy that a variable names", async () => {
  const cause = new Error("client error (Connect): tcp connect error: Connection refused");
  const { lines } = await examined({
    env: { ANTHROPIC_API_KEY: KEY, https_proxy: "http://me:secret@proxy.corp:8080" },
    fetch: () => Promise.reject(new TypeError("fetch failed", { cause })),
  });
  assertStringIncludes(
    lines[0] ?? "",
    "The proxy proxy.corp:8080 (https_proxy) refuses connections",
  );
  assert(!lines.join("\n").includes("secret"));
});

Deno.test("doctor() checks the simulator without key and network", async () => {
  const { ok, states } = await examined({ args: ["--simulate"], env: {} });
  assertEquals(ok, true);
  assertEquals(states, [
    "skip:network",
    "ok:agents",
    "ok:environment",
    "ok:allowlist",
    "ok:cursor",
  ]);
});

Deno.test("doctor() prints the same findings as JSON, and nothing else", async () => {
  const given = { args: ["--json"], env: {}, machine: machineWith({}) };
  const { lines, ok } = await simulated(given);
  assertEquals(lines.length, 1);
  const report = JSON.parse(lines[0] ?? "");
  assertEquals([report.ok, ok], [false, false]);
  assertMatch(report.version, /^\d+\.\d+\.\d+/);
  assertEquals(report.checks.map(({ check }: { check: string }) => check), [
    "key",
    "network",
    "clock",
    "workspace",
    "hosts",
  ]);
  for (const { status, message } of report.checks) {
    assert(["ok", "warn", "fail", "skip"].includes(status) && message.length > 0);
  }
});

Deno.test("doctor() paints how each check stands, on a terminal only", async () => {
  const painted = await simulated({ program: { color: true }, env: {} });
  assertStringIncludes(painted.lines.join("\n"), "\x1b[33mwarn \x1b[39mkey");
  const plain = await simulated({ env: {} });
  assert(!plain.lines.join("\n").includes("\x1b"));
});

Deno.test("doctor() keeps every check on one line, whatever the API says", async () => {
  const message = `no\r\nfail key is ${KEY}`;
  const { lines } = await simulated({}, { fault: { kind: "status", status: 401, message } });
  assertEquals(lines.filter((line) => /[\r\n]/.test(line)), []);
  assertStringIncludes(lines[1] ?? "", "[redacted]");
});

const DESKTOP = "/home/user/.config/Claude/claude_desktop_config.json";
const DESKTOP_KEY = "key-of-claude-desktop-0123456789";

/** A machine whose Claude Desktop starts this program so. */
function desktopWith(entry: object, overrides: Partial<Machine> = {}): Machine {
  return machineWith({
    "/opt/cma-mcp": "",
    [DESKTOP]: JSON.stringify({ mcpServers: { agents: { command: "/opt/cma-mcp", ...entry } } }),
  }, overrides);
}

/** Simulates an API that accepts only the key of the entry, at an address of its own. */
async function examinedHost(
  entry: object,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
) {
  const simulator = createSimulator({ clock: new ManualClock(), apiKey: DESKTOP_KEY });
  const asked: string[] = [];
  const given = new Map<string, string | undefined>();
  try {
    const result = await examined({
      args: ["--host", "claude-desktop", ...args],
      env: { ANTHROPIC_API_KEY: KEY, CMA_BASE_URL: "https://of-the-shell.test", ...env },
      program: {
        readFile: (path) =>
          path === "/run/key"
            ? Promise.resolve(`${DESKTOP_KEY}\n`)
            : Promise.reject(Object.assign(new Error("no such file"), { code: "ENOENT" })),
      },
      machine: desktopWith(entry, { setEnv: (name, value) => given.set(name, value) }),
      fetch: (request) => {
        asked.push(new URL(request.url).origin);
        return simulator.fetch(request);
      },
    });
    assert(!result.lines.join("\n").includes(DESKTOP_KEY), "The key is told");
    return { ...result, asked: [...new Set(asked)], given };
  } finally {
    simulator.close();
  }
}

Deno.test("doctor() with --host checks what the host's entry would use, not what the shell has", async () => {
  const { ok, states, asked, given } = await examinedHost({
    env: { ANTHROPIC_API_KEY: DESKTOP_KEY },
  }, { HTTPS_PROXY: "http://only-here:1" });
  assertEquals(states, [
    "ok:claude-desktop",
    "ok:network",
    "ok:key",
    "skip:clock",
    "ok:agents",
    "ok:environment",
    "ok:allowlist",
  ]);
  assertEquals([ok, asked], [true, ["https://api.anthropic.com"]]);
  // The host hands no proxy on, so the check goes without as well.
  assert(given.has("HTTPS_PROXY") && given.get("HTTPS_PROXY") === undefined);
});

Deno.test("doctor() with --host follows the entry's flags, key file, address and proxy", async () => {
  const { ok, lines, asked, given } = await examinedHost({
    args: ["--api-key-file", "/run/key", "--base-url", "https://of-the-entry.test/v1"],
    env: { HTTPS_PROXY: "http://me:secret@proxy.test:8080", CLAUDE_ENVIRONMENT_ID: "env_gone" },
  });
  assertEquals([ok, asked], [false, ["https://of-the-entry.test"]]);
  assertStringIncludes(lines.join("\n"), "through the proxy proxy.test:8080 (HTTPS_PROXY)");
  assertMatch(lines.join("\n"), /fail environment .*env_gone does not exist/);
  assertEquals(given.get("HTTPS_PROXY"), "http://me:secret@proxy.test:8080");
  assert(!lines.join("\n").includes("secret@"));
});

const entryFaults: readonly [string, object, RegExp][] = [
  ["no key, although the shell has one", {}, /^fail key +No API key/m],
  ["a key in quotes", { env: { ANTHROPIC_API_KEY: `"${DESKTOP_KEY}"` } }, /^fail key .*quotes/m],
  ["a reference that this host leaves", {
    env: { ANTHROPIC_API_KEY: "${ANTHROPIC_API_KEY}" },
  }, /^fail key .*not filled in/m],
  ["a key of another workspace", { env: { ANTHROPIC_API_KEY: "another-key" } }, /^fail key .*401/m],
  ["an unknown flag", {
    args: ["--simulat"],
    env: { ANTHROPIC_API_KEY: DESKTOP_KEY },
  }, /^fail settings .*did you mean '--simulate'/m],
  ["a key in the place of something else", {
    args: ["--log-level", DESKTOP_KEY],
    env: { ANTHROPIC_API_KEY: DESKTOP_KEY },
  }, /^fail settings .*\[redacted\].*--log-level/m],
  ["a variable that makes it serve HTTP", {
    env: { ANTHROPIC_API_KEY: DESKTOP_KEY, CMA_MCP_HTTP: "1", CMA_MCP_TOKEN: "t".repeat(32) },
  }, /^fail settings .*serves HTTP, and .* stdio: take out --http and CMA_MCP_HTTP/m],
  ["the arguments of another command", {
    args: ["demo"],
    env: { ANTHROPIC_API_KEY: DESKTOP_KEY },
  }, /^fail settings .*(one command at a time|after 'doctor'|something else)/m],
];
for (const [name, entry, expected] of entryFaults) {
  Deno.test(`doctor() with --host fails for an entry with ${name}`, async () => {
    const { ok, lines } = await examinedHost(entry);
    assertEquals(ok, false);
    assertMatch(lines.join("\n"), expected);
  });
}

Deno.test("doctor() with --host fails for a host that does not start this program", async () => {
  for (const machine of [machineWith({}), machineWith({ [DESKTOP]: '{"mcpServers":{}}' })]) {
    const { ok, states } = await examined({ args: ["--host", "claude-desktop"], machine });
    assertEquals([ok, states], [false, ["fail:claude-desktop"]]);
  }
});

Deno.test("doctor() with --host replaces what Claude Code replaces, and hands its variables on", async () => {
  const simulator = createSimulator({ clock: new ManualClock(), apiKey: KEY });
  const env = { ANTHROPIC_API_KEY: "${MY_KEY}", CMA_BASE_URL: "${ADDRESS:-https://x.test}" };
  const file = { mcpServers: { agents: { command: "/opt/cma-mcp", env } } };
  const asked = new Set<string>();
  const { ok } = await examined({
    args: ["--host=claude-code"],
    env: { MY_KEY: KEY, CLAUDE_ENVIRONMENT_ID: "env_of_shell" },
    machine: machineWith({
      "/opt/cma-mcp": "",
      "/home/user/.claude.json": JSON.stringify(file),
    }),
    fetch: (request) => {
      asked.add(new URL(request.url).origin);
      return simulator.fetch(request);
    },
  });
  simulator.close();
  assertEquals([ok, [...asked]], [false, ["https://x.test"]]);
});

Deno.test("doctor() with --host says what it cannot check", async () => {
  const vscode = "/home/user/.config/Code/User/mcp.json";
  const asks = { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: "${input:agents-api-key}" } };
  const { states } = await examined({
    args: ["--host=vscode"],
    fetch: () => Promise.resolve(Response.json({ data: [] })),
    machine: machineWith({
      "/opt/cma-mcp": "",
      [vscode]: JSON.stringify({ servers: { agents: asks } }),
    }),
  });
  assertEquals(states.slice(0, 2), ["ok:vscode", "skip:key"]);
  const toml = '[mcp_servers.agents]\ncommand = "/opt/cma-mcp"\n';
  const codex = await examined({
    args: ["--host=codex"],
    machine: machineWith({ "/opt/cma-mcp": "", "/home/user/.codex/config.toml": toml }),
  });
  assertEquals([codex.ok, codex.states], [true, ["ok:codex", "skip:codex"]]);
});

Deno.test("doctor() says what it does before it waits, and prints what it has at once", async () => {
  const clock = new ManualClock();
  const order: string[] = [];
  const program = recordProgram({
    clock,
    env: (name) => name === "HOME" ? "/home/user" : undefined,
    print: (line) => order.push(line),
    note: (line) => order.push(line),
  });
  const config = await resolveConfig(
    ["doctor", "--max-waits=0"],
    (name) => name === "ANTHROPIC_API_KEY" ? KEY : undefined,
    () => Promise.resolve(""),
  );
  assert(config.command === "doctor");
  const hanging = doctor(config, {
    ...program,
    ...SOUND_MACHINE,
    openHttpClient: () => ({ fetch: () => new Promise<Response>(() => {}), close: () => {} }),
  });
  await settle();
  assertMatch(order.join("\n"), /^fail settings .*\nAsking https:\/\/api\.anthropic\.com, for at/);
  assertEquals(order.length, 2);
  assertEquals(await clock.runUntil(hanging), false);
});

Deno.test("doctor() does not redact its own advice", async () => {
  const message = "invalid x-api-key";
  const { lines } = await simulated({}, { fault: { kind: "status", status: 401, message } });
  assertMatch(lines.join("\n"), /invalid x-api-key.*: make a key in the Claude Console/);
  assert(!lines.join("\n").includes("[redacted]"));
});

Deno.test("doctor() prints no control characters, in lines or JSON", async () => {
  const message = "no\x1b[2J\x9b31m\u202ekey\u200b\u2028here";
  const rule: FaultRule = { fault: { kind: "status", status: 401, message } };
  for (const args of [[], ["--json"]]) {
    const { lines } = await simulated({ args }, rule);
    assertEquals(/(?!\n)[\p{Cc}\u2028\u202e\u200b]/u.exec(lines.join("\n")), null);
    assertStringIncludes(lines.join("\n"), "nokey here");
  }
});
