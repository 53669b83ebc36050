/**
 * Asks an agent in one call: opens a session or goes on with one, sends a message, and waits for the
 * end of the turn.
 *
 * A call that carries a person's answer is the second half of one that has done all of that: it only
 * takes up the answer and waits on.
 *
 * @module
 */

import { chargeKeyLookup, chargeSearch } from "../access/limits.ts";
import { CursorTrail } from "../api/pages.ts";
import type { Session } from "../api/resources.ts";
import type { ClientEvent } from "../api/types.ts";
import { bindSignal } from "../core/abort.ts";
import { CallEnded, PartlyDoneError, ToolError } from "../core/errors.ts";
import { CHECK_TIMEOUT_MS } from "../session/ambiguous_write.ts";
import type { CarriedAnswer } from "../session/person.ts";
import type { WaitResult } from "../session/result.ts";
import type { SendResult } from "../session/event_sender.ts";
import { likenessOf } from "../session/same_event.ts";
import { answererOf } from "./answerer.ts";
import type { ToolCall } from "./define.ts";
import {
  type AskedSession,
  callBehind,
  isOutcomeUnknown,
  type KeyMarks,
  keyReused,
  metadataOf,
} from "./keyed_calls.ts";
import { describeBudget, isMessageDropped, makeSession } from "./new_session.ts";
import { MAX_MESSAGE_CHARS } from "./send_message.ts";
import { waitInCall } from "./waiting.ts";

/** What is asked, by the names of the arguments; the caller must be allowed to reach every id. */
export interface AskRequest {
  /** Name of the tool that was called: texts name it for going on. */
  readonly tool: string;
  /** Agent of a new session; beside `session_id`, the agent that the session must be of. */
  readonly agent_id?: string;
  /** Session to go on with; a new one when absent. */
  readonly session_id?: string;
  /** Text to send; without one the call only waits, for which it needs a session. */
  readonly message?: string;
  /** Only what came after this event counts towards the reply; only beside `session_id`. */
  readonly after_id?: string;
  /**
   * Marks calls that are the same one, made again: they send the message once. Beside `session_id` it
   * needs `after_id`, by which a message that was sent before is told from an earlier one.
   */
  readonly idempotency_key?: string;
  /** Of a new session, as are the following. */
  readonly environment_id?: string;
  readonly title?: string;
  readonly max_cost_usd?: number;
}

/** The result of {@linkcode askAgent}. */
export interface AskResult extends WaitResult {
  /** Set where an earlier call with the same key had sent the message. */
  readonly sent_before?: true;
  /** Sessions that other calls with the same key opened in the same moment. */
  readonly duplicate_session_ids?: readonly string[];
  /** Events by which other calls with the same key sent the message in the same moment. */
  readonly duplicate_event_ids?: readonly string[];
}

/**
 * Opens a session or goes on with one, sends the message if there is one, and waits until the call's
 * deadline for the end of the turn.
 *
 * @throws `PartlyDoneError`, which names the session, for what fails after something was created or
 * sent; else `ToolError`, `ApiError`, `CallEnded`, or the signal's reason
 */
export async function askAgent(request: AskRequest, call: ToolCall): Promise<AskResult> {
  const carried = await call.person?.carried?.();
  const opened = carried
    ? await sessionOf(carried, request, call)
    : await openOnce(planOf(request), request, call);
  const { sessionId, done, note, isRepeated, marks } = opened;
  const twins = marks && lookForTwins(opened, request, marks, call);
  const { tool: askTool, after_id: afterId } = request;
  try {
    const result = await waitInCall({ sessionId, afterId, askTool }, call);
    const { sessions = opened.others ?? [], events = [] } = await twins?.found() ?? {};
    const next = [describeTwins({ sessions, events }), note, result.next].filter(Boolean).join(" ");
    return {
      ...result,
      ...(isRepeated && { sent_before: true as const }),
      ...(sessions.length > 0 && { duplicate_session_ids: sessions }),
      ...(events.length > 0 && { duplicate_event_ids: events }),
      ...(next !== "" && { next }),
    };
  } catch (error) {
    throw done === undefined
      ? error
      : withDone(error, sessionId, `${done} The wait for the reply failed.`, call);
  } finally {
    twins?.stop();
  }
}

/** What a request comes to. */
type Plan =
  | {
    readonly kind: "open";
    readonly agentId: string;
    readonly message: string;
    readonly environmentId?: string;
    readonly title?: string;
    readonly maxCostUsd?: number;
  }
  | {
    readonly kind: "go_on";
    readonly sessionId: string;
    readonly agentId?: string;
    /** Absent where the call only waits. */
    readonly message?: string;
  };

