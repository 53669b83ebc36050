/**
 * Measures the sizes of what is shipped: builds bundle, executable and npm package for that.
 *
 * @module
 */

import { exactFigure, type Figure, type FigureSpec } from "../../tests/bench/figure.ts";
import { startServer } from "../../tests/bench/start/process.ts";
import { pagePart } from "../../tests/helpers/page_part.ts";
import {
  buildBundle,
  buildExecutable,
  type BuildOptions,
  readManifest,
  readParts,
  toolsOf,
} from "../compile/build.ts";
import type { Parts } from "../compile/parts.ts";
import { BUNDLE_NAME } from "../compile/plan.ts";
import { selectTargets } from "../compile/targets.ts";
import { makePackage, pack } from "../npm/make.ts";
import type { Sizes } from "./report.ts";

/** Makes the bundle, an executable and the npm package in a folder, and measures them. */
export async function shippedSizes(folder: string): Promise<Sizes> {
  const options = {
    folder,
    manifest: await readManifest(),
    source: { epoch: 1_700_000_000 },
    ...toolsOf((name) => Deno.env.get(name)),
  };
  const bundle = await buildBundle(options);
  const parts = await readParts(bundle);
  const all = [await ownSize(options), await npmSizes(`${folder}/npm`)];
  return {
    figures: [
      ...await bundleSizes(parts, bundle, options),
      ...all.flatMap(({ figures }) => figures),
    ],
    skipped: new Map(all.flatMap(({ skipped }) => [...skipped])),
  };
}

/** Makes a figure in kilobytes of 1,000 bytes. */
function kilobytes(id: string, what: string, bytes: number): Figure {
  const spec: FigureSpec = { id: `sizes.${id}`, what, unit: "KB", better: "less" };
  return exactFigure(spec, Math.round(bytes / 1e3));
}

const bytesOf = (texts: Iterable<string>) => new Blob([...texts]).size;

async function bundleSizes(
  parts: Parts,
  bundle: string,
  options: BuildOptions,
): Promise<Figure[]> {
  const page = bytesOf([parts.get(pagePart(parts)) ?? ""]);
  const read = await partsReadAtStart(bundle, options);
  return [
    kilobytes("bundle", "the program's code, bundled", bytesOf(parts.values()) - page),
    kilobytes(
      "bundle.stdio",
      "of it, read until tools/list is answered on stdio",
      bytesOf([...parts].flatMap(([name, text]) => read.has(name) ? [text] : [])),
    ),
    kilobytes("page", "the page of the session view", page),
  ];
}

/** Returns the names of the parts that the program loads until it has answered `tools/list`. */
async function partsReadAtStart(
  bundle: string,
  { folder, manifest }: BuildOptions,
): Promise<ReadonlySet<string>> {
  // The runtime's coverage names every module that was loaded.
  const coverage = `${folder}/coverage`;
  const started = await startServer({
    command: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-config", "--allow-all", `--coverage=${coverage}`],
      ...manifest.unstable.map((feature) => `--unstable-${feature}`),
      `${bundle}/${BUNDLE_NAME}`,
    ],
    env: { ANTHROPIC_API_KEY: "any", ANTHROPIC_BASE_URL: "http://127.0.0.1:9" },
  }, "tools/list");
  await started.end();
  const names = new Set<string>();
  for await (const { name } of Deno.readDir(coverage)) {
    if (!name.endsWith(".json")) continue;
    const { url } = JSON.parse(await Deno.readTextFile(`${coverage}/${name}`));
    names.add(String(url).replace(/^.*\//, ""));
  }
  return names;
}

/** Measures what an executable has beside the runtime, whose size differs by system and version. */
async function ownSize(options: BuildOptions): Promise<Sizes> {
  const skip = (why: string): Sizes => {
    return { figures: [], skipped: new Map([["sizes.executable.own", why]]) };
  };
  const { denort, folder } = options;
  if (denort === undefined) return skip("DENORT_BIN names no runtime base");
  const [target] = selectTargets([], Deno.build.target);
  if (!target) return skip(`nothing is built for ${Deno.build.target}`);
  const built = await buildExecutable(target, `${folder}/program${target.extension}`, options);
  if ("failure" in built) return skip(built.failure);
  const bytes = (await Deno.stat(built.path)).size;
  const what = `the executable of ${(bytes / 1e6).toFixed(1)} MB without the runtime`;
  const own = bytes - (await Deno.stat(denort)).size;
  return { figures: [kilobytes("executable.own", what, own)], skipped: new Map() };
}

async function npmSizes(folder: string): Promise<Sizes> {
  const { version } = await readManifest();
  await makePackage(folder, { version, source: { epoch: 0 } });
  const unpacked = kilobytes(
    "npm.unpacked",
    "the npm package, unpacked",
    await sizeOfFolder(folder),
  );
  try {
    const { size } = await Deno.stat(await pack(folder));
    const archive = kilobytes("npm.archive", "the npm package as npx downloads it", size);
    return { figures: [archive, unpacked], skipped: new Map() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { figures: [unpacked], skipped: new Map([["sizes.npm.archive", why]]) };
  }
}

/** Returns the bytes of all files in a folder. */
export async function sizeOfFolder(folder: string): Promise<number> {
  let size = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    size += isDirectory ? await sizeOfFolder(path) : (await Deno.stat(path)).size;
  }
  return size;
}
