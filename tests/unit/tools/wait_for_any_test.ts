import { assert, assertEquals, assertRejects } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { jsonLength, MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { waitForAny } from "../../../src/tools/wait_for_any.ts";
import { apiError } from "../../helpers/fake_api.ts";
import { type JointWorld, openJointWorld } from "../../helpers/joint_world.ts";
import { entriesOf, harness } from "./support.ts";

/** Calls the tool in a world of sessions, until it has a result. */
function callIn(world: JointWorld, args: Record<string, unknown>, call: Partial<ToolCall> = {}) {
  const { waiter, clock, api } = world;
  const { run } = harness(api, { waiter, clock });
  return clock.runUntil(run(waitForAny, args, call));
}

Deno.test("wait_for_any tells of each session what its caller needs, and no more", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  for (const one of world.sessions) one.begin();
  assert(a && b);
  a.finish("A is done.");
  const result = await callIn(world, { session_ids: world.ids });
  assertEquals(result, {
    sessions: [
      { session_id: "sesn_a", status: "idle", reply: "A is done.", last_event_id: "sevt_000004" },
      { session_id: "sesn_b", status: "running", last_event_id: "sevt_000002" },
    ],
    next: "1 of 2 sessions still running: call wait_for_any again with session_ids = " +
      '["sesn_b"] and after_ids = {"sesn_b":"sevt_000002"}.',
  });
});

Deno.test("wait_for_any says nothing of what to do next when all are over", async () => {
  const world = openJointWorld(2);
  for (const one of world.sessions) one.begin();
  for (const one of world.sessions) one.finish("done");
  const result = await callIn(world, { session_ids: world.ids, mode: "all" });
  assertEquals(Object.keys(result), ["sessions"]);
});

Deno.test("wait_for_any asks for another call than the one before where nothing has come", async () => {
  const world = openJointWorld(1);
  world.sessions[0]?.begin();
  const args = { session_ids: ["sesn_a"], timeout_sec: 5 };
  const nexts: unknown[] = [];
  let after_ids = {};
  for (let call = 0; call < 3; call++) {
    const result = await callIn(world, { ...args, after_ids });
    nexts.push(result.next);
    after_ids = { sesn_a: entriesOf(result, "sessions")[0]?.last_event_id };
  }
  assertEquals(new Set(nexts).size, 3, JSON.stringify(nexts));
});

Deno.test("wait_for_any describes the calls that a person must decide on, and asks nobody", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  assert(a && b);
  const ask = a.tool("bash", { evaluated_permission: "ask" });
  a.session.emit(a.user("q"), a.running(), ask, a.asks(ask.id ?? ""));
  b.begin();
  const person = {
    channel: "form",
    ask: () => Promise.reject(new Error("A person was asked")),
    carried: () => Promise.reject(new Error("An answer was read")),
  } as const;
  const result = await callIn(world, { session_ids: world.ids }, { person });
  const [first] = entriesOf(result, "sessions");
  assertEquals([first?.session_id, first?.status], ["sesn_a", "requires_action"]);
  const [action, ...others] = entriesOf(first ?? {}, "pending_actions");
  assertEquals([action?.event_id, action?.name, others], [ask.id, "bash", []]);
  assertEquals(action?.answer, "a person decides, in the Claude Console");
  assert(String(first?.next).includes("Then call wait_for_any again with session_ids"));
});

Deno.test("wait_for_any says of a session that cannot be followed why", async () => {
  const world = openJointWorld(2);
  const [a, b] = world.sessions;
  assert(a && b);
  a.begin();
  a.finish("A");
  b.session.before = () => {
    throw apiError(404);
  };
  const result = await callIn(world, { session_ids: world.ids, mode: "all" });
  const [first, second] = entriesOf(result, "sessions");
  assertEquals([first?.status, first?.reply], ["idle", "A"]);
  assertEquals(second?.status, "error");
  assert(/does not|not exist|no longer|unknown/i.test(String(second?.error)), `${second?.error}`);
});

Deno.test("wait_for_any fails where no session can be followed", async () => {
  const world = openJointWorld(2);
  for (const { session } of world.sessions) {
    session.before = () => {
      throw apiError(404);
    };
  }
  await assertRejects(() => callIn(world, { session_ids: world.ids }), Error, "status 404");
});

Deno.test("wait_for_any takes a session that is named twice once", async () => {
  const world = openJointWorld(1);
  world.sessions[0]?.begin();
  world.sessions[0]?.finish("A");
  const result = await callIn(world, { session_ids: ["sesn_a", "sesn_a"] });
  assertEquals(entriesOf(result, "sessions").length, 1);
});

Deno.test("wait_for_any refuses a cursor of a session that it does not wait for", async () => {
  const world = openJointWorld(1);
  const args = { session_ids: ["sesn_a"], after_ids: { sesn_b: "sevt_1" } };
  const { message } = await assertRejects(() => callIn(world, args), ToolError);
  assertEquals(message, 'after_ids has "sesn_b", which is none of session_ids.');
  assertEquals(world.sessions[0]?.session.requests, []);
});

Deno.test("wait_for_any refuses more than 16 sessions, and none", async () => {
  const world = openJointWorld(1);
  for (const session_ids of [[], Array.from({ length: 17 }, (_, index) => `sesn_${index}`)]) {
    const { code } = await assertRejects(() => callIn(world, { session_ids }), ToolError);
    assertEquals(code, "invalid_argument");
  }
});

