import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { printHostConfig } from "../../../src/commands/config.ts";
import type { Machine } from "../../../src/runtime/program.ts";
import type { HostConfig } from "../../../src/config/config.ts";
import { FILE_HOSTS } from "../../../src/hosts/hosts.ts";
import { FILE_HOST_NAMES, HOST_NAMES, type HostName } from "../../../src/hosts/names.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { recordProgram } from "../../helpers/program.ts";
import { machineWith } from "../../helpers/machine.ts";

const REAL_KEY = "sk-ant-a-real-key";
const DESKTOP = "/home/user/.config/Claude/claude_desktop_config.json";

interface Printed {
  /** All of stdout. */
  readonly out: string;
  /** All of stderr. */
  readonly notes: string;
}

async function print(
  host: HostName,
  options: Partial<HostConfig> = {},
  machine: Machine = machineWith({}),
  env: Readonly<Record<string, string>> = { HOME: "/home/user", USERPROFILE: "D:\\me" },
): Promise<Printed> {
  const program = recordProgram({
    env: (name) => ({ ...env, ANTHROPIC_API_KEY: REAL_KEY })[name],
  });
  const config = {
    command: "config" as const,
    host,
    name: "agents",
    json: false,
    simulate: false,
    ...options,
  };
  await printHostConfig(config, { ...program, ...machine });
  const out = [...program.written, ...program.printed.map((line) => `${line}\n`)].join("");
  return { out, notes: program.noted.join("\n") };
}

for (const host of HOST_NAMES) {
  Deno.test(`printHostConfig() never prints the real key for ${host}`, async () => {
    for (const simulate of [false, true]) {
      const { out, notes } = await print(host, { simulate });
      assert(!(out + notes).includes(REAL_KEY));
    }
  });
}

for (const host of ["claude-desktop", "cursor", "vscode"] as const) {
  Deno.test(`printHostConfig() prints JSON for ${host} on stdout, and the place on stderr`, async () => {
    const { out, notes } = await print(host);
    const file = JSON.parse(out);
    const { agents } = file.mcpServers ?? file.servers;
    assertEquals(agents.command, "/opt/cma-mcp");
    assertStringIncludes(
      notes,
      host === "cursor" ? "/home/user/.cursor/mcp.json" : "/home/user/.config/",
    );
    assertStringIncludes(notes, "cma-mcp doctor");
    assertEquals(notes.includes("<your API key>"), host !== "vscode");
  });
}

const commands: readonly [string, Partial<HostConfig>, Partial<Machine>, string][] = [
  [
    "an executable",
    {},
    {},
    "claude mcp add agents -s user -e 'ANTHROPIC_API_KEY=<your API key>' -- /opt/cma-mcp\n",
  ],
  [
    "the simulator",
    { simulate: true },
    {},
    "claude mcp add agents -s user -- /opt/cma-mcp --simulate\n",
  ],
  [
    "a path with a blank and a quote",
    { simulate: true },
    { executable: () => ({ command: "/it's here/cma-mcp", args: [] }) },
    "claude mcp add agents -s user -- '/it'\\''s here/cma-mcp' --simulate\n",
  ],
  [
    "Windows",
    {},
    { os: "windows", executable: () => ({ command: "D:\\Program Files\\cma-mcp.exe", args: [] }) },
    'claude mcp add agents -s user -e "ANTHROPIC_API_KEY=<your API key>" -- ' +
    '"D:\\Program Files\\cma-mcp.exe"\n',
  ],
  [
    "the source",
    { simulate: true },
    { executable: () => ({ command: "/bin/deno", args: ["run", "-P=serve", "/x/src/main.ts"] }) },
    "claude mcp add agents -s user -- /bin/deno run -P=serve /x/src/main.ts --simulate\n",
  ],
];
for (const [name, options, machine, expected] of commands) {
  Deno.test(`printHostConfig() prints the command for Claude Code and ${name}`, async () => {
    const { out } = await print("claude-code", options, machineWith({}, machine));
    assertEquals(out, expected);
  });
}

Deno.test("printHostConfig() says that the shell keeps a key which is typed", async () => {
  assertStringIncludes((await print("claude-code")).notes, "The shell keeps what you type");
  assert(!(await print("claude-code", { simulate: true })).notes.includes("The shell keeps"));
});

Deno.test("printHostConfig() prints the fields of claude.ai's form", async () => {
  const { out, notes } = await print("claude.ai");
  for (const field of ["agents", "https://mcp.example.com/mcp", "None", "Authorization: Bearer"]) {
    assertStringIncludes(out, field);
  }
  assertEquals(out.split("\n").filter((line) => line.length > 90), []);
  assertEquals(notes, "");
});

