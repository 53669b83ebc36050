import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { TOOL_SET_NAMES } from "../../../src/access/tool_sets.ts";
import {
  checkAgentId,
  checkConsoleUrl,
  checkEnvironmentId,
  checkHost,
  checkHostHeader,
  checkOrigin,
  checkPublicUrl,
  checkPublished,
  checkSecret,
  checkToken,
  checkToolSets,
  integer,
  listOf,
  oneOf,
  parseSwitch,
  secondsAsMs,
  shown,
} from "../../../src/config/checks.ts";
import { UsageError } from "../../../src/core/errors.ts";

Deno.test("shown() repeats no value that may hold a password, and of others the beginning", () => {
  for (const value of ["https://me:pass@host", "me:pass@host", "x postgres://a:b@c"]) {
    assertEquals(shown(value), "that");
  }
  assertEquals(shown("https://host:80/@x"), "'https://host:80/@x'");
  assertEquals(shown("v".repeat(200)), `'${"v".repeat(100)}…'`);
});

type Check = (value: string, source: string) => string;

const accepted: readonly [Check, string, string][] = [
  [checkAgentId, "agent_01-a", "agent_01-a"],
  [checkAgentId, "1".repeat(128), "1".repeat(128)],
  [checkAgentId, "agent_demo", "agent_demo"],
  [checkAgentId, "agent-x", "agent-x"],
  [checkAgentId, "0b9c7e3a-77f1-4ad3-9e54-3f1d", "0b9c7e3a-77f1-4ad3-9e54-3f1d"],
  [checkEnvironmentId, "env_prod", "env_prod"],
  [checkHostHeader, "MCP.Example.com", "mcp.example.com"],
  [checkHostHeader, "[::1]:3000", "[::1]:3000"],
  [checkHostHeader, "*.Run.app", "*.run.app"],
  [checkHostHeader, "*.a.b-c.example", "*.a.b-c.example"],
  [checkOrigin, "https://claude.ai", "https://claude.ai"],
  [checkOrigin, "https://claude.ai:443/", "https://claude.ai"],
  [checkOrigin, "http://localhost:6274", "http://localhost:6274"],
  [checkOrigin, "chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"],
  [checkOrigin, "vscode-webview://1A2b3c/", "vscode-webview://1a2b3c"],
  [checkOrigin, "app://obsidian.md", "app://obsidian.md"],
  [checkPublicUrl, "https://MCP.example.com", "https://mcp.example.com"],
  [checkPublicUrl, "https://mcp.example.com:443/", "https://mcp.example.com"],
  [checkPublicUrl, "https://example.com:8443//agents/", "https://example.com:8443/agents"],
  [checkPublicUrl, "https://mcp.example.com/mcp", "https://mcp.example.com"],
  [checkPublicUrl, "https://example.com/agents/mcp/", "https://example.com/agents"],
  [checkPublicUrl, "https://example.com/mcp/mcp", "https://example.com/mcp"],
  [checkPublicUrl, "https://example.com/my-mcp", "https://example.com/my-mcp"],
  [checkPublicUrl, "http://localhost:3000", "http://localhost:3000"],
  [checkPublicUrl, "http://[::1]:3000/", "http://[::1]:3000"],
  [checkHost, "[::]", "::"],
  [checkHost, "0.0.0.0", "0.0.0.0"],
  [checkSecret, "sk-ant-x", "sk-ant-x"],
  [checkToken, "t".repeat(32), "t".repeat(32)],
];
for (const [check, value, expected] of accepted) {
  Deno.test(`${check.name}() accepts '${value}'`, () => {
    assertEquals(check(value, "THE_SOURCE"), expected);
  });
}

