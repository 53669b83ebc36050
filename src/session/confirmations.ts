/**
 * Tool calls that wait for a person's decision: has a person asked, and sends the decisions.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../api/types.ts";
import type { Clock } from "../core/clock.ts";
import type { Redact } from "../core/redact.ts";
import type { AnsweredBy, AnswerSender, Outcome } from "./answer_sender.ts";
import { readAskedCalls } from "./asked_calls.ts";
import type { AskedCall, Decision } from "./person.ts";

/**
 * Asks a person about all of some calls, over one channel.
 *
 * @returns the decisions by event id; a call without one is put off
 */
export type AskPerson = (
  asked: readonly AskedCall[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, Decision>>;

/** What {@linkcode Confirmations} works with. */
export interface ConfirmationsOptions {
  readonly api: Pick<ManagedAgentsApi, "events">;
  readonly answers: AnswerSender;
  readonly clock: Pick<Clock, "sleep">;
  readonly redact: Redact;
  readonly askPerson: AskPerson;
  readonly by: AnsweredBy;
}

/** Pauses before the list is read again for calls that the stream has shown, in milliseconds. */
const LIST_LAGS_MS: readonly number[] = [500, 1_000, 2_000];

/** Asks a person about the calls of one session, each call once unless it changes. */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #sessionId: string;
  /** Calls that were decided, put off, or that may have been decided: they are not asked again. */
  readonly #settled = new Set<string>();

  constructor(sessionId: string, options: ConfirmationsOptions) {
    this.#sessionId = sessionId;
    this.#options = options;
  }

  /**
   * Asks about all calls that wait, and sends what is decided.
   *
   * @param blocking ids of calls that the session was seen to wait for; the list may lag behind
   * @returns what became of each decision; empty where nothing was decided
   * @throws `ApiError` when the calls cannot be read; the signal's reason
   */
  async ask(blocking: readonly string[], signal: AbortSignal): Promise<Outcome[]> {
    const waiting = await this.#readWaiting(blocking, signal);
    if (waiting.length === 0) return [];
    const { askPerson, answers, by } = this.#options;
    const decisions = await askPerson(waiting, signal);
    const decided = waiting.flatMap((shown) => {
      const decision = decisions.get(shown.eventId);
      return decision ? [{ shown, decision }] : [];
    });
    for (const { eventId } of waiting) this.#settled.add(eventId);
    if (decided.length === 0) return [];
    const outcomes = await answers.send(this.#sessionId, decided, by, signal);
    for (const { kind, shown } of outcomes) {
      if (kind === "changed" || kind === "failed") this.#settled.delete(shown.eventId);
    }
    return outcomes;
  }

  async #readWaiting(blocking: readonly string[], signal: AbortSignal): Promise<AskedCall[]> {
    const { api, redact, clock } = this.#options;
    const open = blocking.filter((id) => !this.#settled.has(id));
    if (open.length === 0) return [];
    for (let reads = 0;; reads++) {
      const { waiting, tools } = await readAskedCalls(api, this.#sessionId, redact, { signal });
      const unasked = waiting.filter(({ eventId, kind }) =>
        kind === "tool_confirmation" && !this.#settled.has(eventId)
      );
      const pauseMs = LIST_LAGS_MS[reads];
      if (pauseMs === undefined || open.every((id) => tools.has(id))) return unasked;
      await clock.sleep(pauseMs, signal);
    }
  }
}
