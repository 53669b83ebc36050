import { assertEquals } from "@std/assert";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { ReadLimit } from "../../../src/simulator/admission.ts";
import { answeredId, answerOf } from "../../../src/simulator/answers.ts";
import { errorTypeOf, jsonRpcError, SimulatorError } from "../../../src/simulator/envelope.ts";
import { hostedHabits } from "../../../src/simulator/habits.ts";
import { present } from "../../../src/simulator/present.ts";
import { findRoute } from "../../../src/simulator/router.ts";
import { SessionThreads } from "../../../src/simulator/threads.ts";
import { UsageCounter } from "../../../src/simulator/usage.ts";
import { textOf, type WireEvent } from "../../../src/simulator/wire.ts";
import { bench, dig } from "./helpers.ts";

const IDLE: WireEvent = {
  id: "sevt_1",
  type: "session.status_idle",
  processed_at: "2026-11-23T09:00:00.000000Z",
  stop_reason: { type: "end_turn" },
  stop_details: null,
};

Deno.test("present() shows an event as it is under the hosted API's habits", () => {
  assertEquals(present(IDLE, hostedHabits), IDLE);
});

Deno.test("present() takes stop reasons from session idles only", () => {
  const habits = { ...hostedHabits, idleWithoutStopReason: true };
  const thread = { ...IDLE, type: "session.thread_status_idle" };
  assertEquals(present(thread, habits), thread);
  assertEquals("stop_reason" in present(IDLE, habits), false);
  assertEquals(IDLE.stop_reason, { type: "end_turn" });
});

Deno.test("present() takes ids away without touching the log's event", () => {
  const shown = present(IDLE, { ...hostedHabits, eventsWithoutIds: true });
  assertEquals(["id" in shown, IDLE.id], [false, "sevt_1"]);
});

Deno.test("UsageCounter adds up tokens and prices them in whole cents", () => {
  const usage = new UsageCounter();
  usage.noteRequest({ input_tokens: 1_000_000, output_tokens: 200_000 });
  usage.noteRequest({ input_tokens: 1 });
  usage.noteRequest("nonsense");
  assertEquals(usage.toWire(), {
    input_tokens: 1_000_001,
    output_tokens: 200_000,
    cache_read_input_tokens: 0,
    list_cost: { amount: "1000", currency: "USD" },
  });
});

Deno.test("UsageCounter counts the time spent running, also while it runs", () => {
  const usage = new UsageCounter();
  usage.noteStatus("idle", 0);
  usage.noteStatus("running", 1_000);
  usage.noteStatus("running", 2_000);
  assertEquals(usage.activeSeconds(6_000), 5);
  usage.noteStatus("idle", 6_000);
  usage.noteStatus("idle", 7_000);
  assertEquals(usage.activeSeconds(60_000), 5);
  usage.noteStatus("running", 60_000);
  usage.noteStatus("terminated", 62_000);
  assertEquals(usage.activeSeconds(99_000), 7);
});

const AT = "2026-11-23T09:00:00.000000Z";
const LATER = "2026-11-23T09:05:00.000000Z";

function threadEvent(type: string, fields: Record<string, unknown>): WireEvent {
  return { id: "sevt_1", processed_at: LATER, ...fields, type: `session.thread_${type}` };
}

Deno.test("SessionThreads begins with the primary thread, and adds those that are created", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", { name: "Lead" }, AT);
  const child = { session_thread_id: "sthr_2", agent_name: "Helper" };
  threads.note(threadEvent("created", { ...child, workflow_run_id: "wrun_1" }), LATER);
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
    threads.note(threadEvent("status_running", { session_thread_id: "sthr_1" }), AT);
    threads.note(threadEvent(event, { session_thread_id: "sthr_1" }), LATER);
    assertEquals(
      [threads.find("sthr_1")?.status, threads.find("sthr_1")?.updated_at],
      [status, LATER],
    );
  });
}

Deno.test("SessionThreads ignores events of threads that it does not know", () => {
  const threads = new SessionThreads("sesn_1", "sthr_1", {}, AT);
  threads.note(threadEvent("status_running", { session_thread_id: "sthr_9" }), LATER);
  assertEquals(threads.list().map((thread) => thread.status), ["idle"]);
});

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

