import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { WaitResult } from "../../../src/session/result.ts";
import { apiError } from "../../helpers/fake_api.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { setUp, type WaiterSetUp } from "./waiter_support.ts";
import type { EventMaker } from "../../helpers/events.ts";

/** What happens at a moment of a wait, in milliseconds from its start. */
type Moment = readonly [atMs: number, happens: () => void];

/** Plays what happens while a wait is open. */
async function play(
  { clock }: WaiterSetUp,
  waiting: Promise<WaitResult>,
  moments: readonly Moment[],
): Promise<WaitResult> {
  let result: WaitResult | undefined;
  waiting.then((value) => result = value, () => {});
  let now = 0;
  for (const [atMs, happens] of moments) {
    await clock.advance(atMs - now);
    now = atMs;
    happens();
    await settle();
  }
  return result ?? await clock.runUntil(waiting);
}

/** Starts a turn, or ends it, by events and by the session's status. */
function begin({ session, e }: WaiterSetUp): void {
  session.status = "running";
  session.emit(e.running());
}

function end({ session, e }: WaiterSetUp, ...events: SessionEvent[]): void {
  session.status = "idle";
  session.emit(...events, e.endTurn());
}

/** Shows an event on the stream and stamps it where it stands in the list. */
function stampInPlace({ session, e }: WaiterSetUp, queued: SessionEvent): void {
  const stamped = e.stamped(queued);
  const at = session.log.findIndex(({ id }) => id === queued.id);
  session.log[at] = stamped;
  for (const stream of session.openStreams) stream.push({ kind: "event", event: stamped });
}

const texts = (result: WaitResult) => [result.status, result.reply];

for (const status of ["active", "RUNNING", "in_progress", "requires_action", "paused"]) {
  Deno.test(`wait() goes on while a session reads '${status}'`, async () => {
    const t = setUp();
    t.session.status = status;
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("one"));
    const result = await play(t, t.wait(), [[30_000, () => end(t, t.e.text("two"))]]);
    assertEquals(texts(result), ["idle", "one\n\ntwo"]);
    await t.assertClean();
  });
}

Deno.test("wait() ends when a session reads failed, in whatever case", async () => {
  const t = setUp();
  t.session.status = "FAILED";
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("one"));
  assertEquals(texts(await t.clock.runUntil(t.wait())), ["terminated", "one"]);
  await t.assertClean();
});

for (const withCursor of [true, false]) {
  Deno.test(`wait() ${withCursor ? "after" : "without"} a message that is stamped in its old place waits for its turn`, async () => {
    const t = setUp();
    const second = t.e.queuedUser("q2");
    t.session.nullsInPlace = true;
    t.session.emit(t.e.user("q1"), t.e.running(), second, t.e.text("one"), t.e.endTurn());
    stampInPlace(t, second);
    const cursor = withCursor ? { afterId: second.id ?? "" } : {};
    const result = await play(t, t.wait(cursor), [
      [1_500, () => begin(t)],
      [2_000, () => end(t, t.e.text("two"))],
    ]);
    assertEquals(texts(result), ["idle", "two"]);
    await t.assertClean();
  });
}

Deno.test("wait() after the last of three messages, chained over drops, returns all text once", async () => {
  const t = setUp();
  const [second, third] = [t.e.queuedUser("q2"), t.e.queuedUser("q3")];
  t.session.nullsInPlace = true;
  t.session.status = "running";
  t.session.emit(t.e.user("q1"), t.e.running(), second, third);
  const words: string[] = [];
  let cursor = third.id ?? "";
  const steps: readonly (readonly Moment[])[] = [
    [[500, () => t.session.emit(t.e.text("one"))], [1_000, () => end(t)], [1_500, () => {
      stampInPlace(t, second);
      t.session.drop();
    }]],
    [[500, () => begin(t)], [1_000, () => t.session.emit(t.e.text("two"))], [1_500, () => {
      end(t, t.e.text("more"));
      stampInPlace(t, third);
      t.session.drop();
    }]],
    [[1_000, () => begin(t)], [2_000, () => end(t, t.e.text("three"))]],
  ];
  for (const step of steps) {
    const result = await play(t, t.wait({ timeoutMs: 5_000, afterId: cursor }), step);
    words.push(...result.reply.split("\n\n").filter((word) => word !== ""));
    cursor = result.last_event_id ?? "";
  }
  assertEquals(words.at(-1), "three");
  assertEquals(new Set(words).size, words.length, `a word twice: ${words}`);
  await t.assertClean();
});

