import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { contentText } from "../../../src/api/events.ts";
import { ask } from "../../../src/commands/ask.ts";
import { noteOutcome } from "../../../src/commands/ask_approvals.ts";
import type { AskConfig } from "../../../src/config/config.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { Outcome } from "../../../src/session/answer_sender.ts";
import type { RecordedProgram } from "../../helpers/program.ts";
import { openTerminal, type Terminal } from "../../helpers/terminal.ts";

/** What a person types once a line with these words has been shown; undefined ends the input. */
type Typed = readonly [shown: string, typed: string | undefined];

interface Asked {
  readonly code: number;
  readonly out: string;
  readonly noted: string[];
  /** Decisions that the API got, in their order. */
  readonly decisions: Record<string, unknown>[];
}

interface Setting {
  readonly terminal?: Terminal;
  readonly config?: Partial<AskConfig>;
  readonly program?: Partial<RecordedProgram>;
  /** Called when the question with these words has been shown, before the answer. */
  readonly before?: (shown: string, program: RecordedProgram) => Promise<void> | void;
}

/** Asks an agent, with a person at the terminal who types answers. */
async function asking(agent: string, typed: readonly Typed[], setting: Setting = {}) {
  const { terminal = openTerminal(), before } = setting;
  const program = terminal.program({
    stdinIsTerminal: true,
    stderrIsTerminal: true,
    plainStdin: async function* () {
      let seen = 0;
      for (const [shown, text] of typed) {
        let found = -1;
        while (found < 0) {
          await terminal.clock.sleep(50);
          found = program.noted.findIndex((line, index) => index >= seen && line.includes(shown));
        }
        seen = found + 1;
        await before?.(shown, program);
        if (text === undefined) return;
        yield new TextEncoder().encode(`${text}\n`);
      }
      // The person goes on sitting there.
      await new Promise(() => {});
    },
    ...setting.program,
  });
  const log = { level: "info", format: "text" } as const;
  const config: AskConfig = {
    ...terminal.access,
    command: "ask",
    json: false,
    log,
    agent,
    text: "Clean up",
    ...setting.config,
  };
  const code = await terminal.run(ask(config, program));
  const { written, printed, noted } = program;
  const session = /sesn_\w+/.exec(noted.join("\n"))?.[0] ?? "";
  const decisions = (await eventsOf(terminal, session))
    .filter(({ type }) => type === "user.tool_confirmation")
    .map(({ tool_use_id: _, id: __, type: ___, processed_at: ____, ...rest }) => rest);
  return { code, out: [...written, ...printed].join("\n"), noted, decisions } satisfies Asked;
}

function api({ simulator }: Terminal, session: string, body?: unknown): Promise<Response> {
  return simulator.fetch(
    new Request(`http://api.invalid/v1/sessions/${session}/events?limit=1000`, {
      headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    }),
  );
}

async function eventsOf(
  terminal: Terminal,
  session: string,
): Promise<Record<string, unknown>[]> {
  return (await (await api(terminal, session)).json()).data;
}

const ONE = "Simulated Approval Needed";
const TWO = "Simulated Two Approvals";

Deno.test("ask() on a terminal shows what the agent wants to do, and goes on when it is allowed", async () => {
  const { code, out, noted, decisions } = await asking(ONE, [["type allow", "allow"]]);
  assertEquals([code, decisions], [0, [{ result: "allow" }]]);
  assertEquals(out, "I need to remove the old build.\n\nThe simulated build is gone.\n");
  assertEquals(noted.slice(1, -1), [
    "The agent asks for your approval of a tool call:",
    '1. bash, by agent "Simulated Approval Needed"',
    '   | {"command":"rm -r build"}',
    "1. bash: type allow, deny or later (Enter is later)",
  ]);
  assert(/^allowed: bash \(sevt_\w+\)$/.test(noted.at(-1) ?? ""), noted.at(-1));
});

Deno.test("ask() shows the audit line of a decision at level debug only", async () => {
  const logged: string[] = [];
  const lineAt = (level: string) => (message: string) => logged.push(`${level} ${message}`);
  const [debug, info] = [lineAt("debug"), lineAt("info")];
  const program = { log: { ...silentLogger, debug, info } };
  await asking(ONE, [["type allow", "allow"]], { program });
  assertEquals(logged.filter((line) => line.includes("Decision")), ["debug Decision"]);
});

Deno.test("ask() sends a denial with the reason that is typed, or with none", async () => {
  const why = await asking(ONE, [["type allow", "deny"], ["The reason", "Keep it."]]);
  assertEquals([why.code, why.decisions], [0, [{ result: "deny", deny_message: "Keep it." }]]);
  assertStringIncludes(why.out, "I left it alone, as you decided. Keep it.");
  const none = await asking(ONE, [["type allow", "deny"], ["The reason", ""]]);
  assertEquals([none.code, none.decisions], [0, [{ result: "deny" }]]);
  const long = await asking(ONE, [
    ["type allow", "deny"],
    ["The reason", "x".repeat(10_001)],
    ["The reason", "x".repeat(50_000)],
    ["The reason", "short"],
  ]);
  assertEquals(long.decisions, [{ result: "deny", deny_message: "short" }]);
  assert(long.noted.some((line) => line.includes("at most 10000 characters")));
});

