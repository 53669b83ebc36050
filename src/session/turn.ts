/**
 * The turn reducer: what a session's events say about the turn that a wait is for.
 *
 * Pure: no clock, no network, constant time and memory per event. Whether events came from
 * history, from the stream or from both makes no difference to it.
 *
 * @module
 */

import { append, type Chain, newestFirst } from "./chain.ts";
import { cursorIds } from "./cursor.ts";
import { GrowingMap } from "./growing_map.ts";
import type { LogEvent, ToolUse } from "./event_types.ts";
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
  /** Characters that the message had beside those. */
  readonly leftOut?: number;
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

/** An input that was sent but not taken up. */
export interface QueuedInput {
  /**
   * True once a turn has begun that no other input is known to have begun: it may answer this one.
   */
  readonly mayHaveBegun: boolean;
  /** Whether it was the oldest then: where no input is stamped, that turn is its own. */
  readonly begun: boolean;
  /** `sent` an interrupt came after it; `over` and an idle event after that. */
  readonly interrupt?: "sent" | "over";
  /** Of a message without an id: by its text alone the stamped one is known. */
  readonly mark?: string;
  /** What had been said when it was sent, where nothing else will part the turns. */
  readonly saidBefore?: Collected["texts"];
}

/**
 * An input that came stamped while another's turn was on. That turn may have taken it in, or it has
 * a turn of its own to come: some servers stamp what they receive, and a log that is read later
 * shows a message where it was sent, with the time at which it was taken up.
 */
export interface OwedInput {
  readonly id?: string;
  /** Its `processed_at`, in milliseconds. */
  readonly at?: number;
  /** Whether it was taken up in the turn: then that took it in if the agent has worked since. */
  readonly taken?: boolean;
}

/** Text that a wait saw pass and that its reply does not hold. */
export interface Passed {
  readonly characters: number;
  /** The last event before it that can serve as a cursor. */
  readonly cursorBefore?: string;
}

