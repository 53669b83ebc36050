/**
 * What is measured of each server, and the servers. The table in docs/figures.md has these rows and
 * columns.
 *
 * @module
 */

import type { FigureSpec } from "../figure.ts";

/** A server: ours, or a peer. */
export type SideName =
  | "ours_deno"
  | "sdk1_deno"
  | "sdk2_deno"
  | "ours_node"
  | "sdk1_node"
  | "sdk2_node"
  | "sdk1_bun"
  | "ours_executable";

/** How a server is shown, and what it is compared with. */
export interface SideSpec {
  readonly title: string;
  /** That of our servers which a peer is compared with: the one on the same runtime. */
  readonly beside?: SideName;
}

/** All servers, in the order of the table's columns. */
export const SIDES: Readonly<Record<SideName, SideSpec>> = {
  ours_deno: { title: "cma-mcp, Deno" },
  sdk1_deno: { title: "SDK 1, Deno", beside: "ours_deno" },
  sdk2_deno: { title: "SDK 2, Deno", beside: "ours_deno" },
  ours_node: { title: "cma-mcp, Node" },
  sdk1_node: { title: "SDK 1, Node", beside: "ours_node" },
  sdk2_node: { title: "SDK 2, Node", beside: "ours_node" },
  sdk1_bun: { title: "SDK 1, Bun", beside: "ours_deno" },
  ours_executable: { title: "cma-mcp, executable" },
};

/** The names of all servers, in the order of the table's columns. */
export const SIDE_NAMES = Object.keys(SIDES) as readonly SideName[];

/** Tells whether a server is one of ours. */
export function isOurs(side: SideName): boolean {
  return SIDES[side].beside === undefined;
}

/** What is measured: the end of the figures' ids, and how it is shown. */
export interface Row extends Pick<FigureSpec, "unit" | "better"> {
  readonly id: string;
  readonly what: string;
}

/** Makes a row of something of which less is better. */
function less(id: string, what: string, unit: string): Row {
  return { id, what, unit, better: "less" };
}

function callRows(id: string, what: string): Row[] {
  return [
    { id, what: `${what}: calls a second`, unit: "calls/s", better: "more" },
    less(`${id}_cpu`, "… processor time of a call", "µs"),
  ];
}

function startRows(until: string): Row[] {
  const id = `start_${until.replace("/", "_")}`;
  return [
    less(id, `Start until the response to \`${until}\``, "ms"),
    less(`${id}_cpu`, "… its processor time", "ms"),
  ];
}

function crowdRows(count: number): Row[] {
  const id = `waits_${count}`;
  return [
    less(`${id}_open`, `${count.toLocaleString("en-US")} waits over HTTP: time to open all`, "ms"),
    less(`${id}_open_cpu`, "… processor time to open all", "ms"),
    less(`${id}_memory`, "… memory of each", "KB"),
    less(`${id}_cpu`, "… processor time to hold all for a second, with two heartbeats each", "ms"),
    less(`${id}_end`, "… from the end of all turns to the last result", "ms"),
    less(`${id}_end_cpu`, "… processor time of that", "ms"),
  ];
}

/** The numbers of waits that are open at once. */
export const CROWDS = [300, 1_000] as const;

/** What is measured, in the order of the table. */
export const ROWS: readonly Row[] = [
  ...callRows("http", "`get_agent`, HTTP, 2025-11-25, 16 at a time"),
  ...callRows("http_modern", "`get_agent`, HTTP, 2026-07-28, 16 at a time"),
  ...callRows("stdio", "`get_agent`, stdio, 16 at a time"),
  ...startRows("initialize"),
  ...startRows("tools/list"),
  less("rest_stdio", "Memory at rest, stdio", "MB"),
  less("rest_http", "Memory at rest, HTTP", "MB"),
  ...CROWDS.flatMap(crowdRows),
  less("wait_over", "A wait on a turn that is over", "ms"),
  less("wait_first_byte", "First byte of a wait over HTTP", "ms"),
  less("turn_requests", "Requests to the API for a turn: create, send, wait", "requests"),
  less("tail_requests", "The last 50 of 100,000 events: requests to the API", "requests"),
  less("tail_bytes", "… bytes from the API", "KB"),
  less("tail", "… time", "ms"),
  less("agent_calls", "An agent by its name among 5,000: calls of tools", "calls"),
  less("agent_requests", "… requests to the API", "requests"),
  less("agent", "… time", "ms"),
  less("agent_again_requests", "… once more: requests to the API", "requests"),
  less("agent_again", "… once more: time", "ms"),
];

/** The part of a figure's id before its row. */
const PREFIX = "peers";

/** Returns the id of a server's figure. */
export function figureId(row: string, side: SideName): string {
  return `${PREFIX}.${row}.${side}`;
}

/** Returns the id of the ratio of ours to a peer's. */
export function ratioId(row: string, peer: SideName): string {
  return `${PREFIX}.${row}.vs_${peer}`;
}
