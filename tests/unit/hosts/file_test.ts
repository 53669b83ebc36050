import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  bringsKey,
  fileWithout,
  type HostFileOptions,
  mergedFile,
  needsNoKey,
  newHostFile,
  ownEntries,
} from "../../../src/hosts/file.ts";
import { FILE_HOSTS } from "../../../src/hosts/hosts.ts";
import { FILE_HOST_NAMES } from "../../../src/hosts/names.ts";
import { JsonEditError } from "../../../src/hosts/json_edit.ts";

const OPTIONS: HostFileOptions = {
  host: "claude-desktop",
  os: "linux",
  executable: { command: "/opt/cma-mcp", args: [] },
  name: "managed-agents",
  simulate: false,
};
const SOURCE = { command: "/bin/deno", args: ["run", "-P=serve", "/x/src/main.ts"] };

/** A file as a person has left it. */
const OTHERS = `{
  // what I use every day
  "mcpServers": {
    "github": {"command":"npx",  "args": ["-y","server-github"]}, // token in keychain
    "files": {
        "command": "/usr/bin/files" /* slow */
    } // last one
  },
  "globalShortcut": "Ctrl+Space",
}
`;

const MERGED = `{
  // what I use every day
  "mcpServers": {
    "github": {"command":"npx",  "args": ["-y","server-github"]}, // token in keychain
    "files": {
        "command": "/usr/bin/files" /* slow */
    }, // last one
    "managed-agents": {
      "command": "/opt/cma-mcp",
      "env": {
        "ANTHROPIC_API_KEY": "<your API key>"
      }
    }
  },
  "globalShortcut": "Ctrl+Space",
}
`;

Deno.test("mergedFile() adds the entry to a file, and keeps everything else as it is", () => {
  assertEquals(mergedFile(OTHERS, OPTIONS), MERGED);
});

Deno.test("fileWithout() takes the entry out again, and nothing else", () => {
  assertEquals(fileWithout(MERGED, OPTIONS), OTHERS);
});

const shapes: readonly [string, (text: string) => string][] = [
  ["as it is", (text) => text],
  ["with CRLF", (text) => text.replaceAll("\n", "\r\n")],
  ["with a byte order mark", (text) => `\uFEFF${text}`],
  ["with both", (text) => `\uFEFF${text.replaceAll("\n", "\r\n")}`],
  ["with tabs", (text) => text.replaceAll("  ", "\t")],
  ["without a line break at its end", (text) => text.trimEnd()],
];
for (const [name, shape] of shapes) {
  Deno.test(`mergedFile() and fileWithout() keep a file ${name}`, () => {
    const before = shape(OTHERS);
    const merged = mergedFile(before, OPTIONS);
    assertEquals(merged, shape(MERGED));
    assertEquals(mergedFile(merged, OPTIONS), merged);
    assertEquals(fileWithout(merged, OPTIONS), before);
    assertEquals(fileWithout(before, OPTIONS), before);
  });
}

const JSON_HOST_NAMES = FILE_HOST_NAMES.filter((name) => FILE_HOSTS[name].format === "json");
for (const host of JSON_HOST_NAMES) {
  const options = { ...OPTIONS, host };
  Deno.test(`mergedFile() of an empty object is a new file of ${host}`, () => {
    assertEquals(JSON.parse(mergedFile("{}", options)), JSON.parse(newHostFile(options)));
  });

  Deno.test(`mergedFile() is idempotent in a new file of ${host}, and removal empties it`, () => {
    const text = newHostFile(options);
    assertEquals(mergedFile(text, options), text);
    const left = JSON.parse(fileWithout(text, options));
    assertEquals(left[FILE_HOSTS[host].serversKey], {});
    assertEquals(left.inputs ?? [], []);
  });

  Deno.test(`mergedFile() tells two names apart in ${host}`, () => {
    const second = { ...options, name: "second" };
    const both = mergedFile(newHostFile(options), second);
    assertEquals(Object.keys(JSON.parse(both)[FILE_HOSTS[host].serversKey]), [
      "managed-agents",
      "second",
    ]);
    assertEquals(JSON.parse(fileWithout(both, second)), JSON.parse(newHostFile(options)));
  });
}

const STALE = `{
  "mcpServers": {
    "managed-agents": {
      "command": "/old/cma-mcp", // since spring
      "args": ["--allowed-agents", "agent_1"],
      "env": { "ANTHROPIC_API_KEY": "the-real-key", "CMA_LOG_LEVEL": "debug" },
      "timeout": 600000
    }
  }
}`;

Deno.test("mergedFile() points an old entry here, and keeps its key, flags and the rest", () => {
  assertEquals(mergedFile(STALE, OPTIONS), STALE.replace("/old/", "/opt/"));
});

Deno.test("mergedFile() changes an entry from the executable to the source, and back", () => {
  const fromSource = { ...OPTIONS, executable: SOURCE };
  const toSource = mergedFile(STALE, fromSource);
  const { args, command } = JSON.parse(toSource.replace(/\/\/.*/, "")).mcpServers["managed-agents"];
  assertEquals([command, ...args], ["/bin/deno", ...SOURCE.args, "--allowed-agents", "agent_1"]);
  const back = JSON.parse(mergedFile(toSource, OPTIONS).replace(/\/\/.*/, ""));
  assertEquals(back.mcpServers["managed-agents"].args, ["--allowed-agents", "agent_1"]);
});

