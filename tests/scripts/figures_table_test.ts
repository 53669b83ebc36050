import { assertEquals, assertMatch } from "@std/assert";
import type { RecordedFigure, RecordedRun } from "../../scripts/bench/record.ts";
import { figureRows, figuresCaption } from "../../scripts/house/figures.ts";
import { figureTable } from "../../scripts/house/documents.ts";

const figures: Record<string, RecordedFigure> = {
  "turn_end.http_alone.median": {
    median: 1.5,
    least: 1.234,
    most: 2,
    unit: "ms",
    better: "less",
    target: 2,
  },
  "model_cost.tools_list": {
    median: 8_880,
    least: 8_880,
    most: 8_880,
    unit: "characters",
    better: "less",
    exact: true,
  },
  "overhead.http_16.vs_bare": {
    median: 0.33,
    least: 0.25,
    most: 0.34,
    unit: "x",
    better: "more",
    target: 0.5,
  },
  "overhead.answer_bytes.ours": { median: 1, least: 1, most: 1, unit: "bytes", better: "less" },
};
const run: RecordedRun = {
  date: "2026-11-23T08:00:00.000Z",
  commit: "0123456789ab",
  machine: { os: "linux", arch: "x86_64", cpus: 2, memory_gb: 25 },
  versions: { deno: "2.9.6" },
  figures,
};

Deno.test("figureRows() shows the chosen figures that were measured, with range and target", () => {
  assertEquals(figureRows(figures), [
    [
      "End of a turn → result, more than by reading the stream directly",
      "1.50 ms (1.23 – 2)",
      "≤ 2 ms",
    ],
    [
      "Calls a second over HTTP, relative to a bare handler",
      "0.33 × (0.25 – 0.34)",
      "≥ 0.50 ×, missed",
    ],
    ["`tools/list`", "8,880 characters", ""],
  ]);
});

Deno.test("figuresCaption() says when, where and with what", () => {
  assertMatch(
    figuresCaption(run),
    /^Taken 2026-11-23 on linux x86_64, 2 CPUs, 25 GB, Deno 2\.9\.6,/,
  );
});

Deno.test("figureTable() is a table of the newest run, or says that there is none", () => {
  assertMatch(figureTable(run), /^\| What .*\n\| -+ \|.*\n\| End of a turn/);
  assertEquals(figureTable(undefined), "None are on record yet.");
});
