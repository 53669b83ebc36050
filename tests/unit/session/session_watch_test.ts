import { assert, assertEquals, assertRejects } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { AskedCalls } from "../../../src/session/asked_calls.ts";
import type { SessionLook } from "../../../src/session/session_watch.ts";
import type { Timeline } from "../../../src/session/watched_session.ts";
import { apiError } from "../../helpers/fake_api.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { setUp, type WaiterSetUp } from "./waiter_support.ts";

const ROOM = 30_000;

interface WatchSetUp extends WaiterSetUp {
  look(isFirst?: boolean): Promise<SessionLook>;
  /** Ends the watch, and finds nothing left. */
  end(): Promise<void>;
}

function watchSetUp(): WatchSetUp {
  const t = setUp();
  return {
    ...t,
    look: (isFirst = false) =>
      t.clock.runUntil(t.waiter.look("sesn_1", { signal: t.controller.signal, isFirst })),
    end: async () => {
      await t.clock.advance(20_000);
      await t.assertClean();
    },
  };
}

function texts({ entries }: Timeline): unknown[] {
  return entries.map((entry) => entry.kind === "message" ? entry.text : entry.kind);
}

Deno.test("a look shows a running turn, and the next one only what is new", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("do it"), t.e.running(), t.e.text("a"));
  const first = await t.look(true);
  assertEquals([first.status, first.doing, first.turn?.task], ["running", "writing", "do it"]);
  const { cursor, ...whole } = first.timeline(undefined, ROOM);
  assertEquals([texts({ ...whole, cursor }), whole.is_whole], [["a"], true]);
  const bash = t.e.tool("bash");
  t.session.emit(bash, t.e.text("b"));
  await t.clock.advance(1_000);
  const second = await t.look();
  assertEquals(second.doing, "using bash");
  const news = second.timeline(cursor, ROOM);
  assertEquals([texts(news), news.is_whole], [["tool", "b"], false]);
  assertEquals(texts((await t.look()).timeline(news.cursor, ROOM)), []);
  t.session.emit(t.e.toolResult(bash.id ?? ""));
  await settle();
  const third = (await t.look()).timeline(news.cursor, ROOM);
  assertEquals(third.entries.map(({ key }) => key), [bash.id]);
  await t.end();
});

Deno.test("60 looks, a second apart, cost no more requests than one wait of a minute", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("do it"), t.e.running());
  const other = setUp();
  other.session.status = "running";
  other.session.emit(...t.session.log);
  const waited = other.wait({ timeoutMs: 60_000 });
  for (let second = 0; second < 60; second++) {
    await t.look(second === 0);
    await t.clock.advance(1_000);
    await other.clock.advance(1_000);
    for (const { session } of [t, other]) {
      if (second % 10 === 0) session.heartbeat();
    }
  }
  assertEquals((await waited).status, "timeout");
  assert(t.session.requests.length <= other.session.requests.length, t.session.requests.join());
  assertEquals(t.session.count("stream"), 1);
  assertEquals(t.waiter.stats().openWaits, 0);
  await t.end();
});

Deno.test("a look says how a turn ended as a wait does, and sees the next one begin", async () => {
  const t = watchSetUp();
  const { e } = t;
  const call = e.tool("rm", { evaluated_permission: "ask" });
  const steps: readonly [readonly SessionEvent[], string][] = [
    [[e.user("q"), e.running(), e.text("a")], "running"],
    [[call, e.asks(call.id ?? "")], "requires_action"],
    [[e.make("user.tool_confirmation", { tool_use_id: call.id, result: "allow" })], "running"],
    [[e.running(), e.toolResult(call.id ?? ""), e.text("b"), e.endTurn()], "idle"],
    [[e.user("q2")], "running"],
    [[e.running(), e.text("no"), e.idle("refusal")], "refusal"],
    [[e.user("q3"), e.running(), e.text("c"), e.idle("budget_reached")], "budget_reached"],
    [[e.user("q4"), e.running(), e.idle("retries_exhausted")], "retries_exhausted"],
    [[e.user("q5"), e.running(), e.make("session.status_terminated")], "terminated"],
    [[e.make("session.deleted")], "deleted"],
  ];
  t.session.status = "running";
  const seen: string[] = [];
  let isFirst = true;
  for (const [events] of steps) {
    t.session.emit(...events);
    await settle();
    const look = await t.look(isFirst);
    isFirst = false;
    seen.push(look.status);
    assertEquals(look.doing !== undefined, look.status === "running");
    const goesOn = look.status === "running" || look.status === "requires_action";
    assertEquals(look.turn?.ended_at === undefined, goesOn, look.status);
    if (goesOn) continue;
    t.session.status = "idle";
    const waited = await t.clock.runUntil(t.wait());
    t.session.status = "running";
    assertEquals(waited.status, look.status);
  }
  assertEquals(seen, steps.map(([, status]) => status));
  await t.end();
});