for (const stamps of [true, false]) {
  Deno.test(`wait() after a message received in a turn asks the session (processed_at: ${stamps})`, async () => {
    const t = setUp();
    const made = (event: SessionEvent) => stamps ? event : { ...event, processed_at: undefined };
    const log = [t.e.user("q1"), t.e.running(), t.e.user("q2"), t.e.text("one"), t.e.endTurn()];
    t.session.status = "running";
    t.session.emit(...log.map(made));
    const afterId = log[2]?.id ?? "";
    const result = await play(t, t.wait({ afterId }), [
      [3_000, () => t.session.emit(made(t.e.running()))],
      [3_100, () => {
        t.session.status = "idle";
        t.session.emit(made(t.e.text("two")), made(t.e.endTurn()));
      }],
    ]);
    assertEquals(texts(result), ["idle", "two"]);
    await t.assertClean();
  });
}

Deno.test("wait() after a message that joined a turn ends as soon as the session has been seen idle", async () => {
  const t = setUp();
  const log = [t.e.user("q1"), t.e.running(), t.e.user("q2"), t.e.text("both"), t.e.endTurn()];
  t.session.emit(...log);
  const result = await t.clock.runUntil(t.wait({ afterId: log[2]?.id ?? "" }));
  assertEquals(texts(result), ["idle", "both"]);
  assert(result.elapsed_sec < 4, `${result.elapsed_sec} s`);
  assert(t.session.requests.length <= 8, `${t.session.requests}`);
  await t.assertClean();
});

Deno.test("wait() after an end goes on while the session reads running", async () => {
  const t = setUp();
  await t.clock.advance(60_000);
  const log = [t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn()];
  t.session.status = "running";
  t.session.emit(...log);
  const result = await play(t, t.wait({ afterId: log[3]?.id ?? "" }), [
    [3_000, () => t.session.emit(t.e.running())],
    [3_500, () => end(t, t.e.text("two"))],
  ]);
  assertEquals(texts(result), ["idle", "two"]);
  await t.assertClean();
});

Deno.test("wait() after an end costs one status poll where nothing comes", async () => {
  const t = setUp();
  await t.clock.advance(60_000);
  const log = [t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn()];
  t.session.emit(...log);
  const result = await t.wait({ afterId: log[3]?.id ?? "" });
  assertEquals([...texts(result), result.elapsed_sec], ["idle", "", 0]);
  assertEquals(t.session.requests, ["stream", "list", "retrieve"]);
  await t.assertClean();
});

Deno.test("wait() after an end returns terminated when the session is", async () => {
  const t = setUp();
  await t.clock.advance(60_000);
  const log = [t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn()];
  t.session.status = "terminated";
  t.session.emit(...log);
  const result = await t.wait({ afterId: log[3]?.id ?? "" });
  assertEquals(result.status, "terminated");
  assertStringIncludes(result.next ?? "", "create_session");
  await t.assertClean();
});

Deno.test("wait() relies on the events when the session cannot be read", async () => {
  const t = setUp();
  await t.clock.advance(60_000);
  const log = [t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn()];
  t.session.emit(...log);
  t.session.before = (request) => {
    if (request === "retrieve") throw apiError(500);
  };
  const result = await t.clock.runUntil(t.wait({ afterId: log[3]?.id ?? "" }));
  assertEquals(texts(result), ["idle", ""]);
  assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
  await t.assertClean();
});

