import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ApiError, ToolError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/log.ts";
import type { WaitRequest } from "../../../src/session/outcome.ts";
import { createWaiter, type WaiterOptions } from "../../../src/session/waiter.ts";
import { eventMaker } from "../../helpers/events.ts";
import { apiError, FakeSession } from "../../helpers/fake_api.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

function setUp(options: Partial<WaiterOptions> = {}) {
  const clock = new ManualClock();
  const session = new FakeSession();
  const e = eventMaker(clock.now());
  const waiter = createWaiter({
    api: session.api,
    clock,
    log: silentLogger,
    random: () => 0.5,
    ...options,
  });
  const controller = new AbortController();
  const progress: string[] = [];
  const wait = (request: Partial<WaitRequest> = {}) =>
    waiter.wait({
      sessionId: "sesn_1",
      timeoutMs: 45_000,
      signal: controller.signal,
      onProgress: (message) => progress.push(message),
      ...request,
    });
  /** Nothing may be left behind by a wait that is over. */
  const assertClean = async () => {
    await settle();
    assertEquals(session.openStreams.length, 0);
    assertEquals(clock.pendingTimers, 0);
  };
  return { clock, session, e, waiter, wait, controller, progress, assertClean };
}

Deno.test("wait() answers a turn that ended before the call in two requests, without time passing", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("hello"), t.e.endTurn());
  const result = await t.wait();
  assertEquals(result.status, "idle");
  assertEquals(result.reply, "hello");
  assertEquals(result.elapsed_sec, 0);
  assertEquals(t.session.requests, ["stream", "list"]);
  await t.assertClean();
});

Deno.test("wait() says not_started for a session that never got a message", async () => {
  const t = setUp();
  const result = await t.clock.runUntil(t.wait());
  assertEquals(result.status, "not_started");
  assertEquals(result.last_event_id, undefined);
  assertStringIncludes(result.next ?? "", "send_message");
  assertEquals(t.session.requests.length, 4);
  await t.assertClean();
});

Deno.test("wait() keeps waiting on an empty log while the session reads running", async () => {
  const t = setUp();
  t.session.status = "running";
  const waiting = t.wait();
  await t.clock.advance(500);
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  assertEquals((await waiting).reply, "a");
  await t.assertClean();
});

Deno.test("wait() follows a turn to its end and tells progress", async () => {
  const t = setUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait();
  await t.clock.advance(1_000);
  const bash = t.e.tool("bash");
  t.session.emit(bash);
  await settle();
  t.session.emit(t.e.toolResult(bash.id ?? ""), t.e.text("done"));
  await t.clock.advance(12_000);
  t.session.emit(t.e.endTurn());
  const result = await waiting;
  assertEquals(result.reply, "done");
  assertEquals(result.tool_activity, [{ name: "bash", status: "done" }]);
  assertEquals(result.elapsed_sec, 13);
  assertEquals(t.progress.slice(0, 4), [
    "waiting for the agent",
    "thinking",
    "using bash",
    "wrote 4 characters",
  ]);
  assert(t.progress.some((message) => message.startsWith("still waiting")));
  await t.assertClean();
});

Deno.test("wait() ends exactly at its deadline and says how to go on", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("so far"), t.e.tool("web_search"));
  const cursor = t.session.log.at(-1)?.id ?? undefined;
  let result: Awaited<ReturnType<typeof t.wait>> | undefined;
  t.wait().then((value) => result = value);
  for (let elapsed = 0; elapsed < 40_000; elapsed += 10_000) {
    await t.clock.advance(10_000);
    t.session.heartbeat();
  }
  await t.clock.advance(4_999);
  assertEquals(result, undefined);
  await t.clock.advance(1);
  assertEquals(result?.status, "timeout");
  assertEquals(result?.reply, "so far");
  assertEquals(result?.last_event_id, cursor);
  assertStringIncludes(result?.next ?? "", "using web_search");
  assertStringIncludes(result?.next ?? "", `after_id "${cursor}"`);
  assertEquals(result?.tool_activity, [{ name: "web_search", status: "running" }]);
  await t.assertClean();
});

Deno.test("wait() ends exactly at its deadline when the API hangs, whichever request it is", async () => {
  for (const hung of ["stream", "list", "retrieve"]) {
    const t = setUp();
    t.session.before = (request) => request === hung ? new Promise(() => {}) : undefined;
    t.session.status = "running";
    const result = await t.clock.runUntil(t.wait({ timeoutMs: 20_000 }));
    assertEquals(result.status, "timeout");
    assertEquals(result.elapsed_sec, 20);
    await t.assertClean();
  }
});

