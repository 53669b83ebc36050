import { assertEquals, assertMatch } from "@std/assert";
import { TOKEN } from "../helpers/http_program.ts";
import { cleanEnv } from "../helpers/child.ts";
import { EXECUTABLE, SOURCE_ARGS, Spawned } from "../helpers/spawned.ts";
import manifest from "../../deno.json" with { type: "json" };

const PUBLIC = ["--http", "--simulate", "--port=0"];

const refusals: readonly [string, readonly string[], RegExp, Record<string, string>?][] = [
  ["HTTP without a token", ["--http", "--simulate"], /set MANAGED_AGENTS_MCP_TOKEN/],
  ["HTTP without a key", ["--http"], /set MANAGED_AGENTS_MCP_TOKEN/],
  ["an unknown flag of HTTP", ["--http", "--simulat"], /did you mean '--simulate'\?$/],
  [
    "a public address without names for it",
    [...PUBLIC, "--host=0.0.0.0"],
    /Listening on '0\.0\.0\.0' needs --allowed-hosts/,
    { MANAGED_AGENTS_MCP_TOKEN: TOKEN },
  ],
  [
    "a name to listen on that has no address",
    [...PUBLIC, "--host=not_a_host"],
    /The name 'not_a_host' has no address: type another --host, such as 127\.0\.0\.1$/,
    { MANAGED_AGENTS_MCP_TOKEN: TOKEN },
  ],
  [
    "the same beside names for it",
    [...PUBLIC, "--host=not_a_host", "--allowed-hosts=mcp.example.com"],
    /The name 'not_a_host' has no address: type another --host, such as 127\.0\.0\.1$/,
    { MANAGED_AGENTS_MCP_TOKEN: TOKEN },
  ],
  ["an unknown command", ["docter"], /did you mean 'doctor'\?$/],
  ["a flag of another command", ["demo", "--port=1"], /does not apply to 'demo'/],
];
for (const [name, args, message, env = {}] of refusals) {
  Deno.test(`the program refuses ${name} with one line on stderr and exit code 2`, async () => {
    const program = new Spawned(args, env);
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

Deno.test({
  name: "a terminal shows notes and what is printed in the order in which the program wrote them",
  ignore: Deno.build.os === "windows",
  async fn() {
    const program = EXECUTABLE ? [EXECUTABLE] : [Deno.execPath(), ...SOURCE_ARGS];
    const { stdout } = await new Deno.Command("sh", {
      // Both streams go into one pipe, as into a terminal.
      args: ["-c", 'exec "$@" 2>&1', "sh", ...program, "config", "claude-desktop", "--simulate"],
      clearEnv: true,
      env: cleanEnv({}),
    }).output();
    const text = new TextDecoder().decode(stdout);
    assertMatch(text, /^Claude Desktop reads .*\nPut this .*\n\n\{\n[\s\S]*\n\}\n\nQuit .*\n$/);
  },
});
