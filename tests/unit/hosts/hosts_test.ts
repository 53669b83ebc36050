import { assert, assertEquals, assertThrows } from "@std/assert";
import { hostPaths, type Os } from "../../../src/hosts/hosts.ts";
import { FILE_HOST_NAMES, type FileHostName, PLACE_VARIABLES } from "../../../src/hosts/names.ts";
import { UsageError } from "../../../src/core/errors.ts";

const ENV: Readonly<Record<Os, Readonly<Record<string, string>>>> = {
  linux: { HOME: "/home/user" },
  darwin: { HOME: "/Users/me" },
  windows: { USERPROFILE: "D:\\me" },
};

const MAC = "/Users/me/Library/Application Support";
const PACKAGE = "D:\\me\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming";

const places: readonly [FileHostName, Os, readonly string[]][] = [
  ["claude-desktop", "linux", ["/home/user/.config/Claude/claude_desktop_config.json"]],
  ["claude-desktop", "darwin", [`${MAC}/Claude/claude_desktop_config.json`]],
  ["claude-desktop", "windows", [
    `${PACKAGE}\\Claude\\claude_desktop_config.json`,
    "D:\\me\\AppData\\Roaming\\Claude\\claude_desktop_config.json",
  ]],
  ["claude-code", "linux", ["/home/user/.claude.json"]],
  ["claude-code", "darwin", ["/Users/me/.claude.json"]],
  ["claude-code", "windows", ["D:\\me\\.claude.json"]],
  ["cursor", "linux", ["/home/user/.cursor/mcp.json"]],
  ["cursor", "darwin", ["/Users/me/.cursor/mcp.json"]],
  ["cursor", "windows", ["D:\\me\\.cursor\\mcp.json"]],
  ["vscode", "linux", ["/home/user/.config/Code/User/mcp.json"]],
  ["vscode", "darwin", [`${MAC}/Code/User/mcp.json`]],
  ["vscode", "windows", ["D:\\me\\AppData\\Roaming\\Code\\User\\mcp.json"]],
  ["codex", "linux", ["/home/user/.codex/config.toml"]],
  ["codex", "windows", ["D:\\me\\.codex\\config.toml"]],
  ["gemini", "darwin", ["/Users/me/.gemini/settings.json"]],
  ["gemini", "windows", ["D:\\me\\.gemini\\settings.json"]],
  ["qwen", "linux", ["/home/user/.qwen/settings.json"]],
  ["copilot", "linux", ["/home/user/.copilot/mcp-config.json"]],
  ["opencode", "linux", [
    "/home/user/.config/opencode/opencode.jsonc",
    "/home/user/.config/opencode/opencode.json",
  ]],
  ["opencode", "windows", [
    "D:\\me\\.config\\opencode\\opencode.jsonc",
    "D:\\me\\.config\\opencode\\opencode.json",
  ]],
  ["cline", "linux", ["/home/user/.cline/data/settings/cline_mcp_settings.json"]],
  ["continue", "linux", ["/home/user/.continue/config.yaml"]],
  ["continue", "windows", ["D:\\me\\.continue\\config.yaml"]],
];
for (const [host, os, expected] of places) {
  Deno.test(`hostPaths() knows where ${host} keeps its servers on ${os}`, () => {
    assertEquals(hostPaths(host, os, (name) => ENV[os][name]), [...expected]);
  });
}

const moved: readonly [FileHostName, Os, Record<string, string>, string][] = [
  ["vscode", "linux", { XDG_CONFIG_HOME: "/data/config/" }, "/data/config/Code/User/mcp.json"],
  ["vscode", "linux", { XDG_CONFIG_HOME: " " }, "/home/user/.config/Code/User/mcp.json"],
  ["vscode", "windows", { APPDATA: "E:\\roam" }, "E:\\roam\\Code\\User\\mcp.json"],
  ["codex", "linux", { CODEX_HOME: "/srv/codex" }, "/srv/codex/config.toml"],
  ["continue", "darwin", { CONTINUE_GLOBAL_DIR: "/srv/c/" }, "/srv/c/config.yaml"],
  ["cursor", "linux", { HOME: "/" }, "/.cursor/mcp.json"],
  ["cursor", "darwin", { XDG_CONFIG_HOME: "/x" }, "/Users/me/.cursor/mcp.json"],
];
for (const [host, os, env, expected] of moved) {
  Deno.test(`hostPaths() follows ${JSON.stringify(env)} to ${host} on ${os}`, () => {
    assertEquals(hostPaths(host, os, (name) => ({ ...ENV[os], ...env })[name]), [expected]);
  });
}

Deno.test("hostPaths() follows LOCALAPPDATA to the packaged Claude Desktop", () => {
  const env: Record<string, string> = { LOCALAPPDATA: "E:\\local", APPDATA: "E:\\roam" };
  const [packaged = "", plain = ""] = hostPaths("claude-desktop", "windows", (name) => env[name]);
  assert(packaged.startsWith("E:\\local\\Packages\\Claude_"));
  assertEquals(plain, "E:\\roam\\Claude\\claude_desktop_config.json");
});

for (
  const [os, name] of [["linux", "HOME"], ["darwin", "HOME"], ["windows", "USERPROFILE"]] as const
) {
  Deno.test(`hostPaths() says that ${name} is needed on ${os}`, () => {
    const look = () => hostPaths("vscode", os, () => undefined);
    assertThrows(look, UsageError, `set ${name}`);
  });
}

Deno.test("hostPaths() reads no variable that the program may not read", () => {
  const read = new Set<string>();
  const env = (name: string) => {
    read.add(name);
    return undefined;
  };
  for (const host of FILE_HOST_NAMES) {
    for (const os of ["linux", "darwin", "windows"] as const) {
      try {
        hostPaths(host, os, env);
      } catch (error) {
        assert(error instanceof UsageError);
      }
    }
  }
  assertEquals([...read].sort(), [...PLACE_VARIABLES].sort());
});
