import { assertEquals } from "@std/assert";
import {
  entryFor,
  type EntryOptions,
  fileSettings,
  inputsFor,
  installLink,
  ownFlags,
  readEntry,
  relationOf,
} from "../../../src/hosts/entry.ts";
import type { Os } from "../../../src/hosts/hosts.ts";
import { FILE_HOST_NAMES, type FileHostName } from "../../../src/hosts/names.ts";

const BINARY = { command: "/opt/cma-mcp", args: [] };
const SOURCE = { command: "/bin/deno", args: ["run", "-P=serve", "/src/cma-mcp/src/main.ts"] };
const OPTIONS: EntryOptions = { executable: BINARY, name: "agents", simulate: false };

const entries: Readonly<Record<FileHostName, unknown>> = {
  "claude-desktop": {
    command: "/opt/cma-mcp",
    env: { ANTHROPIC_API_KEY: "<your API key>" },
  },
  "claude-code": {
    type: "stdio",
    command: "/opt/cma-mcp",
    env: { ANTHROPIC_API_KEY: "<your API key>" },
  },
  cursor: { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: "<your API key>" } },
  vscode: {
    type: "stdio",
    command: "/opt/cma-mcp",
    env: { ANTHROPIC_API_KEY: "${input:agents-api-key}" },
  },
  codex: {
    default_tools_approval_mode: "approve",
    command: "/opt/cma-mcp",
    env: { ANTHROPIC_API_KEY: "<your API key>" },
  },
  gemini: { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: "<your API key>" } },
  qwen: { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: "<your API key>" } },
  copilot: {
    type: "local",
    tools: ["*"],
    command: "/opt/cma-mcp",
    env: { ANTHROPIC_API_KEY: "<your API key>" },
  },
  opencode: {
    type: "local",
    enabled: true,
    command: ["/opt/cma-mcp"],
    environment: { ANTHROPIC_API_KEY: "<your API key>" },
  },
  cline: { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: "<your API key>" } },
  continue: { command: "/opt/cma-mcp", env: { ANTHROPIC_API_KEY: "<your API key>" } },
};
for (const host of FILE_HOST_NAMES) {
  Deno.test(`entryFor() has no real key, but its place, for ${host}`, () => {
    assertEquals(entryFor(host, OPTIONS), entries[host]);
  });

  Deno.test(`entryFor() needs no key for the simulator in ${host}`, () => {
    const { command, env, args } = readEntry(entryFor(host, { ...OPTIONS, simulate: true }));
    assertEquals([command, env, args], ["/opt/cma-mcp", {}, ["--simulate"]]);
    assertEquals(inputsFor(host, { ...OPTIONS, simulate: true }), []);
  });
}

Deno.test("entryFor() puts our own flags behind what runs the source", () => {
  const { args } = entryFor("cursor", { ...OPTIONS, executable: SOURCE, simulate: true });
  assertEquals(args, [...SOURCE.args, "--simulate"]);
});

Deno.test("inputsFor() lets a host that can ask for the key itself, hidden", () => {
  const [input, ...others] = inputsFor("vscode", OPTIONS);
  assertEquals([input?.id, input?.password, others.length], ["agents-api-key", true, 0]);
  assertEquals(inputsFor("claude-desktop", OPTIONS), []);
});

Deno.test("readEntry() leaves out what is not as it should be", () => {
  const value = { command: 1, args: ["a", 2], env: { A: "x", B: 3 } };
  assertEquals(readEntry(value), { args: ["a"], env: { A: "x" } });
  for (const odd of [null, undefined, 1, "x", [], { args: "a", env: [] }]) {
    assertEquals(readEntry(odd), { args: [], env: {} });
  }
});