Deno.test("a look names the last event of the newest turn as the results of waits do", async () => {
  const t = watchSetUp();
  const { e } = t;
  t.session.emit(e.user("q"), e.running(), e.text("a"), e.endTurn());
  const look = await t.look(true);
  const waited = await t.clock.runUntil(t.wait());
  assertEquals(look.turn?.last_event_id, waited.last_event_id);
  const sent = e.queuedUser("q2");
  t.session.emit(sent);
  await settle();
  // Nothing of the next turn can be a cursor yet.
  const { turn } = await t.look();
  assertEquals([turn?.key, turn?.last_event_id], [sent.id, undefined]);
  await t.end();
});

Deno.test("a session without a message is not started, and has no turn", async () => {
  const t = watchSetUp();
  const look = await t.look(true);
  assertEquals([look.status, look.turn], ["not_started", undefined]);
  assertEquals(look.timeline(undefined, ROOM).entries, []);
  t.session.status = "running";
  t.session.emit(t.e.queuedUser("q"));
  await settle();
  assertEquals([(await t.look()).status, (await t.look()).turn?.task], ["running", "q"]);
  await t.end();
});

Deno.test("a message that was sent and is not among the events keeps a session running", async () => {
  const t = watchSetUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  assertEquals((await t.look(true)).status, "idle");
  t.waiter.rememberSend("sesn_1", "sevt_unseen");
  assertEquals((await t.look()).status, "running");
  await t.end();
});

Deno.test("the stream stays open for 20 seconds after the latest look, whoever waits", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  await t.look(true);
  await t.clock.advance(10_000);
  await t.look();
  await t.clock.advance(19_999);
  assertEquals(t.session.openStreams.length, 1);
  await t.clock.advance(1);
  await t.assertClean();
  // A wait keeps its own use of the feed.
  await t.look(true);
  const waiting = t.wait({ timeoutMs: 60_000 });
  await t.clock.advance(20_000);
  assertEquals(t.session.openStreams.length, 1);
  assertEquals(t.session.count("stream"), 2);
  t.session.emit(t.e.text("done"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "done");
  await t.assertClean();
});

Deno.test("a wait that joins a watch ends as soon as one by itself", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  await t.look(true);
  const startedAt = t.clock.now();
  const waiting = t.wait();
  await t.clock.advance(5_000);
  t.session.emit(t.e.text("done"), t.e.endTurn());
  const result = await waiting;
  assertEquals([result.status, result.reply, t.clock.now() - startedAt], ["idle", "done", 5_000]);
  await t.end();
});

Deno.test("a wait that joins a watch reads the list at once, so that the turn's end need not wait", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  await t.look(true);
  await t.clock.advance(5_000);
  const before = t.session.count("list");
  const waiting = t.wait();
  await settle();
  assertEquals(t.session.count("list"), before + 1);
  t.session.before = () => new Promise(() => {});
  t.session.emit(t.e.text("done"), t.e.endTurn());
  assertEquals((await waiting).reply, "done");
  t.waiter.close();
  await t.assertClean();
});

Deno.test("a wait that joins a watch reads the list at the end if it could not before", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  await t.look(true);
  let fails = true;
  t.session.before = (request) => {
    if (request === "list" && fails) throw apiError(503);
  };
  const waiting = t.wait();
  await settle();
  fails = false;
  // The stream does not show that another message was sent before the call.
  t.session.record(t.e.queuedUser("q2"));
  t.session.emit(t.e.text("done"), t.e.endTurn());
  await t.clock.advance(5_000);
  const sent = t.session.log.find(({ processed_at }) => processed_at === null);
  assert(sent);
  t.session.emit(t.e.stamped(sent), t.e.running(), t.e.text("two"), t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "two");
  await t.end();
});

Deno.test("of a turn that is longer than what is read, task and time of its beginning are known", async () => {
  const t = watchSetUp();
  const { e } = t;
  t.session.status = "running";
  t.session.emit(e.user("q0"), e.running(), e.endTurn());
  const sent = e.user("the long one");
  t.session.emit(sent, e.running());
  for (let calls = 0; calls < 4_000; calls++) {
    const use = e.tool("bash");
    t.session.log.push(use, e.toolResult(use.id ?? ""));
  }
  const { turn } = await t.look(true);
  assertEquals([turn?.key, turn?.task, turn?.started_at], [
    sent.id,
    "the long one",
    sent.processed_at,
  ]);
  const lists = t.session.count("list");
  assertEquals((await t.look(true)).turn, turn);
  assertEquals(t.session.count("list"), lists);
  t.session.status = "idle";
  t.session.emit(e.endTurn(), e.user("q2"));
  await settle();
  assertEquals((await t.look()).turn?.task, "q2");
  await t.end();
});

