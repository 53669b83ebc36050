/**
 * The names of a release's files, and their addresses.
 *
 * @module
 */

import type { Target } from "../compile/targets.ts";

/** Returns `cma-mcp-<version>-<os>-<arch>`. */
export function stem(version: string, target: Target): string {
  return `cma-mcp-${version}-${target.name}`;
}

/**
 * Returns the name of a target's archive: `.zip` for Windows, which unpacks nothing else by itself.
 */
export function archiveName(version: string, target: Target): string {
  return stem(version, target) + (target.os === "windows" ? ".zip" : ".tar.gz");
}

/** Returns the name of a target's bundle for Claude Desktop. */
export function bundleName(version: string, target: Target): string {
  return `${stem(version, target)}.mcpb`;
}

/** Returns the name of the bundle for Claude Desktop that any Node can run. */
export function nodeBundleName(version: string): string {
  return `cma-mcp-${version}-node.mcpb`;
}

/** Returns the name of the npm package's archive. */
export function nodeArchiveName(version: string): string {
  return `cma-mcp-${version}.tgz`;
}

/** A repository on GitHub. */
export interface Repository {
  readonly owner: string;
  readonly name: string;
}

/**
 * Reads the repository from `owner/name`, or from the address of a git remote.
 *
 * @throws Error when the text names none
 */
export function parseRepository(text: string): Repository {
  const pattern =
    /^(?:(?:https:\/\/|ssh:\/\/git@|git@)github\.com[/:])?([\w-]+)\/([\w.-]+?)(?:\.git)?$/;
  const [, owner, name] = pattern.exec(text.trim()) ?? [];
  if (owner && name) return { owner, name };
  throw new Error(`'${text}' names no repository on GitHub: type --repository <owner>/<name>`);
}

/** Returns the address of a repository. */
export function repositoryUrl({ owner, name }: Repository): string {
  return `https://github.com/${owner}/${name}`;
}

/** Returns the address of a release's file. */
export function downloadUrl(repository: Repository, version: string, file: string): string {
  return `${repositoryUrl(repository)}/releases/download/v${version}/${file}`;
}

/** Returns the server's name in the MCP registry, which lets only the repository's owner use it. */
export function registryName({ owner }: Repository): string {
  return `io.github.${owner}/cma-mcp`;
}

/** Returns the name of the image, with its version. */
export function imageName({ owner }: Repository, version: string): string {
  return `ghcr.io/${owner.toLowerCase()}/cma-mcp:${version}`;
}

/**
 * Returns the text of `SHA256SUMS`, as `sha256sum --check` reads it.
 *
 * @param hashes hexadecimal, by file name
 */
export function checksums(hashes: ReadonlyMap<string, string>): string {
  const names = [...hashes.keys()].sort();
  return names.map((name) => `${hashes.get(name)}  ${name}\n`).join("");
}