const LATER: readonly (readonly [string, readonly Typed[]])[] = [
  ["the word", [["type allow", "later"]]],
  ["Enter alone", [["type allow", ""]]],
  ["the end of the input", [["type allow", undefined]]],
  ["the end of the input in place of a reason", [["type allow", "deny"], ["reason", undefined]]],
];
for (const [name, typed] of LATER) {
  Deno.test(`ask() puts a decision off for ${name}, and ends with 3`, async () => {
    const { code, noted, decisions } = await asking(ONE, typed);
    assertEquals([code, decisions], [3, []]);
    assert(/^To be asked again: cma-mcp ask --session sesn_\w+;/.test(noted.at(-1) ?? ""));
  });
}

Deno.test("ask() says how to be asked for the result of a custom tool", async () => {
  const { code, noted } = await asking("Simulated Custom Tool", []);
  assertEquals(code, 3);
  assert(
    /; or give it yourself: .* --session sesn_\w+ --ask-custom-tools$/.test(noted.at(-1) ?? ""),
  );
});

Deno.test("ask() takes nothing but the exact word for an approval", async () => {
  const words = ["yes", "y", "ALLOW", "Allow", "allow all", "a", "ok", "deny allow"];
  const typed = words.map((word): Typed => ["type allow", word]);
  const { code, decisions } = await asking(ONE, [...typed, ["type allow", "later"]]);
  assertEquals([code, decisions], [3, []]);
});

Deno.test("ask() drops what was typed before the calls were shown", async () => {
  const terminal = openTerminal();
  const { code, decisions } = await asking(ONE, [], {
    terminal,
    program: {
      plainStdin: async function* () {
        yield new TextEncoder().encode("allow\nallow\n");
        await terminal.clock.sleep(1_000);
      },
    },
  });
  assertEquals([code, decisions], [3, []]);
});

Deno.test("ask() shows all calls before it asks about each, and sends denials first", async () => {
  const { code, out, noted, decisions } = await asking(TWO, [
    ["1. bash: type", "allow"],
    ["2. bash: type", "deny"],
    ["The reason", "Not today"],
  ]);
  const shown = noted.findIndex((line) => line.includes("npm publish"));
  assert(shown > 0 && shown < noted.findIndex((line) => line.startsWith("1. bash: type")));
  assertEquals([code, decisions], [0, [
    { result: "deny", deny_message: "Not today" },
    { result: "allow" },
  ]]);
  assertStringIncludes(out, "1 of 2 simulated commands were allowed.");
});

Deno.test("ask() ends with 3 where one of two calls is put off, and asks about it only once", async () => {
  const { code, noted, decisions } = await asking(TWO, [
    ["1. bash: type", "later"],
    ["2. bash: type", "allow"],
  ]);
  assertEquals([code, decisions], [3, [{ result: "allow" }]]);
  assertEquals(noted.filter((line) => line.includes("type allow")).length, 2);
  assertEquals(noted.filter((line) => line.startsWith("waits for an approval")).length, 1);
});

Deno.test("ask() asks again about each call of a turn, and prints the whole reply", async () => {
  const { code, out, decisions } = await asking("Simulated Script", [
    ["type allow", "allow"],
    ["type allow", "allow"],
  ], { config: { text: "say One\nask bash ls\nsay Two\nask edit file\nsay Three" } });
  assertEquals([code, decisions.length, out], [0, 2, "One\n\nTwo\n\nThree\n"]);
});

/** Denies the call with this number around the program, as in the Console. */
async function denyElsewhere(terminal: Terminal, noted: readonly string[], index: number) {
  const session = /sesn_\w+/.exec(noted.join("\n"))?.[0] ?? "";
  const calls = (await eventsOf(terminal, session))
    .filter(({ evaluated_permission: permission }) => permission === "ask");
  const tool_use_id = calls[index]?.id;
  await api(terminal, session, {
    events: [{ type: "user.tool_confirmation", tool_use_id, result: "deny" }],
  });
}

Deno.test("ask() takes the question away when its call was answered elsewhere, and goes on", async () => {
  const terminal = openTerminal();
  const { code, out, noted, decisions } = await asking(ONE, [["type allow", "allow"]], {
    terminal,
    before: async (_shown, { noted }) => {
      await denyElsewhere(terminal, noted, 0);
      await terminal.clock.sleep(1_000);
    },
  });
  assertEquals([code, decisions.map(({ result }) => result)], [0, ["deny"]]);
  assertEquals(
    noted.at(-1),
    "The question is withdrawn: it was answered elsewhere, or given up",
  );
  assertStringIncludes(out, "I left it alone");
});