Deno.test("the agent's name and the title are read once, and are no reason to fail", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  t.session.before = (request) => {
    if (request === "retrieve") throw apiError(503);
  };
  assertEquals((await t.look(true)).agent, undefined);
  t.session.before = () => {};
  const before = t.session.count("retrieve");
  await t.look(true);
  await t.look(true);
  assertEquals(t.session.count("retrieve"), before + 1);
  await t.end();
});

Deno.test("a name that could not be read is read by later looks, which do not wait for it", async () => {
  const t = watchSetUp();
  t.session.agent = { name: "Researcher" };
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  const startedAt = t.clock.now();
  t.session.before = async (request) => {
    if (request !== "retrieve" || t.clock.now() - startedAt > 7_000) return;
    await t.clock.sleep(4_000);
    throw apiError(503);
  };
  assertEquals((await t.look(true)).agent, undefined);
  assertEquals(t.clock.now() - startedAt, 4_000);
  const names = [];
  for (let second = 4; second < 10; second++) {
    names.push((await t.look()).agent);
    assertEquals(t.clock.now() - startedAt, second * 1_000);
    await t.clock.advance(1_000);
  }
  assertEquals(names, [...Array(4).fill(undefined), "Researcher", "Researcher"]);
  await t.end();
});

Deno.test("a session that cannot be read fails a look as it fails a wait", async () => {
  for (const status of [404, 403]) {
    const t = watchSetUp();
    t.session.before = () => {
      throw apiError(status);
    };
    const failed = await assertRejects(() => t.look(true));
    const waited = await assertRejects(() => t.clock.runUntil(t.wait()));
    assertEquals(failed, waited);
    await t.assertClean();
    // The next look begins anew.
    t.session.before = () => {};
    assertEquals((await t.look(true)).status, "not_started");
    await t.end();
  }
});

Deno.test("a look at a session that cannot be reached says so after 8 seconds", async () => {
  const t = watchSetUp();
  t.session.before = () => {
    throw apiError(503);
  };
  const startedAt = t.clock.now();
  const look = await t.look(true);
  assertEquals(look.status, "reading");
  assertEquals(look.connectionError, "The API fails: this server is trying again.");
  assertEquals(t.clock.now() - startedAt, 8_000);
  t.session.before = () => {};
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  await t.clock.advance(10_000);
  const next = await t.look();
  assertEquals([next.status, next.connectionError], ["idle", undefined]);
  await t.end();
});

Deno.test("a look during a lost connection shows what is known", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"));
  await t.look(true);
  t.session.before = () => {
    throw apiError(500);
  };
  t.session.drop();
  await t.clock.advance(1_000);
  const look = await t.look();
  assertEquals([look.status, texts(look.timeline(undefined, ROOM))], ["running", ["a"]]);
  assertEquals(look.connectionError, "The API fails: this server is trying again.");
  t.session.before = () => {};
  t.session.record(t.e.text("b"));
  t.session.record(t.e.endTurn());
  t.session.status = "idle";
  await t.clock.advance(10_000);
  const next = await t.look();
  assertEquals([next.status, next.connectionError], ["idle", undefined]);
  assertEquals(texts(next.timeline(undefined, ROOM)), ["a", "b"]);
  await t.end();
});

Deno.test("a session that was deleted is not said to be out of reach", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"));
  await t.look(true);
  t.session.emit(t.e.make("session.deleted"));
  t.session.before = () => {
    throw apiError(500);
  };
  t.session.drop();
  for (let second = 0; second < 5; second++) {
    await t.clock.advance(1_000);
    const { status, connectionError } = await t.look();
    assertEquals([status, connectionError], ["deleted", undefined]);
  }
  await t.end();
});

Deno.test("a look that is cancelled ends at once, and the watch goes on for the others", async () => {
  const t = watchSetUp();
  t.session.before = () => new Promise(() => {});
  const cancelled = new AbortController();
  const options = { signal: cancelled.signal, isFirst: true };
  const first = t.waiter.look("sesn_1", options);
  await settle();
  cancelled.abort(new Error("gone"));
  assertEquals((await assertRejects(() => first)).message, "gone");
  await assertRejects(() => t.waiter.look("sesn_1", options));
  assertEquals((await t.look()).status, "reading");
  await t.end();
});

Deno.test("the end of the server ends looks and watches", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  await t.look(true);
  t.waiter.close();
  await t.assertClean();
  await assertRejects(() => t.look(true), Error, "restarting");
  await t.assertClean();
});

