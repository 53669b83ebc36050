import { assert, assertEquals, assertMatch } from "@std/assert";
import { cleanEnv } from "../helpers/child.ts";
import { EXECUTABLE, SOURCE_ARGS, Spawned } from "../helpers/spawned.ts";

const asked = (text: string, ...flags: string[]) => [
  ...["ask", "Simulated Script", text, "--simulate"],
  ...flags,
];

const exits: readonly [string, string[], number][] = [
  ["a turn that is over", asked("say Done"), 0],
  ["an API that cannot be reached", ["agents", "--base-url=http://127.0.0.1:9"], 1],
  ["an agent that is not there", ["ask", "nobody", "Hello", "--simulate"], 2],
  ["a question without a text", ["ask", "Simulated Script", "--simulate"], 2],
  ["no key", ["agents"], 2],
  ["a turn that waits for an approval", asked("ask bash rm"), 3],
  ["a turn that takes longer than it may", asked("sleep 60s", "--timeout=1"), 4],
  ["a turn that was given up", asked("end retries_exhausted"), 5],
  ["a turn without a budget", asked("end budget_reached"), 6],
  ["a turn that was refused", asked("end refusal"), 7],
];
for (const [name, args, code] of exits) {
  Deno.test(`the program ends with ${code} for ${name}`, async () => {
    const env: Record<string, string> = code === 1 ? { ANTHROPIC_API_KEY: "a-key" } : {};
    const program = new Spawned(args, env);
    assertEquals((await program.ending()).code, code, program.stderr.join("\n"));
    if (code === 1 || code === 2) {
      assertEquals(program.stdout, []);
      assertMatch(program.stderr.at(-1) ?? "", /^cma-mcp: \S/);
    }
  });
}

Deno.test("the program prints a reply alone on stdout, for a text from stdin", async () => {
  const program = new Spawned(["ask", "Simulated Script", "-", "--simulate"]);
  await program.sendText("say One\nsay Two\n");
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  assertEquals(program.stdout, ["One", "", "Two"]);
  assertMatch(program.stderr[0] ?? "", /^Session sesn_\w+ with Simulated Script$/);
});

Deno.test("the program lists agents a line each, ids first, and as JSON", async () => {
  const program = new Spawned(["agents", "--simulate"]);
  assertEquals((await program.ending()).code, 0);
  assert(program.stdout.length > 5);
  for (const line of program.stdout) assertMatch(line, /^agent_\w{26} {2}Simulated [ -~]+$/);
  const json = new Spawned(["agents", "--simulate", "--json", "--limit=2"]);
  assertEquals((await json.ending()).code, 0);
  assertEquals(JSON.parse(json.stdout.join("\n")).length, 2);
  assertMatch(json.stderr.join("\n"), /add --limit with a larger number$/);
});

/** Runs `use` beside a simulator that outlives the programs that it starts. */
async function besideSimulator(use: (env: Record<string, string>) => Promise<void>) {
  const server = new Spawned(["simulator", "--port=0"]);
  try {
    const url = await server.until(() => /http:\S+:\d+/.exec(server.stdout.join("\n"))?.[0]);
    await use({ ANTHROPIC_API_KEY: "a-key", CMA_BASE_URL: url });
  } finally {
    server.kill("SIGTERM");
    await server.ending();
  }
}

Deno.test("the program goes on with a session that it was interrupted in", async () => {
  await besideSimulator(async (env) => {
    const first = new Spawned(["ask", "Simulated Script", "sleep 60s\nsay Done"], env);
    const session = await first.until(() => /sesn_\w+/.exec(first.stderr.join("\n"))?.[0]);
    first.kill("SIGINT");
    assertEquals((await first.ending()).code, 130);
    assertEquals(first.stdout, []);
    assertMatch(first.stderr.at(-1) ?? "", new RegExp(`cma-mcp ask --session ${session}$`));
    const list = new Spawned(["sessions", "--status=running"], env);
    assertEquals((await list.ending()).code, 0);
    assertMatch(list.stdout.join("\n"), new RegExp(`^${session} {2}running `));
  });
});

for (const command of [["doctor"], ["agents"], ["demo", "--agent=nobody"]]) {
  Deno.test(`the program ends '${command[0]}' with 130 when it is interrupted`, async () => {
    // An API that never responds.
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const program = new Spawned(command, {
      ANTHROPIC_API_KEY: "a-key",
      CMA_BASE_URL: `http://127.0.0.1:${listener.addr.port}`,
    });
    using _connection = await listener.accept();
    program.kill("SIGINT");
    assertEquals((await program.ending()).code, 130);
    assert(!program.stderr.join("\n").includes("cma-mcp: "), program.stderr.join("\n"));
  });
}

