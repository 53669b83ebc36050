/**
 * Following the cursors of a list from page to page, to an end also where the server gives none.
 *
 * @module
 */

/** Pages in a row without an entry after which a list counts as ended. */
const MAX_EMPTY_PAGES = 5;

interface TrailEntry {
  readonly id?: string | null;
}

interface TrailPage<T> {
  readonly data: readonly T[];
  readonly next_page?: string | null;
}

/** The part of a page that is new. */
export interface TrailStep<T> {
  /** The entries of the page; none where it is the page before once more. */
  readonly data: readonly T[];
  /** The cursor of the page after it; undefined at the end of the list. */
  readonly next?: string;
}

/**
 * Follows a list as long as there is progress: a cursor that was given before, a page that repeats
 * the one before it, and page after page without an entry end it.
 */
export class CursorTrail {
  readonly #given = new Set<string>();
  #emptyPages = 0;
  #before: ReadonlySet<string> = new Set();

  /** @param start the cursor of the page that the trail begins with; absent for the first one */
  constructor(start?: string) {
    if (start !== undefined) this.#given.add(start);
  }

  /** Takes the next page. */
  take<T extends TrailEntry>({ data, next_page: next }: TrailPage<T>): TrailStep<T> {
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
 * @param read gives the page that a cursor names, without one the first
 * @param maxPages most pages that are read
 * @returns the entries, and whether they are all
 */
export async function readAllPages<T extends { readonly id: string }>(
  read: (page: string | undefined) => Promise<TrailPage<T>>,
  maxPages: number,
): Promise<{ readonly found: T[]; readonly complete: boolean }> {
  const found = new Map<string, T>();
  const trail = new CursorTrail();
  let next: string | undefined;
  for (let count = 0; count < maxPages; count++) {
    const step = trail.take<T>(await read(next));
    for (const entry of step.data) found.set(entry.id, entry);
    next = step.next;
    if (next === undefined) return { found: [...found.values()], complete: true };
  }
  return { found: [...found.values()], complete: false };
}
