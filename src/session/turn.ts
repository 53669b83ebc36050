/**
 * The turn reducer: what a session's events say about the turn that a wait is for.
 *
 * Pure: no clock, no network, constant time and memory per event. Whether events came from
 * history, from the stream or from both makes no difference to it.
 *
 * @module
 */

import { append, type Chain } from "./chain.ts";
import { GrowingMap } from "./growing_map.ts";
import type { LogEvent, ToolUse } from "./log_event.ts";
import type { StopInfo, TurnError } from "./outcome.ts";

/**
 * Where the session stands: `unknown` no event told yet; `starting` input was taken up, the turn
 * has not begun; `running`; `ended` idle, turn over; `parked` idle, blocked on answers;
 * `terminated` and `deleted` for good.
 */
export type Phase =
  | "unknown"
  | "starting"
  | "running"
  | "ended"
  | "parked"
  | "terminated"
  | "deleted";

/** A message of the agent. */
export interface TextPart {
  readonly text: string;
  readonly id?: string;
  /** The last event before it that can serve as a cursor. */
  readonly cursorBefore?: string;
}

/** What collects for the result: of this turn, or of all that came after a cursor. */
export interface Collected {
  readonly texts: Chain<TextPart>;
  /** Characters in `texts`. */
  readonly textLength: number;
  readonly tools: Chain<ToolUse>;
  readonly results: Chain<{ readonly toolUseId?: string; readonly failed: boolean }>;
  readonly errors: Chain<TurnError>;
}

/** The state that {@linkcode reduceTurn} folds a session's events into. */
export interface TurnState {
  readonly phase: Phase;
  /** Of the latest idle event. */
  readonly stop?: StopInfo;
  /** `processed_at` of the latest idle event, in milliseconds. */
  readonly idleAt?: number;
  /**
   * Inputs that were sent but not taken up, by key: whether a turn has begun since that no other
   * input is known to have begun, so that it may be theirs.
   */
  readonly queued: ReadonlyMap<string, boolean>;
  /** Whether this server was seen to stamp inputs: then a queued one is not taken up yet. */
  readonly stampsInputs: boolean;
  /** Whether the next turn is the agent's report on workflow runs, not an answer to an input. */
  readonly reporting: boolean;
  /** Whether inputs were queued already when the latest idle event came. */
  readonly queuedAtIdle: boolean;
  /** Whether an interrupt was sent whose effect has not shown. */
  readonly interrupting: boolean;
  /** Ids of the tool calls that the latest idle event waits for. */
  readonly blocking: readonly string[];
  /** Tool calls that were answered; an answer is final. */
  readonly answered: GrowingMap<true>;
  /** Tool calls whose answer may be asked for, by id, since the session last began a turn. */
  readonly asking: GrowingMap<ToolUse>;
  /** Workflow runs that were created and have not ended: id and name. */
  readonly openRuns: ReadonlyMap<string, string | undefined>;
  /** Tool calls in flight, newest last: id and name. */
  readonly toolsInFlight: ReadonlyMap<string, string | undefined>;
  readonly collected: Collected;
  /** Whether the beginning of this turn is among the events seen. */
  readonly sawTurnStart: boolean;
  /** The cursor that counting begins after; see {@linkcode initialTurn}. */
  readonly anchor?: { readonly id: string; readonly seen: boolean; readonly queued: boolean };
  /** Id of the newest event that is stamped: what a later call passes as `after_id`. */
  readonly cursor?: string;
  /** The kind of the newest event that shows the agent at work. */
  readonly lastWork?:
    | "text"
    | "tool_use"
    | "tool_result"
    | "model_start"
    | "model_end"
    | "thinking";
}

const NOTHING: Collected = {
  texts: undefined,
  textLength: 0,
  tools: undefined,
  results: undefined,
  errors: undefined,
};
/** A turn that settles stamps its message within so many milliseconds of its idle event. */
const SETTLING_MS = 2_000;
/** Calls whose results do not say whose they are would otherwise pile up, and be copied each time. */
const MAX_IN_FLIGHT = 1_000;
/** States are many and their collections mostly empty: they share these, and copy to add. */
const NO_ENTRIES: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * The state before any event.
 *
 * @param afterId count only what comes after this event; without it, the newest turn counts
 */
export function initialTurn(afterId?: string): TurnState {
  return {
    phase: "unknown",
    queued: NO_ENTRIES,
    stampsInputs: false,
    reporting: false,
    queuedAtIdle: false,
    interrupting: false,
    blocking: [],
    answered: GrowingMap.empty(),
    asking: GrowingMap.empty(),
    openRuns: NO_ENTRIES,
    toolsInFlight: NO_ENTRIES,
    collected: NOTHING,
    sawTurnStart: false,
    ...(afterId !== undefined && { anchor: { id: afterId, seen: false, queued: false } }),
  };
}