for (const fields of [{ id: undefined, processed_at: undefined }, {}]) {
  const kind = "id" in fields ? "that a connection begins with" : "under a new id";
  Deno.test(`wait() takes an idle event ${kind} for no answer`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
    const second = t.e.user("q2");
    t.session.emit(second);
    const idle = t.e.make("session.status_idle", { stop_reason: { type: "end_turn" }, ...fields });
    const result = await play(t, t.wait({ afterId: second.id ?? "" }), [
      [
        100,
        () =>
          t.session.openStreams.forEach((stream) => stream.push({ kind: "event", event: idle })),
      ],
      [2_500, () => begin(t)],
      [3_000, () => end(t, t.e.text("two"))],
    ]);
    assertEquals(texts(result), ["idle", "two"]);
    await t.assertClean();
  });
}

Deno.test("wait() reads the list before it says that a turn ended without text", async () => {
  const t = setUp();
  t.session.status = "running";
  t.session.emit(t.e.user("q"), t.e.running());
  const result = await play(t, t.wait(), [[700, () => {
    const [words, idle] = [t.e.text("words"), t.e.endTurn()];
    t.session.status = "idle";
    t.session.record(words);
    t.session.emit(idle);
  }]]);
  assertEquals(texts(result), ["idle", "words"]);
  assertEquals(t.session.requests, ["stream", "list", "list"]);
  await t.assertClean();
});

Deno.test("wait() waits for a sandbox that takes 20 s to begin a turn", async () => {
  const t = setUp();
  const sent = t.e.user("q");
  t.session.emit(sent);
  const result = await play(t, t.wait({ afterId: sent.id ?? "" }), [
    [20_000, () => begin(t)],
    [21_000, () => end(t, t.e.text("words"))],
  ]);
  assertEquals(texts(result), ["idle", "words"]);
  await t.assertClean();
});

Deno.test("wait() says that a message got no reply when no turn began for it", async () => {
  const t = setUp();
  const sent = t.e.user("q");
  t.session.emit(sent);
  const afterId = sent.id ?? "";
  const short = await t.clock.runUntil(t.wait({ afterId, timeoutMs: 20_000 }));
  assertEquals(short.status, "timeout");
  const long = await t.clock.runUntil(t.wait({ afterId, timeoutMs: 50_000 }));
  assertEquals(texts(long), ["idle", ""]);
  assertStringIncludes(long.next ?? "", "A message was not answered");
  assertStringIncludes(long.next ?? "", `after_id "${afterId}"`);
  await t.assertClean();
});

Deno.test("wait() ends with the answer to a message that a server leaves unstamped", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.text("one"), t.e.endTurn());
  t.session.nullsInPlace = true;
  t.session.emit(t.e.queuedUser("q2"), t.e.running(), t.e.text("two"), t.e.endTurn());
  const result = await t.clock.runUntil(t.wait());
  assertEquals(texts(result), ["idle", "two"]);
  assert(result.elapsed_sec < 30, `${result.elapsed_sec} s`);
  await t.assertClean();
});

Deno.test("wait() ends when a message went with an interrupt, and says that it was not answered", async () => {
  const t = setUp();
  const sent = t.e.queuedUser("q2");
  t.session.emit(t.e.user("q1"), t.e.running(), sent);
  t.session.emit(t.e.make("user.interrupt"), t.e.endTurn());
  t.session.nullsInPlace = true;
  const result = await t.clock.runUntil(t.wait({ afterId: sent.id ?? "" }));
  assertEquals(texts(result), ["idle", ""]);
  assertStringIncludes(result.next ?? "", "A message was not answered");
  await t.assertClean();
});

