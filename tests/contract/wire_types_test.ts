// Compile-time checks: what the official SDK says the API sends fits our types and has the fields
// that our reader looks for, and what we send fits the SDK's parameters. `deno check` proves them;
// the tests below only name them.
import type Anthropic from "@anthropic-ai/sdk";
import { assertEquals } from "@std/assert";
import type { ClientEvent, SentEvents } from "../../src/api/types.ts";
import type * as events from "../../src/api/events.ts";
import type * as resources from "../../src/api/resources.ts";
import type { CreateSessionBody, SendEventsBody } from "../../src/api/client.ts";

type Beta = Anthropic["beta"];
type Item<T> = T extends AsyncIterable<infer I> ? I : never;
type Resolved<T> = T extends PromiseLike<infer R> ? R : never;

type SdkAgent = Resolved<ReturnType<Beta["agents"]["retrieve"]>>;
type SdkEnvironment = Resolved<ReturnType<Beta["environments"]["retrieve"]>>;
type SdkFile = Resolved<ReturnType<Beta["files"]["retrieveMetadata"]>>;
type SdkSession = Resolved<ReturnType<Beta["sessions"]["retrieve"]>>;
type SdkThread = Item<ReturnType<Beta["sessions"]["threads"]["list"]>>;
type SdkThreadEvent = Item<ReturnType<Beta["sessions"]["threads"]["events"]["list"]>>;
type SdkEvent = Item<ReturnType<Beta["sessions"]["events"]["list"]>>;
type SdkSent = Resolved<ReturnType<Beta["sessions"]["events"]["send"]>>;
type SdkStream = Item<Resolved<ReturnType<Beta["sessions"]["events"]["stream"]>>>;
type SdkCreateParams = Parameters<Beta["sessions"]["create"]>[0];
type SdkSendParams = Parameters<Beta["sessions"]["events"]["send"]>[1];

/** The SDK's events of one or more types. */
type EventOf<Type extends SdkEvent["type"]> = Extract<SdkEvent, { type: Type }>;

/** Interfaces have no index signature, which loose schemas ask for; type literals do. */
type Plain<T> = T extends string ? T : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

/** Lists that we only read may be given to ones that may be written. */
type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** A compile error unless `Given` can be assigned to `Wanted`. */
type Fits<_Given extends Wanted, Wanted> = true;

/** Neither `any` nor `never`, which would fit everything. */
type Real<T> = 0 extends 1 & T ? "any" : [T] extends [never] ? "never" : "real";

type Sources = Fits<
  | Real<SdkAgent>
  | Real<SdkEnvironment>
  | Real<SdkFile>
  | Real<SdkSession>
  | Real<SdkThread>
  | Real<SdkThreadEvent>
  | Real<SdkEvent>
  | Real<SdkSent>
  | Real<SdkStream>
  | Real<SdkCreateParams>
  | Real<SdkSendParams>
  | Real<EventOf<"session.status_idle">>
  | Real<EventOf<"session.usage">>,
  "real"
>;

type Reads = {
  agent: Fits<Plain<SdkAgent>, resources.Agent>;
  environment: Fits<Plain<SdkEnvironment>, resources.Environment>;
  session: Fits<Plain<SdkSession>, resources.Session>;
  file: Fits<Plain<SdkFile>, resources.SessionFile>;
  /** By the names of fields: of the primary thread the API says that its parent is null. */
  sessionThread: Fits<
    "id" | "status" | "parent_thread_id" | "agent" | "usage" | "created_at" | "archived_at",
    keyof SdkThread
  >;
  threadCost: Fits<"list_cost", keyof NonNullable<SdkThread["usage"]>>;
  threadEvent: Fits<Plain<SdkThreadEvent>, events.SessionEvent>;
  /** Decides who may reach a file. */
  fileScope: Fits<"id" | "type", keyof NonNullable<SdkFile["scope"]>>;
  sent: Fits<Plain<Required<SdkSent>>, Partial<SentEvents>>;
  event: Fits<Plain<SdkEvent>, events.SessionEvent>;
  streamed: Fits<Plain<SdkStream>, events.SessionEvent>;
  /** By the names of fields: our reader takes them as they come. */
  idle: Fits<
    "stop_reason" | "stop_details",
    keyof EventOf<"session.status_idle" | "session.thread_status_idle">
  >;
  stopReason: Fits<
    "type" | "event_ids",
    keyof Extract<EventOf<"session.status_idle">["stop_reason"], { type: "requires_action" }>
  >;
  stopDetails: Fits<
    "category" | "explanation",
    keyof NonNullable<EventOf<"session.status_idle">["stop_details"]>
  >;
  error: Fits<"type" | "message" | "retry_status", keyof EventOf<"session.error">["error"]>;
  retryStatus: Fits<"type", keyof EventOf<"session.error">["error"]["retry_status"]>;
  message: Fits<"content", keyof EventOf<"agent.message" | "user.message" | "system.message">>;
  block: Fits<{ type: "text"; text: string }, EventOf<"agent.message">["content"][number]>;
  toolUse: Fits<
    "name" | "input" | "evaluated_permission" | "session_thread_id",
    keyof EventOf<"agent.tool_use" | "agent.mcp_tool_use">
  >;
  customToolUse: Fits<
    "name" | "input" | "session_thread_id",
    keyof EventOf<"agent.custom_tool_use">
  >;
  mcpToolUse: Fits<"mcp_server_name", keyof EventOf<"agent.mcp_tool_use">>;
  toolResult: Fits<
    "tool_use_id" | "content" | "is_error",
    keyof EventOf<"agent.tool_result" | "user.tool_result">
  >;
  mcpToolResult: Fits<"mcp_tool_use_id", keyof EventOf<"agent.mcp_tool_result">>;
  customToolResult: Fits<"custom_tool_use_id", keyof EventOf<"user.custom_tool_result">>;
  confirmation: Fits<
    "tool_use_id" | "result" | "deny_message",
    keyof EventOf<"user.tool_confirmation">
  >;
  thread: Fits<
    "session_thread_id" | "agent_name",
    keyof EventOf<
      | "session.thread_created"
      | "session.thread_status_running"
      | "session.thread_status_idle"
      | "session.thread_status_rescheduled"
      | "session.thread_status_terminated"
    >
  >;
  workflow: Fits<
    "workflow_run_id",
    keyof EventOf<
      | "workflow_run.created"
      | "workflow_run.status_running"
      | "workflow_run.status_idle"
      | "workflow_run.status_ended"
      | "workflow_run.error"
    >
  >;
  usage: Fits<"usage", keyof EventOf<"session.usage">>;
  listCost: Fits<"list_cost", keyof (EventOf<"session.usage">["usage"] | SdkSession["usage"])>;
  budget: Fits<"max_list_cost", keyof NonNullable<SdkSession["budget"]>>;
  amount: Fits<
    "amount" | "currency",
    keyof NonNullable<(EventOf<"session.usage">["usage"] | SdkSession["usage"])["list_cost"]>
  >;
};

