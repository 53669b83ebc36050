/**
 * Everything that a release has, from executables that were built.
 *
 * @module
 */

import type { Target } from "../compile/targets.ts";
import { sha256 } from "../compile/tools.ts";
import { type Entry, tarGz, zip } from "./archive.ts";
import { bundleEntries, bundleManifest } from "./mcpb_manifest.ts";
import { archiveName, bundleName, checksums, type Repository } from "./names.ts";
import { serverJson } from "./server_json.ts";

/** What all files of a release share. */
export interface ReleaseInput {
  readonly version: string;
  /** In seconds since 1970. */
  readonly epoch: number;
  /** Without one there is nothing to register and no place to download from. */
  readonly repository?: Repository;
  /** Licence, README and what else goes into every archive. */
  readonly papers: readonly Entry[];
  /** CycloneDX document. */
  readonly sbom: Record<string, unknown>;
  /** Of this version. */
  readonly notes: string;
  /** Install scripts by file name, with their place for the repository. */
  readonly installers: ReadonlyMap<string, string>;
}

/** Writes a file of a release. */
export type WriteFile = (name: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** What install scripts have where the repository belongs. */
export const REPOSITORY_PLACE = "OWNER/REPOSITORY";

/** An install script that knows where to download from. */
export function placeRepository(script: string, { owner, name }: Repository): string {
  if (!script.includes(REPOSITORY_PLACE)) throw new Error("The script has no place for it");
  return script.replaceAll(REPOSITORY_PLACE, `${owner}/${name}`);
}

/** The bundle for Claude Desktop, zipped. */
export function bundle(input: ReleaseInput, target: Target, executable: Uint8Array): Uint8Array {
  const manifest = bundleManifest(input.version, target, input.repository);
  return zip(bundleEntries(manifest, target, executable, input.papers), input.epoch);
}

function archive(input: ReleaseInput, target: Target, executable: Uint8Array): Uint8Array {
  const name = `cma-mcp${target.extension}`;
  const entries = [{ name, bytes: executable, executable: true }, ...input.papers];
  return target.os === "windows" ? zip(entries, input.epoch) : tarGz(entries, input.epoch);
}

/**
 * Writes the files of a release, one executable after the other, since each is large.
 *
 * @param readExecutable reads what was built for a target
 * @returns SHA-256 by file name, as in `SHA256SUMS`
 */
export async function makeRelease(
  input: ReleaseInput,
  targets: readonly Target[],
  readExecutable: (target: Target) => Promise<Uint8Array>,
  write: WriteFile,
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const add = async (name: string, content: Uint8Array | string) => {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : new Uint8Array(content);
    hashes.set(name, await sha256(bytes));
    await write(name, bytes);
  };
  const { version, repository } = input;
  const bundles = new Map<string, string>();
  for (const target of targets) {
    const executable = await readExecutable(target);
    await add(archiveName(version, target), archive(input, target, executable));
    const name = bundleName(version, target);
    await add(name, bundle(input, target, executable));
    bundles.set(name, hashes.get(name) ?? "");
  }
  await add(`cma-mcp-${version}.cdx.json`, json(input.sbom));
  if (repository) {
    for (const [name, script] of input.installers) {
      await add(name, placeRepository(script, repository));
    }
    await add("server.json", json(serverJson(repository, version, bundles)));
  }
  await write("SHA256SUMS", new TextEncoder().encode(checksums(hashes)));
  // Not a file to download: the text beside the files.
  await write("release-notes.md", new TextEncoder().encode(input.notes));
  return hashes;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
