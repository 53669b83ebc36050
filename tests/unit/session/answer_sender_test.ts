import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import type { AttachmentBlock, ClientEvent } from "../../../src/api/types.ts";
import {
  type AnsweredBy,
  AnswerSender,
  MAX_REASON_CHARS,
  type Outcome,
} from "../../../src/session/answer_sender.ts";
import type { Decision, ShownCall } from "../../../src/session/person.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { httpError } from "../tools/support.ts";
import { askingCall, type Blocked, blockedOn, SECRET } from "./asked_support.ts";

const ALLOW: Decision = { result: "allow" };
const DENY: Decision = { result: "deny" };
const BY: AnsweredBy = { channel: "form", mayAct: () => true };

const one = (e: EventMaker) => [askingCall(e, "a")];
const two = (e: EventMaker) => [askingCall(e, "a"), askingCall(e, "b")];
const custom = (e: EventMaker) => [
  e.make("agent.custom_tool_use", { name: "weather", input: {} }),
];

/** Sends decisions on the calls as they are shown now, in their order. */
async function decide(
  session: Blocked,
  decisions: readonly (Decision | undefined)[],
  { by = BY, signal = new AbortController().signal, answers = session.services.answers } = {},
  shown?: readonly ShownCall[],
): Promise<Outcome[]> {
  const calls = shown ?? await session.waiting();
  const decided = calls.flatMap((call, index) => {
    const decision = decisions[index];
    return decision ? [{ shown: call, decision }] : [];
  });
  return await session.clock.runUntil(answers.send("sesn_1", decided, by, signal));
}

const kindsOf = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind);

/** What was sent, by the id of the call and the decision. */
const sentOf = ({ sent }: Blocked) =>
  sent.map((event) =>
    event.type === "user.tool_confirmation" ? [event.tool_use_id, event.result] : [event.type]
  );

Deno.test("denials are sent first, each decision in a request of its own, the reason with a denial", async () => {
  const session = blockedOn((e) => [...two(e), askingCall(e, "c")]);
  const deny: Decision = { result: "deny", reason: "x".repeat(MAX_REASON_CHARS + 1) };
  assertEquals(kindsOf(await decide(session, [ALLOW, deny])), ["sent", "sent"]);
  const [a = "", b = ""] = session.ids;
  const type = "user.tool_confirmation";
  assertEquals(session.sent, [
    { type, tool_use_id: b, result: "deny", deny_message: "x".repeat(MAX_REASON_CHARS) },
    { type, tool_use_id: a, result: "allow" },
  ]);
});

Deno.test("an empty reason is left out", async () => {
  const session = blockedOn(one);
  await decide(session, [{ result: "deny", reason: "" }]);
  assertEquals("deny_message" in (session.sent[0] ?? {}), false);
});

Deno.test("a decision on a subagent's call names the call alone", async () => {
  const session = blockedOn((e) => [askingCall(e, "a", { session_thread_id: "sthr_2" })]);
  await decide(session, [ALLOW]);
  assertEquals(session.sent, [
    { type: "user.tool_confirmation", tool_use_id: session.ids[0] ?? "", result: "allow" },
  ]);
});

Deno.test("nothing is sent for a call that is not the one that was shown", async () => {
  const session = blockedOn(two);
  const shown = await session.waiting();
  const { events } = session.list;
  const at = events.findIndex(({ id }) => id === session.ids[0]);
  events[at] = { ...events[at], type: "agent.tool_use", input: "rm" };
  assertEquals(kindsOf(await decide(session, [ALLOW, ALLOW], {}, shown)), ["changed", "sent"]);
  assertEquals(sentOf(session), [[session.ids[1], "allow"]]);
});

Deno.test("a call that is shown too little of cannot be allowed, and can be denied", async () => {
  const session = blockedOn((e) => [askingCall(e, "x".repeat(9_000))]);
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["changed"]);
  assertEquals(session.sent, []);
  assertEquals(kindsOf(await decide(session, [DENY])), ["sent"]);
});

Deno.test("nothing is sent for a call that was answered, or given up, meanwhile", async () => {
  const session = blockedOn(two);
  const shown = await session.waiting();
  const { e, list, ids } = session;
  list.events.push(e.make("user.tool_confirmation", { tool_use_id: ids[0], result: "deny" }));
  assertEquals(kindsOf(await decide(session, [ALLOW, ALLOW], {}, shown)), [
    "answered_elsewhere",
    "sent",
  ]);
  const interrupted = blockedOn(one);
  const before = await interrupted.waiting();
  interrupted.list.events.push(interrupted.e.make("user.interrupt"), interrupted.e.endTurn());
  assertEquals(kindsOf(await decide(interrupted, [ALLOW], {}, before)), ["gone"]);
  assertEquals([session.sent.length, interrupted.sent.length], [1, 0]);
});

