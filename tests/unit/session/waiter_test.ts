import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { DatedEvent } from "../../../src/api/event_record.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { contentDigestOf } from "../../../src/session/same_event.ts";
import type { WaiterOptions } from "../../../src/session/waiter.ts";
import { setUp, type WaiterSetUp } from "./waiter_support.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { apiError, FakeSession } from "../../helpers/fake_api.ts";

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

Deno.test("wait() goes on with an empty list while the session reads running", async () => {
  const t = setUp();
  t.session.status = "running";
  const waiting = t.wait();
  await t.clock.advance(500);
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  assertEquals((await waiting).reply, "a");
  await t.assertClean();
});

Deno.test("wait() follows a turn to its end and reports progress", async () => {
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
    "wrote: done",
  ]);
  assert(t.progress.some((message) => message.startsWith("still waiting")));
  await t.assertClean();
});

Deno.test("wait() ends exactly at its deadline and says how to go on", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("so far"), t.e.tool("web_search"));
  t.session.status = "running";
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

Deno.test("wait() asks for nothing more while an agent takes its time to take up the first message", async () => {
  const t = setUp();
  const sent = t.e.queuedUser("q1");
  t.session.emit(sent);
  const waiting = t.wait();
  await t.clock.advance(2_600);
  assertEquals(t.session.requests, ["stream", "list"]);
  t.session.emit(t.e.stamped(sent), t.e.running(), t.e.text("one"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "one");
  assertEquals(t.session.requests, ["stream", "list"]);
  await t.assertClean();
});

Deno.test("wait() waits for a sent event that the list does not show yet", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  const sent = t.e.user("q2");
  t.waiter.rememberSend("sesn_1", sent.id ?? "");
  const waiting = t.wait();
  await t.clock.advance(400);
  t.session.emit(sent, t.e.running(), t.e.text("two"), t.e.endTurn());
  assertEquals((await waiting).reply, "two");
  await t.assertClean();
});

Deno.test("wait() gives up a sent event that the list never shows", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  t.waiter.rememberSend("sesn_1", "sevt_lost");
  const result = await t.clock.runUntil(t.wait());
  assertEquals(result.status, "idle");
  assertEquals(result.elapsed_sec, 30);
  await t.assertClean();
});

Deno.test("wait() finds a queued message at the far end of a long list", async () => {
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

Deno.test("wait() after a send waits until the list shows the message", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  const sent = t.e.user("q2");
  t.waiter.rememberSend("sesn_1", sent.id ?? "");
  const waiting = t.wait({ afterId: sent.id ?? "" });
  await t.clock.advance(400);
  t.session.emit(sent, t.e.running(), t.e.text("two"), t.e.endTurn());
  assertEquals((await waiting).reply, "two");
  await t.assertClean();
});

Deno.test("wait() after a queued first message does not return not_started", async () => {
  const t = setUp();
  const sent = t.e.queuedUser("q");
  t.session.emit(sent);
  const waiting = t.wait();
  await t.clock.advance(5_000);
  t.session.emit(t.e.stamped(sent), t.e.running(), t.e.text("a"), t.e.endTurn());
  assertEquals((await waiting).reply, "a");
  await t.assertClean();
});

const sentText = (text: string, notBeforeMs: number) => ({
  contentDigest: contentDigestOf([{ type: "text", text }]),
  mayBe: ({ at = Infinity }: DatedEvent) => at >= notBeforeMs,
});

Deno.test("wait() waits for a message without an id that the list does not show yet", async () => {
  const t = setUp();
  t.session.emit(t.e.user("again"), t.e.running(), t.e.text("one"), t.e.endTurn());
  await t.clock.advance(60_000);
  t.waiter.rememberSend("sesn_1", undefined, sentText("again", t.clock.now()));
  const waiting = t.wait();
  await t.clock.advance(1_500);
  const at = (ms: number) => ({ processed_at: new Date(t.clock.now() + ms).toISOString() });
  t.session.emit(t.e.user("of somebody else", at(-100)));
  t.session.emit(t.e.running(), t.e.text("theirs"), t.e.endTurn());
  await t.clock.advance(100);
  t.session.emit(t.e.user("again", at(0)), t.e.running(), t.e.text("two"), t.e.endTurn());
  const result = await t.clock.runUntil(waiting);
  assertEquals([result.status, result.reply], ["idle", "two"]);
  assert(result.elapsed_sec < 3);
  await t.assertClean();
});

Deno.test("wait() does not take one message for two that were sent with the same text", async () => {
  const t = setUp();
  const message = sentText("yes", t.clock.now());
  t.waiter.rememberSend("sesn_1", undefined, message);
  t.waiter.rememberSend("sesn_1", undefined, message);
  t.session.emit(t.e.user("yes"), t.e.running(), t.e.text("one"), t.e.endTurn());
  const waiting = t.wait();
  await t.clock.advance(1_000);
  t.session.emit(t.e.user("yes"), t.e.running(), t.e.text("two"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "two");
  await t.assertClean();
});

Deno.test("wait() looks again for a cursor that the list does not show yet", async () => {
  for (const appearsMs of [400, 1_400, 3_000, 7_000]) {
    const t = setUp();
    t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
    const last = t.session.log.at(-1);
    // The list trails the stream that gave the cursor out.
    t.session.log.pop();
    const waiting = t.wait({ afterId: last?.id ?? "" });
    await t.clock.advance(appearsMs);
    if (last) t.session.record(last);
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.reply], ["idle", ""]);
    await t.assertClean();
  }
});

