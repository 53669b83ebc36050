/**
 * Pages of lists: reads a page in any envelope, and follows the cursors from page to page, to an
 * end even where the server gives none.
 *
 * @module
 */

import type { Logger } from "../core/logger.ts";
import {
  entriesOf,
  type Fields,
  fieldsOf,
  integerOf,
  MAX_ENTRIES,
  type Read,
  readEach,
  textOf,
} from "./read.ts";

/** A page of a list. */
export interface Page<T> {
  readonly data: readonly T[];
  /**
   * The cursor of the next page; an empty page may have one too. Null where the server says that this
   * is the last page, absent where it says nothing.
   */
  readonly next_page?: string | null;
  /** True where more entries follow: some servers give it instead of `next_page`. */
  readonly has_more?: boolean;
  /** True when more entries follow, without a cursor that leads to them. */
  readonly isCut?: boolean;
}

/** Names of fields that hold the entries of a list; the first is the documented one. */
export const LIST_FIELDS: readonly string[] = [
  "data",
  ...["events", "agents", "sessions", "environments", "files", "threads"],
  ...["items", "results", "records", "entries", "list"],
];
/** Other fields of a list; an empty list may have these alone. */
const PAGE_FIELDS = ["next_page", "has_more", "first_id", "last_id", "prev_page"];
/** Deepest envelope that is opened. */
const MAX_ENVELOPES = 3;

/** The entries of a list, and the object that contains them. */
interface Envelope {
  readonly entries: readonly unknown[];
  readonly fields: Fields;
}

/**
 * Opens a list: entries in `data`, or nothing there, which some servers write for an empty list; a
 * bare list; or a list under another name or in one more envelope.
 *
 * @returns undefined for any other value, which does not show if there are entries
 */
function envelopeOf(value: unknown, depth = 0): Envelope | undefined {
  if (Array.isArray(value)) return { entries: entriesOf(value) ?? [], fields: {} };
  const fields = fieldsOf(value);
  if (!fields || depth >= MAX_ENVELOPES) return undefined;
  for (const name of LIST_FIELDS) {
    const field = fields[name];
    if (field === undefined || field === null) continue;
    const entries = entriesOf(field);
    const isList = Array.isArray(field) || (entries !== undefined && entries.length > 0);
    if (isList) return { entries: entries ?? [], fields };
    const inner = envelopeOf(field, depth + 1);
    if (inner) return { entries: inner.entries, fields: { ...fields, ...inner.fields } };
  }
  const isEmpty = Object.keys(fields).length === 0 || fields.object === "list" ||
    [...LIST_FIELDS, ...PAGE_FIELDS].some((name) => name in fields && isNothing(fields[name]));
  return isEmpty ? { entries: [], fields } : undefined;
}

function isNothing(value: unknown): boolean {
  if (value === null || value === false || value === "") return true;
  return Object.keys(fieldsOf(value) ?? { some: "thing" }).length === 0;
}

/**
 * Reads a page, as {@linkcode envelopeOf} opens it.
 *
 * @param read entries for which it returns undefined are left out, with a line in the log
 * @returns undefined for any other value, which does not show if there are entries
 */
export function pageOf<T>(value: unknown, read: Read<T>, log: Logger): Page<T> | undefined {
  const page = envelopeOf(value);
  if (!page) return undefined;
  const { entries, fields } = page;
  const data = readEach(entries, read);
  const skipped = entries.length - data.length;
  if (skipped > 0) log.debug("Skipped entries of a list that cannot be read", { skipped });
  if (entries.length === MAX_ENTRIES) log.warn("Read no more of a list", { entries: MAX_ENTRIES });
  const { next_page: cursor, has_more } = fields;
  const next = cursor === null ? null : textOf(cursor) ?? integerOf(cursor)?.toString();
  return {
    data,
    ...(next !== undefined && { next_page: next }),
    ...(typeof has_more === "boolean" && { has_more }),
  };
}

/** Empty pages in a row after which a list counts as ended. */
const MAX_EMPTY_PAGES = 5;

/** The part of a page that a trail follows. */
type TrailPage<T> = Pick<Page<T>, "data" | "next_page">;

/** The new part of a page. */
export interface TrailStep<T> {
  /** The entries of the page; none where it repeats the page before. */
  readonly data: readonly T[];
  /** The cursor of the page after it; undefined at the end of the list. */
  readonly next?: string;
}

/**
 * Follows a list as long as there is progress: it ends at a repeated cursor, a repeated page, or
 * after several empty pages.
 */
export class CursorTrail {
  readonly #given = new Set<string>();
  #emptyPages = 0;
  #before: ReadonlySet<string> = new Set();

  /** @param start the cursor of the first page to take; absent for the list's first page */
  constructor(start?: string) {
    if (start !== undefined) this.#given.add(start);
  }

  /** Takes the next page. */
  take<T extends { readonly id?: string | null }>(
    { data, next_page: next }: TrailPage<T>,
  ): TrailStep<T> {
    const ids = new Set(data.flatMap(({ id }) => id ? [id] : []));
    const repeats = ids.size > 0 && ids.size === data.length && ids.isSubsetOf(this.#before);
    if (repeats) return { data: [] };
    if (data.length > 0) this.#before = ids;
    this.#emptyPages = data.length > 0 ? 0 : this.#emptyPages + 1;
    if (!next || this.#given.has(next) || this.#emptyPages > MAX_EMPTY_PAGES) return { data };
    this.#given.add(next);
    return { data, next };
  }
}

/**
 * Reads a list from its first page on, each entry once.
 *
 * @param read fetches the page of a cursor, without one the first
 * @param maxPages most pages that are read
 * @param wanted entries after which no more pages are read
 * @returns the entries, and whether they are all
 */
export async function readAllPages<T extends { readonly id: string }>(
  read: (page: string | undefined) => Promise<TrailPage<T>>,
  maxPages: number,
  wanted = Infinity,
): Promise<{ readonly found: T[]; readonly complete: boolean }> {
  const found = new Map<string, T>();
  const trail = new CursorTrail();
  let next: string | undefined;
  for (let count = 0; count < maxPages && found.size < wanted; count++) {
    const step = trail.take<T>(await read(next));
    for (const entry of step.data) found.set(entry.id, entry);
    next = step.next;
    if (next === undefined) return { found: [...found.values()], complete: true };
  }
  return { found: [...found.values()], complete: false };
}
