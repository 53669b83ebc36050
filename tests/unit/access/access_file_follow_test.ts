import { assert, assertEquals } from "@std/assert";
import { openTokens, parseTokenFile } from "../../../src/access/access_file.ts";
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
  const tokenFile = { path: "t", entries: parseTokenFile(content, "'t'") };
  const list = openTokens({ tokenFile }, program);
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
