import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { instantMs, readEvent } from "../../../src/session/log_event.ts";

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

Deno.test("readEvent() makes of any nonsense an event that changes nothing", () => {
  const nonsense = [
    { ...base, type: "session.error", error: 5 },
    { ...base, type: "agent.tool_use", name: 7 },
    { ...base, type: "workflow_run.created" },
    { ...base, type: "constructor" },
    { ...base, type: "__proto__" },
    { ...base, type: "" },
  ];
  for (const event of nonsense) assertEquals(readEvent(event).kind, "other");
});

Deno.test("instantMs() keeps microseconds and gives up on what is no time", () => {
  const one = instantMs("2026-11-23T09:00:00.000001Z") ?? 0;
  const two = instantMs("2026-11-23T09:00:00.000002Z") ?? 0;
  assert(two > one);
  assertEquals(instantMs("2026-11-23T09:00:00Z"), Date.parse("2026-11-23T09:00:00Z"));
  assertEquals(instantMs("yesterday"), undefined);
});