/** @throws `ToolError` `invalid_argument` for arguments that do not go together */
function planOf(request: AskRequest): Plan {
  const { agent_id: agentId, session_id: sessionId, message } = request;
  const { environment_id: environmentId, title, max_cost_usd: maxCostUsd } = request;
  if (sessionId !== undefined) {
    const extra = Object.entries({ environment_id: environmentId, title, max_cost_usd: maxCostUsd })
      .flatMap(([name, value]) => value === undefined ? [] : [name]);
    if (extra.length === 0) return { kind: "go_on", sessionId, agentId, message };
    throw invalid(`Only a new session takes ${extra.join(", ")}: leave that out, or session_id.`);
  }
  if (agentId === undefined) {
    throw invalid("agent_id is required for a new session, or session_id to go on with one.");
  }
  if (message === undefined) {
    throw invalid(`message is required: a text of 1 to ${MAX_MESSAGE_CHARS} characters.`);
  }
  if (request.after_id !== undefined) {
    throw invalid("after_id goes with session_id only: a new session has no events yet.");
  }
  return { kind: "open", agentId, message, environmentId, title, maxCostUsd };
}

function invalid(text: string): ToolError {
  return new ToolError("invalid_argument", text);
}

/** The session in which the turn is waited for. */
interface Opened extends AskedSession {
  /** What stands already, for a call that fails from here on; absent where it has changed nothing. */
  readonly done?: string;
  /** True where another call with the same key sent the message. */
  readonly isRepeated?: boolean;
}

/** Opens or goes on with a session; once for all calls with the same key. */
async function openOnce(plan: Plan, request: AskRequest, call: ToolCall): Promise<Opened> {
  const { idempotency_key: key, tool } = request;
  const { access, keyedAsks } = call.services;
  if (plan.kind === "go_on") {
    const { sessionId, agentId, message } = plan;
    if (agentId !== undefined) await access.checkSessionAgent(sessionId, agentId, call);
    if (message === undefined) return { sessionId };
  }
  const { find, make } = waysOf(plan, request, call);
  const { asked, isRepeated } = key === undefined
    ? { asked: await make(undefined, [], () => {}), isRepeated: false }
    : await keyedAsks.once({ key, plan, caller: call, signal: call.signal, find, make })
      .catch((error) => {
        throw isOutcomeUnknown(error) ? tryAgain(error) : error;
      });
  const { marks, ...rest } = asked;
  return {
    ...rest,
    done: doneSo(asked.sessionId, tool),
    ...(isRepeated ? { isRepeated } : marks && { marks }),
  };
}

/** How the message of a plan is sent, and found where an earlier call sent it. */
interface Ways {
  find(all: readonly KeyMarks[], checkWanted: () => void): Promise<AskedSession | undefined>;
  make(
    marks: KeyMarks | undefined,
    all: readonly KeyMarks[],
    checkWanted: () => void,
  ): Promise<AskedSession>;
}

function waysOf(
  plan: Plan,
  { idempotency_key: key, after_id: afterId, tool }: AskRequest,
  call: ToolCall,
): Ways {
  // Calls with a key share what one of them does: none of them can end it.
  const shared = key === undefined ? call : { ...call, signal: new AbortController().signal };
  if (plan.kind === "open") {
    return {
      find: (all, checkWanted) => findSession(plan, tool, { all, checkWanted }, shared),
      make: (marks, all, checkWanted) => openNew(plan, tool, shared, { marks, all, checkWanted }),
    };
  }
  const { sessionId, message = "" } = plan;
  if (key !== undefined && afterId === undefined) {
    throw invalid(
      "idempotency_key beside session_id needs after_id, the last_event_id that you have of the " +
        "session: what came after it tells if the message was sent before.",
    );
  }
  return {
    find: async (all) => {
      const alike = await messagesAlike(sessionId, message, afterId, all, shared);
      return alike.length > 0 ? { sessionId } : undefined;
    },
    make: async (marks, all) => {
      const { event_id: eventId } = await send(sessionId, message, shared);
      return { sessionId, ...(eventId !== undefined && { eventId, ...(marks && { marks: all }) }) };
    },
  };
}

