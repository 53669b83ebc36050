import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { jsonLength, MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import type { Person } from "../../../src/session/person.ts";
import type { SessionLook } from "../../../src/session/session_watch.ts";
import {
  VIEW_META_KEY,
  type ViewMeta,
  type WatchedSession,
} from "../../../src/session/watched_session.ts";
import { META } from "../../../src/tools/content.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { watchSession } from "../../../src/tools/watch_session.ts";
import { AttendedWorld, neverAnswers, type WorldOptions } from "../../helpers/attended_world.ts";
import { settle } from "../../helpers/manual_clock.ts";

type Watched = WatchedSession & { readonly [META]?: { readonly [VIEW_META_KEY]?: ViewMeta } };

/** A view that watches a simulated session. */
class View {
  readonly world: AttendedWorld;
  #cursor: string | undefined;

  constructor(options?: WorldOptions) {
    this.world = new AttendedWorld(options);
  }

  async watch(overrides: Partial<ToolCall> = {}, cursor = this.#cursor): Promise<Watched> {
    const { world } = this;
    const args = { session_id: world.sessionId, ...(cursor !== undefined && { cursor }) };
    const call = {
      signal: world.controller.signal,
      services: world.replica().services,
      requestId: "1",
      showsView: true,
      ...overrides,
    };
    const result = await world.clock.runUntil(watchSession.run(args, call), 600_000, 6);
    const watched = result as unknown as Watched;
    this.#cursor = watched.timeline.cursor;
    assert(jsonLength(result) <= MAX_RESULT_CHARS);
    return watched;
  }
}

async function playing(lines: readonly string[], options?: WorldOptions): Promise<View> {
  const view = new View(options);
  await view.world.begin(...lines);
  return view;
}

Deno.test("watch_session shows agent, task, timeline and cost of a turn that is over", async () => {
  const view = await playing(["tool bash ls", "say Hello."]);
  await view.world.clock.advance(60_000);
  const watched = await view.watch();
  assertEquals([watched.status, watched.agent], ["idle", "Simulated Script"]);
  assertEquals(watched.turn?.task?.startsWith("tool bash ls"), true);
  assert(watched.turn?.started_at !== undefined && watched.turn.ended_at !== undefined);
  assertEquals(watched.now, new Date(view.world.clock.wallTime()).toISOString());
  assertEquals(
    watched.timeline.entries.map((entry) => [entry.kind, "state" in entry && entry.state]),
    [
      ["tool", "done"],
      ["message", false],
    ],
  );
  assertEquals([watched.timeline.is_whole, watched.pending, watched.poll_after_ms], [
    true,
    [],
    5_000,
  ]);
  const { cost_usd, turn_cost_usd } = await view.world.wait(undefined);
  assertEquals([watched.cost_usd, watched.turn_cost_usd], [cost_usd, turn_cost_usd]);
  assert(cost_usd !== undefined);
  const again = await view.watch();
  assertEquals([again.timeline.is_whole, again.timeline.entries], [false, []]);
});

Deno.test("watch_session shows the calls that wait, with proofs in the result's _meta", async () => {
  const view = await playing(["ask bash one", "say Done."]);
  await view.world.clock.advance(30_000);
  const watched = await view.watch();
  const [call] = watched.pending;
  assertEquals([watched.status, call?.tool, call?.input, call?.may_allow], [
    "requires_action",
    "bash",
    '{"input":"one"}',
    true,
  ]);
  assertEquals(watched.timeline.entries.map((entry) => "state" in entry && entry.state), [
    "waiting",
  ]);
  assertEquals(watched.can.decide, true);
  const proofs = watched[META]?.[VIEW_META_KEY]?.proofs ?? {};
  assertEquals(Object.keys(proofs), [call?.event_id]);
  // Nothing of it stands among the fields, which a model may read.
  assertEquals(JSON.stringify(watched).includes(Object.values(proofs)[0] ?? "?"), false);
  const other = await view.watch({ showsView: false });
  assertEquals([other[META], other.can.decide, other.pending.length], [undefined, false, 1]);
  const limits = { principal: { id: "p", scopes: ["sessions:read"] } } as Partial<ToolCall>;
  const reader = await view.watch(limits);
  assertEquals([reader[META], reader.can.decide, reader.can.interrupt], [undefined, false, false]);
});

Deno.test("watch_session reads the calls that wait once while they wait", async () => {
  const view = await playing(["ask bash one"]);
  await view.world.clock.advance(30_000);
  await view.watch();
  let requests = 0;
  view.world.before = () => void requests++;
  for (let looks = 0; looks < 5; looks++) {
    assertEquals((await view.watch()).pending.length, 1);
    await view.world.clock.advance(1_000);
  }
  assertEquals(requests, 0);
});

Deno.test("watch_session says what its caller can do", async () => {
  const view = await playing(["say Hello."]);
  const person: Person = {
    channel: "form",
    ask: (_question, _round, signal) => neverAnswers(signal),
  };
  const can = async (overrides: Partial<ToolCall>) => (await view.watch(overrides)).can;
  assertEquals(await can({}), {
    decide: true,
    answer: false,
    interrupt: true,
    files: false,
    asks_by_form: false,
    wait_tool: "wait_for_idle",
  });
  const all = await can({ person, has: () => true });
  assertEquals([all.files, all.asks_by_form], [true, true]);
  const has = (...names: readonly string[]) => ({ has: (name: string) => names.includes(name) });
  const asks = await can(has("ask_agent", "list_session_files"));
  assertEquals([asks.wait_tool, asks.files, asks.interrupt], ["ask_agent", false, false]);
  assertEquals((await can(has("interrupt"))).wait_tool, undefined);
  view.world.controller.abort();
  await assertRejects(() => view.watch());
});

Deno.test("watch_session is asked less often where nothing happens for long", async () => {
  const view = await playing(["sleep 600s", "say Done."]);
  const pauses = [];
  for (const seconds of [1, 14, 30, 60, 60]) {
    await settle();
    pauses.push((await view.watch()).poll_after_ms);
    for (let second = 0; second < seconds; second += 5) {
      await view.world.clock.advance(5_000);
      await view.watch();
    }
  }
  assertEquals(pauses, [1_000, 1_000, 2_000, 2_000, 5_000]);
});

Deno.test("watch_session is asked less often for a session that is read anew each time", async () => {
  const view = await playing(["sleep 600s"]);
  const { services } = view.world.replica();
  const waiter = {
    ...services.waiter,
    look: async (...args: Parameters<typeof services.waiter.look>) => ({
      ...await services.waiter.look(...args),
      isKept: false,
    }),
  };
  const watched = await view.watch({ services: { ...services, waiter } });
  assertEquals([watched.status, watched.poll_after_ms], ["running", 5_000]);
});

Deno.test("watch_session says so where the calls that wait cannot be read", async () => {
  const view = await playing(["ask bash one"]);
  await view.world.clock.advance(30_000);
  const { world } = view;
  world.before = (request) => {
    // The list is read for the turn, and in another way for the calls.
    if (request.url.includes("types")) throw new TypeError("connection reset");
  };
  const watched = await view.watch();
  assertEquals([watched.status, watched.pending], ["requires_action", []]);
  assertEquals(
    watched.connection_error,
    "The tool calls that wait cannot be read: this server is trying again.",
  );
  world.before = () => {};
  assertEquals((await view.watch()).pending.length, 1);
});

Deno.test("watch_session says so where the watch ends while the calls are read", async () => {
  const view = await playing(["ask bash one"]);
  const { world } = view;
  await world.clock.advance(30_000);
  // It ends in the same way where so many sessions are watched that this one has to go.
  world.before = (request) => {
    if (request.url.includes("types")) world.replica().waiter.close();
  };
  const watched = await view.watch();
  assertEquals([watched.status, watched.pending, watched.connection_error], [
    "requires_action",
    [],
    "The tool calls that wait cannot be read: this server is trying again.",
  ]);
});

Deno.test("watch_session fits its result beside calls with long inputs", async () => {
  const lines = Array.from(
    { length: 8 },
    (_, index) => `${index > 0 ? "and " : ""}ask bash ${"\u202e".repeat(1_900)}${index}`,
  );
  const view = await playing([`say ${"word ".repeat(9_000)}`, ...lines]);
  await view.world.clock.advance(60_000);
  const watched = await view.watch();
  assertEquals(watched.status, "requires_action");
  assert(watched.pending.length > 0 && watched.timeline.entries.length >= 8);
});

Deno.test("watch_session shows short lines of what others chose, and nothing unseen", async () => {
  const { services } = new AttendedWorld().replica();
  const forged = `bash\u202e\u200b\u0000${"x".repeat(5_000)}`;
  const look: SessionLook = {
    ...{ status: "running", doing: forged, agent: forged, title: forged, isKept: true, quietMs: 0 },
    timeline: () => ({ entries: [], is_whole: true, cursor: "c" }),
    askedCalls: () => Promise.resolve([]),
  };
  const waiter = { ...services.waiter, look: () => Promise.resolve(look) };
  const { signal } = new AbortController();
  const call = { signal, services: { ...services, waiter }, requestId: "1" };
  const { doing, agent, title } = await watchSession.run({ session_id: "sesn_1" }, call);
  const lengths = [doing, agent, title].map((text) => String(text).length);
  assert(lengths.every((length) => length > 100 && length <= 350), String(lengths));
  for (const text of [doing, agent]) {
    assertMatch(String(text), /^bash\\u202e\\u200b\\u0000x+/);
  }
});
