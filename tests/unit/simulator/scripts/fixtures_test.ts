import { assertEquals, assertStringIncludes } from "@std/assert";
import { fixtures } from "../../../../src/simulator/scripts/fixtures.ts";
import {
  askedFor,
  bench,
  confirm,
  dataOf,
  dig,
  message,
  play,
  replies,
  story,
} from "../helpers.ts";

const OPENING = ["user.message", "session.status_running"];
const TOOL_ROUND = ["agent.tool_use", "agent.tool_result"];
const END = ["agent.message", "session.status_idle end_turn"];

for (
  const { agent, ms, expected } of [
    { agent: "quick", ms: 1_000, expected: [...OPENING, ...END] },
    {
      agent: "slow",
      ms: 9_000,
      expected: [
        ...OPENING,
        ...["agent.thinking", "agent.message", ...TOOL_ROUND, ...TOOL_ROUND],
        ...["agent.message", ...TOOL_ROUND, ...END],
      ],
    },
    { agent: "long", ms: 91_000, expected: [...OPENING, "agent.message", ...END] },
    {
      agent: "refusal",
      ms: 1_000,
      expected: [...OPENING, "agent.message", "session.status_idle refusal"],
    },
    {
      agent: "budget",
      ms: 2_000,
      expected: [...OPENING, "agent.message", "session.status_idle budget_reached"],
    },
    {
      agent: "retry",
      ms: 5_000,
      expected: [
        ...OPENING,
        "session.error retrying",
        "session.status_rescheduled",
        "session.status_running",
        ...END,
      ],
    },
    {
      agent: "exhausted",
      ms: 6_000,
      expected: [
        ...OPENING,
        ...["session.error retrying", "session.error retrying", "session.error exhausted"],
        "session.status_idle retries_exhausted",
      ],
    },
    {
      agent: "terminated",
      ms: 2_000,
      expected: [...OPENING, "session.error terminal", "session.status_terminated"],
    },
    {
      agent: "approval",
      ms: 2_000,
      expected: [
        ...OPENING,
        ...["agent.message", "agent.tool_use", "session.status_idle requires_action"],
      ],
    },
    {
      agent: "custom_tool",
      ms: 2_000,
      expected: [...OPENING, "agent.custom_tool_use", "session.status_idle requires_action"],
    },
    {
      agent: "workflow",
      ms: 8_000,
      expected: [
        ...OPENING,
        ...["agent.message", "workflow_run.created", "workflow_run.status_running"],
        ...["workflow_run.phase_started", "session.status_idle end_turn"],
        ...["workflow_run.phase_ended", "workflow_run.status_ended", "session.status_running"],
        ...END,
      ],
    },
    {
      agent: "subagents",
      ms: 8_000,
      expected: [
        ...[...OPENING, "agent.message"],
        ...["session.thread_created", "agent.thread_message_sent"],
        ...["session.thread_created", "agent.thread_message_sent"],
        ...["agent.thread_message_received", "agent.thread_message_received", ...END],
      ],
    },
  ] as const
) {
  Deno.test(`the ${agent} agent plays its part`, async () => {
    const { simulator, events, id } = await play(agent, "Look after the report", ms);
    assertEquals(story(await events(id)), [...expected]);
    simulator.close();
  });
}

Deno.test("every seeded agent says that it is simulated, and is listed with the quick one first", async () => {
  const { call } = bench();
  const agents = dataOf(await call("GET", "/v1/agents"));
  assertEquals(agents.length, Object.keys(fixtures).length);
  assertEquals(agents[0]?.name, "Simulated Quick Answer");
  for (const agent of agents) assertStringIncludes(String(agent.name), "Simulated");
  assertEquals(new Set(agents.map((agent) => agent.name)).size, agents.length);
});

