import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type {
  Decision,
  Person,
  PersonAnswer,
  QuestionRecord,
} from "../../../src/session/person.ts";
import {
  AttendedWorld,
  decides,
  neverAnswers,
  type WorldOptions,
} from "../../helpers/attended_world.ts";

const ALLOW: Decision = { result: "allow" };
const DENY: Decision = { result: "deny", reason: "Not this." };
const SUNNY: Decision = { result: "answer", text: "Sunny", isError: false };

async function blocked(lines: readonly string[], options?: WorldOptions): Promise<AttendedWorld> {
  const world = new AttendedWorld(options);
  await world.begin(...lines);
  return world;
}

Deno.test("a question shows every call that waits, and the reply comes when they are decided", async () => {
  const world = await blocked(["ask bash one", "and as Researcher ask bash two", "say Done."]);
  const result = await world.wait(world.person(decides(ALLOW, DENY)));
  const [one, two] = await world.calls();
  const [asked] = world.asked;
  assertEquals(
    asked?.calls.map(({ eventId, tool, subagent, input }) => [eventId, tool, subagent, input]),
    [
      [one, "bash", undefined, '{"input":"one"}'],
      [two, "bash", "Researcher", '{"input":"two"}'],
    ],
  );
  assertEquals([asked?.sessionId, asked?.round.number], [world.sessionId, 1]);
  assertStringIncludes(result.reply, "Done.");
  assertEquals(result.decisions, [
    { event_id: two ?? "", name: "bash", result: "deny", outcome: "sent" },
    { event_id: one ?? "", name: "bash", result: "allow", outcome: "sent" },
  ]);
  assertEquals(world.posted.map(({ body }) => body.deny_message), ["Not this.", undefined]);
});

Deno.test("a question names the session's agent, which is read once", async () => {
  const world = await blocked(["ask bash one", "ask bash two"]);
  const path = new RegExp(`${world.sessionId}$`);
  await world.wait(world.person((question) => {
    // From now on nobody can read it.
    world.simulator.faults.add({ match: { method: "GET", path }, fault: { kind: "hang" } });
    return decides(ALLOW)(question);
  }));
  assertEquals(world.asked.map(({ agent }) => agent), ["Simulated Script", "Simulated Script"]);
});

Deno.test("a question is asked where the agent's name cannot be read", async () => {
  const world = await blocked(["ask bash one"]);
  const path = new RegExp(`${world.sessionId}$`);
  world.simulator.faults.add({ match: { method: "GET", path }, fault: { kind: "hang" } });
  const startedAt = world.clock.now();
  let askedAt = Infinity;
  const result = await world.wait(world.person((question) => {
    askedAt = world.clock.now();
    return decides(ALLOW)(question);
  }));
  assert(askedAt - startedAt < 7_000, String(askedAt - startedAt));
  assertEquals(world.asked.map(({ agent }) => agent), [undefined]);
  assertEquals([result.status, result.decisions?.[0]?.outcome], ["idle", "sent"]);
});

Deno.test("a question has at most eight calls, and the rest are in the next one", async () => {
  const lines = Array.from(
    { length: 11 },
    (_, index) => `${index > 0 ? "and " : ""}ask bash ${index}`,
  );
  const world = await blocked(lines);
  assertEquals((await world.wait(world.person(decides(ALLOW)))).status, "idle");
  assertEquals(world.asked.map(({ calls }) => calls.length), [8, 3]);
  assertEquals(new Set(world.posted.map(({ id }) => id)).size, 11);
});

Deno.test("one call asks at most six times", async () => {
  const world = await blocked(Array.from({ length: 7 }, () => "ask bash x"));
  const result = await world.wait(world.person(decides(ALLOW)));
  assertEquals([result.status, world.asked.map(({ round }) => round.number)], [
    "requires_action",
    [1, 2, 3, 4, 5, 6],
  ]);
  assertStringIncludes(result.next ?? "", "One call asks a person no more often than this.");
  assertEquals((await world.wait(world.person(decides(ALLOW)))).status, "idle");
});