Deno.test("wait() on another replica waits for a message that the list does not show yet", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  const sent = t.e.queuedUser("q2");
  const waiting = t.wait({ afterId: sent.id ?? "" });
  await t.clock.advance(1_200);
  t.session.record(sent);
  await t.clock.advance(3_000);
  const pending = await Promise.race([waiting.then(() => "over"), settle().then(() => "waiting")]);
  assertEquals(pending, "waiting");
  t.session.emit(t.e.stamped(sent), t.e.running(), t.e.text("two"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "two");
  await t.assertClean();
});

Deno.test("wait() of a short time on a cursor not shown yet asks for another call", async () => {
  const t = setUp();
  const result = await t.clock.runUntil(t.wait({ afterId: "sevt_late", timeoutMs: 2_000 }));
  assertEquals([result.status, result.last_event_id], ["timeout", "sevt_latew1"]);
  await t.assertClean();
});

/** A stream that carries heartbeats and no events, as behind a proxy that buffers. */
async function heartbeats(t: ReturnType<typeof setUp>, untilMs: number): Promise<void> {
  for (let ms = 0; ms < untilMs; ms += 5_000) {
    await t.clock.advance(5_000);
    t.session.heartbeat();
  }
}

Deno.test("wait() finds the end that a buffering proxy holds back", async () => {
  for (const endsAfterMs of [2_000, 20_000, 40_000]) {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running());
    const waiting = t.wait();
    t.clock.after(endsAfterMs, () => {
      t.session.record(t.e.text("a"));
      t.session.record(t.e.endTurn());
      t.session.status = "idle";
    });
    let result: Awaited<typeof waiting> | undefined;
    waiting.then((value) => result = value);
    await heartbeats(t, 45_000);
    assertEquals([result?.status, result?.reply], ["idle", "a"], `${endsAfterMs}`);
    if (endsAfterMs < 10_000) assert((result?.elapsed_sec ?? 99) < 20);
    await t.assertClean();
  }
});

Deno.test("wait() returns at its deadline what a buffering proxy holds back", async () => {
  const t = setUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait();
  t.clock.after(30_000, () => t.session.record(t.e.text("so far")));
  await heartbeats(t, 45_000);
  const result = await waiting;
  assertEquals([result.status, result.reply], ["timeout", "so far"]);
  await t.assertClean();
});

