/**
 * Progress on stderr: on a terminal one line that changes, elsewhere a line for each change.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { firstColumns } from "./columns.ts";

/** The stream of a {@linkcode LiveLine}. */
export interface LiveLineOptions {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** Finds out how many columns the terminal has. */
  readonly columns: () => number | undefined;
  readonly clock: Pick<Clock, "now" | "after">;
}

/** So often the line is drawn, or, off a terminal, a changed one is written, in milliseconds. */
const EVERY_MS = 1_000;

/** Columns of a terminal that does not tell. */
const USUAL_COLUMNS = 80;

/** Goes to the beginning of the line and empties it (ECMA-48: CR, EL). */
const EMPTY_LINE = "\r\x1b[2K";

/** A line that tells what is going on, and for how many seconds. Other lines go above it. */
export class LiveLine {
  readonly #options: LiveLineOptions;
  #text: string | undefined;
  #written: string | undefined;
  #startedAt = 0;
  #cancel = () => {};

  constructor(options: LiveLineOptions) {
    this.#options = options;
  }

  /** Shows a text, without control characters, in the place of the one before. */
  show(text: string): void {
    const { clock, isTerminal } = this.#options;
    const isFirst = this.#text === undefined;
    if (isFirst) this.#startedAt = clock.now();
    this.#text = text;
    if (isTerminal) this.#draw();
    if (isFirst) this.#drawSoon();
  }

  /** Takes the line away. */
  hide(): void {
    if (this.#text === undefined) return;
    this.#cancel();
    this.#text = this.#written = undefined;
    if (this.#options.isTerminal) this.#options.write(EMPTY_LINE);
  }

  /** Writes a line of its own, above the live one. */
  print(line: string): void {
    const { write, isTerminal } = this.#options;
    const isCovered = isTerminal && this.#text !== undefined;
    write(`${isCovered ? EMPTY_LINE : ""}${line}\n`);
    if (isCovered) this.#draw();
  }

  #drawSoon(): void {
    const { clock, isTerminal } = this.#options;
    this.#cancel = clock.after(EVERY_MS, () => {
      if (isTerminal || this.#text !== this.#written) this.#draw();
      this.#drawSoon();
    });
  }

  #draw(): void {
    const { write, isTerminal, columns, clock } = this.#options;
    const text = this.#text ?? "";
    this.#written = text;
    const seconds = ` (${Math.floor((clock.now() - this.#startedAt) / 1_000)} s)`;
    if (!isTerminal) return write(`${text}${seconds}\n`);
    // One column stays free: some terminals go to the next line when the last one is written.
    const room = (columns() ?? USUAL_COLUMNS) - seconds.length - 1;
    const shown = firstColumns(text, room - 1);
    write(`${EMPTY_LINE}${shown === text ? text : `${shown}…`}${seconds}`);
  }
}
