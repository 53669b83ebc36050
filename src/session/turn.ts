/**
 * Tells by a session's events how the turn stands that a wait is for.
 *
 * A turn knows no clock and no network, and an event costs it the same however many came before.
 * Events from the list and from the stream are the same to it. They move it from phase to phase:
 *
 * ```text
 * unknown, ended ── an input is taken up ──▶ starting ── the agent works ──▶ running
 * unknown, ended ── the agent works ──▶ running                 of a queued input, or of none
 * running        ── idle ──▶ ended                              or blocked, where calls wait
 * blocked        ── the agent works ──▶ running                 the same turn goes on
 * any            ── terminated, deleted ──▶ terminated, deleted
 * ```
 *
 * Servers stamp inputs at different times, so a turn keeps three kinds of them: `queued`, sent and
 * not taken up; `owed`, taken up in another's turn, so that one of their own may come; and the one
 * that the newest turn is for. With a cursor (`anchor`) all counts that came after it, without one
 * the newest turn.
 *
 * @module
 */

import { cursorIds } from "./cursor.ts";
import type { EventHistory } from "./event_history.ts";
import type { EventOf, StopInfo, ToolUse, TurnError, TurnEvent } from "./event_types.ts";
import { findSameContent } from "./same_event.ts";
import { TurnDetails } from "./turn_details.ts";

/**
 * State of the session by its events: `unknown` no event told yet; `starting` input was taken up, the turn
 * has not begun; `running`; `ended` idle, turn over; `blocked` idle until somebody answers;
 * `terminated` and `deleted` for good.
 */
export type Phase =
  | "unknown"
  | "starting"
  | "running"
  | "ended"
  | "blocked"
  | "terminated"
  | "deleted";

/** A message of the agent. */
export interface TextPart {
  readonly text: string;
  /** Characters that the message had beside those. */
  readonly leftOut?: number;
  /** The last event before it that can serve as a cursor. */
  readonly cursorBefore?: string;
}

/** Collects for the result, oldest first: of this turn, or of all that came after a cursor. */
export interface Collected {
  readonly texts: TextPart[];
  /** Characters of `texts`, those left out included. */
  textLength: number;
  readonly tools: ToolUse[];
  readonly results: { readonly toolUseId?: string; readonly failed: boolean }[];
  readonly errors: TurnError[];
  /** People's decisions on tool calls, and the results of custom tools, whoever sent them. */
  readonly decisions: Decided[];
}

/** The answer to a tool call, as an event tells it: a person's decision, or a custom tool's result. */
interface Decided {
  /** Id of the call. */
  readonly eventId: string;
  /** Name of the tool; absent where the call is not known. */
  readonly name?: string;
  readonly result: "allow" | "deny" | "answer";
}

/** An input that was sent but not taken up. */
export interface QueuedInput {
  /** True once a turn has started that might be answering this input. */
  mayHaveBegun: boolean;
  /** True if it was the oldest then: where no input is stamped, that turn is its own. */
  begun: boolean;
  /** `sent`: an interrupt came after it; `over`: an idle event came after that. */
  interrupt?: "sent" | "over";
  /** Digest of the content, by which the stamped version of a message without an id is known. */
  readonly contentDigest: string | undefined;
  /** The newest text when it was sent, where nothing else will part the turns. */
  readonly saidBefore: TextPart | undefined;
}

/**
 * An input that came stamped while another's turn was on. That turn may have taken it in, or it has
 * a turn of its own to come: some servers stamp what they receive, and a history that is read later
 * shows a message where it was sent, with the time at which it was taken up.
 */
interface OwedInput {
  readonly id?: string;
  /** Its `processed_at`, in milliseconds. */
  readonly at?: number;
  /** True if it was taken up during the turn: that took it in if the agent has worked since. */
  readonly taken?: boolean;
}

/** Text that came in the time of a wait and that its reply leaves out: it answers other inputs. */
interface EarlierText {
  readonly characters: number;
  /** The last event before it that can serve as a cursor. */
  readonly cursorBefore?: string;
}

/** The event that the cursor of a wait names: what came after it counts. */
interface Anchor {
  /** Ids that the event may have, the likeliest first. */
  readonly ids: readonly string[];
  /** Its id; undefined until the event has come. */
  id: string | undefined;
  /** True while it is a queued input. */
  queued: boolean;
  /** True if its type is not known here: no other event will tell of it. */
  unknown: boolean;
}

/** A wait without a cursor that came in after the event with the key `from`, or before any. */
interface Watch {
  readonly from: string | undefined;
  /** True once that event has come. */
  on: boolean;
  /** True if the turn told of was on, or began, while the wait watched. */
  inTurn: boolean;
}

