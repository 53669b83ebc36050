/**
 * Plain tables for reports in the terminal.
 *
 * @module
 */

/** A column: its heading, and the side on which its values line up. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Returns the lines of a table; each column is as wide as its widest value. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string[] {
  const texts = rows.map((row) => row.map(String));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map((row) => row[index]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => {
      const width = widths[index] ?? 0;
      return columns[index]?.align === "right" ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd();
  return [
    line(columns.map(({ title }) => title)),
    line(widths.map((width) => "-".repeat(width))),
    ...texts.map(line),
  ];
}

const encoder = new TextEncoder();

/** Writes lines, by default to standard output. */
export function printLines(
  lines: readonly string[],
  output: { writeSync(bytes: Uint8Array): number } = Deno.stdout,
): void {
  // A pipe may take less than it is given.
  let rest = encoder.encode(`${lines.join("\n")}\n`);
  while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
}