Deno.test("wait() reads history when the stream's first byte is slow", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  t.session.before = (request) => request === "stream" ? new Promise(() => {}) : undefined;
  const result = await t.clock.runUntil(t.wait());
  assertEquals(result.reply, "a");
  assertEquals(result.elapsed_sec, 1.5);
  await t.assertClean();
});

Deno.test("wait() does not take the end of an earlier turn for the answer to a queued message", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  const sent = t.e.queuedUser("q2");
  t.session.emit(sent);
  const waiting = t.wait();
  await t.clock.advance(20_000);
  t.session.emit(t.e.stamped(sent), t.e.running(), t.e.text("two"), t.e.endTurn());
  const result = await waiting;
  assertEquals(result.reply, "two");
  await t.assertClean();
});

Deno.test("wait() waits for a sent event that the log does not show yet", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  const sent = t.e.user("q2");
  t.waiter.expect("sesn_1", sent.id ?? "");
  const waiting = t.wait();
  await t.clock.advance(400);
  t.session.emit(sent, t.e.running(), t.e.text("two"), t.e.endTurn());
  assertEquals((await waiting).reply, "two");
  await t.assertClean();
});

Deno.test("wait() believes the log when a sent event never shows up", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  t.waiter.expect("sesn_1", "sevt_lost");
  const result = await t.clock.runUntil(t.wait());
  assertEquals(result.status, "idle");
  assertEquals(result.elapsed_sec, 30);
  await t.assertClean();
});

Deno.test("wait() finds a queued message at the far end of a long log", async () => {
  const t = setUp();
  t.session.nullsFirst = true;
  for (let i = 0; i < 150; i++) {
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("old"), t.e.endTurn());
  }
  const sent = t.e.queuedUser("new");
  t.session.record(sent);
  const waiting = t.wait();
  await t.clock.advance(500);
  t.session.emit(t.e.stamped(sent), t.e.running(), t.e.text("answer"), t.e.endTurn());
  assertEquals((await waiting).reply, "answer");
  assertEquals(t.session.requests, ["stream", "list", "list"]);
  await t.assertClean();
});

Deno.test("wait() reads back to the beginning of a long turn", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("old"), t.e.endTurn());
  t.session.emit(t.e.user("q2"), t.e.running(), t.e.text("first"));
  for (let i = 0; i < 300; i++) t.session.emit(t.e.make("agent.thinking"));
  t.session.emit(t.e.text("last"), t.e.endTurn());
  const result = await t.wait();
  assertEquals(result.reply, "first\n\nlast");
  assertEquals(result.omitted, undefined);
  await t.assertClean();
});

const DROPS: [string, (session: FakeSession) => void][] = [
  ["a reset", (session) => session.drop()],
  ["a clean early end", (session) => session.end()],
];

for (const [name, breakOff] of DROPS) {
  Deno.test(`wait() survives ${name}: nothing lost, nothing twice`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running());
    const waiting = t.wait();
    await settle();
    t.session.emit(t.e.text("one"));
    await settle();
    breakOff(t.session);
    await settle();
    for (const event of [t.e.text("two"), t.e.text("three")]) t.session.record(event);
    await t.clock.advance(1_000);
    t.session.emit(t.e.text("four"), t.e.endTurn());
    const result = await waiting;
    assertEquals(result.reply, "one\n\ntwo\n\nthree\n\nfour");
    assertEquals(t.session.count("stream"), 2);
    await t.assertClean();
  });

  Deno.test(`wait() sees an end that happened during ${name}`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running());
    const waiting = t.wait();
    await settle();
    breakOff(t.session);
    t.session.record(t.e.text("in the gap"));
    t.session.record(t.e.endTurn());
    const result = await t.clock.runUntil(waiting);
    assertEquals(result.reply, "in the gap");
    assert(result.elapsed_sec < 1);
    await t.assertClean();
  });
}

Deno.test("wait() replaces a stream that went silent", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait({ timeoutMs: 120_000 });
  await t.clock.advance(10_000);
  t.session.record(t.e.text("unheard"));
  t.session.record(t.e.endTurn());
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.reply, "unheard");
  assert(result.elapsed_sec <= 36);
  await t.assertClean();
});

