import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { makeProof, PROOF_MS } from "../../../src/access/proofs.ts";
import type { Principal } from "../../../src/access/principal.ts";
import { createSealer } from "../../../src/access/sealing.ts";
import { ApiError } from "../../../src/api/errors.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { createLogger } from "../../../src/core/logger.ts";
import { COULD_NOT_DO_IT } from "../../../src/session/answer_sender.ts";
import { answerToolUse } from "../../../src/tools/answer_tool_use.ts";
import { confirmToolUse } from "../../../src/tools/confirm_tool_use.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { pendingForView } from "../../../src/tools/view_actions.ts";
import { callTool } from "../../helpers/call_tool.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { askingCall } from "../session/asked_support.ts";
import { answering } from "./answer_support.ts";
import { httpError } from "./support.ts";

const TEAM: Principal = { id: "team" };

const ASKING = (e: EventMaker): SessionEvent[] => [askingCall(e, { command: "ls" })];
const CUSTOM = (e: EventMaker): SessionEvent[] => [
  e.make("agent.custom_tool_use", { name: "get_weather", input: { city: "Rome" } }),
];

/** A session that waits for a call, and the proofs that its view was given. */
async function deciding(
  make = ASKING,
  { result = "allow", askCustomTools = false, principal = TEAM as Principal | undefined } = {},
) {
  const blocked = answering(answerToolUse, make, { result });
  const services = { ...blocked.services, askCustomTools };
  const call: ToolCall = {
    signal: new AbortController().signal,
    services,
    requestId: "7",
    showsView: true,
    ...(principal && { principal }),
  };
  const { proofs = {} } = await pendingForView("sesn_1", blocked.ids, call);
  const [id = ""] = blocked.ids;
  const proof = proofs[id] ?? "";
  const defaults = { services, ...(principal && { principal }) };
  return {
    ...blocked,
    get send() {
      return blocked.send;
    },
    set send(send) {
      blocked.send = send;
    },
    services,
    call,
    proof,
    answer: (args: Readonly<Record<string, unknown>> = {}, overrides: Partial<ToolCall> = {}) =>
      blocked.answer({ proof, ...args }, { ...defaults, ...overrides }),
    refusal: (args: Readonly<Record<string, unknown>> = {}, overrides: Partial<ToolCall> = {}) =>
      blocked.refusal({ proof, ...args }, { ...defaults, ...overrides }),
  };
}

Deno.test("answer_tool_use allows a call, by the proof that its view was given", async () => {
  const { answer, sent, ids } = await deciding();
  assertEquals(await answer(), {
    session_id: "sesn_1",
    event_id: ids[0],
    result: "allow",
    outcome: "sent",
  });
  assertEquals(sent, [
    { type: "user.tool_confirmation", tool_use_id: String(ids[0]), result: "allow" },
  ]);
});

Deno.test("answer_tool_use denies a call, with the reason for the agent", async () => {
  const { answer, sent, ids } = await deciding();
  const { outcome, result } = await answer({ result: "deny", deny_message: "Not on a Friday." });
  assertEquals([outcome, result], ["sent", "deny"]);
  assertEquals(sent, [{
    type: "user.tool_confirmation",
    tool_use_id: String(ids[0]),
    result: "deny",
    deny_message: "Not on a Friday.",
  }]);
});

for (
  const [what, args, text, is_error] of [
    ["an answer", { text: "Sunny." }, "Sunny.", false],
    ["why it could not be done", { text: "No key.", is_error: true }, "No key.", true],
    ["that it could not be done", { is_error: true }, COULD_NOT_DO_IT, true],
    ["the same with an empty text", { text: "", is_error: true }, COULD_NOT_DO_IT, true],
  ] as const
) {
  Deno.test(`answer_tool_use gives the agent ${what} as a custom tool's result`, async () => {
    const { answer, sent, ids } = await deciding(CUSTOM, {
      result: "answer",
      askCustomTools: true,
    });
    const { outcome } = await answer(args);
    assertEquals(outcome, "sent");
    assertEquals(sent, [{
      type: "user.custom_tool_result",
      custom_tool_use_id: String(ids[0]),
      content: [{ type: "text", text }],
      is_error,
    }]);
  });
}

