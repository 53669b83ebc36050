/**
 * Draws what stands in a terminal as SVG: what a program printed, animated, or one screen.
 *
 * @module
 */

/** A line that a program printed. */
export interface TerminalLine {
  /** When, in milliseconds since the program started. */
  readonly atMs: number;
  /** May hold the colours of `src/commands/paint.ts`. */
  readonly text: string;
}

/** What a picture shows. */
export interface Recording {
  /** What a screen reader says. */
  readonly title: string;
  /** The command, as it was typed. */
  readonly command: string;
  readonly lines: readonly TerminalLine[];
  /** Size of the terminal, in characters. */
  readonly columns: number;
  readonly rows: number;
}

/** A row of the terminal: texts with their styles. */
type Row = readonly Run[];

interface Run {
  readonly style: string;
  readonly text: string;
}

/** Sizes in pixels: characters of the common fixed-width fonts are 0.6 times as wide as high. */
const CHAR = 8.4;
const LINE = 19;
const PADDING = 16;

/** The command stands there this long before the program starts. */
const TYPED_MS = 1500;

/** The end stands there this long before it begins again. */
const READ_MS = 9000;

/** With this fragment after its address, the picture stands still at the end. */
const STILL = "still";

/** After so many rounds the picture stands still at the end. */
const ROUNDS = 3;

/** SGR codes, as styles of the picture; the others end a style. */
const STYLES: Readonly<Record<string, string>> = {
  "1": "b",
  "2": "d",
  "31": "r",
  "32": "g",
  "33": "y",
  "36": "c",
};

const CSS = `
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328 }
rect { fill: #f6f8fa; stroke: #d1d9e0 }
.b { font-weight: bold } .d { fill: #59636e } .r { fill: #cf222e } .g { fill: #116329 } .y { fill: #7d4e00 } .c { fill: #0a5cad }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } rect { fill: #0d1117; stroke: #3d444d }
.d { fill: #9198a1 } .r { fill: #ff7b72 } .g { fill: #7ee787 } .y { fill: #e3b341 } .c { fill: #79c0ff }
}`;

/**
 * Draws a recording. The SVG needs nothing else: no script, no font, no other file. It follows the
 * reader's choice of dark or light, and shows only the end where less motion is asked for. Not every
 * browser tells a picture of that choice: a page that asks for `#still` does.
 */
export function terminalSvg({ title, command, lines, columns, rows }: Recording): string {
  const prompt: Row = [{ style: "d", text: "$ " }, { style: "", text: command }];
  const steps: { atMs: number; rows: Row[] }[] = [{ atMs: 0, rows: [prompt] }];
  for (const { atMs, text } of lines) {
    const shownAt = TYPED_MS + atMs;
    const wrapped = wrap(readStyles(text), columns);
    const last = steps.at(-1);
    if (last?.atMs === shownAt) last.rows.push(...wrapped);
    else steps.push({ atMs: shownAt, rows: wrapped });
  }
  const totalMs = (steps.at(-1)?.atMs ?? 0) + READ_MS;
  const animation = `${totalMs}ms step-end ${ROUNDS} both`;
  const percent = (ms: number) => `${Math.round((ms / totalMs) * 10_000) / 100}%`;

  const groups: string[] = [];
  const keyframes: string[] = [];
  const scrolls: string[] = [];
  let row = 0;
  const scrolledBy = () => Math.max(0, row - rows) * LINE;
  for (const [index, step] of steps.entries()) {
    const texts = step.rows.map((runs) => textElement(runs, row++));
    groups.push(`<g class="s${index}">\n${texts.join("\n")}\n</g>`);
    scrolls.push(`${percent(step.atMs)} { transform: translateY(-${scrolledBy()}px) }`);
    if (index === 0) continue;
    keyframes.push(
      `.s${index} { animation: s${index} ${animation} }`,
      `@keyframes s${index} { 0% { opacity: 0 } ${percent(step.atMs)}, to { opacity: 1 } }`,
    );
  }
  const end = scrolledBy();
  const width = Math.ceil(columns * CHAR) + 2 * PADDING;
  const height = Math.min(row, rows) * LINE + 2 * PADDING;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" id="${STILL}" role="img" aria-labelledby="t">
<title id="t">${escapeXml(title)}</title>
<style>${CSS}
.all { transform: translateY(-${end}px) }
@media (prefers-reduced-motion: no-preference) {
.all { animation: all ${animation} }
${keyframes.join("\n")}
@keyframes all { ${scrolls.join(" ")} to { transform: translateY(-${end}px) } }
}
:target g { animation: none !important }
</style>
<clipPath id="screen"><path d="M0 ${PADDING}h${width}v${height - 2 * PADDING + 4}H0z"/></clipPath>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
<g clip-path="url(#screen)">
<g class="all">
${groups.join("\n")}
</g>
</g>
</svg>
`;
}

/** One screen of a terminal. */
export interface Screen {
  /** What a screen reader says. */
  readonly title: string;
  /** May hold colours; each fits into the columns. */
  readonly lines: readonly string[];
  readonly columns: number;
}

/** Draws one screen, which needs nothing else either, and follows the choice of dark or light. */
export function screenSvg({ title, lines, columns }: Screen): string {
  const width = Math.ceil(columns * CHAR) + 2 * PADDING;
  const height = lines.length * LINE + 2 * PADDING;
  const texts = lines.map((line, row) => textElement(readStyles(line), row));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t">
<title id="t">${escapeXml(title)}</title>
<style>${CSS}
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${texts.join("\n")}
</svg>
`;
}

