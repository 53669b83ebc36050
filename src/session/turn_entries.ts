/**
 * Tells a session's newest turn as a list of what happened in it, for people who watch.
 *
 * @module
 */

import { digest } from "../api/read.ts";
import type { EventOf, ToolUse, TurnEvent } from "./event_types.ts";
import { shownName } from "./pending_actions.ts";
import { type Phase, Turn } from "./turn.ts";
import type { TimelineEntry } from "./watched_session.ts";

/** Entries that are kept: the newest. */
export const MAX_TURN_ENTRIES = 200;
/** Inputs of the turn whose beginnings are kept: the newest. */
const MAX_INPUTS = 100;
/** Longest key that is shown as it is. */
const MAX_KEY_CHARS = 128;

/** An entry, and what is known of the call that it tells of. */
interface Item {
  entry: TimelineEntry;
  readonly call?: { readonly tool: ToolUse; result?: "done" | "failed" };
}

/** How the turn stood before an event that begins another. */
interface Before extends Pick<Turn, "phase" | "lastEventId"> {
  /** True if the turn counts what came before for the one before. */
  readonly isRenewed: boolean;
}

/** The state of the session, as far as it decides on the state of calls. */
export interface CallsState {
  /** True if no call can be at work any more. */
  readonly isAtRest: boolean;
  /** Ids of the calls that wait for an answer. */
  readonly waiting: readonly string[];
}

/** See the module. Takes events oldest first, as {@linkcode Turn} does, which it reads beside. */
export class TurnEntries {
  readonly turn = new Turn();
  /** Key of the newest turn; undefined before there is one. */
  key: string | undefined;
  /** The beginning of the message that it answers. */
  task: string | undefined;
  /** The time of its first event, in milliseconds; undefined where that is not known. */
  startedAt: number | undefined;
  /** The time at which it ended; undefined while it goes on, or where no event tells. */
  endedAt: number | undefined;
  /** True if its first event is among those that were added. */
  knowsStart = false;
  /** Id of the newest event that can serve as a cursor when the turn began. */
  #lastIdBefore: string | undefined;
  /** Entries of the turn that were let go: the oldest. */
  first = 0;
  #items: Item[] = [];
  /** Places of the items by the key of their entry, counted from the first one of the turn. */
  readonly #places = new Map<string, number>();
  /** Beginnings of inputs by their key. */
  readonly #beginnings = new Map<string, string>();
  /** True while an input waits for its turn, of which nothing has come yet. */
  #isAwaited = false;
  /** True while the input that the turn began with is not known to be taken up. */
  #isQueued = false;
  /** Content of that input, by which it is known again under another key. */
  #ownDigest: string | undefined;
  /** Entries when the session came to rest: errors after that may belong to the next turn. */
  #atEnd = 0;

  /** The newest entries, oldest first; the state of calls is that of the last {@linkcode settle}. */
  get entries(): readonly TimelineEntry[] {
    return this.#items.map(({ entry }) => entry);
  }

  /** Id of the event of the turn that can serve as a cursor, the newest; undefined without any. */
  get lastEventId(): string | undefined {
    const { lastEventId } = this.turn;
    return lastEventId === this.#lastIdBefore ? undefined : lastEventId;
  }