Deno.test("wait() keeps a stream that shows life by heartbeats alone", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  t.session.status = "running";
  const waiting = t.wait({ timeoutMs: 120_000 });
  for (let i = 0; i < 7; i++) {
    await t.clock.advance(15_000);
    t.session.heartbeat();
  }
  t.session.emit(t.e.text("a"), t.e.endTurn());
  assertEquals((await waiting).reply, "a");
  assertEquals(t.session.count("stream"), 1);
  assert(t.session.requests.length <= 3, t.session.requests.join(" "));
  await t.assertClean();
});

Deno.test("wait() ends by looking when no idle event ever comes", async () => {
  const t = setUp();
  t.session.status = "running";
  const waiting = t.wait();
  await t.clock.advance(200);
  t.session.emit(
    t.e.user("q", { id: undefined }),
    t.e.make("span.model_request_start"),
    t.e.make("agent.message", { id: undefined, content: [{ type: "text", text: "a" }] }),
    t.e.make("span.model_request_end"),
  );
  t.session.status = "idle";
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.status, "idle");
  assertEquals(result.reply, "a");
  assert(result.elapsed_sec < 10);
  await t.assertClean();
});

Deno.test("wait() is not fooled by a status that trails the stream", async () => {
  const t = setUp();
  t.session.status = "idle";
  const waiting = t.wait();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("thinking aloud"));
  await t.clock.advance(4_000);
  t.session.status = "running";
  await t.clock.advance(20_000);
  t.session.heartbeat();
  t.session.emit(t.e.text("answer"), t.e.endTurn());
  assertEquals((await waiting).reply, "thinking aloud\n\nanswer");
  await t.assertClean();
});

Deno.test("wait() sees that a session was archived in mid-wait", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
  const waiting = t.wait({ timeoutMs: 300_000 });
  await t.clock.advance(1_000);
  t.session.status = "terminated";
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.status, "terminated");
  assertEquals(result.reply, "part");
  await t.assertClean();
});

Deno.test("wait() says deleted when the session goes away in mid-wait", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
  const waiting = t.wait();
  await settle();
  t.session.before = () => {
    throw apiError(404);
  };
  t.session.end();
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.status, "deleted");
  assertEquals(result.reply, "part");
  await t.assertClean();
});

Deno.test("wait() rejects with the API's refusal of a session it never knew", async () => {
  for (const status of [400, 401, 403, 404]) {
    const t = setUp();
    t.session.before = () => {
      throw apiError(status);
    };
    const error = await assertRejects(() => t.clock.runUntil(t.wait()), ApiError);
    assertEquals(error.status, status);
    await t.assertClean();
  }
});

Deno.test("wait() answers from history when streams are refused", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  t.session.before = (request) => {
    if (request === "stream") throw apiError(400);
  };
  assertEquals((await t.clock.runUntil(t.wait())).reply, "a");
  await t.assertClean();
});

Deno.test("wait() outlasts rate limits and server errors, and honours retry-after", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait({ timeoutMs: 120_000 });
  await settle();
  let refuse = true;
  t.session.before = () => {
    if (refuse) throw apiError(429, 20_000);
  };
  t.session.drop();
  await t.clock.advance(1_000);
  const tried = t.session.requests.length;
  await t.clock.advance(18_000);
  assert(t.session.requests.length <= tried + 1, "no request while the API asks to wait");
  refuse = false;
  t.session.record(t.e.text("a"));
  t.session.record(t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "a");
  await t.assertClean();
});

Deno.test("wait() that never reached the API says so at its deadline and keeps the cursor", async () => {
  const t = setUp();
  t.session.before = () => {
    throw new ApiError("refused", { kind: "connect" });
  };
  const result = await t.clock.runUntil(t.wait({ timeoutMs: 10_000, afterId: "sevt_9" }));
  assertEquals(result.status, "timeout");
  assertEquals(result.last_event_id, "sevt_9");
  assertEquals(result.errors[0]?.type, "api_unreachable");
  await t.assertClean();
});

Deno.test("wait() that is cancelled rejects with the reason and frees the stream at once", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait();
  await settle();
  assertEquals(t.session.openStreams.length, 1);
  t.controller.abort(new Error("the host cancelled"));
  await assertRejects(() => waiting, Error, "the host cancelled");
  await t.assertClean();
});

Deno.test("waits on one session share a stream; the last one frees it", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("one"));
  const first = t.wait();
  await settle();
  const early = new AbortController();
  const second = t.wait({ signal: early.signal });
  const third = t.wait({ afterId: t.session.log[2]?.id ?? "" });
  await settle();
  assertEquals(t.session.count("stream"), 1);
  early.abort(new Error("gone"));
  await assertRejects(() => second, Error, "gone");
  assertEquals(t.session.openStreams.length, 1);
  t.session.emit(t.e.text("two"), t.e.endTurn());
  assertEquals((await first).reply, "one\n\ntwo");
  assertEquals((await third).reply, "two");
  await t.assertClean();
});