async function openNew(
  plan: Extract<Plan, { kind: "open" }>,
  tool: string,
  call: ToolCall,
  { marks, all, checkWanted }: {
    readonly marks: KeyMarks | undefined;
    readonly all: readonly KeyMarks[];
    readonly checkWanted: () => void;
  },
): Promise<AskedSession> {
  const { message, title } = plan;
  const made = await makeSession({
    agent_id: plan.agentId,
    environment_id: plan.environmentId,
    title,
    message,
    max_cost_usd: plan.maxCostUsd,
    ...(marks && { marks: metadataOf(marks) }),
    checkWanted,
  }, call);
  const { session: { id: sessionId }, messageDropped } = made;
  if (messageDropped) {
    checkWanted();
    await sendFirst(sessionId, message, tool, call);
  }
  return { sessionId, note: describeBudget(made), ...(marks && { marks: all }) };
}

/** Sends the first message to a session that was made without it. */
async function sendFirst(
  sessionId: string,
  message: string,
  tool: string,
  call: ToolCall,
): Promise<void> {
  await send(sessionId, message, call).catch((error) => {
    const done = `Session "${sessionId}" was created, without the message. Go on with it by ` +
      `${tool} with session_id "${sessionId}". To send the message failed.`;
    throw withDone(error, sessionId, done, call);
  });
}

/** Finds the session that an earlier call with the key opened: the oldest, if there are several. */
async function findSession(
  { message }: Extract<Plan, { kind: "open" }>,
  tool: string,
  { all, checkWanted }: { readonly all: readonly KeyMarks[]; readonly checkWanted: () => void },
  call: ToolCall,
): Promise<AskedSession | undefined> {
  const [session, ...others] = (await markedSessions(all, call, CHECK_TIMEOUT_MS)).reverse();
  if (!session) return undefined;
  if (callBehind(session.metadata, all) === "other") throw keyReused(session.id);
  const { id: sessionId } = session;
  if (await isMessageDropped(session, call)) {
    checkWanted();
    await sendFirst(sessionId, message, tool, call);
  }
  return { sessionId, ...(others.length > 0 && { others: others.map(({ id }) => id) }) };
}

/** Sessions of the caller among which those of earlier calls are looked for: the newest. */
const MAX_SESSIONS = 100;
/** Most pages of the list that are read for them: others' sessions stand between. */
const MAX_PAGES = 5;

/** Lists the caller's sessions that bear the marks of a key, newest first. */
async function markedSessions(
  all: readonly KeyMarks[],
  call: ToolCall,
  timeoutMs: number,
): Promise<Session[]> {
  const { api, access } = call.services;
  const trail = new CursorTrail();
  const marked = new Map<string, Session>();
  let page: string | undefined;
  let own = 0;
  for (let count = 0; count < MAX_PAGES && own < MAX_SESSIONS; count++) {
    const params = { order: "desc", limit: MAX_SESSIONS, page } as const;
    const { data, next } = trail.take(
      await api.sessions.list(params, { signal: call.signal, timeoutMs }),
    );
    for (const session of data) {
      const admitted = await access.admitListed(session, call);
      if (admitted?.isMine || (admitted && !call.principal)) own++;
      if (admitted && callBehind(session.metadata, all)) marked.set(session.id, session);
    }
    if (next === undefined) break;
    if (count + 1 < MAX_PAGES && own < MAX_SESSIONS) chargeKeyLookup(call);
    page = next;
  }
  return [...marked.values()];
}

/** Events after the cursor among which a message is looked for. */
const MAX_EVENTS = 100;

/** Lists the messages of this text that came after the cursor and are not known for other calls'. */
async function messagesAlike(
  sessionId: string,
  text: string,
  afterId: string | undefined,
  all: readonly KeyMarks[],
  call: ToolCall,
): Promise<string[]> {
  const { eventReader, redact, keyedAsks } = call.services;
  const { events } = await eventReader.read(
    { sessionId, afterId, limit: MAX_EVENTS, types: ["user.message"] },
    { signal: call.signal, onLongSearch: () => chargeSearch(call) },
  );
  const message = messageOf(text);
  // What may be the message is taken for it: rather no message than two.
  return events.filter((event) =>
    likenessOf(event, message, redact) !== "different" &&
    !keyedAsks.isOfAnother(event.id ?? "", all)
  ).map(({ id }) => id ?? "");
}

/** Makes the error of a call whose outcome is unknown, and that can be made again with its key. */
function tryAgain({ code, cause }: ToolError): ToolError {
  return new ToolError(
    code,
    "It is not known whether the API took the message: its response was lost. Call again with the " +
      "same arguments and idempotency_key, 10 s from now or later: what arrived is found, and not " +
      "sent a second time.",
    { cause },
  );
}

/** Time after which twins are looked for, in milliseconds: lists lag behind. */
const TWINS_AFTER_MS = 2_000;

