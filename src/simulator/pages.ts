/**
 * Pages of lists, and the opaque cursors between them. A cursor holds a place in the order, not an
 * index, so that entries that are added or removed meanwhile shift nothing. It belongs to the list,
 * the order and the filters that it was made for.
 *
 * @module
 */

import { invalid } from "./errors.ts";
import type { RequestQuery } from "./query.ts";
import type { Place, SortedList } from "./sorted.ts";

/** A place to continue from, and the direction. */
export interface Cursor {
  readonly place: Place;
  readonly back: boolean;
}

function digest(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * Makes the text of a cursor.
 *
 * @param scope path of the list
 */
export function writeCursor(scope: string, query: RequestQuery, cursor: Cursor): string {
  const { place, back } = cursor;
  const bound = digest(`${scope}?${query.fingerprint()}`);
  const text = JSON.stringify([bound, place.rank, place.seq, back ? 1 : 0]);
  return `page_${btoa(text).replaceAll("=", "")}`;
}

/** Reads the cursor in the `page` parameter; throws 400 for one that was made for another query. */
export function readCursor(scope: string, query: RequestQuery): Cursor | undefined {
  const page = query.text("page");
  if (page === undefined) return undefined;
  const [bound, rank, seq, back] = parseCursor(page);
  if (typeof rank !== "number" || typeof seq !== "number") {
    throw invalid("page: not a cursor of this API.");
  }
  if (bound !== digest(`${scope}?${query.fingerprint()}`)) {
    throw invalid("page: this cursor belongs to another list, order or filter.");
  }
  return { place: { rank, seq }, back: back === 1 };
}

function parseCursor(page: string): unknown[] {
  try {
    const parsed: unknown = JSON.parse(atob(page.replace(/^page_/, "")));
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

/** Options of {@linkcode readListPage}. */
export interface PageOptions<T> {
  readonly scope: string;
  readonly query: RequestQuery;
  readonly order: "asc" | "desc";
  /** Entries per page when the query has no `limit`. */
  readonly defaultLimit: number;
  readonly maxLimit: number;
  readonly filter?: (item: T) => boolean;
}

/** A page, and the cursors to its neighbours; null where there is none. */
export interface ListPage<T> {
  readonly items: T[];
  readonly next_page: string | null;
  readonly prev_page: string | null;
}

/** Reads the page for a query. */
export function readListPage<T extends Place>(
  list: SortedList<T>,
  options: PageOptions<T>,
): ListPage<T> {
  const { scope, query, order } = options;
  const limit = query.limit(options.defaultLimit, options.maxLimit);
  const cursor = readCursor(scope, query);
  const back = cursor?.back ?? false;
  const { items, more } = list.read({
    order: back ? (order === "asc" ? "desc" : "asc") : order,
    limit,
    after: cursor?.place,
    filter: options.filter,
  });
  if (back) items.reverse();
  const at = (item: T | undefined, backwards: boolean) =>
    item
      ? writeCursor(scope, query, {
        place: { rank: item.rank, seq: item.seq },
        back: backwards,
      })
      : null;
  return {
    items,
    next_page: back || more ? at(items.at(-1), false) : null,
    prev_page: (back ? more : cursor !== undefined) ? at(items[0], true) : null,
  };
}
