import { assert, assertEquals, assertRejects } from "@std/assert";
import type { EventStream, StreamItem } from "../../../src/api/types.ts";
import { followStream, type FollowStreamOptions } from "../../../src/session/connection.ts";
import { eventMaker } from "../../helpers/events.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

/** A stream that yields `items`, then ends, or is silent until its connection is aborted. */
function streamOf(items: readonly StreamItem[], silent?: AbortSignal) {
  let closed = 0;
  const stream: EventStream = {
    async *[Symbol.asyncIterator]() {
      yield* items;
      if (!silent) return;
      await new Promise((_, reject) => {
        silent.addEventListener("abort", () => reject(silent.reason));
      });
    },
    close: () => void closed++,
  };
  return { stream, closed: () => closed };
}

function setUp(open: FollowStreamOptions["open"]) {
  const clock = new ManualClock();
  const told: string[] = [];
  const controller = new AbortController();
  const counters = { openStreams: 0 };
  const tell = (what: string) => () => Promise.resolve(void told.push(what));
  const following = followStream({
    clock,
    signal: controller.signal,
    open,
    onSlow: tell("slow"),
    onOpen: tell("open"),
    onEvent: ({ id }) => void told.push(String(id)),
    onUnreadable: tell("unreadable"),
    counters,
  });
  return { clock, told, controller, counters, following };
}

Deno.test("followStream() tells that the stream is open before what it brings, and closes it", async () => {
  const event = eventMaker().user("q");
  const { stream, closed } = streamOf([
    { kind: "activity" },
    { kind: "event", event },
    { kind: "unreadable" },
  ]);
  const { told, following, counters, clock } = setUp(() => Promise.resolve(stream));
  await following;
  assertEquals(told, ["open", String(event.id), "unreadable"]);
  assertEquals([closed(), counters.openStreams, clock.pendingTimers], [1, 0, 0]);
});

Deno.test("followStream() tells when a stream is slow to open, and goes on opening it", async () => {
  const opening = Promise.withResolvers<EventStream>();
  const { told, following, clock } = setUp(() => opening.promise);
  await clock.advance(1_499);
  assertEquals(told, []);
  await clock.advance(1);
  assertEquals(told, ["slow"]);
  opening.resolve(streamOf([]).stream);
  await following;
  assertEquals(told, ["slow", "open"]);
});

Deno.test("followStream() gives up a stream that is silent for 35 seconds", async () => {
  let closed = () => 0;
  const { following, clock, counters } = setUp(({ signal }) => {
    const silent = streamOf([], signal);
    closed = silent.closed;
    return Promise.resolve(silent.stream);
  });
  const failing = assertRejects(() => following, Error, "went silent");
  await clock.advance(34_999);
  assertEquals([closed(), counters.openStreams], [0, 1]);
  await clock.advance(1);
  await failing;
  assertEquals([closed(), counters.openStreams, clock.pendingTimers], [1, 0, 0]);
});

Deno.test("followStream() closes a stream that opens after it was ended", async () => {
  const opening = Promise.withResolvers<EventStream>();
  const { stream, closed } = streamOf([]);
  const { following, controller, counters } = setUp(() => opening.promise);
  controller.abort(new Error("no longer wanted"));
  opening.resolve(stream);
  await following;
  assert(closed() > 0);
  assertEquals(counters.openStreams, 0);
});

/** Follows a stream whose list has no room for a read until `room` resolves. */
function setUpHeld(items: readonly StreamItem[], silent?: AbortSignal) {
  const clock = new ManualClock();
  const told: string[] = [];
  const room = Promise.withResolvers<void>();
  const { stream } = streamOf(items, silent);
  const following = followStream({
    clock,
    signal: new AbortController().signal,
    open: () => Promise.resolve(stream),
    onSlow: () => Promise.resolve(),
    roomToRead: (urgent, signal) => {
      urgent.then(() => told.push("urgent"));
      return Promise.race([
        room.promise,
        new Promise<never>((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        ),
      ]);
    },
    onOpen: () => Promise.resolve(void told.push("open")),
    onEvent: ({ type }) => void told.push(type),
    onUnreadable: () => Promise.resolve(void told.push("unreadable")),
    counters: { openStreams: 0 },
  });
  return { clock, told, room, following };
}

Deno.test("followStream() keeps what comes while the list has to wait, in order", async () => {
  const e = eventMaker();
  const event = (type: string) => ({ kind: "event", event: e.make(type) }) as const;
  const silent = new AbortController();
  const items = [event("agent.message"), event("session.status_running"), event("agent.thinking")];
  const { told, room, following, clock } = setUpHeld(items, silent.signal);
  await clock.advance(10_000);
  assertEquals(told, []);
  room.resolve();
  await clock.advance(1);
  assertEquals(told, ["open", "agent.message", "session.status_running", "agent.thinking"]);
  silent.abort(new Error("over"));
  await assertRejects(() => following, Error, "over");
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("followStream() calls the list urgent when the turn may be over", async () => {
  const silent = new AbortController();
  const { make } = eventMaker();
  for (const type of ["session.status_idle", "session.status_terminated", "session.error"]) {
    const items = [{ kind: "event", event: make(type) }] as const;
    const { told, room, following, clock } = setUpHeld(items, silent.signal);
    await clock.advance(1);
    assertEquals(told, ["urgent"]);
    room.resolve();
    await clock.advance(1);
    assertEquals(told, ["urgent", "open", type]);
    following.catch(() => {});
  }
  silent.abort(new Error("over"));
});

Deno.test("followStream() ends with a stream that ends before its list was read", async () => {
  const { told, following, clock } = setUpHeld([{ kind: "activity" }]);
  await following;
  assertEquals([told, clock.pendingTimers], [[], 0]);
});
