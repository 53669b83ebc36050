import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isSpecType } from "@modelcontextprotocol/server";
import { clipMiddle, escapeUnseen } from "../../../src/core/text.ts";
import { columnsOf } from "../../../src/core/columns.ts";
import { formOf, readAnswer } from "../../../src/mcp/elicitation.ts";
import type { AskedCall, PersonAnswer } from "../../../src/session/person.ts";

const TEN_MINUTES = 600_000;

function confirmation(fields: Partial<AskedCall> = {}): AskedCall {
  return {
    kind: "tool_confirmation",
    eventId: "sevt_000000000001",
    tool: "bash",
    input: '{"command":"ls -la"}',
    leftOut: 0,
    mayAllow: true,
    digest: "d1",
    ...fields,
  };
}

function customCall(fields: Partial<AskedCall> = {}): AskedCall {
  return confirmation({ kind: "custom_tool_result", tool: "ask_colleague", ...fields });
}

function formFor(...calls: AskedCall[]) {
  const form = formOf({ sessionId: "sesn_1", calls }, TEN_MINUTES);
  assert(isSpecType.ElicitRequestFormParams(form));
  const { message, requestedSchema: { properties, required = [] } } = form;
  return { form, message, properties, keys: Object.keys(properties), required };
}

/** Answers a form about these calls; `choose` gets the keys in the order of the calls. */
function answered(
  calls: readonly AskedCall[],
  choose: (keys: readonly string[]) => Record<string, unknown>,
): PersonAnswer {
  const { required } = formFor(...calls);
  return readAnswer(calls, { action: "accept", content: choose(required) });
}

/** Returns decisions as plain data. */
function decisionsOf(answer: PersonAnswer): Record<string, unknown> {
  assert(answer.kind === "decided");
  return Object.fromEntries(answer.decisions);
}

Deno.test("formOf() shows the call and asks for one of three words, none of which is chosen", () => {
  const { message, properties, keys, required } = formFor(
    confirmation({ server: "github", subagent: "researcher" }),
  );
  assertEquals(
    message,
    `    Allow bash of github? If text behind | is cut off, choose later.
    input      | {"command":"ls -la"}
    tool       | bash
    MCP server | github
    subagent   | researcher

It waits in session sesn_1, and does not run unless you allow it. The question is open for 10 \
minutes; after that, nothing is sent.

later: decide another time. deny: it does not run. allow: it runs as it is shown.

What stands behind a bar (|) was written by the agent or its tools, not by this server.`,
  );
  assertEquals(keys, ["call_1_00000001", "reason"]);
  assertEquals(required, ["call_1_00000001"]);
  assertEquals(properties[keys[0] ?? ""], {
    type: "string",
    title: "Call 1: bash of github, by researcher",
    description: 'Input: {"command":"ls -la"}',
    enum: ["later", "deny", "allow"],
  });
  assertEquals(
    properties.reason?.description,
    "Optional, for the agent if you deny. Open for 10 minutes.",
  );
  assert(!JSON.stringify(properties).includes('"default"'));
});

Deno.test("formOf() shows the input in the first lines of the message, which is all that some hosts show", () => {
  const [head = "", ...lines] = formFor(confirmation({ input: "j".repeat(100) })).message
    .split("\n");
  assert(head.startsWith("    Allow bash?"), head);
  assertEquals(lines.slice(0, 2).join("").replaceAll(/[^j]/g, ""), "j".repeat(100));
  for (const line of [head, ...lines.slice(0, 2)]) assert(columnsOf(line) <= 76, line);
});

Deno.test("formOf() has each input in a description, in one line that no host cuts", () => {
  const long = JSON.stringify({
    command: "x".repeat(1_000) + "y".repeat(1_000) + "z".repeat(1_000),
  });
  const inputs: readonly [string, number][] = [
    ["short", 0],
    ["s".repeat(1_850), 0],
    ["s".repeat(2_000), 0],
    [clipMiddle(long, 1_500, 500).text, clipMiddle(long, 1_500, 500).leftOut],
  ];
  for (const [input, leftOut] of inputs) {
    const { properties, required } = formFor(confirmation({ input, leftOut }));
    const { description = "" } = properties[required[0] ?? ""] ?? {};
    assert(description.length <= 2_000 && !description.includes("\n"), description);
    const [words = "", shown = ""] = description.split(/: (.*)/);
    const [head = "", tail = ""] = shown.split(" … ");
    if (words === "Input") assertEquals(shown, input);
    else {
      const all = input.replace(/\n.*\n/, "");
      assert(all.startsWith(head) && all.endsWith(tail));
      const missing = all.length + leftOut - head.length - tail.length;
      assertEquals(words, `Input, with ${missing} characters of its middle left out`);
    }
  }
});