Deno.test("ask() says that one of its calls was answered elsewhere while the person thought", async () => {
  const terminal = openTerminal();
  const { code, noted, decisions } = await asking(TWO, [
    ["1. bash: type", "allow"],
    ["2. bash: type", "allow"],
  ], {
    terminal,
    before: async (shown, { noted }) => {
      if (shown.startsWith("1.")) await denyElsewhere(terminal, noted, 0);
    },
  });
  assertEquals([code, decisions.map(({ result }) => result)], [0, ["deny", "allow"]]);
  assert(noted.some((line) => line.startsWith("answered elsewhere: bash (")), noted.join("\n"));
});

Deno.test("ask() shows both ends of a long input, and offers no approval of it", async () => {
  const { code, noted, decisions } = await asking("Simulated Script", [
    ["type deny", "allow"],
    ["type deny", "later"],
  ], { config: { text: `ask bash ${"x".repeat(5_000)}` } });
  assertEquals([code, decisions], [3, []]);
  assert(noted.some((line) => /^ {3}\[\d+ characters left out\]$/.test(line)), noted.join("\n"));
  assertEquals(noted.some((line) => line.includes("type allow")), false);
  assert(noted.some((line) => /^ {3}\(\d+ characters of this input are not shown\)$/.test(line)));
  assertEquals(noted.some((line) => /changed since|nothing was sent/.test(line)), false);
});

Deno.test("ask() sends of a reason what the terminal showed", async () => {
  const { decisions } = await asking(ONE, [
    ["type allow", "deny"],
    ["The reason", "Not \u001b[31mthis\u202e one."],
  ]);
  assertEquals(decisions, [{ result: "deny", deny_message: "Not this one." }]);
});

Deno.test("ask() shows an input also on a terminal that is very narrow", async () => {
  const { noted } = await asking(ONE, [["type allow", "later"]], {
    program: { columns: () => 1 },
  });
  assertEquals(noted.filter((line) => line.startsWith("   | ")), [
    '   | {"command":"rm -r bu',
    '   | ild"}',
  ]);
});

Deno.test("ask() shows what a terminal would hide or act on", async () => {
  const { noted } = await asking("Simulated Script", [["type allow", "later"]], {
    config: { text: "ask bash rm\u202e -r\u200b \x1b[2J" },
  });
  const shown = noted.find((line) => line.includes('{"input"'));
  assertEquals(shown, '   | {"input":"rm\\u202e -r\\u200b \\u001b[2J"}');
});

Deno.test("ask() lets no input begin a line, and no name speak as the program", async () => {
  const forged = `ls${" ".repeat(50)}2. rm: allowed by your administrator`;
  const { noted } = await asking("Simulated Script", [["type allow", "later"]], {
    config: { text: `ask a,/rm ${forged}` },
    program: { columns: () => 40 },
  });
  const from = noted.findIndex((line) => line.startsWith("1. "));
  const lines = noted.slice(from + 1, noted.findIndex((line) => line.includes("type allow")));
  assertEquals(noted[from]?.startsWith('1. rm of MCP server "a,", by agent '), true, noted[from]);
  assert(lines.length > 2 && lines.every((line) => line.length <= 40), lines.join("\n"));
  const text = lines.map((line) => line.slice("   | ".length)).join("");
  assertEquals(lines.every((line) => line.startsWith("   | ")), true);
  assertEquals(JSON.parse(text), { input: forged });
});

Deno.test("ask() does not count the time that a person takes", async () => {
  const terminal = openTerminal();
  const before = () => terminal.clock.sleep(60_000);
  const config = { timeoutMs: 20_000 };
  const { code } = await asking(ONE, [["type allow", "allow"]], { terminal, before, config });
  assertEquals(code, 0);
});

Deno.test("ask() that is interrupted at the question sends nothing, and ends with 130", async () => {
  const before = (_shown: string, program: RecordedProgram) => program.stop();
  const { code, noted, decisions } = await asking(ONE, [["type allow", "allow"]], { before });
  assertEquals([code, decisions], [130, []]);
  assertStringIncludes(noted.at(-1) ?? "", "cma-mcp ask --session sesn_");
});

const SILENT: readonly (readonly [string, Setting])[] = [
  ["--json", { config: { json: true } }],
  ["stdin that is no terminal", { program: { stdinIsTerminal: false } }],
  ["stderr that is no terminal", { program: { stderrIsTerminal: false } }],
];
for (const [name, setting] of SILENT) {
  Deno.test(`ask() asks nobody with ${name}`, async () => {
    const { code, noted, decisions } = await asking(ONE, [["type allow", "allow"]], setting);
    assertEquals([code, decisions], [3, []]);
    assertEquals(noted.some((line) => line.includes("type allow")), false);
  });
}

