/**
 * Texts in the columns of a terminal, in which most characters of East Asia and most emoji take two.
 *
 * @module
 */

/** What takes two columns: East Asian Wide and Fullwidth (Unicode, UAX #11), and emoji. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\ufe0f]|\p{Emoji_Presentation}/u;

/** What takes none by itself. */
const MARKS = /^[\p{M}\p{Cf}]+$/u;

const ASCII = /^[\x20-\x7e]*$/;

let segmenter: Intl.Segmenter | undefined;

/** Parts a text into what people take for characters. */
function charactersOf(text: string): Intl.Segments {
  // Made when it is first needed: a host waits for the program to start.
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

function widthOf(character: string): number {
  if (MARKS.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Counts the columns that a text without line ends and control characters takes. */
export function columnsOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  return [...charactersOf(text)].reduce((sum, { segment }) => sum + widthOf(segment), 0);
}

/** Returns the beginning of a text that takes at most `columns`; no character is split. */
export function firstColumns(text: string, columns: number): string {
  let room = columns;
  for (const { segment, index } of charactersOf(text)) {
    room -= widthOf(segment);
    if (room < 0) return text.slice(0, index);
  }
  return text;
}

/**
 * Cuts a text into lines of at most `columns`, wherever that is: for a foreign text, of which no part
 * may come to stand at the beginning of a line of the terminal.
 */
export function cutColumns(text: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = text;
  do {
    const line = firstColumns(rest, columns) || rest.slice(0, columns);
    rest = rest.slice(line.length);
    lines.push(line);
  } while (rest !== "");
  return lines;
}

/** Wraps a text by words into lines of at most `columns`; a word that is longer is parted. */
export function wrapColumns(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== "" && columnsOf(line) + 1 + columnsOf(word) > columns) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
    while (columnsOf(line) > columns) {
      // At least one character, however narrow the column is.
      const part = firstColumns(line, columns) || [...line][0] || line;
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return line === "" && lines.length > 0 ? lines : [...lines, line];
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Holds what is copied, which is never parted. */
  readonly isId?: boolean;
}

/** Options of {@linkcode tableLines}. */
export interface TableOptions {
  /** Columns of the terminal; without it no cell is wrapped, and each row is one line. */
  readonly width?: number;
  /** Puts the titles on top. */
  readonly withTitles: boolean;
}

/** Between two columns of a table. */
const GAP = "  ";
/** A column that is wrapped keeps so many columns. */
const MIN_WIDTH = 8;

/**
 * Lays a table out in lines; where the columns do not fit, the texts stand below the id.
 *
 * @param rows a text for each column, without control characters
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width, withTitles }: TableOptions,
): string[] {
  const all = withTitles ? [columns.map(({ title }) => title), ...rows] : rows;
  const widths = widthsOf(columns, all, width);
  if (width !== undefined && totalOf(widths) > width) {
    return all.flatMap((row) => stackedLines(columns, row, width));
  }
  return all.flatMap((row) => {
    const cells = columns.map(({ isId }, at) => {
      const text = row[at] ?? "";
      return isId || width === undefined ? [text] : wrapColumns(text, widths[at] ?? 0);
    });
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from(
      { length: height },
      (_, line) =>
        cells.map((lines, at) => padded(lines[line] ?? "", widths[at] ?? 0)).join(GAP).trimEnd(),
    );
  });
}

function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length);
}

/** Puts the texts of a row below its id, for terminals that have no room for columns. */
function stackedLines(
  columns: readonly Column[],
  row: readonly string[],
  width: number,
): string[] {
  const texts = row.filter((text, at) => !columns[at]?.isId && text !== "").join(" · ");
  return [
    row.filter((_, at) => columns[at]?.isId).join(GAP),
    ...texts === "" ? [] : wrapColumns(texts, Math.max(MIN_WIDTH, width - GAP.length))
      .map((line) => `${GAP}${line}`),
  ];
}

/** As wide as the widest cell; where that is too much the widest columns give, but none with ids. */
function widthsOf(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): number[] {
  const widths = columns.map((_, at) =>
    Math.max(0, ...rows.map((row) => columnsOf(row[at] ?? "")))
  );
  while (totalOf(widths) > width) {
    const givers = columns.flatMap(({ isId }, at) => isId ? [] : [at])
      .filter((at) => (widths[at] ?? 0) > MIN_WIDTH);
    const [widest] = givers.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