/** A turn that settles stamps its message within so many milliseconds of its idle event. */
const SETTLING_MS = 2_000;
/** A turn that is owed begins within so many milliseconds of the one before, or has been part of it. */
const OWED_MS = 5_000;
/** More inputs than this do not pile up behind one turn. */
const MAX_OWED = 100;
/** Calls whose results do not say whose they are would otherwise pile up. */
const MAX_IN_FLIGHT = 1_000;
/** A session has 25 subagents at once, and 1,000 in workflow runs. */
const MAX_AGENT_NAMES = 1_100;

/**
 * Reads a turn from events, oldest first.
 *
 * @param afterId as for {@linkcode Turn}
 */
export function turnOf(events: Iterable<TurnEvent>, afterId?: string): Turn {
  const turn = new Turn(afterId);
  for (const event of events) turn.add(event);
  return turn;
}

/** Holds what the events so far tell. Only `add` and `watchFrom` change it. */
export class Turn {
  phase: Phase = "unknown";
  /** Why the session last went idle; undefined if the idle event gave no reason. */
  stop: StopInfo | undefined;
  /** `processed_at` of the latest idle event, in milliseconds. */
  idleAt: number | undefined;
  /** Queued inputs by key, oldest first. */
  readonly queued = new Map<string, QueuedInput>();
  /** Inputs that may have turns of their own to come, oldest first. */
  owed: OwedInput[] = [];
  /** The input that the newest turn is for; undefined when none is known. */
  #own: OwedInput | undefined;
  /** Grows with each new turn: when its input comes, and when the agent begins to work for it. */
  renewals = 0;
  /** True once this server showed an input as queued: then a stamped one is taken up. */
  #showsQueued = false;
  /** True once this server stamped an input only when its turn ended. */
  #stampsAtSettle = false;
  /** True once this server told when a turn begins or ends; without that every input does. */
  #showsStatus = false;
  /** True once this server stamped an input: then a queued one is not taken up yet. */
  stampsInputs = false;
  /** True if the next turn is the agent's report on workflow runs, not an answer to an input. */
  #reporting = false;
  /** True if inputs were queued already when the latest idle event came. */
  queuedAtIdle = false;
  /** True while an interrupt was sent whose effect has not shown. */
  interrupting = false;
  /** True if the turn was interrupted: then its tool calls may have no results. */
  interrupted = false;
  /** Ids of the tool calls that the latest idle event waits for. */
  blocking: readonly string[] = [];
  /** Ids of tool calls that were answered; an answer is final. */
  readonly answered = new Set<string>();
  /** Tool calls whose answer may be asked for, by id, since the session last began a turn. */
  readonly asking = new Map<string, ToolUse>();
  /** Ids of the workflow runs that were created and have not ended. */
  readonly openRuns = new Set<string>();
  /** Names, by id, of the tool calls in flight, newest last. */
  readonly toolsInFlight = new Map<string, ToolUse>();
  /**
   * True if the latest idle event came while a tool was at work or an outcome was evaluated, and no
   * interrupt says why.
   */
  endedEarly = false;
  /** Texts, tools and errors that the result tells of. */
  collected: Collected = collection();
  /**
   * Subagents, evaluations and attachments of the same turns, and of the one that was on when the
   * cursor came: the results before it, of waits that timed out, had no room for them.
   */
  details = new TurnDetails();
  /** Errors that came between an input and the start of its turn. */
  #earlyErrors: TurnError[] = [];
  /** Text of earlier turns after the cursor, or while a wait watched: `collected` is without it. */
  earlierText: EarlierText | undefined;
  /** True if the start of this turn is among the events. */
  sawTurnStart = false;
  /** The event after which events count; undefined for a wait without a cursor. */
  readonly anchor: Anchor | undefined;
  #watch: Watch | undefined;
  /** The session's own thread, where its messages name it. */
  #primaryThread: string | undefined;
  /** Threads of subagents. */
  readonly #childThreads = new Set<string>();
  /** Names of agents by the thread that they work in. */
  readonly #agentNames = new Map<string, string>();
  /** Id of the newest event that can serve as a cursor. */
  lastEventId: string | undefined;
  /** US cents that the session has cost by now; undefined where not known, as in mid-turn. */
  costCents: number | undefined;
  /** The same when the newest turn began. */
  #costBefore: number | undefined;
  /** The kind of the newest event that shows the agent at work. */
  lastWork: TurnEvent["kind"] | undefined;