Deno.test("answer_tool_use sends nothing for arguments that do not go together", async () => {
  const decision = await deciding();
  const custom = await deciding(CUSTOM, { result: "answer", askCustomTools: true });
  const cases: readonly [
    Pick<typeof decision, "refusal">,
    Readonly<Record<string, unknown>>,
    RegExp,
  ][] = [
    [decision, { deny_message: "No." }, /^deny_message goes with result "deny" only/],
    [decision, { text: "Yes." }, /^text goes with result "answer" only/],
    [decision, { result: "deny", is_error: true }, /^is_error goes with result "answer" only/],
    [decision, { result: "deny", deny_message: "x".repeat(10_001) }, /0 to 10000 characters/],
    [custom, { text: "x", deny_message: "No." }, /^deny_message goes with result "deny" only/],
    [custom, {}, /^The result has no content, so nothing was sent: pass text, or is_error/],
    [custom, { text: "", is_error: false }, /^The result has no content/],
  ];
  for (const [{ refusal }, args, complaint] of cases) {
    const { code, message } = await refusal(args);
    assertEquals(code, "invalid_argument", message);
    assertMatch(message, complaint);
  }
  assertEquals([decision.sent, custom.sent], [[], []]);
});

Deno.test("answer_tool_use sends no answer of another kind than the call takes", async () => {
  const decision = await deciding();
  const asAnswer = await decision.refusal({ result: "answer", text: "x" });
  assertEquals(asAnswer.code, "other_kind");
  assertMatch(asAnswer.message, /takes result "allow" or "deny" only, so nothing was sent\.$/);
  const custom = await deciding(CUSTOM, { askCustomTools: true });
  for (const result of ["allow", "deny"]) {
    const { code, message } = await custom.refusal({ result });
    assertEquals(code, "other_kind");
    assertMatch(message, /takes result "answer" only, so nothing was sent\.$/);
  }
  assertEquals([decision.sent, custom.sent], [[], []]);
});

/** The error of every proof that does not count. */
const WRONG = "This proof is not one for this tool call, or its ten minutes are over, so nothing " +
  "was sent. Read the session again, and answer with the proof that comes with the call.";

/** The proof of a call that waits, made as told. */
async function proofWith(
  { services, waiting, call }: Awaited<ReturnType<typeof deciding>>,
  { principal = TEAM as Principal | undefined, sessionId = "sesn_1", fields = {}, tools = {} } = {},
): Promise<string> {
  const [asked] = await waiting();
  assert(asked && call);
  const made = await makeProof({ ...services, ...tools }, { principal }, sessionId, {
    ...asked,
    ...fields,
  });
  return made ?? "";
}

const WRONG_PROOFS: Readonly<
  Record<string, (by: Awaited<ReturnType<typeof deciding>>) => string | Promise<string>>
> = {
  "of another caller": (by) => proofWith(by, { principal: { id: "other" } }),
  "of a caller whom nobody identifies": async (by) =>
    await makeProof(by.services, {}, "sesn_1", (await by.waiting())[0] ?? fail()) ?? "",
  "of another session": (by) => proofWith(by, { sessionId: "sesn_2" }),
  "of another event": (by) => proofWith(by, { fields: { eventId: "sevt_2" } }),
  "sealed by another key": (by) => proofWith(by, { tools: { sealer: createSealer() } }),
  "that has ended": (by) => {
    const wallTime = () => by.clock.wallTime() - PROOF_MS;
    return proofWith(by, { tools: { clock: { wallTime } } });
  },
  "that is too long": ({ proof }) => proof + "A".repeat(100_000),
  "that was cut": ({ proof }) => proof.slice(0, -1),
  "that is empty": () => "",
  "that is any text": () => "allow it",
};

function fail(): never {
  throw new Error("No call waits");
}

for (const [what, make] of Object.entries(WRONG_PROOFS)) {
  Deno.test(`a proof ${what} sends nothing, reads like every other, and uses none up`, async () => {
    const deciders = await deciding();
    const { refusal, answer, sent, list, audit } = deciders;
    const proof = await make(deciders);
    const before = list.requests.length;
    const { code, message } = await refusal({ proof });
    assertEquals([code, message], ["wrong_proof", WRONG]);
    assertEquals([sent, list.requests.length], [[], before]);
    const [line] = audit;
    assertEquals(line && [line.decision, line.outcome, line.channel, line.session], [
      "unread",
      "dropped",
      "view",
      "sesn_1",
    ]);
    assertEquals((await answer()).outcome, "sent");
  });
}

Deno.test("the audit log tells why a proof did not count", async () => {
  const deciders = await deciding();
  await deciders.refusal({ proof: "x" });
  await deciders.refusal({ event_id: "sevt_2" });
  await deciders.clock.advance(PROOF_MS);
  await deciders.refusal();
  const [unreadable, foreign, expired] = deciders.audit;
  assertEquals([unreadable?.why, foreign?.why, expired?.why], ["unreadable", "foreign", "expired"]);
});

