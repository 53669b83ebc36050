import * as z from "zod";
import { hasScope } from "../access/scopes.ts";
import { ApiError } from "../api/errors.ts";
import { raceSignal } from "../core/abort.ts";
import { clipText, escapeUnseen, firstChars, jsonLength, MAX_RESULT_CHARS } from "../core/text.ts";
import { readAskedCalls } from "../session/asked_calls.ts";
import { asksAboutIn } from "../session/attended_wait.ts";
import { consoleUrlOf } from "../session/console_url.ts";
import { shownName, waitToolOf } from "../session/pending_actions.ts";
import { type SessionLook, WatchEnded } from "../session/session_watch.ts";
import {
  VIEW_META_KEY,
  type ViewMeta,
  type ViewRights,
  type WatchedSession,
} from "../session/watched_session.ts";
import { answererOf } from "./answerer.ts";
import { META, type WithContent } from "./content.ts";
import { defineTool, READS, type ToolCall, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import { type PendingInView, shownInView, viewRights } from "./view_actions.ts";

/** Longest words for what the agent is doing, in characters. */
const MAX_DOING_CHARS = 200;
/** Longest title, in characters. */
const MAX_TITLE_CHARS = 300;
/** Longest time for reading the calls that wait, in milliseconds. */
const CALLS_TIMEOUT_MS = 5_000;
/** Room of a result that stays free: escaping, and hiding secrets, can make it longer. */
const RESERVE_CHARS = 2_000;
/** Milliseconds after which to look again, by those since the session was last seen to change. */
const PAUSES: readonly { readonly quietMs: number; readonly pauseMs: number }[] = [
  { quietMs: 15_000, pauseMs: 1_000 },
  { quietMs: 60_000, pauseMs: 2_000 },
  { quietMs: Infinity, pauseMs: 5_000 },
];
/** The same where nothing goes on, and where each look reads the session anew. */
const LONG_PAUSE_MS = 5_000;

/** `watch_session`: shows the session view how a session stands, and what is new in its turn. */
export const watchSession: ToolDefinition = defineTool({
  name: "watch_session",
  title: "Watch a session",
  description: "For the session view: shows what is new in a session.",
  scope: "sessions:read",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: READS,
  view: "app_only",
  input: () => z.strictObject({ session_id: idSchema(), cursor: z.string().max(100).optional() }),
  output: () =>
    z.object({
      session_id: z.string(),
      status: z.string(),
      timeline: z.object({
        entries: z.array(z.object({ key: z.string(), kind: z.string() })),
        is_whole: z.boolean(),
        cursor: z.string(),
      }),
      pending: z.array(z.object({ event_id: z.string(), kind: z.string() })),
      can: z.looseObject({}),
      poll_after_ms: z.number(),
    }),
  async run({ session_id, cursor }, call) {
    const { signal, services: { waiter, clock, consoleUrl } } = call;
    const look = await waiter.look(session_id, { signal, isFirst: !cursor });
    const { pending, proofs, problem } = await pendingIn(look, session_id, call);
    const connectionError = look.connectionError ?? problem;
    const { costCents, turnCostCents } = look;
    const shown = {
      session_id,
      status: look.status,
      ...(look.doing !== undefined && {
        doing: firstChars(escapeUnseen(look.doing), MAX_DOING_CHARS),
      }),
      ...(connectionError !== undefined && { connection_error: connectionError }),
      ...(look.agent !== undefined && { agent: shownName(look.agent) }),
      ...(look.title !== undefined && { title: clipText(look.title, MAX_TITLE_CHARS) }),
      ...(look.turn && { turn: look.turn }),
      pending: [...pending],
      ...(costCents !== undefined && { cost_usd: costCents / 100 }),
      ...(turnCostCents !== undefined && { turn_cost_usd: turnCostCents / 100 }),
      ...(consoleUrl !== undefined && { console_url: consoleUrlOf(consoleUrl, session_id) }),
      can: { ...rightsOf(call) },
      now: new Date(clock.wallTime()).toISOString(),
      poll_after_ms: pauseAfter(look),
    };
    const room = MAX_RESULT_CHARS - RESERVE_CHARS - jsonLength(shown);
    const meta: ViewMeta | undefined = proofs && { proofs };
    const timeline = look.timeline(cursor, room);
    return {
      ...shown,
      timeline: { ...timeline, entries: [...timeline.entries] },
      ...(meta && { [META]: { [VIEW_META_KEY]: meta } }),
    } satisfies WatchedSession & WithContent;
  },
});

/** Shows the calls that wait; where they cannot be read at the moment, says so in their place. */
async function pendingIn(
  look: SessionLook,
  sessionId: string,
  call: ToolCall,
): Promise<PendingInView & { readonly problem?: string }> {
  const { api, redact } = call.services;
  // Other calls read from it as well, so that the end of this one does not end it.
  const read = (signal: AbortSignal) =>
    readAskedCalls(api, sessionId, redact, { signal, timeoutMs: CALLS_TIMEOUT_MS });
  try {
    const waiting = await raceSignal(look.askedCalls(read), call.signal);
    return await shownInView(sessionId, waiting, call);
  } catch (error) {
    call.signal.throwIfAborted();
    const passes = error instanceof WatchEnded || (error instanceof ApiError && error.retryable);
    if (!passes) throw error;
    return {
      pending: [],
      problem: "The tool calls that wait cannot be read: this server is trying again.",
    };
  }
}

function rightsOf(call: ToolCall): ViewRights {
  const { principal, person, services, has } = call;
  const canInterrupt = has?.("interrupt") ?? hasScope(principal, "sessions:write");
  const canReadFiles = (has?.("list_session_files") && has("read_session_file")) ?? false;
  const asksByForm = asksAboutIn({ person, by: answererOf(call) }, services).length > 0;
  const waitTool = waitToolOf({ has });
  return {
    ...viewRights(call),
    interrupt: canInterrupt,
    files: canReadFiles,
    asks_by_form: asksByForm,
    ...(waitTool !== undefined && { wait_tool: waitTool }),
  };
}

function pauseAfter({ status, quietMs, isKept }: SessionLook): number {
  const isMoving = status === "running" || status === "reading" || status === "requires_action";
  if (!isMoving || !isKept) return LONG_PAUSE_MS;
  return PAUSES.find((pause) => quietMs < pause.quietMs)?.pauseMs ?? LONG_PAUSE_MS;
}
