/**
 * The entry of this program in a host's file.
 *
 * @module
 */

import { CREDENTIAL_VARIABLES } from "../core/ids.ts";
import { FILE_HOSTS, type Os } from "./hosts.ts";
import type { FileHostName } from "./names.ts";

/** The command that starts this program: a full path, and the arguments before its own flags. */
export interface Executable {
  readonly command: string;
  readonly args: readonly string[];
}

/** Marks the place where a person is to put the key. */
export const KEY_PLACEHOLDER = "<your API key>";

/** Options of an entry. */
export interface EntryOptions {
  readonly executable: Executable;
  /** Name of the server in the host. */
  readonly name: string;
  /** True to start the server with the simulator, which needs no key. */
  readonly simulate: boolean;
}

/** A stdio server in the spelling of a host's file. */
export type HostEntry = Readonly<Record<string, unknown>>;

/** A question that a host asks a person, to keep the answer out of its file. */
export interface HostInput {
  readonly type: "promptString";
  readonly id: string;
  readonly description: string;
  readonly password: true;
}

/** Makes the entry for a host, with a placeholder in the key's place. */
export function entryFor(host: FileHostName, options: EntryOptions): HostEntry {
  const { extra, isOneList } = FILE_HOSTS[host];
  const { executable: { args }, simulate } = options;
  const [input] = inputsFor(host, options);
  const key = input ? `\${input:${input.id}}` : KEY_PLACEHOLDER;
  const flags = simulate ? ["--simulate"] : [];
  return {
    ...extra,
    ...launchOf(host, { ...options.executable, args: [...args, ...flags] }),
    ...(!simulate &&
      { [isOneList ? "environment" : "env"]: { [CREDENTIAL_VARIABLES.api_key]: key } }),
  };
}

/** Makes the members of an entry that start the server: its command, and arguments if any. */
export function launchOf(host: FileHostName, { command, args }: Executable): HostEntry {
  if (FILE_HOSTS[host].isOneList) return { command: [command, ...args] };
  return { command, ...(args.length > 0 && { args }) };
}

/** Returns the questions that the host is to ask; none for a host that cannot ask any. */
export function inputsFor(host: FileHostName, { name, simulate }: EntryOptions): HostInput[] {
  if (!FILE_HOSTS[host].asksForKey || simulate) return [];
  const description = "API key for Claude Managed Agents";
  return [{ type: "promptString", id: `${name}-api-key`, description, password: true }];
}

/** The parts of a file's entry that say what it starts. */
export interface FoundEntry {
  readonly command?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Reads an entry in any host's spelling; leaves out parts of another type. */
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

/** Returns an object's members; none for any other value. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/**
 * The program that an entry starts: `this` executable, `another` one of cma-mcp, such as one that
 * has moved, or a `foreign` program.
 */
export type Relation = "this" | "another" | "foreign";

function isSamePath(a: string, b: string, os: Os): boolean {
  return os === "windows"
    ? a.replaceAll("/", "\\").toLowerCase() === b.replaceAll("/", "\\").toLowerCase()
    : a === b;
}

const SOURCE = /(^|[/\\])src[/\\]main\.ts$/;

/** Programs that start the npm package, and the package: its name, its script or its archive. */
const STARTERS = /(^|[/\\])(node|npx|cmd)(\.exe)?$/i;
const PACKAGE = /(^|[/\\])cma-mcp([@.-][^/\\]*)?$/;

/** Returns the index of the argument that names this program; -1 for an executable. */
function mainIndex({ command = "", args }: FoundEntry): number {
  const isPackage = STARTERS.test(command);
  return args.findIndex((arg) => SOURCE.test(arg) || (isPackage && PACKAGE.test(arg)));
}

/** Returns which program an entry starts. */
export function relationOf(entry: FoundEntry, executable: Executable, os: Os): Relation {
  const { command = "", args } = entry;
  const wanted = executable.args.at(-1);
  if (wanted === undefined) {
    if (isSamePath(command, executable.command, os)) return "this";
  } else if (args.some((arg) => isSamePath(arg, wanted, os))) {
    // It makes no difference which runtime runs it.
    return "this";
  }
  const isOurs = /(^|[/\\])cma-mcp[^/\\]*$/i.test(command) || mainIndex(entry) >= 0;
  return isOurs ? "another" : "foreign";
}

/** Returns the flags of an entry that starts cma-mcp. */
export function ownFlags(entry: FoundEntry): readonly string[] {
  return entry.args.slice(mainIndex(entry) + 1);
}

/** Flags and variables of files with keys and tokens. */
const FILE_FLAG = /^--(?:api-key|access|token)-file(?:=(.*))?$/;
const FILE_VARIABLES = ["CMA_MCP_API_KEY_FILE", "CMA_MCP_ACCESS_FILE", "CMA_MCP_TOKEN_FILE"];

/** Returns the files of keys and tokens that an entry's flags and variables name. */
export function fileSettings(entry: FoundEntry): string[] {
  const flags = ownFlags(entry);
  const byFlag = flags.flatMap((flag, index) => {
    const [typed, value] = FILE_FLAG.exec(flag) ?? [];
    const named = value ?? (typed === undefined ? undefined : flags[index + 1]);
    return named === undefined ? [] : [named];
  });
  return [...byFlag, ...FILE_VARIABLES.flatMap((name) => entry.env[name] || [])];
}

/** Returns the link that adds the server to a host; undefined for a host that has none. */
export function installLink(host: FileHostName, options: EntryOptions): string | undefined {
  const { name } = options;
  const entry = entryFor(host, options);
  if (host === "cursor") {
    const bytes = new TextEncoder().encode(JSON.stringify(entry));
    const config = encodeURIComponent(btoa(String.fromCharCode(...bytes)));
    return `https://cursor.com/install-mcp?name=${encodeURIComponent(name)}&config=${config}`;
  }
  if (host !== "vscode") return undefined;
  const inputs = inputsFor(host, options);
  const server = JSON.stringify({ name, ...entry, ...(inputs.length > 0 && { inputs }) });
  const url = encodeURIComponent(`vscode:mcp/install?${encodeURIComponent(server)}`);
  return `https://insiders.vscode.dev/redirect?url=${url}`;
}