  /** Takes in the next event of the session. */
  add(event: TurnEvent): void {
    const { turn } = this;
    const { phase, renewals, lastEventId } = turn;
    const lastText = turn.collected.texts.at(-1);
    const [oldestCall = ""] = turn.toolsInFlight.keys();
    turn.add(event);
    const isInput = event.kind === "input" && event.answers === undefined;
    const wasAtRest = phase === "ended" || phase === "unknown";
    const isAwaited = isInput && wasAtRest &&
      (turn.phase === "starting" || this.key === undefined);
    if (isInput) this.#keepBeginning(event);
    const isRenewed = turn.renewals !== renewals;
    if (isRenewed || isAwaited) this.#beginTurn(event, { phase, lastEventId, isRenewed });
    if (!event.queued) this.startedAt ??= event.at;
    if (turn.phase !== phase) this.#phaseChanged(event);
    switch (event.kind) {
      case "input":
        return isInput ? this.#addInput(event, wasAtRest) : this.#addAnswer(event);
      case "interrupt":
        if (!wasAtRest || this.#isAwaited) this.#push(event, { kind: "interrupt" });
        return;
      case "text": {
        const isReply = turn.collected.texts.at(-1) !== lastText;
        return this.#addText(event, isReply);
      }
      case "tool_use":
        return this.#addCall(event, event.tool);
      case "tool_result":
        return this.#addResult(event, oldestCall);
      case "rescheduled":
        if (!turn.isSubagent(event.threadId)) this.#push(event, { kind: "retry" });
        return;
      case "error":
        return this.#addError(event);
      case "thread":
        return this.#addThread(event);
      case "evaluation":
        return this.#addEvaluation(event);
      case "idle":
        this.#isAwaited &&= turn.phase === "starting";
        return;
      case "thinking":
      case "model_start":
      case "model_end":
      case "running":
      case "terminated":
      case "deleted":
      case "usage":
      case "run_opened":
      case "run_closed":
      case "other":
        return;
      default:
        event satisfies never;
    }
  }

  /** Works out the states of the calls. */
  settle({ isAtRest, waiting }: CallsState): void {
    const open = new Set(waiting);
    for (const item of this.#items) {
      const { entry, call } = item;
      if (!call || entry.kind !== "tool") continue;
      const state = call.result ??
        (entry.decision === "deny"
          ? "failed"
          : open.has(call.tool.id) || (open.size > 0 && call.tool.asks && call.tool.id === "")
          ? "waiting"
          : isAtRest
          ? "done"
          : call.tool.custom
          ? "waiting"
          : "running");
      if (state !== entry.state) item.entry = { ...entry, state };
    }
  }

  #keepBeginning({ key, beginning }: EventOf<"input">): void {
    if (beginning === undefined || this.#beginnings.has(key)) return;
    this.#beginnings.set(key, beginning);
    const [oldest] = this.#beginnings.keys();
    if (this.#beginnings.size > MAX_INPUTS && oldest !== undefined) this.#beginnings.delete(oldest);
  }

  /**
   * Begins a turn with its input, or with the agent's work where no input is known to have begun it.
   *
   * @param before how the turn stood before the event, and whether that renewed it
   */
  #beginTurn(event: TurnEvent, before: Before): void {
    const { turn } = this;
    const isInput = event.kind === "input" && event.answers === undefined;
    // Its own input is known to be taken up only now.
    if (isInput && this.#isOwn(event)) return;
    if (this.#isAwaited) {
      // The turn of the input that came before begins, or another input joins that.
      this.#isAwaited = isInput;
      return;
    }
    const key = isInput ? event.key : turn.inputId ?? this.#begunInput() ?? event.key;
    this.key = shortKey(key);
    const kept = this.#keptFor(event, isInput && before.isRenewed, before.phase);
    this.#lastIdBefore = before.lastEventId;
    this.task = this.#beginnings.get(key);
    this.startedAt = undefined;
    this.endedAt = undefined;
    this.knowsStart = isInput || before.phase !== "unknown";
    // Without status events a turn may be on before its input is known to be taken up.
    this.#isAwaited = isInput && turn.phase !== "running";
    this.#isQueued = isInput && event.queued;
    this.#ownDigest = isInput ? event.contentDigest : undefined;
    this.first = 0;
    this.#atEnd = 0;
    this.#items = kept;
    this.#places.clear();
    kept.forEach(({ entry }, place) => this.#places.set(entry.key, place));
  }

  /** Finds the queued input that a turn is most likely for. */
  #begunInput(): string | undefined {
    return [...this.turn.queued].find(([, { begun }]) => begun)?.[0];
  }

  /** Returns the entries that belong to the turn that begins, although they came before. */
  #keptFor(event: TurnEvent, dropsErrors: boolean, before: Phase): Item[] {
    // A turn that was on before its input was known to be taken up.
    const sent = before === "running" ? this.#places.get(shortKey(event.key)) : undefined;
    if (sent !== undefined) return this.#items.slice(Math.max(0, sent + 1 - this.first));
    const queued = new Set([...this.turn.queued.keys()].map(shortKey));
    return this.#items.filter(({ entry: { kind, key } }, index) =>
      kind === "input"
        ? queued.has(key) && key !== this.key
        : kind === "error" && !dropsErrors && this.first + index >= this.#atEnd
    );
  }

