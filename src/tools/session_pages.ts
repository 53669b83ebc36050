/**
 * Pages of what belongs to a session, such as its threads, their events and its files: reads on from
 * a place, and seals places as cursors.
 *
 * @module
 */

import * as z from "zod";
import { mayReadPage } from "../access/limits.ts";
import { sealedIdOf } from "../access/principal.ts";
import { CursorTrail, type Page } from "../api/pages.ts";
import type { PageParams } from "../api/types.ts";
import { ToolError } from "../core/errors.ts";
import type { ToolCall } from "./define.ts";

/** Most pages of the API that one call reads while they hold nothing new. */
const MAX_API_PAGES = 5;
/** Longest text of a cursor, in characters: somewhat more than {@linkcode sealCursor} makes. */
const MAX_CURSOR_CHARS = 8_000;

/** A place between two entries of a list of the API, also within a page. */
const PLACE = z.object({
  /** The API's cursor of the page; absent for the first one. */
  page: z.string().optional(),
  /** Limit that the page is requested with. */
  size: z.int().min(1).max(1_000),
  /** Number of entries of the page that were passed. */
  passed: z.int().min(0).optional(),
  /** Id of the last passed entry, which finds the place again when entries were added. */
  after: z.string().optional(),
  /** Cursor of a place in the text of the next entry. */
  text: z.string().optional(),
});

/** A place between two entries of a list of the API, also within a page. */
export type ListPlace = z.output<typeof PLACE>;

/** Entries from a place on. */
export interface Stretch<T> {
  readonly entries: readonly T[];
  /** Returns the place after the first `count` entries. */
  placeAfter(count: number): ListPlace;
  /** Returns true if the list goes on after the first `count` entries. */
  hasMoreAfter(count: number): boolean;
}

/**
 * Reads the first page from a place on that has an entry.
 *
 * @param read reads a page of the API's list
 * @param limit most entries of the stretch; a server may give more in a page
 */
export async function readStretch<T extends { readonly id?: string | null }>(
  read: (params: PageParams) => Promise<Page<T>>,
  from: ListPlace,
  limit: number,
  call: ToolCall,
): Promise<Stretch<T>> {
  let place = from;
  const trail = new CursorTrail(place.page);
  for (let count = 1;; count++) {
    const { page, size } = place;
    const { data, next } = trail.take<T>(await read({ limit: size, page }));
    const start = startIndex(data, place);
    const entries = data.slice(start, start + limit);
    const isLast = next === undefined || count >= MAX_API_PAGES;
    if (entries.length > 0 || isLast || !mayReadPage(call)) {
      return {
        entries,
        placeAfter(count) {
          const passed = start + count;
          if (passed >= data.length && next !== undefined) return { page: next, size };
          const after = data[passed - 1]?.id ?? undefined;
          return { page, size, passed, ...(after !== undefined && { after }) };
        },
        hasMoreAfter: (count) => start + count < data.length || next !== undefined,
      };
    }
    place = { page: next, size };
  }
}

/** Returns the index of the first entry of a page that was not passed. */
function startIndex(
  data: readonly { readonly id?: string | null }[],
  { after, passed = 0 }: ListPlace,
): number {
  const found = after === undefined ? -1 : data.findIndex(({ id }) => id === after);
  return found >= 0 ? found + 1 : Math.min(passed, data.length);
}

/** What a cursor belongs to: the arguments of the call that returned it, without limit and cursor. */
export type CursorOf = Readonly<Record<string, string | undefined>>;

/** Seals a place as a cursor of this caller's, for the same list alone. */
export function sealCursor(place: ListPlace, list: CursorOf, call: ToolCall): Promise<string> {
  return call.services.sealer.seal("session page", {
    place,
    list: JSON.stringify(list),
    caller: sealedIdOf(call),
  });
}

/**
 * Opens a cursor.
 *
 * @throws `ToolError` `invalid_argument` for a text that {@linkcode sealCursor} did not make for
 * this caller and this list
 */
export async function openCursor(
  text: string,
  list: CursorOf,
  call: ToolCall,
): Promise<ListPlace> {
  const opened = text.length <= MAX_CURSOR_CHARS
    ? await call.services.sealer.open("session page", text)
    : undefined;
  const { success, data } = z.object({
    caller: z.literal(sealedIdOf(call)),
    list: z.literal(JSON.stringify(list)),
    place: PLACE,
  }).safeParse(opened);
  if (success) return data.place;
  throw new ToolError(
    "invalid_argument",
    "cursor must be the next_cursor of your last call of this tool, as it is, beside the same " +
      "arguments; leave it out to start at the beginning.",
  );
}
