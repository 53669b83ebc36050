/**
 * The README's table of figures, from the newest run on record.
 *
 * @module
 */

import type { RecordedFigure, RecordedRun } from "../bench/record.ts";
import { onTarget } from "../../tests/bench/figure.ts";
import { figureText, targetText } from "../bench/report.ts";

/** Figures that tell most, by id, in words for whoever has not read the bench. */
const SHOWN: readonly (readonly [id: string, what: string])[] = [
  ["turn_end.http_alone.median", "End of a turn → result, over reading the stream directly"],
  ["turn_end.http_beside.median", "The same beside 1,000 open waits"],
  ["open_waits.memory_5000.waiter", "Memory of each of 5,000 open waits"],
  ["open_waits.memory_5000.fetch", "The same of a bare `fetch` stream"],
  ["open_waits.http2.call_ratio", "`get_session` beside 1,000 waits over HTTP/2, of alone"],
  ["api_requests.turn.requests", "API requests of a turn: create, send, wait"],
  ["api_requests.wait_after_100000.requests", "API requests of a wait on a log of 100,000 events"],
  ["overhead.http_16.vs_bare", "`get_session` over HTTP at 16 connections, of a bare handler"],
  ["overhead.http_16.vs_sdk2", "The same, of a minimal server of the same SDK"],
  ["start.executable.vs_one_tool", "Start of the executable, of a compiled one-tool server"],
  ["sse.answers.growth", "Cost per event on a log ten times as long, worst case"],
  ["model_cost.tools_list", "`tools/list`"],
];

/** Lines of Markdown cells: what, figure, target. */
export function figureRows(
  figures: Readonly<Record<string, RecordedFigure>>,
): readonly (readonly [what: string, figure: string, target: string])[] {
  return SHOWN.flatMap(([id, what]) => {
    const figure = figures[id];
    return figure ? [[what, figureText(figure), targetOf(figure)] as const] : [];
  });
}

/** A target that was missed says so. */
function targetOf(figure: RecordedFigure): string {
  return targetText(figure) + (onTarget(figure) === false ? ", missed" : "");
}

/** When and where the figures were taken. */
export function figuresCaption({ date, machine, versions }: RecordedRun): string {
  const { os, arch, cpus, memory_gb } = machine;
  return `Taken ${date.slice(0, 10)} on ${os} ${arch}, ${cpus} CPUs, ${memory_gb} GB, ` +
    `Deno ${versions.deno}, everything on that one machine; middle and range of each.`;
}
