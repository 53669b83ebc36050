/**
 * Events that clients send: checks them by the API's documented shapes and rules, adds them to the
 * history, and reads the answers to tool calls among them.
 *
 * @module
 */

import * as z from "zod";
import { invalid, SimulatorError } from "./errors.ts";
import type { Habits } from "./habits.ts";
import type { Answer } from "./script.ts";
import type { SimulatedSession } from "./session.ts";
import { type EventBody, joinedText, type WireEvent, type WireObject } from "./wire.ts";

const text = z.strictObject({ type: z.literal("text"), text: z.string().min(1) });
const id = z.string().min(1).max(128);
/** Sources that images and documents may have, as the official SDK types them. */
const sources = [
  z.strictObject({ type: z.literal("base64"), media_type: z.string(), data: z.base64().min(1) }),
  z.strictObject({ type: z.literal("url"), url: z.url() }),
  z.strictObject({ type: z.literal("file"), file_id: id }),
] as const;
const plainText = z.strictObject({
  type: z.literal("text"),
  media_type: z.literal("text/plain"),
  data: z.string(),
});
const media = [
  z.strictObject({ type: z.literal("image"), source: z.discriminatedUnion("type", sources) }),
  z.strictObject({
    type: z.literal("document"),
    source: z.discriminatedUnion("type", [...sources, plainText]),
    title: z.string().nullish(),
    context: z.string().nullish(),
  }),
] as const;
const content = z.array(z.discriminatedUnion("type", [text, ...media]));
const searchResult = z.strictObject({
  type: z.literal("search_result"),
  source: z.string(),
  title: z.string(),
  content: z.array(text),
  citations: z.strictObject({ enabled: z.boolean() }),
});
const resultContent = z.array(z.discriminatedUnion("type", [text, ...media, searchResult]));
const thread = { session_thread_id: id.nullish() };

const message = z.strictObject({ type: z.literal("user.message"), content: content.min(1) });
const outcome = z.strictObject({
  type: z.literal("user.define_outcome"),
  description: z.string().min(1),
  rubric: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text"), content: z.string().max(262_144) }),
    z.strictObject({ type: z.literal("file"), file_id: id }),
  ]),
  max_iterations: z.int().min(1).max(20).nullish(),
});

const sendable = z.discriminatedUnion("type", [
  message,
  outcome,
  z.strictObject({ type: z.literal("user.interrupt"), ...thread }),
  z.strictObject({
    type: z.literal("user.tool_confirmation"),
    tool_use_id: id,
    result: z.enum(["allow", "deny"]),
    deny_message: z.string().max(10_000).nullish(),
    ...thread,
  }),
  z.strictObject({
    type: z.literal("user.custom_tool_result"),
    custom_tool_use_id: id,
    content: resultContent.optional(),
    is_error: z.boolean().nullish(),
    ...thread,
  }),
  z.strictObject({
    type: z.literal("user.tool_result"),
    tool_use_id: id,
    content: resultContent.optional(),
    is_error: z.boolean().nullish(),
    ...thread,
  }),
  z.strictObject({ type: z.literal("system.message"), content: z.array(text).min(1).max(1000) }),
]);

const initial = z.discriminatedUnion("type", [message, outcome]);

/** Event types that are stamped on receipt, never queued. */
const STAMPED = new Set(["user.define_outcome", "user.custom_tool_result", "user.tool_result"]);

/** Returns the first problem, in one sentence that names its place. */
export function complaint(error: z.ZodError, root: string): string {
  const issue = error.issues[0];
  const path = (issue?.path ?? []).map((part) =>
    typeof part === "number" ? `[${part}]` : `.${String(part)}`
  ).join("");
  return `${root}${path}: ${issue?.message ?? "invalid"}`;
}

/** Checks the body of a send; throws a 400 that names the wrong event. */
export function parseSend(body: unknown): EventBody[] {
  const parsed = z.strictObject({ events: z.array(sendable).min(1) }).safeParse(body);
  if (!parsed.success) throw invalid(complaint(parsed.error, "body"));
  const events = parsed.data.events;
  const system = events.findIndex((event) => event.type === "system.message");
  if (system >= 0 && (system !== events.length - 1 || system === 0)) {
    throw invalid(`body.events[${system}]: a system.message must be last, behind another event.`);
  }
  return events;
}

/** Checks `initial_events` of a new session. */
export function parseInitialEvents(value: unknown): EventBody[] {
  const parsed = z.array(initial).max(50).safeParse(value);
  if (!parsed.success) throw invalid(complaint(parsed.error, "initial_events"));
  if (parsed.data.filter((event) => event.type === "user.define_outcome").length > 1) {
    throw invalid("initial_events: at most one user.define_outcome.");
  }
  return parsed.data;
}

/** Throws when the session cannot accept these events; then none of them takes effect. */
export function checkSend(
  session: SimulatedSession,
  events: readonly EventBody[],
  habits: Habits,
): void {
  if (session.archivedAt !== null || session.status === "terminated") {
    const what = session.archivedAt !== null ? "archived" : "terminated";
    throw new SimulatorError(
      habits.archivedSendStatus,
      "invalid_request_error",
      `Session ${session.id} is ${what} and takes no more events.`,
    );
  }
  const interrupts = events.some((event) => event.type === "user.interrupt");
  const open = new Set(session.blocking);
  const confirmed = new Set(session.answered);
  events.forEach((event, index) => {
    const where = `events[${index}]`;
    if (event.type === "user.tool_confirmation") {
      checkConfirmation(session, event, { where, confirmed, habits });
    } else if (habits.unknownResults === "refused") checkResult(session, event, where);
    checkThread(session, event, where);
    const answered = answeredId(event);
    if (answered !== undefined) {
      open.delete(answered);
      confirmed.add(answered);
    }
    if (event.type !== "user.message" || interrupts) return;
    if (session.atBudget) {
      throw invalid(`${where}: the session is at its budget; raise or remove it first.`);
    }
    if (open.size > 0 && habits.messageWhileBlocked === "refused") {
      const ids = [...open].join(", ");
      throw invalid(`${where}: the session waits for an answer to ${ids}; answer that first.`);
    }
  });
}

