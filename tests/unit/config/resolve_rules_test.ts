import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ServeConfig } from "../../../src/config/config.ts";
import { resolveConfig } from "../../../src/config/resolve.ts";
import { UsageError } from "../../../src/core/errors.ts";

const KEY = "sk-ant-api03-not-a-real-key";
const TOKEN = "0123456789abcdef0123456789abcdef";
const LOGIN = "https://login.example.com";
const OTHER = "https://two.example.com";
const GOOGLE = "https://accounts.google.com";
const STAFF = { name: "staff", issuer: LOGIN };

/** Resolves a server with this access file, and with these issuers. */
async function serving(
  file: unknown,
  issuers: readonly string[] = [LOGIN],
  args: readonly string[] = [],
): Promise<ServeConfig> {
  const config = await resolveConfig(
    [
      "--http",
      "--public-url=https://mcp.example.com",
      ...issuers.map((issuer) => `--oauth-issuer=${issuer}`),
      ...(file === undefined ? [] : ["--token-file=t"]),
      ...args,
    ],
    (name) => name === "ANTHROPIC_API_KEY" ? KEY : undefined,
    () => Promise.resolve(typeof file === "string" ? file : JSON.stringify(file)),
  );
  assert(config.command === "serve");
  return config;
}

Deno.test("resolveConfig() takes a file of rules alone where people sign in", async () => {
  const { http } = await serving({ rules: [STAFF] });
  assertEquals(http?.accessFile, {
    path: "t",
    named: "--token-file",
    entries: [],
    rules: [{ ...STAFF, readOnly: false, sessions: "own" }],
  });
});

/** A file, the issuers, and what the complaint says. */
const REFUSED: readonly [string, unknown, readonly string[], RegExp][] = [
  ["rules where nobody signs in", { rules: [STAFF] }, [], /rules\[0\].*with --oauth-issuer$/],
  ["a rule for a stranger", { rules: [STAFF] }, [OTHER], /must be one that --oauth-issuer names/],
  ["neither tokens nor rules", { tokens: [], rules: [] }, [LOGIN], /neither tokens nor rules/],
  ["no tokens where nobody signs in", { tokens: [] }, [], /lists no token: make one with/],
  ["an open issuer without a file", undefined, [LOGIN, GOOGLE], /account at https:\/\/accounts/],
  ["an open issuer beside a token", TOKEN, [GOOGLE], /'t' \(--token-file\) needs a rule for it/],
  ["an open issuer without a rule", { rules: [STAFF] }, [LOGIN, GOOGLE], /needs a rule for it/],
  [
    "everybody of an open issuer",
    { rules: [{ name: "all", issuer: GOOGLE }] },
    [GOOGLE],
    /rules\[0\] \("all"\): anybody can have an account/,
  ],
];
for (const [name, file, issuers, expected] of REFUSED) {
  Deno.test(`resolveConfig() refuses ${name} in one line`, async () => {
    const { message } = await assertRejects(() => serving(file, issuers), UsageError);
    assertMatch(message, expected);
    assert(!message.includes("\n") && !message.includes(TOKEN), message);
  });
}

Deno.test("resolveConfig() warns where everybody of an issuer gets in, or nobody", async () => {
  const agents = ["--allowed-agents=agent_1"];
  const all = await serving(undefined, [LOGIN], agents);
  assertEquals(all.warnings.length, 1);
  assertMatch(all.warnings[0] ?? "", /^Everybody who can sign in at https:\/\/login/);
  const none = await serving({ rules: [STAFF] }, [LOGIN, OTHER], agents);
  assertEquals(none.warnings.length, 1);
  assertMatch(none.warnings[0] ?? "", /^Nobody who signs in at https:\/\/two/);
  assertEquals((await serving({ rules: [STAFF] }, [LOGIN], agents)).warnings, []);
});

Deno.test("resolveConfig() warns of agents in reach of all, unless tokens and rules are held to some", async () => {
  const warns = async (file: unknown) =>
    (await serving(file)).warnings.some((line) => line.startsWith("Every agent of the workspace"));
  const token = { name: "ci", sha256: "a".repeat(64) };
  const agents = ["agent_1"];
  assertEquals(await warns({ rules: [{ ...STAFF, agents }] }), false);
  assertEquals(await warns({ tokens: [token], rules: [{ ...STAFF, agents }] }), true);
  assertEquals(await warns({ tokens: [{ ...token, agents }], rules: [STAFF] }), true);
  assertEquals(await warns({ tokens: [{ ...token, agents }] }), true);
  assertEquals(await warns(undefined), true);
});

Deno.test("resolveConfig() ties sessions to people by a key that all replicas have", async () => {
  assertEquals((await serving(undefined)).bindingKey, KEY);
  assertEquals((await serving({ rules: [STAFF] })).bindingKey, KEY);
  assertEquals("bindingKey" in await serving(TOKEN, []), false);
});
