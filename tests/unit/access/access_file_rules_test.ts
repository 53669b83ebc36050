import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseAccessFile, parseTokenFile } from "../../../src/access/access_file.ts";
import { UsageError } from "../../../src/core/errors.ts";

const ISSUER = "https://login.example.com";
const TOKEN = { name: "ci", sha256: "a".repeat(64) };
const RULE = { name: "staff", issuer: ISSUER };

function parse(content: unknown, issuers: string[] | undefined = [ISSUER]) {
  return parseAccessFile(JSON.stringify(content), "'t'", issuers);
}

Deno.test("parseAccessFile() reads rules beside tokens, and in their place", () => {
  assertEquals(parse({ rules: [RULE] }), {
    tokens: [],
    rules: [{ name: "staff", issuer: ISSUER, readOnly: false, sessions: "own" }],
  });
  const both = parse({ tokens: [TOKEN], rules: [] });
  assertEquals([both.tokens.length, both.rules], [1, []]);
  assert(!("rules" in parse({ tokens: [TOKEN] })), "without a list there are no rules");
});

Deno.test("parseAccessFile() reads every field of a rule, in the order of the file", () => {
  const { rules } = parse({
    rules: [
      {
        ...RULE,
        claim: "https://example.com/roles",
        values: ["analyst", 3, true],
        agent: "agent_1",
        environments: ["env_1"],
        files: ["file_1"],
        scopes: ["sessions:read", "agents:read"],
        tools: ["actions", "core"],
        sessions: "all",
        rate_per_minute: 60,
        max_waits: 5,
        max_calls: 2,
        max_cost_usd: 2.509,
      },
      { ...RULE, name: "readers", agents: ["agent_1", "agent_2"], read_only: true },
    ],
  });
  assertEquals(rules, [
    {
      name: "staff",
      issuer: ISSUER,
      when: { claim: "https://example.com/roles", values: ["analyst", 3, true] },
      agent: "agent_1",
      agents: ["agent_1"],
      environments: ["env_1"],
      files: ["file_1"],
      readOnly: false,
      scopes: ["agents:read", "sessions:read"],
      tools: ["core", "actions"],
      sessions: "all",
      ratePerMinute: 60,
      maxWaits: 5,
      maxCalls: 2,
      maxCostUsd: 2.5,
    },
    {
      name: "readers",
      issuer: ISSUER,
      agents: ["agent_1", "agent_2"],
      readOnly: true,
      sessions: "own",
    },
  ]);
});

Deno.test("parseAccessFile() rounds a budget down to cents, by its digits", () => {
  for (const [given, cents] of [[0.29, 0.29], [0.019, 0.01], [5, 5], [1.999, 1.99]]) {
    const { tokens } = parse({ tokens: [{ ...TOKEN, max_cost_usd: given }] }, []);
    assertEquals(tokens[0]?.maxCostUsd, cents);
  }
});

/** Fields of a rule, and what the complaint about them says. */
const WRONG: readonly [string, Record<string, unknown>, string][] = [
  ["no name", { name: undefined }, "rules[0]: name is missing"],
  ["a name with a space", { name: "a b" }, "rules[0]: name must be 1 to 64 letters"],
  ["no issuer", { issuer: undefined }, 'rules[0] ("staff"): issuer is missing'],
  ["an issuer that is no URL", { issuer: "okta" }, "issuer must be the URL of an authorization"],
  [
    "an issuer that nobody trusts",
    { issuer: "https://other.example.com" },
    `rules[0] ("staff"): issuer https://other.example.com must be one that --oauth-issuer names`,
  ],
  ["a claim without values", { claim: "groups" }, "claim and values go together: give both"],
  ["values without a claim", { values: ["x"] }, "claim and values go together: give both"],
  ["an empty claim", { claim: "", values: ["x"] }, "claim must be the name of a claim"],
  ["no values", { claim: "groups", values: [] }, "values must name at least one value"],
  ["a value by itself", { claim: "groups", values: "x" }, "values must be a list"],
  ["an empty value", { claim: "groups", values: ["x", ""] }, "values.1 must be a text of 1 to"],
  ["a number that is not exact", { claim: "id", values: [2 ** 53] }, "a number below 2^53"],
  ["an object as value", { claim: "groups", values: [{}] }, "values.0 must be a text of 1 to"],
  ["null as value", { claim: "groups", values: [null] }, "values.0 must be a text of 1 to"],
  [
    "too many values",
    { claim: "groups", values: Array.from({ length: 1_001 }, (_, at) => at) },
    "values must be at most 1000 values",
  ],
  ["a hash", { sha256: TOKEN.sha256 }, 'unknown field "sha256": there are name, issuer, claim,'],
  ["a time", { expires: "2027-01-31T00:00:00Z" }, 'unknown field "expires"'],
  ["one agent beside a list", { agent: "agent_1", agents: ["agent_1"] }, "give agent, the one"],
  [
    "scopes that a reader has not",
    { read_only: true, scopes: ["actions"] },
    'rules[0] ("staff"): a rule that may only read cannot have actions',
  ],
  ["no money", { max_cost_usd: 0 }, "max_cost_usd must be US dollars from 0.01"],
  ["less than a cent", { max_cost_usd: 0.009 }, "max_cost_usd must be US dollars from 0.01"],
  ["money in words", { max_cost_usd: "5" }, "max_cost_usd must be US dollars from 0.01"],
];

