import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ask } from "../../../src/commands/ask.ts";
import type { AskConfig } from "../../../src/config/config.ts";
import { UsageError } from "../../../src/core/errors.ts";
import type { RecordedProgram } from "../../helpers/program.ts";
import { openTerminal, type Terminal } from "../../helpers/terminal.ts";

function configOf({ access }: Terminal, config: Partial<AskConfig>): AskConfig {
  const log = { level: "info", format: "text" } as const;
  return { ...access, command: "ask", json: false, log, ...config };
}

async function asked(
  terminal: Terminal,
  config: Partial<AskConfig>,
  program: RecordedProgram = terminal.program(),
) {
  const code = await terminal.run(ask(configOf(terminal, config), program));
  const { written, printed, noted, shown } = program;
  const out = [...written, ...printed].join("\n");
  return { code, out, noted, shown };
}

/** Sends lines to the agent that does what they say. */
const script = (...lines: string[]) => ({ agent: "Simulated Script", text: lines.join("\n") });

Deno.test("ask() prints the reply alone on stdout, and tells session and progress beside it", async () => {
  const { code, out, noted, shown } = await asked(openTerminal(), {
    agent: "simulated slow answer",
    text: "Which?",
  });
  assertEquals(code, 0);
  assert(out.startsWith("Let me look that up first.\n\n") && out.endsWith("none real.\n"), out);
  assertEquals(noted.length, 1);
  assert(/^Session sesn_\w+ with Simulated Slow Answer$/.test(noted[0] ?? ""), noted[0]);
  assert(shown.includes("using web_search") && shown.at(-1) === "");
});

Deno.test("ask() needs four requests for a turn: create, stream, events, no more", async () => {
  const terminal = openTerminal();
  const agent = terminal.simulator.agentId("quick");
  const access = { ...terminal.access.server, environmentId: terminal.simulator.environmentId };
  await asked(terminal, { agent, text: "Hello", server: access });
  assert(terminal.requests.length <= 4, terminal.requests.join(", "));
});

Deno.test("ask() goes on with a session, and replies with the new turn only", async () => {
  const terminal = openTerminal();
  const { noted } = await asked(terminal, script("say One"));
  const session = /sesn_\w+/.exec(noted[0] ?? "")?.[0] ?? "";
  assertEquals((await asked(terminal, { session, text: "say Two" })).out, "Two\n");
  const named = await asked(terminal, { ...script("say Three"), session });
  assertEquals([named.out, named.noted], ["Three\n", []]);
  const other = { session, agent: "Simulated Refusal", text: "say Four" };
  await assertRejects(() => asked(terminal, other), UsageError, "is not with 'Simulated Refusal'");
  assertEquals((await asked(terminal, { session })).out, "Three\n");
});

const endings: readonly [string, string[], number, RegExp | undefined][] = [
  ["is over", ["say Done"], 0, undefined],
  ["is over without a word", ["tool bash ls"], 0, /^The turn is over without a reply$/],
  ["waits for an approval", ["ask bash rm"], 3, /^Answer in the Claude Console; then type cma-mcp/],
  [
    "waits for a program",
    ["custom get_weather Lisbon"],
    3,
    /^The program that provides the tool gives its result; then type cma-mcp ask --session \w+$/,
  ],
  ["takes too long", ["sleep 60s"], 4, /^The agent goes on\. To wait for its reply: cma-mcp ask/],
  ["was given up", ["end retries_exhausted"], 5, /^The turn was given up after repeated errors/],
  ["has no budget left", ["end budget_reached"], 6, /budget is used up/],
  ["was refused", ["end refusal"], 7, /^The model declined to go on/],
];
for (const [ending, lines, expected, advice] of endings) {
  Deno.test(`ask() ends with ${expected} and advice when the turn ${ending}`, async () => {
    const { code, noted } = await asked(openTerminal(), { ...script(...lines), timeoutMs: 9_000 });
    assertEquals(code, expected);
    const notes = noted.filter((line) => !line.startsWith("{"));
    if (advice) assert(advice.test(notes.at(-1) ?? ""), noted.join("\n"));
    else assertEquals(notes.length, 1);
  });
}

Deno.test("ask() ends with 8 when the session is over, and tells its errors", async () => {
  const agent = "Simulated Fatal Failure";
  const { code, noted } = await asked(openTerminal(), { agent, text: "Hello" });
  assertEquals(code, 8);
  assert(noted.some((line) => line.startsWith("error: ")), noted.join("\n"));
});

Deno.test("ask() shows what waits for an approval, its input only where that is wished", async () => {
  const shown = async (exposeToolInputs: boolean) => {
    const terminal = openTerminal();
    const server = { ...terminal.access.server, exposeToolInputs };
    const { noted } = await asked(terminal, { ...script("ask bash rm -r build"), server });
    return noted.find((line) => line.startsWith("waits for an approval: bash {")) ?? "";
  };
  assertStringIncludes(await shown(true), "rm -r build");
  assertEquals((await shown(false)).includes("rm -r build"), false);
});

Deno.test("ask() ends stderr with what waits, as a line of JSON, where nobody is asked", async () => {
  const { code, noted } = await asked(openTerminal(), script("ask ba\u202esh rm", "ask bash ls"));
  assertEquals(code, 3);
  const line = noted.at(-1) ?? "";
  assert(/^[\x20-\x7e]+$/.test(line), line);
  const { session_id: session, pending_actions: [action, ...others] } = JSON.parse(line);
  assertStringIncludes(noted[0] ?? "", session);
  assertEquals([action.kind, others.length, typeof action.event_id], [
    "tool_confirmation",
    0,
    "string",
  ]);
  const ended = await asked(openTerminal(), script("say Done"));
  assertEquals(ended.noted.some((line) => line.startsWith("{")), false);
  const json = await asked(openTerminal(), { ...script("ask bash rm"), json: true });
  assertEquals(json.noted.some((line) => line.startsWith("{")), false);
});

