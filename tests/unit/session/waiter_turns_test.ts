import type { DatedEvent } from "../../../src/api/event_record.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import { textDigestOf } from "../../../src/session/event_types.ts";
import { setUp } from "./waiter_support.ts";

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

Deno.test("wait() waits for a sent event that the log does not show yet", async () => {
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

Deno.test("wait() believes the log when a sent event never shows up", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  t.waiter.rememberSend("sesn_1", "sevt_lost");
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

Deno.test("wait() after a message that was just sent waits for a log that shows it late", async () => {
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

Deno.test("wait() of a queued first message is not told that nothing was sent", async () => {
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
  textDigest: textDigestOf([{ type: "text", text }]),
  mayBe: ({ at = Infinity }: DatedEvent) => at >= notBeforeMs,
});

Deno.test("wait() waits for a message of which the API told no id and the list nothing yet", async () => {
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

Deno.test("wait() takes no message for two that were sent with the same text", async () => {
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

Deno.test("wait() finds by itself the end that a buffering proxy holds back", async () => {
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

Deno.test("wait() tells at its deadline what a buffering proxy holds back", async () => {
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

Deno.test("wait() that nobody else's message can end tells of the answer that it saw pass", async () => {
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
