/**
 * What the session view shows of the tool calls that wait for an answer, and what its person can do
 * about them.
 *
 * @module
 */

import { makeProof } from "../access/proofs.ts";
import { bindSignal } from "../core/abort.ts";
import { unquoted } from "../core/errors.ts";
import { jsonLength } from "../core/text.ts";
import { readAskedCalls } from "../session/asked_calls.ts";
import { consoleUrlOf } from "../session/console_url.ts";
import type { AnswerWay } from "../session/pending_actions.ts";
import type { AskedCall } from "../session/person.ts";
import type { WaitResult } from "../session/result.ts";
import {
  type PendingCall,
  VIEW_META_KEY,
  type ViewMeta,
  type ViewRights,
} from "../session/watched_session.ts";
import { answererOf } from "./answerer.ts";
import { META, type WithContent } from "./content.ts";
import type { ToolCall } from "./define.ts";

/** Most calls that are shown at once, as in a form: the next ones come when these are answered. */
export const MAX_PENDING = 8;

/** Most characters of their JSON text: one call has at most a quarter of it. */
export const MAX_PENDING_CHARS = 20_000;

/** Longest time for reading the calls beside the result of a wait, in milliseconds. */
const READ_TIMEOUT_MS = 5_000;
/** Least time before the call's deadline in which they are read, in milliseconds. */
const MIN_READ_MS = 500;

/** The calls that wait, and the proofs of those that the person may answer. */
export interface PendingInView {
  readonly pending: readonly PendingCall[];
  /** Absent where there are none. */
  readonly proofs?: ViewMeta["proofs"];
}

/** Returns what the person at the view of a caller may do about tool calls. */
export function viewRights(call: ToolCall): Pick<ViewRights, "decide" | "answer"> {
  const { showsView = false, services: { viewActions, askCustomTools } } = call;
  const decide = showsView && viewActions && answererOf(call).mayAct();
  return { decide, answer: decide && askCustomTools };
}

/** Returns what the person at the view of a caller can answer. */
export function answersInView(call: ToolCall): readonly AnswerWay[] {
  const { decide, answer } = viewRights(call);
  return [...decide ? ["confirmation" as const] : [], ...answer ? ["custom" as const] : []];
}

/**
 * Reads the calls that wait, for the view.
 *
 * @param blocking ids of the events that the turn is known to wait for: without any, nothing is read
 * @throws `ApiError`; the call's signal's reason
 */
export async function pendingForView(
  sessionId: string,
  blocking: readonly string[],
  call: ToolCall,
): Promise<PendingInView> {
  if (blocking.length === 0) return { pending: [] };
  const { signal, timeoutMs, services: { api, redact } } = call;
  const { waiting } = await readAskedCalls(api, sessionId, redact, { signal, timeoutMs });
  return await shownInView(sessionId, waiting, call);
}

/**
 * Describes calls that wait for the view, the first ones that find room, and makes the proofs of
 * those that the person may answer. Sends no request.
 */
export async function shownInView(
  sessionId: string,
  waiting: readonly AskedCall[],
  call: ToolCall,
): Promise<PendingInView> {
  const { decide, answer } = viewRights(call);
  const pending: PendingCall[] = [];
  const proofs: [string, string][] = [];
  let room = MAX_PENDING_CHARS;
  for (const asked of waiting.slice(0, MAX_PENDING)) {
    const shown = pendingCall(sessionId, asked, call);
    room -= jsonLength(shown);
    if (room < 0) break;
    pending.push(shown);
    if (!(asked.kind === "custom_tool_result" ? answer : decide)) continue;
    const proof = await makeProof(call.services, call, sessionId, asked);
    if (proof !== undefined) proofs.push([asked.eventId, proof]);
  }
  return { pending, ...(proofs.length > 0 && { proofs: Object.fromEntries(proofs) }) };
}

function pendingCall(
  sessionId: string,
  { eventId, kind, subagent, tool, server, input, leftOut, mayAllow }: AskedCall,
  { services: { consoleUrl } }: ToolCall,
): PendingCall {
  return {
    event_id: eventId,
    kind,
    ...(subagent !== undefined && { subagent }),
    tool,
    ...(server !== undefined && { server }),
    input,
    ...(leftOut > 0 && { left_out: leftOut }),
    may_allow: mayAllow,
    ...(consoleUrl !== undefined && { console_url: consoleUrlOf(consoleUrl, sessionId, eventId) }),
  };
}

/**
 * Adds to the result of a wait what the view is to show beside it: the calls that the turn waits
 * for, and their proofs, where the client shows the view. Where they cannot be read in time, the
 * view reads them itself.
 *
 * @throws the call's signal's reason
 */
export async function withPendingForView<R extends WaitResult & WithContent>(
  result: R,
  call: ToolCall,
): Promise<R & WithContent> {
  const blocking = result.pending_actions.map(({ event_id }) => event_id);
  if (!call.showsView || result.status !== "requires_action" || blocking.length === 0) {
    return result;
  }
  const meta: ViewMeta | undefined = await tryToRead(result.session_id, blocking, call, {
    // A call in which a person decided may have outlasted its deadline.
    deadline: result.decisions === undefined ? call.deadline : undefined,
  });
  return meta ? { ...result, [META]: { ...result[META], [VIEW_META_KEY]: meta } } : result;
}

async function tryToRead(
  sessionId: string,
  blocking: readonly string[],
  call: ToolCall,
  { deadline = Infinity }: { readonly deadline: number | undefined },
): Promise<PendingInView | undefined> {
  const { signal, services: { clock, log } } = call;
  const timeoutMs = Math.min(READ_TIMEOUT_MS, deadline - clock.now());
  if (timeoutMs < MIN_READ_MS) return undefined;
  const bound = bindSignal(clock, { signals: [signal], timeoutMs });
  try {
    const bounded = { ...call, signal: bound.signal, timeoutMs };
    return await pendingForView(sessionId, blocking, bounded);
  } catch (error) {
    signal.throwIfAborted();
    log.debug("The calls that wait could not be read", { error: unquoted(error) });
    return undefined;
  } finally {
    bound.dispose();
  }
}