Deno.test("wait() returns no cursor that stands before text that it has returned", async () => {
  const t = setUp();
  t.session.nullsInPlace = true;
  const second = t.e.queuedUser("q2");
  t.session.emit(t.e.user("q1"), t.e.running(), second);
  const told = await play(t, t.wait({ timeoutMs: 2_000 }), [
    [500, () => end(t, t.e.text("one"))],
    [1_000, () => stampInPlace(t, second)],
  ]);
  assertEquals(texts(told), ["timeout", "one"]);
  const rest = await play(t, t.wait({ afterId: told.last_event_id ?? "" }), [
    [500, () => begin(t)],
    [1_000, () => end(t, t.e.text("two"))],
  ]);
  assertEquals([...texts(rest), rest.omitted], ["idle", "two", undefined]);
  await t.assertClean();
});

Deno.test("wait() goes on with a session that was terminated and runs again", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.make("session.status_terminated"));
  t.session.emit(t.e.user("q2"));
  begin(t);
  const result = await play(t, t.wait(), [[2_000, () => end(t, t.e.text("two"))]]);
  assertEquals(texts(result), ["idle", "two"]);
  await t.assertClean();
});

Deno.test("wait() ends when a message was sent to a session that stays terminated", async () => {
  const t = setUp();
  t.session.status = "terminated";
  t.session.emit(t.e.user("q1"), t.e.running(), t.e.make("session.status_terminated"));
  t.session.emit(t.e.queuedUser("q2"));
  const result = await t.clock.runUntil(t.wait());
  assertEquals(result.status, "terminated");
  assert(result.elapsed_sec < 5, `${result.elapsed_sec} s`);
  await t.assertClean();
});

Deno.test("wait() goes on while only a subagent's thread is idle", async () => {
  const t = setUp();
  t.session.status = "running";
  const child = { session_thread_id: "sthr_2", agent_name: "sub" };
  t.session.emit(t.e.user("q"), t.e.running(), t.e.make("session.thread_created", child));
  const result = await play(t, t.wait(), [
    [600, () => t.session.emit(t.e.make("session.status_idle", child))],
    [2_500, () => end(t, t.e.text("words"))],
  ]);
  assertEquals(texts(result), ["idle", "words"]);
  await t.assertClean();
});

// Servers that go idle while a tool is at work: what the session's own status says then.

for (const atMs of [100, 1_000, 4_000, 14_000]) {
  Deno.test(`wait() returns what a buffered stream hid after an early idle, ${atMs} ms on`, async () => {
    const t = setUp();
    const call = t.e.tool("bash");
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("PART"), call, t.e.endTurn());
    const waiting = t.wait();
    await t.clock.advance(atMs);
    t.session.record(t.e.toolResult(call.id ?? ""));
    t.session.record(t.e.text("DONE"));
    t.session.record(t.e.endTurn());
    t.session.status = "idle";
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.reply], ["idle", "PART\n\nDONE"]);
    assertEquals(result.tool_activity, [{ name: "bash", status: "done" }]);
    await t.assertClean();
  });
}

const CALLS: Readonly<Record<string, (e: EventMaker) => SessionEvent[]>> = {
  "a call": (e) => [e.tool("bash")],
  "a call and words after it": (e) => [e.tool("bash"), e.text("working on it")],
  "a call of an unknown type": (e) => [e.make("agent.server_tool_use", { name: "fetch" })],
  "a call of an unknown type and words after it": (e) => [
    e.make("agent.server_tool_use", { name: "fetch" }),
    e.text("working on it"),
  ],
  "two calls and one result": (e) => {
    const call = e.tool("bash");
    return [call, e.tool("bash"), e.text("working on it"), e.toolResult(call.id ?? "")];
  },
};

