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
    `An agent waits for you to decide on a tool call, in session sesn_1. It does not run unless \
you allow it. The question is open for 10 minutes; after that, nothing is sent.

What stands behind a bar (|) was written by the agent or its tools, not by this server.

    tool       | bash
    MCP server | github
    subagent   | researcher
    input      | {"command":"ls -la"}`,
  );
  assertEquals(keys, ["call_1_00000001", "reason"]);
  assertEquals(required, ["call_1_00000001"]);
  const choice = properties[keys[0] ?? ""];
  assertEquals(choice, {
    type: "string",
    title: "Call 1: bash",
    description:
      "later: decide another time. deny: it does not run. allow: it runs as it is shown.",
    enum: ["later", "deny", "allow"],
  });
  assert(!JSON.stringify(properties).includes('"default"'));
});

Deno.test("formOf() asks about all calls in one form, each with a key that no other call has", () => {
  const calls = Array.from(
    { length: 8 },
    (_, at) => confirmation({ eventId: `sevt_${at}_same_end`, tool: `tool_${at}` }),
  );
  const { message, required, keys } = formFor(...calls);
  assertEquals(new Set(required).size, 8);
  assertEquals(keys, [...required, "reason"]);
  assertStringIncludes(message, "decide on 8 tool calls");
  for (const at of [0, 7]) {
    assertStringIncludes(message, `Call ${at + 1}:\n\n    tool       | tool_${at}`);
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
  assertEquals(properties[required[0] ?? ""], {
    type: "string",
    title: "Call 1: bash",
    description:
      "later: decide another time. deny: it does not run. Too little of it is shown to " +
      "allow it here; the Console shows all of it.",
    enum: ["later", "deny"],
  });
  assertStringIncludes(message, `\n    [${leftOut} characters left out]\n               | xxx`);
  assert(
    message.endsWith(
      `\n\n${leftOut} characters of this input are not shown. Too little of it is shown to allow it ` +
        "here; the Console shows all of it.",
    ),
    message,
  );
});

Deno.test("formOf() says how much is left out of a call that may be allowed", () => {
  const { text: input, leftOut } = clipMiddle("y".repeat(3_000), 1_500, 500);
  const { message } = formFor(confirmation({ input, leftOut }));
  assert(message.endsWith("\n\n1000 characters of this input are not shown."), message);
});

Deno.test("formOf() says that a call may not be allowed also where its input cannot be shown", () => {
  const { message } = formFor(confirmation({ input: "(nested too deeply)", mayAllow: false }));
  assert(
    message.endsWith("Too little of it is shown to allow it here; the Console shows all of it."),
  );
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
  return message.split("\n").filter((line) => !/^ {4}[A-Za-z ]{11}\| /.test(line));
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
    const titles = JSON.stringify([hostile.properties, hostile.form._meta]);
    const isName = /^[\w.:/-]{1,64}$/.test(text);
    assertEquals(text !== "" && titles.includes(text), isName);
  });
}

Deno.test("formOf() gives Claude Code a title without the agent's words", () => {
  assertEquals(formFor(confirmation()).form._meta, {
    "anthropic/permissionDisplay": {
      title: "An agent asks to use bash",
      displayName: "bash",
      description: formFor(confirmation()).message.split("\n")[0],
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

Deno.test("formOf() asks for the answer of a custom tool in two fields, and warns of secrets", () => {
  const { message, form: { requestedSchema }, keys } = formFor(customCall());
  assertEquals(keys, ["answer", "could_not_do_it"]);
  assertEquals(requestedSchema.required, undefined);
  assertEquals(requestedSchema.properties.could_not_do_it?.type, "boolean");
  assert(!JSON.stringify(requestedSchema).includes('"default"'));
  assertStringIncludes(message, "    tool       | ask_colleague");
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
