/**
 * Puts the timeline of a turn together from what each read brings.
 *
 * @module
 */

import type { Timeline, TimelineEntry } from "../session/watched_session.ts";

/** Entries that are kept: the newest. */
export const MAX_KEPT = 1_000;

/** The entries of a turn that are known, oldest first. */
export class KnownTimeline {
  #entries = new Map<string, TimelineEntry>();
  #list: readonly TimelineEntry[] = [];
  #leftOut = 0;
  #dropped = 0;
  #cursor = "";

  /** All known entries; the same list until something changes. */
  get entries(): readonly TimelineEntry[] {
    return this.#list;
  }

  /** Entries that are missing before the first one. */
  get leftOut(): number {
    return this.#leftOut + this.#dropped;
  }

  /** The cursor to read on from; empty at the beginning. */
  get cursor(): string {
    return this.#cursor;
  }

  /** Adds what a read has brought: an entry whose key is known takes the place of that one. */
  add({ entries, is_whole: isWhole, cursor, left_out: leftOut }: Timeline): void {
    if (isWhole) this.clear();
    this.#cursor = cursor;
    if (leftOut !== undefined) this.#leftOut = leftOut;
    for (const entry of entries) this.#entries.set(entry.key, entry);
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= MAX_KEPT) break;
      this.#entries.delete(key);
      this.#dropped++;
    }
    if (entries.length > 0 || isWhole) this.#list = [...this.#entries.values()];
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
    this.#list = [];
    this.#leftOut = 0;
    this.#dropped = 0;
    this.#cursor = "";
  }
}

/** Joins the words of the session's own agent, its messages parted by a blank line. */
export function replyOf(entries: readonly TimelineEntry[]): string {
  return entries.flatMap((entry) =>
    entry.kind === "message" && entry.subagent === undefined ? [entry.text] : []
  ).join("\n\n");
}

/** Returns true where a part of the own agent's words is missing from the entries. */
export function lacksWords(entries: readonly TimelineEntry[], leftOut: number): boolean {
  return leftOut > 0 ||
    entries.some((entry) =>
      entry.kind === "message" && entry.subagent === undefined && entry.left_out !== undefined
    );
}
