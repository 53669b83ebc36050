import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseAccessFile } from "../../../src/access/access_file.ts";
import { checkAccess } from "../../../src/commands/access.ts";
import { resolveConfig } from "../../../src/config/resolve.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";

const ISSUER = "https://login.example.com";
const TWO = "https://two.example.com";
const TOKEN = { name: "ci", sha256: "a".repeat(64) };
const FILE = {
  tokens: [TOKEN],
  rules: [
    { name: "admins", issuer: ISSUER, claim: "groups", values: ["admin"] },
    {
      name: "analysts",
      issuer: ISSUER,
      claim: "groups",
      values: ["analyst", "scientist"],
      agents: ["agent_1", "agent_2"],
      environments: ["env_1"],
      files: ["file_1"],
      scopes: ["agents:read", "sessions:read", "sessions:write"],
      tools: ["core"],
      rate_per_minute: 60,
      max_waits: 5,
      max_calls: 2,
      max_cost_usd: 2.5,
    },
    { name: "readers", issuer: TWO, read_only: true, sessions: "all", agent: "agent_3" },
  ],
};

/** Runs the command on these claims; without any it lists the file. */
async function check(
  claims?: unknown,
  { file = FILE, issuers = [], json = false }: {
    file?: unknown;
    issuers?: string[];
    json?: boolean;
  } = {},
) {
  const program = recordProgram({
    clock: new ManualClock(),
    readFile: () => Promise.resolve(typeof claims === "string" ? claims : JSON.stringify(claims)),
  });
  const content = file === null
    ? { tokens: [] }
    : parseAccessFile(JSON.stringify(file), "'f'", issuers.length > 0 ? issuers : undefined);
  const tokenClaims = claims === undefined ? undefined : "c";
  const code = await checkAccess(
    { command: "access", ...content, issuers, json, ...(tokenClaims && { tokenClaims }) },
    program,
  );
  const { printed, noted } = program;
  return { code, printed, noted: noted.join("\n"), text: printed.join("\n") };
}

const ann = {
  iss: ISSUER,
  sub: "ann",
  groups: ["x", "analyst"],
  scope: "agents:read sessions:read",
};

Deno.test("checkAccess() shows the rule that fits, why, and what the person may do", async () => {
  const { code, printed, noted } = await check(ann);
  assertEquals(code, 0);
  assertEquals(printed.map((line) => line.split(/ {2,}/)), [
    ["Who", "ann at https://login.example.com"],
    ["Rule", 'rules[1] ("analysts"): claim groups has ["analyst"]'],
    ["Agents", "agent_1, agent_2"],
    ["Environments", "env_1"],
    ["Sessions", "own ones, of which it can start none"],
    ["Files", "those of sessions within reach, file_1"],
    ["Tools", "core"],
    [
      "Scopes",
      "agents:read, sessions:read; the token lacks sessions:write, which a new sign-in may bring",
    ],
    ["Limits", "60 requests a minute, 5 waits at once, 2 other calls at once"],
    ["Budget", "2.5 USD a session"],
  ]);
  assertStringIncludes(noted, "nobody checked signature, audience and times");
});

Deno.test("checkAccess() shows the same as JSON, where null stands for no limit", async () => {
  const { code, text } = await check(ann, { json: true });
  assertEquals([code, JSON.parse(text)], [0, {
    fits: true,
    verified: false,
    issuer: ISSUER,
    subject: "ann",
    rule: "analysts",
    why: 'claim groups has ["analyst"]',
    agents: ["agent_1", "agent_2"],
    agent: null,
    environments: ["env_1"],
    files: ["file_1"],
    read_only: false,
    scopes: ["agents:read", "sessions:read"],
    missing_scopes: ["sessions:write"],
    tools: ["core"],
    sessions: "own",
    rate_per_minute: 60,
    max_waits: 5,
    max_calls: 2,
    max_cost_usd: 2.5,
  }]);
  const { rule, agents, max_cost_usd } = JSON.parse(
    (await check({ ...ann, groups: ["admin"] }, { json: true })).text,
  );
  assertEquals([rule, agents, max_cost_usd], ["admins", null, null]);
});

Deno.test("checkAccess() takes from a rule that only reads what is no reading, also what the token has", async () => {
  const scope = "agents:read sessions:read sessions:write actions";
  const { code, text } = await check({ iss: TWO, sub: "bob", scope });
  assertEquals(code, 0);
  assertStringIncludes(text, 'rules[2] ("readers"): everybody of the issuer');
  assert(/Scopes +agents:read, sessions:read$/m.test(text), text);
  assert(/Agents +agent_3, to which the tools are bound$/m.test(text), text);
  assert(/Sessions +all within reach$/m.test(text), text);
});

Deno.test("checkAccess() says of each rule why it does not fit, and ends with 1", async () => {
  const { code, printed } = await check({ ...ann, groups: ["Analyst"] });
  assertEquals(code, 1);
  assertEquals(printed.map((line) => line.trimStart()).slice(1), [
    "Gets in  no: no rule fits, and the server answers 403",
    'rules[0] ("admins"): claim groups is ["Analyst"], needs ["admin"]',
    'rules[1] ("analysts"): claim groups is ["Analyst"], needs one of ["analyst", "scientist"]',
    'rules[2] ("readers"): is for https://two.example.com',
  ]);
  const json = await check({ ...ann, groups: undefined }, { json: true });
  const { fits, rules } = JSON.parse(json.text);
  assertEquals([json.code, fits, rules.length], [1, false, 3]);
  assertEquals(rules[0], { name: "admins", why: 'claim groups is missing, needs ["admin"]' });
});

