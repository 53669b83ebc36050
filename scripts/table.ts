/**
 * Plain tables for reports in the terminal.
 *
 * @module
 */

/** A column: its heading, with the values below it on the left, or as {@linkcode right} has it. */
export type Column = string | { readonly title: string; readonly align: "right" };

/** Returns a column whose values line up on the right, as numbers do. */
export function right(title: string): Column {
  return { title, align: "right" };
}

function titleOf(column: Column): string {
  return typeof column === "string" ? column : column.title;
}

/** Returns the lines of a table; each column is as wide as its widest value. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string[] {
  const texts = rows.map((row) => row.map(String));
  const widths = columns.map((column, index) =>
    Math.max(titleOf(column).length, ...texts.map((row) => row[index]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => {
      const width = widths[index] ?? 0;
      return typeof columns[index] === "object" ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd();
  return [
    line(columns.map(titleOf)),
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
