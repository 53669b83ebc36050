import { assert, assertEquals, assertRejects } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import {
  type JointEnd,
  type JointWaitRequest,
  waitForSeveral,
} from "../../../src/session/joint_wait.ts";
import { apiError } from "../../helpers/fake_api.ts";
import { type JointWorld, openJointWorld } from "../../helpers/joint_world.ts";
import { settle } from "../../helpers/manual_clock.ts";

function waitIn(world: JointWorld, request: Partial<JointWaitRequest> = {}) {
  return waitForSeveral({
    sessionIds: world.ids,
    afterIds: {},
    mode: "any",
    timeoutMs: 50_000,
    again: (id, cursor) => `again ${id} ${cursor}`,
    signal: new AbortController().signal,
    ...request,
  }, world);
}

/** What became of each session, in words. */
function told(ends: readonly JointEnd[]): string[] {
  return ends.map((joint) => {
    if ("error" in joint) return `${joint.sessionId} ${joint.error.message}`;
    const { session_id, status, reply } = joint.end.result();
    return `${session_id} ${status} ${reply}`;
  });
}

Deno.test("any: the first session that is over ends the wait at once, with how the others stand", async () => {
  const world = openJointWorld(3);
  const [a, b, c] = world.sessions;
  for (const one of world.sessions) one.begin();
  const startedAt = world.clock.now();
  const waiting = waitIn(world);
  await world.clock.advance(2_000);
  a?.session.emit(a.text("half"));
  await world.clock.advance(3_000);
  b?.finish("B is done.");
  const ends = await world.clock.runUntil(waiting);
  assertEquals(told(ends), ["sesn_a timeout half", "sesn_b idle B is done.", "sesn_c timeout "]);
  assertEquals(world.clock.now() - startedAt, 5_000);
  assert(c);
  assertEquals(await world.leftovers(), []);
});

Deno.test("all: the last session that is over ends the wait", async () => {
  const world = openJointWorld(3);
  for (const one of world.sessions) one.begin();
  const startedAt = world.clock.now();
  const waiting = waitIn(world, { mode: "all" });
  for (const one of world.sessions.toReversed()) {
    await world.clock.advance(1_000);
    one.finish(one.id);
  }
  assertEquals(told(await world.clock.runUntil(waiting)), [
    "sesn_a idle sesn_a",
    "sesn_b idle sesn_b",
    "sesn_c idle sesn_c",
  ]);
  assertEquals(world.clock.now() - startedAt, 3_000);
  assertEquals(await world.leftovers(), []);
});

for (const mode of ["any", "all"] as const) {
  Deno.test(`${mode}: the time is up for all sessions at the same moment`, async () => {
    const world = openJointWorld(2);
    for (const one of world.sessions) one.begin();
    const startedAt = world.clock.now();
    const ends = await world.clock.runUntil(waitIn(world, { mode, timeoutMs: 10_000 }));
    assertEquals(told(ends), ["sesn_a timeout ", "sesn_b timeout "]);
    assertEquals(world.clock.now() - startedAt, 10_000);
    assertEquals(await world.leftovers(), []);
  });
}

Deno.test("any: a session that is over before the others were read lets them be read", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  a?.begin();
  a?.finish("A");
  b?.begin();
  b?.finish("B");
  assert(b);
  b.session.before = () => world.clock.sleep(400);
  const ends = await world.clock.runUntil(waitIn(world));
  assertEquals(told(ends), ["sesn_a idle A", "sesn_b idle B"]);
  assertEquals(await world.leftovers(), []);
});

Deno.test("any: a session that is over waits for others only until they were read", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  a?.begin();
  a?.finish("A");
  b?.begin();
  assert(b);
  // The stream and the list, one after the other.
  b.session.before = () => world.clock.sleep(200);
  const startedAt = world.clock.now();
  const ends = await world.clock.runUntil(waitIn(world));
  assertEquals(told(ends), ["sesn_a idle A", "sesn_b timeout "]);
  assertEquals(world.clock.now() - startedAt, 400);
  assertEquals(await world.leftovers(), []);
});

Deno.test("any: a session that is over lets it be found out that no message was sent to another", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  a?.begin();
  a?.finish("A");
  assert(b);
  b.session.status = "idle";
  b.session.before = () => world.clock.sleep(200);
  const ends = await world.clock.runUntil(waitIn(world));
  assertEquals(told(ends), ["sesn_a idle A", "sesn_b not_started "]);
  assertEquals(await world.leftovers(), []);
});

Deno.test("any: a session that is over waits no longer than 1.5 s for one that cannot be read", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  a?.begin();
  a?.finish("A");
  assert(b);
  b.session.before = () => new Promise(() => {});
  const startedAt = world.clock.now();
  const ends = await world.clock.runUntil(waitIn(world));
  assertEquals(told(ends), ["sesn_a idle A", "sesn_b timeout "]);
  assertEquals(world.clock.now() - startedAt, 1_500);
  assertEquals(await world.leftovers(), []);
});

for (const mode of ["any", "all"] as const) {
  Deno.test(`${mode}: a session that cannot be followed keeps nothing from the others`, async () => {
    const world = openJointWorld(3);
    const [a, b, c] = world.sessions;
    a?.begin();
    b?.begin();
    assert(b && c);
    c.session.before = () => {
      throw apiError(404);
    };
    const waiting = waitIn(world, { mode });
    if (mode === "all") {
      await world.clock.advance(3_000);
      a?.finish("A");
      b.finish("B");
    }
    const states = mode === "all" ? ["idle A", "idle B"] : ["timeout ", "timeout "];
    assertEquals(told(await world.clock.runUntil(waiting)), [
      `sesn_a ${states[0]}`,
      `sesn_b ${states[1]}`,
      "sesn_c status 404",
    ]);
    assertEquals(await world.leftovers(), []);
  });
}