Deno.test("textOf() joins text blocks and skips everything else", () => {
  const content = [{ type: "text", text: "a" }, { type: "image" }, null, {
    type: "text",
    text: "b",
  }];
  assertEquals(textOf(content), "a\nb");
  for (const other of ["a", null, undefined, {}]) assertEquals(textOf(other), "");
});

for (
  const [status, type] of [
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [409, "conflict_error"],
    [413, "request_too_large"],
    [418, "invalid_request_error"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [503, "api_error"],
    [504, "timeout_error"],
    [529, "overloaded_error"],
  ] as const
) {
  Deno.test(`errorTypeOf() gives ${status} the type ${type}`, () => {
    assertEquals(errorTypeOf(status), type);
  });
}

Deno.test("jsonRpcError() has details only where there is an error code", async () => {
  const plain = jsonRpcError(new SimulatorError(400, "t", "m"), "req_1");
  assertEquals(await plain.json(), {
    type: "error",
    error: { type: "t", message: "m" },
    request_id: "req_1",
  });
  const options = { errorCode: "c", headers: { "retry-after": "3" } };
  const coded = jsonRpcError(new SimulatorError(429, "t", "m", options), "req_2");
  assertEquals(coded.headers.get("retry-after"), "3");
  assertEquals(dig(await coded.json(), "error", "details"), { error_code: "c" });
});

Deno.test("findRoute() tells paths with the same beginning apart", () => {
  const { handler: list } = findRoute("GET", "/v1/sessions");
  const { handler: retrieve, ids } = findRoute("GET", "/v1/sessions/sesn_1");
  const { handler: events } = findRoute("GET", "/v1/sessions/sesn_1/events");
  const { handler: stream } = findRoute("GET", "/v1/sessions/sesn_1/events/stream");
  assertEquals(ids, ["sesn_1"]);
  assertEquals(new Set([list, retrieve, events, stream]).size, 4);
  assertEquals(findRoute("GET", "/v1/sessions/a/threads/b").ids, ["a", "b"]);
});

Deno.test("ReadLimit counts anew when a minute has passed since the first read", async () => {
  const clock = new ManualClock();
  const limit = new ReadLimit(() => clock.now(), 2);
  const allowed = () => {
    try {
      limit.check("GET");
      return true;
    } catch {
      return false;
    }
  };
  assertEquals([allowed(), allowed(), allowed()], [true, true, false]);
  await clock.advance(59_999);
  assertEquals(allowed(), false);
  await clock.advance(1);
  assertEquals([allowed(), allowed(), allowed()], [true, true, false]);
});

for (
  const path of [
    "/v1/agents?name=x",
    "/v1/agents?order=asc",
    "/v1/agents/agent_1?limit=1",
    "/v1/agents/agent_1/versions?order=asc",
    "/v1/environments?name=x",
    "/v1/environments/env_1?limit=1",
    "/v1/sessions?after_id=x",
    "/v1/sessions/ID?expand=agent",
    "/v1/sessions/ID/events?after=x",
    "/v1/sessions/ID/events?status=idle",
    "/v1/sessions/ID/events/stream?types[]=agent.message",
    "/v1/sessions/ID/threads?order=asc",
    "/v1/sessions/ID/threads/sthr_1?limit=1",
  ]
) {
  Deno.test(`GET ${path} is refused, as that parameter is not known there`, async () => {
    const { call, simulator } = bench();
    const reply = await call("GET", path.replace("ID", simulator.createSession()));
    assertEquals([reply.status, dig(reply.body, "error", "type")], [400, "invalid_request_error"]);
  });
}

for (
  const path of [
    "/v1/agents?beta=true",
    "/v1/agents?limit=5&page=&include_archived=false",
    "/v1/environments?limit=5&include_archived=true",
    "/v1/sessions?order=desc&limit=5&statuses[]=idle&agent_version=1&memory_store_id=m",
    "/v1/sessions/ID?beta=true",
    "/v1/sessions/ID/events?order=desc&types[]=agent.message&limit=5&page=",
    "/v1/sessions/ID/events?created_at[lte]=2026-11-23T09:00:00Z&beta=true",
    "/v1/sessions/ID/threads?statuses[]=idle&limit=5",
  ]
) {
  Deno.test(`GET ${path} is understood`, async () => {
    const { call, simulator } = bench();
    const { status } = await call("GET", path.replace("ID", simulator.createSession()));
    assertEquals(status, 200);
  });
}