Deno.test("wait_for_any counts each session against the waits of its caller", async () => {
  const world = openJointWorld(3);
  for (const one of world.sessions) one.begin();
  const { waiter, clock, api } = world;
  const { run } = harness(api, { waiter, clock });
  const principal = { id: "ci", maxWaits: 4 };
  const wait = (session_ids: readonly string[]) =>
    run(waitForAny, { session_ids, timeout_sec: 5 }, { principal });
  const waiting = wait(world.ids);
  const { code } = await assertRejects(() => wait(["sesn_a", "sesn_b"]), ToolError);
  assertEquals(code, "too_many_waits");
  await clock.runUntil(Promise.all([waiting, wait(["sesn_a", "sesn_a"])]));
  const small = { principal: { id: "small", maxWaits: 2 } };
  const { message } = await assertRejects(
    () => run(waitForAny, { session_ids: world.ids }, small),
    ToolError,
  );
  assertEquals(
    message,
    "Your token may wait for at most 2 session(s) at once: name no more.",
  );
  await clock.runUntil(run(waitForAny, { session_ids: ["sesn_a", "sesn_b"] }, small));
});

Deno.test("wait_for_any costs its caller's rate as much as a wait for each session", async () => {
  const world = openJointWorld(3);
  for (const one of world.sessions) one.begin();
  let left = 2;
  const charge = (requests: number) => {
    if (requests > left) return 7_000;
    left -= requests;
    return 0;
  };
  const args = { session_ids: world.ids, timeout_sec: 1 };
  const call = { principal: { id: "ci", charge } };
  await callIn(world, args, call);
  const { code, message } = await assertRejects(() => callIn(world, args, call), ToolError);
  assertEquals(code, "rate_limited");
  assertEquals(
    message,
    "To wait for 3 sessions takes more requests to the API than your token may make now: name " +
      "fewer, or try again in 7 s.",
  );
  await callIn(world, { ...args, session_ids: ["sesn_a"] }, call);
});

Deno.test("wait_for_any shares the size of a result among 16 long replies", async () => {
  const world = openJointWorld(16);
  for (const one of world.sessions) {
    one.begin();
    one.finish(`${one.id} ${'"x\n'.repeat(20_000)} ends`);
  }
  const result = await callIn(world, { session_ids: world.ids, mode: "all" });
  const size = jsonLength(result);
  assert(size <= MAX_RESULT_CHARS, `${size} characters`);
  // No room is wasted either.
  assert(size >= MAX_RESULT_CHARS * 0.7, `${size} characters`);
  for (const one of entriesOf(result, "sessions")) {
    assert(String(one.reply).startsWith("… ") && String(one.reply).endsWith(" ends"));
    assert(String(one.next).includes("list_events"), String(one.next));
  }
});

Deno.test("a short reply of wait_for_any leaves its room to a long one", async () => {
  const world = openJointWorld(4);
  const [long, ...short] = world.sessions;
  for (const one of world.sessions) one.begin();
  long?.finish("L".repeat(29_000));
  for (const one of short) one.finish("short");
  const result = await callIn(world, { session_ids: world.ids, mode: "all" });
  assertEquals(
    entriesOf(result, "sessions").map(({ reply }) => String(reply).length),
    [29_000, 5, 5, 5],
  );
});

Deno.test("long replies of wait_for_any share what short ones leave", async () => {
  const world = openJointWorld(4);
  for (const one of world.sessions) {
    one.begin();
    one.finish(one.id < "sesn_c" ? "L".repeat(29_000) : "short");
  }
  const result = await callIn(world, { session_ids: world.ids, mode: "all" });
  const [first = 0, ...others] = entriesOf(result, "sessions").map(({ reply }) =>
    String(reply).length
  );
  assert(first > 16_000, `${first} characters`);
  assertEquals(others, [first, 5, 5]);
});

Deno.test("a result of wait_for_any keeps its bound where every session waits for answers", async () => {
  const world = openJointWorld(16);
  for (const one of world.sessions) {
    const asks = Array.from(
      { length: 12 },
      (_, index) =>
        one.tool(`${"long_name_".repeat(12)}${index}`, {
          evaluated_permission: "ask",
          input: { command: "c".repeat(3_000) },
        }),
    );
    const text = one.text("T".repeat(30_000));
    const ids = asks.map(({ id = "" }) => id ?? "");
    one.session.emit(one.user("q"), one.running(), text, ...asks, one.asks(...ids));
  }
  const result = await callIn(world, { session_ids: world.ids, mode: "all" });
  const size = jsonLength(result);
  assert(size <= MAX_RESULT_CHARS, `${size} characters`);
  for (const one of entriesOf(result, "sessions")) {
    assertEquals(entriesOf(one, "pending_actions").length, 2);
    assert(String(one.next).includes("answer to 12 tool call(s), the first 2 of which"));
  }
});

Deno.test("wait_for_any sends no progress in the last moment before its deadline", async () => {
  const world = openJointWorld(1);
  world.sessions[0]?.begin();
  const startedAt = world.clock.now();
  const times: number[] = [];
  const progress = () => void times.push(world.clock.now() - startedAt);
  await callIn(world, { session_ids: ["sesn_a"], timeout_sec: 28 }, { progress });
  assert(times.length > 2 && times.every((ms) => ms < 26_000), JSON.stringify(times));
});
