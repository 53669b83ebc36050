/**
 * Colours for a terminal.
 *
 * @module
 */

/** Wraps a text in the codes of a colour, or leaves it as it is. */
export type Paint = (text: string) => string;

/** The few colours that commands use. */
export interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly cyan: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly red: Paint;
}

function paint(on: boolean, start: number, end: number): Paint {
  return on ? (text) => `\x1b[${start}m${text}\x1b[${end}m` : (text) => text;
}

/** A palette that paints, or one that leaves every text alone. */
export function createPalette(on: boolean): Palette {
  return {
    bold: paint(on, 1, 22),
    dim: paint(on, 2, 22),
    cyan: paint(on, 36, 39),
    green: paint(on, 32, 39),
    yellow: paint(on, 33, 39),
    red: paint(on, 31, 39),
  };
}
