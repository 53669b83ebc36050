/**
 * The figures of the bench of start-up, made of what it has measured.
 *
 * @module
 */

import { SIZE_LIMITS } from "../../../scripts/sizes/limits.ts";
import { exactFigure, type Figure, figure, type FigureSpec, ratios } from "../figure.ts";
import type { Started, Until } from "./process.ts";
import type { Programs, Side } from "./programs.ts";

/** Design, section 9. */
const MAX_RATIO = 1.15;

/** Names of the programs for a reader. */
export const NAMES: Readonly<Record<Side, string>> = {
  executable: "executable",
  executable_simulated: "executable, --simulate",
  one_tool: "one-tool server, built alike",
  one_tool_plain: "one-tool server, the SDK's default build",
  node: "npm package, on Node",
  npx: "npm package, by npx",
  source_simulated: "deno run, --simulate",
  source_one_tool: "deno run, one-tool server",
};

const PAIRS: readonly { ours: Side; theirs: Side; id: string; target?: number }[] = [
  { ours: "executable", theirs: "one_tool", id: "executable.vs_one_tool", target: MAX_RATIO },
  { ours: "executable", theirs: "one_tool_plain", id: "executable.vs_one_tool_plain" },
  { ours: "executable_simulated", theirs: "one_tool", id: "executable_simulated.vs_one_tool" },
  { ours: "source_simulated", theirs: "source_one_tool", id: "source_simulated.vs_one_tool" },
];

/** The starts of each program, round by round. */
export type Starts = ReadonlyMap<Side, readonly Pick<Started, "ms" | "cpuMs">[]>;

/** How ids and texts name the response at which the timing ended. */
const TIMED: Readonly<Record<Until, { readonly prefix: string; readonly what: string }>> = {
  "initialize": { prefix: "", what: "start until the response to initialize" },
  "tools/list": { prefix: "tools_list_", what: "start until the response to tools/list" },
};

const LESS = { better: "less" } as const;

/** Returns the figures of starts: their time, alone and beside each other, and their CPU time. */
export function startFigures(starts: Starts, until: Until): Figure[] {
  const { prefix, what } = TIMED[until];
  const each = (
    unit: Pick<FigureSpec, "id" | "what">,
    read: (started: Pick<Started, "ms" | "cpuMs">) => number | undefined,
  ) =>
    [...starts].flatMap(([side, all]): Figure[] => {
      const values = all.flatMap((started) => read(started) ?? []);
      if (values.length === 0) return [];
      const id = `start.${side}.${prefix}${unit.id}`;
      return [figure({ id, what: `${NAMES[side]}: ${unit.what}`, unit: "ms", ...LESS }, values)];
    });
  const compared = PAIRS.flatMap(({ ours, theirs, id, target }): Figure[] => {
    const [above, below] = [starts.get(ours), starts.get(theirs)];
    if (!above || !below) return [];
    const [program = "", comparison = ""] = id.split(".");
    const spec = {
      id: `start.${program}.${prefix}${comparison}`,
      what: `${NAMES[ours]}: ${what}, beside ${NAMES[theirs]}`,
      unit: "x",
      ...LESS,
      ...(until === "initialize" && { target }),
    };
    return [figure(spec, ratios(above.map(({ ms }) => ms), below.map(({ ms }) => ms)))];
  });
  return [
    ...each({ id: "ms", what }, ({ ms }) => ms),
    ...compared,
    ...each({ id: "cpu_ms", what: `CPU time, ${what}` }, ({ cpuMs }) => cpuMs)
      // npx starts processes of its own, of which none counts for it.
      .filter(({ id }) => !id.startsWith("start.npx.")),
  ];
}

/** Returns the figures of sizes: of the executables, and of the code in them. */
export async function sizeFigures(
  { ours, oneTool, oneToolPlain }: Programs,
): Promise<Figure[]> {
  const size = async (id: Side, path: string | undefined): Promise<Figure[]> => {
    if (path === undefined) return [];
    const megabytes = (await Deno.stat(path)).size / 1e6;
    const what = `${NAMES[id]}: size of the file`;
    const spec = { id: `start.${id}.size_mb`, what, unit: "MB", ...LESS };
    return [exactFigure(spec, Number(megabytes.toFixed(2)))];
  };
  const code = (id: string, whose: string, bytes: number, limit?: number): Figure => {
    const spec = { id: `start.${id}.size_kb`, what: `all code of ${whose}, bundled`, unit: "KB" };
    return exactFigure({ ...spec, ...LESS, limit }, Math.round(bytes / 1e3));
  };
  return [
    ...await size("executable", ours.executable),
    ...await size("one_tool", oneTool.executable),
    ...await size("one_tool_plain", oneToolPlain.executable),
    code("bundle", "the program", ours.bundleBytes, SIZE_LIMITS["sizes.bundle"]),
    ...(ours.pageBytes === undefined ? [] : [exactFigure({
      id: "start.page.size_kb",
      what: "the page that the program serves, with its script",
      unit: "KB",
      ...LESS,
      limit: SIZE_LIMITS["sizes.page"],
    }, Math.round(ours.pageBytes / 1e3))]),
    code("one_tool_bundle", `the ${NAMES.one_tool}`, oneTool.bundleBytes),
    code("one_tool_plain_bundle", `the ${NAMES.one_tool_plain}`, oneToolPlain.bundleBytes),
  ];
}
