import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkHosts } from "../../../../src/commands/doctor/hosts.ts";
import type { Machine } from "../../../../src/runtime/program.ts";
import { machineWith } from "../../../helpers/machine.ts";

const CURSOR = "/home/user/.cursor/mcp.json";
const CODE = "/home/user/.claude.json";
const BINARY = "/opt/cma-mcp";

function serverFile(entry: unknown, key = "mcpServers"): string {
  return JSON.stringify({ [key]: { agents: entry } });
}

async function check(
  files: Readonly<Record<string, string | Error>>,
  overrides: Partial<Machine> = {},
  home: string | undefined = "/home/user",
) {
  const machine = machineWith({ [BINARY]: "", ...files }, overrides);
  const { findings, keyHolders } = await checkHosts({
    ...machine,
    env: (name) => name === "HOME" || name === "USERPROFILE" ? home : undefined,
  });
  return {
    states: findings.map(({ check, status }) => `${check}:${status}`),
    words: findings.map(({ message, cure }) => `${message}: ${cure ?? ""}`).join("\n"),
    keyHolders,
  };
}

const KEYED = { command: BINARY, env: { ANTHROPIC_API_KEY: "a-key" } };

const entries: readonly [string, unknown, string, string][] = [
  ["starts this executable", KEYED, "ok", `'agents' in ${CURSOR} starts this executable`],
  ["simulates", { command: BINARY, args: ["--simulate"] }, "ok", "starts this executable"],
  [
    "still has the placeholder",
    { command: BINARY, env: { ANTHROPIC_API_KEY: "<your API key>" } },
    "fail",
    "still has <your API key>: put the key in its place",
  ],
  ["has no key", { command: BINARY }, "warn", "gives it no key: add ANTHROPIC_API_KEY"],
  [
    "starts a file that is gone",
    { ...KEYED, command: "/old/cma-mcp" },
    "fail",
    "starts /old/cma-mcp, which does not exist: type 'cma-mcp config cursor --merge'",
  ],
  ["starts another file", { ...KEYED, command: "/opt/cma-mcp-2" }, "warn", "another executable"],
  [
    "starts a name",
    { ...KEYED, command: "cma-mcp" },
    "warn",
    "whatever 'cma-mcp' is on the host's",
  ],
];
for (const [name, entry, status, words] of entries) {
  Deno.test(`checkHosts() reports that an entry ${name}`, async () => {
    const found = await check({ [CURSOR]: serverFile(entry), "/opt/cma-mcp-2": "" });
    assertEquals(found.states, [`cursor:${status}`]);
    assertStringIncludes(found.words, words);
    assertEquals(found.words.includes("a-key"), false);
  });
}

Deno.test("checkHosts() finds the entry in the file of every host", async () => {
  const found = await check({
    "/home/user/.config/Claude/claude_desktop_config.json": serverFile(KEYED),
    [CODE]: serverFile(KEYED),
    [CURSOR]: serverFile(KEYED),
    "/home/user/.config/Code/User/mcp.json": serverFile(KEYED, "servers"),
  });
  assertEquals(found.states, ["claude-desktop:ok", "claude-code:ok", "cursor:ok", "vscode:ok"]);
  assertEquals(found.keyHolders, ["Claude Desktop", "Claude Code", "Cursor", "VS Code"]);
});

Deno.test("checkHosts() reports every entry of a file", async () => {
  const file = { mcpServers: { a: KEYED, b: { command: "/old/cma-mcp" }, c: { command: "npx" } } };
  const found = await check({ [CURSOR]: JSON.stringify(file) });
  assertEquals(found.states, ["cursor:ok", "cursor:fail"]);
});

Deno.test("checkHosts() also finds what Claude Code keeps by project", async () => {
  const file = { projects: { "/home/user/x": { mcpServers: { a: KEYED } } } };
  assertEquals((await check({ [CODE]: JSON.stringify(file) })).states, ["claude-code:ok"]);
});

Deno.test("checkHosts() checks the path of the source where the program runs from it", async () => {
  const executable = { command: "/bin/deno", args: ["run", "/x/src/main.ts"] };
  const entry = { ...KEYED, command: "/bin/deno", args: ["run", "-A", "/x/src/main.ts"] };
  const found = await check({ [CURSOR]: serverFile(entry), "/bin/deno": "" }, {
    executable: () => executable,
  });
  assertEquals(found.states, ["cursor:ok"]);
});

Deno.test("checkHosts() reads both files of Claude Desktop on Windows", async () => {
  const places = ["Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming", "Roaming"];
  const files = Object.fromEntries(places.map((place) => [
    `D:\\me\\AppData\\${place}\\Claude\\claude_desktop_config.json`,
    serverFile({ ...KEYED, command: "D:\\cma-mcp.exe" }),
  ]));
  const executable = { command: "d:\\CMA-MCP.exe", args: [] };
  const found = await check(
    { ...files, "D:\\cma-mcp.exe": "" },
    { os: "windows", executable: () => executable },
    "D:\\me",
  );
  assertEquals(found.states, ["claude-desktop:ok", "claude-desktop:ok"]);
});

const without: readonly [string, Readonly<Record<string, string | Error>>, readonly string[]][] = [
  ["no host is on the machine", {}, ["hosts:warn"]],
  ["a host has no entry", { [CURSOR]: '{"mcpServers": {}}' }, ["cursor:skip", "hosts:warn"]],
  ["a host has other servers", { [CURSOR]: serverFile({ command: "npx" }) }, [
    "cursor:skip",
    "hosts:warn",
  ]],
  ["a file is broken", { [CURSOR]: '{"mcpServers": ' }, ["cursor:fail", "hosts:warn"]],
  ["a file is empty", { [CURSOR]: "" }, ["cursor:fail", "hosts:warn"]],
  ["a file cannot be read", { [CURSOR]: new Error("denied") }, ["cursor:fail", "hosts:warn"]],
];
for (const [name, files, states] of without) {
  Deno.test(`checkHosts() says that no host starts the program when ${name}`, async () => {
    const found = await check(files);
    assertEquals(found.states, states);
    assertStringIncludes(found.words, "type 'cma-mcp config");
    assertEquals(found.keyHolders, []);
  });
}

Deno.test("checkHosts() says where a file is broken", async () => {
  const { words } = await check({ [CURSOR]: '{\n  "mcpServers": {,}\n}' });
  assertStringIncludes(words, `${CURSOR} is not valid JSON (line 2, column 18`);
});

Deno.test("checkHosts() does without a home directory, as in a container", async () => {
  assertEquals((await check({}, {}, undefined)).states, ["hosts:warn"]);
});

Deno.test("checkHosts() treats a placeholder as no key", async () => {
  const entry = { command: BINARY, env: { ANTHROPIC_API_KEY: "<your API key>" } };
  assertEquals((await check({ [CURSOR]: serverFile(entry) })).keyHolders, []);
});

Deno.test("checkHosts() does not count other variables, or an entry for the simulator, as a key", async () => {
  const entry = { command: BINARY, args: ["--simulate"], env: { CMA_LOG_LEVEL: "debug" } };
  assertEquals((await check({ [CURSOR]: serverFile(entry) })).keyHolders, []);
});
