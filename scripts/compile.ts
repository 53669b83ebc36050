/**
 * `deno task compile [--target <name>|all] [--output <path>] [--traces]`: makes executables in
 * `dist/`, one per target; by default one for this machine. With `--traces` they always export
 * OpenTelemetry traces. `DENO_COMPILE` and `DENORT_BIN` name another compiler and its runtime base.
 *
 * @module
 */

import { resolve } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import { buildExecutables } from "./compile/all.ts";
import { readManifest, ROOT } from "./compile/build.ts";
import { selectTargets } from "./compile/targets.ts";
import { print, readSource, sha256 } from "./compile/tools.ts";

async function describe(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return `${path}  ${(bytes.length / 1e6).toFixed(1)} MB  sha256 ${await sha256(bytes)}`;
}

async function main(): Promise<boolean> {
  const { target, output, traces } = parseArgs(Deno.args, {
    string: ["target", "output"],
    boolean: ["traces"],
  });
  const targets = selectTargets(target ? [target] : [], Deno.build.target);
  const { paths, failures } = await buildExecutables(targets, {
    manifest: await readManifest(),
    source: await readSource(ROOT, (name) => Deno.env.get(name)),
    traces: Boolean(traces),
  }, output ? resolve(output) : undefined);
  for (const path of paths.values()) print(await describe(path));
  for (const failure of failures) print(`not built: ${failure}`);
  return failures.length === 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main() ? 0 : 1);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(2);
  }
}
