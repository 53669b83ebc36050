// Compile-time checks: what the official SDK says the API sends fits our schemas, and what we send
// fits the SDK's parameters. `deno check` proves them; the tests below only name them.
import type Anthropic from "@anthropic-ai/sdk";
import { assertEquals } from "@std/assert";
import type { z } from "zod";
import type { ClientEvent } from "../../src/api/api.ts";
import type * as events from "../../src/api/events.ts";
import type * as resources from "../../src/api/resources.ts";
import type { SendEventsBody } from "../../src/api/session_events.ts";
import type { CreateSessionBody } from "../../src/api/sessions.ts";

type Beta = Anthropic["beta"];
type Item<T> = T extends AsyncIterable<infer I> ? I : never;
type Resolved<T> = T extends PromiseLike<infer R> ? R : never;

type SdkAgent = Resolved<ReturnType<Beta["agents"]["retrieve"]>>;
type SdkEnvironment = Resolved<ReturnType<Beta["environments"]["retrieve"]>>;
type SdkSession = Resolved<ReturnType<Beta["sessions"]["retrieve"]>>;
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

type Input<Schema extends z.ZodType> = z.input<Schema>;

/** A compile error unless `Given` can be assigned to `Wanted`. */
type Fits<_Given extends Wanted, Wanted> = true;

/** Neither `any` nor `never`, which would fit everything. */
type Real<T> = 0 extends 1 & T ? "any" : [T] extends [never] ? "never" : "real";

type Sources = Fits<
  | Real<SdkAgent>
  | Real<SdkEnvironment>
  | Real<SdkSession>
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
  agent: Fits<Plain<SdkAgent>, Input<typeof resources.agentSchema>>;
  environment: Fits<Plain<SdkEnvironment>, Input<typeof resources.environmentSchema>>;
  session: Fits<Plain<SdkSession>, Input<typeof resources.sessionSchema>>;
  sent: Fits<Plain<SdkSent>, Input<typeof resources.sentEventsSchema>>;
  event: Fits<Plain<SdkEvent>, Input<typeof events.sessionEventSchema>>;
  streamed: Fits<Plain<SdkStream>, Input<typeof events.sessionEventSchema>>;
  idle: Fits<Plain<EventOf<"session.status_idle">>, Input<typeof events.statusIdleSchema>>;
  threadIdle: Fits<
    Plain<EventOf<"session.thread_status_idle">>,
    Input<typeof events.statusIdleSchema>
  >;
  error: Fits<Plain<EventOf<"session.error">>, Input<typeof events.sessionErrorSchema>>;
  message: Fits<
    Plain<EventOf<"agent.message" | "user.message" | "system.message">>,
    Input<typeof events.messageSchema>
  >;
  toolUse: Fits<
    Plain<EventOf<"agent.tool_use" | "agent.mcp_tool_use" | "agent.custom_tool_use">>,
    Input<typeof events.toolUseSchema>
  >;
  toolResult: Fits<
    Plain<
      EventOf<
        | "agent.tool_result"
        | "agent.mcp_tool_result"
        | "user.custom_tool_result"
        | "user.tool_result"
      >
    >,
    Input<typeof events.toolResultSchema>
  >;
  confirmation: Fits<
    Plain<EventOf<"user.tool_confirmation">>,
    Input<typeof events.toolConfirmationSchema>
  >;
  thread: Fits<
    Plain<
      EventOf<
        | "session.thread_created"
        | "session.thread_status_running"
        | "session.thread_status_idle"
        | "session.thread_status_rescheduled"
        | "session.thread_status_terminated"
      >
    >,
    Input<typeof events.threadEventSchema>
  >;
  workflow: Fits<
    Plain<
      EventOf<
        | "workflow_run.created"
        | "workflow_run.status_running"
        | "workflow_run.status_idle"
        | "workflow_run.status_ended"
        | "workflow_run.error"
      >
    >,
    Input<typeof events.workflowRunEventSchema>
  >;
  usage: Fits<Plain<EventOf<"session.usage">>, Input<typeof events.usageEventSchema>>;
};

type Writes = {
  create: Fits<Writable<CreateSessionBody>, SdkCreateParams>;
  send: Fits<Writable<SendEventsBody>, SdkSendParams>;
  clientEvent: Fits<Writable<ClientEvent>, SdkSendParams["events"][number]>;
};

/** Event types that the bridge looks for by name must be ones that the SDK knows. */
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
  Fits<Plain<Omit<SdkAgent, "id">>, Input<typeof resources.agentSchema>>,
  // @ts-expect-error a session whose status is a number
  Fits<OddSession, Input<typeof resources.sessionSchema>>,
  // @ts-expect-error a message whose content is a number
  Fits<{ type: "agent.message"; content: number }, Input<typeof events.messageSchema>>,
  // @ts-expect-error a confirmation without its tool use
  Fits<{ type: "user.tool_confirmation" }, Input<typeof events.toolConfirmationSchema>>,
  // @ts-expect-error a stop reason without a type
  Fits<{ stop_reason: { event_ids: string[] } }, Input<typeof events.statusIdleSchema>>,
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
  sent: true,
  event: true,
  streamed: true,
  idle: true,
  threadIdle: true,
  error: true,
  message: true,
  toolUse: true,
  toolResult: true,
  confirmation: true,
  thread: true,
  workflow: true,
  usage: true,
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

Deno.test("what the official SDK reads fits our schemas (checked by the compiler)", () => {
  assertEquals(Object.values(READS).every(Boolean) && NAMED && SOURCES, true);
});

Deno.test("what we send fits the official SDK's parameters (checked by the compiler)", () => {
  assertEquals(Object.values(WRITES).every(Boolean), true);
});

Deno.test("the checks can fail: each known misfit is refused by the compiler", () => {
  assertEquals(FAILING.length, 9);
});
