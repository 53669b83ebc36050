import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { apiError } from "../../helpers/fake_api.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { setUp } from "./waiter_support.ts";

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

Deno.test("wait() refuses a cursor that the session's log does not have", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait({ afterId: "sevt_nowhere" });
  const error = await assertRejects(() => t.clock.runUntil(waiting), ToolError);
  assertEquals(error.code, "unknown_event");
  assertStringIncludes(error.message, "sevt_nowhere");
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

Deno.test("wait() refuses one wait too many in words that say so", async () => {
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