Deno.test("wait() says how much text it left out when another client's message begins the next turn", async () => {
  const t = setUp();
  t.session.emit(t.e.user("mine"), t.e.running());
  const begun = t.session.log.at(-1)?.id;
  const waiting = t.wait();
  await t.clock.advance(1_000);
  const theirs = t.e.queuedUser("from the console");
  t.session.emit(theirs, t.e.text("for me"), t.e.endTurn());
  await t.clock.advance(100);
  t.session.emit(t.e.stamped(theirs), t.e.running(), t.e.text("for them"), t.e.endTurn());
  const result = await waiting;
  assertEquals(result.reply, "for them");
  assertEquals(result.omitted, { characters: 6, after_id: begun ?? "" });
  assertStringIncludes(result.next ?? "", "earlier messages");
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

Deno.test("a wait that joins reads the list again before it ends", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.asks("sevt_ask"));
  const other = new AbortController();
  // Blocked with an answered action: this wait goes on and keeps the feed alive.
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

Deno.test("wait() refuses a cursor that the session's list does not have", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait({ afterId: "sevt_nowhere" });
  const error = await assertRejects(() => t.clock.runUntil(waiting), ToolError);
  assertEquals(error.code, "unknown_event");
  assertStringIncludes(error.message, "sevt_nowhere");
  assertStringIncludes(error.message, "or leave after_id out.");
  await t.assertClean();
});

Deno.test("wait() reports what a blocked turn waits for, inputs hidden unless shown", async () => {
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

Deno.test("wait() refuses one wait too many, and says so", async () => {
  const t = setUp({ maxWaits: 1 });
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

Deno.test("close() ends every wait with what it has, and new ones with their own cursor", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("so far"));
  const waiting = t.wait();
  await settle();
  t.waiter.close();
  const result = await waiting;
  assertEquals(result.status, "timeout");
  assertEquals(result.reply, "so far");
  const late = await t.wait({ afterId: result.last_event_id });
  assertEquals([late.status, late.last_event_id, late.reply], [
    "timeout",
    `${result.last_event_id}w1`,
    "",
  ]);
  assertStringIncludes(late.next ?? "", `restarting). Call wait_for_idle again with after_id`);
  assertEquals((await t.wait()).last_event_id, "startw1");
  await t.assertClean();
});

Deno.test("close() ends a wait that has not read anything yet without blaming the API", async () => {
  const t = setUp();
  t.session.before = () => new Promise(() => {});
  const waiting = t.wait({ afterId: "sevt_9" });
  await settle();
  t.waiter.close();
  const { status, last_event_id, errors, omitted } = await waiting;
  assertEquals({ status, last_event_id, errors, omitted }, {
    status: "timeout",
    last_event_id: "sevt_9w1",
    errors: [],
    omitted: undefined,
  });
  await t.assertClean();
});

const ENDS: readonly (readonly [string, (t: WaiterSetUp) => unknown, string])[] = [
  ["its time is up", ({ clock }) => clock.advance(15_000), "timeout"],
  ["its caller has gone", ({ controller }) => controller.abort(new Error("gone")), "Error: gone"],
  ["the server ends", ({ waiter }) => waiter.close(), "timeout"],
];
for (const [name, happen, outcome] of ENDS) {
  Deno.test(`a wait that reads before it says that a turn is over ends when ${name}`, async () => {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running());
    const first = t.wait({ signal: new AbortController().signal });
    await settle();
    // It joins a feed, whose history is older than it is.
    const ended: string[] = [];
    t.wait({ timeoutMs: 15_000 }).then(
      ({ status }) => ended.push(status),
      (error) => ended.push(String(error)),
    );
    await settle();
    t.session.before = (request) => request === "list" ? new Promise(() => {}) : undefined;
    t.session.emit(t.e.text("done"), t.e.endTurn());
    assertEquals((await first).status, "idle");
    await settle();
    assertEquals(ended, []);
    await happen(t);
    await settle();
    assertEquals(ended, [outcome]);
    await t.assertClean();
  });
}

Deno.test("stats() counts open waits, the streams they share, and reconnects", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  assertEquals(t.waiter.stats(), { openWaits: 0, openStreams: 0, reconnects: 0 });
  const waits = [t.wait(), t.wait()];
  await settle();
  assertEquals(t.waiter.stats(), { openWaits: 2, openStreams: 1, reconnects: 0 });
  t.session.drop();
  await settle();
  assertEquals(t.waiter.stats().openStreams, 0);
  await t.clock.advance(1_000);
  assertEquals(t.waiter.stats(), { openWaits: 2, openStreams: 1, reconnects: 1 });
  t.session.emit(t.e.text("done"), t.e.endTurn());
  await Promise.all(waits);
  await settle();
  assertEquals(t.waiter.stats(), { openWaits: 0, openStreams: 0, reconnects: 1 });
  await t.assertClean();
});

Deno.test("a reply beyond the size budget keeps its newest part and says where the rest is", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  for (let i = 0; i < 2_000; i++) t.session.emit(t.e.text(`message ${i} ${"x".repeat(20)}`));
  for (let i = 0; i < 200; i++) t.session.emit(t.e.tool(`tool_${i}`));
  t.session.emit(t.e.text("the conclusion"), t.e.endTurn());
  const result = await t.clock.runUntil(t.wait());
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

Deno.test("a repeated read that waits for its turn is given up with its wait", async () => {
  const t = setUp();
  for (let i = 0; i < 80; i++) t.session.emit(t.e.user("q"), t.e.running(), t.e.endTurn());
  let lists = 0;
  t.session.before = (request) => {
    // The read of the far end fails, and the stream may not be opened again for a minute.
    if (request === "list" && ++lists === 2) throw apiError(429, 5_000);
    if (request === "list" && lists === 3) throw apiError(500);
    if (request === "stream" && lists > 0) throw apiError(429, 60_000);
  };
  const first = t.wait();
  await settle();
  t.session.drop();
  await t.clock.advance(6_000);
  const second = t.wait();
  assertEquals((await t.clock.runUntil(second, 1_000)).status, "idle");
  assertEquals((await t.clock.runUntil(first, 1_000)).status, "idle");
  await t.assertClean();
});

/** A blocked session whose answer came: one wait goes on, and keeps the feed alive. */
async function answeredButParked() {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.asks("sevt_ask"));
  t.session.emit(t.e.make("user.tool_confirmation", { tool_use_id: "sevt_ask", result: "allow" }));
  const other = new AbortController();
  const first = t.wait({ signal: other.signal }).catch(() => {});
  await settle();
  /** The end reaches the stream, what was sent after it does not. */
  const endUnseen = () => {
    const end = t.e.endTurn();
    for (const event of [t.e.running(), t.e.text("done"), end, t.e.queuedUser("next")]) {
      t.session.record(event);
    }
    for (const stream of t.session.openStreams) stream.push({ kind: "event", event: end });
  };
  const finish = async () => {
    other.abort(new Error("enough"));
    await first;
    await t.assertClean();
  };
  return { ...t, endUnseen, finish };
}

Deno.test("a wait that joins retries a failed read of the list before it ends", async () => {
  const t = await answeredButParked();
  t.endUnseen();
  let refused = 0;
  t.session.before = (request) => {
    if (request === "list" && refused++ === 0) throw apiError(529);
  };
  const second = t.wait();
  await t.clock.advance(5_000);
  assert(refused > 1);
  const pending = await Promise.race([second.then(() => "over"), settle().then(() => "waiting")]);
  assertEquals(pending, "waiting");
  t.session.emit(t.e.running(), t.e.text("second"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(second)).reply, "second");
  await t.finish();
});

Deno.test("a failed read for a verdict is retried after its pause, whatever wakes the wait", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const other = new AbortController();
  const first = t.wait({ afterId: t.session.log[1]?.id ?? "", signal: other.signal });
  await settle();
  let lists = 0;
  t.session.before = (request) => {
    if (request !== "list") return;
    lists++;
    throw apiError(529, 8_000);
  };
  const second = t.wait();
  t.session.emit(t.e.text("a"), t.e.endTurn());
  assertEquals((await first).reply, "a");
  await t.clock.advance(0);
  assertEquals(lists, 1);
  for (let i = 0; i < 5; i++) {
    t.session.emit(t.e.make("session.usage"));
    await t.clock.advance(1_000);
  }
  assertEquals(lists, 1);
  t.session.before = () => {};
  assertEquals((await t.clock.runUntil(second)).reply, "a");
  await t.assertClean();
});