/** The state after one more event of the log. */
export function reduceTurn(state: TurnState, event: LogEvent): TurnState {
  const next = anchored(apply(state, event), event);
  return event.queued || event.id === undefined ? next : { ...next, cursor: event.id };
}

function anchored(state: TurnState, event: LogEvent): TurnState {
  const { anchor } = state;
  if (!anchor || anchor.seen || event.id !== anchor.id) return state;
  return { ...state, anchor: { id: anchor.id, seen: true, queued: event.queued } };
}

function apply(state: TurnState, event: LogEvent): TurnState {
  switch (event.kind) {
    case "input":
      return takeInput(state, event, event.answers);
    case "interrupt":
      return {
        ...state,
        interrupting: event.queued || state.phase === "parked",
        ...unqueuedAnchor(state, event),
      };
    case "running":
    case "rescheduled":
      return begin(state);
    case "idle":
      return end(state, event);
    case "text":
    case "thinking":
    case "model_start":
    case "tool_use":
      return { ...collect(begin(state), event), lastWork: event.kind };
    case "tool_result":
      return { ...collect(state, event), lastWork: event.kind };
    case "model_end":
      return { ...state, lastWork: event.kind };
    case "error":
      return collect(state, event);
    case "terminated":
    case "deleted":
      return { ...state, phase: event.kind, queued: NO_ENTRIES, interrupting: false };
    case "run_opened":
      return { ...state, openRuns: new Map(state.openRuns).set(event.runId, event.name) };
    case "run_closed":
      return closeRun(state, event.runId);
    case "thread":
    case "other":
      return state;
  }
}

/** Input begins a turn when none is on; in a running turn it joins or queues. */
function takeInput(state: TurnState, event: LogEvent, answers: string | undefined): TurnState {
  const wasQueued = state.queued.has(event.key);
  const queued = new Map(state.queued);
  if (event.queued) queued.set(event.key, false);
  else queued.delete(event.key);
  const next: TurnState = {
    ...state,
    queued: event.queued ? queued : unclaimed(queued, wasQueued && state.phase === "running"),
    answered: answers === undefined ? state.answered : state.answered.with(answers, true),
    stampsInputs: state.stampsInputs || (!event.queued && event.at !== undefined),
    ...unqueuedAnchor(state, event),
  };
  const over = state.phase === "ended" || state.phase === "unknown";
  if (!over) return next;
  if (event.queued) {
    // After exhausted retries it may be one that was dropped with the turn before.
    const begins = state.phase === "ended" && state.stop?.type !== "retries_exhausted";
    return begins && !wasQueued ? fresh(next) : next;
  }
  if (wasQueued && wasAnswered(state, event)) return next;
  if (!wasQueued) return { ...fresh(next), phase: "starting", reporting: false };
  // What was said while the cursor itself was queued answers others.
  const collected = isAnchor(state, event) ? NOTHING : next.collected;
  return { ...next, collected, phase: "starting", reporting: false };
}

type Anchor = NonNullable<TurnState["anchor"]>;

/** Whether the event is the cursor, coming again. */
function isAnchor(state: TurnState, event: LogEvent): state is TurnState & { anchor: Anchor } {
  return state.anchor !== undefined && state.anchor.seen && state.anchor.id === event.id;
}

/** The cursor, taken up if this is it. */
function unqueuedAnchor(state: TurnState, event: LogEvent): Pick<TurnState, "anchor"> | undefined {
  return isAnchor(state, event) && !event.queued
    ? { anchor: { ...state.anchor, queued: false } }
    : undefined;
}

/** When the running turn turns out to be one input's, it is no other's. */
function unclaimed(
  queued: ReadonlyMap<string, boolean>,
  turnHasInput: boolean,
): ReadonlyMap<string, boolean> {
  return turnHasInput ? new Map([...queued.keys()].map((key) => [key, false])) : queued;
}

/**
 * Whether an input that is stamped after the idle event belongs to the turn which that ended. Some
 * servers stamp a message only when its turn settles.
 */
function wasAnswered(state: TurnState, event: LogEvent): boolean {
  const mayBeIts = state.queued.get(event.key) ?? false;
  if (event.at === undefined || state.idleAt === undefined) return mayBeIts;
  return event.at < state.idleAt + (mayBeIts ? SETTLING_MS : 0);
}

