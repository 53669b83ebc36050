/**
 * Lists the servers that are measured beside each other, and makes the figures.
 *
 * @module
 */

import { type Figure, figure, type FigureSpec, ratios } from "../figure.ts";
import type { Era } from "./calls.ts";
import type { LoadResult } from "./load.ts";
import type { HttpName, StdioName } from "./sides.ts";

/** Servers under the same load, in turns. */
export interface Group {
  readonly id: string;
  /** For a reader. */
  readonly what: string;
  /** Connections, each with one call at a time, and what is spoken over them. */
  readonly http?: { readonly connections: number; readonly era: Era };
  /** Calls at a time. */
  readonly stdio?: { readonly inFlight: number };
  readonly sides: readonly (HttpName | StdioName)[];
  /** Set where the time of a call is a figure: under load it tells no more than calls/s. */
  readonly latency?: boolean;
  /** Set where processor time is a figure. */
  readonly cpu?: boolean;
  /** Least ratio of calls/s, by baseline. */
  readonly targets?: Partial<Record<HttpName, number>>;
}

const ALL = ["ours", "bare", "sdk1", "sdk2"] as const;

function over(connections: number, era: Era = "legacy") {
  return { connections, era };
}

/** In the order in which they are measured. */
export const GROUPS: readonly Group[] = [
  {
    id: "http_1",
    what: "HTTP, 1 connection",
    http: over(1),
    sides: ALL,
    latency: true,
  },
  {
    id: "http_16",
    what: "HTTP, 16 connections",
    http: over(16),
    sides: ALL,
    cpu: true,
    targets: { sdk2: 0.9 },
  },
  { id: "http_64", what: "HTTP, 64 connections", http: over(64), sides: ALL },
  {
    id: "http_16_modern",
    what: "HTTP, 16 connections, 2026-07-28",
    http: over(16, "modern"),
    sides: ["ours", "sdk2"],
    cpu: true,
    targets: { sdk2: 0.9 },
  },
  {
    id: "stdio",
    what: "stdio, one by one",
    stdio: { inFlight: 1 },
    sides: ["ours", "sdk1", "sdk2"],
    latency: true,
    cpu: true,
  },
  {
    id: "stdio_16",
    what: "stdio, 16 in flight",
    stdio: { inFlight: 16 },
    sides: ["ours", "sdk1", "sdk2"],
    cpu: true,
    targets: { sdk2: 0.9 },
  },
];

/** Names of the servers for a reader. */
export const TITLES: Readonly<Record<HttpName, string>> = {
  ours: "cma-mcp",
  bare: "bare handler",
  sdk1: "minimal SDK 1.x",
  sdk2: "minimal SDK 2.x",
};

/** Returns the key of a server in a group. */
export function keyOf(group: Group, side: HttpName): string {
  return `${group.id}.${side}`;
}

type Results = ReadonlyMap<string, readonly LoadResult[]>;

/** Returns the values of all rounds; none where the system did not tell, or too coarsely for the load. */
function valuesOf(
  results: Results,
  key: string,
  pick: (result: LoadResult) => number | undefined,
): number[] {
  const values = (results.get(key) ?? []).map(pick);
  return values.every((value) => value !== undefined && value > 0)
    ? values.map((value) => value ?? 0)
    : [];
}

const MEASURES: readonly {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly better: FigureSpec["better"];
  readonly applies: (group: Group) => boolean;
  readonly pick: (result: LoadResult) => number | undefined;
  /** Compared with the baselines'. */
  readonly ratio?: { readonly id: string; readonly what: string };
}[] = [
  {
    id: "throughput",
    what: "throughput",
    unit: "calls/s",
    better: "more",
    applies: () => true,
    pick: ({ callsPerSecond }) => callsPerSecond,
    ratio: { id: "vs", what: "throughput" },
  },
  {
    id: "p50",
    what: "median",
    unit: "ms",
    better: "less",
    applies: ({ latency = false }) => latency,
    pick: ({ p50Ms }) => p50Ms,
  },
  {
    id: "p99",
    what: "99th percentile",
    unit: "ms",
    better: "less",
    applies: ({ latency = false }) => latency,
    pick: ({ p99Ms }) => p99Ms,
  },
  {
    id: "cpu",
    what: "processor time of the server per call",
    unit: "µs",
    better: "less",
    applies: ({ cpu = false }) => cpu,
    pick: ({ cpuMicros }) => cpuMicros,
    ratio: { id: "cpu_vs", what: "processor time per call" },
  },
];

/** Makes the figures of a group, and a line for each that could not be measured. */
export function groupFigures(
  group: Group,
  results: Results,
): { readonly figures: readonly Figure[]; readonly skipped: readonly string[] } {
  const figures: Figure[] = [];
  const skipped: string[] = [];
  for (const measure of MEASURES) {
    if (!measure.applies(group)) continue;
    const { unit, better, pick, ratio } = measure;
    const valuesBy = new Map(
      group.sides.map((side) => [side, valuesOf(results, keyOf(group, side), pick)]),
    );
    if ([...valuesBy.values()].some((values) => values.length === 0)) {
      skipped.push(`${group.what}: ${measure.what}: the system does not tell, or too coarsely`);
      continue;
    }
    const ours = valuesBy.get("ours") ?? [];
    for (const [side, values] of valuesBy) {
      const id = `overhead.${keyOf(group, side)}.${measure.id}`;
      const what = `${group.what}: ${TITLES[side]}, ${measure.what}`;
      figures.push(figure({ id, what, unit, better }, values));
    }
    for (const [side, values] of valuesBy) {
      if (!ratio || side === "ours") continue;
      const target = ratio.id === "vs" ? group.targets?.[side] : undefined;
      figures.push(figure({
        id: `overhead.${group.id}.${ratio.id}_${side}`,
        what: `${group.what}: ${ratio.what} over that of the ${TITLES[side]}`,
        unit: "x",
        better,
        ...(target !== undefined && { target }),
      }, ratios(ours, values)));
    }
  }
  return { figures, skipped };
}
