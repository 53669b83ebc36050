import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Spawned } from "../helpers/spawned.ts";

const SECRET = "sk-ant-api03-0123456789abcdef";
const OTHER_SECRET = "0123456789-not-shaped-like-a-key";

/** Settings that cannot be used, and what is said of them. */
const CASES: readonly [string, readonly string[], Readonly<Record<string, string>>, RegExp][] = [
  ["no key", [], {}, /No API key: set ANTHROPIC_API_KEY, or add --simulate/],
  ["a key in quotes", [], { ANTHROPIC_API_KEY: `"${SECRET}"` }, /ANTHROPIC_API_KEY has quotes/],
  ["a key that a program left undefined", [], { ANTHROPIC_API_KEY: "undefined" }, /'undefined'/],
  ["a key that is an object", [], { ANTHROPIC_API_KEY: "[object Object]" }, /'\[object Object\]'/],
  [
    "a flag of an earlier version",
    ["--metrics-path=/metrics"],
    {},
    /was removed: use --metrics-port/,
  ],
  ["an unknown flag", ["--simulat"], {}, /did you mean '--simulate'\?/],
  ["a key on the command line", [`--api-key=${SECRET}`], {}, /Secrets are not taken/],
  ["a key file that is not there", ["--api-key-file", "no/such/file"], {}, /no such file/],
  ["a key for an environment", [], {
    ANTHROPIC_API_KEY: OTHER_SECRET,
    CLAUDE_ENVIRONMENT_ID: `${OTHER_SECRET}/x`,
  }, /in CLAUDE_ENVIRONMENT_ID: an id has/],
  ["an address without scheme", [], {
    ANTHROPIC_API_KEY: SECRET,
    CMA_BASE_URL: "api.anthropic.com",
  }, /type a URL such as https:\/\/api\.anthropic\.com/],
  ["a log level that there is not", ["--simulate"], { CMA_LOG_LEVEL: "loud" }, /one of debug/],
];

function secretsIn(program: Spawned): boolean {
  const all = [...program.stdout, ...program.stderr].join("\n");
  return [SECRET, OTHER_SECRET].some((secret) => all.includes(secret));
}

const MODERN = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

for (const [name, args, env, sentence] of CASES) {
  Deno.test(`on stdio the handshake and every tool report ${name}, in both eras`, async () => {
    for (const era of ["2025", "2026"]) {
      const program = new Spawned(args, env);
      const _meta = era === "2026" ? MODERN : undefined;
      const greeting = era === "2026"
        ? await program.request("server/discover", { _meta })
        : await program.initialize();
      assertMatch(JSON.stringify(greeting.result), sentence);
      const { result } = await program.request("tools/list", { _meta });
      const { tools } = result as { tools: { name: string }[] };
      assertEquals(tools.length, 9);
      for (const { name } of tools) {
        const answer = await program.request("tools/call", { name, arguments: {}, _meta });
        const { isError, content } = answer.result as {
          isError: boolean;
          content: { text: string }[];
        };
        assert(isError);
        assertMatch(content[0]?.text ?? "", sentence);
        assertStringIncludes(content[0]?.text ?? "", "'cma-mcp doctor' checks it.");
        assertStringIncludes(content[0]?.text ?? "", "'cma-mcp doctor --host <host>'");
      }
      await program.closeStdin();
      assertEquals((await program.ending()).code, 2);
      assertEquals(program.stderr.length, 1);
      assertMatch(program.stderr[0] ?? "", sentence);
      assert(!secretsIn(program), "a secret is repeated");
    }
  });
}

Deno.test("a server on stdio that is not set up ends at SIGTERM, with exit code 2", async () => {
  const program = new Spawned([]);
  await program.initialize();
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 2);
});

for (const [name, args, env, sentence] of CASES) {
  Deno.test(`over HTTP ${name} ends the program with one line and exit code 2`, async () => {
    const token = { MANAGED_AGENTS_MCP_TOKEN: "abcdefghijklmnopqrstuvwxyz-0123456789" };
    const program = new Spawned([...args, "--http", "--port=0"], { ...token, ...env });
    assertEquals((await program.ending()).code, 2);
    assertEquals([program.stdout, program.stderr.length], [[], 1]);
    assertMatch(program.stderr[0] ?? "", sentence);
    assert(!secretsIn(program), "a secret is repeated");
  });
}
