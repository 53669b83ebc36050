/**
 * Finds the rest of this program in and beside hosts' files: entries, backups and files with keys.
 *
 * @module
 */

import { fileSettings } from "../hosts/entry.ts";
import { ownEntries } from "../hosts/file.ts";
import { FILE_HOSTS, hostPaths } from "../hosts/hosts.ts";
import { FILE_HOST_NAMES, type FileHostName } from "../hosts/names.ts";
import { whyUnreadable } from "../core/errors.ts";
import { JsonEditError } from "../hosts/json_edit.ts";
import type { Machine, Program } from "../runtime/program.ts";

type HostProgram = Machine & Pick<Program, "env">;

/** The rest of this program in a host's files. */
interface Leftover {
  readonly host: FileHostName;
  /** The host's file, where it names this program or cannot be read. */
  readonly file?: string;
  /** Names of its servers; none where the file is not JSON. */
  readonly servers: readonly string[];
  /** Files of keys and tokens that its entries name. */
  readonly keyFiles: readonly string[];
  /** Older copies of the file, which the install scripts keep. */
  readonly backups: readonly string[];
  /** Problem of the file, as the rest of a sentence that begins with its name. */
  readonly unreadable?: string;
}

/** Searches the files of all hosts; returns sentences for people, and the facts for programs. */
export async function findLeftovers(program: HostProgram): Promise<{
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}> {
  const all = await Promise.all(
    FILE_HOST_NAMES.flatMap((host) =>
      hostPaths(host, program.os, program.env).map((path) => leftoverOf(host, path, program))
    ),
  );
  const leftovers = all.filter((one) => one.file !== undefined || one.backups.length > 0);
  const lines = leftovers.flatMap(describe);
  const none = [`The files of ${FILE_HOST_NAMES.length} hosts hold nothing of cma-mcp.`];
  return {
    text: (lines.length > 0 ? lines : none).map((line) => `${line}\n`).join(""),
    facts: { leftovers },
  };
}

async function leftoverOf(
  host: FileHostName,
  path: string,
  { os, executable, readText, listFolder }: HostProgram,
): Promise<Leftover> {
  const [, folder = "", file = ""] = /^(.*[/\\])([^/\\]*)$/.exec(path) ?? [];
  // A folder that cannot be listed has no backups to name.
  const names = await listFolder(folder).catch(() => []);
  const backups = names.filter((name) => name.startsWith(`${file}.backup-`))
    .map((name) => folder + name);
  const found = { host, servers: [], keyFiles: [], backups };
  try {
    const text = await readText(path);
    if (text === undefined || !namesProgram(text)) return found;
    if (FILE_HOSTS[host].format !== "json") return { ...found, file: path };
    const entries = ownEntries(text, { host, os, executable: executable() });
    return {
      ...found,
      file: path,
      servers: entries.map(({ name }) => name),
      keyFiles: entries.flatMap(({ entry }) => fileSettings(entry)),
    };
  } catch (error) {
    const unreadable = error instanceof JsonEditError
      ? error.message
      : `cannot be read: ${whyUnreadable(error)}`;
    return { ...found, file: path, unreadable };
  }
}

/** Returns true if a file names this program or its source. */
function namesProgram(text: string): boolean {
  return /cma-mcp|src[/\\]+main\.ts/i.test(text);
}

function describe({ host, file, servers, keyFiles, backups, unreadable }: Leftover): string[] {
  const { title, serversKey } = FILE_HOSTS[host];
  const lines: string[] = [];
  if (file !== undefined && unreadable !== undefined) {
    lines.push(`${file} (${title}) ${unreadable}: look there yourself`);
  } else if (file !== undefined && servers.length > 0) {
    const names = servers.map((name) => `"${name}"`).join(", ");
    lines.push(`${file} (${title}) starts cma-mcp: take ${names} out of "${serversKey}"`);
  } else if (file !== undefined) {
    lines.push(`${file} (${title}) names cma-mcp: take it out there if it is a server`);
  }
  for (const path of keyFiles) lines.push(`${path} holds a key or tokens, and is kept`);
  for (const path of backups) {
    lines.push(`${path} is an older copy of ${title}'s file, and may hold keys`);
  }
  return lines;
}
