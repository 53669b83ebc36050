import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../../src/core/errors.ts";
import { parseTokenFile } from "../../../src/access/access_file.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

function parse(...tokens: unknown[]) {
  return parseTokenFile(JSON.stringify({ tokens }), "'t'");
}

Deno.test("parseTokenFile() gives a bare token its own sessions and nothing to hold it back", () => {
  assertEquals(parse({ name: "ci", sha256: A }), [
    { name: "ci", hashes: [A], readOnly: false, sessions: "own" },
  ]);
});

Deno.test("parseTokenFile() reads every field", () => {
  const [entry] = parse({
    name: "ci.2_x-y",
    sha256: [A.toUpperCase(), B],
    expires: "2027-01-31T01:00:00+01:00",
    agents: ["agent_1"],
    environments: ["env_1", "env_2"],
    files: ["file_1"],
    read_only: true,
    scopes: ["sessions:read", "agents:read", "sessions:read"],
    tools: ["actions", "core"],
    sessions: "all",
    rate_per_minute: 60,
    max_waits: 5,
    max_calls: 2,
  });
  assertEquals(entry, {
    name: "ci.2_x-y",
    hashes: [A, B],
    expiresAtMs: Date.parse("2027-01-31T00:00:00Z"),
    agents: ["agent_1"],
    environments: ["env_1", "env_2"],
    files: ["file_1"],
    readOnly: true,
    scopes: ["agents:read", "sessions:read"],
    tools: ["core", "actions"],
    sessions: "all",
    ratePerMinute: 60,
    maxWaits: 5,
    maxCalls: 2,
  });
});

Deno.test("parseTokenFile() holds a token with one agent to that agent", () => {
  assertEquals(parse({ name: "ci", sha256: A, agent: "agent_1" }), [{
    ...{ name: "ci", hashes: [A], readOnly: false, sessions: "own" },
    ...{ agent: "agent_1", agents: ["agent_1"] },
  }]);
});

Deno.test("parseTokenFile() reads a list without tokens, which lets nobody in", () => {
  assertEquals(parse(), []);
});

/** Fields beside a name, and what the complaint about them says. */
const WRONG: readonly [string, Record<string, unknown>, string][] = [
  ["a name with a space", { name: "c i" }, "tokens[0]: name must be 1 to 64 letters"],
  ["a name that is a number", { name: 3 }, "tokens[0]: name must be 1 to 64 letters"],
  ["a long name", { name: "x".repeat(65) }, "tokens[0]: name must be"],
  ["no hash", { sha256: undefined }, 'tokens[0] ("ci"): sha256 is missing'],
  ["a short hash", { sha256: A.slice(1) }, 'tokens[0] ("ci"): sha256 must be the SHA-256'],
  ["the secret itself", { sha256: "cma_secret" }, "sha256 must be the SHA-256 of the secret"],
  ["no hashes", { sha256: [] }, "a list of 1 to 4"],
  ["five hashes", { sha256: [A, A, A, A, A] }, "a list of 1 to 4"],
  ["a wrong second hash", { sha256: [A, "x"] }, "sha256.1 must be the SHA-256"],
  ["a date without a time", { expires: "2027-01-31" }, "expires must be a time such as"],
  ["a time without a zone", { expires: "2027-01-31T00:00:00" }, "expires must be a time such as"],
  ["no agents", { agents: [] }, "agents must name at least one id, or be left out for all"],
  ["an agent by itself", { agents: "agent_1" }, "agents must be a list of ids"],
  ["a path as agent", { agents: ["agent_1", "../x"] }, "agents.1 must be an id"],
  ["no files", { files: [] }, "files must name at least one id, or be left out for none"],
  ["a name as file", { files: ["in.csv"] }, "files.0 must be an id, and not a name"],
  ["a list as the one agent", { agent: ["agent_1"] }, "agent must be an id"],
  ["a name as the one agent", { agent: "Research" }, "agent must be an id, and not a name"],
  [
    "one agent beside a list",
    { agent: "agent_1", agents: ["agent_1"] },
    'tokens[0] ("ci"): give agent, the one that its tools are bound to, or agents, a list',
  ],
  ["no environment", { environments: [null] }, "environments.0 must be an id"],
  ["yes as switch", { read_only: "yes" }, "read_only must be true or false"],
  ["no scope", { scopes: [] }, "scopes must name at least one, or be left out for all"],
  [
    "a made-up scope",
    { scopes: ["actions", "admin"] },
    "scopes.1 must be one of agents:read, sessions:read,",
  ],
  ["a scope by itself", { scopes: "actions" }, "scopes must be a list, of agents:read, sessions:"],
  ["no set of tools", { tools: [] }, "tools must name at least one"],
  [
    "a made-up set",
    { tools: ["all"] },
    "tools.0 must be one of core, sessions, files, actions, threads, ask, resources",
  ],
  [
    "scopes that a reader has not",
    { read_only: true, scopes: ["sessions:write", "agents:read", "actions"] },
    'tokens[0] ("ci"): a token that may only read cannot have sessions:write and actions: let it have either',
  ],
  ["other sessions", { sessions: "mine" }, 'sessions must be "own" or "all"'],
  ["no rate", { rate_per_minute: 0 }, "rate_per_minute must be a whole number from 1 to"],
  ["half a wait", { max_waits: 0.5 }, "max_waits must be a whole number from 1 to 100000"],
  ["calls in words", { max_calls: "many" }, "max_calls must be a whole number"],
  ["an unknown field", { readonly: true }, 'unknown field "readonly": there are name, sha256'],
];

