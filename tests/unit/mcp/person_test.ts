import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CLIENT_CAPABILITIES_META_KEY,
  isInputRequiredResult,
  isSpecType,
  ProtocolError,
  SdkError,
  SdkErrorCode,
} from "@modelcontextprotocol/server";
import { DeadlineError } from "../../../src/core/abort.ts";
import { createLogger } from "../../../src/core/logger.ts";
import { type Asking, InputNeeded, personOf } from "../../../src/mcp/person.ts";
import type {
  AskedCall,
  Decision,
  PersonAnswer,
  Question,
  Round,
} from "../../../src/session/person.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { harness } from "../tools/support.ts";

const CALL: AskedCall = {
  kind: "tool_confirmation",
  eventId: "sevt_00000001",
  tool: "bash",
  input: "{}",
  leftOut: 0,
  mayAllow: true,
  digest: "d",
};
const KEY = "call_1_00000001";
const QUESTION: Question = { sessionId: "sesn_1", calls: [CALL] };
const ROUND: Round = { number: 1, remainingMs: 20_000, settled: [] };

function decided(decision: Decision): PersonAnswer {
  return { kind: "decided", decisions: new Map([[CALL.eventId, decision]]) };
}

interface Sent {
  readonly request: { readonly method: string; readonly params?: Record<string, unknown> };
  readonly options: { readonly signal?: AbortSignal; readonly timeout?: number };
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Setting {
  readonly era?: Asking["era"];
  readonly canRequest?: boolean;
  readonly capabilities?: unknown;
  readonly inputResponses?: Record<string, unknown>;
  readonly requestState?: unknown;
  readonly caller?: string;
  readonly args?: unknown;
  readonly options?: Partial<ServicesOptions>;
  /** The server of the call before, whose key and clock this one shares. */
  readonly on?: ReturnType<typeof serverOf>;
}

function serverOf(options: Partial<ServicesOptions> = {}) {
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  return { ...harness({}, { log, ...options }), lines };
}

/** A call in a hand-made context; what the server sends to the client is in `sent`. */
function callIn(setting: Setting = {}) {
  const { era = "legacy", capabilities = { elicitation: {} }, inputResponses } = setting;
  const server = setting.on ?? serverOf(setting.options);
  const sent: Sent[] = [];
  const mcpReq: Record<string, unknown> = {
    ...(era === "modern" && { envelope: { [CLIENT_CAPABILITIES_META_KEY]: capabilities } }),
    ...(inputResponses && { inputResponses }),
    requestState: () => setting.requestState,
    send: (request: Sent["request"], _schema: unknown, options: Sent["options"]) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      sent.push({ request, options, resolve, reject });
      // As the SDK does: an aborted request is rejected, and a later response dropped.
      options.signal?.addEventListener(
        "abort",
        () => reject(new SdkError(SdkErrorCode.RequestTimeout, String(options.signal?.reason))),
      );
      return promise;
    },
  };
  const person = personOf({
    era,
    canRequest: setting.canRequest ?? era === "legacy",
    capabilities: era === "legacy" ? capabilities : undefined,
    mcpReq: mcpReq as unknown as Asking["mcpReq"],
    tool: "wait_for_idle",
    args: setting.args ?? { session_id: "sesn_1" },
    ...(setting.caller !== undefined && { principal: { id: setting.caller } }),
    services: server.services,
  });
  return { person, sent, server };
}

/** What happens to a question that was asked in a running call. */
function asked(setting: Setting = {}) {
  const { person, sent, server } = callIn(setting);
  assert(person);
  const controller = new AbortController();
  const answer = person.ask(QUESTION, ROUND, controller.signal);
  answer.catch(() => {});
  const [request] = sent;
  assert(request);
  return { answer, request, controller, server };
}

const CAPABILITIES: readonly [unknown, boolean][] = [
  [{ elicitation: {} }, true],
  [{ elicitation: { form: {} } }, true],
  [{ elicitation: { form: { applyDefaults: true }, url: {} } }, true],
  [{ elicitation: { applyDefaults: true } }, true],
  [{ elicitation: { url: {} } }, false],
  [{ elicitation: true }, false],
  [{ elicitation: [] }, false],
  [{ elicitation: null }, false],
  [{ sampling: {} }, false],
  [{}, false],
  [undefined, false],
  ["elicitation", false],
];
for (const [capabilities, canAsk] of CAPABILITIES) {
  for (const era of ["legacy", "modern"] as const) {
    const verb = canAsk ? "returns a person" : "returns nobody";
    Deno.test(`personOf() ${verb} for ${JSON.stringify(capabilities)}, ${era}`, () => {
      const { person } = callIn({ era, capabilities: capabilities ?? null });
      assertEquals(person !== undefined, canAsk);
      assertEquals(person?.carried, undefined);
    });
  }
}

