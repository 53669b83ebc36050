import { assert, assertEquals } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import { apiError } from "../../helpers/fake_api.ts";
import { setUp } from "./waiter_support.ts";

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

Deno.test("a wait that joins and cannot read the log anew tries again before it answers", async () => {
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

Deno.test("a verdict that cannot be read waits its time, whatever wakes the wait", async () => {
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

Deno.test("a failed read of a feed is repeated by plan, not at once", async () => {
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

Deno.test("a feed that cannot reach the API does not look beside it", async () => {
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
