/**
 * A fold of a log that grows: it reduces what is new, and starts over when the log was rearranged.
 *
 * @module
 */

import type { EventHistory } from "./event_history.ts";
import type { LogEvent } from "./event_types.ts";
import { initialTurn, reduceTurn, type TurnState, watchFrom } from "./turn.ts";

/** Keeps a {@linkcode TurnState} in step with an {@linkcode EventHistory}. */
export class Fold {
  readonly #log: EventHistory;
  readonly #afterId: string | undefined;
  #state: TurnState;
  #index = 0;
  #epoch: number;
  readonly #firstEpoch: number;
  #watch: { readonly from: string | undefined } | undefined;

  /** @param afterId as for {@linkcode initialTurn} */
  constructor(log: EventHistory, afterId?: string) {
    this.#log = log;
    this.#afterId = afterId;
    this.#state = initialTurn(afterId);
    this.#epoch = log.epoch;
    this.#firstEpoch = log.epoch;
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

  /** What a text that the cursor names has grown by meanwhile comes after the cursor. */
  #growthOf(event: LogEvent): LogEvent | undefined {
    if (event.kind !== "text" || event.id === undefined) return undefined;
    if (this.#state.anchor?.id !== event.id) return undefined;
    const from = this.#log.lengthIn(this.#firstEpoch, event.key);
    if (from === undefined) return undefined;
    const { id: _told, ...rest } = event;
    return { ...rest, key: `${event.key}~${from}`, text: event.text.slice(from) };
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
    for (const event of fresh) {
      this.#state = reduceTurn(this.#state, event);
      const more = this.#growthOf(event);
      if (more) this.#state = reduceTurn(this.#state, more);
    }
    this.#index = this.#log.entries.length;
    return rearranged ? [] : fresh;
  }
}