Deno.test("personOf() returns nobody where the older protocol comes by HTTP", () => {
  assertEquals(callIn({ canRequest: false }).person, undefined);
});

Deno.test("personOf() returns nobody where nobody is to be asked", () => {
  for (const era of ["legacy", "modern"] as const) {
    assertEquals(callIn({ era, options: { approvalTimeoutMs: 0 } }).person, undefined);
  }
});

Deno.test("personOf() asks a 2025-era client in the call, and reads its answer", async () => {
  const { answer, request, server } = asked();
  assertEquals(request.request.method, "elicitation/create");
  assert(isSpecType.ElicitRequest(request.request));
  assertEquals(request.request.params?.mode, undefined);
  request.resolve({ action: "accept", content: { [KEY]: "allow" } });
  assertEquals(await answer, decided({ result: "allow" }));
  assertEquals(server.clock.pendingTimers, 0);
});

Deno.test("personOf() reads a form with fields that the protocol does not know", async () => {
  const { answer, request } = asked();
  request.resolve({ action: "accept", content: { [KEY]: "deny", reason: null, more: { a: 1 } } });
  assertEquals(await answer, decided({ result: "deny" }));
});

Deno.test("personOf() tells the client why a question is withdrawn", async () => {
  const reasons: readonly [Error, string][] = [
    [new DeadlineError("No answer in 5 ms"), "Nobody answered in time."],
    [new Error("answered in the Console"), "The question is no longer open."],
  ];
  for (const [reason, told] of reasons) {
    const { answer, request, controller } = asked();
    controller.abort(reason);
    assertEquals(await assertRejects(() => answer), reason);
    assertEquals(request.options.signal?.reason, told);
  }
});

Deno.test("personOf() sets no time-out of its own: the signal has one", () => {
  const { request } = asked();
  assertEquals(request.options.timeout, 2 ** 31 - 1);
});

Deno.test("personOf() drops an answer that comes together with the end of the call", async () => {
  const { answer, request, controller } = asked();
  request.resolve({ action: "accept", content: { [KEY]: "allow" } });
  controller.abort(new Error("cancelled"));
  await assertRejects(() => answer, Error, "cancelled");
});

Deno.test("personOf() asks nothing for a call that is over", async () => {
  for (const era of ["legacy", "modern"] as const) {
    const { person, sent } = callIn({ era });
    const signal = AbortSignal.abort(new Error("cancelled"));
    await assertRejects(async () => await person?.ask(QUESTION, ROUND, signal), Error, "cancelled");
    assertEquals(sent.length, 0);
  }
});

Deno.test("personOf() makes of a client's error an answer, and logs no content", async () => {
  const { answer, request, server } = asked();
  request.reject(new ProtocolError(-32_602, "Invalid form: rm -rf build"));
  assertEquals(await answer, { kind: "undecided", why: "failed" });
  const log = server.lines.join("\n");
  assert(/The client could not ask a person .*code=-32602/.test(log), log);
  assert(!log.includes("rm -rf"), log);
});

/** Asks by a call of 2026-07-28, and returns the result that the client gets. */
async function resultOfAsking(setting: Setting = {}, question = QUESTION, round = ROUND) {
  const { person, server } = callIn({ ...setting, era: "modern" });
  assert(person);
  const error = await assertRejects(
    () => person.ask(question, round, new AbortController().signal),
    InputNeeded,
  );
  const { result } = error;
  const { inputRequests = {}, requestState } = result;
  assert(requestState !== undefined);
  return { result, inputRequests, requestState, server };
}

Deno.test("personOf() ends a call of 2026-07-28 with the question", async () => {
  const { result, inputRequests } = await resultOfAsking();
  assert(isInputRequiredResult(result));
  assertEquals(Object.keys(inputRequests), ["question_1"]);
  assert(isSpecType.ElicitRequest(inputRequests.question_1));
});