  /** @param afterId count only what comes after this event; without it, the newest turn counts */
  constructor(afterId?: string) {
    const ids = afterId === undefined ? [] : cursorIds(afterId);
    if (ids.length > 0) this.anchor = { ids, id: undefined, queued: false, unknown: false };
  }

  /** Id of the input that the newest turn is for; undefined where it is not known. */
  get inputId(): string | undefined {
    return this.#own?.id;
  }

  /** True while an input is not taken up: a queued one, or a cursor of a type that is not known. */
  get hasQueued(): boolean {
    return this.queued.size > 0 || (this.anchor?.queued === true && this.anchor.unknown);
  }

  /** True if the session rests with an input that nothing came of, as far as its events tell. */
  get hasUnansweredInput(): boolean {
    if (this.phase === "starting") return !this.interrupted;
    return [...this.queued.values()].some(({ mayHaveBegun }) => !mayHaveBegun);
  }

  /**
   * True if events alone do not prove the end that they tell of: some servers go idle while a tool
   * is at work, or between two turns. The session's own status then decides.
   */
  get isEndDoubtful(): boolean {
    return this.phase === "ended" &&
      (this.endedEarly || this.owed.length > 0 || this.isEvaluating);
  }

  /** True while an outcome is evaluated or to be revised, and no interrupt has ended that. */
  get isEvaluating(): boolean {
    return this.details.isEvaluating && !this.interrupted;
  }

  /** US cents that the newest turn has cost; undefined where either end is not known. */
  get turnCostCents(): number | undefined {
    const { costCents } = this;
    const before = this.#costBefore;
    if (costCents === undefined || before === undefined || before > costCents) return undefined;
    return this.phase === "starting" ? undefined : costCents - before;
  }

  /** Lists the tool calls of the turn that somebody must answer and nobody has. */
  unansweredAsks(): string[] {
    return [...this.asking.keys()].filter((id) =>
      this.toolsInFlight.has(id) && !this.answered.has(id)
    );
  }

  /** Lists the tool calls that the session is blocked on and nobody has answered. */
  openActions(): string[] {
    return this.blocking.filter((id) => !this.answered.has(id));
  }

  /** True if every tool call that the session is blocked on was answered. */
  get isAnswered(): boolean {
    return this.blocking.length > 0 && this.openActions().length === 0;
  }

  /**
   * Marks where a wait without a cursor came in: after the event with the key `from`. Such a wait
   * replies with the newest turn; what earlier turns said while it watched is told as `earlierText`.
   *
   * @param from undefined when nothing had happened by then
   * @param isThere true if that event was added already
   */
  watchFrom(from: string | undefined, isThere: boolean): void {
    const inTurn = isThere && this.phase !== "unknown" && this.phase !== "ended";
    this.#watch = { from, on: isThere, inTurn };
  }

  /** Takes in the next event of the session. */
  add(event: TurnEvent): void {
    const { anchor } = this;
    const watch = this.#watch;
    const key = this.queued.size > 0 ? this.#queuedKey(event) : undefined;
    if (anchor?.queued && !event.queued && (anchor.id === event.id || anchor.id === key)) {
      anchor.queued = false;
    }
    this.#apply(event, key);
    if (anchor && anchor.id === undefined && anchor.ids.includes(event.id ?? "")) {
      anchor.id = event.id;
      anchor.queued = event.queued;
      anchor.unknown = event.queued && event.kind === "other";
      if (this.phase === "ended" && !this.isEndDoubtful) this.details = new TurnDetails();
      if (this.phase === "blocked") this.details.dropAttachments();
    }
    if (watch && !watch.on && event.key === watch.from) this.watchFrom(watch.from, true);
    // One that was queued may stand in the list where it was sent, before words that have been told;
    // types that nobody knows may be on the stream only, as pieces of a message are.
    const isPlaced = !event.queued && key !== event.key && event.kind !== "other";
    if (isPlaced && event.id !== undefined) this.lastEventId = event.id;
  }