Deno.test("mergedFile() gives arguments to an entry that had none", () => {
  const text = '{"mcpServers": {"managed-agents": {"command": "cma-mcp"}}}';
  const merged = mergedFile(text, { ...OPTIONS, executable: SOURCE });
  assertEquals(JSON.parse(merged).mcpServers["managed-agents"], SOURCE);
});

Deno.test("mergedFile() leaves an entry alone that starts this executable, even without a key", () => {
  const text = '{"mcpServers": {"managed-agents": {"command": "/opt/cma-mcp"}}}';
  assertEquals(mergedFile(text, OPTIONS), text);
});

const refusals: readonly [string, string, RegExp][] = [
  ["a file that is no JSON", "{,}", /is not valid JSON \(line 1/],
  ["an empty file", "", /is empty/],
  ["a list of servers", '{"mcpServers": []}', /has a "mcpServers" that is not an object/],
  ["servers twice", '{"mcpServers": {}, "mcpServers": {}}', /has "mcpServers" twice/],
  ["an entry that is a text", '{"mcpServers": {"managed-agents": "x"}}', /that is not an object/],
  [
    "another server of the same name",
    '{"mcpServers": {"managed-agents": {"command": "npx", "args": ["other"]}}}',
    /has another server named "managed-agents": .* --name$/,
  ],
  [
    "a remote server of the same name",
    '{"mcpServers": {"managed-agents": {"url": "https://x.example/mcp"}}}',
    /has another server named/,
  ],
];
for (const [name, text, message] of refusals) {
  Deno.test(`mergedFile() and fileWithout() refuse ${name}`, () => {
    for (const edit of [mergedFile, fileWithout]) {
      const error = assertThrows(() => edit(text, OPTIONS), JsonEditError);
      assert(message.test(error.message), error.message);
    }
  });
}

Deno.test("fileWithout() keeps a question that another server of VS Code refers to", () => {
  const options = { ...OPTIONS, host: "vscode" as const };
  const file = JSON.parse(newHostFile(options));
  file.servers.other = { command: "x", env: { KEY: "${input:managed-agents-api-key}" } };
  const left = JSON.parse(fileWithout(JSON.stringify(file), options));
  assertEquals([Object.keys(left.servers), left.inputs.length], [["other"], 1]);
});

Deno.test("mergedFile() adds its question to those that VS Code already asks", () => {
  const text = '{\n  "inputs": [\n    { "id": "a", "type": "promptString" }\n  ]\n}';
  const options = { ...OPTIONS, host: "vscode" as const };
  const merged = mergedFile(text, options);
  assertStringIncludes(merged, '[\n    { "id": "a", "type": "promptString" },\n    {\n');
  const { inputs } = JSON.parse(merged);
  assertEquals(inputs.map(({ id }: { id: string }) => id), ["a", "managed-agents-api-key"]);
  assertEquals(JSON.parse(fileWithout(merged, options)).inputs, JSON.parse(text).inputs);
});

Deno.test("mergedFile() adds no input for an entry that has its own key", () => {
  const options = { ...OPTIONS, host: "vscode" as const };
  const text = '{"servers": {"managed-agents": {"command": "/opt/cma-mcp", "env": {"A": "b"}}}}';
  assertEquals(mergedFile(text, options), text);
});

Deno.test("ownEntries() finds this program's entries under any name, and says whether they have moved", () => {
  const text = `{ "mcpServers": {
    "one": { "command": "/opt/cma-mcp" }, "two": { "command": "/old/cma-mcp" },
    "three": { "command": "npx" }, "four": null } }`;
  const found = ownEntries(text, OPTIONS).map(({ name, moved }) => [name, moved]);
  assertEquals(found, [["one", false], ["two", true]]);
  assertEquals(ownEntries("{}", OPTIONS), []);
});

Deno.test("ownEntries() also finds entries that Claude Code keeps by project", () => {
  const server = { a: { command: "/opt/cma-mcp" } };
  const text = JSON.stringify({ projects: { "/x": { mcpServers: server }, "/y": 1 } });
  assertEquals(ownEntries(text, { ...OPTIONS, host: "claude-code" }).length, 1);
  assertEquals(ownEntries(text, OPTIONS).length, 0);
});

const keys: readonly [string, readonly string[], Record<string, string>, boolean][] = [
  ["a placeholder", [], { ANTHROPIC_API_KEY: "<your API key>" }, false],
  ["an API key", [], { ANTHROPIC_API_KEY: "k" }, true],
  ["a token", [], { ANTHROPIC_AUTH_TOKEN: "t" }, true],
  ["a key file", ["--api-key-file", "k"], {}, true],
  ["a key file in one word", ["--api-key-file=k"], {}, true],
  ["a key file by variable", [], { CMA_MCP_API_KEY_FILE: "k" }, true],
  ["a key file left blank", [], { CMA_MCP_API_KEY_FILE: "" }, false],
  ["the simulator", ["--simulate"], {}, false],
  ["the simulator by variable", [], { CMA_MCP_SIMULATE: "On" }, false],
  ["no simulator", [], { CMA_MCP_SIMULATE: "off" }, false],
  ["a blank key", [], { ANTHROPIC_API_KEY: "" }, false],
  ["nothing", ["--simulated"], { OTHER: "x" }, false],
];
for (const [name, args, env, expected] of keys) {
  Deno.test(`bringsKey() is ${expected} for an entry with ${name}`, () => {
    assertEquals(bringsKey({ args, env }), expected);
    assertEquals(needsNoKey({ args, env }), name.startsWith("the simulator"));
  });
}