Deno.test("formOf() tells the tool of another server from one of the agent's own in every title", () => {
  const titleOf = (fields: Partial<AskedCall>) => {
    const { properties, required, message } = formFor(confirmation(fields));
    return [properties[required[0] ?? ""]?.title, /(Allow .*\?)/.exec(message)?.[1]];
  };
  assertEquals(titleOf({}), ["Call 1: bash", "Allow bash?"]);
  assertEquals(titleOf({ server: "evil" }), ["Call 1: bash of evil", "Allow bash of evil?"]);
  assertEquals(titleOf({ server: "no. It is safe", subagent: "the owner, who agrees" }), [
    "Call 1: bash of an MCP server, by a subagent",
    "Allow bash of an MCP server?",
  ]);
  assertEquals(titleOf({ tool: "bash. It is safe", server: "evil" }), [
    "Call 1",
    "Allow a tool call?",
  ]);
});

Deno.test("formOf() asks about all calls in one form, each with a key that no other call has", () => {
  const calls = Array.from(
    { length: 8 },
    (_, at) => confirmation({ eventId: `sevt_${at}_same_end`, tool: `tool_${at}` }),
  );
  const { message, required, keys } = formFor(...calls);
  assertEquals(new Set(required).size, 8);
  assertEquals(keys, [...required, "reason"]);
  assertStringIncludes(message, "    Decide on 8 tool calls. If text behind | is cut off,");
  for (const at of [0, 7]) {
    const input = `    ${at + 1} input    | {"command":"ls -la"}`;
    assertStringIncludes(message, `${input}\n    tool       | tool_${at}\n`);
  }
});

Deno.test("formOf() gives a call of another question another key", () => {
  const [first] = formFor(confirmation({ eventId: "sevt_000000000001" })).keys;
  const [second] = formFor(confirmation({ eventId: "sevt_000000000002" })).keys;
  assert(first !== second);
});

Deno.test("formOf() does not offer to allow what is not shown, and says where to see it", () => {
  const long = JSON.stringify({ command: "x".repeat(9_000) });
  const { text: input, leftOut } = clipMiddle(long, 1_500, 500);
  const { message, properties, required } = formFor(
    confirmation({ input, leftOut, mayAllow: false }),
  );
  const choice = properties[required[0] ?? ""];
  assert(choice && "enum" in choice);
  const { title, description = "", enum: choices } = choice;
  assertEquals([title, choices], ["Call 1: bash", ["later", "deny"]]);
  const tooLittle = "Too little of it is shown to allow it here; the Console shows all of it.";
  assert(description.startsWith(`${tooLittle} Input, with `), description);
  assert(message.startsWith("    Deny bash? Choose later to decide in the Console.\n"), message);
  assertStringIncludes(message, `\n    [${leftOut} characters left out]\n               | xxx`);
  assertStringIncludes(
    message,
    `\n\n${leftOut} characters of this input are not shown. ${tooLittle}\n\n`,
  );
});

Deno.test("formOf() says of which of several calls too little is shown", () => {
  const { message } = formFor(confirmation(), confirmation({ leftOut: 9, mayAllow: false }));
  assertStringIncludes(message, "\n\nCall 2: 9 characters of this input are not shown. Too little");
  assert(!message.includes("Call 1:"), message);
});

Deno.test("formOf() says how much is left out of a call that may be allowed", () => {
  const { text: input, leftOut } = clipMiddle("y".repeat(3_000), 1_500, 500);
  const { message } = formFor(confirmation({ input, leftOut }));
  assertStringIncludes(message, "\n\n1000 characters of this input are not shown.\n\n");
});

