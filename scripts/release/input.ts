/**
 * Reads what a release is made from.
 *
 * @module
 */

import { ROOT } from "../compile/build.ts";
import type { Manifest } from "../compile/plan.ts";
import { type Run, run, type Source } from "../compile/tools.ts";
import { type Licence, licencesText, readLicence } from "./licences.ts";
import { PAGE_ENTRY } from "../view.ts";
import type { ReleaseInput } from "./make.ts";
import { parseRepository, type Repository } from "./names.ts";
import { releaseNotes } from "./notes.ts";
import { type Graph, type Package, packagesBehind, parseGraph, parseLock } from "./packages.ts";
import { readmeOutside } from "./readme.ts";
import { cycloneDx } from "./sbom.ts";

const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

/**
 * Finds the repository that a release is for: the named one, that of the running GitHub workflow,
 * or git's origin; undefined when there is none.
 *
 * @throws Error when the named one is not a repository on GitHub
 */
export async function findRepository(
  named: string | undefined,
  env: (name: string) => string | undefined,
  runs: Run = run,
): Promise<Repository | undefined> {
  const given = named || env("GITHUB_REPOSITORY");
  if (given) return parseRepository(given);
  const { success, stdout } = await runs("git", ["remote", "get-url", "origin"], { cwd: ROOT });
  try {
    return success ? parseRepository(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Lists the packages behind an entry of the program, and those inside the page of the session view,
 * with their licences.
 */
export async function listPackages(entry = "src/main.ts"): Promise<{
  readonly packages: readonly Package[];
  readonly roots: readonly string[];
  readonly licences: ReadonlyMap<string, Licence>;
}> {
  const graphs = await Promise.all([entry, PAGE_ENTRY].map(readGraph));
  const roots = [...new Set(graphs.flatMap((graph) => graph.roots))].sort();
  const folders = new Map(graphs.flatMap((graph) => [...graph.folders]));
  const packages = packagesBehind(parseLock(await read("deno.lock")), roots);
  const licences = new Map(
    await Promise.all(packages.map(async ({ id }) => {
      const folder = folders.get(id);
      if (folder === undefined) {
        throw new Error(`Deno does not say where it keeps ${id}: run 'deno install'`);
      }
      return [id, await readLicence(folder)] as const;
    })),
  );
  return { packages, roots, licences };
}

async function readGraph(entry: string): Promise<Graph> {
  const info = await run(Deno.execPath(), ["info", "--json", entry], { cwd: ROOT });
  if (!info.success) throw new Error(`Cannot list the packages: ${info.stderr.trim()}`);
  return parseGraph(info.stdout);
}

/**
 * Reads licence, README, changelog, packages and install scripts.
 *
 * @throws Error when one is missing
 */
export async function readReleaseInput(
  { version }: Manifest,
  { epoch }: Source,
  repository: Repository | undefined,
): Promise<Omit<ReleaseInput, "nodePackage">> {
  const { packages, roots, licences } = await listPackages();
  const readme = await read("README.md");
  const paper = async (name: string, text: string | Promise<string>) => ({
    name,
    bytes: new TextEncoder().encode(await text),
  });
  const expressions = [...licences].map(([id, { expression }]) => [id, expression] as const);
  return {
    version,
    epoch,
    repository,
    papers: [
      await paper("LICENSE", read("LICENSE")),
      await paper("README.md", repository ? readmeOutside(readme, version, repository) : readme),
      await paper("THIRD-PARTY-LICENSES.txt", licencesText(packages, licences)),
    ],
    sbom: cycloneDx({
      version,
      epoch,
      packages,
      roots,
      licences: new Map(expressions),
      denoVersion: Deno.version.deno,
    }),
    notes: releaseNotes(await read("CHANGELOG.md"), version),
    installers: new Map([
      ["install.sh", await read("scripts/install.sh")],
      ["install.ps1", await read("scripts/install.ps1")],
    ]),
  };
}
