/**
 * Makes the table of figures in docs/figures.md, from the newest run on record.
 *
 * @module
 */

import type { RecordedFigure, RecordedRun } from "../bench/record.ts";
import { onTarget } from "../../tests/bench/figure.ts";
import { figureText, targetText } from "../bench/report.ts";

/** The figures that tell most, by id, in words for a reader who has not seen the bench. */
const SHOWN: readonly (readonly [id: string, what: string])[] = [
  [
    "turn_end.http_alone.median",
    "End of a turn → result, more than by reading the stream directly",
  ],
  ["turn_end.http_beside.median", "The same beside 1,000 open waits"],
  ["turn_end.http_beside.p99", "… the slowest of a hundred"],
  ["open_waits.memory_5000.waiter", "Memory of each of 5,000 open waits"],
  ["open_waits.memory_1000.waiter", "… of 1,000, with what the process grows by once"],
  ["open_waits.memory_5000.fetch", "… of 5,000 bare `fetch` streams"],
  ["open_waits.beside.modern.ours", "… of 1,000 over HTTP, with the server's side"],
  [
    "open_waits.beside.modern.ratio",
    "… relative to a bare stream and a call of the SDK, each held open by itself",
  ],
  ["open_waits.beside.legacy.ratio", "… the same in the 2025-11-25 protocol"],
  [
    "open_waits.http2.call_ratio",
    "Time of `get_session` beside 1,000 waits over HTTP/2, relative to alone",
  ],
  [
    "storm.attached",
    "1,000 waits whose connections to the API all drop, until all are attached again",
  ],
  ["storm.reads", "… most reads in a minute, of those that the API allows"],
  ["api_requests.turn.requests", "API requests of a turn: create, send, wait"],
  [
    "api_requests.wait_after_100000.requests",
    "API requests of a wait on a session of 100,000 events",
  ],
  ["overhead.http_16.vs_bare", "Calls a second over HTTP, relative to a bare handler"],
  ["overhead.http_16.vs_sdk2", "… relative to a minimal server of the same SDK"],
  ["overhead.http_16_modern.vs_sdk2", "… the same in the 2026-07-28 protocol"],
  ["overhead.stdio_16.vs_sdk2", "… the same on stdio"],
  ["start.executable.vs_one_tool", "Start of the executable, relative to a one-tool server"],
  [
    "start.executable.http_all_rss_mb",
    "Memory of the executable at rest over HTTP, with everything configured",
  ],
  ["start.npx.ms", "Start of the installed npm package by `npx`"],
  ["sse.turn.growth", "Cost of an event in a turn of 100,000, relative to a turn of 10,000"],
  ["model_cost.tools_list", "`tools/list`"],
  ["model_cost.tools_list.as_earlier", "… its names, descriptions and parameters"],
];

/** Returns the table's rows: what is measured, the figure, the target. */
export function figureRows(
  figures: Readonly<Record<string, RecordedFigure>>,
): readonly (readonly [what: string, figure: string, target: string])[] {
  return SHOWN.flatMap(([id, what]) => {
    const figure = figures[id];
    return figure ? [[what, figureText(figure), targetOf(figure)] as const] : [];
  });
}

/** Returns the names of chosen figures that a run lacks. */
export function missingFigures(figures: Readonly<Record<string, RecordedFigure>>): string[] {
  return SHOWN.filter(([id]) => figures[id] === undefined).map(([, what]) => what);
}

/** Returns the target, and says so where the figure misses it. */
function targetOf(figure: RecordedFigure): string {
  return targetText(figure) + (onTarget(figure) === false ? ", missed" : "");
}

/** Returns the sentence that says when and where the figures were taken. */
export function figuresCaption({ date, machine, versions, figures }: RecordedRun): string {
  const { os, arch, cpus, memory_gb } = machine;
  const { deno, denort } = versions;
  const missing = missingFigures(figures);
  const executables = denort === undefined ? "" : ` (executables: ${denort})`;
  return `Taken ${date.slice(0, 10)} on ${os} ${arch}, ${cpus} CPUs, ${memory_gb} GB, ` +
    `Deno ${deno}${executables}, client, server and API on one machine; median and range.` +
    (missing.length === 0 ? "" : ` Not measured in this run: ${missing.join("; ")}.`);
}