Deno.test("a call that no policy lets ask, or that nobody knows, gets no answer", async () => {
  const session = blockedOn((e) => [askingCall(e, "a", { evaluated_permission: "allow" })]);
  const shown: ShownCall[] = [...session.ids, "sevt_unknown"].map((eventId) => ({
    kind: "tool_confirmation",
    eventId,
    digest: "d",
  }));
  assertEquals(kindsOf(await decide(session, [ALLOW, ALLOW], {}, shown)), ["gone", "gone"]);
  assertEquals(session.sent, []);
});

Deno.test("a refused decision was answered elsewhere where the events say so, and the others still go", async () => {
  const session = blockedOn(two);
  session.send = (event) => {
    if (session.sent.length > 1) return session.take(event);
    session.take({ ...event, result: "deny" } as ClientEvent);
    throw httpError(400);
  };
  assertEquals(kindsOf(await decide(session, [ALLOW, ALLOW])), ["answered_elsewhere", "sent"]);
  assertEquals(session.sent.length, 2);
});

Deno.test("a decision that the API refuses for another reason has failed, and can be made again", async () => {
  const session = blockedOn(one);
  session.send = () => {
    throw httpError(403, "Not you.");
  };
  const [failed] = await decide(session, [ALLOW]);
  assertEquals([failed?.kind, failed?.kind === "failed" && failed.error.message], [
    "failed",
    "Not you.",
  ]);
  session.send = session.take;
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["sent"]);
});

Deno.test("a refused decision has failed although the events cannot be read", async () => {
  const session = blockedOn(one);
  const shown = await session.waiting();
  const list = session.services.api.events.list;
  session.send = () => {
    Object.assign(session.services.api.events, { list: () => Promise.reject(httpError(500)) });
    throw httpError(400);
  };
  assertEquals(kindsOf(await decide(session, [ALLOW], {}, shown)), ["failed"]);
  Object.assign(session.services.api.events, { list });
});

