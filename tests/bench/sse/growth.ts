/**
 * Compares what an event costs in a short session and in a long one.
 *
 * @module
 */

import { median } from "../../../scripts/statistics.ts";
import { type Figure, figure, inTurns, ratios } from "../figure.ts";
import { collectGarbage } from "./paths.ts";

/** Something that is done with n events. */
export interface Growing {
  /** Without the bench's name. */
  readonly id: string;
  readonly what: string;
  /** Set where the whole cost should stay the same as the session grows, not only that of an event. */
  readonly bounded?: true;
  /** Numbers of events, in order; the last two are compared. */
  readonly sizes: readonly number[];
  /** Prepares for n events. @returns the work, which gives the milliseconds that it took */
  prepare(size: number): () => Promise<number>;
}

/** Short work is repeated until it has seen about so many events. */
const ENOUGH_EVENTS = 10_000;
/** Also for work that is short with any number of events. */
const MAX_REPEATS = 20;
/** Target: the cost of an event in the longest session, relative to the next shorter one. */
const MAX_GROWTH = 1.3;

/** Times each size in turns. */
export async function growthFigures(
  { id, what, bounded, sizes, prepare }: Growing,
  { rounds, quick }: { readonly rounds: number; readonly quick: boolean },
): Promise<Figure[]> {
  const sides = sizes.map((size) => {
    const work = prepare(size);
    const repeats = quick ? 1 : bounded ? MAX_REPEATS : repeatsOf(size);
    // What is over in a moment is at the mercy of every other; a long session pays for its garbage.
    const typical = bounded ? median : mean;
    return [String(size), async () => typical(await timesOf(work, repeats))] as const;
  });
  const times = await inTurns(rounds, new Map(sides));
  const costs = sizes.map((size) => {
    const ms = times.get(String(size)) ?? [];
    return { size, values: bounded ? ms : ms.map((value) => value / size * 1e3) };
  });
  const [shorter, longest] = costs.slice(-2);
  if (!shorter || !longest) throw new RangeError(`'${id}' has no two sizes to compare`);
  const count = (size: number) => `${size.toLocaleString("en-US")} events`;
  return [
    ...costs.map(({ size, values }) =>
      figure({
        id: `sse.${id}_${size}.${bounded ? "ms" : "us_per_event"}`,
        what: `${what}, ${count(size)}${bounded ? "" : ": each"}`,
        unit: bounded ? "ms" : "µs",
        better: "less",
      }, values)
    ),
    figure({
      id: `sse.${id}.growth`,
      what: `${what}: ${count(longest.size)} beside ${count(shorter.size)}` +
        (bounded ? "" : ", each event"),
      unit: "x",
      better: "less",
      target: MAX_GROWTH,
    }, ratios(longest.values, shorter.values)),
  ];
}

function repeatsOf(events: number): number {
  return Math.max(1, Math.min(MAX_REPEATS, Math.floor(ENOUGH_EVENTS / events)));
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Returns the milliseconds of each of `repeats` runs. */
async function timesOf(work: () => Promise<number>, repeats: number): Promise<number[]> {
  collectGarbage();
  const ms: number[] = [];
  for (let count = 0; count < repeats; count++) ms.push(await work());
  return ms;
}