const refused: readonly [Check, string][] = [
  [checkAgentId, ""],
  [checkAgentId, "x".repeat(129)],
  [checkAgentId, ".."],
  [checkAgentId, "a/b"],
  [checkAgentId, "a%2fb"],
  [checkHostHeader, "https://mcp.example.com"],
  [checkHostHeader, "mcp.example.com/mcp"],
  [checkHostHeader, "*"],
  [checkHostHeader, "*.com"],
  [checkHostHeader, "*.com."],
  [checkHostHeader, "*example.com"],
  [checkHostHeader, "mcp.*.example.com"],
  [checkHostHeader, "*.*.example.com"],
  [checkHostHeader, "*.run.app:443"],
  [checkHostHeader, "*..run.app"],
  [checkHostHeader, "*.0.0.1"],
  [checkHostHeader, "https://*.run.app"],
  [checkHostHeader, "a@b"],
  [checkOrigin, "claude.ai"],
  [checkOrigin, "null"],
  [checkOrigin, "*"],
  [checkOrigin, "https://*.example.com"],
  [checkOrigin, "chrome-extension://*"],
  [checkOrigin, "file:///"],
  [checkOrigin, "chrome-extension:abc"],
  [checkOrigin, "https://user@claude.ai"],
  [checkOrigin, "https://claude.ai/chat"],
  [checkOrigin, "data:text/html,x"],
  [checkPublicUrl, "mcp.example.com"],
  [checkPublicUrl, "mcp.example.com:8443"],
  [checkPublicUrl, "ftp://mcp.example.com"],
  [checkPublicUrl, "http://mcp.example.com"],
  [checkPublicUrl, "http://0.0.0.0:3000"],
  [checkPublicUrl, "https://user@mcp.example.com"],
  [checkPublicUrl, "https://mcp.example.com/?a=1"],
  [checkPublicUrl, "https://mcp.example.com/#a"],
  [checkPublicUrl, "https://mcp.example.com https://b.example.com"],
  [checkPublicUrl, "https://mcp.example.com/a b"],
  [checkPublicUrl, "https:"],
  [checkHost, "http://0.0.0.0"],
  [checkHost, "a b"],
  [checkSecret, "two words"],
  [checkSecret, "schlüssel"],
  [checkSecret, "line\nbreak"],
  [checkSecret, "${API_KEY}"],
  [checkToken, "t".repeat(31)],
];
for (const [check, value] of refused) {
  Deno.test(`${check.name}() refuses ${JSON.stringify(value)}, and names the source`, () => {
    assertThrows(() => check(value, "THE_SOURCE"), UsageError, "THE_SOURCE");
  });
}

Deno.test("parseSwitch() understands the usual spellings and nothing else", () => {
  assertEquals(["1", "true", "YES", "on"].map((text) => parseSwitch(text, "X")), [
    ...Array(4).fill(true),
  ]);
  assertEquals(["0", "false", "No", "off"].map((text) => parseSwitch(text, "X")), [
    ...Array(4).fill(false),
  ]);
  assertThrows(() => parseSwitch("maybe", "X"), UsageError, "'maybe' as X");
});

const sets: readonly [string, readonly string[]][] = [
  ["core", ["core"]],
  ["actions", ["core", "actions"]],
  ["actions,core", ["core", "actions"]],
  ["Core, ACTIONS actions", ["core", "actions"]],
  ["all", TOOL_SET_NAMES],
  ["actions,-core", ["actions"]],
  ["-core all", ["sessions", "files", "actions", "threads", "ask", "resources"]],
  ["actions,sessions", ["core", "sessions", "actions"]],
  ["all,-actions", ["core", "sessions", "files", "threads", "ask", "resources"]],
];
for (const [text, expected] of sets) {
  Deno.test(`checkToolSets() reads '${text}' as ${expected.join(" and ")}`, () => {
    assertEquals(checkToolSets(text, "--tools"), expected);
  });
}

Deno.test("checkPublished() takes ids, each once, or all for every agent", () => {
  assertEquals(checkPublished("agent_1, agent_2 agent_1", "--publish"), ["agent_1", "agent_2"]);
  for (const text of ["all", "ALL", "agent_1,all"]) {
    assertEquals(checkPublished(text, "--publish"), "all");
  }
});

