import { assertEquals, assertRejects } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import type { DecisionView } from "../../../src/session/person.ts";
import type { WaitRequest } from "../../../src/session/waiter.ts";
import { waitForIdle } from "../../../src/tools/wait_for_idle.ts";
import { harness, session } from "./support.ts";

const SESSION = { session_id: "sesn_1" };

Deno.test("wait_for_idle gives back what the waiter found", async () => {
  const { run, waiter } = harness({});
  waiter.result = {
    ...waiter.result,
    status: "requires_action",
    stop_reason: { type: "requires_action" },
    tool_activity: [{ name: "bash", status: "waiting" }],
    pending_actions: [{ event_id: "sevt_1", kind: "tool_confirmation", name: "bash" }],
    errors: [{ type: "model_overloaded_error", retry_status: "retrying" }],
    last_event_id: "sevt_2",
    next: "A person has to decide.",
  };
  assertEquals(await run(waitForIdle, SESSION), { ...waiter.result });
});

Deno.test("wait_for_idle waits 50 seconds, 100 for a host known to wait, and as long as told", async () => {
  const { run, waiter } = harness({});
  const progress = () => {};
  await run(waitForIdle, SESSION);
  await run(waitForIdle, SESSION, { progress });
  const clientInfo = { name: "claude-code", version: "2.1.332" };
  await run(waitForIdle, SESSION, { progress, clientInfo });
  await run(waitForIdle, { ...SESSION, timeout_sec: 7 });
  await run(waitForIdle, { ...SESSION, timeout_sec: 600 }, { progress });
  assertEquals(waiter.waits.map(({ timeoutMs }) => timeoutMs), [
    ...[50_000, 50_000, 100_000],
    ...[7_000, 600_000],
  ]);
});

Deno.test("wait_for_idle passes on cursor, signal and progress, and reports at once", async () => {
  const { run, waiter } = harness({});
  const messages: string[] = [];
  const { signal } = new AbortController();
  await run(waitForIdle, { ...SESSION, after_id: "sevt_9" }, {
    signal,
    progress: (message) => messages.push(message),
  });
  const [wait] = waiter.waits;
  assertEquals([wait?.sessionId, wait?.afterId, wait?.signal === signal], [
    "sesn_1",
    "sevt_9",
    true,
  ]);
  wait?.onProgress?.("running bash");
  assertEquals(messages, ["Checking the session", "running bash"]);
});

Deno.test("wait_for_idle tells the wait which tools its caller has", async () => {
  const { run, waiter } = harness({});
  await run(waitForIdle, SESSION);
  await run(waitForIdle, SESSION, { has: (tool) => tool === "wait_for_idle" });
  const [byDefault, limited] = waiter.waits;
  assertEquals(byDefault?.has, undefined);
  assertEquals([limited?.has?.("wait_for_idle"), limited?.has?.("interrupt")], [true, false]);
});

Deno.test("wait_for_idle sends no progress in the last moment before its deadline", async () => {
  const { run, waiter, clock } = harness({});
  const messages: string[] = [];
  await run(waitForIdle, SESSION, { progress: (message) => messages.push(message) });
  await clock.advance(47_999);
  waiter.waits[0]?.onProgress?.("in time");
  await clock.advance(1);
  waiter.waits[0]?.onProgress?.("too late");
  assertEquals(messages, ["Checking the session", "in time"]);
});

Deno.test("wait_for_idle counts the time of the access check towards its timeout", async () => {
  const { run, waiter, clock } = harness({
    sessions: {
      retrieve: async () => {
        await clock.sleep(4_000);
        return session();
      },
    },
  }, { allowedAgentIds: ["agent_1"] });
  await clock.runUntil(run(waitForIdle, { ...SESSION, timeout_sec: 10 }));
  await clock.runUntil(run(waitForIdle, { ...SESSION, timeout_sec: 10 }));
  assertEquals(waiter.waits.map(({ timeoutMs }) => timeoutMs), [6_000, 10_000]);
});

for (const timeout_sec of [0, 601, 1.5, "1.5", "soon"]) {
  Deno.test(`wait_for_idle refuses timeout_sec ${JSON.stringify(timeout_sec)}`, async () => {
    const { run, waiter } = harness({});
    await assertRejects(
      () => run(waitForIdle, { ...SESSION, timeout_sec }),
      ToolError,
      "timeout_sec must be an integer from 1 to 600",
    );
    assertEquals(waiter.waits, []);
  });
}

const TOLD: Parameters<NonNullable<WaitRequest["onDecisions"]>>[0] = [
  { eventId: "sevt_1", name: "bash", result: "allow" },
  { eventId: "sevt_2", name: `x${"y".repeat(100)}`, result: "deny" },
  { eventId: "sevt_3", result: "deny" },
];

/** A harness whose waiter finds decisions among the events. */
function decidedElsewhere(told = TOLD, options: Parameters<typeof harness>[1] = {}) {
  const world = harness({}, options);
  const { waiter } = world;
  const wait = waiter.wait.bind(waiter);
  waiter.wait = (request) => {
    request.onDecisions?.(told);
    return wait(request);
  };
  return world;
}

Deno.test("wait_for_idle tells a client with the session view what was decided, whoever did", async () => {
  const { run, waiter } = decidedElsewhere();
  const own = { event_id: "sevt_1", name: "bash", result: "deny", outcome: "answered_elsewhere" };
  waiter.result = { ...waiter.result, decisions: [own as DecisionView] };
  const { decisions } = await run(waitForIdle, SESSION, { showsView: true });
  assertEquals(decisions, [
    { event_id: "sevt_2", name: `x${"y".repeat(59)}`, result: "deny", outcome: "sent" },
    { event_id: "sevt_3", result: "deny", outcome: "sent" },
    own,
  ]);
});

Deno.test("wait_for_idle tells the results of custom tools where people are asked for them", async () => {
  const told: typeof TOLD = [{ eventId: "sevt_1", name: "get_weather", result: "answer" }];
  const asking = decidedElsewhere(told, { askCustomTools: true });
  assertEquals((await asking.run(waitForIdle, SESSION, { showsView: true })).decisions, [
    { event_id: "sevt_1", name: "get_weather", result: "answer", outcome: "sent" },
  ]);
  const others = decidedElsewhere(told);
  assertEquals((await others.run(waitForIdle, SESSION, { showsView: true })).decisions, undefined);
});

Deno.test("wait_for_idle tells the newest 16 decisions", async () => {
  const told = Array.from({ length: 40 }, (_, at) => ({ eventId: `sevt_${at}`, result: "allow" }));
  const { run } = decidedElsewhere(told as typeof TOLD);
  const { decisions } = await run(waitForIdle, SESSION, { showsView: true });
  assertEquals(
    (decisions as DecisionView[]).map(({ event_id }) => event_id),
    Array.from({ length: 16 }, (_, at) => `sevt_${at + 24}`),
  );
});

Deno.test("wait_for_idle tells a client without the view nothing of decisions elsewhere", async () => {
  const { run, waiter } = decidedElsewhere();
  assertEquals(await run(waitForIdle, SESSION), { ...waiter.result });
  assertEquals(waiter.waits.map(({ onDecisions }) => onDecisions), [undefined]);
});