/** The state that {@linkcode reduceTurn} folds a session's events into. */
export interface TurnState {
  readonly phase: Phase;
  /** Of the latest idle event. */
  readonly stop?: StopInfo;
  /** `processed_at` of the latest idle event, in milliseconds. */
  readonly idleAt?: number;
  /** By key. */
  readonly queued: ReadonlyMap<string, QueuedInput>;
  /** Inputs that may have turns of their own to come, oldest first. */
  readonly owed: readonly OwedInput[];
  /** The input that the newest turn is for; undefined when none is known. */
  readonly own?: OwedInput;
  /** Whether this server was seen to show inputs as queued: then a stamped one is taken up. */
  readonly showsQueued: boolean;
  /** Whether this server was seen to stamp an input only when its turn ended. */
  readonly stampsAtSettle: boolean;
  /** Whether this server was seen to tell when turns begin and end; without that every input does. */
  readonly showsStatus: boolean;
  /** Whether this server was seen to stamp inputs: then a queued one is not taken up yet. */
  readonly stampsInputs: boolean;
  /** Whether the next turn is the agent's report on workflow runs, not an answer to an input. */
  readonly reporting: boolean;
  /** Whether inputs were queued already when the latest idle event came. */
  readonly queuedAtIdle: boolean;
  /** Whether an interrupt was sent whose effect has not shown. */
  readonly interrupting: boolean;
  /** Whether the turn was interrupted: then its tool calls may have no results. */
  readonly interrupted: boolean;
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
  /** Whether the latest idle event came while a tool was at work, and no interrupt says why. */
  readonly endedEarly: boolean;
  readonly collected: Collected;
  /** Errors that came between an input and the begin of its turn. */
  readonly earlyErrors: Collected["errors"];
  /** Left out of {@linkcode collected} although it came after the cursor, or while a wait watched. */
  readonly passed?: Passed;
  /** Whether the beginning of this turn is among the events seen. */
  readonly sawTurnStart: boolean;
  /** The cursor that counting begins after; see {@linkcode initialTurn}. */
  readonly anchor?: Anchor;
  /** For a wait without a cursor; see {@linkcode watchFrom}. */
  readonly watch?: Watch;
  /** The session's own thread, where its messages name it. */
  readonly primaryThread?: string;
  /** Threads of subagents. */
  readonly childThreads: GrowingMap<true>;
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

/** A wait that came in after the event with this key, or before any. */
interface Watch {
  readonly from: string | undefined;
  /** Whether that event has come. */
  readonly on: boolean;
  /** Whether the turn that the state tells of was on, or began, while the wait watched. */
  readonly inTurn: boolean;
}

interface Anchor {
  /** Ids that the cursor may stand for, the likeliest first. */
  readonly ids: readonly string[];
  /** Id of the event that it stands for; absent until that has come. */
  readonly id?: string;
  /** Whether that event is a queued input. */
  readonly queued: boolean;
  /** Whether that is one of a kind that is not known here: nothing else tells of it. */
  readonly unknown?: boolean;
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
/** A turn that is owed begins within so many milliseconds of the one before, or has been part of it. */
const OWED_MS = 5_000;
/** More inputs than this do not pile up behind one turn. */
const MAX_OWED = 100;
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
  const ids = afterId === undefined ? [] : cursorIds(afterId);
  return {
    phase: "unknown",
    queued: NO_ENTRIES,
    owed: [],
    showsQueued: false,
    stampsAtSettle: false,
    showsStatus: false,
    stampsInputs: false,
    reporting: false,
    queuedAtIdle: false,
    interrupting: false,
    interrupted: false,
    blocking: [],
    answered: GrowingMap.empty(),
    asking: GrowingMap.empty(),
    openRuns: NO_ENTRIES,
    toolsInFlight: NO_ENTRIES,
    endedEarly: false,
    collected: NOTHING,
    earlyErrors: undefined,
    sawTurnStart: false,
    childThreads: GrowingMap.empty(),
    ...(ids.length > 0 && { anchor: { ids, queued: false } }),
  };
}

/**
 * The state of a wait without a cursor that comes in after the event with the key `from`. Such a
 * wait answers with the newest turn; what earlier turns said while it watched is told as
 * {@linkcode TurnState.passed}.
 *
 * @param from absent when nothing had happened by then
 * @param isThere whether the state tells of that event already
 */
export function watchFrom(state: TurnState, from: string | undefined, isThere: boolean): TurnState {
  const inTurn = isThere && state.phase !== "unknown" && state.phase !== "ended";
  return { ...state, watch: { from, on: isThere, inTurn } };
}

/** The state after one more event of the log. */
export function reduceTurn(state: TurnState, event: LogEvent): TurnState {
  const next = watched(anchored(apply(state, event), event), event);
  // One that was queued may stand in the list where it was sent, before words that have been told;
  // types that nobody knows may be on the stream only, as pieces of a message are.
  const isPlaced = !event.queued && event.id !== undefined && event.kind !== "other" &&
    !state.queued.has(event.key);
  return isPlaced ? { ...next, cursor: event.id } : next;
}

function anchored(state: TurnState, event: LogEvent): TurnState {
  const { anchor } = state;
  const { id } = event;
  if (!anchor || id === undefined) return state;
  if (anchor.id === id && anchor.queued && !event.queued) {
    return { ...state, anchor: { ...anchor, queued: false } };
  }
  if (anchor.id !== undefined || !anchor.ids.includes(id)) return state;
  const { queued, kind } = event;
  return {
    ...state,
    anchor: { ids: anchor.ids, id, queued, ...(queued && kind === "other" && { unknown: true }) },
  };
}

function watched(state: TurnState, event: LogEvent): TurnState {
  const { watch } = state;
  return watch && !watch.on && event.key === watch.from
    ? watchFrom(state, watch.from, true)
    : state;
}

function apply(state: TurnState, event: LogEvent): TurnState {
  // What a subagent's thread is doing says nothing about the session.
  if (OF_THREADS.has(event.kind) && isSubagents(state, event)) return state;
  switch (event.kind) {
    case "input":
      return takeInput(state, event, event.answers);
    case "interrupt":
      return {
        ...state,
        queued: mapInputs(state.queued, (input) => ({ ...input, interrupt: "sent" })),
        interrupting: event.queued || state.phase === "parked",
        interrupted: true,
        ...unqueuedAnchor(state, event),
      };
    case "running":
    case "rescheduled":
      return begin({ ...state, showsStatus: true });
    case "idle":
      return end({ ...state, showsStatus: true }, event);
    case "text":
    case "thinking":
    case "model_start":
    case "tool_use":
      return { ...collect(begin(takenIn(state)), event), lastWork: event.kind };
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
      return noteThread(state, event);
    case "other":
      return state;
  }
}

const OF_THREADS: ReadonlySet<LogEvent["kind"]> = new Set<LogEvent["kind"]>([
  "running",
  "rescheduled",
  "idle",
  "terminated",
]);

/** A thread that is created once the session is in use is a subagent's. */
function noteThread(state: TurnState, event: LogEvent & { kind: "thread" }): TurnState {
  const { threadId } = event;
  if (event.change !== "created" || threadId === undefined || state.phase === "unknown") {
    return state;
  }
  return { ...state, childThreads: state.childThreads.with(threadId, true) };
}

/** Whether an event comes from a subagent: what that says goes to the agent, not to the user. */
function isSubagents(state: TurnState, { threadId }: LogEvent): boolean {
  if (threadId === undefined) return false;
  const { primaryThread, childThreads } = state;
  return primaryThread === undefined ? childThreads.has(threadId) : threadId !== primaryThread;
}

function mapInputs(
  queued: TurnState["queued"],
  change: (input: QueuedInput) => QueuedInput,
): TurnState["queued"] {
  return queued.size === 0
    ? queued
    : new Map([...queued].map(([key, input]) => [key, change(input)]));
}

/** Input begins a turn when none is on; in a running turn it joins or queues. */
function takeInput(before: TurnState, event: LogEvent, answers: string | undefined): TurnState {
  const state = answers === undefined ? revived(before) : before;
  const key = queuedKey(state, event);
  const wasQueued = key !== undefined;
  const queued = new Map(state.queued);
  if (event.queued) {
    const { mark } = event;
    // Without status events nothing more will tell that its turn begins.
    const begun = state.phase === "running" && !state.showsStatus;
    queued.set(event.key, {
      mayHaveBegun: begun,
      begun,
      ...(mark !== undefined && { mark }),
      ...(begun && { saidBefore: state.collected.texts }),
    });
  } else if (wasQueued) queued.delete(key);
  const next: TurnState = {
    ...state,
    queued: event.queued ? queued : unclaimed(queued, wasQueued && state.phase === "running"),
    answered: answers === undefined ? state.answered : state.answered.with(answers, true),
    toolsInFlight: isResult(state, answers)
      ? without(state.toolsInFlight, answers)
      : state.toolsInFlight,
    stampsInputs: state.stampsInputs || (!event.queued && event.at !== undefined),
    showsQueued: state.showsQueued || event.queued,
    ...(event.threadId !== undefined && { primaryThread: event.threadId }),
    ...unqueuedAnchor(state, event, key),
  };
  const over = state.phase === "ended" || state.phase === "unknown";
  if (!over) {
    const input = wasQueued ? state.queued.get(key) : undefined;
    const isTaken = !event.queued && input !== undefined && !input.mayHaveBegun;
    if (isTaken && state.showsStatus && state.phase === "running") {
      return { ...next, owed: [...next.owed, { ...owedInput(event), taken: true }] };
    }
    const isNew = !event.queued && !wasQueued && answers === undefined;
    if (isNew && (state.showsStatus || state.phase === "starting")) return joinOrOwe(next, event);
    if (state.showsStatus || (event.queued && (wasQueued || state.stampsInputs))) return next;
    return input?.begun ? cutBefore(next, input.saidBefore) : freshForInput({ ...next, owed: [] });
  }
  if (event.queued) {
    // After exhausted retries it may be one that was dropped with the turn before.
    const begins = state.phase === "ended" && state.stop?.type !== "retries_exhausted";
    return begins && !wasQueued ? freshForInput(next) : next;
  }
  if (isOfTurnWithoutInput(state, event)) return next;
  if (wasQueued && wasAnswered(state, event)) {
    const { at } = event;
    const isLate = at !== undefined && state.idleAt !== undefined && at >= state.idleAt;
    return isLate ? { ...next, stampsAtSettle: true } : next;
  }
  if (wasQueued) {
    // What was said while the cursor itself was queued answers others.
    return start(isAnchor(state, event, key) ? letPass(next) : next, event);
  }
  // The oldest comes first.
  const [own = event, ...others] = [...stillOwed(state, event), event];
  return start(freshForInput({ ...next, owed: others.map(owedInput) }), own);
}

/** Whether an input that a list has behind a turn is what that was for: taken up before its end. */
function isOfTurnWithoutInput({ phase, own, idleAt }: TurnState, { at }: LogEvent): boolean {
  const isKnown = own?.id !== undefined || own?.at !== undefined;
  return phase === "ended" && !isKnown && at !== undefined && idleAt !== undefined && at <= idleAt;
}

/** A session that takes input again is not at its end, whatever its log says of earlier times. */
function revived(state: TurnState): TurnState {
  return state.phase === "terminated" ? { ...state, phase: "ended" } : state;
}

/** An input has been taken up, and its turn is to begin. */
function start(state: TurnState, input: OwedInput): TurnState {
  return {
    ...state,
    phase: "starting",
    reporting: false,
    interrupted: false,
    own: owedInput(input),
  };
}

function owedInput({ id, at }: OwedInput): OwedInput {
  return { ...(id !== undefined && { id }), ...(at !== undefined && { at }) };
}

/** An input that comes stamped in a turn: it is what began that, or has one to come, or neither. */
function joinOrOwe(state: TurnState, event: LogEvent): TurnState {
  const isOwn = state.phase === "running" ? !state.own : state.reporting;
  if (isOwn) return { ...state, own: owedInput(event) };
  return { ...state, owed: [...state.owed, owedInput(event)].slice(-MAX_OWED) };
}

/** The agent works: inputs that were taken up in its turn are part of that. */
function takenIn(state: TurnState): TurnState {
  if (state.phase !== "running" || !state.owed.some(({ taken }) => taken)) return state;
  return { ...state, owed: state.owed.filter(({ taken }) => !taken) };
}

/** The inputs whose turns would have begun before an input that comes in an idle session. */
function stillOwed({ owed, idleAt }: TurnState, { at }: LogEvent): readonly OwedInput[] {
  const isLong = at !== undefined && idleAt !== undefined && at - idleAt > OWED_MS;
  return isLong ? [] : owed;
}

/** The key under which an input is queued, if it is. */
function queuedKey(state: TurnState, event: LogEvent): string | undefined {
  const { queued } = state;
  const { key, id, mark } = event;
  if (queued.has(key)) return key;
  // A queued one with an id of its own is another of the same text; stamped it may have a new id.
  if (mark === undefined || (event.queued && id !== undefined)) return undefined;
  return [...queued].find(([, input]) => input.mark === mark)?.[0];
}

/** Whether an answer is a call's result: one that was asked about runs once it is allowed. */
function isResult({ asking }: TurnState, answers: string | undefined): boolean {
  return answers !== undefined && asking.get(answers)?.custom !== false;
}

function without<V>(map: ReadonlyMap<string, V>, key: string | undefined): ReadonlyMap<string, V> {
  if (key === undefined || !map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/**
 * Whether the event is the cursor, coming again.
 *
 * @param key the one under which it was queued, if it was
 */
function isAnchor(
  state: TurnState,
  event: LogEvent,
  key?: string,
): state is TurnState & { anchor: Anchor } {
  const id = state.anchor?.id;
  return id !== undefined && (id === event.id || id === key);
}

/** The cursor, taken up if this is it. */
function unqueuedAnchor(
  state: TurnState,
  event: LogEvent,
  key?: string,
): Pick<TurnState, "anchor"> | undefined {
  return isAnchor(state, event, key) && !event.queued
    ? { anchor: { ...state.anchor, queued: false } }
    : undefined;
}

/** When the running turn turns out to be one input's, it is no other's. */
function unclaimed(queued: TurnState["queued"], turnHasInput: boolean): TurnState["queued"] {
  return turnHasInput ? mapInputs(queued, (input) => ({ ...input, mayHaveBegun: false })) : queued;
}

/**
 * Whether an input that is stamped after the idle event belongs to the turn which that ended. Some
 * servers stamp a message only when its turn settles.
 */
function wasAnswered(state: TurnState, event: LogEvent): boolean {
  const mayBeIts = state.queued.get(queuedKey(state, event) ?? "")?.mayHaveBegun ?? false;
  if (event.at === undefined || state.idleAt === undefined) return mayBeIts;
  return event.at < state.idleAt + (mayBeIts ? SETTLING_MS : 0);
}

/** A new turn for an input that comes now: errors from before it are not its. */
function freshForInput(state: TurnState): TurnState {
  return fresh({ ...state, earlyErrors: undefined });
}

/** A new turn: what the one before said no longer counts, unless a cursor decides what counts. */
function fresh(state: TurnState): TurnState {
  const { anchor, watch } = state;
  const next: TurnState = {
    ...state,
    sawTurnStart: state.sawTurnStart || state.phase === "ended",
    ...(watch?.on && { watch: { ...watch, inTurn: true } }),
  };
  // A cursor that is a queued message: the turns before its own answer others.
  if (anchor) return isAnchorToCome(state) ? letPass(next) : next;
  return watch?.inTurn ? letPass(next) : { ...next, collected: nothingBut(state.earlyErrors) };
}

/** Whether the cursor is an input whose turn has not begun, as far as is known. */
function isAnchorToCome({ anchor, owed }: TurnState): boolean {
  if (anchor?.id === undefined) return false;
  return anchor.queued || owed.some(({ id }) => id === anchor.id);
}

/** Without what was said before: a turn has begun since then, of which only its input tells. */
function cutBefore(state: TurnState, before: Collected["texts"]): TurnState {
  if (state.anchor) return state;
  const parts: TextPart[] = [];
  for (let link = state.collected.texts; link && link !== before; link = link.before) {
    parts.push(link.last);
  }
  const texts = parts.reduceRight<Collected["texts"]>(append, undefined);
  const textLength = parts.reduce((length, { text }) => length + text.length, 0);
  return { ...state, collected: { ...state.collected, texts, textLength } };
}

function nothingBut(errors: Collected["errors"]): Collected {
  return errors === undefined ? NOTHING : { ...NOTHING, errors };
}

/** What was collected no longer counts, but that is told. */
function letPass(state: TurnState): TurnState {
  const { collected, passed, earlyErrors } = state;
  const left = { ...state, collected: nothingBut(earlyErrors) };
  if (collected.textLength === 0) return left;
  const oldest = passed ?? [...newestFirst(collected.texts)].at(-1);
  return {
    ...left,
    passed: {
      characters: collected.textLength + (passed?.characters ?? 0),
      ...(oldest?.cursorBefore !== undefined && { cursorBefore: oldest.cursorBefore }),
    },
  };
}

/** Whether an idle event came in mid-turn: what follows without another input goes on from it. */
function isCutShort({ phase, endedEarly, owed, queued }: TurnState): boolean {
  return phase === "ended" && endedEarly && owed.length === 0 && queued.size === 0;
}

function begin(state: TurnState): TurnState {
  if (state.phase === "running" || state.phase === "terminated" || state.phase === "deleted") {
    return state;
  }
  const resumes = state.phase === "parked";
  const isTaken = resumes || (state.phase === "starting" && !state.reporting);
  // What the agent says of its workflow runs goes on from the turn that started them.
  const goesOn = resumes ||
    (!isTaken && (state.reporting || state.openRuns.size > 0 || isCutShort(state)));
  const isOwed = !isTaken && !goesOn && state.owed.length > 0;
  // A turn that an input was taken up for is not one that queued inputs can be answered by.
  const hasInput = isTaken || isOwed;
  const started = goesOn ? state : fresh(state);
  const { own: _own, ...rest } = started;
  return {
    ...(hasInput ? started : rest),
    ...(!hasInput && beginQueued(started)),
    ...(isOwed && { own: state.owed[0], owed: state.owed.slice(1) }),
    // Of a turn that begins before what is known its input may stand there too.
    ...(!hasInput && (goesOn || state.phase === "unknown" || state.queued.size > 0) && { own: {} }),
    phase: "running",
    reporting: false,
    queuedAtIdle: false,
    interrupted: resumes && state.interrupted,
    endedEarly: false,
    earlyErrors: undefined,
    blocking: [],
    asking: resumes ? state.asking : GrowingMap.empty(),
  };
}

/**
 * A turn begins that no input is known to have begun: queued ones may have, the oldest most likely.
 * Those whose turns came and went before are none of this one's, although they were not stamped.
 */
function beginQueued(
  { queued, stampsInputs, anchor }: TurnState,
): Pick<TurnState, "queued" | "anchor"> {
  const isPast = ({ begun, interrupt }: QueuedInput) =>
    begun && (interrupt === "over" || !stampsInputs);
  const inputs = [...queued].filter(([, input]) => !isPast(input));
  const [oldest] = inputs.find(([, input]) => !input.begun) ?? [];
  const isOwn = !stampsInputs && anchor?.id !== undefined && anchor.id === oldest;
  return {
    queued: new Map(inputs.map(([key, input]) => [
      key,
      { ...input, mayHaveBegun: true, begun: input.begun || key === oldest },
    ])),
    ...(anchor && { anchor: isOwn ? { ...anchor, queued: false } : anchor }),
  };
}

function end(state: TurnState, event: LogEvent & { kind: "idle" }): TurnState {
  if (state.phase === "terminated" || state.phase === "deleted") return state;
  if (isOfTurnBefore(state, event)) return state;
  // No reason, or no calls named with it: those that ask for an answer and have none are meant.
  const isToldWhy = event.eventIds.length > 0 ||
    (event.stop !== undefined && event.stop.type !== "requires_action");
  const asks = isToldWhy || state.interrupted ? [] : unansweredAsks(state);
  const parked = event.stop?.type === "requires_action" || asks.length > 0;
  const blocking = parked && asks.length === 0 ? event.eventIds : asks;
  // A turn that ran out of retries takes the queued input with it.
  const dropped = event.stop?.type === "retries_exhausted";
  const { stop: _stop, idleAt: _idleAt, ...rest } = state;
  const ended: TurnState = {
    ...rest,
    ...(!parked && owedAfter(state, event.at, dropped)),
    phase: parked ? "parked" : "ended",
    ...(event.stop && { stop: event.stop }),
    ...(event.at !== undefined && { idleAt: event.at }),
    blocking,
    asking: withNamed(state, blocking),
    queued: dropped ? NO_ENTRIES : parked ? state.queued : mapInputs(
      state.queued,
      (input) => input.interrupt === "sent" ? { ...input, interrupt: "over" } : input,
    ),
    queuedAtIdle: !dropped && state.queued.size > 0,
    interrupting: false,
    endedEarly: !parked &&
      (isThreadUnknown(state, event) || isNoEntry(state, event) ||
        (!state.interrupted && state.toolsInFlight.size > 0)),
    earlyErrors: undefined,
    toolsInFlight: parked ? state.toolsInFlight : NO_ENTRIES,
  };
  return parked ? ended : startTakenUp(ended);
}

/** Whether an event names a thread of which it is not known whose it is. */
function isThreadUnknown({ primaryThread }: TurnState, { threadId }: LogEvent): boolean {
  return threadId !== undefined && threadId !== primaryThread;
}

/** Whether an event is none of a log whose events have ids: it may tell of an earlier moment. */
function isNoEntry({ cursor }: TurnState, { id }: LogEvent): boolean {
  return id === undefined && cursor !== undefined;
}

/**
 * Whether an idle event tells of the turn before: none has begun since an input was taken up, or
 * gone on since a call was answered. Some servers say on every connection how the session stands,
 * or say the same again.
 */
function isOfTurnBefore(state: TurnState, { stop, eventIds }: LogEvent & { kind: "idle" }) {
  if (state.phase === "parked") {
    const { blocking, answered } = state;
    const isAnswered = blocking.length > 0 && blocking.every((id) => answered.has(id));
    return isAnswered && !state.interrupted && stop === undefined && eventIds.length === 0;
  }
  if (state.phase !== "starting" || state.reporting || state.interrupted) return false;
  if (eventIds.length > 0 || state.earlyErrors !== undefined) return false;
  return stop === undefined || stop.type === "end_turn" || stop.type === state.stop?.type;
}

/** What is owed after an idle event, and what that tells of how this server stamps. */
function owedAfter(
  state: TurnState,
  idleAt: number | undefined,
  dropped: boolean,
): Pick<TurnState, "owed" | "stampsAtSettle"> {
  const ownAt = state.own?.at;
  const isLate = ownAt !== undefined && idleAt !== undefined && ownAt >= idleAt;
  const stampsAtSettle = state.stampsAtSettle || (isLate && ownAt < idleAt + SETTLING_MS);
  const settledAt = idleAt === undefined || !stampsAtSettle ? idleAt : idleAt + SETTLING_MS;
  const isSettled = dropped || stampsAtSettle;
  const owed = state.owed.filter((input) =>
    isTakenUpAfter(input, settledAt) || (!isSettled && (input.taken || !state.showsQueued))
  );
  return { owed, stampsAtSettle };
}

function isTakenUpAfter({ at }: OwedInput, time: number | undefined): boolean {
  return at !== undefined && time !== undefined && at > time;
}

/** Begins the wait for the turn of an input that was taken up after the idle event. */
function startTakenUp(state: TurnState): TurnState {
  const at = state.owed.findIndex((input) => isTakenUpAfter(input, state.idleAt));
  const input = state.owed[at];
  if (!input) return state;
  const left = isAnchorToCome(state) ? letPass(state) : state;
  return start({ ...left, owed: state.owed.toSpliced(at, 1), sawTurnStart: true }, input);
}

/** Calls that block the session ask for an answer, whether or not they said so themselves. */
function withNamed({ asking, toolsInFlight }: TurnState, blocking: readonly string[]) {
  return blocking.filter((id) => !asking.has(id) && toolsInFlight.has(id)).reduce(
    (known, id) => known.with(id, { id, custom: false, asks: true, name: toolsInFlight.get(id) }),
    asking,
  );
}

/** Whether a session that rests has an input that nothing came of, as far as its events tell. */
export function isUnanswered({ phase, interrupted, queued }: TurnState): boolean {
  if (phase === "starting") return !interrupted;
  return [...queued.values()].some(({ mayHaveBegun }) => !mayHaveBegun);
}

/** Whether an input is not taken up: one of the queued, or a cursor of a kind that is not known. */
export function hasQueued({ queued, anchor }: TurnState): boolean {
  return queued.size > 0 || (anchor?.queued === true && anchor.unknown === true);
}

/** Tool calls of the turn that somebody must answer and nobody has. */
export function unansweredAsks(state: TurnState): string[] {
  return [...state.asking.keys()].filter((id) =>
    state.toolsInFlight.has(id) && !state.answered.has(id)
  );
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
  if (state.anchor && state.anchor.id === undefined) return tracked;
  const { collected } = tracked;
  switch (event.kind) {
    case "text": {
      if (isSilent(event) || isSubagents(state, event)) return tracked;
      const part: TextPart = {
        text: event.text,
        ...(event.leftOut !== undefined && { leftOut: event.leftOut }),
        ...(event.id !== undefined && { id: event.id }),
        ...(state.cursor !== undefined && { cursorBefore: state.cursor }),
      };
      const texts = append(collected.texts, part);
      const textLength = collected.textLength + event.text.length + (event.leftOut ?? 0);
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
        earlyErrors: state.phase === "running" || state.phase === "parked"
          ? undefined
          : append(state.earlyErrors, event.error),
      };
    default:
      return tracked;
  }
}

/** Whether a message of the agent says nothing. */
function isSilent(event: LogEvent & { kind: "text" }): boolean {
  return event.text === "" && event.leftOut === undefined;
}

function trackTools(state: TurnState, event: LogEvent): TurnState {
  if (event.kind === "tool_use") {
    const { tool } = event;
    // Nothing can answer a call without an id by name.
    if (tool.id === "") return state;
    const toolsInFlight = new Map(state.toolsInFlight).set(tool.id, tool.name);
    const [oldest] = toolsInFlight.keys();
    if (toolsInFlight.size > MAX_IN_FLIGHT && oldest !== undefined) toolsInFlight.delete(oldest);
    return {
      ...state,
      toolsInFlight,
      asking: tool.asks ? state.asking.with(tool.id, tool) : state.asking,
    };
  }
  if (event.kind !== "tool_result") return state;
  // A result that does not say whose it is: calls are answered in their order.
  const [oldest] = state.toolsInFlight.keys();
  return { ...state, toolsInFlight: without(state.toolsInFlight, event.toolUseId ?? oldest) };
}
