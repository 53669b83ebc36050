/**
 * Finds the packages inside the executables: those that `src` imports from npm, also into the page of
 * the session view, and all that they need.
 *
 * @module
 */

import { z } from "zod";

/** The part of `deno.lock` that matters here. Keys are `name@version`; `_` and peers may follow. */
const lockSchema = z.object({
  npm: z.record(
    z.string(),
    z.object({ integrity: z.string(), dependencies: z.array(z.string()).default([]) }),
  ),
});

/** A lock file, read. */
export type Lock = z.output<typeof lockSchema>;

/** A package at a version. */
export interface Package {
  /** As in the lock file. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Subresource integrity of the package's archive. */
  readonly integrity: string;
  /** Ids of the packages that it needs. */
  readonly needs: readonly string[];
}

/** Reads a lock file. */
export function parseLock(text: string): Lock {
  return lockSchema.parse(JSON.parse(text));
}

function nameOf(id: string): string {
  return id.slice(0, id.indexOf("@", 1));
}

/** Returns the version in an id, without the peers behind it. */
function versionOf(id: string): string {
  return id.slice(id.indexOf("@", 1) + 1).split("_")[0] ?? "";
}

/** Returns the id of a dependency, which has a version only where its name alone is ambiguous. */
function resolve(lock: Lock, dependency: string): string {
  const ids = Object.keys(lock.npm);
  const found = ids.find((id) => id === dependency) ??
    ids.find((id) => id.startsWith(`${dependency}_`)) ??
    ids.find((id) => nameOf(id) === dependency);
  if (found) return found;
  throw new Error(`deno.lock has no ${dependency}: run 'deno install --frozen=false'`);
}

/**
 * Returns some packages and all that they need, by name.
 *
 * @param roots ids as in the lock file
 * @throws Error for a package that the lock file does not have
 */
export function packagesBehind(lock: Lock, roots: readonly string[]): Package[] {
  const found = new Map<string, Package>();
  const visit = (id: string) => {
    if (found.has(id)) return;
    const entry = lock.npm[id];
    if (!entry) throw new Error(`deno.lock has no ${id}: run 'deno install --frozen=false'`);
    const needs = entry.dependencies.map((dependency) => resolve(lock, dependency));
    const { integrity } = entry;
    found.set(id, { id, name: nameOf(id), version: versionOf(id), integrity, needs });
    needs.forEach(visit);
  };
  for (const root of roots) visit(resolve(lock, root));
  return [...found.values()].sort((a, b) => a.id < b.id ? -1 : 1);
}

/** The part of `deno info --json <entry>` that matters here. */
const infoSchema = z.object({
  modules: z.array(z.object({
    specifier: z.string(),
    npmPackage: z.string().optional(),
    /** What is imported for its types alone has no `code`. */
    dependencies: z.array(z.object({ code: z.object({ specifier: z.string() }).optional() }))
      .default([]),
  })),
  redirects: z.record(z.string(), z.string()).default({}),
  npmPackages: z.record(z.string(), z.object({ localPath: z.string() })),
});

/** The packages in a module's graph, and the folders in which Deno keeps packages. */
export interface Graph {
  readonly roots: readonly string[];
  readonly folders: ReadonlyMap<string, string>;
}

/** Reads the output of `deno info --json`; types leave nothing in a program. */
export function parseGraph(text: string): Graph {
  const { modules, redirects, npmPackages } = infoSchema.parse(JSON.parse(text));
  const run = new Set(
    modules.flatMap(({ dependencies }) => dependencies.flatMap(({ code }) => code?.specifier ?? []))
      .map((specifier) => redirects[specifier] ?? specifier),
  );
  const roots = modules.flatMap(({ specifier, npmPackage }) =>
    npmPackage !== undefined && run.has(specifier) ? npmPackage : []
  );
  const folders = Object.entries(npmPackages).map(([id, { localPath }]) =>
    [id, localPath] as const
  );
  return { roots: [...new Set(roots)].sort(), folders: new Map(folders) };
}
