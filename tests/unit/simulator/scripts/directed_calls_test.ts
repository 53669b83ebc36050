import { assertEquals } from "@std/assert";
import { parseCall } from "../../../../src/simulator/scripts/directed_calls.ts";
import { askedFor, type Bench, confirm, dig, play, replies, story, type Wire } from "../helpers.ts";

const calls: readonly [line: string, ReturnType<typeof parseCall>][] = [
  ["tool bash ls -1", { kind: "tool", name: "bash", input: { input: "ls -1" } }],
  ["ask bash", { kind: "ask", name: "bash", input: { input: "" } }],
  ['ask bash {"command":"ls\\u0000"}', {
    kind: "ask",
    name: "bash",
    input: { command: "ls\0" },
  }],
  ["ask bash {not json", { kind: "ask", name: "bash", input: { input: "{not json" } }],
  ['ask bash {"a":"\u2028"}', { kind: "ask", name: "bash", input: { a: "\u2028" } }],
  ["ask bash [1]", { kind: "ask", name: "bash", input: { input: "[1]" } }],
  ['ask crm/delete {"id":7}', { kind: "ask", name: "delete", server: "crm", input: { id: 7 } }],
  ["tool crm/find x", { kind: "tool", name: "find", server: "crm", input: { input: "x" } }],
  ["custom a/b", { kind: "custom", name: "a/b", input: { input: "" } }],
  ["await bash ls", { kind: "await", name: "bash", input: { input: "ls" } }],
  ["as Reviewer ask bash ls", {
    kind: "ask",
    name: "bash",
    input: { input: "ls" },
    subagent: "Reviewer",
  }],
  ['as "Code Reviewer" custom ticket {}', {
    kind: "custom",
    name: "ticket",
    input: {},
    subagent: "Code Reviewer",
  }],
  ["as Reviewer tool bash ls", undefined],
  ['as "" ask bash ls', undefined],
  ["as Reviewer say hello", undefined],
  ["asking bash", undefined],
  ["ask", undefined],
];
for (const [line, call] of calls) {
  Deno.test(`parseCall() reads ${JSON.stringify(line)}`, () => assertEquals(parseCall(line), call));
}

Deno.test("parseCall() takes an input for a text that is nested too deeply to be sent", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  assertEquals(Object.keys(parseCall(`ask bash ${nested(900)}`)?.input ?? {}), ["a"]);
  assertEquals(parseCall(`ask bash ${nested(20_000)}`)?.input, { input: nested(20_000) });
});

function ofType(events: readonly Wire[], type: string): Wire[] {
  return events.filter((event) => event.type === type);
}

/** Thread statuses and the session's, in their order, each with its agent and stop reason. */
function statuses(events: readonly Wire[]): string[] {
  return events.filter((event) => /status_/.test(String(event.type))).map((event) => {
    const ids = dig(event, "stop_reason", "event_ids");
    const reason = dig(event, "stop_reason", "type");
    return [
      String(event.type).replace("session.", "").replace("thread_status_", "thread "),
      event.agent_name,
      reason,
      Array.isArray(ids) ? ids.length : undefined,
    ].filter((part) => part !== undefined).join(" ");
  });
}

async function answerAll(tools: Bench & { id: string }, result: "allow" | "deny", why?: string) {
  for (const call of await askedFor(tools, tools.id)) {
    assertEquals((await tools.send(tools.id, confirm(call, result, why))).status, 200);
  }
  await tools.clock.advance(500);
}

Deno.test("lines that begin with `and` make one question of several calls", async () => {
  const tools = await play(
    "script",
    "ask bash a\nand ask bash b\nand tool read c\nask bash d",
    500,
  );
  const { simulator, events, id } = tools;
  assertEquals((await askedFor(tools, id)).length, 2);
  assertEquals(story(await events(id)).slice(2), [
    ...["agent.tool_use", "agent.tool_use", "agent.tool_use", "agent.tool_result"],
    "session.status_idle requires_action",
  ]);
  await answerAll(tools, "allow");
  assertEquals((await askedFor(tools, id)).length, 1);
  assertEquals(ofType(await events(id), "agent.tool_result").length, 3);
  simulator.close();
});

Deno.test("a line that begins with `and` and calls nothing is said", async () => {
  const { simulator, events, id } = await play("script", "tool bash a\nand so on\nand ask", 500);
  assertEquals(replies(await events(id)), "and so on\nand ask");
  simulator.close();
});

Deno.test("a tool of an MCP server asks, and has its own kind of result", async () => {
  const tools = await play("script", 'ask crm/delete_customer {"id":7}', 500);
  const { simulator, events, id } = tools;
  const [call] = ofType(await events(id), "agent.mcp_tool_use");
  assertEquals([call?.mcp_server_name, call?.name, call?.input, call?.evaluated_permission], [
    ...["crm", "delete_customer", { id: 7 }],
    "ask",
  ]);
  assertEquals(await askedFor(tools, id), [call?.id]);
  await answerAll(tools, "deny", "Keep it.");
  const [result] = ofType(await events(id), "agent.mcp_tool_result");
  assertEquals([result?.mcp_tool_use_id, result?.is_error], [call?.id, true]);
  assertEquals(dig(result, "content", 0, "text"), "Denied. Keep it.");
  simulator.close();
});

Deno.test("an input passes as it is, however long and whatever its characters", async () => {
  const command = `\0\x1b[31m\r\n\u2028\u202e\u200b\ufeff\ud800${"x".repeat(10_000)}`;
  const input = { command, "": [null, { "\u202e": 1e21 }] };
  const line = `ask bash ${JSON.stringify(input)}`;
  const { simulator, events, id } = await play("script", line, 500);
  assertEquals(ofType(await events(id), "agent.tool_use").map((event) => event.input), [input]);
  simulator.close();
});

