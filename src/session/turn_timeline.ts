/**
 * Gives the entries of a session's newest turn to whoever asks again and again: with a cursor only
 * what is new, and what has changed, since it was given out.
 *
 * @module
 */

import { jsonLength, lastJsonChars } from "../core/text.ts";
import type { EventHistory } from "./event_history.ts";
import { type CallsState, TurnEntries } from "./turn_entries.ts";
import type { Timeline, TimelineEntry } from "./watched_session.ts";

/** Longest text of a message, in characters of its JSON text; of a longer one the end is shown. */
const MAX_MESSAGE_CHARS = 30_000;
/** With less room than this the beginning of a message is not cut off, but all of it left out. */
const MIN_MESSAGE_CHARS = 500;

/** An entry with the revision in which it came, or changed last. */
interface Revised {
  readonly entry: TimelineEntry;
  readonly revision: number;
}

/** What a cursor says of the timeline that its holder has. */
interface Place {
  readonly revision: number;
  /** The place of the first entry that the holder has, counted from the first one of the turn. */
  readonly first: number;
  /** The entries of the turn then, those that were left out included. */
  readonly count: number;
}

/** See the module. Reads a history that grows, and again from its beginning when that changed. */
export class TurnTimeline {
  readonly #history: EventHistory;
  readonly #id: string;
  #reader = new TurnEntries();
  /** Events that the reader has taken in, and in which epoch. */
  #count = 0;
  #epoch: number;
  #revision = 0;
  /** The revision from which on only additions and changes have come. */
  #wholeSince = 0;
  #key: string | undefined;
  /** Entries of the turn before the first of {@linkcode #entries}. */
  #first = 0;
  #entries: readonly Revised[] = [];

  /** @param id another one for another timeline, also of another process */
  constructor(history: EventHistory, id: string) {
    this.#history = history;
    this.#id = id;
    this.#epoch = history.epoch;
  }

  /** The newest turn, with all events that {@linkcode read} took in. */
  get newest(): TurnEntries {
    return this.#reader;
  }

  /** Takes in what is new in the history. */
  read(): void {
    const { entries, epoch } = this.#history;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#count = 0;
      this.#reader = new TurnEntries();
    }
    for (; this.#count < entries.length; this.#count++) {
      const event = entries[this.#count];
      if (event) this.#reader.add(event);
    }
  }

  /** Works out the states of calls, and notes what has changed since the last time. */
  settle(state: CallsState): void {
    const reader = this.#reader;
    reader.settle(state);
    const { entries, first, key } = reader;
    const goesOn = key === this.#key && this.#goesOnWith(entries, first);
    const revision = this.#revision + 1;
    let hasChanged = !goesOn;
    const revised = entries.map((entry, index) => {
      const known = goesOn ? this.#entries[index + first - this.#first] : undefined;
      if (known && isSame(known.entry, entry)) return { entry, revision: known.revision };
      hasChanged = true;
      return { entry, revision };
    });
    this.#key = key;
    this.#first = first;
    this.#entries = revised;
    if (!hasChanged) return;
    this.#revision = revision;
    if (!goesOn) this.#wholeSince = revision;
  }

  /** A number that grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Gives what came since a cursor, or all where the cursor is absent or of another timeline, or
   * where entries moved since.
   *
   * @param room for the entries, in characters of their JSON text
   */
  since(cursor: string | undefined, room: number): Timeline {
    const place = cursor === undefined ? undefined : this.#placeOf(cursor);
    const news = place && this.#newsFor(place);
    const shown = news && fitting(news, room);
    if (place && news && shown?.length === news.length) {
      return { entries: shown, is_whole: false, cursor: this.#cursor(place.first) };
    }
    const entries = fitting(this.#entries.map(({ entry }) => entry), room);
    const leftOut = this.#total - entries.length;
    return {
      entries,
      is_whole: true,
      cursor: this.#cursor(leftOut),
      ...(leftOut > 0 && { left_out: leftOut }),
    };
  }

  get #total(): number {
    return this.#first + this.#entries.length;
  }

  #cursor(first: number): string {
    return [this.#id, this.#revision, first, this.#total].join(".");
  }

  /** Reads a cursor; undefined for one of another timeline, or from before entries moved. */
  #placeOf(cursor: string): Place | undefined {
    const [id, ...numbers] = cursor.split(".");
    const [revision, first, count] = numbers.map((digits) =>
      /^\d{1,15}$/.test(digits) ? Number(digits) : NaN
    );
    if (id !== this.#id || revision === undefined || first === undefined || count === undefined) {
      return undefined;
    }
    const isOurs = revision >= this.#wholeSince && revision <= this.#revision &&
      first <= count && count <= this.#total;
    return isOurs ? { revision, first, count } : undefined;
  }

  /** Lists what has changed since; undefined where some of what came meanwhile was let go. */
  #newsFor({ revision, first, count }: Place): TimelineEntry[] | undefined {
    if (this.#first > count) return undefined;
    return this.#entries.flatMap((one, index) =>
      one.revision > revision && this.#first + index >= first ? [one.entry] : []
    );
  }

  /** True if known entries stand where they stood, and others follow them. */
  #goesOnWith(entries: readonly TimelineEntry[], first: number): boolean {
    if (first < this.#first || first + entries.length < this.#total) return false;
    const skipped = first - this.#first;
    return this.#entries.slice(skipped).every(({ entry }, index) =>
      entry.key === entries[index]?.key
    );
  }
}

/** Returns the newest entries that find room, oldest first; the first of them may be cut. */
function fitting(entries: readonly TimelineEntry[], maxChars: number): TimelineEntry[] {
  const kept: TimelineEntry[] = [];
  let room = maxChars;
  for (const entry of entries.toReversed()) {
    const shown = cut(entry, room - 1);
    if (!shown) break;
    room -= jsonLength(shown) + 1;
    kept.push(shown);
  }
  return kept.reverse();
}

/** Cuts a message to its end, so that the entry finds room; undefined where it does not. */
function cut(entry: TimelineEntry, room: number): TimelineEntry | undefined {
  if (entry.kind !== "message") return jsonLength(entry) <= room ? entry : undefined;
  const { text, left_out: leftOut = 0, ...rest } = entry;
  // The longest number of characters that may be left out takes part of the room.
  const frame = jsonLength({ ...rest, text: "", left_out: leftOut + text.length });
  const textRoom = Math.min(MAX_MESSAGE_CHARS, room - frame);
  if (textRoom < 0) return undefined;
  const shown = text.length <= textRoom && jsonLength(text) - 2 <= textRoom
    ? text
    : textRoom < MIN_MESSAGE_CHARS
    ? undefined
    : lastJsonChars(text, textRoom);
  if (shown === undefined) return undefined;
  const missing = leftOut + text.length - shown.length;
  return { ...rest, text: shown, ...(missing > 0 && { left_out: missing }) };
}

/** True if two entries say the same. */
function isSame(one: TimelineEntry, other: TimelineEntry): boolean {
  if (one === other) return true;
  const fields = Object.entries(one);
  return fields.length === Object.keys(other).length &&
    fields.every(([name, value]) => Reflect.get(other, name) === value);
}