Deno.test("a wait that joins reads the log anew before it believes that the turn is over", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.asks("sevt_ask"));
  const other = new AbortController();
  // Parked with an answered action: this wait goes on and keeps the feed alive.
  const answer = t.e.make("user.tool_confirmation", { tool_use_id: "sevt_ask", result: "allow" });
  t.session.emit(answer);
  const first = t.wait({ signal: other.signal });
  await settle();
  t.session.record(t.e.running());
  t.session.record(t.e.text("done"));
  t.session.record(t.e.endTurn());
  t.session.record(t.e.queuedUser("next"));
  for (const stream of t.session.openStreams) {
    stream.push({ kind: "event", event: t.session.log.at(-2) ?? t.e.endTurn() });
  }
  const second = t.wait();
  await t.clock.advance(100);
  other.abort(new Error("enough"));
  await first.catch(() => {});
  const pending = await Promise.race([second.then(() => "over"), settle().then(() => "waiting")]);
  assertEquals(pending, "waiting");
  t.session.emit(t.e.running(), t.e.text("second"), t.e.endTurn());
  t.session.status = "idle";
  assertEquals((await t.clock.runUntil(second)).reply, "second");
  await t.assertClean();
});

Deno.test("wait() refuses a cursor that the session's log does not have", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const error = await assertRejects(() => t.wait({ afterId: "sevt_nowhere" }), ToolError);
  assertEquals(error.code, "unknown_event");
  assertStringIncludes(error.message, "sevt_nowhere");
  await t.assertClean();
});

Deno.test("wait() reports what a parked turn waits for, inputs hidden unless shown", async () => {
  for (const exposeToolInputs of [false, true]) {
    const t = setUp({ exposeToolInputs });
    const ask = t.e.tool("bash", { evaluated_permission: "ask", input: { command: "rm -rf /" } });
    t.session.emit(t.e.user("q"), t.e.running(), ask, t.e.asks(ask.id ?? ""));
    const result = await t.wait();
    assertEquals(result.status, "requires_action");
    assertEquals(result.pending_actions[0]?.name, "bash");
    assertEquals(JSON.stringify(result).includes("rm -rf"), exposeToolInputs);
    await t.assertClean();
  }
});

Deno.test("wait() refuses one wait too many in words that say so", async () => {
  const t = setUp({ maxOpenWaits: 1 });
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait();
  const error = await assertRejects(() => t.wait(), ToolError);
  assertEquals(error.code, "too_many_waits");
  t.session.emit(t.e.endTurn());
  await t.clock.advance(100);
  await waiting;
  t.session.emit(t.e.user("q"), t.e.running(), t.e.endTurn());
  assertEquals((await t.wait()).status, "idle");
  await t.assertClean();
});

Deno.test("close() ends every wait with what it has and refuses new ones", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("so far"));
  const waiting = t.wait();
  await settle();
  t.waiter.close();
  const result = await waiting;
  assertEquals(result.status, "timeout");
  assertEquals(result.reply, "so far");
  await assertRejects(() => t.wait(), ToolError);
  await t.assertClean();
});

Deno.test("a reply beyond the size budget keeps its newest part and says where the rest is", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  for (let i = 0; i < 2_000; i++) t.session.emit(t.e.text(`message ${i} ${"x".repeat(20)}`));
  for (let i = 0; i < 200; i++) t.session.emit(t.e.tool(`tool_${i}`));
  t.session.emit(t.e.text("the conclusion"), t.e.endTurn());
  const result = await t.wait();
  assert(result.reply.endsWith("the conclusion"));
  assert(JSON.stringify(result).length < 40_000);
  assert((result.omitted?.tools ?? 0) === 150);
  assertStringIncludes(result.next ?? "", "list_events");
  await t.assertClean();
});

Deno.test("one message beyond the size budget keeps its end", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("x".repeat(100_000) + " the end"));
  t.session.emit(t.e.endTurn());
  const result = await t.wait();
  assert(result.reply.startsWith("… x"));
  assert(result.reply.endsWith("the end"));
  assertEquals(result.omitted?.characters, 70_008);
  assertEquals(result.omitted?.after_id, t.session.log[1]?.id);
  await t.assertClean();
});
