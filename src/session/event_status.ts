/**
 * Reads from a session's newest events what `get_session` and `archive_session` need to know of it.
 *
 * @module
 */

import type { SessionEvent } from "../api/events.ts";
import type { CallOptions, ListEventsParams, ManagedAgentsApi } from "../api/types.ts";
import { readEvent, type StopInfo, type TurnEvent, typesIn } from "./event_types.ts";
import { type PendingAction, pendingActions, type ResultView } from "./pending_actions.ts";
import { type Phase, type Turn, turnOf } from "./turn.ts";

/** Holds what a session's newest events say about it. */
export interface EventStatus {
  /** The status that the events tell; undefined where they tell none. */
  readonly status?: "idle" | "running" | "terminated";
  /** Why the session last went idle. */
  readonly lastStop?: StopInfo;
  /** The tool calls that wait for an answer. */
  readonly pendingActions: PendingAction[];
}

const STATUSES: Readonly<Record<Phase, EventStatus["status"]>> = {
  unknown: undefined,
  starting: "running",
  running: "running",
  ended: "idle",
  blocked: "idle",
  terminated: "terminated",
  deleted: "terminated",
};

const TYPES = [...typesIn("status"), ...typesIn("subagents")];
const PAGE_LIMIT = 100;
/** Further pages for calls that a session waits for. */
const MAX_OLDER_PAGES = 3;
/** Room for what is said of the calls that wait, in characters of its JSON text. */
const ACTIONS_CHARS = 15_000;
/** No more of an input is shown. */
const MAX_TEXT_CHARS = 8_000;

/**
 * Reads a session's newest events: one request, or up to four where the server's pages are small
 * and the calls that the session waits for stand further back.
 *
 * @throws `ApiError`; the signal's reason
 */
export async function readEventStatus(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  view: ResultView,
  options?: CallOptions,
): Promise<EventStatus> {
  const params = { types: TYPES, maxTextChars: MAX_TEXT_CHARS };
  const newestFirst = await readBackToCalls(api, sessionId, params, options);
  return eventStatusOf(sessionId, newestFirst.map(readEvent), view);
}

/**
 * Reads a session's newest events, newest first, as far back as the calls that it waits for: at most
 * four pages.
 */
export async function readBackToCalls(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  params: Pick<ListEventsParams, "types" | "maxTextChars">,
  options?: CallOptions,
): Promise<SessionEvent[]> {
  const newestFirst: SessionEvent[] = [];
  let page: string | undefined;
  for (let older = 0; older <= MAX_OLDER_PAGES; older++) {
    const { data, next_page } = await api.events.list(
      sessionId,
      { order: "desc", limit: PAGE_LIMIT, ...params, page },
      options,
    );
    newestFirst.push(...data);
    page = next_page ?? undefined;
    if (page === undefined || !lacksCall(newestFirst.map(readEvent))) break;
  }
  return newestFirst;
}

/** True if a call which the session waits for is not among the events. */
function lacksCall(newestFirst: readonly TurnEvent[]): boolean {
  const status = newestFirst.find(({ kind }) => kind === "idle" || kind === "running");
  const ids = status?.kind === "idle" ? status.eventIds : [];
  const known = new Set(newestFirst.map(({ id }) => id));
  return ids.some((id) => !known.has(id));
}

function eventStatusOf(
  sessionId: string,
  newestFirst: readonly TurnEvent[],
  view: ResultView,
): EventStatus {
  // A wait reads the same events in the same way.
  const turn = turnOf(newestFirst.toReversed());
  // Events that tell of an end in the middle of an evaluation leave it to the session to say.
  const isOpen = turn.phase === "ended" && turn.isEvaluating;
  const status = isOpen ? undefined : STATUSES[turn.phase];
  const tools = new Map(
    newestFirst.flatMap((event) => event.kind === "tool_use" ? [[event.tool.id, event.tool]] : []),
  );
  const calls = waitingCallIds(turn, newestFirst)
    .map((eventId) => ({ eventId, tool: tools.get(eventId) }));
  return {
    ...(status && { status }),
    ...(turn.stop && { lastStop: turn.stop }),
    pendingActions: pendingActions({ sessionId, calls, turn }, view, ACTIONS_CHARS),
  };
}

/**
 * Lists the ids of the calls that wait for an answer.
 *
 * @param events the turn's, in whatever order
 */
export function waitingCallIds(turn: Turn, events: readonly TurnEvent[]): readonly string[] {
  if (turn.phase === "blocked") return turn.openActions();
  if (turn.phase !== "running") return [];
  // A session that has gone on has the answers that it waited for, though the list may lag behind.
  const waitedFor = new Set(
    events.flatMap((event) => event.kind === "idle" ? event.eventIds : []),
  );
  return turn.unansweredAsks().filter((id) => !waitedFor.has(id));
}
