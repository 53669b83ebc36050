import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { confirmToolUse } from "../../../src/tools/confirm_tool_use.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { askingCall } from "../session/asked_support.ts";
import { answering } from "./answer_support.ts";

/** A session that waits for a person's decision on `bash`, unless told otherwise. */
function confirming(make = (e: EventMaker): SessionEvent[] => [askingCall(e, { command: "ls" })]) {
  return answering(confirmToolUse, make, { tool_name: "bash", result: "allow" });
}

Deno.test("confirm_tool_use allows a call, and says what to do next", async () => {
  const { answer, sent, ids } = confirming();
  assertEquals(await answer(), {
    session_id: "sesn_1",
    event_id: ids[0],
    result: "allow",
    outcome: "sent",
    next: "Call wait_for_idle for what the agent does next.",
  });
  assertEquals(sent, [
    { type: "user.tool_confirmation", tool_use_id: String(ids[0]), result: "allow" },
  ]);
});

Deno.test("confirm_tool_use denies a call, with the reason for the agent", async () => {
  const { answer, sent, ids } = confirming();
  const { outcome, result } = await answer({ result: "deny", deny_message: "Not on a Friday." });
  assertEquals([outcome, result], ["sent", "deny"]);
  assertEquals(sent, [{
    type: "user.tool_confirmation",
    tool_use_id: String(ids[0]),
    result: "deny",
    deny_message: "Not on a Friday.",
  }]);
});

Deno.test("confirm_tool_use refuses a deny_message beside allow, and one that is too long", async () => {
  const { refusal, sent } = confirming();
  const beside = await refusal({ deny_message: "Careful." });
  assertEquals(beside.code, "invalid_argument");
  assertStringIncludes(beside.message, 'deny_message goes with result "deny" only');
  const long = await refusal({ result: "deny", deny_message: "x".repeat(10_001) });
  assertStringIncludes(long.message, "deny_message must be a text of 0 to 10000 characters");
  assertEquals(sent, []);
});

Deno.test("confirm_tool_use refuses another tool's name: the person would have seen that one", async () => {
  for (const tool_name of ["read", "Bash", "bash ", "ba"]) {
    const { refusal, sent } = confirming();
    const { code, message } = await refusal({ tool_name });
    assertEquals(code, "other_tool");
    assertMatch(message, /is one of bash, not of .*nothing was sent/);
    assertEquals(sent, []);
  }
});

Deno.test("confirm_tool_use wants the name with the characters that nobody sees escaped", async () => {
  const { answer, refusal } = confirming((e) => [askingCall(e, {}, { name: "ba\u202esh" })]);
  assertEquals((await refusal({ tool_name: "ba\u202esh" })).code, "other_tool");
  assertEquals((await answer({ tool_name: "ba\\u202esh" })).outcome, "sent");
});

Deno.test("confirm_tool_use does not allow a call of which too much is not shown, but denies it", async () => {
  const { answer, refusal, sent, services } = confirming((e) => [
    askingCall(e, { command: "x".repeat(4_100) }),
  ]);
  const { code, message } = await refusal();
  assertEquals(code, "input_not_shown");
  assertMatch(message, /cannot be allowed here.*A person can deny it here.*in the Console\.$/);
  const consoleUrl = "https://console.test/sessions";
  const linked = await refusal({}, { services: { ...services, consoleUrl } });
  assertMatch(
    linked.message,
    /Console: https:\/\/console\.test\/sessions\/sesn_1\?event=sevt_\d+\.$/,
  );
  assertEquals(sent, []);
  assertEquals((await answer({ result: "deny" })).outcome, "sent");
});

/** Sessions in which no decision waits under the id that the call names. */
const NOT_WAITING: readonly [string, (e: EventMaker) => SessionEvent[], string?][] = [
  ["an unknown event", (e) => [askingCall(e, {})], "sevt_unknown"],
  ["an event of another type", (e) => [askingCall(e, {})], "sevt_000002"],
  ["a call whose policy does not ask", (e) => [e.tool("bash", { evaluated_permission: "allow" })]],
  ["a call without a policy", (e) => [e.tool("bash")]],
];

