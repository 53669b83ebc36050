/**
 * Reading a session's history into its log, one read at a time.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../api/types.ts";
import { CursorTrail } from "../api/pages.ts";
import type { EventHistory } from "./event_history.ts";
import { readFarEnd, readPage, readTail } from "./history.ts";
import type { LogEvent } from "./event_types.ts";

const READ_TIMEOUT_MS = 30_000;
/** Characters of newer texts beside which older ones find no room in a reply, subagents' included. */
const ENOUGH_CHARS = 1024 * 1024;
const SHORT_TEXT_CHARS = 200;

/** See the module. */
export class SessionHistory {
  readonly #api: ManagedAgentsApi["events"];
  readonly #sessionId: string;
  readonly #log: EventHistory;
  readonly #signal: AbortSignal;
  #reads: Promise<unknown> = Promise.resolve();
  #done = 0;
  #tried = 0;
  #older: string | undefined;
  readonly #trail = new CursorTrail();
  #hasGap = false;
  #farEndRead: Promise<void> | undefined;
  /** Whether the reads since the last {@linkcode forgetFarEnd} reached the far end by themselves. */
  #sawFarEnd = false;

  /** @param signal ends every read */
  constructor(
    api: ManagedAgentsApi["events"],
    sessionId: string,
    log: EventHistory,
    signal: AbortSignal,
  ) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#log = log;
    this.#signal = signal;
  }

  /** Reads of the newest events that are complete. */
  get done(): number {
    return this.#done;
  }

  /** Reads of the newest events that were begun. */
  get tried(): number {
    return this.#tried;
  }

  /** Whether the log reaches back to the session's first event. */
  get complete(): boolean {
    return this.#older === undefined;
  }

  /** Whether more happened during a drop than was read afterwards. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Options of every read: what fails is tried again by plan, retries would multiply with that. */
  get options(): { signal: AbortSignal; timeoutMs: number; retry: false } {
    return { signal: this.#signal, timeoutMs: READ_TIMEOUT_MS, retry: false };
  }

  /** Reads what is new. @returns whether there was any */
  readNews(): Promise<boolean> {
    return this.#serially(async () => {
      this.#tried++;
      const news = this.#done === 0 ? await this.#readNewest() : await this.#readTail();
      this.#done++;
      return news;
    });
  }

  /** Reads the next page back in time. */
  loadOlder(): Promise<void> {
    return this.#serially(async () => {
      if (this.#older === undefined) return;
      // What is older than all that a reply can show is wanted for its ids and its length only.
      const hasEnough = this.#log.chars > ENOUGH_CHARS;
      const page = await readPage(this.#api, this.#sessionId, this.#older, {
        ...this.options,
        ...(hasEnough && { maxTextChars: SHORT_TEXT_CHARS }),
      });
      const { data, next } = this.#trail.take({ data: page.events, next_page: page.older });
      this.#older = next;
      this.#sawFarEnd ||= this.complete;
      this.#log.prepend(data);
    });
  }

  /** Reads queued inputs that hide at the far end of the log; once until told to forget. */
  readFarEnd(): Promise<void> {
    this.#farEndRead ??= this.#sawFarEnd ? Promise.resolve() : this.#serially(async () => {
      this.#log.addStrays(await readFarEnd(this.#api, this.#sessionId, this.options));
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

  async #readNewest(): Promise<boolean> {
    const page = await readPage(this.#api, this.#sessionId, undefined, this.options);
    this.#older = this.#trail.take({ data: page.events, next_page: page.older }).next;
    this.#sawFarEnd ||= this.complete;
    return this.#log.merge(page.events);
  }

  async #readTail(): Promise<boolean> {
    const isKnown = (event: LogEvent) => this.#log.hasHappened(event);
    const tail = await readTail(this.#api, this.#sessionId, isKnown, this.options);
    this.#hasGap ||= !tail.reaches;
    this.#sawFarEnd ||= tail.whole;
    return this.#log.merge(tail.events);
  }

  /** Reads never overlap: each merges against what the one before it left. */
  #serially<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#reads.then(read);
    this.#reads = result.catch(() => {});
    return result;
  }
}