Deno.test("a decision whose response is lost is found among the events, and not sent twice", async () => {
  const session = blockedOn(one);
  session.send = (event) => {
    session.take(event);
    throw new ApiError("lost", { kind: "connection_lost" });
  };
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["sent"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("a decision that is lost without a trace is unknown, and never sent again", async () => {
  const session = blockedOn(one);
  session.send = () => {
    throw new ApiError("lost", { kind: "timeout" });
  };
  const { answers } = session.services;
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["unknown"]);
  assertEquals(answers.mayHaveAnswered("sesn_1", session.ids[0] ?? ""), true);
  for (const decision of [ALLOW, DENY]) {
    assertEquals(kindsOf(await decide(session, [decision])), ["unknown"]);
  }
  const shown = await session.waiting();
  session.take({ type: "user.tool_confirmation", tool_use_id: session.ids[0] ?? "", ...ALLOW });
  assertEquals(kindsOf(await decide(session, [ALLOW], {}, shown)), ["repeated"]);
  assertEquals(kindsOf(await decide(session, [DENY], {}, shown)), ["answered_elsewhere"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("a decision of another person does not pass for a lost one", async () => {
  const session = blockedOn(one);
  session.send = (event) => {
    session.take({ ...event, result: "deny" } as ClientEvent);
    throw new ApiError("lost", { kind: "timeout" });
  };
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["answered_elsewhere"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("a repeated decision is not sent again, though the list does not show the first yet", async () => {
  const session = blockedOn(one);
  session.send = (event) => session.e.make(event.type, { ...event });
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["sent"]);
  assertEquals((await session.waiting()).length, 1);
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["repeated"]);
  assertEquals(kindsOf(await decide(session, [DENY])), ["answered_elsewhere"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("of two decisions at once the first is sent, and the second waits for what becomes of it", async () => {
  for (const [status, expected, posts] of [[0, "repeated", 1], [403, "sent", 2]] as const) {
    const session = blockedOn(one);
    const shown = await session.waiting();
    let second: Promise<Outcome[]> | undefined;
    session.send = async (event) => {
      if (second) return session.take(event);
      second = decide(session, [ALLOW], {}, shown);
      await session.clock.sleep(1_000);
      if (status === 0) return session.take(event);
      throw httpError(status);
    };
    const first = await decide(session, [ALLOW], {}, shown);
    assertEquals([kindsOf(first), kindsOf(await second ?? [])], [
      [status === 0 ? "sent" : "failed"],
      [expected],
    ]);
    assertEquals(session.sent.length, posts);
  }
});

Deno.test("a decision that waits for another one is given up with its call", async () => {
  const session = blockedOn(one);
  const shown = await session.waiting();
  const controller = new AbortController();
  let second: Promise<Outcome[]> | undefined;
  session.send = async (event) => {
    if (second) return session.take(event);
    second = decide(session, [DENY], { signal: controller.signal }, shown);
    second.catch(() => {});
    await session.clock.sleep(10_000);
    return session.take(event);
  };
  session.clock.after(1_000, () => controller.abort(new Error("gone")));
  assertEquals(kindsOf(await decide(session, [ALLOW], {}, shown)), ["sent"]);
  await assertRejects(() => second ?? Promise.resolve(), Error, "gone");
  assertEquals(session.audit.map(({ outcome, why }) => [outcome, why]), [
    ["dropped", "cancelled"],
    ["sent", undefined],
  ]);
});

Deno.test("of two replicas the first one wins", async () => {
  const session = blockedOn(one);
  const { api, eventSender, redact, log } = session.services;
  const replica = new AnswerSender({ api, eventSender, redact, log });
  const shown = await session.waiting();
  let second: Promise<Outcome[]> | undefined;
  session.send = (event) => {
    if (second) throw httpError(400, "It was answered.");
    second = decide(session, [DENY], { answers: replica }, shown);
    return session.take(event);
  };
  assertEquals(kindsOf(await decide(session, [ALLOW], {}, shown)), ["sent"]);
  assertEquals(kindsOf(await second ?? []), ["answered_elsewhere"]);
});

Deno.test("nothing is sent for a caller who may not act, asked right before each send", async () => {
  const session = blockedOn(two);
  const by = { ...BY, mayAct: () => session.sent.length === 0 };
  assertEquals(kindsOf(await decide(session, [ALLOW, ALLOW], { by })), ["sent", "dropped"]);
  assertEquals(session.sent.length, 1);
  assertEquals(session.audit.map(({ why }) => why), [undefined, "may_not_act"]);
});

Deno.test("a decision that does not fit its call is dropped", async () => {
  const answer: Decision = { result: "answer", text: "x", isError: false };
  const confirmation = blockedOn(one);
  assertEquals(kindsOf(await decide(confirmation, [answer])), ["dropped"]);
  assertEquals(confirmation.audit.map(({ why }) => why), ["misfit"]);
  const result = blockedOn(custom);
  assertEquals(kindsOf(await decide(result, [ALLOW])), ["dropped"]);
  const [call] = await result.waiting();
  assert(call);
  const forged = { ...call, kind: "tool_confirmation" } as const;
  assertEquals(kindsOf(await decide(result, [ALLOW], {}, [forged])), ["changed"]);
  assertEquals([confirmation.sent, result.sent], [[], []]);
});

Deno.test("the result of a custom tool has its text and attachments", async () => {
  const session = blockedOn(custom);
  const attachments = [
    { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
    { type: "document", source: { type: "file", file_id: "file_1" } },
  ] as const;
  const answer: Decision = { result: "answer", text: "Sunny", attachments, isError: false };
  assertEquals(kindsOf(await decide(session, [answer])), ["sent"]);
  assertEquals(session.sent, [{
    type: "user.custom_tool_result",
    custom_tool_use_id: session.ids[0] ?? "",
    content: [{ type: "text", text: "Sunny" }, ...attachments],
    is_error: false,
  }]);
  const empty = blockedOn(custom);
  await decide(empty, [{ result: "answer", text: "", isError: true }]);
  assertEquals(empty.sent[0]?.type === "user.custom_tool_result" && empty.sent[0].content, []);
});

Deno.test("the result of a custom tool is sent once, and another one is another's", async () => {
  const session = blockedOn(custom);
  const answer = (text: string): Decision => ({ result: "answer", text, isError: false });
  session.send = (event) => session.e.make(event.type, { ...event });
  assertEquals(kindsOf(await decide(session, [answer("a")])), ["sent"]);
  assertEquals(kindsOf(await decide(session, [answer("a")])), ["repeated"]);
  assertEquals(kindsOf(await decide(session, [answer("b")])), ["answered_elsewhere"]);
  assertEquals(session.sent.length, 1);
});

const image = (file_id: string): AttachmentBlock => ({
  type: "image",
  source: { type: "file", file_id },
});

Deno.test("a result with another image does not pass for one that is lost", async () => {
  for (
    const [fileId, expected] of [["file_1", "sent"], ["file_2", "answered_elsewhere"]] as const
  ) {
    const session = blockedOn(custom);
    session.send = (event) => {
      session.take({ ...event, content: [image(fileId)] } as ClientEvent);
      throw new ApiError("lost", { kind: "timeout" });
    };
    const attachments = [image("file_1")];
    const answer: Decision = { result: "answer", text: "", attachments, isError: false };
    assertEquals(kindsOf(await decide(session, [answer])), [expected], fileId);
  }
});

for (
  const [text, isError, expected] of [
    ["Sunny", false, "sent"],
    ["Rain", false, "answered_elsewhere"],
    ["Sunny", true, "answered_elsewhere"],
  ] as const
) {
  Deno.test(`a result that is lost is ${expected} where the events show ${text}, ${isError}`, async () => {
    const session = blockedOn(custom);
    session.send = (event) => {
      session.take({
        ...event,
        content: [{ type: "text", text }],
        is_error: isError,
      } as ClientEvent);
      throw new ApiError("lost", { kind: "timeout" });
    };
    const outcomes = await decide(session, [{ result: "answer", text: "Sunny", isError: false }]);
    assertEquals([kindsOf(outcomes), session.sent.length], [[expected], 1]);
  });
}

Deno.test("a decision has failed where the calls cannot be read, and is gone with its session", async () => {
  for (
    const [error, expected] of [
      [httpError(500), "failed"],
      [httpError(404, "No.", "not_found_error"), "gone"],
    ] as const
  ) {
    const session = blockedOn(one);
    const shown = await session.waiting();
    Object.assign(session.services.api.events, { list: () => Promise.reject(error) });
    assertEquals(kindsOf(await decide(session, [ALLOW], {}, shown)), [expected]);
    assertEquals(session.audit.map(({ outcome }) => outcome), [expected]);
    assertEquals(session.sent, []);
  }
});

Deno.test("nothing is read where nothing was decided", async () => {
  const session = blockedOn(one);
  assertEquals(await decide(session, [], {}, []), []);
  assertEquals([session.list.requests, session.audit], [[], []]);
});

Deno.test("what is being sent when its call is cancelled is seen through, the others are dropped", async () => {
  const session = blockedOn(two);
  const controller = new AbortController();
  session.send = async (event) => {
    controller.abort(new Error("cancelled"));
    await session.clock.sleep(1_000);
    return session.take(event);
  };
  const { signal } = controller;
  const shown = await session.waiting();
  await assertRejects(() => decide(session, [ALLOW, ALLOW], { signal }, shown), Error, "cancelled");
  assertEquals(session.audit.map(({ event, outcome, why }) => [event, outcome, why]), [
    [session.ids[0], "sent", undefined],
    [session.ids[1], "dropped", "cancelled"],
  ]);
  session.send = session.take;
  assertEquals(kindsOf(await decide(session, [ALLOW, ALLOW], {}, shown)), ["repeated", "sent"]);
  assertEquals(session.sent.length, 2);
});

Deno.test("a decision that the API refuses as its call is cancelled may be made again", async () => {
  const session = blockedOn(one);
  const controller = new AbortController();
  session.send = () => {
    controller.abort(new Error("cancelled"));
    throw httpError(429, "Not now.");
  };
  const { signal } = controller;
  await assertRejects(() => decide(session, [ALLOW], { signal }), Error, "cancelled");
  session.send = session.take;
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["sent"]);
});

Deno.test("a decision writes one audit line and one record, without input, reason and text", async () => {
  const session = blockedOn((e) => [askingCall(e, { command: "hidden-input" }, { name: SECRET })]);
  const [call] = await session.waiting();
  const by = { ...BY, caller: { token: "team-a" }, client: "Host\nforged", requestId: "7" };
  await decide(session, [{ result: "deny", reason: "hidden-reason" }], { by });
  assertEquals(session.audit, [{
    audit: true,
    token: "team-a",
    client: "Host forged",
    session: "sesn_1",
    event: session.ids[0],
    tool: "[redacted]",
    decision: "deny",
    outcome: "sent",
    why: undefined,
    digest: call?.digest,
    channel: "form",
    request_id: "7",
  }]);
  assertEquals(session.records, [{
    decision: "deny",
    sessionId: "sesn_1",
    eventId: session.ids[0] ?? "",
    tool: "[redacted]",
    digest: call?.digest ?? "",
    outcome: "sent",
    channel: "form",
  }]);
  assertEquals(/hidden/.test(JSON.stringify([session.audit, session.records])), false);
});

Deno.test("drop() writes the audit line of an answer that does not count", () => {
  const { services, audit, records } = blockedOn(one);
  services.answers.drop({ kind: "invalid", why: "expired" }, BY, "sesn_1");
  assertEquals(
    audit.map(({ token, session, decision, outcome, why }) => ({
      ...{ token, session, decision, outcome, why },
    })),
    [{
      token: "local",
      session: "sesn_1",
      decision: "unread",
      outcome: "dropped",
      why: "expired",
    }],
  );
  assertEquals(records.length, 1);
});

Deno.test("a decision that arrived as its call ended is recorded, and the call still ends", async () => {
  const session = blockedOn(two);
  const controller = new AbortController();
  session.send = (event) => {
    controller.abort(new Error("cancelled"));
    return session.take(event);
  };
  const { signal } = controller;
  const shown = await session.waiting();
  await assertRejects(() => decide(session, [ALLOW], { signal }, shown), Error, "cancelled");
  const late = () => decide(session, [undefined, ALLOW], { signal }, shown);
  await assertRejects(late, Error, "cancelled");
  assertEquals(session.audit.map(({ event, outcome }) => [event, outcome]), [
    [session.ids[0], "sent"],
    [session.ids[1], "dropped"],
  ]);
  assertEquals(session.sent.length, 1);
});

Deno.test("a result of another content does not pass for one whose arrival is not known", async () => {
  const answer = (text: string, attached: boolean): Decision => ({
    result: "answer",
    text,
    isError: false,
    ...(attached && { attachments: [image("file_1")] }),
  });
  const session = blockedOn(custom);
  const shown = await session.waiting();
  session.send = () => {
    throw new ApiError("lost", { kind: "timeout" });
  };
  assertEquals(kindsOf(await decide(session, [answer("Sunny", true)])), ["unknown"]);
  const seen = (text: string, ...images: AttachmentBlock[]): ClientEvent => ({
    type: "user.custom_tool_result",
    custom_tool_use_id: session.ids[0] ?? "",
    content: [{ type: "text", text }, ...images],
    is_error: false,
  });
  session.take(seen("Sunny", image("file_1")));
  assertEquals(kindsOf(await decide(session, [answer("Sunny", true)], {}, shown)), ["repeated"]);
  assertEquals(kindsOf(await decide(session, [answer("Sunny", false)], {}, shown)), [
    "answered_elsewhere",
  ]);
  const other = blockedOn(custom);
  const call = await other.waiting();
  other.send = session.send;
  await decide(other, [answer("Sunny", false)]);
  other.take({ ...seen("Rain"), custom_tool_use_id: other.ids[0] } as ClientEvent);
  assertEquals(kindsOf(await decide(other, [answer("Sunny", false)], {}, call)), [
    "answered_elsewhere",
  ]);
  assertEquals([session.sent.length, other.sent.length], [1, 1]);
});

Deno.test("a fault of the program leaves a decision unknown: it is not sent again, and nothing hangs", async () => {
  const session = blockedOn(one);
  session.send = () => {
    throw new TypeError("a fault");
  };
  await assertRejects(() => decide(session, [ALLOW]), TypeError, "a fault");
  assertEquals(session.audit.map(({ outcome, why }) => [outcome, why]), [["dropped", "error"]]);
  session.send = session.take;
  assertEquals(kindsOf(await decide(session, [ALLOW])), ["unknown"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("a refused decision has failed, or is gone, whatever the next read brings", async () => {
  for (
    const [sending, reading, expected] of [
      [httpError(400), new TypeError("a fault"), "failed"],
      [httpError(404, "No.", "not_found_error"), httpError(404, "No.", "not_found_error"), "gone"],
    ] as const
  ) {
    const session = blockedOn(one);
    const shown = await session.waiting();
    const { events } = session.services.api;
    const { list } = events;
    session.send = () => {
      Object.assign(events, { list: () => Promise.reject(reading) });
      throw sending;
    };
    assertEquals(kindsOf(await decide(session, [ALLOW], {}, shown)), [expected]);
    Object.assign(events, { list });
  }
});

Deno.test("an answer is remembered for its session", async () => {
  const session = blockedOn(one);
  await decide(session, [ALLOW]);
  const { services: { answers }, ids: [id = ""] } = session;
  assertEquals(["sesn_1", "sesn_2"].map((session) => answers.mayHaveAnswered(session, id)), [
    true,
    false,
  ]);
});

Deno.test("the log shows the beginning of a tool's name", async () => {
  const session = blockedOn((e) => [askingCall(e, "a", { name: "n".repeat(120) })]);
  await decide(session, [ALLOW]);
  assertEquals(session.audit[0]?.tool, `${"n".repeat(100)}…`);
});