const relations: readonly [string, string, readonly string[], Os, boolean, string][] = [
  ["the same path", "/opt/cma-mcp", [], "linux", false, "this"],
  ["the same path with flags", "/opt/cma-mcp", ["--simulate"], "linux", false, "this"],
  ["an older path", "/old/cma-mcp-1.0-linux-x64", [], "linux", false, "another"],
  ["a bare name", "cma-mcp", [], "darwin", false, "another"],
  ["an executable of Windows", "D:\\x\\cma-mcp.exe", [], "windows", false, "another"],
  ["another letter case on Linux", "/OPT/cma-mcp", [], "linux", false, "another"],
  ["another letter case on Windows", "/OPT\\Cma-MCP", [], "windows", false, "this"],
  ["another program", "npx", ["-y", "server-github"], "linux", false, "foreign"],
  ["no command", "", [], "linux", false, "foreign"],
  ["a clone", "deno", ["run", "/x/src/main.ts"], "linux", false, "another"],
  ["this source", "/bin/deno", SOURCE.args, "linux", true, "this"],
  ["this source by another runtime", "npx", ["deno", ...SOURCE.args], "linux", true, "this"],
  ["an executable, seen from the source", "/opt/cma-mcp", [], "linux", true, "another"],
  ["another script", "deno", ["run", "/x/main.ts"], "linux", true, "foreign"],
];
for (const [name, command, args, os, fromSource, expected] of relations) {
  Deno.test(`relationOf() takes ${name} for ${expected}`, () => {
    const entry = { ...(command && { command }), args, env: {} };
    assertEquals(relationOf(entry, fromSource ? SOURCE : BINARY, os), expected);
  });
}

Deno.test("ownFlags() leaves out what runs the source", () => {
  const env = {};
  assertEquals(ownFlags({ args: [...SOURCE.args, "--simulate"], env }), ["--simulate"]);
  assertEquals(ownFlags({ args: ["--max-waits", "3"], env }), ["--max-waits", "3"]);
});

Deno.test("installLink() holds the entry as Cursor reads it", () => {
  const link = new URL(installLink("cursor", { ...OPTIONS, name: "agents ☃" }) ?? "");
  assertEquals(link.origin + link.pathname, "https://cursor.com/install-mcp");
  assertEquals(link.searchParams.get("name"), "agents ☃");
  const bytes = Uint8Array.from(
    atob(link.searchParams.get("config") ?? ""),
    (sign) => sign.charCodeAt(0),
  );
  assertEquals(JSON.parse(new TextDecoder().decode(bytes)), entries.cursor);
});

Deno.test("installLink() holds the entry and the question for the key as VS Code reads them", () => {
  const executable = { command: "/it's here/ünd dort/cma-mcp", args: ["--x=%20"] };
  const options = { ...OPTIONS, executable };
  const outer = new URL(installLink("vscode", options) ?? "");
  assertEquals(outer.origin + outer.pathname, "https://insiders.vscode.dev/redirect");
  const [address, server = ""] = (outer.searchParams.get("url") ?? "").split("?");
  assertEquals(address, "vscode:mcp/install");
  assertEquals(JSON.parse(decodeURIComponent(server)), {
    name: "agents",
    ...entryFor("vscode", options),
    inputs: inputsFor("vscode", options),
  });
});

for (const host of FILE_HOST_NAMES.filter((name) => name !== "cursor" && name !== "vscode")) {
  Deno.test(`installLink() gives none for ${host}`, () => {
    assertEquals(installLink(host, OPTIONS), undefined);
  });
}

const keyFiles: readonly [readonly string[], readonly string[]][] = [
  [["--api-key-file", "/k", "--http", "--token-file=/t"], ["/k", "/t"]],
  [["--access-file", "/a"], ["/a"]],
  [["--log-level", "debug"], []],
  [["--api-key-file"], []],
];
for (const [args, expected] of keyFiles) {
  Deno.test(`fileSettings() reads ${JSON.stringify(args)}`, () => {
    assertEquals(fileSettings({ command: "/opt/cma-mcp", args, env: {} }), expected);
  });
}

Deno.test("fileSettings() reads variables as well, but for blank ones", () => {
  const env = { CMA_MCP_API_KEY_FILE: "/k", CMA_MCP_ACCESS_FILE: "", CMA_MCP_TOKEN_FILE: "/t" };
  const args = ["--access-file=/a"];
  assertEquals(fileSettings({ command: "/opt/cma-mcp", args, env }), ["/a", "/k", "/t"]);
});
