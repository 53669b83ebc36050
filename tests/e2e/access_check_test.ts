import { assert, assertEquals, assertMatch } from "@std/assert";
import { Spawned } from "../helpers/spawned.ts";

const ISSUER = "https://login.example.com";
const FILE = {
  tokens: [{ name: "ci", sha256: "a".repeat(64) }],
  rules: [{
    name: "analysts",
    issuer: ISSUER,
    claim: "realm_access.roles",
    values: ["analyst"],
    agents: ["agent_1"],
    max_cost_usd: 2.5,
  }],
};
const ANN = { iss: ISSUER, sub: "ann", realm_access: { roles: ["analyst"] }, scp: ["agents:read"] };

/** Runs the command with these files, whose names stand in the arguments, and with this stdin. */
async function check(
  args: readonly string[],
  files: Readonly<Record<string, unknown>> = {},
  { stdin, env = {} }: { stdin?: string; env?: Readonly<Record<string, string>> } = {},
) {
  const folder = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  const placed = args.map((arg) => arg in files ? `${folder}/${arg}` : arg);
  const program = new Spawned(["access", "check", ...placed], env);
  if (stdin !== undefined) {
    await program.sendText(stdin);
    await program.closeStdin();
  }
  const { code } = await program.ending();
  await Deno.remove(folder, { recursive: true });
  return { code, out: program.stdout.join("\n"), err: program.stderr.join("\n") };
}

const WITH_FILE = ["--access-file", "access.json"];

Deno.test("'access check' says by file and by stdin what somebody may do, and ends with 0", async () => {
  const files = { "access.json": FILE, "claims.json": ANN };
  const byFile = await check([...WITH_FILE, "--token-claims", "claims.json"], files);
  assertEquals(byFile.code, 0, byFile.err);
  assertMatch(byFile.out, /Rule +rules\[0\] \("analysts"\): claim realm_access\.roles has/);
  assertMatch(byFile.out, /Budget +2\.5 USD a session/);
  assertMatch(byFile.err, /nobody checked signature/);
  const stdin = JSON.stringify(ANN);
  const byStdin = await check([...WITH_FILE, "--token-claims=-", "--json"], files, { stdin });
  assertEquals(byStdin.code, 0, byStdin.err);
  const { rule, agents, scopes } = JSON.parse(byStdin.out);
  assertEquals([rule, agents, scopes], ["analysts", ["agent_1"], ["agents:read"]]);
});

Deno.test("'access check' reads a JWT, and shows nothing of it but claims of rules", async () => {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const token = `${part({ alg: "RS256" })}.${part({ ...ANN, email: "ann@example.com" })}.c2ln`;
  const files = { "access.json": FILE };
  const { code, out, err } = await check([...WITH_FILE, "--token-claims", "-"], files, {
    stdin: `Bearer ${token}\n`,
  });
  assertEquals(code, 0, err);
  assert(!(out + err).includes(token) && !(out + err).includes("ann@example.com"));
});

Deno.test("'access check' ends with 1 where no rule fits, and says why", async () => {
  const claims = { ...ANN, realm_access: { roles: ["guest"] } };
  const { code, out } = await check([...WITH_FILE, "--token-claims", "claims.json"], {
    "access.json": FILE,
    "claims.json": claims,
  });
  assertEquals(code, 1);
  assertMatch(out, /\("analysts"\): claim realm_access\.roles is \["guest"\], needs \["analyst"\]/);
});

/** What is wrong: arguments, files, and what the one line says. */
const WRONG: readonly [string, readonly string[], Record<string, unknown>, RegExp][] = [
  ["no word after the command's", ["chekc"], {}, /did you mean 'access check'/],
  ["nothing to check", [], {}, /Which file\?/],
  ["a missing file", ["--access-file", "none.json"], {}, /Cannot read 'none\.json'/],
  ["a wrong rule", WITH_FILE, { "access.json": { rules: [{}] } }, /rules\[0\]: name is missing/],
  [
    "an opaque token",
    [...WITH_FILE, "--token-claims", "t"],
    { "access.json": FILE, "t": "opaque-secret" },
    /neither JSON nor a JWT/,
  ],
  [
    "a flag of the server",
    [...WITH_FILE, "--http"],
    { "access.json": FILE },
    /--http does not apply to 'access'/,
  ],
];

for (const [name, args, files, expected] of WRONG) {
  Deno.test(`'access check' ends with 2 and one line for ${name}`, async () => {
    const { code, out, err } = await check(args, files);
    assertEquals([code, out], [2, ""]);
    assertMatch(err, expected);
    assert(!err.includes("\n") && !err.includes("opaque-secret"), err);
  });
}

Deno.test("'access check' lists the file, and compares its rules with the issuers of the environment", async () => {
  const files = { "access.json": FILE };
  const listed = await check(WITH_FILE, files);
  assertEquals(listed.code, 0, listed.err);
  assertEquals(listed.out.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2)), [
    ["token", "ci"],
    ["rule", "analysts"],
  ]);
  const env = { CMA_MCP_OAUTH_ISSUER: "https://two.example.com" };
  const { code, err } = await check(WITH_FILE, files, { env });
  assertEquals(code, 2);
  assertMatch(err, /rules\[0\] \("analysts"\): issuer .* must be one that --oauth-issuer names/);
});