for (const [name, calls] of Object.entries(CALLS)) {
  Deno.test(`wait() polls a session that goes idle with ${name}, and waits while it runs`, async () => {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), ...calls(t.e), t.e.endTurn());
    const waiting = t.wait();
    await t.clock.advance(12_000);
    assertEquals(t.progress.at(-1)?.includes("finishing"), false);
    t.session.status = "idle";
    t.session.emit(t.e.text("DONE"), t.e.endTurn());
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.reply.split("\n\n").at(-1)], ["idle", "DONE"]);
    await t.assertClean();
  });

  Deno.test(`wait() ends soon when a session rests after ${name} without a result`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), ...calls(t.e), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals(result.status, "idle");
    assert(result.elapsed_sec < 1, `${result.elapsed_sec} s`);
    await t.assertClean();
  });

  Deno.test(`wait() shows ${name} as at work while the session runs`, async () => {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), ...calls(t.e), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.tool_activity.at(-1)?.status], ["timeout", "running"]);
    await t.assertClean();
  });
}

for (const type of ["agent.server_tool_result", "agent.tool_result", "agent.web_fetch_result"]) {
  Deno.test(`wait() ends at once where ${type} answers a call of an unknown type`, async () => {
    const t = setUp();
    const call = t.e.make("agent.server_tool_use", { name: "fetch" });
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), call);
    t.session.emit(t.e.make(type, { tool_use_id: call.id }), t.e.text("DONE"), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.reply, result.elapsed_sec], ["idle", "DONE", 0]);
    assertEquals(result.tool_activity, [{ name: "fetch", status: "done" }]);
    await t.assertClean();
  });
}

// Turns on servers that never stamp what they take up: `processed_at` of a message stays null.

const BETWEEN: Readonly<Record<string, (e: EventMaker) => SessionEvent[]>> = {
  "nothing": () => [],
  "session.error": (e) => [e.error("overloaded_error")],
  "session.status_rescheduled": (e) => [e.make("session.status_rescheduled")],
  "session.status_idle": (e) => [e.make("session.status_idle")],
  "session.updated": (e) => [e.make("session.updated")],
  "session.thread_created": (e) => [
    e.make("session.thread_created", { session_thread_id: "sthr_1" }),
  ],
  "session.thread_status_running": (e) => [
    e.make("session.thread_status_running", { session_thread_id: "sthr_1" }),
  ],
  "span.model_request_end": (e) => [e.make("span.model_request_end")],
  "agent.tool_result": (e) => [e.toolResult("sevt_old")],
  "a type nobody knows": (e) => [e.make("session.new_thing")],
  "two of them": (e) => [e.error("overloaded_error"), e.make("session.updated")],
};

for (const [name, between] of Object.entries(BETWEEN)) {
  for (const open of [true, false]) {
    const how = open ? "found over" : "over in mid-wait";
    Deno.test(`wait() ends for an unstamped message with ${name} before its turn, ${how}`, async () => {
      const t = setUp();
      t.session.nullsInPlace = true;
      const turn = [t.e.running(), t.e.text("REPLY"), t.e.endTurn()];
      t.session.emit(t.e.queuedUser("q"), ...between(t.e));
      if (open) t.session.emit(...turn);
      const waiting = t.wait();
      await t.clock.advance(500);
      if (!open) t.session.emit(...turn);
      const result = await t.clock.runUntil(waiting);
      assertEquals([result.status, result.reply], ["idle", "REPLY"]);
      assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
      await t.assertClean();
    });
  }

  Deno.test(`wait() ends for an interrupted unstamped message with ${name} after it`, async () => {
    const t = setUp();
    t.session.nullsInPlace = true;
    t.session.emit(t.e.queuedUser("q"), ...between(t.e), t.e.running());
    t.session.emit(t.e.make("span.model_request_start"));
    t.session.emit(t.e.make("user.interrupt", { processed_at: null }), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.reply], ["idle", ""]);
    assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
    await t.assertClean();
  });
}