Deno.test("a decision is sent once, however often and by however many pages it is brought", async () => {
  const { answer, sent, clock, call, ids } = await deciding();
  // Each page has a proof of its own.
  await clock.advance(1_000);
  const { proofs = {} } = await pendingForView("sesn_1", ids, call);
  const proof = proofs[ids[0] ?? ""];
  const brought = [{}, { proof }, { result: "deny" }];
  const answers = await Promise.all(brought.map((args) => answer(args)));
  assertEquals(sent.length, 1);
  // Which one is first is not told: opening a proof takes its time.
  const [first, ...others] = answers.toSorted((a) => a.outcome === "sent" ? -1 : 1);
  const expected = (result: unknown) =>
    result === first?.result ? "repeated" : "answered_elsewhere";
  assertEquals(first?.outcome, "sent");
  assertEquals(others.map(({ outcome }) => outcome), others.map(({ result }) => expected(result)));
  for (const args of [{}, { proof, result: "deny" }]) {
    const { outcome, result } = await answer(args);
    assertEquals(outcome, expected(result));
  }
  assertEquals(sent.length, 1);
});

Deno.test("a proof sends nothing once somebody else has answered, or the call has gone", async () => {
  const elsewhere = await deciding();
  const tool_use_id = String(elsewhere.ids[0]);
  elsewhere.take({ type: "user.tool_confirmation", tool_use_id, result: "deny" });
  assertEquals((await elsewhere.answer()).outcome, "answered_elsewhere");
  const gone = await deciding();
  gone.list.events.push(gone.e.make("session.status_running"), gone.e.endTurn());
  assertEquals((await gone.answer()).outcome, "gone");
  assertEquals([elsewhere.sent, gone.sent], [[], []]);
});

Deno.test("a decision and one of another tool on the same call are sent once", async () => {
  const { answer, sent, call, ids } = await deciding();
  const args = { session_id: "sesn_1", event_id: ids[0], tool_name: "bash", result: "deny" };
  const [one, other] = await Promise.all([answer(), confirmToolUse.run(args, call)]);
  assertEquals(sent.length, 1);
  assertEquals([one.outcome, other.outcome].sort(), ["answered_elsewhere", "sent"]);
});

Deno.test("nothing is sent for a call whose input or tool is no longer what was shown", async () => {
  for (
    const change of [
      { input: { command: "rm -r /" } },
      { name: "python" },
      { type: "agent.custom_tool_use" },
    ]
  ) {
    for (const result of ["allow", "deny"]) {
      const { answer, sent, list, ids } = await deciding();
      const at = list.events.findIndex(({ id }) => id === ids[0]);
      const event = list.events[at];
      assert(event);
      list.events[at] = { ...event, ...change };
      assertEquals((await answer({ result })).outcome, "changed", JSON.stringify(change));
      assertEquals(sent, []);
    }
  }
});

Deno.test("a call of which too little was shown can be denied, and not allowed", async () => {
  const { answer, refusal, sent } = await deciding((e) => [askingCall(e, "x".repeat(4_100))]);
  const { code, message } = await refusal();
  assertEquals(code, "input_not_shown");
  assertMatch(message, /cannot be allowed here, and nothing was sent\..* in the Console\.$/);
  assertEquals(sent, []);
  assertEquals((await answer({ result: "deny" })).outcome, "sent");
});

Deno.test("a proof that says too much is checked against the call as it is now", async () => {
  const deciders = await deciding((e) => [askingCall(e, "x".repeat(4_100))]);
  const proof = await proofWith(deciders, { fields: { mayAllow: true } });
  assertEquals((await deciders.answer({ proof })).outcome, "changed");
  assertEquals(deciders.sent, []);
});

Deno.test("custom tools are not answered in the view unless the operator has people asked", async () => {
  const deciders = await deciding(CUSTOM, { result: "answer" });
  assertEquals(deciders.proof, "");
  const proof = await proofWith(deciders);
  const { code, message } = await deciders.refusal({ proof, text: "Sunny." });
  assertEquals(code, "not_asked");
  assertMatch(message, /nothing was sent: the program that provides the tool answers\.$/);
  assertEquals(deciders.sent, []);
});

