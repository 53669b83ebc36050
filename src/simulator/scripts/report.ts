/**
 * Files that agents write: a chart, a table, and a report in three forms.
 *
 * @module
 */

import { type Steps, wait } from "../script.ts";
import { pdfOf, pngOf } from "./documents.ts";
import { excerpt } from "./quick.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SALES = MONTHS.map((month, index) => ({
  month,
  sales: 900 + 70 * index + (index % 3) * 120,
}));

/** Writes made-up sales as files. */
export function* writeReport(task: string): Steps {
  for (const [filename, content] of Object.entries(filesOf(excerpt(task, 80)))) {
    yield* wait(10);
    yield { do: "write", filename, content };
  }
}

function filesOf(task: string): Readonly<Record<string, Uint8Array<ArrayBuffer>>> {
  const total = SALES.reduce((sum, { sales }) => sum + sales, 0);
  const rows = SALES.map(({ month, sales }) => `${month},${sales}\n`).join("");
  const text = `# Sales\n\nTask: ${task}\n\n| Month | Sales |\n| --- | ---: |\n` +
    SALES.map(({ month, sales }) => `| ${month} | ${sales} |\n`).join("") +
    `\n![Sales by month](chart.png)\n\nTogether: **${total}**. All figures are made up.\n`;
  const lines = ["Sales (simulated)", ...SALES.map(({ month, sales }) => `${month}: ${sales}`)];
  const summary = { total, best: SALES.at(-1)?.month, months: SALES };
  const encode = (content: string) => new TextEncoder().encode(content);
  return {
    "sales.csv": encode(`month,sales\n${rows}`),
    "chart.png": pngOf(SALES.map(({ sales }) => sales)),
    "report.md": encode(text),
    "summary.json": encode(`${JSON.stringify(summary, undefined, 2)}\n`),
    "report.pdf": pdfOf(lines),
  };
}