Deno.test("the slow agent takes about eight seconds, and one of its tools fails", async () => {
  const { clock, simulator, events, id, status } = await play("slow", "report", 7_500);
  assertEquals(await status(id), "running");
  await clock.advance(1_000);
  assertEquals(await status(id), "idle");
  const results = (await events(id)).filter((event) => event.type === "agent.tool_result");
  assertEquals(results.map((event) => event.is_error), [false, true, false]);
  simulator.close();
});

Deno.test("tool results name the tool call they belong to, model spans their start", async () => {
  const { simulator, events, id } = await play("slow", "report", 9_000);
  const listed = await events(id);
  const idsOf = (type: string) => listed.filter((e) => e.type === type).map((e) => e.id);
  const refs = (type: string, field: string) =>
    listed.filter((e) => e.type === type).map((e) => e[field]);
  assertEquals(refs("agent.tool_result", "tool_use_id"), idsOf("agent.tool_use"));
  assertEquals(
    refs("span.model_request_end", "model_request_start_id"),
    idsOf("span.model_request_start"),
  );
  simulator.close();
});

Deno.test("an approval that is given lets the command run and the turn end", async () => {
  const tools = await play("approval", "Clean up", 2_000);
  const { clock, simulator, send, events, id } = tools;
  const [call] = await askedFor(tools, id);
  const asked = (await events(id)).find((event) => event.id === call);
  assertEquals([asked?.type, asked?.evaluated_permission], ["agent.tool_use", "ask"]);
  assertEquals((await send(id, confirm(call, "allow"))).status, 200);
  await clock.advance(3_000);
  const listed = await events(id);
  assertEquals(story(listed).slice(-5), [
    "user.tool_confirmation",
    "session.status_running",
    "agent.tool_result",
    ...END,
  ]);
  assertStringIncludes(replies(listed), "is gone");
  simulator.close();
});

Deno.test("an approval that is refused makes an error result with the reason, and a reply", async () => {
  const tools = await play("approval", "Clean up", 2_000);
  const { clock, simulator, send, events, id } = tools;
  const [call] = await askedFor(tools, id);
  await send(id, confirm(call, "deny", "Keep the build."));
  await clock.advance(3_000);
  const listed = await events(id);
  const result = listed.find((event) => event.type === "agent.tool_result");
  assertEquals(result?.is_error, true);
  assertStringIncludes(JSON.stringify(result?.content), "Keep the build.");
  assertStringIncludes(replies(listed), "Keep the build.");
  simulator.close();
});

Deno.test("answering one of two calls re-emits idle with the rest", async () => {
  const tools = await play("approvals", "Publish", 2_000);
  const { clock, simulator, send, events, id } = tools;
  const calls = await askedFor(tools, id);
  assertEquals(calls.length, 2);
  await send(id, confirm(calls[1], "allow"));
  await clock.advance(1_000);
  assertEquals(await askedFor(tools, id), [calls[0]]);
  await send(id, confirm(calls[0], "deny"));
  await clock.advance(4_000);
  const listed = await events(id);
  assertEquals(story(listed).at(-1), "session.status_idle end_turn");
  assertStringIncludes(replies(listed), "1 of 2");
  simulator.close();
});

Deno.test("both calls answered in one POST go on without another idle", async () => {
  const tools = await play("approvals", "Publish", 2_000);
  const { clock, simulator, send, events, id } = tools;
  const calls = await askedFor(tools, id);
  await send(id, ...calls.map((call) => confirm(call, "allow")));
  await clock.advance(5_000);
  const idles = story(await events(id)).filter((mark) => mark.startsWith("session.status_idle"));
  assertEquals(idles, ["session.status_idle requires_action", "session.status_idle end_turn"]);
  simulator.close();
});

Deno.test("an interrupt while calls wait refuses them and ends the turn", async () => {
  const tools = await play("approvals", "Publish", 2_000);
  const { clock, simulator, send, events, id } = tools;
  await send(id, { type: "user.interrupt" });
  await clock.advance(1_000);
  assertEquals(story(await events(id)).slice(-4), [
    "user.interrupt",
    "agent.tool_result",
    "agent.tool_result",
    "session.status_idle end_turn",
  ]);
  simulator.close();
});

