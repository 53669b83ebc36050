/**
 * Makes the files of a release from executables.
 *
 * @module
 */

import type { Target } from "../compile/targets.ts";
import { sha256 } from "../compile/tools.ts";
import { type Entry, tarGz, zip } from "./archive.ts";
import {
  binaryServer,
  type BundledServer,
  bundleEntries,
  bundleManifest,
  nodeServer,
} from "./mcpb_manifest.ts";
import {
  archiveName,
  bundleName,
  checksums,
  nodeArchiveName,
  nodeBundleName,
  type Repository,
} from "./names.ts";
import { serverJson } from "./server_json.ts";

/** The input of a release, beside the executables. */
export interface ReleaseInput {
  readonly version: string;
  /** In seconds since 1970. */
  readonly epoch: number;
  /** Without it, a release has no `server.json` and no install scripts. */
  readonly repository?: Repository;
  /** Licence, README and what else goes into every archive. */
  readonly papers: readonly Entry[];
  /** CycloneDX document. */
  readonly sbom: Record<string, unknown>;
  /** Notes of this version. */
  readonly notes: string;
  /** Install scripts by file name; each has {@linkcode REPOSITORY_PLACE} in it. */
  readonly installers: ReadonlyMap<string, string>;
  /** The npm package: what of it runs, and the archive that `npm install` takes. */
  readonly nodePackage: { readonly files: readonly Entry[]; readonly archive: Uint8Array };
}

/** Writes a file of a release. */
export type WriteFile = (name: string, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** The text in install scripts that is replaced by the repository. */
export const REPOSITORY_PLACE = "OWNER/REPOSITORY";

/** Returns an install script that downloads from a repository. */
export function placeRepository(script: string, { owner, name }: Repository): string {
  if (!script.includes(REPOSITORY_PLACE)) {
    throw new Error(`The install script has no ${REPOSITORY_PLACE} to replace`);
  }
  return script.replaceAll(REPOSITORY_PLACE, `${owner}/${name}`);
}

/** Makes a bundle for Claude Desktop. */
export function bundle(
  input: Pick<ReleaseInput, "version" | "epoch" | "repository" | "papers">,
  server: BundledServer,
): Uint8Array {
  const manifest = bundleManifest(input.version, server, input.repository);
  // The npm package brings its own: the release's are about the executables.
  const papers = server.type === "node" ? [] : input.papers;
  return zip(bundleEntries(manifest, server, papers), input.epoch);
}

function archive(input: ReleaseInput, target: Target, executable: Uint8Array): Uint8Array {
  const name = `cma-mcp${target.extension}`;
  const entries = [{ name, bytes: executable, executable: true }, ...input.papers];
  return target.os === "windows" ? zip(entries, input.epoch) : tarGz(entries, input.epoch);
}

/**
 * Writes the files of a release, one executable after the other, because each is large.
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
    await add(name, bundle(input, binaryServer(target, executable)));
    bundles.set(name, hashes.get(name) ?? "");
  }
  const { files, archive: packed } = input.nodePackage;
  await add(nodeBundleName(version), bundle(input, nodeServer(files)));
  await add(nodeArchiveName(version), packed);
  await add(`cma-mcp-${version}.cdx.json`, json(input.sbom));
  if (repository) {
    for (const [name, script] of input.installers) {
      await add(name, placeRepository(script, repository));
    }
    await add("server.json", json(serverJson(repository, version, bundles)));
  }
  await write("SHA256SUMS", new TextEncoder().encode(checksums(hashes)));
  // Not in SHA256SUMS: it is the text of the release, not a file to download.
  await write("release-notes.md", new TextEncoder().encode(input.notes));
  return hashes;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
