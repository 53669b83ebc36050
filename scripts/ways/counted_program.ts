/**
 * The program, which counts the calls of its functions: on SIGUSR2 it prints one line to stderr, with
 * the calls in each file of `src` since the last time.
 *
 * @module
 */

import { type Profiler, Session } from "node:inspector";
import { run } from "../../src/commands/run.ts";
import { denoRuntime } from "../../src/runtime/deno.ts";
import { printLines } from "../table.ts";

const SOURCE = new URL("../../src/", import.meta.url).href;

/** How often each function was called, by file and position. */
function callsIn(scripts: readonly Profiler.ScriptCoverage[]): Record<string, number> {
  const calls: Record<string, number> = {};
  for (const { url, functions } of scripts) {
    if (!url.startsWith(SOURCE)) continue;
    for (const { ranges: [range] } of functions) {
      if (!range || range.count === 0) continue;
      calls[`${url.slice(SOURCE.length)}:${range.startOffset}-${range.endOffset}`] = range.count;
    }
  }
  return calls;
}

if (import.meta.main) {
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  Deno.addSignalListener("SIGUSR2", () => {
    session.post("Profiler.takePreciseCoverage", (error, { result }) => {
      if (error) throw error;
      printLines([`calls ${JSON.stringify(callsIn(result))}`], Deno.stderr);
    });
  });
  await run(denoRuntime);
}
