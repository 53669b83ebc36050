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

/** Follows a stream whose list has no room for a read until `room` resolves, or it is in a hurry. */
function setUpHeld(
  items: readonly StreamItem[],
  { silent, until, readsListFor = 0, hurriesFor = 0 }: {
    readonly silent?: AbortSignal;
    /** Resolves when the stream brings its items. */
    readonly until?: Promise<void>;
    readonly readsListFor?: number;
    /** Turns of the microtask queue until there is room for what is in a hurry. */
    readonly hurriesFor?: number;
  } = {},
) {
  const clock = new ManualClock();
  const told: string[] = [];
  const room = Promise.withResolvers<void>();
  let closed = 0;
  const following = followStream({
    clock,
    signal: new AbortController().signal,
    open: ({ signal }) =>
      Promise.resolve({
        async *[Symbol.asyncIterator]() {
          await until;
          yield* items;
          if (!silent) return;
          await new Promise((_, reject) => {
            silent.addEventListener("abort", () => reject(silent.reason));
            signal?.addEventListener("abort", () => reject(signal.reason));
          });
        },
        close: () => void closed++,
      }),
    onSlow: () => Promise.resolve(),
    roomToRead: () => ({
      granted: room.promise,
      hurry: () => {
        told.push("hurry");
        let turns = Promise.resolve();
        for (let i = 0; i < hurriesFor; i++) turns = turns.then(() => {});
        turns.then(room.resolve);
      },
    }),
    onOpen: async () => {
      told.push("open");
      if (readsListFor > 0) await clock.sleep(readsListFor);
      told.push("read");
    },
    onEvent: ({ type }) => void told.push(type),
    onUnreadable: () => Promise.resolve(void told.push("unreadable")),
    counters: { openStreams: 0 },
  });
  following.catch(() => {});
  return { clock, told, room, following, closed: () => closed };
}

Deno.test("followStream() keeps what comes while the list has to wait, in order", async () => {
  const e = eventMaker();
  const event = (type: string) => ({ kind: "event", event: e.make(type) }) as const;
  const silent = new AbortController();
  const items = [event("agent.message"), event("session.status_running"), event("agent.thinking")];
  const { told, room, following, clock } = setUpHeld(items, { silent: silent.signal });
  await clock.advance(10_000);
  assertEquals(told, []);
  room.resolve();
  await clock.advance(1);
  assertEquals(told, ["open", "read", "agent.message", "session.status_running", "agent.thinking"]);
  silent.abort(new Error("over"));
  await assertRejects(() => following, Error, "over");
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("followStream() reads the list at once when the turn may be over", async () => {
  const silent = new AbortController();
  const { make } = eventMaker();
  for (
    const type of [
      "session.status_idle",
      "session.status_terminated",
      "session.error",
      "session.deleted",
    ]
  ) {
    const items = [{ kind: "event", event: make(type) }] as const;
    const { told, clock } = setUpHeld(items, { silent: silent.signal });
    await clock.advance(1);
    assertEquals(told, ["hurry", "open", "read", type]);
  }
  silent.abort(new Error("over"));
});

Deno.test("followStream() reads the list for a turn's end although the stream breaks right after it", async () => {
  const items = [{ kind: "event", event: eventMaker().make("session.status_idle") }] as const;
  const { told, following, clock } = setUpHeld(items, { hurriesFor: 50 });
  await following;
  assertEquals(told, ["hurry", "open", "read", "session.status_idle"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("followStream() reads the list once for what it could not read before that", async () => {
  const { told, following } = setUpHeld([{ kind: "unreadable" }]);
  await following;
  assertEquals(told, ["hurry", "open", "read"]);
});

Deno.test("followStream() keeps at most 1,000 events, and holds none that tell nothing", async () => {
  const silent = new AbortController();
  const { make } = eventMaker();
  const event = { kind: "event", event: make("agent.message") } as const;
  const some = [...Array(999).fill(event), ...Array(50).fill({ kind: "activity" })];
  const held = setUpHeld(some, { silent: silent.signal });
  await held.clock.advance(1);
  assertEquals(held.told, []);
  const full = setUpHeld([...some, event], { silent: silent.signal });
  await full.clock.advance(1);
  assertEquals(full.told.slice(0, 3), ["hurry", "open", "read"]);
  assertEquals(full.told.filter((type) => type === "agent.message").length, 1_000);
  silent.abort(new Error("over"));
});

Deno.test("followStream() ends with a stream that ends before its list was read", async () => {
  const until = Promise.withResolvers<void>();
  const { told, following, clock } = setUpHeld([{ kind: "activity" }], { until: until.promise });
  await clock.advance(1);
  until.resolve();
  await following;
  assertEquals([told, clock.pendingTimers], [[], 0]);
});

Deno.test("followStream() reads the list where there is room, although the stream ends at once", async () => {
  const { told, following, room } = setUpHeld([]);
  room.resolve();
  await following;
  assertEquals(told, ["open", "read"]);
});

Deno.test("followStream() takes no stream for silent while its list is read", async () => {
  const silent = new AbortController();
  const { told, following, room, clock, closed } = setUpHeld([], {
    silent: silent.signal,
    readsListFor: 60_000,
  });
  await clock.advance(30_000);
  room.resolve();
  await clock.advance(60_000 + 34_999);
  assertEquals([told, closed()], [["open", "read"], 0]);
  await clock.advance(1);
  await assertRejects(() => following, Error, "went silent");
  assertEquals([closed(), clock.pendingTimers], [1, 0]);
});

Deno.test("followStream() ends with a stream that falls silent before its list was read", async () => {
  const silent = new AbortController();
  const { told, following, clock, closed } = setUpHeld([], { silent: silent.signal });
  await clock.advance(35_000);
  await following;
  assertEquals([told, closed(), clock.pendingTimers], [[], 1, 0]);
});

Deno.test("followStream() takes no stream for silent while what it could not read is read", async () => {
  const silent = new AbortController();
  const { stream, closed } = streamOf([{ kind: "unreadable" }], silent.signal);
  const clock = new ManualClock();
  const following = followStream({
    clock,
    signal: new AbortController().signal,
    open: ({ signal }) => {
      signal?.addEventListener("abort", () => silent.abort(signal.reason));
      return Promise.resolve(stream);
    },
    onSlow: () => Promise.resolve(),
    onOpen: () => Promise.resolve(),
    onEvent: () => {},
    onUnreadable: () => clock.sleep(60_000),
    counters: { openStreams: 0 },
  });
  const failing = assertRejects(() => following, Error, "went silent");
  await clock.advance(60_000 + 34_999);
  assertEquals(closed(), 0);
  await clock.advance(1);
  await failing;
  assertEquals([closed(), clock.pendingTimers], [1, 0]);
});