  #phaseChanged({ at }: TurnEvent): void {
    const { phase } = this.turn;
    const isOver = phase === "ended" || phase === "terminated" || phase === "deleted";
    this.endedAt = isOver ? at : undefined;
    if (isOver) this.#atEnd = this.first + this.#items.length;
  }

  #addInput(event: EventOf<"input">, wasAtRest: boolean): void {
    const { id, beginning } = event;
    const isFirst = this.task === undefined && id !== undefined && id === this.turn.inputId;
    const isOwn = isFirst || this.#isOwn(event);
    // One that a list has behind its turn began it, if no other is known to have.
    if (isOwn || (wasAtRest && !this.#isAwaited)) {
      this.#isQueued &&= event.queued;
      this.task ??= beginning;
      return;
    }
    this.#push(event, { kind: "input" });
  }

  /** True for the input that the turn began with, whether it comes as queued or as taken up. */
  #isOwn({ key, queued, contentDigest }: EventOf<"input">): boolean {
    // One without an id has another key when it is taken up.
    return shortKey(key) === this.key ||
      (this.#isQueued && !queued && contentDigest !== undefined &&
        contentDigest === this.#ownDigest);
  }

  #addAnswer({ answers = "", decision }: EventOf<"input">): void {
    const item = this.#itemOf(answers);
    if (!item?.call || item.entry.kind !== "tool") return;
    if (item.call.tool.custom) item.call.result ??= "done";
    // An answer is final.
    if (decision !== undefined && item.entry.decision === undefined) {
      item.entry = { ...item.entry, decision };
    }
  }

  /** @param isReply true if the turn takes the text for the agent's words to the user */
  #addText(event: EventOf<"text">, isReply: boolean): void {
    const { text, leftOut, threadId } = event;
    if (text === "" && leftOut === undefined) return;
    this.#push(event, {
      kind: "message",
      text,
      ...(leftOut !== undefined && { left_out: leftOut }),
      ...(!isReply && { subagent: this.#subagentName(threadId) }),
    });
  }

  #addCall(event: TurnEvent, tool: ToolUse): void {
    const { name = "a tool without a name", server, threadId } = tool;
    this.#push(event, {
      kind: "tool",
      name: shownName(name),
      ...(server !== undefined && { server: shownName(server) }),
      state: "running",
      ...(tool.custom && { is_custom: true as const }),
      ...(this.turn.isSubagent(threadId) && { subagent: this.#subagentName(threadId) }),
    }, { tool });
  }

  /** @param oldestCall id of the call that a result without one belongs to */
  #addResult({ toolUseId = "", failed }: EventOf<"tool_result">, oldestCall: string): void {
    const item = this.#itemOf(toolUseId || oldestCall) ??
      // Calls without an id are answered in their order as well.
      (toolUseId === "" ? this.#items.find(isOpenWithoutId) : undefined);
    if (item?.call) item.call.result ??= failed ? "failed" : "done";
  }

  #addError(event: EventOf<"error">): void {
    const { type, message, retry_status } = event.error;
    this.#push(event, {
      kind: "error",
      type: shownName(type),
      ...(message !== undefined && { message }),
      ...(retry_status !== undefined && { retry_status: shownName(retry_status) }),
    });
  }

  /** Tells of a subagent in one entry, whatever becomes of it in the turn. */
  #addThread(event: EventOf<"thread">): void {
    const { threadId, status, at } = event;
    if (!this.turn.isSubagent(threadId)) return;
    const key = shortKey(`thread ${threadId}`);
    const item = this.#itemOf(key);
    const name = this.#subagentName(threadId);
    if (!item) {
      const state = status === undefined ? {} : { state: shownName(status) };
      this.#push({ ...event, key, at }, { kind: "subagent", name, ...state });
    } else if (item.entry.kind === "subagent") {
      const state = status === undefined ? item.entry.state : shownName(status);
      item.entry = { ...item.entry, name, ...(state !== undefined && { state }) };
    }
  }

  #addEvaluation(event: EventOf<"evaluation">): void {
    if (event.stage !== "end") return;
    const { result = "unknown", iteration, explanation } = event.evaluation;
    this.#push(event, {
      kind: "evaluation",
      result: shownName(result),
      ...(iteration !== undefined && { iteration }),
      ...(explanation !== undefined && { explanation }),
    });
  }

  #subagentName(threadId: string | undefined): string {
    if (threadId === undefined) return "unknown";
    return shownName(this.turn.subagentOf(threadId) ?? threadId);
  }

  #itemOf(key: string): Item | undefined {
    const place = this.#places.get(shortKey(key));
    return place === undefined ? undefined : this.#items[place - this.first];
  }

  /** Adds an entry at the end, and lets the oldest go where there are too many. */
  #push(event: Pick<TurnEvent, "key" | "at">, told: Told, call?: Item["call"]): void {
    const key = shortKey(event.key);
    // One that was queued comes again when it is taken up.
    if (this.#places.has(key)) return;
    const at = event.at === undefined ? {} : { at: new Date(event.at).toISOString() };
    this.#places.set(key, this.first + this.#items.length);
    this.#items.push({ entry: { key, ...at, ...told }, ...(call && { call }) });
    if (this.#items.length <= MAX_TURN_ENTRIES) return;
    const oldest = this.#items.shift();
    if (oldest) this.#places.delete(oldest.entry.key);
    this.first++;
  }
}

/** An entry without what its event tells by itself. */
type Told = TimelineEntry extends infer Entry
  ? Entry extends TimelineEntry ? Omit<Entry, "key" | "at"> : never
  : never;

function isOpenWithoutId({ call }: Item): boolean {
  return call !== undefined && call.tool.id === "" && call.result === undefined;
}

/** Returns a key of bounded length: servers choose the ids, and the types in keys without one. */
function shortKey(key: string): string {
  return key.length <= MAX_KEY_CHARS ? key : `~${digest(key)}`;
}