/** What is asked about, by settings and rights. */
const ASKS: readonly [string, WorldOptions["services"], boolean, readonly string[]][] = [
  ["by default", {}, true, ["a person decides, when wait_for_idle asks or in the Claude Console"]],
  ["where nobody is asked", { approvalTimeoutMs: 0 }, true, [
    "a person decides, in the Claude Console",
  ]],
  ["of a caller who may not act", {}, false, ["a person decides, in the Claude Console"]],
  ["with custom tools", { askCustomTools: true }, true, [
    "a person decides, when wait_for_idle asks or in the Claude Console",
    "the program that provides the tool, or a person when wait_for_idle asks",
  ]],
];

for (const [name, services, mayAct, expected] of ASKS) {
  Deno.test(`a result says that a person can be asked again: ${name}`, async () => {
    const lines = ["ask bash one", "and custom weather Lisbon"].slice(0, expected.length);
    const world = await blocked(lines, { services });
    world.mayAct = mayAct;
    const { pending_actions } = await world.wait(world.person(decides(undefined)));
    assertEquals(pending_actions.map(({ answer }) => answer), [...expected]);
  });
}

/** How a question ends, by what the person does. */
const ENDS: readonly [QuestionRecord["answer"], () => PersonAnswer][] = [
  ["declined", () => ({ kind: "undecided", why: "declined" })],
  ["timed_out", () => ({ kind: "undecided", why: "timed_out" })],
  ["put_off", () => ({ kind: "decided", decisions: new Map() })],
];

for (const [answer, act] of ENDS) {
  Deno.test(`a question is counted once: ${answer}`, async () => {
    const records: QuestionRecord[] = [];
    const services = { onAsked: (record: QuestionRecord) => records.push(record) };
    const world = await blocked(["ask bash one"], { services });
    await world.wait(world.person(act));
    assertEquals(records, [{ channel: world.person(act).channel, answer }]);
  });
}

Deno.test("each question of a call is counted", async () => {
  const records: QuestionRecord[] = [];
  const services = { onAsked: (record: QuestionRecord) => records.push(record) };
  const world = await blocked(["ask bash one", "ask bash two"], { services });
  await world.wait(world.person(decides(ALLOW)));
  assertEquals(records.map(({ answer }) => answer), ["decided", "decided"]);
});

Deno.test("a caller may have no limit of questions", async () => {
  const world = await blocked(Array.from({ length: 7 }, () => "ask bash x"));
  const request = { maxRounds: Infinity };
  assertEquals((await world.wait(world.person(decides(ALLOW)), request)).status, "idle");
  assertEquals(world.asked.length, 7);
});

Deno.test("calls that were put off are not asked about again, unless they change", async () => {
  const world = await blocked(["ask bash one", "and ask bash two"]);
  await world.wait(world.person(decides(ALLOW, undefined)));
  assertEquals(world.asked.length, 1);
  const [, two] = await world.calls();
  const again = world.person((question) => {
    if (world.asked.length === 2) return decides()(question);
    return decides(ALLOW)(question);
  });
  assertEquals((await world.wait(again)).status, "requires_action");
  assertEquals(world.asked[1]?.calls.map(({ eventId }) => eventId), [two]);
});

Deno.test("the calls that a carried answer put off are settled, and a changed one is not", async () => {
  const world = await blocked(["ask bash one", "and ask bash two", "and ask bash three"]);
  const ends = new Error("the call ends with a question");
  const first = world.person(() => {
    throw ends;
  });
  await assertRejects(() => world.wait(first), Error, ends.message);
  const [asked] = world.asked;
  assert(asked);
  const calls = asked.calls.map(({ kind, eventId, digest }) => ({ kind, eventId, digest }));
  const carried = {
    kind: "valid",
    sessionId: world.sessionId,
    calls,
    round: asked.round,
    answer: decides(ALLOW, undefined, undefined)(asked),
  } as const;
  world.rewrite = (json) => json.replaceAll('"three"', '"other"');
  const result = await world.wait(world.person(decides(DENY), carried));
  assertEquals(world.asked[1]?.calls.map(({ input }) => input), ['{"input":"other"}']);
  assertEquals(world.asked[1]?.round.number, 2);
  const settled = calls.map(({ eventId, digest }) => `${eventId} ${digest}`);
  assertEquals(world.asked[1]?.round.settled, settled);
  assertEquals(result.status, "requires_action");
  assertEquals(world.posted.map(({ decision }) => decision), ["allow", "deny"]);
});

