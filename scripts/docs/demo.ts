/**
 * Records `cma-mcp demo` for the picture at the top of the README.
 *
 * @module
 */

import { demo } from "../../src/commands/demo.ts";
import { ManualClock, settle } from "../../tests/helpers/manual_clock.ts";
import { recordProgram } from "../../tests/helpers/program.ts";
import type { Finding, TextFile } from "../house/tree.ts";
import { svgTexts, type TerminalLine, terminalSvg } from "./terminal_svg.ts";

/** Path of the picture in the project. */
export const DEMO_PATH = "docs/demo.svg";

/** What a reader types to see the same. */
const COMMAND = "npx --yes deno@2.9.6 task demo";

/** Ids differ from run to run; a picture that is made again must not. */
function withExampleIds(line: string): string {
  return line.replace(/\b(agent|sesn|sevt)_(01)[0-9A-Z]{24}\b/g, "$1_$2ABCDEFGHJKMNPQRSTVWXYZ23");
}

const SIMULATED = { command: "demo", simulate: true, server: { baseUrl: "" } } as const;

/**
 * Plays the demo, with the server, the simulator and the times of every other run, on a clock that
 * jumps from one timer to the next: the seconds of a turn pass in a moment.
 *
 * @returns its lines, in colour, with the time of each since the start
 */
export async function recordDemo(): Promise<TerminalLine[]> {
  const clock = new ManualClock();
  const start = clock.now();
  const lines: TerminalLine[] = [];
  const print = (text: string) =>
    void lines.push({ atMs: clock.now() - start, text: withExampleIds(text) });
  let done = false;
  const end = demo(SIMULATED, recordProgram({ clock, print, color: true })).finally(() =>
    done = true
  );
  while (!done) await (clock.pendingTimers > 0 ? clock.advance(50) : settle());
  await end;
  return lines;
}

/** Returns the picture of a recording. */
export function demoSvg(lines: readonly TerminalLine[]): string {
  return terminalSvg({ title: "cma-mcp demo", command: COMMAND, lines, columns: 72, rows: 24 });
}

/** The picture's text is what the demo prints now. */
export async function demoIsCurrent(files: readonly TextFile[]): Promise<Finding[]> {
  const picture = files.find(({ path }) => path === DEMO_PATH)?.text ?? "";
  const now = svgTexts(demoSvg(await recordDemo()));
  if (svgTexts(picture).join("\n") === now.join("\n")) return [];
  const message = "does not show what the demo prints now";
  return [{ path: DEMO_PATH, message, mend: "run 'deno task docs'" }];
}
