import { assert, assertEquals } from "@std/assert";
import { openTokens, parseAccessFile, parseTokenFile } from "../../../src/access/access_file.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";

const HASHES: Readonly<Record<string, string>> = {
  ci: "a".repeat(64),
  ops: "b".repeat(64),
};

function listOf(...tokens: (string | Record<string, unknown>)[]): string {
  const entries = tokens.map((token) =>
    typeof token === "string" ? { name: token, sha256: HASHES[token] } : token
  );
  return JSON.stringify({ tokens: entries });
}

async function opened(content: string) {
  const clock = new ManualClock();
  const file = { content };
  const program = recordProgram({ clock, readFile: () => Promise.resolve(file.content) });
  const accessFile = { path: "t", entries: parseTokenFile(content, "'t'") };
  const list = openTokens({ accessFile }, program);
  await settle();
  const names = () => list.registry.current().map(({ name }) => name);
  return { clock, file, program, list, names };
}

Deno.test("openTokens() follows its file, and logs names but no hashes", async () => {
  const { clock, file, program, list, names } = await opened(listOf("ci"));
  assertEquals([names(), program.logged], [["ci"], []]);
  file.content = listOf({ name: "ci", sha256: HASHES.ci, read_only: true }, "ops");
  await clock.advance(3_000);
  assertEquals(names(), ["ci", "ops"]);
  const [readOnly] = list.registry.current();
  assertEquals(readOnly?.readOnly, true);
  assertEquals(program.logged, [
    'cma-mcp info: The token file was read again tokens=2 added=["ops"] removed=[] changed=["ci"]',
  ]);
  file.content = listOf("ops");
  await clock.advance(3_000);
  assert(program.logged.at(-1)?.includes('removed=["ci"]'));
  list.close();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("openTokens() reads its file again at once when it is asked to", async () => {
  const { file, program, list, names } = await opened(listOf("ci"));
  file.content = listOf("ops");
  program.reload();
  await settle();
  assertEquals(names(), ["ops"]);
  list.close();
  file.content = listOf("ci");
  program.reload();
  await settle();
  assertEquals(names(), ["ops"], "a closed list reads nothing");
});

const BROKEN: readonly [string, string, RegExp][] = [
  ["is no JSON any more", "{", /'t' \(--token-file\) is not valid JSON/],
  ["has a wrong field", listOf({ name: "ci", sha256: "x" }), /tokens\[0\] \("ci"\): sha256/],
  ["has become a secret", "a-secret-a-secret-a-secret-a-secret", /not valid JSON/],
  ["is empty", "", /not valid JSON/],
];

for (const [name, content, expected] of BROKEN) {
  Deno.test(`openTokens() keeps its tokens when the file ${name}, and says so once`, async () => {
    const { clock, file, program, list, names } = await opened(listOf("ci"));
    file.content = content;
    await clock.advance(9_000);
    assertEquals(names(), ["ci"]);
    assertEquals(program.logged.length, 1);
    const [line = ""] = program.logged;
    assert(/^cma-mcp error: .*stay as they were/.test(line) && expected.test(line), line);
    assert(!line.includes("a-secret"), line);
    file.content = listOf("ci", "ops");
    await clock.advance(3_000);
    assertEquals(names(), ["ci", "ops"]);
    list.close();
  });
}

Deno.test("openTokens() lets nobody in when the last token is taken out, with a warning", async () => {
  const { clock, file, program, list, names } = await opened(listOf("ci"));
  file.content = listOf();
  await clock.advance(3_000);
  assertEquals(names(), []);
  assert(program.logged.at(-1)?.includes("warn: No token is left"));
  list.close();
});

Deno.test("openTokens() of a single secret reads no file", () => {
  const clock = new ManualClock();
  const list = openTokens({ token: "x".repeat(32) }, recordProgram({ clock }));
  const [token] = list.registry.current();
  assertEquals([token?.name, token?.sessions], ["default", undefined]);
  assertEquals(clock.pendingTimers, 0);
  list.close();
});

Deno.test("openTokens() of a single token outlives the request to read again, and says why", () => {
  const program = recordProgram({});
  const list = openTokens({ token: "t".repeat(40) }, program);
  program.reload();
  assertEquals(list.registry.current().length, 1);
  assert(program.logged.at(-1)?.includes("only a list of tokens"), program.logged.join());
  list.close();
});

Deno.test("openTokens() of a single token says nothing where the signal has something else read", () => {
  const program = recordProgram({});
  const list = openTokens({ token: "t".repeat(40) }, { ...program, reloadsElse: true });
  program.reload();
  assertEquals(program.logged, []);
  list.close();
});

const ISSUER = "https://login.example.com";
const GOOGLE = "https://accounts.google.com";

function rulesOf(...rules: (string | Record<string, unknown>)[]): string {
  const entries = rules.map((rule) => ({
    issuer: ISSUER,
    claim: "groups",
    ...(typeof rule === "string" ? { name: rule, values: [rule] } : rule),
  }));
  return JSON.stringify({ rules: entries });
}

async function openedRules(content: string, issuers = [ISSUER]) {
  const clock = new ManualClock();
  const file = { content };
  const program = recordProgram({ clock, readFile: () => Promise.resolve(file.content) });
  const { tokens, rules } = parseAccessFile(content, "'t'", issuers);
  const accessFile = {
    path: "t",
    named: "--access-file",
    entries: tokens,
    ...(rules && { rules }),
  };
  const oauth = { issuers: issuers.map((issuer) => ({ issuer })) };
  const list = openTokens({ accessFile, oauth }, program);
  await settle();
  const names = () => list.registry.rules()?.map(({ name }) => name);
  const change = async (next: string) => {
    file.content = next;
    await clock.advance(3_000);
  };
  return { clock, program, list, names, change };
}

Deno.test("openTokens() follows the rules of its file, and logs their names but no values", async () => {
  const { program, list, names, change } = await openedRules(rulesOf("a", "b"));
  assertEquals([names(), program.logged], [["a", "b"], []]);
  await change(rulesOf("c", { name: "b", values: ["secret-group"] }));
  assertEquals(names(), ["c", "b"]);
  assertEquals(program.logged, [
    "cma-mcp info: The access file was read again tokens=0 added=[] removed=[] changed=[] rules=2 " +
    'added_rules=["c"] removed_rules=["a"] changed_rules=["b"]',
  ]);
  list.close();
});

Deno.test("openTokens() takes up another order of rules, and says that it is another", async () => {
  const { program, list, names, change } = await openedRules(rulesOf("a", "b", "c"));
  await change(rulesOf("c", "a", "b"));
  assertEquals(names(), ["c", "a", "b"]);
  assert(program.logged.at(-1)?.endsWith("changed_rules=[] rules_reordered=true"));
  list.close();
});

Deno.test("openTokens() tells an empty list of rules from none: by the one nobody comes in", async () => {
  const token = { name: "ci", sha256: HASHES.ci };
  const { list, change } = await openedRules(JSON.stringify({ tokens: [token] }));
  assertEquals(list.registry.rules(), undefined);
  await change(JSON.stringify({ tokens: [token], rules: [] }));
  assertEquals(list.registry.rules(), []);
  list.close();
});

Deno.test("openTokens() keeps its rules when the file names an issuer that is not trusted", async () => {
  const { program, list, names, change } = await openedRules(rulesOf("a"));
  await change(rulesOf("a", { name: "b", issuer: "https://x.example.com", values: ["x"] }));
  assertEquals(names(), ["a"]);
  const [line = ""] = program.logged;
  assert(
    /error: .*the tokens and rules stay as they were.*rules\[1\] \("b"\): issuer/.test(line),
    line,
  );
  assert(line.includes("(--access-file)"), line);
  list.close();
});

Deno.test("openTokens() keeps its rules when the file would let in everybody of an open issuer", async () => {
  const rule = { name: "g", issuer: GOOGLE, claim: "hd", values: ["example.com"] };
  const { program, list, names, change } = await openedRules(rulesOf(rule, "a"), [ISSUER, GOOGLE]);
  for (
    const content of [
      rulesOf("a"),
      rulesOf("a", { name: "g", issuer: GOOGLE, claim: undefined }),
      listOf("ci"),
    ]
  ) {
    await change(content);
    assertEquals(names(), ["g", "a"]);
    assert(program.logged.at(-1)?.includes("stay as they were"), program.logged.join("\n"));
  }
  list.close();
});

Deno.test("openTokens() warns when an issuer has no rule left", async () => {
  const { program, list, names, change } = await openedRules(rulesOf("a"));
  await change('{ "rules": [] }');
  assertEquals(names(), []);
  assert(program.logged.at(-1)?.includes(`warn: Nobody who signs in at ${ISSUER} gets in`));
  const before = program.logged.length;
  await change(JSON.stringify({ ...JSON.parse(listOf("ci")), rules: [] }));
  assertEquals(program.logged.length, before + 1, "the same warning is not repeated");
  list.close();
});

Deno.test("openTokens() lets in no more people because the rules have gone from the file", async () => {
  const { program, list, names, change } = await openedRules(rulesOf("a"));
  for (const content of [listOf("ci"), '{ "tokens": [] }']) {
    await change(content);
    assertEquals([names(), list.registry.current()], [["a"], []]);
    assert(program.logged.at(-1)?.includes("stay as they were"), program.logged.join("\n"));
  }
  assert(program.logged[0]?.includes("'t' (--access-file) has no rules any more"));
  await change(rulesOf("b"));
  assertEquals(names(), ["b"]);
  list.close();
});

Deno.test("openTokens() of people alone has no token, and reads no file", () => {
  const clock = new ManualClock();
  const oauth = { issuers: [{ issuer: ISSUER }] };
  const list = openTokens({ oauth }, recordProgram({ clock }));
  assertEquals([list.registry.current(), list.registry.rules()], [[], undefined]);
  assertEquals(clock.pendingTimers, 0);
  list.close();
});