Deno.test("a failed read of a feed is repeated after its pause, not at once", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait();
  await settle();
  let failed = 0;
  t.session.before = (request) => {
    if (request !== "list") return;
    failed++;
    throw apiError(529);
  };
  const before = t.session.requests.length;
  t.session.drop();
  await t.clock.advance(250);
  assertEquals(failed, 1);
  assertEquals(t.session.requests.slice(before), ["stream", "list"]);
  t.session.before = () => {};
  t.session.emit(t.e.text("a"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "a");
  await t.assertClean();
});

Deno.test("a feed that cannot reach the API does not poll beside it", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"));
  const waiting = t.wait({ timeoutMs: 120_000 });
  await settle();
  t.session.before = () => {
    throw apiError(529);
  };
  t.session.drop();
  await t.clock.advance(60_000);
  assertEquals(t.session.count("retrieve"), 0);
  t.session.before = () => {};
  t.session.record(t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).status, "idle");
  await t.assertClean();
});

// Proxies that buffer: a stream's heartbeats arrive, and none of its events.

/** Lets time pass with a heartbeat each second. */
async function pass({ clock, session }: WaiterSetUp, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    session.heartbeat();
    await clock.advance(Math.min(1_000, ms - passed));
  }
}

Deno.test("wait() shows of two sessions that are waited for at once each its own", async () => {
  const sessions = { sesn_1: new FakeSession(), sesn_2: new FakeSession() };
  const of = (id: string) => sessions[id === "sesn_1" ? "sesn_1" : "sesn_2"].api;
  const { events, sessions: others } = sessions.sesn_1.api;
  const t = setUp({
    api: {
      events: {
        ...events,
        list: (id, params, options) => of(id).events.list(id, params, options),
        stream: (id, options) => of(id).events.stream(id, options),
      },
      sessions: { ...others, retrieve: (id, options) => of(id).sessions.retrieve(id, options) },
    },
  });
  const ids = ["sesn_1", "sesn_2"] as const;
  for (const id of ids) {
    sessions[id].status = "running";
    sessions[id].emit(t.e.user("q"), t.e.running());
  }
  const waiting = ids.map((sessionId) => t.wait({ sessionId }));
  await t.clock.advance(1_000);
  for (const id of ids) sessions[id].emit(t.e.text(`reply of ${id}`), t.e.endTurn());
  const results = await t.clock.runUntil(Promise.all(waiting));
  assertEquals(results.map(({ reply }) => reply), ["reply of sesn_1", "reply of sesn_2"]);
});

