/**
 * A fold of a log that grows: it reduces what is new, and starts over when the log was rearranged.
 *
 * @module
 */

import type { EventLog } from "./event_log.ts";
import type { LogEvent } from "./log_event.ts";
import { initialTurn, reduceTurn, type TurnState, watchFrom } from "./turn.ts";

/** Keeps a {@linkcode TurnState} in step with an {@linkcode EventLog}. */
export class Fold {
  readonly #log: EventLog;
  readonly #afterId: string | undefined;
  #state: TurnState;
  #index = 0;
  #epoch: number;
  #watch: { readonly from: string | undefined } | undefined;

  /** @param afterId as for {@linkcode initialTurn} */
  constructor(log: EventLog, afterId?: string) {
    this.#log = log;
    this.#afterId = afterId;
    this.#state = initialTurn(afterId);
    this.#epoch = log.epoch;
  }

  get state(): TurnState {
    return this.#state;
  }

  /** From now on what turns say before the newest is told; see `watchFrom`. */
  watch(): void {
    if (this.#watch || this.#state.anchor) return;
    const from = this.#log.entries.findLast((event) => !event.queued)?.key;
    this.#watch = { from };
    this.#state = watchFrom(this.#state, from, true);
  }

  /** @returns the events that were new, none when the log was rearranged */
  update(): readonly LogEvent[] {
    const rearranged = this.#epoch !== this.#log.epoch;
    if (rearranged) {
      this.#epoch = this.#log.epoch;
      const state = initialTurn(this.#afterId);
      const { from } = this.#watch ?? {};
      this.#state = this.#watch ? watchFrom(state, from, from === undefined) : state;
      this.#index = 0;
    }
    const fresh = this.#log.entries.slice(this.#index);
    for (const event of fresh) this.#state = reduceTurn(this.#state, event);
    this.#index = this.#log.entries.length;
    return rearranged ? [] : fresh;
  }
}
