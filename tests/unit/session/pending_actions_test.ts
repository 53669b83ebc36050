import { assert, assertEquals } from "@std/assert";
import type { ToolUse } from "../../../src/session/event_types.ts";
import {
  isPlainName,
  type PendingAction,
  pendingActions,
  type ResultView,
} from "../../../src/session/pending_actions.ts";

const CONSOLE = "https://console.example/sessions";
const BASH: ToolUse = {
  id: "sevt_1",
  name: "bash",
  custom: false,
  asks: true,
  threadId: "sthr_1",
  input: { command: "rm -rf build" },
};
const MERGE: ToolUse = { id: "sevt_1", name: "merge", server: "github", custom: false, asks: true };
const BOOK: ToolUse = { id: "sevt_1", name: "book", custom: true, asks: true, input: {} };
const RUN: ToolUse = { id: "sevt_1", name: "run", custom: false, asks: false, isAllowed: true };
const ODD: ToolUse = { id: "sevt_1", name: "odd", custom: false, asks: false };
const turn = { subagentOf: (id: string) => id === "sthr_1" ? "Researcher" : undefined };
const hasAll = () => true;

function describe(
  tools: readonly (ToolUse | undefined)[],
  view: Partial<ResultView> = {},
  maxChars = 15_000,
): PendingAction[] {
  const calls = tools.map((tool, index) => ({ eventId: `sevt_${index + 1}`, tool }));
  return pendingActions({ sessionId: "sesn_1", calls, turn }, {
    exposeToolInputs: false,
    ...view,
  }, maxChars);
}

Deno.test("pendingActions() says all that is known of a call", () => {
  assertEquals(describe([BASH, MERGE], { consoleUrl: CONSOLE }), [
    {
      event_id: "sevt_1",
      kind: "tool_confirmation",
      name: "bash",
      session_thread_id: "sthr_1",
      agent: "Researcher",
      answer: "a person decides, in the Claude Console",
      input: { command: "[redacted, 12 characters]" },
      console_url: `${CONSOLE}/sesn_1?event=sevt_1`,
    },
    {
      event_id: "sevt_2",
      kind: "tool_confirmation",
      name: "merge",
      server: "github",
      answer: "a person decides, in the Claude Console",
      console_url: `${CONSOLE}/sesn_1?event=sevt_2`,
    },
  ]);
});

Deno.test("pendingActions() shows an input itself where the operator shows inputs", () => {
  const [action] = describe([BASH], { exposeToolInputs: true });
  assertEquals(action?.input, { command: "rm -rf build" });
});

Deno.test("pendingActions() names an unknown subagent by its thread only", () => {
  const [action] = describe([{ ...BASH, threadId: "sthr_2" }]);
  assertEquals([action?.session_thread_id, action?.agent], ["sthr_2", undefined]);
});

Deno.test("pendingActions() shows each character of a name, of whatever it is the name", () => {
  const odd = "a\u202eb";
  const calls = [{ eventId: "sevt_1", tool: { ...BASH, name: odd, server: odd } }];
  const [action] = pendingActions(
    { sessionId: "sesn_1", calls, turn: { subagentOf: () => odd } },
    { exposeToolInputs: false },
    15_000,
  );
  assertEquals(
    [action?.name, action?.server, action?.agent],
    ["a\\u202eb", "a\\u202eb", "a\\u202eb"],
  );
});

const PERSON = "a person decides, in the Claude Console";
const PROGRAM = "the program that provides the tool";
const ENVIRONMENT = "the environment that runs the tool, or a person in the Claude Console";