/** Returns the texts in a picture, row by row. */
export function svgTexts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>(.*)<\/text>/g)].map(([, inner = ""]) =>
    inner.replace(/<[^>]*>/g, "")
  );
}

/** Splits a line with colours into texts of one style each. */
function readStyles(line: string): Run[] {
  const runs: Run[] = [];
  let style = "";
  // deno-lint-ignore no-control-regex
  for (const part of line.split(/(\x1b\[\d+m)/)) {
    const code = part.startsWith("\x1b[") ? part.slice(2, -1) : undefined;
    if (code !== undefined) style = STYLES[code] ?? "";
    else if (part !== "") runs.push({ style, text: part });
  }
  return runs;
}

/** A row may end so many characters early, to break at a space. */
const RAGGED = 20;

/** Breaks a line where the terminal ends: behind a space, if there is one near the end. */
function wrap(runs: readonly Run[], columns: number): Row[] {
  const line = runs.map(({ text }) => text).join("");
  const rows: Row[] = [];
  let start = 0;
  do {
    const space = line.lastIndexOf(" ", start + columns - 1) + 1;
    const isLast = line.length - start <= columns;
    const least = start + Math.max(0, columns - RAGGED);
    const end = !isLast && space > least ? space : start + columns;
    rows.push(cut(runs, start, end));
    start = end;
  } while (start < line.length);
  return rows;
}

/** Returns the part of a line between two columns. */
function cut(runs: readonly Run[], start: number, end: number): Row {
  let column = 0;
  return runs.flatMap(({ style, text }) => {
    const part = text.slice(Math.max(0, start - column), Math.max(0, end - column));
    column += text.length;
    return part === "" ? [] : [{ style, text: part }];
  });
}

function textElement(runs: Row, row: number): string {
  const length = runs.reduce((sum, { text }) => sum + text.length, 0);
  const y = PADDING + row * LINE + 14;
  const spans = runs.map(({ style, text }) =>
    style === "" ? escapeXml(text) : `<tspan class="${style}">${escapeXml(text)}</tspan>`
  );
  // The length keeps a row within its columns, whatever font the reader has.
  const fit = length > 0 ? ` textLength="${Math.round(length * CHAR * 10) / 10}"` : "";
  return `<text x="${PADDING}" y="${y}"${fit} xml:space="preserve">${spans.join("")}</text>`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