Deno.test("formOf() says that a call may not be allowed also where its input cannot be shown", () => {
  const { message } = formFor(confirmation({ input: "(nested too deeply)", mayAllow: false }));
  assertStringIncludes(message, "Too little of it is shown to allow it here; the Console shows");
});

const DURATIONS: readonly [number, string][] = [
  [TEN_MINUTES, "10 minutes"],
  [90_000, "90 seconds"],
  [120_000, "2 minutes"],
  [1_000, "1 second"],
  [20, "1 second"],
];
for (const [ms, words] of DURATIONS) {
  Deno.test(`formOf() says that a question of ${ms} ms is open for ${words}`, () => {
    const { message } = formOf({ sessionId: "sesn_1", calls: [confirmation()] }, ms);
    assertStringIncludes(message, `is open for ${words};`);
  });
}

/** The texts of this server in a form of these calls: all lines without a bar. */
function ownLines(message: string): string[] {
  return message.split("\n").filter((line) => !/^ {4}[0-9A-Za-z ]{11}\| /.test(line));
}

const FORGERIES: readonly string[] = [
  `${" ".repeat(60)}Call 2:`,
  `x${" ".repeat(55)}    tool       | harmless${" ".repeat(31)}    input      | {}`,
  "\nCall 1:\n\n    tool       | harmless",
  "\r\u2028\u2029\u0085\v\fThis server has checked the call.",
  "\u001b[2J\u001b[31mApproved\u0007",
  "\u202eelbisivni\u202c\u200b\u{e0041}",
  "[click](https://evil.test) ![x](https://evil.test/x.png) <b>allow</b> `|`",
  "``` \n```\n# Allow",
  "|---|---|",
  `漢字${"字".repeat(100)}`,
  "e\u0301".repeat(200),
  "👩‍👩‍👧‍👦".repeat(60),
  '", "call_1": "allow',
  "",
];
for (const forgery of FORGERIES) {
  Deno.test(`formOf() keeps a text of agents in its place: ${JSON.stringify(forgery).slice(0, 50)}`, () => {
    // As session/ hands texts over: escaped.
    const text = escapeUnseen(forgery);
    const honest = formFor(confirmation({ server: "s", subagent: "a" }), confirmation());
    const hostile = formFor(
      confirmation({ tool: text, server: text, subagent: text, input: text }),
      confirmation(),
    );
    assertEquals(ownLines(hostile.message), ownLines(honest.message));
    const shown = hostile.message.split("\n").map((line) => /\| (.*)$/s.exec(line)?.[1] ?? "");
    assertEquals(shown.join("").split(text).length > 4 || text === "", true);
    for (const line of hostile.message.split("\n").filter((line) => line.startsWith("    "))) {
      assert(columnsOf(line) <= 76, line);
      // deno-lint-ignore no-control-regex -- no control character may be left
      assert(!/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b]/.test(line), line);
    }
    const titles = JSON.stringify([
      Object.values(hostile.properties).map(({ title }) => title),
      hostile.form._meta,
    ]);
    const isName = /^[\w.:/-]{1,64}$/.test(text);
    assertEquals(text !== "" && titles.includes(text), isName);
  });
}

Deno.test("formOf() gives Claude Code a title without the agent's words", () => {
  assertEquals(formFor(confirmation()).form._meta, {
    "anthropic/permissionDisplay": {
      title: "An agent asks to use bash",
      displayName: "bash",
      description:
        "It waits in session sesn_1, and does not run unless you allow it. The question is " +
        "open for 10 minutes; after that, nothing is sent.",
    },
  });
  const { title, displayName } = displayOf(formFor(confirmation(), confirmation()));
  assertEquals([title, displayName], ["An agent asks to use 2 tools", "2 tool calls"]);
});

function displayOf({ form }: ReturnType<typeof formFor>): Record<string, unknown> {
  const display = form._meta?.["anthropic/permissionDisplay"];
  assert(typeof display === "object" && display !== null);
  return { ...display };
}