Deno.test("the program writes a file that a session made to stdout, byte for byte", async () => {
  await besideSimulator(async (env) => {
    const line = "日本\t".repeat(5_000) + "end";
    const turn = new Spawned(["ask", "Simulated Script", `file notes.txt ${line}`], env);
    const session = await turn.until(() => /sesn_\w+/.exec(turn.stderr.join("\n"))?.[0]);
    assertEquals((await turn.ending()).code, 0);
    const file = new Spawned(["files", session, "notes.txt"], env);
    assertEquals((await file.ending()).code, 0, file.stderr.join("\n"));
    assertEquals(file.stdout, [line]);
  });
});

const TERMINAL = new URL("../../", import.meta.url);

/** The command that runs the program in a terminal that `script` (util-linux) makes. */
function terminalCommand(
  words: string,
  env: Record<string, string>,
  columns: number,
  stdin: "null" | "piped",
): Deno.Command {
  const program = [EXECUTABLE ?? Deno.execPath(), ...EXECUTABLE ? [] : SOURCE_ARGS];
  const command = `stty cols ${columns}; ${program.map((word) => `'${word}'`).join(" ")} ${words}`;
  return new Deno.Command("script", {
    args: ["-qec", command, "/dev/null"],
    cwd: TERMINAL,
    clearEnv: true,
    env: cleanEnv({ TERM: "xterm", ...env }),
    stdin,
    stdout: "piped",
  });
}

/** Runs the program in a terminal; returns what that showed. */
async function inTerminal(words: string, env: Record<string, string> = {}, columns = 70) {
  const { stdout } = await terminalCommand(words, env, columns, "null").output();
  return new TextDecoder().decode(stdout);
}

/** Does the same, and types each answer when its question has been shown. */
async function typing(
  words: string,
  answers: readonly (readonly [question: string, keys: string])[],
): Promise<{ readonly shown: string; readonly code: number }> {
  const child = terminalCommand(words, {}, 200, "piped").spawn();
  const writer = child.stdin.getWriter();
  let shown = "";
  let from = 0;
  let next = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += text;
    const [question, keys] = answers[next] ?? [];
    const at = question === undefined ? -1 : shown.indexOf(question, from);
    if (question === undefined || at < 0) continue;
    next++;
    from = at + question.length;
    await writer.write(new TextEncoder().encode(keys));
  }
  await writer.close().catch(() => {});
  const { code } = await child.status;
  assertEquals(next, answers.length, shown);
  return { shown, code };
}

const hasScript = Deno.build.os === "linux" &&
  await new Deno.Command("script", { args: ["--version"] }).output().then(() => true, () => false);

Deno.test({
  name: "the program has titles, colours and one live line on a terminal, and fits its width",
  ignore: !hasScript,
  fn: async () => {
    const table = await inTerminal("agents --simulate");
    const lines = table.trim().split(/\r?\n/);
    const titles = lines[0]?.replace(/ +/g, " ");
    assertEquals(titles, "\x1b[1mID NAME MODEL VER\x1b[22m");
    for (const line of lines.slice(1)) assert(line.length <= 70, line);
    assertEquals(
      (await inTerminal("agents --simulate", { NO_COLOR: "1" })).includes("\x1b["),
      false,
    );
    const turn = await inTerminal("ask --simulate 'Simulated Script' 'tool bash ls\nsay Done'");
    assert(turn.includes("\r\x1b[2Kusing bash ("), turn);
    assert(turn.endsWith("\r\x1b[2KDone\r\n"), turn);
    const unsized = await inTerminal("ask --simulate 'Simulated Script' 'say Done'", {}, 0);
    assert(unsized.includes("\r\x1b[2Ksending (0 s)"), unsized);
  },
});

const CTRL_D = "\x04";

Deno.test({
  name: "the program asks on a terminal for approvals, and sends what is typed",
  ignore: !hasScript,
  fn: async () => {
    const { shown, code } = await typing("ask --simulate 'Simulated Two Approvals' Hello", [
      ["1. bash: type allow, deny or later (Enter is later)\r\n", "deny\n"],
      ["The reason, for the agent (Enter for none):\r\n", "Not today.\n"],
      ["2. bash: type allow, deny or later (Enter is later)\r\n", "allow\n"],
    ]);
    assertEquals(code, 0, shown);
    assertMatch(
      shown,
      /1\. bash, by agent "[ \w]+"\r\n {3}\| \{"command":"git push --force"\}\r\n/,
    );
    assertMatch(shown, /denied: bash \(sevt_\w+\)\r\n[^\n]*allowed: bash \(sevt_\w+\)\r\n/);
    assert(shown.endsWith("1 of 2 simulated commands were allowed.\r\n"), shown);
  },
});

Deno.test({
  name: "the program puts approvals off at the end of the terminal's input",
  ignore: !hasScript,
  fn: async () => {
    const { shown, code } = await typing("ask --simulate 'Simulated Approval Needed' Hello", [
      ["type allow, deny or later (Enter is later)\r\n", CTRL_D],
    ]);
    assertEquals(code, 3, shown);
    assertMatch(shown, /waits for an approval: bash /);
  },
});