for (const [what, make, event_id] of NOT_WAITING) {
  Deno.test(`confirm_tool_use sends nothing for ${what}, in the same words as for every other`, async () => {
    const { refusal, sent, ids } = confirming(make);
    const named = event_id ?? ids[0];
    const { code, message } = await refusal({ event_id: named });
    assertEquals([code, message], [
      "not_waiting",
      `No tool call of this session waits for a person's decision under event_id "${named}", so ` +
      "nothing was sent: there is no such call, it has ended, or it asks for none. " +
      "pending_actions of get_session lists what waits, and who can answer it.",
    ]);
    assertEquals(sent, []);
  });
}

Deno.test("confirm_tool_use sends nothing for a custom tool, and names the tool that answers it", async () => {
  const { refusal, sent } = confirming((e) => [e.make("agent.custom_tool_use", { name: "bash" })]);
  const { code, message } = await refusal({}, { has: () => true });
  assertEquals(code, "other_kind");
  assertMatch(
    message,
    /waits for the result of a custom tool, so nothing was sent: use submit_tool_result\.$/,
  );
  assertMatch((await refusal()).message, /so nothing was sent\.$/);
  assertEquals(sent, []);
});

Deno.test("confirm_tool_use sends a decision once, however often it is called", async () => {
  const { answer, sent } = confirming();
  const outcomes = await Promise.all([answer(), answer(), answer()]);
  const again = [await answer(), await answer({ result: "deny" })];
  assertEquals(sent.length, 1);
  assertEquals(outcomes.map(({ outcome }) => outcome).sort(), ["repeated", "repeated", "sent"]);
  assertEquals(again.map(({ outcome }) => outcome), ["repeated", "answered_elsewhere"]);
  assertMatch(String(again[0]?.next), /had the same answer already.*not sent again/);
  assertMatch(String(again[1]?.next), /Another answer came first, and this one does not count/);
});

Deno.test("confirm_tool_use sends nothing for a call that somebody else has answered", async () => {
  const { answer, take, sent, ids } = confirming();
  take({ type: "user.tool_confirmation", tool_use_id: String(ids[0]), result: "deny" });
  assertEquals((await answer()).outcome, "answered_elsewhere");
  assertEquals(sent, []);
});

Deno.test("confirm_tool_use writes an audit line for every decision, with no text in it", async () => {
  const { answer, audit, ids } = confirming();
  const principal = { id: "ci" };
  const clientInfo = { name: "a-host", version: "1" };
  await answer({ result: "deny", deny_message: "A secret reason." }, {
    principal,
    clientInfo,
    httpRequestId: "http-1",
  });
  await answer({}, { principal, clientInfo });
  const facts = { token: "ci", client: "a-host", session: "sesn_1", event: ids[0], tool: "bash" };
  const channel = "confirm_tool_use";
  const picked = audit.map(({ digest: _, why: __, ...line }) => line);
  assertEquals(picked, [
    { audit: true, ...facts, decision: "deny", outcome: "sent", channel, request_id: "http-1" },
    {
      ...{ audit: true, ...facts, decision: "allow", outcome: "answered_elsewhere", channel },
      request_id: "7",
    },
  ]);
  assert(!JSON.stringify(audit).includes("secret reason"));
  // The second decision was on a call that waited no longer.
  assertEquals(audit.map((line) => "digest" in line && line.digest !== undefined), [true, false]);
});

Deno.test("confirm_tool_use sends nothing for a caller without the right to act", async () => {
  const { answer, sent, list } = confirming();
  const callers = [
    { id: "ci", readOnly: true },
    { id: "ci", scopes: ["sessions:read", "sessions:write"] },
  ] as const;
  for (const principal of callers) {
    await assertRejects(() => answer({}, { principal }), ToolError, "Your token");
  }
  assertEquals([sent, list.requests], [[], []]);
  assertEquals(
    (await answer({}, { principal: { id: "ci", scopes: ["actions"] } })).outcome,
    "sent",
  );
});

Deno.test("confirm_tool_use makes hosts ask the person at every call", () => {
  assertEquals(confirmToolUse.meta, {
    "anthropic/requiresUserInteraction": true,
    "anthropic/searchHint": "approve or reject",
  });
  assertEquals(confirmToolUse.annotations.destructiveHint, true);
  assertMatch(confirmToolUse.description, /a person's decision.*never decide yourself/);
});
