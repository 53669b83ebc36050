import { assertEquals } from "@std/assert";
import { askedFor, confirm, dataOf, play } from "./helpers.ts";
import { answeredId, answerOf } from "../../../src/simulator/sending.ts";

for (
  const [event, id, answer] of [
    [
      { type: "user.tool_confirmation", tool_use_id: "a", result: "allow" },
      "a",
      { allowed: true, text: "" },
    ],
    [
      { type: "user.tool_confirmation", tool_use_id: "a", result: "deny", deny_message: "No." },
      "a",
      { allowed: false, text: "No." },
    ],
    [
      {
        type: "user.custom_tool_result",
        custom_tool_use_id: "b",
        content: [{ type: "text", text: "42" }],
      },
      "b",
      { allowed: true, text: "42" },
    ],
    [{ type: "user.tool_result", tool_use_id: "c" }, "c", { allowed: true, text: "" }],
  ] as const
) {
  Deno.test(`a ${event.type} answers call ${id} with ${JSON.stringify(answer)}`, () => {
    assertEquals([answeredId(event), answerOf(event)], [id, answer]);
  });
}

Deno.test("a message answers no call", () => {
  assertEquals(answeredId({ type: "user.message", content: [] }), undefined);
});

Deno.test("a request that confirms a call twice is refused, and nothing of it takes effect", async () => {
  const tools = await play("script", "ask bash a", 500);
  const { simulator, send, events, id } = tools;
  const [call] = await askedFor(tools, id);
  const before = (await events(id)).length;
  assertEquals((await send(id, confirm(call, "deny"), confirm(call, "allow"))).status, 400);
  assertEquals((await events(id)).length, before);
  assertEquals((await send(id, confirm(call, "deny"))).status, 200);
  assertEquals((await send(id, confirm(call, "deny"))).status, 400);
  simulator.close();
});

Deno.test("a result stands for no permission", async () => {
  const tools = await play("script", "ask bash a", 500);
  const { simulator, send, id } = tools;
  const [tool_use_id] = await askedFor(tools, id);
  assertEquals((await send(id, { type: "user.tool_result", tool_use_id })).status, 400);
  await send(id, confirm(tool_use_id, "allow"));
  assertEquals((await send(id, { type: "user.tool_result", tool_use_id })).status, 200);
  simulator.close();
});

Deno.test("a message goes with a deny only, and only calls that ask are confirmed", async () => {
  const script = "tool bash a\nask bash b\nand await bash c\nand custom d";
  const tools = await play("script", script, 500);
  const { simulator, send, events, id } = tools;
  const [asks, ...others] = await askedFor(tools, id);
  const [ran] = (await events(id)).filter((event) => event.type === "agent.tool_use");
  assertEquals((await send(id, confirm(asks, "allow", "Why."))).status, 400);
  for (const call of [...others, ran?.id, "sevt_none"]) {
    assertEquals((await send(id, confirm(call, "allow"))).status, 400);
  }
  assertEquals((await send(id, confirm(asks, "deny", "x".repeat(10_001)))).status, 400);
  assertEquals((await send(id, confirm(asks, "deny", "x".repeat(10_000)))).status, 200);
  simulator.close();
});

Deno.test("a session that was archived or deleted meanwhile takes no answers", async () => {
  const tools = await play("script", "ask bash a", 1_000);
  const { simulator, send, call, id } = tools;
  const [waiting] = await askedFor(tools, id);
  await call("POST", `/v1/sessions/${id}/archive`);
  assertEquals((await send(id, confirm(waiting, "allow"))).status, 409);
  await call("DELETE", `/v1/sessions/${id}`);
  assertEquals((await send(id, confirm(waiting, "allow"))).status, 404);
  simulator.close();
});

Deno.test("a subagent's call takes no answer once its thread has ended", async () => {
  const tools = await play("script", "as Helper ask bash a\nand as Helper custom b", 500);
  const { simulator, send, events, id } = tools;
  const [asks, custom] = await askedFor(tools, id);
  const created = (await events(id)).find((event) => event.type === "session.thread_created");
  const { session_thread_id, agent_name } = created ?? {};
  const type = "session.thread_status_terminated";
  simulator.emit(id, { type, session_thread_id, agent_name });
  assertEquals((await send(id, confirm(asks, "allow"))).status, 400);
  const result = { type: "user.custom_tool_result", custom_tool_use_id: custom };
  assertEquals((await send(id, result)).status, 400);
  simulator.close();
});

Deno.test("a confirmation is queued in its echo, and stamped when the agent takes it up", async () => {
  const tools = await play("script", "ask bash a\nand ask bash b", 500);
  const { simulator, send, clock, events, id } = tools;
  const [waiting] = await askedFor(tools, id);
  const reply = await send(id, confirm(waiting, "allow"));
  assertEquals(dataOf(reply).map((event) => event.processed_at), [null]);
  await clock.advance(100);
  const stamped = (await events(id)).find((event) => event.id === dataOf(reply)[0]?.id);
  assertEquals(typeof stamped?.processed_at, "string");
  simulator.close();
});
