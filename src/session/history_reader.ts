/**
 * Reads a session's list of events backwards, newest first and only as far as needed, into its
 * event history.
 *
 * @module
 */

import { FULL_PAGE } from "../api/event_list.ts";
import { CursorTrail } from "../api/pages.ts";
import type { ManagedAgentsApi, ReadOptions } from "../api/types.ts";
import type { EventHistory } from "./event_history.ts";
import { readEvent, type TurnEvent, typesIn } from "./event_types.ts";

/** Enough for most turns in one request. */
const FIRST_PAGE = 200;
/** A gap longer than this many pages is closed by `list_events`, not by a wait. */
const MAX_TAIL_PAGES = 30;
/** Characters of newer texts beside which older ones find no room in a reply, subagents' included. */
const ENOUGH_CHARS = 1024 * 1024;
const SHORT_TEXT_CHARS = 200;

/** Reads one page at a time: each read merges against what the one before it left. */
export class HistoryReader {
  /** Reads of the newest events that are complete. */
  readsDone = 0;
  /** Reads of the newest events that were begun. */
  readsTried = 0;
  /** True when more happened during a drop than was read afterwards. */
  hasGap = false;
  readonly #api: ManagedAgentsApi["events"];
  readonly #sessionId: string;
  readonly #history: EventHistory;
  readonly #options: ReadOptions;
  #reads: Promise<unknown> = Promise.resolve();
  #older: string | undefined;
  readonly #trail = new CursorTrail();
  #farEndRead: Promise<void> | undefined;
  /** True when the reads since the last {@linkcode forgetFarEnd} reached the far end by themselves. */
  #sawFarEnd = false;

  /** @param options those of every request */
  constructor(
    api: ManagedAgentsApi["events"],
    sessionId: string,
    history: EventHistory,
    options: ReadOptions,
  ) {
    this.#options = options;
    this.#api = api;
    this.#sessionId = sessionId;
    this.#history = history;
  }

  /** True when the history reaches back to the session's first event. */
  get complete(): boolean {
    return this.#older === undefined;
  }

  /**
   * Reads the newest events: the first time one page, later back to the first that is known to have
   * happened. Queued events prove nothing: they stand wherever a list puts them.
   *
   * @returns whether any were new
   */
  readNewest(): Promise<boolean> {
    return this.#serially(async () => {
      this.readsTried++;
      const isFirst = this.readsDone === 0;
      const trail = isFirst ? this.#trail : new CursorTrail();
      const pages: (readonly TurnEvent[])[] = [];
      let older: string | undefined;
      let reaches = false;
      while (!reaches && pages.length < MAX_TAIL_PAGES) {
        const { data, next } = await this.#readPage(trail, older);
        pages.unshift(data);
        older = next;
        reaches = isFirst || next === undefined ||
          data.some((event) => this.#history.hasHappened(event));
      }
      if (isFirst) this.#older = older;
      this.hasGap ||= !reaches;
      this.#sawFarEnd ||= older === undefined;
      const hasNew = this.#history.merge(pages.flat());
      this.readsDone++;
      return hasNew;
    });
  }

  /** Reads the next page back in time. */
  loadOlder(): Promise<void> {
    return this.#serially(async () => {
      if (this.#older === undefined) return;
      // Of texts older than all that a reply can show only ids and lengths are needed.
      const maxTextChars = this.#history.chars > ENOUGH_CHARS ? SHORT_TEXT_CHARS : undefined;
      const { data, next } = await this.#readPage(this.#trail, this.#older, maxTextChars);
      this.#older = next;
      this.#sawFarEnd ||= next === undefined;
      this.#history.prepend(data);
    });
  }

  /**
   * Reads queued inputs that hide at the far end of the list; once until told to forget. Where a
   * list sorts a null `processed_at` is not specified, and the newest page shows queued inputs only
   * where null counts as newest.
   */
  readFarEnd(): Promise<void> {
    this.#farEndRead ??= this.#sawFarEnd ? Promise.resolve() : this.#serially(async () => {
      const { data } = await this.#api.list(this.#sessionId, {
        order: "asc",
        limit: 20,
        types: typesIn("first"),
        maxTextChars: 1,
      }, this.#options);
      this.#history.addStrays(data.map(readEvent));
    }).catch((error) => {
      this.#farEndRead = undefined;
      throw error;
    });
    return this.#farEndRead;
  }

  /** More may have been queued since the far end was read. */
  forgetFarEnd(): void {
    this.#farEndRead = undefined;
    this.#sawFarEnd = false;
  }

  /** Reads a page into the order of time; `next` is the cursor of the page before it. */
  async #readPage(trail: CursorTrail, page: string | undefined, maxTextChars?: number) {
    const { data, next_page } = await this.#api.list(this.#sessionId, {
      order: "desc",
      limit: page === undefined ? FIRST_PAGE : FULL_PAGE,
      page,
      maxTextChars,
    }, this.#options);
    return trail.take({ data: data.map(readEvent).reverse(), next_page });
  }

  #serially<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#reads.then(read);
    this.#reads = result.catch(() => {});
    return result;
  }
}