Deno.test("wait() ends for an unstamped message that was interrupted before its turn", async () => {
  const t = setUp();
  t.session.nullsInPlace = true;
  t.session.emit(t.e.queuedUser("q"), t.e.make("user.interrupt", { processed_at: null }));
  t.session.emit(t.e.endTurn());
  const result = await t.clock.runUntil(t.wait());
  assertEquals([result.status, result.reply], ["idle", ""]);
  await t.assertClean();
});

// The newest page of a list holds 200 events: where it begins must not matter.
for (const count of [1, 195, 196, 197, 198, 199, 200, 201, 250, 1_197, 1_198, 1_199, 1_200]) {
  Deno.test(`wait() ends for an unstamped message with ${count} events after it`, async () => {
    const t = setUp();
    t.session.nullsInPlace = true;
    t.session.emit(t.e.queuedUser("q1"), t.e.running(), t.e.text("OLD"), t.e.endTurn());
    t.session.emit(t.e.queuedUser("q2"), t.e.running());
    for (let i = 0; i < count - 3; i++) t.session.emit(t.e.make("span.model_request_end"));
    t.session.emit(t.e.text("REPLY"), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.reply], ["idle", "REPLY"]);
    assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
    await t.assertClean();
  });
}

Deno.test("wait() ends on a long list of unstamped messages", async () => {
  const t = setUp();
  t.session.nullsInPlace = true;
  for (let i = 0; i < 100; i++) {
    t.session.emit(t.e.queuedUser("q"), t.e.running(), t.e.text(`reply ${i}`), t.e.endTurn());
  }
  const result = await t.clock.runUntil(t.wait());
  assertEquals([result.status, result.reply], ["idle", "reply 99"]);
  assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
  await t.assertClean();
});

Deno.test("wait() does not count a message as answered that the list sorts to the front", async () => {
  const t = setUp();
  t.session.nullsFirst = true;
  t.session.emit(t.e.error("overloaded_error"), t.e.user("q1"), t.e.running(), t.e.text("one"));
  t.session.emit(t.e.endTurn(), t.e.queuedUser("q2"));
  const result = await t.clock.runUntil(t.wait({ timeoutMs: 30_000 }));
  assertEquals([result.status, result.reply], ["timeout", ""]);
});

/** The begin of an evaluation, and its end with a result. */
function evaluation({ e }: WaiterSetUp, result: string, iteration = 0): SessionEvent[] {
  const outcome = { outcome_id: "outc_1", iteration };
  const end = { ...outcome, result, explanation: "Why." };
  return [
    e.make("span.outcome_evaluation_start", outcome),
    e.make("span.outcome_evaluation_end", end),
  ];
}

for (const idlesBetween of [true, false]) {
  Deno.test(`wait() goes on while an outcome is revised, ${idlesBetween ? "also behind an idle event" : "in one turn"}`, async () => {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("draft"));
    const result = await play(t, t.wait(), [
      [1_000, () => t.session.emit(...evaluation(t, "needs_revision"))],
      [1_100, () => idlesBetween && t.session.emit(t.e.endTurn())],
      [15_000, () => begin(t)],
      [20_000, () => end(t, t.e.text("final"), ...evaluation(t, "satisfied", 1))],
    ]);
    assertEquals(texts(result), ["idle", "draft\n\nfinal"]);
    assertEquals(result.outcome_evaluations?.map((one) => one.result), [
      "needs_revision",
      "satisfied",
    ]);
    await t.assertClean();
  });
}

for (
  const [what, more] of [
    ["that nobody revises", () => []],
    ["whose revision was interrupted", ({ e }: WaiterSetUp) => [e.make("user.interrupt")]],
  ] as const
) {
  Deno.test(`wait() ends with an outcome ${what}`, async () => {
    const t = setUp();
    t.session.status = "idle";
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("draft"));
    t.session.emit(...evaluation(t, "needs_revision"), ...more(t), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals(texts(result), ["idle", "draft"]);
    assertEquals(result.elapsed_sec < 10, true);
    await t.assertClean();
  });
}
