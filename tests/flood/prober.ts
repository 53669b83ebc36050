/**
 * A program that requests `/health` of another all the while, and measures: the flood itself comes from
 * a process that is busy with it. It prints a line when it has begun, and what it has seen when a line
 * comes. Its argument is a {@linkcode Probed}.
 *
 * @module
 */

import { printLines } from "../../scripts/table.ts";
import { healthy } from "./health.ts";
import type { FloodTarget } from "./scenario.ts";

/** The program to probe. */
export interface Probed extends Pick<FloodTarget, "port" | "certificate"> {
  readonly pid: number;
  /** Longest time for a response, in milliseconds. */
  readonly limitMs: number;
}

/** What was seen of it. */
export interface Health {
  /**
   * Longest time until a response, in milliseconds, without that for which a busy machine had no
   * processor for the program or for the one that measures.
   */
  readonly worstMs: number;
  readonly responses: number;
}

/** Milliseconds between two requests. */
const PAUSE_MS = 100;

/**
 * Returns for how many milliseconds the first thread of a process, where its JavaScript runs, could have
 * run but had no processor; 0 on systems that do not tell.
 */
function starvedMs(pid: number): number {
  try {
    // Nanoseconds on a processor, and in wait for one.
    return Number(Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

async function probe({ pid, limitMs, ...target }: Probed): Promise<void> {
  const starved = () => starvedMs(pid) + starvedMs(Deno.pid);
  let isOver = false;
  const asked = (async () => {
    const count = await Deno.stdin.read(new Uint8Array(1));
    // Nobody wants to know any more.
    if (count === null) Deno.exit(0);
    isOver = true;
  })();
  printLines(["{}"]);
  let [worstMs, responses] = [0, 0];
  while (!isOver) {
    const before = starved();
    const ms = await healthy(target, limitMs);
    worstMs = Math.max(worstMs, ms - (starved() - before));
    responses++;
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, PAUSE_MS))]);
  }
  const health: Health = { worstMs, responses };
  printLines([JSON.stringify(health)]);
  Deno.exit(0);
}

if (import.meta.main) await probe(JSON.parse(Deno.args[0] ?? "{}"));
