import { assertEquals } from "@std/assert";
import { SessionThreads, threadEvents } from "../../../src/simulator/threads.ts";
import type { WireEvent } from "../../../src/simulator/wire.ts";
import { dig } from "./helpers.ts";

const AT = "2026-11-23T09:00:00.000000Z";
const LATER = "2026-11-23T09:05:00.000000Z";

function threadEvent(type: string, fields: Record<string, unknown>): WireEvent {
  return { id: "sevt_1", processed_at: LATER, ...fields, type: `session.thread_${type}` };
}

Deno.test("SessionThreads begins with the primary thread, and adds those that are created", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", { name: "Lead" }, AT);
  const child = { session_thread_id: "sthr_2", agent_name: "Helper" };
  threads.apply(threadEvent("created", { ...child, workflow_run_id: "wrun_1" }), LATER);
  const [primary, second] = threads.list();
  assertEquals([primary?.id, primary?.parent_thread_id, primary?.created_at], ["sthr_1", null, AT]);
  assertEquals(
    [second?.id, second?.parent_thread_id, second?.workflow_run_id, second?.created_at],
    ["sthr_2", "sthr_1", "wrun_1", LATER],
  );
  assertEquals(dig(second, "agent", "name"), "Helper");
  assertEquals(threads.find("sthr_3"), undefined);
});

for (
  const [event, status] of [
    ["status_running", "running"],
    ["status_idle", "idle"],
    ["status_rescheduled", "rescheduling"],
    ["status_terminated", "terminated"],
  ] as const
) {
  Deno.test(`SessionThreads shows ${status} after thread_${event}`, () => {
    const threads = new SessionThreads("sesn_1", "sthr_1", {}, AT);
    threads.apply(threadEvent("status_running", { session_thread_id: "sthr_1" }), AT);
    threads.apply(threadEvent(event, { session_thread_id: "sthr_1" }), LATER);
    assertEquals(
      [threads.find("sthr_1")?.status, threads.find("sthr_1")?.updated_at],
      [status, LATER],
    );
  });
}

Deno.test("SessionThreads ignores events of threads that it does not know", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", {}, AT);
  threads.apply(threadEvent("status_running", { session_thread_id: "sthr_9" }), LATER);
  assertEquals(threads.list().map((thread) => thread.status), ["idle"]);
});

Deno.test("SessionThreads finds subagents by name, never the primary thread", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", { name: "Lead" }, AT);
  const child = { session_thread_id: "sthr_2", agent_name: "Helper" };
  threads.apply(threadEvent("created", { ...child, workflow_run_id: null }), LATER);
  assertEquals(threads.subagents().map(({ id }) => id), ["sthr_2"]);
  assertEquals([threads.named("Helper"), threads.named("Lead")], ["sthr_2", undefined]);
  assertEquals([threads.agentName("sthr_1"), threads.agentName("sthr_3")], ["Lead", ""]);
});

Deno.test("threadEvents() gives each event to its thread, and a subagent its own side of messages", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", { name: "Lead" }, AT);
  const child = { session_thread_id: "sthr_2", agent_name: "Helper" };
  threads.apply(threadEvent("created", child), LATER);
  const content = [{ type: "text", text: "Hello" }];
  const made = (id: string, type: string, fields: Record<string, unknown>): WireEvent => {
    return { id, type, processed_at: AT, ...fields };
  };
  const session = [
    made("e1", "user.message", { content }),
    made("e2", "session.thread_created", child),
    made("e3", "agent.thread_message_sent", { to_session_thread_id: "sthr_2", content }),
    made("e4", "agent.tool_use", { session_thread_id: "sthr_2" }),
    made("e5", "agent.tool_result", { tool_use_id: "e4" }),
    made("e6", "agent.thread_message_received", { from_session_thread_id: "sthr_2", content }),
    made("e7", "agent.tool_use", { session_thread_id: null }),
    { ...made("e8", "agent.tool_result", { tool_use_id: "e7" }), processed_at: null },
  ];
  const shown = (id: string) =>
    threadEvents(id, threads, session).items.map(({ event }) => `${event.id} ${event.type}`);
  assertEquals(shown("sthr_1"), [
    "e1 user.message",
    "e3 agent.thread_message_sent",
    "e6 agent.thread_message_received",
    "e7 agent.tool_use",
    "e8 agent.tool_result",
  ]);
  assertEquals(shown("sthr_2"), [
    "e2 session.thread_created",
    "e3r agent.thread_message_received",
    "e4 agent.tool_use",
    "e5 agent.tool_result",
    "e6t agent.message",
    "e6s agent.thread_message_sent",
  ]);
});

Deno.test("SessionThreads count what a thread has used", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", {}, AT);
  const usage = { input_tokens: 9_000, output_tokens: 600 };
  for (const id of ["sthr_1", "sthr_1", "sthr_9"]) threads.addUsage(id, usage);
  assertEquals(threads.find("sthr_1")?.usage, {
    input_tokens: 18_000,
    output_tokens: 1_200,
    cache_read_input_tokens: 0,
    list_cost: { amount: "12", currency: "USD" },
  });
});