Deno.test("a cursor counts for its own session, and one that does not exist is that session's error", async () => {
  const world = openJointWorld(2);
  for (const one of world.sessions) {
    one.begin();
    one.session.emit(one.text("first"));
  }
  const [a] = world.sessions;
  const cursor = a?.session.log.at(-1)?.id ?? "";
  for (const one of world.sessions) one.finish("second");
  const afterIds = { sesn_a: cursor, sesn_b: "sevt_nowhere" };
  const ends = await world.clock.runUntil(waitIn(world, { mode: "all", afterIds }));
  const [first, second] = told(ends);
  assertEquals(first, "sesn_a idle second");
  assert(second?.startsWith("sesn_b after_id 'sevt_nowhere' is not an event"), second);
  assertEquals(await world.leftovers(), []);
});

Deno.test("each session takes a place among the open waits: all of them, or none", async () => {
  const world = openJointWorld(3, { maxWaits: 4 });
  for (const one of world.sessions) one.begin();
  const waiting = waitIn(world);
  assertEquals(world.waiter.stats().openWaits, 3);
  const error = await assertRejects(() => waitIn(world, { sessionIds: ["sesn_a", "sesn_b"] }));
  assert(error instanceof ToolError && error.code === "too_many_waits");
  assertEquals(world.waiter.stats().openWaits, 3);
  const [a] = world.sessions;
  a?.finish("A");
  await world.clock.runUntil(waiting);
  assertEquals(await world.leftovers(), []);
});

Deno.test("waits on the same session share its stream", async () => {
  const world = openJointWorld(2);
  for (const one of world.sessions) one.begin();
  const both = [waitIn(world), waitIn(world, { sessionIds: ["sesn_b"] })];
  await world.clock.advance(1_000);
  const [a, b] = world.sessions;
  assertEquals([a, b].map((one) => one?.session.openStreams.length), [1, 1]);
  b?.finish("B");
  const [first, second] = await world.clock.runUntil(Promise.all(both));
  assertEquals(told(second ?? []), ["sesn_b idle B"]);
  assertEquals(told(first ?? []), ["sesn_a timeout ", "sesn_b idle B"]);
  assertEquals(await world.leftovers(), []);
});

Deno.test("a cancelled call frees every stream, at any moment", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const world = openJointWorld(3);
    for (const one of world.sessions) one.begin();
    const controller = new AbortController();
    const waiting = waitIn(world, { signal: controller.signal });
    const rejected = assertRejects(() => waiting, Error, "cancelled by the test");
    for (let turn = 0; turn < turns; turn++) await settle();
    controller.abort(new Error("cancelled by the test"));
    await rejected;
    assertEquals(await world.leftovers(), [], `${turns} turns`);
  }
});

Deno.test("a failure of this program ends the call and frees every stream", async () => {
  const world = openJointWorld(2);
  for (const one of world.sessions) one.begin();
  const enter = (sessionId: string) => {
    const place = world.waiter.enter(sessionId);
    const fail = () => world.clock.sleep(100).then(() => Promise.reject(new RangeError("a bug")));
    return sessionId === "sesn_a" ? { ...place, waitForEnd: fail } : place;
  };
  const waiting = waitIn({ ...world, waiter: { ...world.waiter, enter } });
  await assertRejects(() => world.clock.runUntil(waiting), RangeError, "a bug");
  assertEquals(await world.leftovers(), []);
});

Deno.test("a server that shuts down says of every session where to go on", async () => {
  const world = openJointWorld(2);
  for (const one of world.sessions) one.begin();
  const waiting = waitIn(world, { mode: "all" });
  await world.clock.advance(100);
  world.waiter.close();
  assertEquals(told(await waiting), ["sesn_a timeout ", "sesn_b timeout "]);
  assertEquals(told(await waitIn(world)), ["sesn_a timeout ", "sesn_b timeout "]);
  assertEquals(await world.leftovers(), []);
});

Deno.test("progress says how many sessions are running", async () => {
  const world = openJointWorld(2);
  const messages: string[] = [];
  for (const one of world.sessions) one.begin();
  const waiting = waitIn(world, { mode: "all", onProgress: (message) => messages.push(message) });
  await world.clock.advance(500);
  const [a, b] = world.sessions;
  a?.finish("A");
  await world.clock.advance(500);
  b?.session.emit(b.text("B"));
  await world.clock.advance(500);
  b?.session.emit(b.endTurn());
  await world.clock.runUntil(waiting);
  assert(messages.includes("2 of 2 sessions running: thinking"), JSON.stringify(messages));
  assertEquals(messages.at(-1), "1 of 2 sessions running: wrote: B");
});

Deno.test("what can be done next names the session that it is about", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  assert(a && b);
  const ask = a.tool("bash", { evaluated_permission: "ask" });
  a.session.emit(a.user("q"), a.running(), ask, a.asks(ask.id ?? ""));
  b.begin();
  const [first] = await world.clock.runUntil(waitIn(world));
  assert(first && "end" in first);
  const { status, next = "", last_event_id } = first.end.result();
  assertEquals(status, "requires_action");
  assert(next.includes(`Then call again sesn_a ${last_event_id}`), next);
});