  #apply(event: TurnEvent, queuedKey: string | undefined): void {
    const isSubagents = event.threadId !== undefined && this.#isSubagents(event.threadId);
    // With a cursor nothing counts for the result until its event has come.
    const counts = !this.anchor || this.anchor.id !== undefined;
    switch (event.kind) {
      case "input":
        if (counts) this.#collectDecision(event);
        return this.#takeInput(event, queuedKey);
      case "interrupt":
        for (const input of this.queued.values()) input.interrupt = "sent";
        this.interrupting = event.queued || this.phase === "blocked";
        this.interrupted = true;
        return;
      case "running":
      case "rescheduled":
        if (isSubagents) return;
        this.#showsStatus = true;
        return this.#begin();
      case "idle":
        if (isSubagents) return;
        this.#showsStatus = true;
        return this.#end(event);
      case "terminated":
      case "deleted":
        if (isSubagents) return;
        this.phase = event.kind;
        this.queued.clear();
        return;
      case "text":
        this.#work(event.kind);
        if (isSubagents) return;
        if (counts) this.#collectText(event);
        return this.details.noteAttachments(event, { cursorBefore: this.lastEventId });
      case "thinking":
      case "model_start":
        return this.#work(event.kind);
      case "tool_use":
        this.#work(event.kind);
        this.#track(event.tool);
        if (this.isSubagent(event.tool.threadId)) this.details.noteSubagent(event.tool.threadId);
        if (counts) this.collected.tools.push(event.tool);
        return;
      case "tool_result": {
        this.lastWork = event.kind;
        // A result that does not say whose it is: calls are answered in their order.
        const [oldest = ""] = this.toolsInFlight.keys();
        const answered = event.toolUseId ?? oldest;
        const { name: tool = "unknown" } = this.toolsInFlight.get(answered) ?? {};
        this.details.noteAttachments(event, { tool, cursorBefore: this.lastEventId });
        this.toolsInFlight.delete(answered);
        if (counts) this.collected.results.push(event);
        return;
      }
      case "model_end":
        this.lastWork = event.kind;
        return;
      case "error":
        if (counts) this.#collectError(event.error);
        return;
      case "usage": {
        // Of another thread it is not the session's.
        const isSessions = event.threadId === undefined || event.threadId === this.#primaryThread;
        if (isSessions) this.costCents = event.costCents;
        else if (this.isSubagent(event.threadId)) {
          this.details.noteSubagent(event.threadId, { costCents: event.costCents });
        }
        return;
      }
      case "run_opened":
        this.openRuns.add(event.runId);
        return;
      case "run_closed":
        return this.#closeRun(event.runId);
      case "thread":
        return this.#takeThread(event);
      case "evaluation":
        this.lastWork = event.kind;
        // The evaluation costs, too.
        if (this.phase === "running") this.costCents = undefined;
        return this.details.noteEvaluation(event);
      case "other":
        return;
      default:
        event satisfies never;
    }
  }

  /** Returns the name of the subagent that works in a thread; undefined where it is not known. */
  subagentOf(threadId: string): string | undefined {
    return threadId === this.#primaryThread ? undefined : this.#agentNames.get(threadId);
  }

  /** True if a thread is a subagent's, as far as the events tell. */
  isSubagent(threadId: string | undefined): threadId is string {
    return threadId !== undefined && threadId !== this.#primaryThread &&
      (this.#isSubagents(threadId) || this.details.subagents.has(threadId));
  }

  #takeThread(event: EventOf<"thread">): void {
    const { threadId, change, status } = event;
    if (threadId === undefined) return;
    this.#nameAgent(threadId, event.agentName);
    // A thread that is created once the session is in use is a subagent's.
    if (change === "created" && this.phase !== "unknown") this.#childThreads.add(threadId);
    // A message that the session shows is between its own thread and a subagent's.
    const isMessage = change === "sent" || change === "received";
    const isSubagents = isMessage ? threadId !== this.#primaryThread : this.isSubagent(threadId);
    if (isSubagents) this.details.noteSubagent(threadId, status === undefined ? {} : { status });
  }

  #nameAgent(threadId: string, agentName: string | undefined): void {
    if (agentName === undefined) return;
    if (this.#agentNames.size >= MAX_AGENT_NAMES && !this.#agentNames.has(threadId)) return;
    this.#agentNames.set(threadId, agentName);
  }

  /** True if the thread is a subagent's: what that says goes to the agent, not to the user. */
  #isSubagents(threadId: string): boolean {
    return this.#primaryThread === undefined
      ? this.#childThreads.has(threadId)
      : threadId !== this.#primaryThread;
  }

  /** Finds the key under which an input is queued. */
  #queuedKey({ key, id, contentDigest, queued }: TurnEvent): string | undefined {
    if (this.queued.has(key)) return key;
    // A queued one with an id of its own is another of the same content; stamped it may have a new id.
    if (contentDigest === undefined || (queued && id !== undefined)) return undefined;
    return findSameContent(contentDigest, this.queued, ([, input]) => input.contentDigest)?.[0];
  }

  /** @param key under which the input was queued */
  #takeInput(event: EventOf<"input">, key: string | undefined): void {
    const { answers } = event;
    // A session that takes input again is not at its end, whatever its events say of earlier times.
    if (answers === undefined && this.phase === "terminated") this.phase = "ended";
    const known = key === undefined ? undefined : this.queued.get(key);
    if (event.queued) this.#queue(event);
    else if (key !== undefined) this.#unqueue(key);
    if (answers !== undefined) {
      this.answered.add(answers);
      // An answer is a call's result, unless it allows the call: that runs then.
      if (this.asking.get(answers)?.custom !== false) this.toolsInFlight.delete(answers);
    }
    this.stampsInputs ||= !event.queued && event.at !== undefined;
    this.#showsQueued ||= event.queued;
    this.#primaryThread = event.threadId ?? this.#primaryThread;
    const isAtRest = this.phase === "ended" || this.phase === "unknown";
    if (!isAtRest) this.#takeInTurn(event, known);
    else if (event.queued) this.#queueAtRest(known);
    else this.#takeAtRest(event, known, key);
  }

  #queue({ key, contentDigest }: TurnEvent): void {
    // Without status events nothing more will tell that its turn begins.
    const begun = this.phase === "running" && !this.#showsStatus;
    const saidBefore = begun ? this.collected.texts.at(-1) : undefined;
    this.queued.set(key, { mayHaveBegun: begun, begun, contentDigest, saidBefore });
  }

  #unqueue(key: string): void {
    this.queued.delete(key);
    // The running turn turns out to be this input's: it is no other's.
    if (this.phase !== "running") return;
    for (const input of this.queued.values()) input.mayHaveBegun = false;
  }

  /** Takes an input while a turn is on: it joins that, or queues behind it. */
  #takeInTurn(event: EventOf<"input">, known: QueuedInput | undefined): void {
    const { phase } = this;
    const isTakenUp = !event.queued && known !== undefined && !known.mayHaveBegun;
    if (isTakenUp && this.#showsStatus && phase === "running") return this.#owe(event, true);
    const isNew = !event.queued && !known && event.answers === undefined;
    if (isNew && (this.#showsStatus || phase === "starting")) {
      // It began this turn, or may have one of its own to come.
      const isOwn = phase === "running" ? !this.#own : this.#reporting;
      if (!isOwn) return this.#owe(event, false);
      this.#own = { id: event.id, at: event.at };
      return;
    }
    if (this.#showsStatus || (event.queued && (known || this.stampsInputs))) return;
    // Without status events, inputs separate the turns.
    if (known?.begun) {
      this.renewals++;
      return this.#cutBefore(known.saidBefore);
    }
    this.owed = [];
    this.#renewForInput();
  }

  /** Queues an input behind the end of a turn. */
  #queueAtRest(known: QueuedInput | undefined): void {
    // After exhausted retries it may be one that was dropped with the turn before.
    const begins = this.phase === "ended" && this.stop?.type !== "retries_exhausted";
    if (begins && !known) this.#renewForInput();
  }

  /** Takes an input up while no turn is on: it starts one, unless it was answered already. */
  #takeAtRest(event: TurnEvent, known: QueuedInput | undefined, key: string | undefined): void {
    if (this.#isOfTurnWithoutInput(event)) return;
    const { id, at } = event;
    const { idleAt } = this;
    const sinceIdleMs = at === undefined || idleAt === undefined ? undefined : at - idleAt;
    if (known) {
      // Some servers stamp a message only when its turn settles, after the idle event.
      const settlingMs = known.mayHaveBegun ? SETTLING_MS : 0;
      if (sinceIdleMs === undefined ? known.mayHaveBegun : sinceIdleMs < settlingMs) {
        this.#stampsAtSettle ||= sinceIdleMs !== undefined && sinceIdleMs >= 0;
        return;
      }
      // Text that came while the cursor's own message was queued answers others.
      const anchorId = this.anchor?.id;
      if (anchorId !== undefined && (anchorId === id || anchorId === key)) this.#setAside();
      return this.#start(event);
    }
    const isLong = sinceIdleMs !== undefined && sinceIdleMs > OWED_MS;
    // The oldest comes first.
    const [own = event, ...others] = [...(isLong ? [] : this.owed), event];
    this.owed = others.map(({ id, at }) => ({ id, at }));
    this.#renewForInput();
    this.#start(own);
  }

  /** True if a list has the input behind the turn that was for it: it was taken up before the end. */
  #isOfTurnWithoutInput({ at }: TurnEvent): boolean {
    const { idleAt } = this;
    const isKnown = this.#own?.id !== undefined || this.#own?.at !== undefined;
    return this.phase === "ended" && !isKnown && at !== undefined && idleAt !== undefined &&
      at <= idleAt;
  }

  /** Waits for the turn of an input that was taken up. */
  #start({ id, at }: OwedInput): void {
    this.phase = "starting";
    this.#reporting = false;
    this.interrupted = false;
    this.#own = { id, at };
  }

  #owe({ id, at }: TurnEvent, taken: boolean): void {
    this.owed.push({ id, at, taken });
    if (this.owed.length > MAX_OWED) this.owed.shift();
  }

  /** Begins a new turn for an input that comes now: errors from before it are not its. */
  #renewForInput(): void {
    this.#earlyErrors = [];
    this.#renew();
  }

  /** Begins a new turn: what the one before said no longer counts, unless a cursor says it does. */
  #renew(): void {
    const watch = this.#watch;
    const sawTurn = watch?.inTurn ?? false;
    this.renewals++;
    this.#costBefore = this.costCents;
    this.sawTurnStart ||= this.phase === "ended";
    if (watch?.on) watch.inTurn = true;
    // A cursor that is a queued message: the turns before its own answer others.
    if (this.anchor ? this.#isAnchorToCome() : sawTurn) this.#setAside();
    else if (!this.anchor) this.collected = collection(this.#earlyErrors);
    if (this.anchor?.id === undefined) this.details = new TurnDetails();
  }

  /** True if the cursor is an input whose turn has not begun, as far as is known. */
  #isAnchorToCome(): boolean {
    const { anchor, owed } = this;
    return anchor?.id !== undefined && (anchor.queued || owed.some(({ id }) => id === anchor.id));
  }

  /** Drops what was collected: `earlierText` counts it. */
  #setAside(): void {
    const { earlierText: before, collected: { textLength, texts } } = this;
    this.collected = collection(this.#earlyErrors);
    this.details = new TurnDetails();
    if (textLength === 0) return;
    const cursorBefore = (before ?? texts[0])?.cursorBefore;
    this.earlierText = {
      characters: textLength + (before?.characters ?? 0),
      ...(cursorBefore !== undefined && { cursorBefore }),
    };
  }

  /** Drops what was said up to a text: a turn has begun since then, of which only its input tells. */
  #cutBefore(last: TextPart | undefined): void {
    const { texts } = this.collected;
    if (this.anchor || !last) return;
    texts.splice(0, texts.lastIndexOf(last) + 1);
    this.collected.textLength = texts.reduce((length, part) => length + lengthOf(part), 0);
  }

  /** Takes an event of the agent at work: inputs that were taken up in its turn are part of that. */
  #work(kind: TurnEvent["kind"]): void {
    this.lastWork = kind;
    if (this.phase === "running" && this.owed.some(({ taken }) => taken)) {
      this.owed = this.owed.filter(({ taken }) => !taken);
    }
    this.#begin();
    this.costCents = undefined;
  }

  /** Begins a turn, or goes on with one that was blocked or not over yet. */
  #begin(): void {
    const { phase } = this;
    if (phase === "running" || phase === "terminated" || phase === "deleted") return;
    const resumes = phase === "blocked";
    const isTaken = resumes || (phase === "starting" && !this.#reporting);
    // The agent's report on workflow runs goes on from the turn that started them.
    const goesOn = resumes ||
      (!isTaken && (this.#reporting || this.openRuns.size > 0 || this.#isCutShort()));
    const hadQueued = this.queued.size > 0;
    if (!goesOn) this.#renew();
    if (!isTaken && !goesOn && this.owed.length > 0) {
      this.#own = this.owed.shift();
    } else if (!isTaken) {
      this.#beginQueued();
      // Of a turn that begins before what is known its input may stand there too.
      this.#own = goesOn || phase === "unknown" || hadQueued ? {} : undefined;
    }
    this.phase = "running";
    this.costCents = undefined;
    this.#reporting = false;
    this.queuedAtIdle = false;
    this.interrupted &&= resumes;
    this.endedEarly = false;
    this.#earlyErrors = [];
    this.blocking = [];
    if (!resumes) this.asking.clear();
  }

  /** True if an idle event came in mid-turn: what follows without another input goes on from it. */
  #isCutShort(): boolean {
    const { phase, endedEarly, owed, queued } = this;
    return phase === "ended" && endedEarly && owed.length === 0 && queued.size === 0;
  }

  /**
   * Begins a turn that no input is known to have begun: queued ones may have, the oldest most
   * likely. Those whose turns came and went before are none of this one's, although they were not
   * stamped.
   */
  #beginQueued(): void {
    for (const [key, { begun, interrupt }] of this.queued) {
      if (begun && (interrupt === "over" || !this.stampsInputs)) this.queued.delete(key);
    }
    const [oldest] = [...this.queued].find(([, input]) => !input.begun) ?? [];
    for (const [key, input] of this.queued) {
      input.mayHaveBegun = true;
      input.begun ||= key === oldest;
    }
    const { anchor } = this;
    if (anchor?.id !== undefined && anchor.id === oldest && !this.stampsInputs) {
      anchor.queued = false;
    }
  }

  /** Ends the turn, or blocks it: an idle event tells both. */
  #end(event: EventOf<"idle">): void {
    if (this.phase === "terminated" || this.phase === "deleted") return;
    if (this.#isOfTurnBefore(event)) return;
    const { stop, eventIds, at } = event;
    // No reason, or no calls named with it: those that ask for an answer and have none are meant.
    const isToldWhy = eventIds.length > 0 ||
      (stop !== undefined && stop.type !== "requires_action");
    const asks = isToldWhy || this.interrupted ? [] : this.unansweredAsks();
    const isBlocked = stop?.type === "requires_action" || asks.length > 0;
    // A turn that ran out of retries takes the queued input with it.
    const isDropped = stop?.type === "retries_exhausted";
    if (isDropped) this.queued.clear();
    this.stop = stop;
    this.idleAt = at;
    this.queuedAtIdle = this.queued.size > 0;
    this.interrupting = false;
    this.#earlyErrors = [];
    this.phase = isBlocked ? "blocked" : "ended";
    this.blocking = isBlocked && asks.length === 0 ? eventIds : asks;
    this.#askFor(this.blocking);
    this.endedEarly = !isBlocked && this.#isEarly(event);
    if (isBlocked) return;
    this.#settleOwed(isDropped);
    for (const input of this.queued.values()) {
      if (input.interrupt === "sent") input.interrupt = "over";
    }
    this.toolsInFlight.clear();
    this.#startTakenUp();
  }

  /**
   * True if an idle event tells of the turn before: none has begun since an input was taken up, or
   * gone on since a call was answered. Some servers say on every connection how the session stands,
   * or say the same again.
   */
  #isOfTurnBefore({ stop, eventIds }: EventOf<"idle">): boolean {
    if (this.interrupted || eventIds.length > 0) return false;
    if (this.phase === "blocked") return this.isAnswered && stop === undefined;
    if (this.phase !== "starting" || this.#reporting || this.#earlyErrors.length > 0) return false;
    return stop === undefined || stop.type === "end_turn" || stop.type === this.stop?.type;
  }

  /**
   * True if an idle event may come in mid-turn: it names a thread that may be another's; it has no
   * id where others have, so that it may tell of an earlier moment; or a tool is at work.
   */
  #isEarly({ id, threadId }: TurnEvent): boolean {
    if (threadId !== undefined && threadId !== this.#primaryThread) return true;
    if (id === undefined && this.lastEventId !== undefined) return true;
    return this.isEvaluating || (!this.interrupted && this.toolsInFlight.size > 0);
  }

  /** Drops what an idle event shows to be owed no more, and learns when this server stamps. */
  #settleOwed(isDropped: boolean): void {
    const { idleAt } = this;
    const own = this.#own;
    this.#stampsAtSettle ||= own?.at !== undefined && idleAt !== undefined && own.at >= idleAt &&
      own.at < idleAt + SETTLING_MS;
    const settledAt = idleAt === undefined ? Infinity : idleAt;
    const end = this.#stampsAtSettle ? settledAt + SETTLING_MS : settledAt;
    const isSettled = isDropped || this.#stampsAtSettle;
    this.owed = this.owed.filter(({ at = -Infinity, taken }) =>
      at > end || (!isSettled && (taken || !this.#showsQueued))
    );
  }

  /** Waits for the turn of an input that was taken up after the idle event, if there is one. */
  #startTakenUp(): void {
    const idleAt = this.idleAt ?? Infinity;
    const index = this.owed.findIndex(({ at = -Infinity }) => at > idleAt);
    const input = this.owed[index];
    if (!input) return;
    if (this.#isAnchorToCome()) this.#setAside();
    this.owed.splice(index, 1);
    this.sawTurnStart = true;
    this.#start(input);
  }

  /** Adds the calls that block the session to those that ask, whether or not they said so. */
  #askFor(blocking: readonly string[]): void {
    for (const id of blocking) {
      const tool = this.toolsInFlight.get(id);
      if (tool && !this.asking.has(id)) this.asking.set(id, tool);
    }
  }

  /** Closes a workflow run. After the last one the agent gets one more turn to report on it. */
  #closeRun(runId: string): void {
    const wasOpen = this.openRuns.delete(runId);
    if (!wasOpen || this.openRuns.size > 0 || this.phase !== "ended") return;
    this.phase = "starting";
    this.#reporting = true;
  }

  #collectText({ text, leftOut }: EventOf<"text">): void {
    if (text === "" && leftOut === undefined) return;
    const part = { text, leftOut, cursorBefore: this.lastEventId };
    this.collected.texts.push(part);
    this.collected.textLength += lengthOf(part);
  }

  /** Collects a decision; an answer is final, so that only the first one counts. */
  #collectDecision({ answers, decision }: EventOf<"input">): void {
    if (answers === undefined || this.answered.has(answers)) return;
    const { name, custom } = this.asking.get(answers) ?? this.toolsInFlight.get(answers) ?? {};
    const result = decision ?? (custom ? "answer" : undefined);
    if (result === undefined) return;
    this.collected.decisions.push({
      eventId: answers,
      ...(name !== undefined && { name }),
      result,
    });
  }

  #collectError(error: TurnError): void {
    this.collected.errors.push(error);
    const isOfTurn = this.phase === "running" || this.phase === "blocked";
    if (isOfTurn) this.#earlyErrors = [];
    else this.#earlyErrors.push(error);
  }

  /** Keeps a call until its result comes. */
  #track(tool: ToolUse): void {
    // Nothing can answer a call without an id by name.
    if (tool.id === "") return;
    this.toolsInFlight.set(tool.id, tool);
    const [oldest] = this.toolsInFlight.keys();
    if (this.toolsInFlight.size > MAX_IN_FLIGHT && oldest !== undefined) {
      this.toolsInFlight.delete(oldest);
    }
    if (tool.asks && !this.asking.has(tool.id)) this.asking.set(tool.id, tool);
  }
}

