/**
 * The packages that are inside the executables: what `src` imports from npm, and what that needs.
 *
 * @module
 */

import { z } from "zod";

/** The part of `deno.lock` that matters here; keys are `name@version`, peers may follow. */
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

/** Version without what the package was resolved beside. */
function versionOf(id: string): string {
  return id.slice(id.indexOf("@", 1) + 1).split("_")[0] ?? "";
}

/** The entry that a name, with a version where it is ambiguous, stands for. */
function resolve(lock: Lock, dependency: string): string {
  const ids = Object.keys(lock.npm);
  const found = ids.find((id) => id === dependency) ??
    ids.find((id) => id.startsWith(`${dependency}_`)) ??
    ids.find((id) => nameOf(id) === dependency);
  if (found) return found;
  throw new Error(`deno.lock has no ${dependency}`);
}

/**
 * The packages that some need, and these themselves, by name.
 *
 * @param roots ids as in the lock file
 * @throws Error for a package that the lock file does not have
 */
export function packagesBehind(lock: Lock, roots: readonly string[]): Package[] {
  const found = new Map<string, Package>();
  const visit = (id: string) => {
    if (found.has(id)) return;
    const entry = lock.npm[id];
    if (!entry) throw new Error(`deno.lock has no ${id}`);
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
  modules: z.array(z.object({ npmPackage: z.string().optional() })),
  npmPackages: z.record(z.string(), z.object({ localPath: z.string() })),
});

/** What Deno says of a module: the packages in its graph, and where packages are kept. */
export interface Graph {
  readonly roots: readonly string[];
  readonly folders: ReadonlyMap<string, string>;
}

/** Reads the output of `deno info --json`. */
export function parseGraph(text: string): Graph {
  const { modules, npmPackages } = infoSchema.parse(JSON.parse(text));
  const roots = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  const folders = Object.entries(npmPackages).map(([id, { localPath }]) =>
    [id, localPath] as const
  );
  return { roots: [...new Set(roots)].sort(), folders: new Map(folders) };
}