for (const [name, fields, expected] of WRONG) {
  Deno.test(`parseTokenFile() names entry and field of ${name}, in one line`, () => {
    const { message } = assertThrows(() => parse({ name: "ci", sha256: A, ...fields }), UsageError);
    assertStringIncludes(message, expected);
    assert(message.startsWith("'t': ") && !message.includes("\n"), message);
    assert(!message.includes(A) && !message.includes("cma_secret"), message);
  });
}

const BROKEN: readonly [string, string, string][] = [
  ["text that ends early", '{ "tokens": [', "'t' is not valid JSON"],
  ["no list", "{}", "'t': tokens is missing"],
  ["tokens that are no list", '{ "tokens": {} }', "'t': tokens must be a list of tokens"],
  ["an entry that is no object", '{ "tokens": ["x"] }', "'t': tokens[0]: must be an object"],
  ["something beside the tokens", '{ "tokens": [], "x": 1 }', "'t': unknown field \"x\""],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`parseTokenFile() refuses ${name}`, () => {
    const { message } = assertThrows(() => parseTokenFile(text, "'t'"), UsageError);
    assertStringIncludes(message, expected);
  });
}

Deno.test("parseTokenFile() names the second of several tokens when that is the wrong one", () => {
  const wrong = { name: "ops", sha256: B, max_calls: 0 };
  assertThrows(() => parse({ name: "ci", sha256: A }, wrong), UsageError, 'tokens[1] ("ops"): max');
});

Deno.test("parseTokenFile() refuses names and hashes that stand there twice", () => {
  const ci = { name: "ci", sha256: A };
  const twice = [
    { name: "ci", sha256: B },
    { name: "ops", sha256: A.toUpperCase() },
    { name: "ops", sha256: [B, A] },
  ];
  for (const other of twice) {
    const { message } = assertThrows(() => parse(ci, other), UsageError);
    assert(
      /the name "ci"|"ci" and "ops" have the same sha256/.test(message) && !message.includes(A),
      message,
    );
  }
  assertThrows(() => parse({ name: "ci", sha256: [A, A] }), UsageError, "the same sha256");
});

Deno.test("parseTokenFile() bounds how many tokens there are", () => {
  const many = Array.from({ length: 1_001 }, (_, index) => ({
    name: `t${index}`,
    sha256: index.toString(16).padStart(64, "0"),
  }));
  assertThrows(() => parse(...many), UsageError, "tokens must be at most 1000 tokens");
  assertEquals(parse(...many.slice(1)).length, 1_000);
});