/** Begins a collection, with the errors that belong to it already. */
function collection(errors: readonly TurnError[] = []): Collected {
  return { texts: [], textLength: 0, tools: [], results: [], errors: [...errors], decisions: [] };
}

function lengthOf({ text, leftOut = 0 }: TextPart): number {
  return text.length + leftOut;
}

/**
 * Reads a {@linkcode Turn} from an event history that grows, and again from its beginning when that
 * was rearranged.
 */
export class TurnReader {
  readonly #history: EventHistory;
  readonly #afterId: string | undefined;
  readonly #firstEpoch: number;
  /** The turn by the events read so far; another object after each rearrangement. */
  turn: Turn;
  /** Entries of the history that the turn has taken in, and in which epoch. */
  #count = 0;
  #epoch: number;
  #watch: { readonly from: string | undefined } | undefined;

  /** @param afterId as for {@linkcode Turn} */
  constructor(history: EventHistory, afterId?: string) {
    this.#history = history;
    this.#afterId = afterId;
    this.turn = new Turn(afterId);
    this.#epoch = this.#firstEpoch = history.epoch;
  }

  /** From now on what turns say before the newest is told: see `Turn.watchFrom`. */
  watch(): void {
    if (this.#watch || this.turn.anchor) return;
    const from = this.#history.entries.findLast((event) => !event.queued)?.key;
    this.#watch = { from };
    this.turn.watchFrom(from, true);
  }

  /** Reads on. @returns the events that were new, none when the history was rearranged */
  update(): readonly TurnEvent[] {
    const { entries, epoch } = this.#history;
    const isRearranged = this.#epoch !== epoch;
    if (isRearranged) {
      this.#epoch = epoch;
      this.#count = 0;
      this.turn = new Turn(this.#afterId);
      if (this.#watch) this.turn.watchFrom(this.#watch.from, this.#watch.from === undefined);
    }
    const fresh = entries.slice(this.#count);
    for (const event of fresh) {
      this.turn.add(event);
      const isAnchor = event.id !== undefined && event.id === this.turn.anchor?.id;
      if (isAnchor && event.kind === "text") this.#addGrowth(event);
    }
    this.#count = entries.length;
    return isRearranged ? [] : fresh;
  }

  /** Adds what the text that the cursor names has grown by meanwhile: it comes after the cursor. */
  #addGrowth(event: EventOf<"text">): void {
    const from = this.#history.lengthAt(this.#firstEpoch, event.key);
    if (from === undefined) return;
    const text = event.text.slice(from);
    const key = `${event.key}~${from}`;
    this.turn.add({ ...event, id: undefined, key, text, attachments: undefined });
  }
}
