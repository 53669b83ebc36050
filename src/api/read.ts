/**
 * Reads single values of the wire tolerantly, each by itself.
 *
 * Servers that speak the API differ in what they write for "nothing" (Go `null` for an empty list,
 * `""` and year 1 for an unset text and time; PHP `[]` for an empty object and an object with the
 * keys 0, 1, … for a list) and in how they write numbers and times. A value that cannot be read
 * counts as absent, and says nothing about the values beside it.
 *
 * @module
 */

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};

/** Returns the fields of an object, none of an empty list; undefined for any other value. */
export function fieldsOf(value: unknown): Fields | undefined {
  if (isFields(value)) return value;
  return Array.isArray(value) && value.length === 0 ? NO_FIELDS : undefined;
}

/** Returns true for an object that is not a list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns a text that is not empty; undefined for any other value. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Returns an integer, also one in quotes. */
export function integerOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) ? Number(number) : undefined;
}

/** Most entries of one list that are read; the API's own pages have at most 1,000. */
export const MAX_ENTRIES = 100_000;

/**
 * Returns the entries of a list, at most {@linkcode MAX_ENTRIES}; none for null or an absent value.
 *
 * @returns undefined for anything else
 */
export function entriesOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.length > MAX_ENTRIES ? value.slice(0, MAX_ENTRIES) : value;
  if (!isFields(value)) return undefined;
  const keys = Object.keys(value);
  if (!keys.every((key) => /^\d{1,9}$/.test(key))) return undefined;
  return Object.values(value).slice(0, MAX_ENTRIES);
}

/** Reads a value of the wire; returns undefined for one that it cannot read. */
export type Read<T> = (value: unknown) => T | undefined;

/** Returns the entries that `read` can read; leaves out the others. */
export function readEach<T>(entries: readonly unknown[], read: Read<T>): T[] {
  return entries.map((entry) => read(entry)).filter((entry) => entry !== undefined);
}

/**
 * Matches an event's id, and a cursor made of one: printable, without spaces. Such ids never go into
 * a path.
 */
export const EVENT_ID = /^[^\s\p{C}]{1,128}$/u;

/** Matches nearly all ids, and is faster. */
const PLAIN_ID = /^[\w-]{1,128}$/;

/** Returns true for an event's id that can be handed out. */
export function isEventId(value: unknown): value is string {
  return typeof value === "string" && (PLAIN_ID.test(value) || EVENT_ID.test(value));
}

/**
 * Returns an event's id in a form that can be handed out and taken back. A digest, the same for the
 * same id, replaces one that is too long or not printable, so that the event can still be told from
 * others and referred to.
 */
export function eventIdOf(value: unknown): string | undefined {
  if (isEventId(value)) return value;
  if (typeof value === "string" && value.trim() !== "") return `~${digest(value)}`;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** Returns a short text that is the same for the same text (FNV-1a, 32 bits, and the length). */
export function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return `${text.length.toString(36)}_${(hash >>> 0).toString(36)}`;
}

/**
 * Earliest time that is read: nothing of this API is older, and some servers write an earlier one
 * for none.
 */
const EARLIEST_MS = Date.UTC(2000);
/** Latest time of a `Date`. */
const LATEST_MS = 8.64e15;

/**
 * Reads a time, in milliseconds since the epoch, with the microseconds that `Date.parse` drops.
 *
 * @param value RFC 3339, UTC where it names no zone; or a number, also in quotes, of seconds,
 * milliseconds, microseconds or nanoseconds since the epoch, as its size tells
 * @returns undefined for anything else, or a time before the year 2000
 */
export function instantMs(value: unknown): number | undefined {
  const ms = typeof value === "string" ? parseTime(value) : epochMs(value);
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : undefined;
}

/** Returns a time as RFC 3339; undefined for one that {@linkcode instantMs} cannot read. */
export function timeOf(value: unknown): string | undefined {
  const ms = instantMs(value);
  if (ms === undefined) return undefined;
  return typeof value === "string" && isZoned(value) ? value : new Date(ms).toISOString();
}

function parseTime(text: string): number {
  if (text.length > MAX_TIME_CHARS) return NaN;
  if (/^\d+(\.\d+)?$/.test(text)) return epochMs(Number(text));
  const ms = Date.parse(UNZONED.test(text) ? `${text.replace(" ", "T")}Z` : text);
  const beyondMs = /\.\d{3}(\d+)/.exec(text)?.[1];
  return beyondMs ? ms + Number(`0.${beyondMs}`) : ms;
}

const MAX_TIME_CHARS = 64;
const UNZONED = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;

function isZoned(text: string): boolean {
  return /^\d{4}-\d\d-\d\d([Tt ].*([Zz]|[+-]\d\d:?\d\d))?$/.test(text);
}

function epochMs(value: unknown): number {
  if (typeof value !== "number") return NaN;
  if (value < 1e11) return value * 1e3;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

/** Bounds of {@linkcode boundedCopy}, beyond any honest value. */
const MAX_DEPTH = 32;
const MAX_VALUES = 20_000;

/**
 * Copies a JSON value so that it can always be serialised: values nested deeper than 32 levels, and
 * those after the first 20,000, are left out.
 */
export function boundedCopy(value: unknown): unknown {
  let room = MAX_VALUES;
  const copy = (part: unknown, depth: number): unknown => {
    if (typeof part !== "object" || part === null) return part;
    if (depth >= MAX_DEPTH) return undefined;
    if (Array.isArray(part)) {
      const list: unknown[] = [];
      for (const item of part) {
        if (room-- <= 0) break;
        list.push(copy(item, depth + 1) ?? null);
      }
      return list;
    }
    const entries: [string, unknown][] = [];
    for (const [name, field] of Object.entries(part)) {
      if (room-- <= 0) break;
      entries.push([name, copy(field, depth + 1)]);
    }
    return Object.fromEntries(entries);
  };
  return copy(value, 0);
}
