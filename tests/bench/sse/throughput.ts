import { type Figure, figure, type FigureSpec, inTurns, ratios } from "../figure.ts";
import { chunksOf, type EventJson, EventWriter } from "./events.ts";
import { collectGarbage, readBaseline, readItems, readTurn } from "./paths.ts";

/** A turn that a stream carries. */
interface Load {
  readonly id: string;
  readonly what: string;
  readonly turn: readonly EventJson[];
}

/** How far the bytes are read: the baseline, only parsed, or to the result of a wait. */
type Way = "baseline" | "parse" | "whole";

const WAYS: Readonly<Record<Way, string>> = {
  baseline: "eventsource-parser and JSON.parse alone",
  parse: "bytes to events",
  whole: "bytes to the result of a wait",
};

/** Kilobytes that one read of a connection gives. */
const CHUNKS_KB = [16, 64] as const;
const LARGE = [
  { id: "large_100k", kilobytes: 100, events: 80 },
  { id: "large_1m", kilobytes: 1_000, events: 10 },
] as const;
const SMALL_EVENTS = 10_000;
const QUICK_SHARE = 0.1;

function turnOf(fill: (writer: EventWriter) => void): readonly EventJson[] {
  const writer = new EventWriter();
  writer.begin();
  fill(writer);
  writer.end();
  return writer.events;
}

function loads(share: number): Load[] {
  const count = SMALL_EVENTS * share;
  const small = turnOf((writer) => writer.fill("work", count));
  return [
    { id: "small", what: "events of 300 bytes", turn: small },
    ...LARGE.map(({ id, kilobytes, events }) => ({
      id,
      what: `events of ${kilobytes} KB`,
      turn: turnOf((writer) => {
        for (let index = 0; index < events * share; index++) {
          writer.large(index % 2 === 0 ? "agent.message" : "agent.tool_result", kilobytes * 1_000);
        }
      }),
    })),
  ];
}

/** Measures MB/s of the three ways through the same bytes, and compares ours with the baseline. */
export async function throughputFigures(rounds: number, quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { id, what, turn } of loads(quick ? QUICK_SHARE : 1)) {
    for (const chunkKb of CHUNKS_KB) {
      const chunks = chunksOf(turn, chunkKb * 1_024);
      const clean = (read: () => Promise<number>) => () => {
        collectGarbage();
        return read();
      };
      const times = await inTurns<Way, number>(
        rounds,
        new Map([
          ["baseline", clean(() => readBaseline(chunks, turn.length))],
          ["parse", clean(() => readItems(chunks, turn.length))],
          ["whole", clean(() => readTurn(chunks, turn))],
        ]),
      );
      const megabytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0) / 1e6;
      const about = { id: `sse.${id}_${chunkKb}k`, what: `${what} in pieces of ${chunkKb} KB` };
      figures.push(...figuresOf(about, times, megabytes));
    }
  }
  return figures;
}

function figuresOf(
  { id, what }: Pick<FigureSpec, "id" | "what">,
  times: ReadonlyMap<Way, readonly number[]>,
  megabytes: number,
): Figure[] {
  const least = times.get("baseline") ?? [];
  return [...times].flatMap(([way, ms]) => {
    const rate = figure({
      id: `${id}.${way}`,
      what: `${what}: ${WAYS[way]}`,
      unit: "MB/s",
      better: "more",
    }, ms.map((value) => megabytes / (value / 1e3)));
    if (way === "baseline") return [rate];
    const ratio = figure({
      id: `${id}.${way}_vs_baseline`,
      what: `${what}: time of that, beside the parser's and JSON.parse's`,
      unit: "x",
      better: "less",
    }, ratios(ms, least));
    return [rate, ratio];
  });
}