const WAITS: readonly [timeoutMs: number, overAtMs: number, maxMs: number][] = [
  [5_000, 1_000, 5_000],
  [8_000, 2_000, 8_000],
  [9_999, 4_000, 9_999],
  [12_000, 2_000, 12_000],
  [45_000, 2_000, 20_000],
  [45_000, 17_000, 45_000],
  [50_000, 2_000, 20_000],
  [120_000, 2_000, 20_000],
];

for (const [timeoutMs, overAtMs, maxMs] of WAITS) {
  for (const quietMs of [0, 4_000, 6_000, 120_000, 3_600_000]) {
    for (const call of [false, true]) {
      const what = `${quietMs} ms after its ${call ? "call" : "begin"}`;
      Deno.test(`wait() of ${timeoutMs} ms, ${what}, finds an end at ${overAtMs} ms that the stream hides`, async () => {
        const t = setUp();
        t.session.status = "running";
        const question = t.e.user("q");
        const tool = t.e.tool("bash");
        t.session.emit(question, t.e.running(), ...(call ? [tool] : []));
        await t.clock.advance(3_000 + quietMs);
        const waiting = t.wait({ timeoutMs });
        await pass(t, overAtMs);
        if (call) t.session.record(t.e.toolResult(tool.id ?? ""));
        t.session.record(t.e.text("DONE"));
        t.session.record(t.e.endTurn());
        t.session.status = "idle";
        await pass(t, timeoutMs - overAtMs);
        const result = await t.clock.runUntil(waiting);
        assertEquals([result.status, result.reply], ["idle", "DONE"]);
        assert(result.elapsed_sec * 1_000 <= maxMs, `${result.elapsed_sec} s`);
        assert(t.session.requests.length <= 8, t.session.requests.join(" "));
        await t.assertClean();
      });
    }
  }
}