/** A new turn: what the one before said no longer counts, unless a cursor decides what counts. */
function fresh(state: TurnState): TurnState {
  const sawTurnStart = state.sawTurnStart || state.phase === "ended";
  // A cursor that is a queued message: the turns before its own answer others.
  const counts = state.anchor !== undefined && !(state.anchor.seen && state.anchor.queued);
  return { ...state, sawTurnStart, collected: counts ? state.collected : NOTHING };
}

function begin(state: TurnState): TurnState {
  if (state.phase === "running" || state.phase === "terminated" || state.phase === "deleted") {
    return state;
  }
  const resumes = state.phase === "parked";
  // A turn that an input was taken up for is not one that queued inputs can be answered by.
  const hasInput = resumes || (state.phase === "starting" && !state.reporting);
  // What the agent says of its workflow runs goes on from the turn that started them.
  const goesOn = resumes || (!hasInput && (state.reporting || state.openRuns.size > 0));
  const started = goesOn ? state : fresh(state);
  return {
    ...started,
    phase: "running",
    reporting: false,
    queued: hasInput ? state.queued : new Map([...state.queued.keys()].map((key) => [key, true])),
    queuedAtIdle: false,
    blocking: [],
    asking: resumes ? state.asking : GrowingMap.empty(),
  };
}

function end(state: TurnState, event: LogEvent & { kind: "idle" }): TurnState {
  if (state.phase === "terminated" || state.phase === "deleted") return state;
  const parked = event.stop?.type === "requires_action";
  // A turn that ran out of retries takes the queued input with it.
  const dropped = event.stop?.type === "retries_exhausted";
  const { stop: _stop, idleAt: _idleAt, ...rest } = state;
  return {
    ...rest,
    phase: parked ? "parked" : "ended",
    ...(event.stop && { stop: event.stop }),
    ...(event.at !== undefined && { idleAt: event.at }),
    blocking: parked ? event.eventIds : [],
    queued: dropped ? NO_ENTRIES : state.queued,
    queuedAtIdle: !dropped && state.queued.size > 0,
    interrupting: false,
    toolsInFlight: NO_ENTRIES,
  };
}

/** After the last run has ended the agent gets one more turn to report on it. */
function closeRun(state: TurnState, runId: string): TurnState {
  const openRuns = new Map(state.openRuns);
  openRuns.delete(runId);
  const reports = state.openRuns.has(runId) && openRuns.size === 0 && state.phase === "ended";
  return reports
    ? { ...state, openRuns, phase: "starting", reporting: true }
    : { ...state, openRuns };
}

function collect(state: TurnState, event: LogEvent): TurnState {
  const tracked = trackTools(state, event);
  if (state.anchor && !state.anchor.seen) return tracked;
  const { collected } = tracked;
  switch (event.kind) {
    case "text": {
      if (event.text === "") return tracked;
      const part: TextPart = {
        text: event.text,
        ...(event.id !== undefined && { id: event.id }),
        ...(state.cursor !== undefined && { cursorBefore: state.cursor }),
      };
      const texts = append(collected.texts, part);
      const textLength = collected.textLength + event.text.length;
      return { ...tracked, collected: { ...collected, texts, textLength } };
    }
    case "tool_use":
      return {
        ...tracked,
        collected: { ...collected, tools: append(collected.tools, event.tool) },
      };
    case "tool_result":
      return { ...tracked, collected: { ...collected, results: append(collected.results, event) } };
    case "error":
      return {
        ...tracked,
        collected: { ...collected, errors: append(collected.errors, event.error) },
      };
    default:
      return tracked;
  }
}

function trackTools(state: TurnState, event: LogEvent): TurnState {
  if (event.kind === "tool_use") {
    const { tool } = event;
    const asks = tool.custom || tool.input !== undefined;
    const toolsInFlight = new Map(state.toolsInFlight).set(tool.id, tool.name);
    const [oldest] = toolsInFlight.keys();
    if (toolsInFlight.size > MAX_IN_FLIGHT && oldest !== undefined) toolsInFlight.delete(oldest);
    return {
      ...state,
      toolsInFlight,
      asking: asks ? state.asking.with(tool.id, tool) : state.asking,
    };
  }
  if (event.kind !== "tool_result" || event.toolUseId === undefined) return state;
  if (!state.toolsInFlight.has(event.toolUseId)) return state;
  const toolsInFlight = new Map(state.toolsInFlight);
  toolsInFlight.delete(event.toolUseId);
  return { ...state, toolsInFlight };
}