Deno.test("a proof is of no use to a caller who has lost the right to act", async () => {
  const { refusal, answer, sent, list } = await deciding();
  const before = list.requests.length;
  for (
    const [limits, code] of [
      [{ scopes: ["sessions:read", "sessions:write"] }, "missing_scope"],
      [{ readOnly: true }, "read_only"],
    ] as const
  ) {
    assertEquals((await refusal({}, { principal: { ...TEAM, ...limits } })).code, code);
  }
  assertEquals([sent, list.requests.length], [[], before]);
  assertEquals(
    (await answer({}, { principal: { ...TEAM, scopes: ["actions"] } })).outcome,
    "sent",
  );
});

Deno.test("nothing is sent for a caller who loses the right while the call is read", async () => {
  const { refusal, sent, services } = await deciding();
  const scopes = ["actions" as const];
  const answers: typeof services.answers = Object.create(services.answers, {
    send: {
      value: (...args: Parameters<typeof services.answers.send>) => {
        scopes.length = 0;
        return services.answers.send(...args);
      },
    },
  });
  const { code, message } = await refusal({}, {
    principal: { ...TEAM, scopes },
    services: { ...services, answers },
  });
  assertEquals(code, "missing_scope");
  assertMatch(message, /^Your token no longer has the scope actions, so nothing was sent\./);
  assertEquals(sent, []);
});

Deno.test("a decision whose response is lost is not sent again", async () => {
  const deciders = await deciding();
  deciders.send = () =>
    Promise.reject(new ApiError("Lost.", { kind: "connection_lost", origin: "https://api.test" }));
  const { clock, answer, sent } = deciders;
  assertEquals((await clock.runUntil(answer())).outcome, "unknown");
  deciders.send = (event) => deciders.take(event);
  assertEquals((await clock.runUntil(answer())).outcome, "unknown");
  assertEquals(sent.length, 1);
});

Deno.test("a decision that the API refused may be sent again", async () => {
  const deciders = await deciding();
  const refused = httpError(400);
  deciders.send = () => Promise.reject(refused);
  const error = await deciders.answer().catch((error) => error);
  assertStrictEquals(error, refused);
  deciders.send = (event) => deciders.take(event);
  assertEquals((await deciders.answer()).outcome, "sent");
});

Deno.test("answer_tool_use writes an audit line for every decision, with no text in it", async () => {
  const { answer, audit, records, ids, proof } = await deciding();
  const clientInfo = { name: "a-host", version: "1" };
  await answer({ result: "deny", deny_message: "A secret reason." }, {
    clientInfo,
    httpRequestId: "http-1",
  });
  const [line] = audit;
  assertMatch(String(line?.digest), /^[\da-f]{64}$/);
  assertEquals({ ...line, digest: "" }, {
    audit: true,
    token: "team",
    client: "a-host",
    session: "sesn_1",
    event: ids[0],
    tool: "bash",
    decision: "deny",
    outcome: "sent",
    why: undefined,
    digest: "",
    channel: "view",
    request_id: "http-1",
  });
  assertEquals(records.map(({ channel, decision, outcome }) => [channel, decision, outcome]), [
    ["view", "deny", "sent"],
  ]);
  assert(!JSON.stringify(audit).includes("secret reason"));
  assert(!JSON.stringify(audit).includes(proof));
});

Deno.test("no log line has a proof, whatever becomes of the call", async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const deciders = await deciding();
  const { services, call, ids, proof } = deciders;
  const run = (args: Readonly<Record<string, unknown>>, given: Partial<ToolCall> = {}) =>
    deciders.clock.runUntil(callTool(
      answerToolUse,
      { session_id: "sesn_1", event_id: ids[0], result: "allow", proof, ...args },
      { ...call, services: { ...services, log }, ...given },
    ));
  // The API, and a bug, quote what they were given.
  for (const error of [httpError(402, proof), new Error(proof)]) {
    deciders.send = () => Promise.reject(error);
    await run({});
  }
  await run({ result: "allowed" });
  await run({ proof: [proof] });
  await run({ [proof]: proof });
  await run({}, { principal: { ...TEAM, readOnly: true } });
  await run({ proof: `${proof}A` });
  deciders.send = (event) => deciders.take(event);
  await run({});
  assert(lines.some((line) => line.includes("answer_tool_use")));
  assertEquals(lines.filter((line) => line.includes(proof.slice(0, 20))), []);
});

Deno.test("answer_tool_use is the view's alone, and says that it changes something", () => {
  const { view, scope, annotations } = answerToolUse;
  assertEquals([view, scope], ["app_only", "actions"]);
  assertEquals(annotations, confirmToolUse.annotations);
});