/** Follows some calls of a session; `seen` tells how that ended. */
async function following(t: WaiterSetUp, ids: readonly string[]) {
  const place = t.waiter.enter("sesn_1");
  const seen = { ended: "" };
  place.whileBlocked(ids, t.controller.signal).then(
    () => seen.ended = "answered",
    (error: unknown) => seen.ended = String(error),
  ).finally(() => place.release());
  await settle();
  return seen;
}

function blockedSession(options?: Partial<WaiterOptions>) {
  const t = setUp(options);
  const [a, b] = [t.e.tool("a", ASK), t.e.tool("b", ASK)];
  const ids = [a.id ?? "", b.id ?? ""];
  t.session.emit(t.e.user("q"), t.e.running(), a, b, t.e.asks(...ids));
  return { t, ids };
}

const ASK = { evaluated_permission: "ask" };

Deno.test("whileBlocked() ends when none of the calls waits any longer", async () => {
  const { t, ids } = blockedSession();
  const seen = await following(t, ids);
  await t.clock.advance(10_000);
  t.session.emit(t.e.make("user.tool_confirmation", { tool_use_id: ids[0], result: "allow" }));
  await t.clock.advance(1_000);
  assertEquals(seen.ended, "");
  t.session.emit(t.e.make("user.tool_confirmation", { tool_use_id: ids[1], result: "deny" }));
  await settle();
  assertEquals(seen.ended, "answered");
  await t.assertClean();
});

const GIVEN_UP: readonly (readonly [string, (t: WaiterSetUp) => void])[] = [
  ["an interrupt", ({ session, e }) => session.emit(e.make("user.interrupt"))],
  ["a session that went on", ({ session, e }) => session.emit(e.running())],
  ["the end of the session", ({ session, e }) => {
    session.emit(e.make("session.status_terminated"));
  }],
  ["its deletion", ({ session, e }) => session.emit(e.make("session.deleted"))],
  ["a status that says so", ({ session }) => session.status = "archived"],
  ["a key that is rejected for good", ({ session }) => {
    session.before = () => {
      throw apiError(401);
    };
    session.drop();
  }],
  ["the end of the server", ({ waiter }) => waiter.close()],
];
for (const [name, happen] of GIVEN_UP) {
  Deno.test(`whileBlocked() ends with ${name}`, async () => {
    const { t, ids } = blockedSession();
    const seen = await following(t, ids);
    assertEquals(seen.ended, "");
    happen(t);
    await t.clock.advance(30_000);
    assertEquals(seen.ended, "answered");
    await t.assertClean();
  });
}

Deno.test("whileBlocked() ends at once where the server has ended before", async () => {
  const { t, ids } = blockedSession();
  const place = t.waiter.enter("sesn_1");
  t.waiter.close();
  await place.whileBlocked(ids, t.controller.signal);
  place.release();
  await t.assertClean();
});

Deno.test("whileBlocked() goes on while a message is queued, and while the stream is broken", async () => {
  const { t, ids } = blockedSession();
  const seen = await following(t, ids);
  t.waiter.rememberSend("sesn_1", "sevt_to_come");
  t.session.drop();
  await t.clock.advance(120_000);
  assertEquals(seen.ended, "");
  t.controller.abort(new Error("gone"));
  await settle();
  assertEquals(seen.ended, "Error: gone");
  await t.assertClean();
});