Deno.test("a custom tool's result reaches the reply; a second one is accepted and ignored", async () => {
  const tools = await play("custom_tool", "Weather?", 2_000);
  const { clock, simulator, send, events, id } = tools;
  const [call] = await askedFor(tools, id);
  const result = (text: string) => ({
    type: "user.custom_tool_result",
    custom_tool_use_id: call,
    content: [{ type: "text", text }],
  });
  const sent = await send(id, result("sunny, 21 °C"));
  assertEquals(typeof dataOf(sent)[0]?.processed_at, "string");
  assertEquals((await send(id, result("hail"))).status, 200);
  await clock.advance(3_000);
  const listed = await events(id);
  assertStringIncludes(replies(listed), "sunny, 21 °C");
  assertEquals(story(listed).at(-1), "session.status_idle end_turn");
  simulator.close();
});

Deno.test("a turn at its budget goes on when that is raised, and when it is removed", async () => {
  const raised = { type: "limit", max_list_cost: { amount: "500", currency: "USD" } };
  for (const budget of [raised, null]) {
    const { clock, simulator, call, events, id } = await play("budget", "Everything", 2_000);
    await call("POST", `/v1/sessions/${id}`, { budget });
    await clock.advance(2_000);
    assertEquals(story(await events(id)).slice(-4), [
      "session.updated",
      "session.status_running",
      ...END,
    ]);
    simulator.close();
  }
});

Deno.test("at its budget a session refuses messages and never lists an interrupt", async () => {
  const { clock, simulator, send, events, id } = await play("budget", "Everything", 2_000);
  const before = (await events(id)).length;
  assertEquals((await send(id, message("more"))).status, 400);
  assertEquals((await send(id, { type: "user.interrupt" })).status, 200);
  await clock.advance(2_000);
  assertEquals((await events(id)).length, before);
  simulator.close();
});

Deno.test("what is queued behind a turn that gives up is dropped", async () => {
  const tools = await play("exhausted", "one", 500);
  const { clock, simulator, send, events, id } = tools;
  await send(id, message("two"));
  await clock.advance(20_000);
  const listed = await events(id);
  const messages = listed.filter((event) => event.type === "user.message");
  assertEquals(messages.map((event) => event.processed_at === null), [false, true]);
  assertEquals(listed.filter((event) => event.type === "session.status_idle").length, 1);
  simulator.close();
});

Deno.test("a terminated session takes no more events", async () => {
  const { simulator, send, status, id } = await play("terminated", "one", 3_000);
  assertEquals(await status(id), "terminated");
  assertEquals((await send(id, message("two"))).status, 409);
  simulator.close();
});

Deno.test("while a workflow run is open the session can be neither archived nor deleted", async () => {
  const { clock, simulator, call, id, status } = await play("workflow", "one", 2_000);
  assertEquals(await status(id), "idle");
  for (const [method, path] of [["POST", "/archive"], ["DELETE", ""]] as const) {
    const { status, body } = await call(method, `/v1/sessions/${id}${path}`);
    assertEquals([status, dig(body, "error", "details", "error_code")], [400, "workflow_run_open"]);
  }
  await clock.advance(6_000);
  assertEquals((await call("POST", `/v1/sessions/${id}/archive`)).status, 200);
  simulator.close();
});

Deno.test("subagents appear as threads behind the primary one, idle in the end", async () => {
  const { simulator, call, id } = await play("subagents", "one", 8_000);
  const threads = dataOf(await call("GET", `/v1/sessions/${id}/threads`));
  assertEquals(threads.length, 3);
  assertEquals(threads.map((thread) => thread.status), ["idle", "idle", "idle"]);
  const [primary, ...children] = threads;
  assertEquals(primary?.parent_thread_id, null);
  for (const child of children) assertEquals(child.parent_thread_id, primary?.id);
  assertEquals(dig(children[0], "agent", "name"), "Simulated Researcher");
  simulator.close();
});