Deno.test("checkAccess() refuses issuers that the server does not trust, and subjects that it cannot name", async () => {
  const stranger = await check({ ...ann, iss: "https://x.example.com" }, {
    issuers: [ISSUER, TWO],
  });
  assertEquals(stranger.code, 1);
  assertStringIncludes(stranger.text, `--oauth-issuer names only ${ISSUER}, ${TWO}`);
  const long = await check({ ...ann, sub: "x".repeat(256) });
  assertEquals(long.code, 1);
  assertStringIncludes(long.text, "longer than 255 characters");
});

Deno.test("checkAccess() lets the scopes decide without rules, and warns of an open issuer", async () => {
  const { code, text, noted } = await check(ann, { file: null });
  assertEquals(code, 0);
  assert(/Rule +none, so the scopes of the token decide/.test(text), text);
  assert(/the token lacks sessions:write, actions/.test(text), text);
  assert(!noted.includes("Anybody"));
  const google = { ...ann, iss: "https://accounts.google.com" };
  assertStringIncludes(
    (await check(google, { file: null })).noted,
    "Anybody can have an account",
  );
});

Deno.test("checkAccess() shows nothing of a terminal's commands that stand in claims", async () => {
  const { text } = await check({ ...ann, sub: "ann\u001b[2J\u202e", groups: ["\u001b]0;x\u0007"] });
  for (const unseen of "\u001b\u0007\u202e") assert(!text.includes(unseen), text);
});

Deno.test("checkAccess() lists the tokens and rules of the file, without hashes or secrets", async () => {
  const expired = {
    ...TOKEN,
    name: "old",
    sha256: "b".repeat(64),
    expires: "2020-01-01T00:00:00Z",
  };
  const { code, printed, text } = await check(undefined, {
    file: { tokens: [TOKEN, expired], rules: FILE.rules },
  });
  assertEquals(code, 0);
  assertEquals(printed.map((line) => line.split(/ {2,}/)), [
    ["token", "ci", "never expires", "all", ALL, "those of the server"],
    ["token", "old", "expired 2020-01-01T00:00:00.000Z", "all", ALL, "those of the server"],
    ["rule", "admins", `groups in ["admin"] at ${ISSUER}`, "all", ALL, "those of the server"],
    [
      ...["rule", "analysts", `groups in ["analyst", "scientist"] at ${ISSUER}`],
      ...["agent_1, agent_2", "agents:read, sessions:read, sessions:write"],
      "60 requests a minute, 5 waits at once, 2 other calls at once, 2.5 USD a session",
    ],
    [
      ...["rule", "readers", `everybody at ${TWO}`, "agent_3, to which the tools are bound"],
      ...["agents:read, sessions:read", "those of the server"],
    ],
  ]);
  assert(!text.includes("aaaa"));
});

const ALL = "agents:read, sessions:read, sessions:write, actions";

Deno.test("checkAccess() lists as JSON, and tells a file without rules from one with none", async () => {
  const { text } = await check(undefined, { json: true });
  const { tokens, rules } = JSON.parse(text);
  assertEquals([tokens[0].name, tokens[0].expires, tokens[0].expired], ["ci", null, false]);
  assertEquals([rules[1].name, rules[1].claim, rules[1].max_cost_usd], ["analysts", "groups", 2.5]);
  assertEquals([rules[2].claim, rules[2].values, rules[2].read_only], [null, null, true]);
  assert(!text.includes("sha256") && !text.includes("aaaa"), text);
  const rulesOf = async (file: unknown) =>
    JSON.parse((await check(undefined, { file, json: true })).text).rules;
  assertEquals(await rulesOf({ tokens: [TOKEN] }), null);
  assertEquals(await rulesOf({ tokens: [TOKEN], rules: [] }), []);
});

Deno.test("checkAccess() warns of issuers without a rule, and says where it does not know the issuers", async () => {
  const known = await check(undefined, { issuers: [ISSUER, TWO, "https://three.example.com"] });
  assertEquals(
    known.noted,
    "Nobody who signs in at https://three.example.com gets in: no rule of the access file is for it",
  );
  assertStringIncludes((await check()).noted, "add --oauth-issuer");
  assertEquals((await check(undefined, { issuers: [ISSUER, TWO] })).noted, "");
});

async function resolve(args: string[], files: Record<string, string> = {}, env = {}) {
  const variables: Record<string, string> = env;
  return await resolveConfig(["access", "check", ...args], (name) => variables[name], (path) => {
    const content = files[path];
    return content === undefined ? Promise.reject(new Error("none")) : Promise.resolve(content);
  });
}

Deno.test("resolveConfig() of 'access check' reads the file as a server with these issuers does", async () => {
  const f = JSON.stringify(FILE);
  const config = await resolve(["--access-file=f", "--token-claims=-", "--json"], { f });
  assert(config.command === "access");
  assertEquals([config.tokens.length, config.rules?.length, config.tokenClaims, config.json], [
    ...[1, 3, "-", true],
  ]);
  const env = { CMA_MCP_OAUTH_ISSUER: ISSUER };
  await assertRejects(
    () => resolve(["--token-file=f"], { f }, env),
    UsageError,
    'rules[2] ("readers")',
  );
  const single = await resolve(["--token-file=f"], { f: "t".repeat(40) });
  assert(single.command === "access");
  assertEquals([single.tokens.map(({ name }) => name), single.rules], [["default"], undefined]);
  await assertRejects(() => resolve([]), UsageError, "Which file?");
  await assertRejects(() => resolve(["--token-file=x"]), UsageError, "Cannot read 'x'");
  await assertRejects(
    () => resolveConfig(["access"], () => undefined, () => Promise.resolve("")),
    UsageError,
  );
});
