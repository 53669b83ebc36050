/**
 * A session's cumulative usage.
 *
 * @module
 */

import { isWireObject, type SessionStatus, type WireObject } from "./wire.ts";

/** Cents per token, in round numbers. */
const INPUT_CENTS = 0.0005;
const OUTPUT_CENTS = 0.0025;

function tokens(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** Counts tokens and the time that a session was running. */
export class UsageCounter {
  #input = 0;
  #output = 0;
  #activeMs = 0;
  #runningSince: number | undefined;

  /** Adds the `model_usage` of a `span.model_request_end`. */
  addRequest(modelUsage: unknown): void {
    if (!isWireObject(modelUsage)) return;
    this.#input += tokens(modelUsage.input_tokens);
    this.#output += tokens(modelUsage.output_tokens);
  }

  /**
   * Starts or stops the time of running.
   *
   * @param now milliseconds since the epoch
   */
  setStatus(status: SessionStatus, now: number): void {
    if (status === "running") this.#runningSince ??= now;
    else if (this.#runningSince !== undefined) {
      this.#activeMs += now - this.#runningSince;
      this.#runningSince = undefined;
    }
  }

  /**
   * Returns the seconds of running so far.
   *
   * @param now milliseconds since the epoch
   */
  activeSeconds(now: number): number {
    const current = this.#runningSince === undefined ? 0 : now - this.#runningSince;
    return Math.round((this.#activeMs + current) / 1000);
  }

  toWire(): WireObject {
    const cents = Math.round(this.#input * INPUT_CENTS + this.#output * OUTPUT_CENTS);
    return {
      input_tokens: this.#input,
      output_tokens: this.#output,
      cache_read_input_tokens: 0,
      list_cost: { amount: String(cents), currency: "USD" },
    };
  }
}
