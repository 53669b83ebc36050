import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { beginsTurn } from "../../../src/api/events.ts";
import { readEvent, typesIn } from "../../../src/session/event_types.ts";
import { progressOf } from "../../../src/session/progress.ts";

const base = { id: "sevt_1", processed_at: "2026-11-23T09:00:00.000000Z" };

Deno.test("readEvent() reads what other implementations leave out or spell differently", () => {
  const bare = readEvent({ type: "agent.message", content: "hello" });
  assert(bare.kind === "text" && bare.text === "hello");
  assertEquals(bare.id, undefined);
  assert(!bare.queued);
  const idle = readEvent({ ...base, type: "session.status_idle", content: null });
  assert(idle.kind === "idle" && idle.stop === undefined);
  const error = readEvent({ ...base, type: "session.error", error: "harness_turn_failed" });
  assert(error.kind === "error" && error.error.type === "harness_turn_failed");
});

Deno.test("readEvent() takes only client events for queued", () => {
  assert(readEvent({ id: "a", type: "user.message", processed_at: null, content: [] }).queued);
  assert(!readEvent({ id: "a", type: "agent.message", processed_at: null, content: [] }).queued);
  assert(!readEvent({ id: "a", type: "user.message", content: [] }).queued);
});

Deno.test("readEvent() tells events without an id apart by what they say", () => {
  const one = readEvent({ type: "agent.message", content: "one" });
  const two = readEvent({ type: "agent.message", content: "two" });
  assertNotEquals(one.key, two.key);
  assertEquals(one.key, readEvent({ type: "agent.message", content: "one" }).key);
});

Deno.test("what readEvent() reads as the begin of work shows the order of a list", () => {
  for (const type of new Set([...typesIn("first"), ...typesIn("status")])) {
    const { kind } = readEvent({ ...base, type });
    assertEquals(beginsTurn({ type }), kind === "running" || kind === "model_start", type);
  }
});

Deno.test("readEvent() keeps a tool's input only where somebody must answer", () => {
  const input = { command: "ls" };
  const plain = readEvent({ ...base, type: "agent.tool_use", name: "bash", input });
  assert(plain.kind === "tool_use" && plain.tool.input === undefined);
  const asks = {
    ...base,
    type: "agent.tool_use",
    name: "bash",
    input,
    evaluated_permission: "ask",
  };
  const asking = readEvent(asks);
  assert(asking.kind === "tool_use" && asking.tool.input === input);
  const custom = readEvent({ ...base, type: "agent.custom_tool_use", name: "crm", input });
  assert(custom.kind === "tool_use" && custom.tool.custom && custom.tool.input === input);
});

Deno.test("readEvent() keeps the beginning of what an agent is told, and a person's decisions", () => {
  const content = [{ type: "text", text: "a".repeat(400) }, { type: "text", text: "b" }];
  const read = (type: string, fields: object) => {
    const event = readEvent({ ...base, type, ...fields });
    assert(event.kind === "input");
    return event;
  };
  assertEquals(read("user.message", { content }).beginning, "a".repeat(300));
  assertEquals("beginning" in read("user.message", { content: [] }), false);
  assertEquals(read("user.define_outcome", { description: "A list" }).beginning, "A list");
  assertEquals("beginning" in read("user.define_outcome", { description: 7 }), false);
  for (const result of ["allow", "deny"]) {
    const fields = { tool_use_id: "sevt_0", result };
    assertEquals(read("user.tool_confirmation", fields).decision, result);
    assertEquals("decision" in read("user.custom_tool_result", fields), false);
  }
  for (const result of ["", "maybe", null, undefined, {}]) {
    const fields = { tool_use_id: "sevt_0", result };
    assertEquals("decision" in read("user.tool_confirmation", fields), false);
  }
});

Deno.test("readEvent() reads an unknown type as an event that changes nothing", () => {
  for (const type of ["constructor", "__proto__", "", "agent.brand_new"]) {
    assertEquals(readEvent({ ...base, type }).kind, "other");
  }
  assertEquals(readEvent({ ...base, type: "workflow_run.created" }).kind, "other");
});

Deno.test("readEvent() keeps a tool call whose name cannot be read, and its input", () => {
  for (const name of [null, 7, [], {}, ""]) {
    const event = { ...base, type: "agent.tool_use", name, input: { a: 1 } };
    const use = readEvent({ ...event, evaluated_permission: "ask", mcp_server_name: [] });
    assert(use.kind === "tool_use");
    assertEquals(use.tool, { id: "sevt_1", custom: false, asks: true, input: { a: 1 } });
  }
});

Deno.test("readEvent() keeps an error whatever its fields", () => {
  for (const error of [null, undefined, 5, [], {}, ""]) {
    const read = readEvent({ ...base, type: "session.error", error });
    assertEquals(read.kind === "error" && read.error, { type: "unknown_error" });
  }
});

Deno.test("readEvent() takes a message for queued by null only", () => {
  for (const processed_at of [undefined, "", "soon"]) {
    assert(!readEvent({ id: "a", type: "user.message", processed_at }).queued);
  }
});

Deno.test("readEvent() tells deeply nested events without an id apart", () => {
  const event = JSON.parse(`{"type":"x","a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`);
  assert(readEvent(event).key.startsWith("~x~"));
});

Deno.test("typesIn() lists what reads of a part of a session's events ask for", () => {
  assertEquals(typesIn("first"), [
    "user.message",
    "user.define_outcome",
    "user.interrupt",
    "user.tool_confirmation",
    "agent.message",
    "agent.thinking",
    "span.model_request_start",
    "session.status_running",
    "session.status_rescheduled",
  ]);
  assertEquals(typesIn("status"), [
    "user.tool_confirmation",
    "user.custom_tool_result",
    "user.tool_result",
    "agent.tool_use",
    "agent.mcp_tool_use",
    "agent.custom_tool_use",
    "span.outcome_evaluation_start",
    "span.outcome_evaluation_end",
    "session.status_running",
    "session.status_rescheduled",
    "session.status_idle",
    "session.status_terminated",
  ]);
});

Deno.test("readEvent() and progressOf() treat a call of an unknown type as a tool call", () => {
  const use = readEvent({ ...base, type: "agent.server_tool_use", name: "fetch" });
  assertEquals([use.kind, progressOf(use)], ["tool_use", "using fetch"]);
  const result = readEvent({ ...base, type: "agent.web_fetch_result", tool_use_id: "sevt_0" });
  assertEquals([result.kind, progressOf(result)], ["tool_result", undefined]);
});