Deno.test("formOf() names the session's agent behind a bar, for calls of its own only", () => {
  const agent = "Build\\nallow: all of it";
  const calls = [confirmation(), confirmation({ eventId: "sevt_2", subagent: "researcher" })];
  const lines = (asked: readonly AskedCall[]) =>
    formOf({ sessionId: "sesn_1", agent, calls: asked }, TEN_MINUTES).message.split("\n");
  const named = lines(calls).filter((line) => /\bs?u?b?agent +\|/.test(line));
  assertEquals(named, [`    agent      | ${agent}`, "    subagent   | researcher"]);
  assert(lines([customCall()]).includes(`    agent      | ${agent}`));
});

Deno.test("formOf() asks for the answer of a custom tool in two fields, and warns of secrets", () => {
  const { message, form: { requestedSchema }, keys } = formFor(customCall());
  assertEquals(keys, ["answer", "could_not_do_it"]);
  assertEquals(requestedSchema.required, undefined);
  assertEquals(requestedSchema.properties.could_not_do_it?.type, "boolean");
  assert(!JSON.stringify(requestedSchema).includes('"default"'));
  assert(
    message.startsWith(
      `    An agent asks you for the answer of ask_colleague. No passwords.
    input      | {"command":"ls -la"}
    tool       | ask_colleague

`,
    ),
    message,
  );
  assertEquals(requestedSchema.properties.answer?.description, 'Input: {"command":"ls -la"}');
  assertStringIncludes(message, "The request is the agent's words");
  assertStringIncludes(message, "Never put a password");
  assertStringIncludes(message, "open for 10 minutes");
});

Deno.test("readAnswer() allows and denies what was chosen, and puts off the rest", () => {
  const calls = ["a1", "b2", "c3"].map((eventId) => confirmation({ eventId }));
  const answer = answered(calls, ([a = "", b = "", c = ""]) => ({
    [a]: "allow",
    [b]: "deny",
    [c]: "later",
    reason: "  Not in production.\n",
  }));
  assertEquals(decisionsOf(answer), {
    a1: { result: "allow" },
    b2: { result: "deny", reason: "Not in production." },
  });
});

Deno.test("readAnswer() sends no reason with a call that is allowed, and no empty one", () => {
  const call = confirmation();
  const allowed = answered([call], ([key = ""]) => ({ [key]: "allow", reason: "Because" }));
  assertEquals(decisionsOf(allowed), { [call.eventId]: { result: "allow" } });
  for (const reason of ["", "  ", null, 5, ["a"], undefined]) {
    const denied = answered([call], ([key = ""]) => ({ [key]: "deny", reason }));
    assertEquals(decisionsOf(denied), { [call.eventId]: { result: "deny" } });
  }
});

Deno.test("readAnswer() bounds a reason", () => {
  const answer = answered([confirmation()], ([key = ""]) => ({
    [key]: "deny",
    reason: "r".repeat(20_000),
  }));
  const [denied] = Object.values(decisionsOf(answer));
  assertEquals(denied, { result: "deny", reason: "r".repeat(10_000) });
});

/** Answers in which nothing says `allow` of the call that was asked about. */
const NOTHING: readonly [string, (key: string) => unknown][] = [
  ["no content", () => undefined],
  ["an empty form", () => ({})],
  ["a list", (key) => [key, "allow"]],
  ["null", () => null],
  ["a text", () => "allow"],
  ["later", (key) => ({ [key]: "later" })],
  ["capitals", (key) => ({ [key]: "ALLOW" })],
  ["a blank", (key) => ({ [key]: "allow " })],
  ["a synonym", (key) => ({ [key]: "yes" })],
  ["true", (key) => ({ [key]: true })],
  ["a list of the word", (key) => ({ [key]: ["allow"] })],
  ["null for the choice", (key) => ({ [key]: null })],
  ["another call's key", () => ({ call_1_99999999: "allow" })],
  ["a key without the event", () => ({ call_1: "allow" })],
  ["a nested form", (key) => ({ content: { [key]: "allow" } })],
  ["an inherited field", (key) => Object.create({ [key]: "allow" })],
];
for (const [what, contentFor] of NOTHING) {
  Deno.test(`readAnswer() takes ${what} for no decision`, () => {
    const call = confirmation();
    const [key = ""] = formFor(call).required;
    const answer = readAnswer([call], { action: "accept", content: contentFor(key) });
    assertEquals(decisionsOf(answer), {});
  });
}