Deno.test("the time that a person takes does not count, and elapsed_sec counts it", async () => {
  const world = await blocked(["ask bash one", "sleep 30s", "say Done."]);
  const slow = world.person(async (question) => {
    await world.clock.sleep(300_000);
    return decides(ALLOW)(question);
  });
  const result = await world.wait(slow, { timeoutMs: 40_000 });
  assertEquals(result.status, "idle");
  assert(result.elapsed_sec >= 330 && result.elapsed_sec < 345, String(result.elapsed_sec));
});

Deno.test("a wait goes on with what was left of its time", async () => {
  const world = new AttendedWorld();
  await world.begin("sleep 20s", "ask bash one", "sleep 60s");
  const startedAt = world.clock.now();
  const result = await world.wait(world.person(decides(ALLOW)), { timeoutMs: 30_000 });
  assertEquals(result.status, "timeout");
  const tookMs = world.clock.now() - startedAt;
  assert(tookMs >= 29_000 && tookMs <= 31_000, String(tookMs));
  const remaining = world.asked[0]?.round.remainingMs ?? 0;
  assert(remaining > 15_000 && remaining < 25_000, String(remaining));
});

for (
  const [timeoutMs, leftMs, lastsMs] of [[50_000, 12_000, 12_000], [
    12_000,
    50_000,
    12_000,
  ]] as const
) {
  Deno.test(`a call of ${timeoutMs} ms with an answer goes on for ${lastsMs} ms where ${leftMs} ms were left`, async () => {
    const world = await blocked(["ask bash one", "sleep 90s"]);
    const [eventId = ""] = await world.calls();
    const ends = new Error("the call ends with a question");
    const first = world.person(() => {
      throw ends;
    });
    await assertRejects(() => world.wait(first), Error, ends.message);
    const [asked] = world.asked;
    assert(asked);
    const carried = {
      kind: "valid",
      sessionId: world.sessionId,
      calls: asked.calls.map(({ kind, digest }) => ({ kind, eventId, digest })),
      round: { ...asked.round, remainingMs: leftMs },
      answer: decides(ALLOW)(asked),
    } as const;
    const startedAt = world.clock.now();
    const result = await world.wait(world.person(decides(ALLOW), carried), { timeoutMs });
    assertEquals([result.status, result.decisions?.[0]?.outcome], ["timeout", "sent"]);
    const tookMs = world.clock.now() - startedAt;
    assert(Math.abs(tookMs - lastsMs) <= 1_000, String(tookMs));
  });
}

Deno.test("a wait that has asked looks once more, however little of its time is left", async () => {
  const world = await blocked(["ask bash one", "say Done."]);
  const carried = {
    kind: "valid",
    sessionId: world.sessionId,
    calls: [],
    round: { number: 1, remainingMs: 0, settled: [] },
  } as const;
  const first = await world.wait(world.person(decides(ALLOW)), { timeoutMs: 1_000 });
  assertEquals(first.status, "idle");
  const answer: PersonAnswer = { kind: "undecided", why: "declined" };
  world.before = () => world.clock.sleep(1_000);
  const late = await world.wait(world.person(decides(ALLOW), { ...carried, answer }));
  assertEquals(late.status, "idle");
});

Deno.test("progress goes on while a person is asked", async () => {
  const world = await blocked(["ask bash one"]);
  const slow = world.person(async (question) => {
    world.progress.length = 0;
    await world.clock.sleep(30_000);
    assertEquals(world.progress, Array(3).fill("still waiting: a person decides on bash"));
    return decides(ALLOW)(question);
  });
  await world.wait(slow, { timeoutMs: 20_000, quietMs: 2_000 });
  const two = await blocked(["ask bash one", "and ask bash two"]);
  await two.wait(two.person(decides()));
  assert(two.progress.includes("waiting for a person's decision on 2 tool calls"));
});

