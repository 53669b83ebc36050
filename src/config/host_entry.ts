/**
 * This program as a server of an MCP host: the entry in the host's file.
 *
 * @module
 */

import { FILE_HOSTS, type FileHostName, type Os } from "./hosts.ts";

/** How a host starts this program: a full path, and what comes before any of our own flags. */
export interface Executable {
  readonly command: string;
  readonly args: readonly string[];
}

/** What stands where a person is to put the key. */
export const KEY_PLACEHOLDER = "<your API key>";

/** The variable that carries the key. */
export const KEY_VARIABLE = "ANTHROPIC_API_KEY";

/** What an entry is made for. */
export interface EntryOptions {
  readonly executable: Executable;
  /** Of the server in the host. */
  readonly name: string;
  /** With the simulator instead of the API: no key. */
  readonly simulate: boolean;
}

/** A stdio server, as hosts' files spell it. */
export interface HostEntry {
  readonly type?: "stdio";
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A question that a host asks for itself, so that the answer stays out of its file. */
export interface HostInput {
  readonly type: "promptString";
  readonly id: string;
  readonly description: string;
  readonly password: true;
}

/** The entry for a host, with a placeholder in the key's place. */
export function entryFor(host: FileHostName, options: EntryOptions): HostEntry {
  const { typed } = FILE_HOSTS[host];
  const { executable: { command, args }, simulate } = options;
  const all = simulate ? [...args, "--simulate"] : args;
  const [input] = inputsFor(host, options);
  const key = input ? `\${input:${input.id}}` : KEY_PLACEHOLDER;
  return {
    ...(typed && { type: "stdio" }),
    command,
    ...(all.length > 0 && { args: all }),
    ...(!simulate && { env: { [KEY_VARIABLE]: key } }),
  };
}

/** What the host asks for itself; nothing for hosts that cannot. */
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

/** Reads an entry; what is not as it should be is left out. */
export function readEntry(value: unknown): FoundEntry {
  const { command, args, env } = recordOf(value);
  const variables = Object.entries(recordOf(env)).filter((pair): pair is [string, string] =>
    typeof pair[1] === "string"
  );
  return {
    ...(typeof command === "string" && { command }),
    args: Array.isArray(args) ? args.filter((arg) => typeof arg === "string") : [],
    env: Object.fromEntries(variables),
  };
}

/** An object's members; none of anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/**
 * How an entry relates to this program: it starts `this` very executable; `another` of the kind,
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
