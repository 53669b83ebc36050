/**
 * Colours for a terminal.
 *
 * @module
 */

/** The codes that begin and end a style (ECMA-48, SGR). */
const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  cyan: [36, 39],
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
} as const;

/** Environment variables that decide on colours. */
export const COLOR_VARIABLES = ["NO_COLOR", "FORCE_COLOR"] as const;

/**
 * Decides whether stdout shows colours: on a terminal, unless NO_COLOR is set (no-color.org).
 * FORCE_COLOR (force-color.org) wins over both; `0` and `false` there mean none.
 */
export function showsColor(
  isTerminal: boolean,
  env: (name: typeof COLOR_VARIABLES[number]) => string | undefined,
): boolean {
  const forced = env("FORCE_COLOR");
  return forced ? !/^(0|false)$/i.test(forced) : isTerminal && !env("NO_COLOR");
}

/** Functions that wrap a text in a style. */
export type Palette = Readonly<Record<keyof typeof CODES, (text: string) => string>>;

/** Makes a palette; one that is not `on` leaves every text as it is. */
export function createPalette(on: boolean): Palette {
  const style = (name: keyof typeof CODES) => {
    const [start, end] = CODES[name];
    return (text: string) => on ? `\x1b[${start}m${text}\x1b[${end}m` : text;
  };
  return {
    bold: style("bold"),
    dim: style("dim"),
    cyan: style("cyan"),
    green: style("green"),
    yellow: style("yellow"),
    red: style("red"),
  };
}