Deno.test("checkPublished() refuses names, other ids and more than twenty", () => {
  const many = Array.from({ length: 21 }, (_, at) => `agent_${at}`);
  assertEquals(checkPublished(many.slice(1).join(), "--publish").length, 20);
  const wrong: readonly [string, RegExp][] = [
    [many.join(), /--publish names 21 agents: give at most 20/],
    ["Research", /'Research' in --publish: that is a name; give an agent's id, such as agent_01/],
    ["env_1", /--publish holds an environment's id/],
    [",", /--publish names nothing/],
  ];
  for (const [text, message] of wrong) {
    const error = assertThrows(() => checkPublished(text, "--publish"), UsageError);
    assertMatch(error.message, message);
  }
});

const noSets: readonly [string, RegExp][] = [
  ["-core", /Cannot use '-core' as --tools: that leaves no tool, so name another set beside it/],
  ["core,-core", /leaves no tool/],
  ["all,-core,-sessions,-files,-actions,-threads,-ask,-resources", /leaves no tool/],
  [
    "action",
    /Cannot use 'action' in --tools: did you mean actions\? There are core, sessions, files, actions, threads, ask, resources, all/,
  ],
  ["-croe", /'-croe' in --tools: did you mean core\?/],
  [
    "everything",
    /'everything' in --tools: There are core, sessions, files, actions, threads, ask, resources, all/,
  ],
  ["-all", /'-all' in --tools/],
  ["--core", /'--core' in --tools/],
  [",", /--tools names nothing/],
];
for (const [text, message] of noSets) {
  Deno.test(`checkToolSets() refuses '${text}' and says what there is`, () => {
    const error = assertThrows(() => checkToolSets(text, "--tools"), UsageError);
    assertMatch(error.message, message);
  });
}

Deno.test("checkConsoleUrl() takes the address of a page, without a slash at its end", () => {
  const page = "https://console.example.com/workspaces/a/sessions";
  for (
    const text of [
      page,
      `${page}/`,
      `${page}//`,
      "HTTPS://Console.Example.com/workspaces/a/sessions",
    ]
  ) {
    assertEquals(checkConsoleUrl(text, "X"), page);
  }
  assertEquals(checkConsoleUrl("http://127.0.0.1:8080", "X"), "http://127.0.0.1:8080");
  for (const text of ["console.example.com", "ftp://x", "javascript:alert(1)", "https://a b"]) {
    assertThrows(() => checkConsoleUrl(text, "X"), UsageError, "type a URL such as https://");
  }
  for (const text of ["https://a:b@x", `${page}?event=1`, `${page}#top`]) {
    const { message } = assertThrows(() => checkConsoleUrl(text, "X"), UsageError);
    assertEquals(message, "Cannot use X: leave out user name, password, '?' and '#'");
  }
});

Deno.test("secondsAsMs() takes seconds and gives milliseconds", () => {
  assertEquals(secondsAsMs(0, 10)("10", "X"), 10_000);
  assertThrows(() => secondsAsMs(0, 10)("11", "X"), UsageError, "whole number from 0 to 10");
});

Deno.test("integer() takes whole numbers of its range only", () => {
  const parse = integer(2, 10);
  assertEquals([parse("2", "X"), parse("10", "X"), parse("007", "X")], [2, 10, 7]);
  for (const text of ["1", "11", "2.5", "1e1", "0x5", "-3", "five", "99999999999999999999"]) {
    assertThrows(() => parse(text, "X"), UsageError, "from 2 to 10");
  }
  assertEquals(integer(0, 10)("0", "X"), 0);
});

Deno.test("oneOf() ignores case and lists what there is", () => {
  const parse = oneOf("text", "json");
  assertEquals(parse("JSON", "X"), "json");
  assertThrows(() => parse("xml", "X"), UsageError, "one of text, json");
});

Deno.test("listOf() splits at commas and white space, checks each entry, keeps each once", () => {
  const parse = listOf((value) => {
    if (value === "bad") throw new UsageError("No bad ones");
    return value.toUpperCase();
  });
  assertEquals(parse(" a,b\n c,,A ", "X"), ["A", "B", "C"]);
  assertThrows(() => parse("a bad", "X"), UsageError, "No bad ones");
  assertThrows(() => parse(" , ", "X"), UsageError, "X names nothing");
});

const publicUrls: readonly [string, string][] = [
  ["mcp.example.com:8443", "type a URL such as https://mcp.example.com:8443"],
  ["mcp example", "type a URL such as https://mcp.example.com"],
  ["http://mcp.example.com:80/x", "type https://mcp.example.com"],
  ["https://example.com/agents/files/", "leave out '/files': type https://example.com/agents"],
  ["https://example.com/files", "leave out '/files': type https://example.com"],
];
for (const [value, advice] of publicUrls) {
  Deno.test(`checkPublicUrl() says of '${value}': ${advice}`, () => {
    const { message } = assertThrows(() => checkPublicUrl(value, "--public-url"), UsageError);
    assertEquals(message.slice(message.lastIndexOf(": ", message.indexOf(advice)) + 2), advice);
  });
}

const suffixes: readonly [string, RegExp][] = [
  ["*", /that would let every web page in, so name the hosts, such as mcp\.example\.com or/],
  ["*.com", /everybody can have a name below that, so name more of it/],
  ["a.*.example.com", /'\*' stands only before the end of a name, without a port/],
  ["*.run.app:443", /without a port/],
];
for (const [value, advice] of suffixes) {
  Deno.test(`checkHostHeader() says why it refuses '${value}'`, () => {
    const { message } = assertThrows(() => checkHostHeader(value, "ALLOWED_HOSTS"), UsageError);
    assertMatch(message, advice);
  });
}
