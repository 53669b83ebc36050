/**
 * The events of one session as far as they are known, in the API's order, each once.
 *
 * @module
 */

import { digest } from "../api/read.ts";
import type { TurnEvent } from "./event_types.ts";
import { attachmentChars } from "./returned_attachments.ts";
import { findSameContent } from "./same_event.ts";

/**
 * Characters of texts and inputs that are kept, and to which it comes down when it has more: no
 * reply shows more than the newest 30,000, and of the rest only the number counts.
 */
const MAX_CHARS = 4 * 1024 * 1024;
const CHARS_LEFT = MAX_CHARS / 2;

interface Seen {
  readonly queued: boolean;
  /** Of the fullest version. */
  readonly fullness: number;
}

/**
 * Merges list and stream by id. An event that was queued (`processed_at` null) comes again stamped,
 * under the same id: both are kept, each at its place, since the second tells something new. Of what
 * else comes again the fuller version is kept, where the first one stood.
 */
export class EventHistory {
  #entries: TurnEvent[] = [];
  readonly #seen = new Map<string, Seen>();
  #epoch = 0;
  #chars = 0;
  /** Events of the stream that no list has shown, by what they say, oldest first. */
  readonly #unlisted = new Map<string, Identity[]>();
  /** Events that the latest list brought and the stream did not, by what they say. */
  readonly #unstreamed = new Map<string, Identity[]>();
  #idsDiffer = false;
  /** Lengths of texts before they came again with more, and the epoch in which they did. */
  readonly #growths = new Map<string, { readonly epoch: number; readonly from: number }[]>();
  #startsAt: number | undefined;
  #endsAt: number | undefined;

  /** In the API's order, oldest first. */
  get entries(): readonly TurnEvent[] {
    return this.#entries;
  }

  /** Characters of texts and inputs, those that were let go not counted. */
  get chars(): number {
    return this.#chars;
  }

  /** Grows whenever known entries move or change: whoever reads on must then start over. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The latest `processed_at`, in milliseconds since the Unix epoch. */
  get endsAt(): number | undefined {
    return this.#endsAt;
  }

  /**
   * True while the list has not shown events that came on the stream without an id, or with another
   * than lists give: they cannot be cursors yet.
   */
  get lacksListIds(): boolean {
    return [...this.#unlisted.values()].flat().some(({ id }) =>
      id === undefined || this.#idsDiffer
    );
  }

  /** Returns how long a text was at an epoch; undefined where it has not grown since. */
  lengthAt(epoch: number, key: string): number | undefined {
    return this.#growths.get(key)?.find((growth) => growth.epoch > epoch)?.from;
  }

  has(key: string): boolean {
    return this.#seen.has(key);
  }

  /** Returns true for an event that is known as one that happened. */
  hasHappened({ key, queued }: TurnEvent): boolean {
    return !queued && this.#seen.get(key)?.queued === false;
  }

  /** Returns true for an event from before all that is known. */
  isBefore({ at }: TurnEvent): boolean {
    return at !== undefined && this.#startsAt !== undefined && at < this.#startsAt;
  }