Deno.test("100 sessions are watched, and what is beyond is seen as well, by reading it at each look", async () => {
  const t = watchSetUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"));
  const look = (id: number) =>
    t.clock.runUntil(
      t.waiter.look(`sesn_${id}`, { signal: t.controller.signal, isFirst: false }),
    );
  for (let round = 0; round < 3; round++) {
    const streams = t.session.count("stream");
    const looks = [];
    for (let id = 0; id < 150; id++) looks.push(await look(id));
    for (const [id, one] of looks.entries()) {
      assertEquals([one.status, one.isKept], ["running", id < 100], `session ${id}`);
      assertEquals(texts(one.timeline(undefined, ROOM)), ["a"]);
    }
    await t.clock.advance(1_000);
    assertEquals(t.session.openStreams.length, 100);
    assertEquals(t.session.count("stream") - streams, round === 0 ? 150 : 50);
  }
  // Nobody looks at the first ones any more: others take their place.
  await t.clock.advance(20_000);
  assertEquals((await look(149)).isKept, true);
  await t.end();
});

Deno.test("calls that wait are read in a session that is not kept", async () => {
  const t = watchSetUp();
  const call = t.e.tool("rm", { evaluated_permission: "ask" });
  t.session.status = "idle";
  t.session.emit(t.e.user("q"), t.e.running(), call, t.e.asks(call.id ?? ""));
  const look = (id: number) =>
    t.clock.runUntil(
      t.waiter.look(`sesn_${id}`, { signal: t.controller.signal, isFirst: false }),
    );
  for (let id = 0; id < 100; id++) await look(id);
  const beyond = await look(100);
  const asked: AskedCalls = { waiting: [], tools: new Map(), answers: new Map() };
  const read = async (signal: AbortSignal) => {
    await t.clock.sleep(3_000);
    signal.throwIfAborted();
    return asked;
  };
  assertEquals(await t.clock.runUntil(beyond.askedCalls(read)), []);
  await t.clock.advance(1);
  assertEquals(t.session.openStreams.length, 100);
  await t.end();
});

Deno.test("the calls that wait are read once while nothing changes, and again while the list lags", async () => {
  const t = watchSetUp();
  const { e } = t;
  const call = e.tool("rm", { evaluated_permission: "ask" });
  let reads = 0;
  const asked = (names: readonly string[]) => (signal: AbortSignal): Promise<AskedCalls> => {
    reads++;
    signal.throwIfAborted();
    const tools = new Map(names.map((id) => [id, "rm"]));
    return Promise.resolve({ waiting: [], answers: new Map(), tools });
  };
  t.session.emit(e.user("q"), e.running());
  t.session.status = "running";
  await (await t.look(true)).askedCalls(asked([]));
  assertEquals(reads, 0);
  t.session.emit(call, e.asks(call.id ?? ""));
  t.session.status = "idle";
  await settle();
  for (const [names, total] of [[[], 1], [[], 2], [[call.id ?? ""], 3], [[], 3]] as const) {
    await (await t.look()).askedCalls(asked(names));
    assertEquals(reads, total);
  }
  t.session.emit(e.make("user.tool_confirmation", { tool_use_id: call.id, result: "allow" }));
  await settle();
  await (await t.look()).askedCalls(asked([]));
  assertEquals(reads, 3);
  await t.end();
});

Deno.test("calls that wait for long are read again every 15 seconds, however often they are looked at", async () => {
  const t = watchSetUp();
  const { e } = t;
  const call = e.tool("rm", { evaluated_permission: "ask" });
  t.session.emit(e.user("q"), e.running(), call, e.asks(call.id ?? ""));
  let reads = 0;
  const read = (): Promise<AskedCalls> => {
    reads++;
    const tools = new Map([[call.id ?? "", "rm"]]);
    return Promise.resolve({ waiting: [], answers: new Map(), tools });
  };
  await t.look(true);
  const seen: number[] = [];
  for (let second = 0; second <= 45; second++) {
    await (await t.look()).askedCalls(read);
    if (second % 15 === 14 || second % 15 === 0) seen.push(reads);
    await t.clock.advance(1_000);
  }
  assertEquals(seen, [1, 1, 2, 2, 3, 3, 4]);
  await t.end();
});

Deno.test("calls whose reading fails are read again", async () => {
  const t = watchSetUp();
  const { e } = t;
  const call = e.tool("rm", { evaluated_permission: "ask" });
  t.session.emit(e.user("q"), e.running(), call, e.asks(call.id ?? ""));
  const look = await t.look(true);
  const failing = () => Promise.reject(apiError(503));
  await assertRejects(() => look.askedCalls(failing));
  await assertRejects(() => look.askedCalls(failing));
  const waiting = await look.askedCalls(() =>
    Promise.resolve({ waiting: [], answers: new Map(), tools: new Map() })
  );
  assertEquals(waiting, []);
  await t.end();
});
