/**
 * Makes the figures of the whole program's waits beside their baselines.
 *
 * @module
 */

import { type Figure, figure, ratios } from "../figure.ts";
import { type Era, REVISIONS } from "../overhead/calls.ts";
import type { WaitBytes } from "./baselines.ts";
import { many } from "./crowd_figures.ts";

const KILOBYTE = 1_000;
/** What the program adds, such as a history of events, may take a quarter of what it stands on. */
const RATIO_TARGET = 1.25;

/** Returns the figures of one era, from the values of each round. */
export function baselineFigures(
  era: Era,
  waits: number,
  rounds: readonly WaitBytes[],
): Figure[] {
  const id = `open_waits.beside.${era}`;
  const each = (part: keyof WaitBytes) => rounds.map((found) => found[part] / KILOBYTE);
  const memory = (part: keyof WaitBytes, what: string) =>
    figure({ id: `${id}.${part}`, what, unit: "KB", better: "less" }, each(part));
  const ratio = (part: string, what: string, baseline: readonly number[], target?: number) =>
    figure(
      { id: `${id}.${part}`, what, unit: "x", better: "less", target },
      ratios(
        each("ours"),
        baseline,
      ),
    );
  const streams = each("stream");
  const sum = each("call").map((call, round) => call + (streams[round] ?? NaN));
  return [
    memory(
      "ours",
      `memory of each of ${many(waits)} open waits, whole program over HTTP, ${REVISIONS[era]}`,
    ),
    memory("call", "  for comparison: of a call of a minimal server with the SDK"),
    memory("stream", "  for comparison: of a bare stream of the API"),
    memory("both", "  for comparison: of a call of that server which reads the stream"),
    ratio("ratio", "  wait / (call + stream)", sum, RATIO_TARGET),
    ratio("both_ratio", "  wait / call that reads the stream", each("both")),
  ];
}
