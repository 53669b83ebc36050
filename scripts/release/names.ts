/**
 * What the files of a release are called, and where they are found.
 *
 * @module
 */

import type { Target } from "../compile/targets.ts";

/** `cma-mcp-<version>-<os>-<arch>`. */
export function stem(version: string, target: Target): string {
  return `cma-mcp-${version}-${target.name}`;
}

/** Name of the archive for a target: `.zip` for Windows, which opens nothing else by itself. */
export function archiveName(version: string, target: Target): string {
  return stem(version, target) + (target.os === "windows" ? ".zip" : ".tar.gz");
}

/** Name of the bundle for Claude Desktop. */
export function bundleName(version: string, target: Target): string {
  return `${stem(version, target)}.mcpb`;
}

/** A repository on GitHub. */
export interface Repository {
  readonly owner: string;
  readonly name: string;
}

/**
 * The repository that a text names: `owner/name`, or the address of a git remote.
 *
 * @throws Error when it names none
 */
export function parseRepository(text: string): Repository {
  const pattern =
    /^(?:(?:https:\/\/|ssh:\/\/git@|git@)github\.com[/:])?([\w-]+)\/([\w.-]+?)(?:\.git)?$/;
  const [, owner, name] = pattern.exec(text.trim()) ?? [];
  if (owner && name) return { owner, name };
  throw new Error(`'${text}' names no repository on GitHub: type --repository <owner>/<name>`);
}

/** Address of a repository. */
export function repositoryUrl({ owner, name }: Repository): string {
  return `https://github.com/${owner}/${name}`;
}

/** Address of a file of a release. */
export function downloadUrl(repository: Repository, version: string, file: string): string {
  return `${repositoryUrl(repository)}/releases/download/v${version}/${file}`;
}

/** Name of the server in the MCP registry, which proves ownership by the repository's owner. */
export function registryName({ owner }: Repository): string {
  return `io.github.${owner}/cma-mcp`;
}

/** Name of the image, with its version. */
export function imageName({ owner }: Repository, version: string): string {
  return `ghcr.io/${owner.toLowerCase()}/cma-mcp:${version}`;
}

/**
 * `SHA256SUMS`, as `sha256sum --check` reads it.
 *
 * @param hashes hexadecimal, by name of the file
 */
export function checksums(hashes: ReadonlyMap<string, string>): string {
  const names = [...hashes.keys()].sort();
  return names.map((name) => `${hashes.get(name)}  ${name}\n`).join("");
}
