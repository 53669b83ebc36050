/**
 * This program as a server of an MCP host: the entry in the host's file.
 *
 * @module
 */

import { FILE_HOSTS, type FileHostName, type Os } from "./hosts.ts";

/** The command that starts this program: a full path, and the arguments before our own flags. */
export interface Executable {
  readonly command: string;
  readonly args: readonly string[];
}

/** Stands where a person is to put the key. */
export const KEY_PLACEHOLDER = "<your API key>";

/** The variable that carries the key. */
export const KEY_VARIABLE = "ANTHROPIC_API_KEY";

/** Options of an entry. */
export interface EntryOptions {
  readonly executable: Executable;
  /** Of the server in the host. */
  readonly name: string;
  /** With the simulator instead of the API: no key. */
  readonly simulate: boolean;
}

/** A stdio server, as hosts' files spell it. */
export type HostEntry = Readonly<Record<string, unknown>>;

/** A question that a host asks for itself, so that the answer stays out of its file. */
export interface HostInput {
  readonly type: "promptString";
  readonly id: string;
  readonly description: string;
  readonly password: true;
}

/** The entry for a host, with a placeholder in the key's place. */
export function entryFor(host: FileHostName, options: EntryOptions): HostEntry {
  const { extra, isOneList } = FILE_HOSTS[host];
  const { executable: { args }, simulate } = options;
  const [input] = inputsFor(host, options);
  const key = input ? `\${input:${input.id}}` : KEY_PLACEHOLDER;
  const flags = simulate ? ["--simulate"] : [];
  return {
    ...extra,
    ...launchOf(host, { ...options.executable, args: [...args, ...flags] }),
    ...(!simulate && { [isOneList ? "environment" : "env"]: { [KEY_VARIABLE]: key } }),
  };
}

/** The members of an entry that say how the server is started; arguments only where there are any. */
export function launchOf(host: FileHostName, { command, args }: Executable): HostEntry {
  if (FILE_HOSTS[host].isOneList) return { command: [command, ...args] };
  return { command, ...(args.length > 0 && { args }) };
}

/** Returns the questions that the host asks for itself; none for hosts that cannot. */
export function inputsFor(host: FileHostName, { name, simulate }: EntryOptions): HostInput[] {
  if (!FILE_HOSTS[host].asksForKey || simulate) return [];
  const description = "API key for Claude Managed Agents";
  return [{ type: "promptString", id: `${name}-api-key`, description, password: true }];
}

/** An entry of a file, as far as it can be told whether it is ours. */
export interface FoundEntry {
  readonly command?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Reads an entry in any host's spelling; what is not as it should be is left out. */
export function readEntry(value: unknown): FoundEntry {
  const entry = recordOf(value);
  const texts = (list: unknown) =>
    Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
  const variables = Object.entries({ ...recordOf(entry.environment), ...recordOf(entry.env) })
    .filter((pair): pair is [string, string] => typeof pair[1] === "string");
  const [command, ...first] = typeof entry.command === "string"
    ? [entry.command]
    : texts(entry.command);
  return {
    ...(command !== undefined && { command }),
    args: [...first, ...texts(entry.args)],
    env: Object.fromEntries(variables),
  };
}

/** An object's members; none of anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/**
 * Relation of an entry to this program: it starts `this` very executable; `another` of the kind,
 * such as one that has moved since; or `foreign`, something else.
 */
export type Relation = "this" | "another" | "foreign";

/** The last part of a path of any operating system. */
export function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? "";
}

function isSamePath(a: string, b: string, os: Os): boolean {
  return os === "windows"
    ? a.replaceAll("/", "\\").toLowerCase() === b.replaceAll("/", "\\").toLowerCase()
    : a === b;
}

/** The index of the argument that names this program's source, if it is run from that. */
function mainIndex(args: readonly string[]): number {
  return args.findIndex((arg) => /(^|[/\\])src[/\\]main\.ts$/.test(arg));
}

/** Compares an entry with this program. */
export function relationOf(entry: FoundEntry, executable: Executable, os: Os): Relation {
  const { command = "", args } = entry;
  const wanted = executable.args.at(-1);
  if (wanted === undefined) {
    if (isSamePath(command, executable.command, os)) return "this";
  } else if (args.some((arg) => isSamePath(arg, wanted, os))) {
    // Which runtime runs the source makes no difference.
    return "this";
  }
  return /^cma-mcp/i.test(baseName(command)) || mainIndex(args) >= 0 ? "another" : "foreign";
}

/** The flags that an entry of this kind gives to the program itself. */
export function ownFlags({ args }: FoundEntry): readonly string[] {
  return args.slice(mainIndex(args) + 1);
}
