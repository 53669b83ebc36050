import { assertEquals, assertMatch } from "@std/assert";
import { EXECUTABLE, Spawned } from "../helpers/spawned.ts";
import manifest from "../../deno.json" with { type: "json" };

const refusals: readonly [string, readonly string[], RegExp][] = [
  ["HTTP without a token", ["--http", "--simulate"], /set MANAGED_AGENTS_MCP_TOKEN/],
  ["HTTP without a key", ["--http"], /set MANAGED_AGENTS_MCP_TOKEN/],
  ["an unknown flag of HTTP", ["--http", "--simulat"], /did you mean '--simulate'\?$/],
  ["an unknown command", ["docter"], /did you mean 'doctor'\?$/],
  ["a flag of another command", ["demo", "--port=1"], /does not apply to 'demo'/],
];
for (const [name, args, message] of refusals) {
  Deno.test(`the program refuses ${name} with one line on stderr and exit code 2`, async () => {
    const program = new Spawned(args);
    assertEquals((await program.ending()).code, 2);
    assertEquals(program.stdout, []);
    assertEquals(program.stderr.length, 1);
    assertMatch(program.stderr[0] ?? "", message);
  });
}

Deno.test("the program prints its version", async () => {
  const program = new Spawned(["--version"]);
  assertEquals((await program.ending()).code, 0);
  assertEquals(program.stdout.length, 1);
  const [version, commit] = program.stdout[0]?.split(" ") ?? [];
  assertEquals(version, manifest.version);
  // Only an executable knows what it was made from.
  if (EXECUTABLE) assertMatch(commit ?? "", /^\([0-9a-f]{12}\+?\)$/);
  else assertEquals(commit, undefined);
});

Deno.test("the program prints its help", async () => {
  const program = new Spawned(["--help"]);
  assertEquals((await program.ending()).code, 0);
  assertMatch(program.stdout.join("\n"), /^cma-mcp: .*\n[\s\S]*--simulate[\s\S]*ANTHROPIC_API_KEY/);
  assertEquals(program.stderr, []);
});