Deno.test("no progress is reported shortly before the end of a wait", async () => {
  const world = new AttendedWorld();
  await world.begin("sleep 60s");
  const lastProgress = async (quietMs: number, person?: Person) => {
    const startedAt = world.clock.now();
    let lastMs = 0;
    const onProgress = () => lastMs = world.clock.now() - startedAt;
    await world.wait(person, { timeoutMs: 10_000, quietMs, onProgress });
    return lastMs;
  };
  assert(await lastProgress(0) >= 9_000);
  assert(await lastProgress(2_000) <= 8_000);
  assert(await lastProgress(2_000, world.person(decides())) <= 8_000);
});

Deno.test("an exception that ends the call passes through, and nothing stays open", async () => {
  const world = await blocked(["ask bash one"], { maxWaits: 1 });
  const ended = new Error("the question is the result");
  const person = world.person(() => {
    throw ended;
  });
  const error = await world.wait(person).catch((error) => error);
  assertEquals(error, ended);
  assertEquals(world.clock.pendingTimers, 0);
  assertEquals(await world.close(), []);
});

Deno.test("a wait keeps its place while a person is asked", async () => {
  const world = await blocked(["ask bash one"], { maxWaits: 1 });
  const person = world.person(async (question) => {
    await assertRejects(() => world.attend(undefined), Error, "1 open waits");
    assertEquals(world.replica().waiter.stats(), { openWaits: 1, openStreams: 1, reconnects: 0 });
    return decides(ALLOW)(question);
  });
  assertEquals((await world.wait(person)).status, "idle");
  assertEquals(await world.close(), []);
});

Deno.test("a question is withdrawn when its calls are answered elsewhere, and the wait goes on", async () => {
  const records: QuestionRecord[] = [];
  const services = { onAsked: (record: QuestionRecord) => records.push(record) };
  const world = await blocked(["ask bash one", "say Done."], { services });
  const [one] = await world.calls();
  let withdrawn: unknown;
  const person = world.person(async (_question, _round, signal) => {
    world.clock.after(3_000, () => {
      void world.sendDirect({ type: "user.tool_confirmation", tool_use_id: one, result: "allow" });
    });
    return await neverAnswers(signal).finally(() => withdrawn = signal.reason);
  });
  const startedAt = world.clock.now();
  const result = await world.wait(person);
  assertEquals([result.status, world.asked.length, result.decisions], ["idle", 1, undefined]);
  assertStringIncludes(result.reply, "Done.");
  assert(world.clock.now() - startedAt < 10_000);
  assertEquals(withdrawn instanceof DOMException && withdrawn.name, "AbortError");
  assertEquals(records.map(({ answer }) => answer), ["withdrawn"]);
});

Deno.test("a question stays while one of its calls waits", async () => {
  const world = await blocked(["ask bash one", "and ask bash two"]);
  const [one] = await world.calls();
  const person = world.person(async (question, _round, signal) => {
    await world.sendDirect({ type: "user.tool_confirmation", tool_use_id: one, result: "deny" });
    await world.clock.sleep(60_000, signal);
    return decides(ALLOW)(question);
  });
  const result = await world.wait(person);
  assertEquals(result.decisions?.map(({ outcome }) => outcome), ["answered_elsewhere", "sent"]);
});

Deno.test("two calls that ask about the same tool call send one decision", async () => {
  const world = await blocked(["ask bash one"]);
  const both = [ALLOW, DENY].map((decision) =>
    world.attend(world.person(async (question, _round, signal) => {
      await world.clock.sleep(decision === ALLOW ? 5_000 : 6_000, signal);
      return decides(decision)(question);
    }))
  );
  const results = await world.run(Promise.all(both));
  assertEquals(results.map(({ status }) => status), ["idle", "idle"]);
  assertEquals(world.posted.map(({ decision }) => decision), ["allow"]);
});