/** Who can answer a call, in the view of a caller. */
const ANSWERS: readonly [
  name: string,
  tool: ToolUse | undefined,
  view: Partial<ResultView>,
  answer: string,
][] = [
  ["a confirmation", MERGE, {}, PERSON],
  ["a call that was not read", undefined, {}, PERSON],
  [
    "a confirmation, with confirm_tool_use",
    MERGE,
    { has: hasAll },
    "a person decides: in the Claude Console, or confirm_tool_use sends it",
  ],
  [
    "a confirmation, where a person can be asked",
    MERGE,
    { asksAbout: ["confirmation"] },
    "a person decides, when wait_for_idle asks or in the Claude Console",
  ],
  [
    "a confirmation, with all ways",
    MERGE,
    { asksAbout: ["confirmation"], has: hasAll },
    "a person decides: when wait_for_idle asks or in the Claude Console, or confirm_tool_use " +
    "sends it",
  ],
  [
    "a confirmation, without wait_for_idle",
    MERGE,
    { asksAbout: ["confirmation"], has: () => false },
    PERSON,
  ],
  [
    "a confirmation, beside a session view",
    MERGE,
    { viewAnswers: ["confirmation"] },
    "a person decides, in the session view beside this result or in the Claude Console",
  ],
  [
    "a confirmation, beside a session view and with all other ways",
    MERGE,
    { asksAbout: ["confirmation"], viewAnswers: ["confirmation"], has: hasAll },
    "a person decides: when wait_for_idle asks or in the session view beside this result or in " +
    "the Claude Console, or confirm_tool_use sends it",
  ],
  ["a custom tool", BOOK, {}, PROGRAM],
  ["a custom tool that no view answers", BOOK, { viewAnswers: ["confirmation"] }, PROGRAM],
  [
    "a custom tool, beside a session view",
    BOOK,
    { viewAnswers: ["confirmation", "custom"] },
    `${PROGRAM}, or a person in the session view beside this result`,
  ],
  ["a custom tool that nobody is asked about", BOOK, { asksAbout: ["confirmation"] }, PROGRAM],
  ["a custom tool, with its tool", BOOK, { has: hasAll }, `${PROGRAM}, or submit_tool_result`],
  [
    "a custom tool, with all ways",
    BOOK,
    { asksAbout: ["confirmation", "custom"], has: hasAll },
    `${PROGRAM}, or a person when wait_for_idle asks, or submit_tool_result`,
  ],
  [
    "a call that does not say that it asks, whoever has what",
    ODD,
    { asksAbout: ["confirmation", "custom"], viewAnswers: ["confirmation", "custom"], has: hasAll },
    PERSON,
  ],
  ["a call whose policy asks nobody", RUN, {}, ENVIRONMENT],
  [
    "a call whose policy asks nobody, whoever has what",
    RUN,
    { asksAbout: ["confirmation", "custom"], viewAnswers: ["confirmation", "custom"], has: hasAll },
    ENVIRONMENT,
  ],
];

for (const [name, tool, view, answer] of ANSWERS) {
  Deno.test(`pendingActions() says who answers ${name}`, () => {
    assertEquals(describe([tool], view)[0]?.answer, answer);
  });
}

Deno.test("pendingActions() shows names as people see them who decide", () => {
  const [action] = describe([{ ...MERGE, name: `rm\u202e${"x".repeat(200)}` }]);
  assertEquals(action?.name, `rm\\u202e${"x".repeat(120)}`);
});

Deno.test("pendingActions() leaves out what has no room, pages first and answers last", () => {
  const tools = [BASH, { ...BASH, input: { command: "x".repeat(200) } }];
  const view = { consoleUrl: CONSOLE, exposeToolInputs: true };
  const whole = JSON.stringify(describe(tools, view)).length;
  const seen = new Set<string>();
  let cells = Infinity;
  for (let room = whole; room >= 0; room -= 5) {
    const actions = describe(tools, view, room);
    const size = JSON.stringify(actions).length;
    const names = actions.map((action) => Object.keys(action).slice(4));
    seen.add(JSON.stringify(names));
    assert(size <= room || names.flat().length === 0, `${size} of ${room}`);
    const count = names.flat().length;
    assert(count <= cells + 1, `${count} cells in less room`);
    cells = count;
    assertEquals(actions.map(({ event_id }) => event_id), ["sevt_1", "sevt_2"]);
  }
  assertEquals(
    [...seen][0],
    JSON.stringify(Array(2).fill(["agent", "answer", "input", "console_url"])),
  );
  assert(seen.has(JSON.stringify([["agent", "answer", "input"], ["agent", "answer", "input"]])));
  assertEquals([...seen].at(-1), JSON.stringify([[], []]));
});

Deno.test("isPlainName() knows names that can stand among the words of a question", () => {
  for (const name of ["bash", "crm/delete.v2", "a:b-c_d", "x".repeat(64)]) {
    assertEquals(isPlainName(name), true, name);
  }
  for (const name of ["", "ls, by root", "a\u202eb", "a\nb", '"a"', "x".repeat(65)]) {
    assertEquals(isPlainName(name), false, name);
  }
});