type Writes = {
  create: Fits<Writable<CreateSessionBody>, SdkCreateParams>;
  send: Fits<Writable<SendEventsBody>, SdkSendParams>;
  clientEvent: Fits<Writable<ClientEvent>, SdkSendParams["events"][number]>;
};

/** Event types that the program names must be ones that the SDK knows. */
type Named = Fits<
  | "session.status_running"
  | "session.status_rescheduled"
  | "session.status_terminated"
  | "session.deleted"
  | "user.interrupt",
  SdkEvent["type"]
>;

type OddSession = Plain<Omit<SdkSession, "status">> & { status: number };

/** Proof that the checks above can fail. */
type Failing = [
  // @ts-expect-error an agent without an id
  Fits<Plain<Omit<SdkAgent, "id">>, resources.Agent>,
  // @ts-expect-error a session whose status is a number
  Fits<OddSession, resources.Session>,
  // @ts-expect-error an event without a type
  Fits<{ id: string }, events.SessionEvent>,
  // @ts-expect-error a field that tool uses do not have
  Fits<"tool_name", keyof EventOf<"agent.tool_use">>,
  // @ts-expect-error a field that only one of two types has
  Fits<"mcp_server_name", keyof EventOf<"agent.tool_use" | "agent.mcp_tool_use">>,
  // @ts-expect-error a session created without an environment
  Fits<Omit<Writable<CreateSessionBody>, "environment_id">, SdkCreateParams>,
  // @ts-expect-error an event that clients cannot send
  Fits<{ events: { type: "agent.message" }[] }, SdkSendParams>,
  // @ts-expect-error a type that would fit everything
  Fits<Real<never>, "real">,
  // @ts-expect-error an event type that does not exist
  Fits<"session.status_sleeping", SdkEvent["type"]>,
];

/** Keeps the types in use: a key that a type above does not have is a compile error. */
const READS: Required<Reads> = {
  agent: true,
  environment: true,
  session: true,
  file: true,
  sessionThread: true,
  threadCost: true,
  threadEvent: true,
  fileScope: true,
  sent: true,
  event: true,
  streamed: true,
  idle: true,
  stopReason: true,
  stopDetails: true,
  error: true,
  retryStatus: true,
  message: true,
  block: true,
  toolUse: true,
  customToolUse: true,
  mcpToolUse: true,
  toolResult: true,
  mcpToolResult: true,
  customToolResult: true,
  confirmation: true,
  thread: true,
  workflow: true,
  usage: true,
  listCost: true,
  budget: true,
  amount: true,
};
const WRITES: Writes = { create: true, send: true, clientEvent: true };
const NAMED: Named = true;
const SOURCES: Sources = true;
const FAILING: Failing = [
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
];

Deno.test("our types and reader accept what the official SDK reads (checked by the compiler)", () => {
  assertEquals(Object.values(READS).every(Boolean) && NAMED && SOURCES, true);
});

Deno.test("what we send fits the official SDK's parameters (checked by the compiler)", () => {
  assertEquals(Object.values(WRITES).every(Boolean), true);
});

Deno.test("the compiler refuses each known mismatch, so the checks can fail", () => {
  assertEquals(FAILING.length, 9);
});
