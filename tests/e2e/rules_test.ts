import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { endpointAt } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";
import { replaceFile } from "../helpers/replace_file.ts";

/** Nobody listens there: the program asks an authorization server only about tokens. */
const ISSUER = "http://127.0.0.1:9/login";
const SERVE = ["--http", "--port=0", "--simulate", "--public-url=http://127.0.0.1:3000"];
const SECRET = "a-secret-of-forty-characters-a-secret-of";

function rule(name: string, fields: Record<string, unknown> = {}) {
  return { name, issuer: ISSUER, claim: "groups", values: [name], ...fields };
}

async function withFile(
  content: unknown,
  use: (path: string, write: (content: unknown) => Promise<void>) => Promise<void>,
) {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  const write = (next: unknown) => replaceFile(path, JSON.stringify(next));
  await write(content);
  await use(path, write).finally(() => Deno.remove(path));
}

Deno.test("the program serves by rules alone, and takes up their changes while it runs", async () => {
  await withFile({ rules: [rule("a"), rule("b")] }, async (path, write) => {
    const program = new Spawned([...SERVE, `--oauth-issuer=${ISSUER}`, "--access-file", path]);
    await program.listening();
    const line = (pattern: RegExp) =>
      program.until(() => program.stderr.find((text) => pattern.test(text)));
    await write({ rules: [rule("b", { read_only: true }), rule("c")] });
    if (Deno.build.os !== "windows") program.kill("SIGHUP");
    const changed = await line(/The access file was read again/);
    assertMatch(changed, /rules=2 added_rules=\["c"\] removed_rules=\["a"\] changed_rules=\["b"\]/);
    await write({ rules: [rule("b"), rule("d", { issuer: "https://two.example.com" })] });
    const kept = await line(/the tokens and rules stay as they were/);
    assertMatch(kept, /rules\[1\] \("d"\): issuer https:\/\/two\.example\.com must be one that/);
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
  });
});

/** A file, the issuer, and the one line that keeps the program from starting. */
const REFUSED: readonly [string, unknown, string, RegExp][] = [
  [
    "a rule for an issuer that is not trusted",
    { rules: [rule("a", { issuer: "https://two.example.com" })] },
    ISSUER,
    /rules\[0\] \("a"\): issuer https:\/\/two\.example\.com must be one that --oauth-issuer names/,
  ],
  [
    "everybody of an issuer where anybody has an account",
    { rules: [{ name: "all", issuer: "https://accounts.google.com" }] },
    "https://accounts.google.com",
    /rules\[0\] \("all"\): anybody can have an account at https:\/\/accounts\.google\.com/,
  ],
  [
    "no rule for an issuer where anybody has an account",
    { tokens: [{ name: "ci", sha256: "a".repeat(64) }] },
    "https://accounts.google.com",
    /needs a rule for it that says who of them may come/,
  ],
];

for (const [name, content, issuer, expected] of REFUSED) {
  Deno.test(`the program does not start with ${name}`, async () => {
    await withFile(content, async (path) => {
      const program = new Spawned([...SERVE, `--oauth-issuer=${issuer}`, "--access-file", path]);
      assertEquals((await program.ending()).code, 2);
      assertEquals(program.stderr.length, 1);
      assertMatch(program.stderr[0] ?? "", expected);
    });
  });
}

Deno.test("the program says at start who gets in without rules, and where nobody does", async () => {
  const two = "http://127.0.0.1:9/two";
  await withFile({ rules: [rule("a")] }, async (path) => {
    const issuers = [`--oauth-issuer=${ISSUER}`, `--oauth-issuer=${two}`];
    const program = new Spawned([...SERVE, ...issuers, "--access-file", path]);
    await program.listening();
    program.kill("SIGTERM");
    await program.ending();
    const warnings = program.stderr.filter((line) => / warn: /.test(line));
    assert(warnings.some((line) => line.includes(`Nobody who signs in at ${two} gets in`)));
  });
  const open = new Spawned([...SERVE, `--oauth-issuer=${ISSUER}`]);
  await open.listening();
  open.kill("SIGTERM");
  await open.ending();
  assert(
    open.stderr.some((line) => / warn: Everybody who can sign in/.test(line)),
    open.stderr.join("\n"),
  );
});

Deno.test("the program holds the sessions of a token to what they may cost", async () => {
  const sha256 = createHash("sha256").update(SECRET).digest("hex");
  await withFile({ tokens: [{ name: "ci", sha256, max_cost_usd: 2.509 }] }, async (path) => {
    const program = new Spawned(["--http", "--port=0", "--simulate", "--access-file", path]);
    const endpoint = endpointAt(await program.listening(), SECRET);
    const { agents } = await callServedTool(endpoint, "list_agents", {});
    assert(Array.isArray(agents));
    const create = (fields: Record<string, unknown>) =>
      callServedTool(endpoint, "create_session", { agent_id: agents[0].id, ...fields });
    assertEquals((await create({})).max_cost_usd, 2.5);
    assertEquals((await create({ max_cost_usd: 1 })).max_cost_usd, 1);
    await assertRejects(
      () => create({ max_cost_usd: 2.51 }),
      Error,
      "max_cost_usd must be at most 2.5: your token allows no more for a session",
    );
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
  });
});