Deno.test("personOf() takes up the answer with the next call", async () => {
  const { requestState, server } = await resultOfAsking({ caller: "ci" });
  const { person } = callIn({
    ...{ era: "modern", on: server, caller: "ci", requestState },
    inputResponses: { question_1: { action: "accept", content: { [KEY]: "allow" } } },
  });
  assertEquals(await person?.carried?.(), {
    kind: "valid",
    sessionId: "sesn_1",
    calls: [{ kind: CALL.kind, eventId: CALL.eventId, digest: CALL.digest }],
    round: ROUND,
    answer: decided({ result: "allow" }),
  });
});

const NONE: PersonAnswer = { kind: "decided", decisions: new Map() };
const ANSWERS: readonly [string, Record<string, unknown> | undefined, PersonAnswer][] = [
  ["none", undefined, NONE],
  ["an empty one", {}, NONE],
  ["one to another round", { question_2: { action: "accept", content: { [KEY]: "allow" } } }, NONE],
  ["one of another kind", { question_1: { roots: [] } }, { kind: "undecided", why: "failed" }],
  ["a refusal", { question_1: { action: "decline" } }, { kind: "undecided", why: "declined" }],
  ["a closed form", { question_1: { action: "cancel" } }, { kind: "undecided", why: "cancelled" }],
];
for (const [what, inputResponses, expected] of ANSWERS) {
  Deno.test(`personOf() reads of a call that carries ${what} no decision`, async () => {
    const { requestState, server } = await resultOfAsking();
    const { person } = callIn({ era: "modern", on: server, requestState, inputResponses });
    const carried = await person?.carried?.();
    assertEquals(carried?.kind === "valid" && carried.answer, expected);
  });
}

const ALLOW = { question_1: { action: "accept", content: { [KEY]: "allow" } } };

/** Reads what a call with this state, and an answer that allows, carries. */
async function carriedWhy(setting: Setting): Promise<string | undefined> {
  const { person } = callIn({ era: "modern", inputResponses: ALLOW, ...setting });
  const carried = await person?.carried?.();
  return carried?.kind === "invalid" ? carried.why : carried?.kind;
}

Deno.test("personOf() lets nothing of an answer count that is not this call's, or too late", async () => {
  const { requestState, server } = await resultOfAsking({ caller: "ci" });
  const same = { on: server, caller: "ci", requestState };
  assertEquals(await carriedWhy(same), "valid");
  assertEquals(await carriedWhy({ ...same, caller: "laptop" }), "foreign");
  assertEquals(await carriedWhy({ ...same, args: { session_id: "sesn_2" } }), "foreign");
  assertEquals(await carriedWhy({ ...same, on: serverOf() }), "unreadable");
  assertEquals(await carriedWhy({ ...same, requestState: `x${requestState}` }), "unreadable");
  assertEquals(await carriedWhy({ ...same, requestState: undefined }), "unreadable");
  server.clock.correct(599_999);
  assertEquals(await carriedWhy(same), "valid");
  server.clock.correct(1);
  assertEquals(await carriedWhy(same), "expired");
});

Deno.test("personOf() reads what a call carries also where its client can ask nobody", async () => {
  const { requestState, server } = await resultOfAsking();
  for (const options of [{ capabilities: {} }, {}] satisfies Setting[]) {
    assertEquals(await carriedWhy({ on: server, requestState, ...options }), "valid");
  }
  const { person } = callIn({ era: "modern", capabilities: {}, requestState });
  const answer = await person?.ask(QUESTION, ROUND, new AbortController().signal);
  assertEquals(answer, { kind: "undecided", why: "failed" });
});

Deno.test("personOf() lets nothing count that a call of the older protocol carries", async () => {
  const { requestState, server } = await resultOfAsking();
  for (const canRequest of [true, false]) {
    assertEquals(
      await carriedWhy({ on: server, era: "legacy", canRequest, requestState }),
      "unreadable",
    );
    assertEquals(await carriedWhy({ on: server, era: "legacy", canRequest }), "unreadable");
  }
});

Deno.test("personOf() does not ask where the state would be too long", async () => {
  const { person, server } = callIn({ era: "modern" });
  const settled = Array.from({ length: 1_000 }, (_, at) => `sevt_${at}`.padEnd(100, "x"));
  const answer = await person?.ask(QUESTION, { ...ROUND, settled }, new AbortController().signal);
  assertEquals(answer, { kind: "undecided", why: "failed" });
  assert(server.lines.join().includes("too long a state"));
});

Deno.test("personOf() sets no timer for a question that ends its call", async () => {
  const { server } = await resultOfAsking();
  await settle();
  assertEquals(server.clock.pendingTimers, 0);
});