for (const [is_error, said] of [[undefined, "gave"], [false, "gave"], [true, "failed"]] as const) {
  Deno.test(`a custom tool's result is said, with is_error ${is_error}`, async () => {
    const tools = await play("script", 'custom get_weather {"city":"Lisbon"}', 500);
    const { clock, simulator, send, events, id } = tools;
    const [custom_tool_use_id] = await askedFor(tools, id);
    const content = [{ type: "text", text: "sunny" }];
    await send(id, { type: "user.custom_tool_result", custom_tool_use_id, content, is_error });
    await clock.advance(500);
    assertEquals(replies(await events(id)), `get_weather ${said}: sunny`);
    simulator.close();
  });
}

Deno.test("a call that is awaited takes the client's result, and no confirmation", async () => {
  const tools = await play("script", "await bash ls\nsay Done.", 500);
  const { clock, simulator, send, events, id } = tools;
  const [tool_use_id] = await askedFor(tools, id);
  assertEquals((await send(id, confirm(tool_use_id, "allow"))).status, 400);
  assertEquals((await send(id, { type: "user.tool_result", tool_use_id })).status, 200);
  await clock.advance(500);
  assertEquals(story(await events(id)).slice(-4), [
    ...["user.tool_result", "session.status_running"],
    ...["agent.message", "session.status_idle end_turn"],
  ]);
  simulator.close();
});

Deno.test("a subagent asks on its own thread, and the session shows the call with it", async () => {
  const tools = await play("script", "as Researcher ask bash curl example.com\nsay Done.", 500);
  const { simulator, call, events, id } = tools;
  const [created] = ofType(await events(id), "session.thread_created");
  const [use] = ofType(await events(id), "agent.tool_use");
  assertEquals(use?.session_thread_id, created?.session_thread_id);
  assertEquals(statuses(await events(id)).slice(2), [
    "thread running Researcher",
    "thread idle Researcher requires_action 1",
    "thread idle Simulated Script end_turn",
    "status_idle requires_action 1",
  ]);
  const threads = await call("GET", `/v1/sessions/${id}/threads`);
  assertEquals(dig(threads.body, "data", 1, "agent", "name"), "Researcher");
  await answerAll(tools, "allow");
  const listed = await events(id);
  const [confirmation] = ofType(listed, "user.tool_confirmation");
  assertEquals(confirmation?.session_thread_id, created?.session_thread_id);
  assertEquals(ofType(listed, "agent.tool_result"), []);
  const [received] = ofType(listed, "agent.thread_message_received");
  assertEquals(dig(received, "content", 0, "text"), "bash was allowed.");
  assertEquals(statuses(listed).slice(6), [
    ...["status_running", "thread running Researcher", "thread running Simulated Script"],
    ...["thread idle Researcher end_turn", "thread idle Simulated Script end_turn"],
    "status_idle end_turn",
  ]);
  simulator.close();
});

Deno.test("the session's own call and a subagent's wait together, each on its thread", async () => {
  const script = "ask bash a\nand as Researcher ask bash b\nand as Researcher custom ticket {}";
  const { simulator, events, id } = await play("script", script, 500);
  assertEquals(statuses(await events(id)).slice(-3), [
    "thread idle Researcher requires_action 2",
    "thread idle Simulated Script requires_action 1",
    "status_idle requires_action 3",
  ]);
  assertEquals(ofType(await events(id), "session.thread_created").length, 1);
  simulator.close();
});

Deno.test("a subagent keeps its thread in the next turn", async () => {
  const tools = await play("script", "as Researcher ask bash a", 500);
  const { clock, simulator, send, events, id } = tools;
  await answerAll(tools, "deny");
  const content = [{ type: "text", text: "as Researcher ask bash b" }];
  await send(id, { type: "user.message", content });
  await clock.advance(500);
  const listed = await events(id);
  assertEquals(ofType(listed, "session.thread_created").length, 1);
  const threads = ofType(listed, "agent.tool_use").map((event) => event.session_thread_id);
  assertEquals(new Set(threads).size, 1);
  simulator.close();
});

Deno.test("an interrupt ends the turn of a subagent that waits, without a result of its call", async () => {
  const tools = await play("script", "as Researcher ask bash a\nand ask crm/b", 500);
  const { clock, simulator, send, events, id } = tools;
  await send(id, { type: "user.interrupt" });
  await clock.advance(500);
  const listed = await events(id);
  assertEquals(story(listed).slice(-3), [
    ...["user.interrupt", "agent.mcp_tool_result", "session.status_idle end_turn"],
  ]);
  assertEquals(statuses(listed).slice(-3), [
    "thread idle Researcher end_turn",
    "thread idle Simulated Script end_turn",
    "status_idle end_turn",
  ]);
  simulator.close();
});

Deno.test("a subagent reports what it is told to, and the session pays for it", async () => {
  const line = 'as "Code Reviewer" say It is fine.';
  const { simulator, events, id } = await play("script", line, 500);
  const listed = await events(id);
  const [report] = ofType(listed, "agent.thread_message_received");
  assertEquals(
    [report?.from_agent_name, dig(report, "content", 0, "text")],
    ["Code Reviewer", "It is fine."],
  );
  assertEquals(statuses(listed).includes("thread idle Code Reviewer end_turn"), true);
  const usage = ofType(listed, "session.usage").at(-1);
  assertEquals(dig(usage, "usage", "list_cost"), { amount: "6", currency: "USD" });
  simulator.close();
});