for (const [name, fields, expected] of WRONG) {
  Deno.test(`parseAccessFile() names rule and field of ${name}, in one line`, () => {
    const { message } = assertThrows(() => parse({ rules: [{ ...RULE, ...fields }] }), UsageError);
    assertStringIncludes(message, expected);
    assert(message.startsWith("'t': ") && !message.includes("\n"), message);
    assert(!message.includes(TOKEN.sha256), message);
  });
}

Deno.test("parseAccessFile() names the rule that is wrong beside tokens that are right", () => {
  const other = { ...RULE, name: "ops", claim: "groups" };
  const { message } = assertThrows(
    () => parse({ tokens: [TOKEN], rules: [{ ...RULE, agents: ["agent_1"] }, other] }),
    UsageError,
  );
  assertStringIncludes(message, 'rules[1] ("ops"): claim and values go together');
});

Deno.test("parseAccessFile() refuses two rules of one name, and takes a token of that name", () => {
  const narrow = { ...RULE, claim: "groups", values: ["x"] };
  assertThrows(
    () => parse({ rules: [narrow, RULE] }),
    UsageError,
    `'t': two rules have the name "staff": rename one`,
  );
  parse({ tokens: [{ ...TOKEN, name: "staff" }], rules: [RULE] });
});

Deno.test("parseAccessFile() refuses a rule that another leaves nobody for", () => {
  const admins = { ...RULE, name: "admins", claim: "groups", values: ["admin"] };
  assertThrows(
    () => parse({ rules: [RULE, admins] }),
    UsageError,
    `rules[1] ("admins"): never fits, because "staff" before it fits everybody of that issuer`,
  );
  parse({ rules: [admins, RULE] });
  const two = "https://two.example.com";
  parse({ rules: [RULE, { ...admins, issuer: two }] }, [ISSUER, two]);
});

Deno.test("parseAccessFile() refuses a file without use, and rules for a server where nobody signs in", () => {
  assertThrows(() => parse({}), UsageError, "'t': it has neither tokens nor rules");
  assertThrows(() => parse({}, []), UsageError, "'t': tokens is missing");
  assertThrows(() => parse({ rules: [RULE] }, []), UsageError, "with --oauth-issuer");
  assertThrows(() => parseTokenFile(JSON.stringify({ rules: [RULE] }), "'t'"), UsageError);
});

Deno.test("parseAccessFile() takes rules of any issuer where the issuers are not known", () => {
  const text = JSON.stringify({ rules: [{ ...RULE, issuer: "https://accounts.google.com" }] });
  assertEquals(parseAccessFile(text, "'t'").rules?.length, 1);
});

Deno.test("parseAccessFile() refuses everybody of an issuer where anybody has an account", () => {
  const google = "https://accounts.google.com";
  assertThrows(
    () => parse({ rules: [{ ...RULE, issuer: google }] }, [google]),
    UsageError,
    `'t': rules[0] ("staff"): anybody can have an account at ${google}`,
  );
  assertThrows(() => parse({ tokens: [TOKEN] }, [google]), UsageError, "'t' needs a rule for it");
});

Deno.test("parseAccessFile() bounds how many rules there are", () => {
  const many = Array.from({ length: 1_001 }, (_, index) => ({
    ...RULE,
    name: `r${index}`,
    claim: "groups",
    values: [index],
  }));
  assertThrows(() => parse({ rules: many }), UsageError, "rules must be at most 1000 rules");
  assertEquals(parse({ rules: many.slice(1) }).rules?.length, 1_000);
});