Deno.test("a person is not asked where the calls cannot be read", async () => {
  const world = await blocked(["ask bash one"]);
  let lists = 0;
  world.before = ({ method, url }) => {
    const isList = method === "GET" && /events\?.*types/.test(url);
    if (isList && lists++ === 0) {
      const match = { method: "GET", path: /\/events$/ };
      world.simulator.faults.add({ match, times: 1, fault: { kind: "status", status: 403 } });
    }
  };
  const result = await world.wait(world.person(decides(ALLOW)));
  assertEquals([result.status, world.asked.length], ["requires_action", 0]);
  assertStringIncludes(result.next ?? "", "The host could not ask a person");
});

Deno.test("a caller hears of the outcomes of each question", async () => {
  const world = await blocked(["ask bash one", "ask bash two"]);
  const heard: string[][] = [];
  await world.wait(world.person(decides(ALLOW)), {
    onOutcomes: (outcomes) => heard.push(outcomes.map(({ kind }) => kind)),
  });
  assertEquals(heard, [["sent"], ["sent"]]);
});

Deno.test("a result tells a tool's name in one short line", async () => {
  const name = `long_${"x".repeat(200)}`;
  const world = await blocked([`ask ${name} one`]);
  const { decisions } = await world.wait(world.person(decides(ALLOW)));
  assertEquals(decisions?.map(({ name }) => name), [name.slice(0, 60)]);
});

Deno.test("a result tells of the newest decisions only", async () => {
  const calls = (name: string) =>
    Array.from({ length: 9 }, (_, index) => `${index > 0 ? "and " : ""}ask ${name} ${index}`);
  const world = await blocked([...calls("first"), ...calls("second")]);
  const { decisions = [] } = await world.wait(world.person(decides(ALLOW)));
  assertEquals([decisions.length, decisions.at(-1)?.name], [16, "second"]);
});

const CUSTOM: WorldOptions = { services: { askCustomTools: true } };

Deno.test("a custom tool is asked about when it has blocked for five seconds", async () => {
  const world = await blocked(["sleep 20s", 'custom weather {"city":"Lisbon"}'], CUSTOM);
  const startedAt = world.clock.now();
  let askedAt = 0;
  const person = world.person((question) => {
    askedAt = world.clock.now();
    return decides(SUNNY)(question);
  });
  const result = await world.wait(person);
  assertEquals(result.status, "idle");
  const blockedMs = askedAt - startedAt;
  assert(blockedMs >= 14_000 && blockedMs < 18_000, String(blockedMs));
  assertEquals(world.asked.map(({ calls }) => calls.map(({ kind, tool }) => [kind, tool])), [
    [["custom_tool_result", "weather"]],
  ]);
  assertEquals(world.posted.map(({ body }) => [body.type, body.content, body.is_error]), [
    ["user.custom_tool_result", [{ type: "text", text: "Sunny" }], false],
  ]);
  assertStringIncludes(result.reply, "Sunny");
});

Deno.test("a custom tool that a program answers in five seconds is not asked about", async () => {
  const world = await blocked(["custom weather {}"], CUSTOM);
  const [id] = await world.calls();
  world.clock.after(4_000, () => {
    void world.sendDirect({ type: "user.custom_tool_result", custom_tool_use_id: id, content: [] });
  });
  const result = await world.wait(world.person(decides(SUNNY)));
  assertEquals([result.status, world.asked.length], ["idle", 0]);
});

Deno.test("a wait that is too short for that does not ask, and ends in its time", async () => {
  const world = await blocked(["custom weather {}"], CUSTOM);
  const startedAt = world.clock.now();
  const result = await world.wait(world.person(decides(SUNNY)), { timeoutMs: 3_000 });
  assertEquals([result.status, world.asked.length], ["requires_action", 0]);
  assert(world.clock.now() - startedAt <= 3_000);
});

Deno.test("each custom tool is a question of its own, after the confirmations", async () => {
  const world = await blocked(["custom a {}", "and ask bash one", "and custom b {}"], CUSTOM);
  const person = world.person((question) =>
    decides(question.calls[0]?.kind === "tool_confirmation" ? ALLOW : SUNNY)(question)
  );
  assertEquals((await world.wait(person)).status, "idle");
  assertEquals(world.asked.map(({ calls }) => calls.map(({ tool }) => tool)), [
    ["bash"],
    ["a"],
    ["b"],
  ]);
});