Deno.test("ask() asks nobody about a call of a custom tool", async () => {
  const { code, noted } = await asking(CUSTOM, []);
  assertEquals(code, 3);
  assertEquals(noted.some((line) => line.includes("type answer")), false);
  assert(noted.some((line) => line.startsWith("waits for a result: get_weather")));
});

const CUSTOM = "Simulated Custom Tool";

const RESULTS: readonly (readonly [string, readonly Typed[], number, unknown])[] = [
  ["an answer", [["type answer", "answer"], ["The answer", "Sunny"]], 0, ["Sunny", false]],
  ["a failure", [["type answer", "fail"], ["Why", "No idea."]], 0, ["No idea.", true]],
  ["a failure without a reason", [["type answer", "fail"], ["Why", ""]], 0, [
    "The person could not do it, and gave no reason.",
    true,
  ]],
  ["later", [["type answer", "allow"], ["type answer", "later"]], 3, undefined],
  ["an empty answer", [["type answer", "answer"], ["The answer", ""]], 3, undefined],
  ["the end of the input", [["type answer", "answer"], ["The answer", undefined]], 3, undefined],
  ["the end in place of a reason", [["type answer", "fail"], ["Why", undefined]], 3, undefined],
];
for (const [name, typed, expected, sent] of RESULTS) {
  Deno.test(`ask() with --ask-custom-tools takes ${name}`, async () => {
    const terminal = openTerminal();
    const server = { ...terminal.access.server, askCustomTools: true };
    const { code, noted } = await asking(CUSTOM, typed, { terminal, config: { server } });
    const session = /sesn_\w+/.exec(noted.join("\n"))?.[0] ?? "";
    const [result] = (await eventsOf(terminal, session))
      .filter(({ type }) => type === "user.custom_tool_result")
      .map(({ content, is_error: isError }) => [contentText(content), isError]);
    assertEquals([code, result], [expected, sent]);
    assert(noted.some((line) => line.includes("type no password")), noted.join("\n"));
    if (sent !== undefined) assert(noted.at(-1)?.startsWith("answered: get_weather ("));
  });
}

Deno.test("ask() says that a decision got lost, does not send it twice, and ends with 3", async () => {
  const terminal = openTerminal();
  const before = () => {
    const match = { method: "POST", path: /\/events$/ };
    terminal.simulator.faults.add({ match, fault: { kind: "hang" } });
  };
  const { code, noted, decisions } = await asking(ONE, [["type allow", "allow"]], {
    terminal,
    before,
  });
  assertEquals([code, decisions], [3, []]);
  assert(noted.some((line) => line.startsWith("it is not known if your answer arrived: bash (")));
  assertEquals(terminal.requests.filter((one) => /^POST .*events$/.test(one)).length, 1);
});

const OUTCOMES: readonly (readonly [Outcome["kind"], RegExp])[] = [
  ["repeated", /^allowed: bash \(sevt_1\)$/],
  ["answered_elsewhere", /^answered elsewhere: bash \(sevt_1\); your answer does not count$/],
  ["dropped", /^not sent: bash \(sevt_1\)$/],
  ["unknown", /^it is not known if your answer arrived: bash \(sevt_1\); it is not sent again$/],
  ["changed", /^changed since it was shown: bash \(sevt_1\); nothing was sent$/],
  ["gone", /^no longer waits: bash \(sevt_1\); nothing was decided$/],
  ["failed", /^not sent: bash \(sevt_1\); No\.$/],
];
for (const [kind, expected] of OUTCOMES) {
  Deno.test(`noteOutcome() says of a decision that it is ${kind}`, () => {
    const shown = { kind: "tool_confirmation", eventId: "sevt_1", digest: "d" } as const;
    const error = new ApiError("No.", { kind: "http", status: 403 });
    const program = openTerminal().program();
    noteOutcome(
      { shown, tool: "bash", decision: { result: "allow" }, kind, error } as Outcome,
      program,
    );
    assert(expected.test(program.noted[0] ?? ""), program.noted[0]);
  });
}

Deno.test("noteOutcome() lets no name of a tool speak as the program", () => {
  const noted = (tool?: string) => {
    const shown = { kind: "tool_confirmation", eventId: "sevt_1", digest: "d" } as const;
    const program = openTerminal().program();
    noteOutcome(
      { shown, ...(tool && { tool }), decision: { result: "deny" }, kind: "sent" },
      program,
    );
    return program.noted;
  };
  assertEquals(noted("rm (sevt_1); allowed: ls"), ['denied: "rm (sevt_1); allowed: ls" (sevt_1)']);
  assertEquals(noted(), ["denied: a tool (sevt_1)"]);
});
