/**
 * Checks that hosts' files can be read and start this executable.
 *
 * @module
 */

import { type Executable, type FoundEntry, KEY_PLACEHOLDER } from "../../hosts/entry.ts";
import { bringsKey, needsNoKey, ownEntries } from "../../hosts/file.ts";
import { FILE_HOSTS, hostPaths } from "../../hosts/hosts.ts";
import { FILE_HOST_NAMES, type FileHostName } from "../../hosts/names.ts";
import { JsonEditError } from "../../hosts/json_edit.ts";
import { UsageError, whyUnreadable } from "../../core/errors.ts";
import type { Machine, Program } from "../../runtime/program.ts";
import { type Finding, findings } from "./finding.ts";

type HostProgram = Machine & Pick<Program, "env">;

/**
 * Checks the files of the hosts that are on this machine.
 *
 * @param options `needed`: whether one of them is to start this program, as none does with a server
 * over HTTP; true by default
 * @returns the findings, and the titles of hosts that start this program with a key
 */
export async function checkHosts(
  program: HostProgram,
  { needed = true }: { readonly needed?: boolean } = {},
): Promise<{ readonly findings: readonly Finding[]; readonly keyHolders: readonly string[] }> {
  const found: Finding[] = [];
  const keyHolders: string[] = [];
  let isStarted = false;
  for (const host of FILE_HOST_NAMES) {
    const files = await checkFiles(host, program);
    found.push(...files.findings);
    isStarted ||= files.isStarted;
    if (files.entries.some(({ entry }) => bringsKey(entry))) {
      keyHolders.push(FILE_HOSTS[host].title);
    }
  }
  if (needed && !isStarted) {
    found.push(
      findings("hosts").warn(
        "No host starts this program yet",
        "type 'cma-mcp config claude-desktop', or another host's name",
      ),
    );
  }
  return { findings: found, keyHolders };
}

/**
 * Checks the files of one host.
 *
 * @returns the findings, and the entry that the host would start; no entry where there is none, or
 * the file is not JSON
 */
export async function checkNamedHost(
  host: FileHostName,
  program: HostProgram,
): Promise<{ readonly findings: readonly Finding[]; readonly entry?: FoundEntry }> {
  const { title, format } = FILE_HOSTS[host];
  const { fail, skip } = findings(host);
  const { findings: found, isStarted, used } = await checkFiles(host, program);
  if (used) return { findings: found, entry: used.entry };
  const last = isStarted
    ? skip(
      `What ${title} would use is not checked: ${format.toUpperCase()} is not read`,
      "type 'cma-mcp doctor' with the same variables and flags as there",
    )
    : fail(`${title} does not start this program`, `type 'cma-mcp config ${host}' to add it`);
  // The last finding says the same as a skipped file.
  return { findings: [...found.filter(({ status }) => status !== "skip"), last] };
}

/** Variables that every host passes on to servers. */
const ALWAYS_GIVEN: readonly string[] = ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"];

/**
 * Returns the variables that a host passes to a server: those of the entry, with references
 * replaced where the host does that, and the host's own where it passes them on. Assumes that the
 * host has the variables of this terminal.
 */
export function entryEnvironment(
  host: FileHostName,
  entry: FoundEntry,
  env: Program["env"],
): Program["env"] {
  const { inheritsEnv, asksForKey } = FILE_HOSTS[host];
  const read = (name: string) => {
    try {
      return env(name);
    } catch {
      // An entry may refer to a variable that this program has no permission to read.
      return undefined;
    }
  };
  const expand = (value: string) =>
    value.replace(
      /\$\{(?:env:)?(\w+)(?::-([^}]*))?\}|\{env:(\w+)\}/g,
      (whole, name?: string, otherwise?: string, other?: string) =>
        read(name ?? other ?? "") ?? otherwise ?? whole,
    );
  return (name) => {
    const own = entry.env[name];
    if (own === undefined) {
      return inheritsEnv || ALWAYS_GIVEN.includes(name) ? env(name) : undefined;
    }
    if (asksForKey && own.startsWith("${input:")) return undefined;
    return inheritsEnv ? expand(own) : own;
  };
}