Deno.test("ask() prints the result as JSON, without advice that names tools", async () => {
  const { code, out } = await asked(openTerminal(), { ...script("ask bash rm"), json: true });
  const result = JSON.parse(out);
  assertEquals([code, result.status, result.pending_actions.length], [3, "requires_action", 1]);
  assertEquals("next" in result, false);
});

Deno.test("ask() reads the text from stdin", async () => {
  const terminal = openTerminal();
  const stdin = (text: string) => ({
    plainStdin: async function* () {
      await Promise.resolve();
      for (const byte of new TextEncoder().encode(text)) yield Uint8Array.of(byte);
    },
  });
  const config = { agent: "Simulated Script", text: "-" };
  const { out } = await asked(terminal, config, terminal.program(stdin("say 日本\nsay -\n\n")));
  assertEquals(out, "日本\n\n-\n");
  await assertRejects(
    () => asked(terminal, config, terminal.program(stdin(" \n"))),
    UsageError,
    "Stdin has no text",
  );
  await assertRejects(
    () => asked(terminal, config, terminal.program(stdin("x".repeat(100_001)))),
    UsageError,
    "at most 100000 characters",
  );
});

Deno.test("ask() gives a terminal no commands in a reply, and a file the reply as it is", async () => {
  const text = "say a\u001b]0;x\u0007b\u202ec";
  const terminal = openTerminal();
  const config = { agent: "Simulated Script", text };
  assertEquals((await asked(terminal, config)).out, `${text.slice(4)}\n`);
  const onTerminal = terminal.program({ stdoutIsTerminal: true });
  assertEquals((await asked(terminal, config, onTerminal)).out, "abc\n");
});

Deno.test("ask() lists the environments where it has to be told which", async () => {
  const terminal = openTerminal();
  await terminal.simulator.fetch(
    new Request("http://api.invalid/v1/environments", {
      method: "POST",
      headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
      body: JSON.stringify({ name: "second" }),
    }),
  );
  const program = terminal.program();
  await assertRejects(
    () => asked(terminal, script("say Hi"), program),
    UsageError,
    "The workspace has 2 environments: add --environment-id with the id of one",
  );
  assertEquals(program.noted.length, 2);
  const server = { ...terminal.access.server, environmentId: terminal.simulator.environmentId };
  assertEquals((await asked(terminal, { ...script("say Hi"), server })).out, "Hi\n");
});

Deno.test("ask() ends with 130 when it is interrupted, says how to go on, and lets the agent work", async () => {
  const terminal = openTerminal();
  const program = terminal.program();
  const running = ask(configOf(terminal, script("sleep 60s", "say Done")), program);
  void terminal.clock.after(5_000, () => program.stop());
  assertEquals(await terminal.run(running), 130);
  const session = /cma-mcp ask --session (sesn_\w+)$/.exec(program.noted.at(-1) ?? "")?.[1];
  assertEquals((await asked(terminal, { session })).out, "Done\n");
});

Deno.test("ask() says nothing of an agent at work when it is interrupted before it sends", async () => {
  const terminal = openTerminal();
  const program = terminal.program();
  terminal.simulator.faults.add({ match: {}, fault: { kind: "hang" } });
  const running = ask(configOf(terminal, script("say Done")), program);
  void terminal.clock.after(2_000, () => program.stop());
  assertEquals(await terminal.run(running), 130);
  assertEquals(program.noted, []);
});

Deno.test("ask() says that a session is unknown, in words for the terminal", async () => {
  const asking = () => asked(openTerminal(), { session: "sesn_1", text: "Hello" });
  const { message } = await assertRejects(asking);
  assertStringIncludes(message, "'cma-mcp sessions' list them");
});

Deno.test("ask() does not ask anybody to go on with a session that ends with the program", async () => {
  const terminal = openTerminal();
  const config = { ...script("sleep 60s"), simulate: true, timeoutMs: 5_000 };
  const { code, noted } = await asked(terminal, config);
  assertEquals(code, 4);
  assertStringIncludes(noted.at(-1) ?? "", "The simulated session ends with this program");
});

Deno.test("ask() prints a long reply whole, or says that its beginning is left out", async () => {
  const long = "x".repeat(20_000);
  const whole = await asked(openTerminal(), script(`say ${long}`, `say ${long}`));
  assertEquals([whole.out, whole.noted.length], [`${long}\n\n${long}\n`, 1]);
  const cut = await asked(openTerminal(), script(`say ${long.repeat(4)}`));
  assert(cut.out.startsWith("… x") && cut.out.length > 60_000, `${cut.out.length}`);
  assertStringIncludes(cut.noted.at(-1) ?? "", "The beginning is left out");
});

Deno.test("ask() shows a terminal no secret that an agent has parted with what does not show", async () => {
  const terminal = openTerminal();
  const { credential } = terminal.access;
  const parted = credential?.value.replaceAll("-", "-\u200b") ?? "";
  const program = terminal.program({ stdoutIsTerminal: true });
  const lines = [`say ${parted}`, `ask bash ${parted}`];
  const { out, noted } = await asked(terminal, script(...lines), program);
  const shown = [out, ...noted].join("\n");
  assertStringIncludes(out, "[redacted]");
  assertStringIncludes(noted.join("\n"), "waits for an approval");
  assert(!shown.includes(credential?.value ?? "none"), shown);
});