Deno.test("printHostConfig() merges into the host's file, exactly, and says where it belongs", async () => {
  const before = '\uFEFF{\r\n  "mcpServers": { },\r\n  "a": 1 // one\r\n}';
  const { out, notes } = await print(
    "claude-desktop",
    { edit: "merge" },
    machineWith({ [DESKTOP]: before }),
  );
  assert(out.startsWith('\uFEFF{\r\n  "mcpServers": {\r\n    "agents": {\r\n'), out);
  assert(out.endsWith('},\r\n  "a": 1 // one\r\n}'), out);
  assertStringIncludes(notes, DESKTOP);
  assertStringIncludes(notes, "another file first");
  const again = await print("claude-desktop", { edit: "merge" }, machineWith({ [DESKTOP]: out }));
  assertEquals(again.out, out);
  assertStringIncludes(again.notes, "Nothing to change");
  const without = await print(
    "claude-desktop",
    { edit: "remove" },
    machineWith({ [DESKTOP]: out }),
  );
  assertEquals(without.out, before.replace("{ }", "{}"));
});

const JSON_HOST_NAMES = FILE_HOST_NAMES.filter((name) => FILE_HOSTS[name].format === "json");
for (const host of JSON_HOST_NAMES) {
  Deno.test(`printHostConfig() prints a whole file for ${host} where there is none to merge into`, async () => {
    const { out } = await print(host, { edit: "merge" });
    const file = JSON.parse(out);
    assertEquals(Object.keys(file.mcpServers ?? file.servers ?? file.mcp), ["agents"]);
  });
}

const refusals: readonly [string, Partial<HostConfig>, string | Error | undefined, string][] = [
  ["a broken file", { edit: "merge" }, "{", "line 1"],
  ["a broken file to remove from", { edit: "remove" }, "{", "correct it first"],
  ["an empty file", { edit: "merge" }, "", "redirect the output into another file"],
  [
    "another server of that name",
    { edit: "merge" },
    '{"mcpServers":{"agents":{"url":"x"}}}',
    "--name",
  ],
  ["an unreadable file", { edit: "merge" }, new TypeError("invalid utf-8"), "Cannot read"],
  ["a missing file to remove from", { edit: "remove" }, undefined, "There is no"],
];
for (const [name, options, content, message] of refusals) {
  Deno.test(`printHostConfig() refuses ${name}, and prints nothing`, async () => {
    const program = recordProgram({ env: () => "/home/user" });
    const path = "/home/user/Claude/claude_desktop_config.json";
    const machine = machineWith(content === undefined ? {} : { [path]: content });
    const config = {
      command: "config",
      host: "claude-desktop",
      name: "agents",
      json: false,
      simulate: false,
    } as const;
    const printing = printHostConfig({ ...config, ...options }, { ...program, ...machine });
    const error = await assertRejects(() => printing, UsageError);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, path);
    assertEquals([program.written, program.printed, program.noted], [[], [], []]);
  });
}

Deno.test("printHostConfig() warns of the shell that writes UTF-16, on Windows only", async () => {
  const windows = await print("cursor", { edit: "merge" }, machineWith({}, { os: "windows" }));
  assertStringIncludes(windows.notes, "PowerShell");
  assert(!(await print("cursor", { edit: "merge" })).notes.includes("PowerShell"));
});

Deno.test("printHostConfig() refuses to merge into claude.ai, which has no file", async () => {
  await assertRejects(() => print("claude.ai", { edit: "merge" }), UsageError, "has no file");
});

Deno.test("printHostConfig() says that it needs to know the home directory", async () => {
  await assertRejects(() => print("cursor", {}, machineWith({}), {}), UsageError, "set HOME");
});

const PACKAGED = "D:\\me\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\" +
  "Claude\\claude_desktop_config.json";
const PLAIN = "D:\\me\\AppData\\Roaming\\Claude\\claude_desktop_config.json";
const windows: readonly [string, Readonly<Record<string, string>>, string][] = [
  ["both files are there", { [PACKAGED]: "{}", [PLAIN]: "{}" }, PACKAGED],
  ["only the plain file is there", { [PLAIN]: "{}" }, PLAIN],
  ["only the package's folder is there", { [PACKAGED.replace(/[^\\]+$/, "x")]: "" }, PACKAGED],
  ["neither is there", {}, PLAIN],
];
for (const [name, files, expected] of windows) {
  Deno.test(`printHostConfig() names the right file of Claude Desktop on Windows when ${name}`, async () => {
    const { notes } = await print("claude-desktop", {}, machineWith(files, { os: "windows" }));
    assertStringIncludes(notes, `Claude Desktop reads ${expected}\n`);
  });
}