/** Refuses events for threads that have ended: those named, and those whose call is answered. */
function checkThread(session: SimulatedSession, event: EventBody, where: string): void {
  const named = event.session_thread_id;
  if (typeof named === "string" && !session.threads.find(named)) {
    throw invalid(`${where}: the session has no thread ${named}.`);
  }
  for (const id of [named, routeOf(session, answeredId(event)).session_thread_id]) {
    if (typeof id !== "string" || session.threads.find(id)?.status !== "terminated") continue;
    throw invalid(`${where}: thread ${id} is terminated.`);
  }
}

interface ConfirmationCheck {
  readonly where: string;
  /** Calls that have their answer, by an earlier event of the same request too. */
  readonly confirmed: ReadonlySet<string>;
  readonly habits: Habits;
}

function checkConfirmation(
  session: SimulatedSession,
  event: EventBody,
  { where, confirmed, habits }: ConfirmationCheck,
): void {
  const toolUseId = String(event.tool_use_id);
  if (event.deny_message != null && event.result !== "deny") {
    throw invalid(`${where}: deny_message goes with result "deny" only.`);
  }
  const { history, listed } = session;
  const call = (habits.earlyConfirmations === "refused" ? listed : history).find(toolUseId);
  if (call?.evaluated_permission !== "ask") {
    throw invalid(`${where}: ${toolUseId} is not a tool call that asks for confirmation.`);
  }
  if (confirmed.has(toolUseId)) {
    throw invalid(`${where}: ${toolUseId} is already confirmed.`);
  }
  if (habits.lateConfirmations === "refused" && session.abandoned.has(toolUseId)) {
    throw invalid(`${where}: ${toolUseId} is not waiting for a confirmation.`);
  }
}

/** The kinds of calls that each kind of result may answer. */
const ANSWERABLE: Readonly<Record<string, string>> = {
  "user.custom_tool_result": "agent.custom_tool_use",
  "user.tool_result": "agent.tool_use",
};

function checkResult(session: SimulatedSession, event: EventBody, where: string): void {
  const type = ANSWERABLE[event.type];
  const toolUseId = answeredId(event);
  if (type === undefined || toolUseId === undefined) return;
  const call = session.history.find(toolUseId);
  if (call?.type !== type) {
    throw invalid(`${where}: ${toolUseId} is no ${type} event of this session.`);
  }
  // A result would otherwise stand for the permission that nobody gave.
  if (call.evaluated_permission === "ask" && !session.answered.has(toolUseId)) {
    throw invalid(`${where}: ${toolUseId} waits for a user.tool_confirmation first.`);
  }
}

/** Adds checked events to the history; returns them as it has them. */
export function appendSent(
  session: SimulatedSession,
  events: readonly EventBody[],
  makeId: (prefix: string) => string,
): WireEvent[] {
  return events.map((event) => {
    const answered = answeredId(event);
    if (answered !== undefined) session.answered.add(answered);
    const extra = event.type === "user.define_outcome"
      ? { outcome_id: makeId("outc"), max_iterations: event.max_iterations ?? 3 }
      : routeOf(session, answered);
    const queued = !STAMPED.has(event.type);
    // At its budget a session ignores an interrupt, and never lists it.
    if (event.type === "user.interrupt" && session.atBudget) {
      return { ...event, id: makeId("sevt"), processed_at: null };
    }
    return session.append({ ...event, ...extra }, { queued });
  });
}

/** Returns the field that names the subagent's thread to which an answer goes. */
function routeOf(
  session: SimulatedSession,
  answered: string | undefined,
): { readonly session_thread_id?: string } {
  const call = answered === undefined ? undefined : session.history.find(answered);
  const threadId = call?.session_thread_id;
  return typeof threadId === "string" ? { session_thread_id: threadId } : {};
}

/** Returns a sent event as its sender gets it back. */
export function echoOf(
  event: WireEvent,
  habits: Habits,
  makeId: (prefix: string) => string,
): WireEvent {
  const ofSubagent = event.type === "user.tool_confirmation" &&
    typeof event.session_thread_id === "string";
  if (!ofSubagent || habits.subagentConfirmations === "same_id") return event;
  return { ...event, id: makeId("sevt") };
}

/** Returns the tool call that an event answers; undefined for any other event. */
export function answeredId(event: WireObject): string | undefined {
  switch (event.type) {
    case "user.tool_confirmation":
    case "user.tool_result":
      return String(event.tool_use_id);
    case "user.custom_tool_result":
      return String(event.custom_tool_use_id);
    default:
      return undefined;
  }
}

/** Reads the answer in an event. */
export function answerOf(event: WireObject): Answer {
  if (event.type === "user.tool_confirmation") {
    const message = event.deny_message;
    return {
      allowed: event.result === "allow",
      text: typeof message === "string" ? message : "",
    };
  }
  const text = joinedText(event.content);
  return { allowed: true, text, ...(event.is_error === true && { isError: true }) };
}