/** What other replicas made for the same key in the same moment: sessions, or events in this one. */
interface Twins {
  readonly sessions?: readonly string[];
  readonly events?: readonly string[];
}

/** Looks for twins while the call waits for its reply. */
function lookForTwins(
  { sessionId, eventId }: Opened,
  { message = "", after_id: afterId }: AskRequest,
  all: readonly KeyMarks[],
  call: ToolCall,
): { found(): Promise<Twins>; stop(): void } {
  const { clock } = call.services;
  const hurry = new AbortController();
  const stopped = new AbortController();
  const look = async (): Promise<Twins> => {
    await clock.sleep(TWINS_AFTER_MS, hurry.signal).catch(() => {});
    const timeoutMs = Math.min(CHECK_TIMEOUT_MS, (call.deadline ?? Infinity) - clock.now());
    if (stopped.signal.aborted || timeoutMs <= 0) return {};
    const bound = bindSignal(clock, { signals: [stopped.signal], timeoutMs });
    const bounded = { ...call, signal: bound.signal };
    try {
      if (eventId !== undefined) {
        const alike = await messagesAlike(sessionId, message, afterId, all, bounded);
        return { events: alike.filter((id) => id !== eventId) };
      }
      const marked = await markedSessions(all, bounded, timeoutMs);
      return { sessions: marked.map(({ id }) => id).filter((id) => id !== sessionId) };
    } finally {
      bound.dispose();
    }
  };
  // A look that fails finds nothing: the reply counts.
  const looked = look().catch(() => ({}));
  return {
    found: () => {
      hurry.abort();
      return looked;
    },
    stop: () => {
      stopped.abort();
      hurry.abort();
    },
  };
}

/** Says what twins there are; undefined where there are none. */
function describeTwins({ sessions = [], events = [] }: Twins): string | undefined {
  const ids = [...sessions, ...events];
  if (ids.length === 0) return undefined;
  const which = ids.map((id) => `"${id}"`).join(", ");
  return "Another call with this idempotency_key sent the message in the same moment, " +
    (sessions.length > 0
      ? `in session ${which}: tell the user, who may want to end that one.`
      : `as event ${which}: tell the user, since the agent may answer both.`);
}

async function send(sessionId: string, text: string, call: ToolCall): Promise<SendResult> {
  return await call.services.eventSender.send(sessionId, messageOf(text), call.signal);
}

function messageOf(text: string): Extract<ClientEvent, { type: "user.message" }> {
  return { type: "user.message", content: [{ type: "text", text }] };
}

/** Says that the agent has the message, and how to go on without sending it again. */
function doneSo(sessionId: string, tool: string): string {
  return `The message was sent, in session "${sessionId}": do not send it again. To go on waiting, ` +
    `call ${tool} with session_id "${sessionId}" and no message.`;
}

/** Makes the error of a call that failed after it had done something. */
function withDone(cause: unknown, sessionId: string, done: string, { signal }: ToolCall): unknown {
  // Nobody reads the error of a call that was cancelled.
  if (signal.aborted || cause instanceof CallEnded) return cause;
  return new PartlyDoneError(sessionId, done, { cause });
}

/**
 * Finds the session of the question that a call carries the answer to. Creates and sends nothing.
 *
 * @throws `ToolError` `unusable_answer` where the answer does not tell the session
 */
async function sessionOf(
  carried: CarriedAnswer,
  { agent_id: agentId, session_id: given, message, tool }: AskRequest,
  call: ToolCall,
): Promise<Opened> {
  const { access, answers } = call.services;
  const { sessionId } = carried;
  if (given !== undefined) {
    if (agentId !== undefined) await access.checkSessionAgent(given, agentId, call);
    // The question came after the message had been sent.
    const isSent = message !== undefined && sessionId === given;
    return { sessionId: given, ...(isSent && { done: doneSo(given, tool) }) };
  }
  if (sessionId !== undefined) {
    // What the caller may reach can have changed since the question.
    await access.checkSession(sessionId, call);
    return { sessionId, done: doneSo(sessionId, tool) };
  }
  if (carried.kind === "invalid") {
    answers.drop(carried, { ...answererOf(call), channel: call.person?.channel ?? "form" });
  }
  throw new ToolError(
    "unusable_answer",
    (has) =>
      "This call carries the answer to a question, and the answer cannot be used: nothing was " +
      `created or sent. The session of the question goes on${
        has("list_sessions") ? ", and list_sessions shows it" : ""
      }: call ${tool} with its session_id and no message.`,
  );
}
