/**
 * What the end of a session's log says about it.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/types.ts";
import { type LogEvent, readEvent, type ToolUse } from "./event_types.ts";
import type { PendingAction, StopInfo } from "./outcome.ts";
import { openActions } from "./verdict.ts";
import { toolInputView } from "./tool_input.ts";
import { initialTurn, reduceTurn, unansweredAsks } from "./turn.ts";

/** Why the session last went idle, and what it waits for now. */
export interface Standing {
  readonly lastStop?: StopInfo;
  readonly pendingActions: readonly PendingAction[];
  /** The status that the newest status event of the log says; undefined without any. */
  readonly logStatus?: "idle" | "running" | "terminated";
}

const STATUS_TYPES = [
  "session.status_idle",
  "session.status_running",
  "session.status_rescheduled",
  "session.status_terminated",
];
const ACTION_TYPES = [
  "agent.tool_use",
  "agent.mcp_tool_use",
  "agent.custom_tool_use",
  "user.tool_confirmation",
  "user.custom_tool_result",
  "user.tool_result",
];
const LOOK_LIMIT = 100;
/** Further pages for calls that a session waits for. */
const MAX_OLDER_PAGES = 3;
/** No more of an input is shown. */
const MAX_TEXT_CHARS = 8_000;

/** Reads the end of the log; one request, where a page holds as much as was asked for. */
export async function readStanding(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  exposeToolInputs: boolean,
  options?: CallOptions,
): Promise<Standing> {
  const types = [...STATUS_TYPES, ...ACTION_TYPES];
  const page = await api.events.list(
    sessionId,
    { order: "desc", limit: LOOK_LIMIT, types, maxTextChars: MAX_TEXT_CHARS },
    options,
  );
  const events = page.data.map(readEvent);
  let older = page.next_page ?? undefined;
  // Where pages hold little, the calls that a session waits for may stand further back.
  for (let count = 0; older !== undefined && count < MAX_OLDER_PAGES; count++) {
    if (!lacksCall(events)) break;
    const next = await api.events.list(
      sessionId,
      { order: "desc", limit: LOOK_LIMIT, types, maxTextChars: MAX_TEXT_CHARS, page: older },
      options,
    );
    events.push(...next.data.map(readEvent));
    older = next.next_page ?? undefined;
  }
  return standingOf(events, exposeToolInputs);
}

/** Whether a call that the session waits for is not among the events. */
function lacksCall(newestFirst: readonly LogEvent[]): boolean {
  const status = newestFirst.find(({ kind }) => kind === "idle" || kind === "running");
  const ids = status?.kind === "idle" ? status.eventIds : [];
  const known = new Set(newestFirst.map(({ id }) => id));
  return ids.some((id) => !known.has(id));
}

/** @param newestFirst the end of the log: status events, tool uses and their answers */
export function standingOf(newestFirst: readonly LogEvent[], exposeToolInputs: boolean): Standing {
  const status = newestFirst.find(({ kind }) =>
    kind === "idle" || kind === "running" || kind === "rescheduled" || kind === "terminated"
  );
  const idleAt = newestFirst.findIndex(({ kind }) => kind === "idle");
  const idle = newestFirst[idleAt];
  const standing = {
    ...(status && { logStatus: logStatusOf(status) }),
    ...(idle?.kind === "idle" && idle.stop && { lastStop: idle.stop }),
  };
  // A session that has gone on has its answers, though the log may trail.
  const hadWaited = new Set(
    newestFirst.flatMap((event) => event.kind === "idle" ? event.eventIds : []),
  );
  // What waits for an answer is what a wait makes of the same events.
  const state = newestFirst.toReversed().reduce(reduceTurn, initialTurn());
  const asked = state.phase === "parked"
    ? openActions(state)
    : state.phase === "running"
    ? unansweredAsks(state).filter((id) => !hadWaited.has(id))
    : [];
  const uses = new Map(
    newestFirst.flatMap((event) => event.kind === "tool_use" ? [[event.tool.id, event.tool]] : []),
  );
  return {
    ...standing,
    pendingActions: asked.map((id) => pendingAction(id, uses.get(id), exposeToolInputs)),
  };
}

function logStatusOf({ kind }: LogEvent): "idle" | "running" | "terminated" {
  return kind === "idle" || kind === "terminated" ? kind : "running";
}

function pendingAction(
  eventId: string,
  use: ToolUse | undefined,
  exposeToolInputs: boolean,
): PendingAction {
  const input = toolInputView(use?.input, exposeToolInputs);
  return {
    event_id: eventId,
    kind: use?.custom ? "custom_tool_result" : "tool_confirmation",
    ...(use?.name && { name: use.name }),
    ...(input !== undefined && { input }),
    ...(use?.threadId && { session_thread_id: use.threadId }),
  };
}
