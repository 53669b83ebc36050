import { assertEquals } from "@std/assert";
import { findLeftovers } from "../../../src/commands/leftovers.ts";
import { recordProgram } from "../../helpers/program.ts";
import { machineWith } from "../../helpers/machine.ts";

/** What is found on a machine with these files in the folder of its user. */
async function find(files: Readonly<Record<string, string | Error>>) {
  const at = Object.entries(files).map(([path, text]) => [`/home/user/${path}`, text] as const);
  const program = recordProgram({ env: (name) => name === "HOME" ? "/home/user" : undefined });
  const { text, facts } = await findLeftovers({
    ...program,
    ...machineWith(Object.fromEntries(at)),
  });
  return { lines: text.replaceAll("/home/user/", "~/").trimEnd().split("\n"), facts };
}

const CURSOR = ".cursor/mcp.json";

const cases: readonly [string, Readonly<Record<string, string | Error>>, readonly string[]][] = [
  ["nothing on an empty machine", {}, ["The files of 11 hosts hold nothing of cma-mcp."]],
  [
    "nothing in files of other servers",
    { [CURSOR]: '{"mcpServers":{"other":{"command":"x"}}}', ".codex/config.toml": "a = 1" },
    ["The files of 11 hosts hold nothing of cma-mcp."],
  ],
  [
    "entries of this executable and of one that has moved, whatever their names",
    {
      [CURSOR]:
        '{"mcpServers":{"a":{"command":"/opt/cma-mcp"},"b":{"command":"/old/cma-mcp-0.1"}}}',
    },
    ['~/.cursor/mcp.json (Cursor) starts cma-mcp: take "a", "b" out of "mcpServers"'],
  ],
  [
    "entries of a project in Claude Code",
    { ".claude.json": '{"projects":{"/p":{"mcpServers":{"a":{"command":"/opt/cma-mcp"}}}}}' },
    ['~/.claude.json (Claude Code) starts cma-mcp: take "a" out of "mcpServers"'],
  ],
  [
    "files that are not JSON and name it",
    { ".codex/config.toml": '[mcp_servers.a]\ncommand = "/opt/cma-mcp"\n' },
    ["~/.codex/config.toml (Codex) names cma-mcp: take it out there if it is a server"],
  ],
  [
    "files that cannot be read",
    { [CURSOR]: '{ "/opt/cma-mcp"', ".qwen/settings.json": new TypeError("invalid utf-8") },
    [
      "~/.cursor/mcp.json (Cursor) is not valid JSON (line 1, column 17: colon expected): look there yourself",
      "~/.qwen/settings.json (Qwen Code) cannot be read: it is no text in UTF-8: look there yourself",
    ],
  ],
  [
    "files of keys and tokens",
    { [CURSOR]: '{"mcpServers":{"a":{"command":"cma-mcp","args":["--api-key-file","/k"]}}}' },
    [
      '~/.cursor/mcp.json (Cursor) starts cma-mcp: take "a" out of "mcpServers"',
      "/k holds a key or tokens, and is kept",
    ],
  ],
  [
    "backups, with or without the file that they are of",
    { [`${CURSOR}.backup-20260101000000-abcdefgh`]: "{}" },
    [
      "~/.cursor/mcp.json.backup-20260101000000-abcdefgh is an older copy of Cursor's file, and " +
      "may hold keys",
    ],
  ],
];
for (const [name, files, lines] of cases) {
  Deno.test(`findLeftovers() finds ${name}`, async () => {
    assertEquals((await find(files)).lines, lines);
  });
}

Deno.test("findLeftovers() gives programs the same as facts", async () => {
  const { facts } = await find({ [CURSOR]: '{"mcpServers":{"a":{"command":"/opt/cma-mcp"}}}' });
  assertEquals(facts, {
    leftovers: [{
      host: "cursor",
      file: `/home/user/${CURSOR}`,
      servers: ["a"],
      keyFiles: [],
      backups: [],
    }],
  });
});