Deno.test("a place holds the stream between its waits, and counts as one wait", async () => {
  const { t } = blockedSession({ maxWaits: 1 });
  const place = t.waiter.enter("sesn_1");
  const request = { sessionId: "sesn_1", timeoutMs: 5_000, signal: t.controller.signal };
  assertEquals((await t.clock.runUntil(place.wait(request))).status, "requires_action");
  await t.clock.advance(1_000);
  assertEquals(t.waiter.stats(), { openWaits: 1, openStreams: 1, reconnects: 0 });
  await assertRejects(() => t.wait(), ToolError, "1 open waits");
  assertEquals((await t.clock.runUntil(place.wait(request))).status, "requires_action");
  assertEquals(t.session.count("stream"), 1);
  place.release();
  place.release();
  assertEquals(t.waiter.stats().openWaits, 0);
  await t.assertClean();
});

Deno.test("a place whose stream failed for good connects anew for its next wait", async () => {
  const { t } = blockedSession();
  const place = t.waiter.enter("sesn_1");
  const request = { sessionId: "sesn_1", timeoutMs: 5_000, signal: t.controller.signal };
  t.session.before = () => {
    throw apiError(401);
  };
  await assertRejects(() => t.clock.runUntil(place.wait(request)), Error, "status 401");
  t.session.before = () => {};
  assertEquals((await t.clock.runUntil(place.wait(request))).status, "requires_action");
  place.release();
  await t.assertClean();
});

Deno.test("wait() tells the decisions that came after its cursor, the first one on each call", async () => {
  const t = setUp();
  const { e } = t;
  const ask = (name: string) => e.tool(name, { evaluated_permission: "ask" });
  const decide = (id: string | null | undefined, result: string, fields = {}) =>
    e.make("user.tool_confirmation", { tool_use_id: id, result, ...fields });
  const [before, one, two] = [ask("before"), ask("rm"), ask("curl")];
  t.session.emit(e.user("q"), e.running(), before, e.asks(before.id ?? ""));
  t.session.emit(decide(before.id, "allow"), e.running(), one, two);
  const asks = e.asks(one.id ?? "", two.id ?? "");
  const queued = decide(one.id, "deny", { processed_at: null });
  t.session.emit(asks, queued, decide(two.id, "allow"), e.stamped(queued));
  t.session.emit(decide(one.id, "allow"), decide(two.id, "maybe"));
  t.session.emit(e.running(), e.text("done"), e.endTurn());
  const told: unknown[] = [];
  const after = t.wait({
    afterId: asks.id ?? "",
    onDecisions: (decisions) => told.push(decisions),
  });
  await t.clock.runUntil(after);
  assertEquals(told, [[
    { eventId: two.id, name: "curl", result: "allow" },
    { eventId: one.id, name: "rm", result: "deny" },
  ]]);
  const all: number[] = [];
  await t.clock.runUntil(t.wait({ onDecisions: (decisions) => all.push(decisions.length) }));
  assertEquals(all, [3]);
  await t.assertClean();
});

Deno.test("wait() tells the result of a custom tool once, and no other tool's result", async () => {
  const t = setUp();
  const { e } = t;
  const call = e.make("agent.custom_tool_use", { name: "get_weather", input: {} });
  const own = e.tool("bash", { evaluated_permission: "allow" });
  const result = () =>
    e.make("user.custom_tool_result", { custom_tool_use_id: call.id, content: [] });
  t.session.emit(
    e.user("q"),
    e.running(),
    own,
    e.toolResult(own.id ?? ""),
    call,
    e.asks(call.id ?? ""),
  );
  t.session.emit(result(), result(), e.running(), e.text("done"), e.endTurn());
  const told: unknown[] = [];
  await t.clock.runUntil(t.wait({ onDecisions: (decisions) => told.push(...decisions) }));
  assertEquals(told, [{ eventId: call.id, name: "get_weather", result: "answer" }]);
  await t.assertClean();
});