Deno.test("readAnswer() allows no call of which too little was shown", () => {
  const call = confirmation({ mayAllow: false });
  assertEquals(decisionsOf(answered([call], ([key = ""]) => ({ [key]: "allow" }))), {});
  assertEquals(decisionsOf(answered([call], ([key = ""]) => ({ [key]: "deny" }))), {
    [call.eventId]: { result: "deny" },
  });
});

const UNDECIDED: readonly [unknown, string][] = [
  [{ action: "decline" }, "declined"],
  [{ action: "decline", content: { call_1_00000001: "allow" } }, "declined"],
  [{ action: "cancel" }, "cancelled"],
  [{ action: "cancel", content: { call_1_00000001: "allow" } }, "cancelled"],
  [{ action: "Accept", content: { call_1_00000001: "allow" } }, "failed"],
  [{ content: { call_1_00000001: "allow" } }, "failed"],
  [{}, "failed"],
  [undefined, "failed"],
  [null, "failed"],
  ["accept", "failed"],
  [[{ action: "accept" }], "failed"],
];
for (const [result, why] of UNDECIDED) {
  Deno.test(`readAnswer() of ${JSON.stringify(result)} is ${why}`, () => {
    const call = confirmation();
    assertEquals(formFor(call).required, ["call_1_00000001"]);
    const answer = readAnswer([call], result);
    assertEquals(answer.kind === "undecided" ? answer.why : answer.kind, why);
  });
}

/** Contents of the form for a custom tool, and the decision that each is. */
const CUSTOM: readonly [Record<string, unknown>, unknown][] = [
  [{ answer: " 42 ", could_not_do_it: false }, { result: "answer", text: "42", isError: false }],
  [{ answer: "42" }, { result: "answer", text: "42", isError: false }],
  [{ answer: "No key", could_not_do_it: true }, {
    result: "answer",
    text: "No key",
    isError: true,
  }],
  [{ could_not_do_it: true }, {
    result: "answer",
    text: "The person could not do it, and gave no reason.",
    isError: true,
  }],
  [{ answer: "42", could_not_do_it: "true" }, { result: "answer", text: "42", isError: false }],
  [{}, undefined],
  [{ answer: "" }, undefined],
  [{ answer: "  ", could_not_do_it: false }, undefined],
  [{ answer: 42 }, undefined],
  [{ answer: null, could_not_do_it: null }, undefined],
  [{ answer: "a".repeat(100_001) }, undefined],
  [{ call_1_00000001: "allow" }, undefined],
];
for (const [content, decision] of CUSTOM) {
  Deno.test(`readAnswer() of a custom tool: ${JSON.stringify(content).slice(0, 60)}`, () => {
    const call = customCall();
    const answer = readAnswer([call], { action: "accept", content });
    assertEquals(decisionsOf(answer), decision ? { [call.eventId]: decision } : {});
  });
}

Deno.test("the description of a short input says once how much of it nobody sees, before the input", () => {
  const { properties, keys: [key = ""] } = formFor(
    confirmation({ input: '{"key":"[redacted]"}', leftOut: 108 }),
  );
  const { description } = properties[key] ?? {};
  assertEquals(
    description,
    'Input, with 108 of its characters not shown: {"key":"[redacted]"}',
  );
});

Deno.test("a description never exceeds what hosts show of one", () => {
  const described = (fields: Partial<AskedCall>) => {
    const { properties, keys: [key = ""] } = formFor(confirmation(fields));
    return String(properties[key]?.description);
  };
  assertEquals(described({ input: "x".repeat(1_850) }), `Input: ${"x".repeat(1_850)}`);
  assertEquals(
    described({ input: "x".repeat(1_851) }),
    "Input, with 101 characters of its middle left out: " +
      `${"x".repeat(1_300)} … ${"x".repeat(450)}`,
  );
  const clipped = clipMiddle("x".repeat(1_000_000), 1_500, 500);
  const longest = described({ input: clipped.text, leftOut: clipped.leftOut, mayAllow: false });
  assert(longest.length <= 2_000, String(longest.length));
});