  /** Adds an event at the end; false when it says nothing new. */
  add(event: TurnEvent): boolean {
    if (!this.#isNew(event)) return this.#takeFuller(event);
    this.#append(event);
    return true;
  }

  /**
   * Adds an event of the stream at the end; false when it says nothing new. Some servers give the
   * events of the stream no ids, or others than in lists: then they are known by what they say.
   */
  addLive(event: TurnEvent): boolean {
    if (!this.#isNew(event)) return this.#takeFuller(event);
    const saying = sayingOf(event);
    if (
      saying !== undefined && takeMatch(this.#unstreamed, saying, (other) => isSame(event, other))
    ) {
      this.#seen.set(event.key, { queued: event.queued, fullness: fullnessOf(event) });
      return false;
    }
    if (saying !== undefined) push(this.#unlisted, saying, event);
    this.#append(event);
    return true;
  }

  /**
   * Merges a stretch of the list, oldest first. The list knows the order: what was missed goes where
   * the list has it. Queued events at either end of it go to the end: where a list puts them is not
   * specified, and what is queued has not happened yet. One between others stands where it was sent,
   * on a server that stamps late or never.
   *
   * @returns true when anything was new
   */
  merge(listed: readonly TurnEvent[]): boolean {
    this.#takeListed(listed);
    const { placed, others } = split(listed);
    this.#takeOutMisplaced(placed);
    const changed = this.#weave(withoutRepeats(placed));
    const added = others.map((event) => this.add(event));
    const fuller = placed.map((event) => this.#takeFuller(event));
    this.#lighten();
    return changed || added.includes(true) || fuller.includes(true);
  }

  /** Puts older events, oldest first, before the known ones. */
  prepend(older: readonly TurnEvent[]): void {
    const { placed, others } = split(older, this.#entries);
    const fresh = withoutRepeats(placed).filter((event) => this.#isNew(event));
    fresh.forEach((event) => this.#count(event));
    this.#entries = [...fresh, ...this.#entries];
    this.#epoch++;
    for (const event of others) this.add(event);
    for (const event of older) this.#takeFuller(event);
    this.#lighten();
  }

  /** Adds queued events that a list sorts before the session's first ones, oldest first. */
  addStrays(oldest: readonly TurnEvent[]): void {
    for (const event of oldest.slice(0, countStrays(oldest))) this.add(event);
  }

  #isNew({ key, queued }: TurnEvent): boolean {
    const seen = this.#seen.get(key);
    return !seen || (seen.queued && !queued);
  }

  /** Adds an event that is new at the end. */
  #append(event: TurnEvent): void {
    this.#count(event);
    this.#entries.push(event);
    this.#lighten();
  }

  /** Counts an event that is new as known. */
  #count(event: TurnEvent): void {
    const { key, at, queued } = event;
    if (at !== undefined) {
      this.#startsAt = Math.min(at, this.#startsAt ?? at);
      this.#endsAt = Math.max(at, this.#endsAt ?? at);
    }
    const fullness = Math.max(fullnessOf(event), this.#seen.get(key)?.fullness ?? 0);
    this.#seen.set(key, { queued, fullness });
    this.#chars += charsOf(event);
  }

  /** Puts a fuller version of a known event in the place of the one there is. */
  #takeFuller(event: TurnEvent): boolean {
    const seen = this.#seen.get(event.key);
    const fullness = fullnessOf(event);
    if (!seen || seen.queued !== event.queued || fullness <= seen.fullness) return false;
    const index = this.#entries.findLastIndex(({ key, queued }) =>
      key === event.key && queued === event.queued
    );
    const known = this.#entries[index];
    if (!known || known.kind !== event.kind) return false;
    this.#entries[index] = event;
    this.#seen.set(event.key, { queued: seen.queued, fullness });
    this.#chars += charsOf(event) - charsOf(known);
    this.#epoch++;
    if (event.kind === "text" && known.kind === "text" && event.text.startsWith(known.text)) {
      const growths = this.#growths.get(event.key) ?? [];
      if (growths.length < MAX_GROWTHS) {
        growths.push({ epoch: this.#epoch, from: known.text.length });
      }
      this.#growths.set(event.key, growths);
    }
    return true;
  }

  /** Lets go of the oldest texts and inputs where there are too many. */
  #lighten(): void {
    if (this.#chars <= MAX_CHARS) return;
    this.#entries = this.#entries.map((event) => {
      const chars = this.#chars > CHARS_LEFT ? charsOf(event) : 0;
      this.#chars -= chars;
      return chars > 0 ? lightened(event) : event;
    });
    this.#epoch++;
  }

  /** Puts the events of a list, with their ids, in the place of those that the stream brought. */
  #takeListed(listed: readonly TurnEvent[]): void {
    this.#unstreamed.clear();
    const keys = this.#unlisted.size > 0 ? new Set(listed.map(({ key }) => key)) : undefined;
    for (const [saying, events] of this.#unlisted) {
      const left = events.filter(({ key }) => !keys?.has(key));
      if (left.length > 0) this.#unlisted.set(saying, left);
      else this.#unlisted.delete(saying);
    }
    for (const event of listed) {
      const saying = this.#isNew(event) ? sayingOf(event) : undefined;
      if (saying === undefined) continue;
      const live = takeMatch(this.#unlisted, saying, (other) => isSame(other, event));
      if (live) this.#replace(live, event);
      else push(this.#unstreamed, saying, event);
    }
  }

  #replace(live: Identity, event: TurnEvent): void {
    const index = this.#entries.findLastIndex(({ key }) => key === live.key);
    if (index < 0) return;
    this.#idsDiffer ||= live.id !== undefined;
    this.#entries[index] = event;
    this.#seen.set(event.key, { queued: event.queued, fullness: fullnessOf(event) });
    this.#epoch++;
  }

  /** Takes out queued events that came to the end and that the list has before what stands there. */
  #takeOutMisplaced(placed: readonly TurnEvent[]): void {
    if (!placed.some(({ key, queued }) => queued && this.#seen.get(key)?.queued)) return;
    const places = new Map(this.#entries.map(({ key }, index) => [key, index]));
    const misplaced = new Set<string>();
    let earliest = Infinity;
    for (const { key, queued } of placed.toReversed()) {
      const place = places.get(key);
      if (place === undefined) continue;
      if (queued && place > earliest) misplaced.add(key);
      else earliest = Math.min(earliest, place);
    }
    if (misplaced.size === 0) return;
    this.#entries = this.#entries.filter(({ key }) => !misplaced.has(key));
    for (const key of misplaced) this.#seen.delete(key);
  }

  /**
   * Returns true for events of a list that lags behind the stream: they end before what the stream
   * has shown since it was opened begins.
   */
  #areBefore(listed: readonly TurnEvent[]): boolean {
    const stamped = listed.filter(({ at }) => at !== undefined);
    return stamped.length > 0 && stamped.every((event) => this.isBefore(event));
  }

  /** Inserts what is new in a list behind the events that the list has before it. */
  #weave(listed: readonly TurnEvent[]): boolean {
    const behind = new Map<string | undefined, TurnEvent[]>();
    let known: string | undefined;
    let firstKnown: string | undefined;
    for (const event of listed) {
      if (this.#isNew(event)) {
        const group = behind.get(known);
        if (group) group.push(event);
        else behind.set(known, [event]);
      } else {
        known = event.key;
        firstKnown ??= known;
      }
    }
    const fresh = [...behind.values()].flat();
    if (fresh.length === 0) return false;
    if (firstKnown === undefined && this.#areBefore(fresh)) {
      fresh.forEach((event) => this.#count(event));
      this.#entries = [...fresh, ...this.#entries];
      this.#epoch++;
      return true;
    }
    const isNewer = behind.size === 1 && behind.has(this.#entries.at(-1)?.key);
    if (firstKnown === undefined || isNewer) {
      for (const event of fresh) this.#append(event);
      return true;
    }
    fresh.forEach((event) => this.#count(event));
    const newestFirst: TurnEvent[] = [];
    // From the end: of an event that is there twice, queued and stamped, the second one counts.
    for (const event of this.#entries.toReversed()) {
      newestFirst.push(...(behind.get(event.key) ?? []).toReversed(), event);
      behind.delete(event.key);
      if (event.key !== firstKnown) continue;
      newestFirst.push(...(behind.get(undefined) ?? []).toReversed());
      behind.delete(undefined);
    }
    this.#entries = withoutStaleQueued(newestFirst.reverse(), new Set(fresh));
    this.#epoch++;
    return true;
  }
}

/** Kinds of events that come in turns only. */
const IN_A_TURN: ReadonlySet<TurnEvent["kind"]> = new Set<TurnEvent["kind"]>([
  "running",
  "rescheduled",
  "model_start",
  "thinking",
  "text",
  "tool_use",
  "evaluation",
]);

/**
 * Counts the queued events at the beginning of a history that are there only because the list sorts
 * them there. Inputs that a turn follows began it, though they were never stamped; those that an
 * interrupt and then an idle event follow were ended by them.
 *
 * @param following what is known to come after it
 */
function countStrays(history: readonly TurnEvent[], following: readonly TurnEvent[] = []): number {
  const happened = history.findIndex((event) => !event.queued);
  const leading = happened === -1 ? history : history.slice(0, happened);
  const endsThem = leading.some(({ kind }) => kind === "interrupt") ? "idle" : undefined;
  const isOfTurn = ({ kind }: TurnEvent) => IN_A_TURN.has(kind) || kind === endsThem;
  const tells = (event: TurnEvent) => !event.queued && (event.kind === "input" || isOfTurn(event));
  const telling = history.find(tells) ?? following.find(tells);
  return telling && isOfTurn(telling) ? 0 : leading.length;
}

/**
 * Tells queued events that stand where they were sent from those that may stand anywhere.
 *
 * @param following as for {@linkcode countStrays}
 */
function split(history: readonly TurnEvent[], following: readonly TurnEvent[] = []) {
  const first = countStrays(history, following);
  const goesOn = following.some((event) => !event.queued);
  const last = goesOn ? Infinity : history.findLastIndex((event) => !event.queued);
  const isPlaced = (index: number) => index >= first && index <= last;
  return {
    placed: history.filter((_, index) => isPlaced(index)),
    others: history.filter((_, index) => !isPlaced(index)),
  };
}

/** Characters of an event's text, input or attachments. */
function charsOf(event: TurnEvent): number {
  if (event.kind === "text") return event.text.length + attachmentChars(event.attachments);
  if (event.kind === "tool_result") return attachmentChars(event.attachments);
  if (event.kind !== "tool_use" || event.tool.input == null) return 0;
  return JSON.stringify(event.tool.input)?.length ?? 0;
}

function lightened(event: TurnEvent): TurnEvent {
  if (event.kind === "text") {
    const leftOut = (event.leftOut ?? 0) + event.text.length;
    return { ...event, text: "", leftOut, attachments: undefined };
  }
  if (event.kind === "tool_result") return { ...event, attachments: undefined };
  // A call that waits for an answer goes on waiting.
  return event.kind === "tool_use" ? { ...event, tool: { ...event.tool, input: null } } : event;
}

/** Measures how much an event says, to compare it with another version of it. */
function fullnessOf(event: TurnEvent): number {
  switch (event.kind) {
    case "tool_use":
      return charsOf(event) + (event.tool.name?.length ?? 0);
    case "idle":
      return (event.stop?.type.length ?? 0) + event.eventIds.length;
    case "error":
      return event.error.message?.length ?? 0;
    case "text":
      return event.text.length + (event.leftOut ?? 0);
    case "evaluation":
      return event.evaluation.explanation?.length ?? 0;
    default:
      return 0;
  }
}

/** The fields by which an event of the stream and one of a list are compared. */
type Identity = Pick<TurnEvent, "key"> & { readonly id?: string; readonly at?: number };

/** Events that are kept for comparison: more than come between two lists. */
const MAX_COMPARED = 1_000;
/** Times that a text may grow until no more is noted of it. */
const MAX_GROWTHS = 1_000;
/** Longest beginning and end of a text by which it is known. */
const SAYING_CHARS = 64;

/** Makes a key of what an event says, for where ids differ; undefined where that tells little. */
function sayingOf(event: TurnEvent): string | undefined {
  const { kind, at } = event;
  if (event.queued || kind === "other" || kind === "deleted") return undefined;
  if (kind === "text") {
    const { text } = event;
    const ends = text.slice(0, SAYING_CHARS) + text.slice(-SAYING_CHARS);
    return text === "" ? undefined : `${kind} ${text.length} ${digest(ends)}`;
  }
  // Of what comes again and again in the same words, the time tells one from the other.
  return at === undefined ? undefined : `${kind} ${at}`;
}

/** True if an event of the stream and one of a list, which say the same, are the same. */
function isSame(live: Identity, listed: Identity): boolean {
  return live.at === undefined ? live.id === undefined : live.at === listed.at;
}

function push(lists: Map<string, Identity[]>, saying: string, { key, id, at }: TurnEvent): void {
  const list = lists.get(saying);
  if (list) list.push({ key, id, at });
  else lists.set(saying, [{ key, id, at }]);
  if (lists.size <= MAX_COMPARED) return;
  for (const oldest of lists.keys()) return void lists.delete(oldest);
}

function takeMatch(
  lists: Map<string, Identity[]>,
  saying: string,
  matches: (event: Identity) => boolean,
): Identity | undefined {
  const list = lists.get(saying) ?? [];
  const index = list.findIndex(matches);
  const [found] = index < 0 ? [] : list.splice(index, 1);
  if (list.length === 0) lists.delete(saying);
  return found;
}

/** Leaves out what comes again under the same key. */
function withoutRepeats(events: readonly TurnEvent[]): TurnEvent[] {
  const seen = new Set<string>();
  return events.filter(({ key }) => !seen.has(key) && seen.add(key));
}

/**
 * Leaves out queued events that have come to stand behind their own stamped version. Where events
 * have no ids, that has another key, and is known by its content.
 *
 * @param fresh those that have just been put among the others
 */
function withoutStaleQueued(
  events: readonly TurnEvent[],
  fresh: ReadonlySet<TurnEvent>,
): TurnEvent[] {
  const stamped = new Set<string>();
  const contents = new Map<TurnEvent, string>();
  return events.filter((event) => {
    const { key, id, queued, contentDigest } = event;
    const content = id === undefined ? contentDigest : undefined;
    if (!queued) {
      stamped.add(key);
      if (content !== undefined && fresh.has(event)) contents.set(event, content);
      return true;
    }
    if (stamped.has(key)) return false;
    const own = content === undefined
      ? undefined
      : findSameContent(content, contents, ([, other]) => other)?.[0];
    if (own) contents.delete(own);
    return !own;
  });
}