const pasted: readonly [HostName, Partial<HostConfig>, string][] = [
  [
    "codex",
    {},
    [
      "[mcp_servers.agents]",
      'default_tools_approval_mode = "approve"',
      'command = "/opt/cma-mcp"',
      "",
      "[mcp_servers.agents.env]",
      'ANTHROPIC_API_KEY = "<your API key>"',
      "",
    ].join("\n"),
  ],
  [
    "codex",
    { simulate: true, name: "my.agents" },
    [
      '[mcp_servers."my.agents"]',
      'default_tools_approval_mode = "approve"',
      'command = "/opt/cma-mcp"',
      'args = ["--simulate"]',
      "",
    ].join("\n"),
  ],
  [
    "continue",
    {},
    [
      "mcpServers:",
      '  - name: "agents"',
      '    command: "/opt/cma-mcp"',
      '    env: {"ANTHROPIC_API_KEY":"<your API key>"}',
      "",
    ].join("\n"),
  ],
];
for (const [host, options, expected] of pasted) {
  Deno.test(`printHostConfig() prints for ${host} ${JSON.stringify(options)} what to paste`, async () => {
    const { out, notes } = await print(host, options);
    assertEquals(out, expected);
    assert(!notes.includes("--merge"), notes);
    assertEquals(notes.includes("'codex exec'"), host === "codex");
  });
}

for (const host of ["codex", "continue"] as const) {
  Deno.test(`printHostConfig() says that it does not edit the file of ${host}`, async () => {
    for (const edit of ["merge", "remove"] as const) {
      const error = await assertRejects(() => print(host, { edit }), UsageError);
      assertStringIncludes(error.message, `type cma-mcp config ${host} for what to paste`);
    }
  });
}

Deno.test("printHostConfig() merges an OpenCode entry that has moved, and keeps its flags", async () => {
  const path = "/home/user/.config/opencode/opencode.json";
  const before = JSON.stringify({
    "$schema": "https://opencode.ai/config.json",
    mcp: {
      other: { type: "local", command: ["x"] },
      agents: {
        type: "local",
        command: ["/old/cma-mcp", "--log-level", "debug"],
        environment: { ANTHROPIC_API_KEY: "a-key" },
        enabled: false,
      },
    },
  });
  const { out } = await print("opencode", { edit: "merge" }, machineWith({ [path]: before }));
  const { mcp } = JSON.parse(out);
  assertEquals(mcp.agents, {
    type: "local",
    command: ["/opt/cma-mcp", "--log-level", "debug"],
    environment: { ANTHROPIC_API_KEY: "a-key" },
    enabled: false,
  });
  const again = await print("opencode", { edit: "merge" }, machineWith({ [path]: out }));
  assertEquals(again.out, out);
  const without = await print("opencode", { edit: "remove" }, machineWith({ [path]: out }));
  assertEquals(Object.keys(JSON.parse(without.out).mcp), ["other"]);
});

/** Prints as JSON; nothing goes to stderr. */
async function printJson(
  host: HostName,
  options: Partial<HostConfig> = {},
  machine?: Machine,
): Promise<Record<string, unknown>> {
  const { out, notes } = await print(host, { json: true, ...options }, machine);
  assertEquals(notes, "");
  return JSON.parse(out);
}

for (const host of HOST_NAMES) {
  Deno.test(`printHostConfig() prints for ${host} as JSON all that it prints for people`, async () => {
    const { out, notes } = await print(host);
    const printed = await printJson(host);
    assertEquals(printed.text, out);
    assertEquals(printed.notes, notes.split("\n").filter((line) => line !== ""));
    assertEquals([printed.host, printed.name], [host, "agents"]);
    if (host === "claude.ai") return;
    assertEquals(printed.format, FILE_HOSTS[host].format);
    if (host !== "claude-code") assertStringIncludes(notes, `${printed.file}`);
    assertStringIncludes(JSON.stringify(printed.entry), "/opt/cma-mcp");
  });
}

Deno.test("printHostConfig() says as JSON what VS Code asks for", async () => {
  const { entry, inputs } = await printJson("vscode");
  assertStringIncludes(JSON.stringify(entry), "${input:agents-api-key}");
  assertStringIncludes(JSON.stringify(inputs), '"agents-api-key"');
});

Deno.test("printHostConfig() says as JSON whether a host's file changes", async () => {
  const first = await printJson("claude-desktop", { edit: "merge" });
  assertEquals([first.changes, first.file], [true, DESKTOP]);
  const files = machineWith({ [DESKTOP]: String(first.text) });
  const { changes } = await printJson("claude-desktop", { edit: "merge" }, files);
  assertEquals(changes, false);
});

for (const host of HOST_NAMES) {
  Deno.test(`printHostConfig() prints a link for ${host} only if it has such links`, async () => {
    const { notes } = await print(host);
    assertEquals(/https:\/\/\S+install/.test(notes), host === "cursor" || host === "vscode");
  });
}