/**
 * Checks the files of a host.
 *
 * @returns the findings; the entries of cma-mcp, and the one that the host would use; and
 * `isStarted`, which is true also for a file that only names the program
 */
async function checkFiles(host: FileHostName, program: HostProgram) {
  const { fail, skip } = findings(host);
  const found: Finding[] = [];
  const entries: ReturnType<typeof ownEntries> = [];
  let used: typeof entries[number] | undefined;
  let isStarted = false;
  for (const path of pathsOf(host, program)) {
    try {
      const text = await program.readText(path);
      if (text === undefined) continue;
      const executable = program.executable();
      if (FILE_HOSTS[host].format !== "json") {
        const finding = mention(host, path, text, executable);
        found.push(finding);
        isStarted ||= finding.status !== "skip";
        continue;
      }
      const own = ownEntries(text, { host, os: program.os, executable });
      entries.push(...own);
      used ??= own.find(({ moved }) => !moved) ?? own[0];
      isStarted ||= own.length > 0;
      for (const entry of own) found.push(await checkEntry(host, path, entry, program));
      if (own.length === 0) {
        found.push(skip(`${path} has no entry for it`, `type 'cma-mcp config ${host}' to add one`));
      }
    } catch (error) {
      const problem = error instanceof JsonEditError
        ? error.message
        : `cannot be read: ${whyUnreadable(error)}`;
      found.push(fail(`${path} ${problem}`, "correct it: the host cannot read it either"));
    }
  }
  return { findings: found, entries, used, isStarted };
}

/** Searches a file that is not JSON for the name of this executable. */
function mention(
  host: FileHostName,
  path: string,
  text: string,
  executable: Executable,
): Finding {
  const { ok, warn, skip } = findings(host);
  const wanted = executable.args.at(-1) ?? executable.command;
  const format = FILE_HOSTS[host].format.toUpperCase();
  const cure = `type 'cma-mcp config ${host}' for what to paste`;
  if (text.includes(KEY_PLACEHOLDER)) {
    return warn(`${path} still has ${KEY_PLACEHOLDER}`, "put the key in its place");
  }
  if ([wanted, JSON.stringify(wanted).slice(1, -1)].some((words) => text.includes(words))) {
    return ok(`${path} names this executable; as ${format} it is not read any closer`);
  }
  if (/cma-mcp/.test(text)) return warn(`${path} names another executable of this program`, cure);
  return skip(`${path} has no entry for it`, cure);
}

function pathsOf(host: FileHostName, { env, os }: HostProgram): readonly string[] {
  try {
    return hostPaths(host, os, env);
  } catch (error) {
    // Without a home directory there are no hosts' files, as in a container.
    if (error instanceof UsageError) return [];
    throw error;
  }
}

async function checkEntry(
  host: FileHostName,
  path: string,
  { name, entry, moved }: ReturnType<typeof ownEntries>[number],
  { exists }: Pick<Machine, "exists">,
): Promise<Finding> {
  const where = `'${name}' in ${path}`;
  const { ok, warn, fail } = findings(host);
  const cure = `type 'cma-mcp config ${host} --merge' for a file that starts this one`;
  const { command = "" } = entry;
  const isPath = /[/\\]/.test(command);
  if (isPath && !await exists(command)) {
    return fail(`${where} starts ${command}, which does not exist`, cure);
  }
  if (moved) {
    return isPath
      ? warn(`${where} starts another executable: ${command}`, cure)
      : warn(`${where} starts whatever '${command}' is on the host's PATH`, cure);
  }
  if (Object.values(entry.env).includes(KEY_PLACEHOLDER)) {
    return fail(`${where} still has ${KEY_PLACEHOLDER}`, "put the key in its place");
  }
  if (!bringsKey(entry) && !needsNoKey(entry)) {
    return warn(`${where} gives it no key`, "add ANTHROPIC_API_KEY to its env, or --api-key-file");
  }
  return ok(`${where} starts this executable`);
}
