/**
 * Adds this program to the text of a host's file, or takes it out; everything else stays as it is.
 *
 * @module
 */

import { CREDENTIAL_VARIABLES } from "../core/ids.ts";
import { applyEdits, type Edit, findNodeAtLocation, getNodeValue, type Node } from "jsonc-parser";
import {
  entryFor,
  type EntryOptions,
  type FoundEntry,
  type HostEntry,
  inputsFor,
  KEY_PLACEHOLDER,
  launchOf,
  ownFlags,
  readEntry,
  recordOf,
  relationOf,
} from "./entry.ts";
import { FILE_HOSTS, type Os } from "./hosts.ts";
import {
  appendChild,
  JsonEditError,
  memberOf,
  parseObject,
  removeChild,
  setMember,
} from "./json_edit.ts";
import type { FileHostName } from "./names.ts";

/** The entry to write, and the host whose file it goes into. */
export interface HostFileOptions extends EntryOptions {
  readonly host: FileHostName;
  readonly os: Os;
}

/** Makes the file of a host that has none yet; people paste the same text into an existing file. */
export function newHostFile(options: HostFileOptions): string {
  const { host, name } = options;
  const { format, serversKey } = FILE_HOSTS[host];
  const entry = entryFor(host, options);
  if (format === "toml") return tomlTable([serversKey, name], entry);
  if (format === "yaml") return yamlList(serversKey, { name, ...entry });
  const inputs = inputsFor(host, options);
  const file = { [serversKey]: { [name]: entry }, ...(inputs.length > 0 && { inputs }) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Writes a table of TOML, whose strings and lists of strings are those of JSON. */
function tomlTable(path: readonly string[], table: Readonly<Record<string, unknown>>): string {
  const keyOf = (key: string) => /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
  const isTable = (value: unknown) => Object.keys(recordOf(value)).length > 0;
  const members = Object.entries(table);
  const lines = members.filter(([, value]) => !isTable(value))
    .map(([key, value]) => `${keyOf(key)} = ${JSON.stringify(value)}\n`);
  const tables = members.filter(([, value]) => isTable(value))
    .map(([key, value]) => `\n${tomlTable([...path, key], recordOf(value))}`);
  return `[${path.map(keyOf).join(".")}]\n${lines.join("")}${tables.join("")}`;
}

/** Writes a list of YAML with one entry; JSON values are YAML values. */
function yamlList(key: string, entry: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(entry).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `${key}:\n  - ${lines.join("\n    ")}\n`;
}

/** Applies the edits that `make` finds in the tree of a text. */
function edited(text: string, make: (root: Node, text: string) => Edit[]): string {
  return applyEdits(text, make(parseObject(text), text));
}

function nameIsTaken(name: string): JsonEditError {
  return new JsonEditError(
    `has another server named "${name}": choose a name for this one with --name`,
  );
}

/** Returns true if an entry contains a key, and not only a placeholder. */
export function bringsKey({ args, env }: FoundEntry): boolean {
  return Object.values(CREDENTIAL_VARIABLES).some((name) =>
    env[name] && env[name] !== KEY_PLACEHOLDER
  ) ||
    Boolean(env.CMA_MCP_API_KEY_FILE) || args.some((arg) => /^--api-key-file(=|$)/.test(arg));
}

/** Returns true if an entry needs no key. */
export function needsNoKey({ args, env }: FoundEntry): boolean {
  return args.includes("--simulate") || /^(1|true|yes|on)$/i.test(env.CMA_MCP_SIMULATE ?? "");
}

function mergeEntry(root: Node, text: string, options: HostFileOptions): Edit[] {
  const { host, name, executable, os } = options;
  const { serversKey } = FILE_HOSTS[host];
  const servers = memberOf(root, serversKey, "object");
  const entry = entryFor(host, options);
  if (!servers) return appendChild(text, root, { [name]: entry }, serversKey);
  const known = memberOf(servers, name, "object");
  if (!known) return appendChild(text, servers, entry, name);
  const found = readEntry(getNodeValue(known));
  const relation = relationOf(found, executable, os);
  if (relation === "foreign") throw nameIsTaken(name);
  if (relation === "this") return [];
  const { command, args } = launchFor(options, found);
  const edits = sameValue(known, "command", command)
    ? []
    : setMember(text, known, "command", command);
  // Missing arguments follow in `addArgs`: two members cannot be added at one place in one step.
  return !memberOf(known, "args", "array") || sameValue(known, "args", args ?? [])
    ? edits
    : [...edits, ...setMember(text, known, "args", args ?? [])];
}

/** Makes the members that start this executable, with the entry's own flags. */
function launchFor({ host, executable }: HostFileOptions, found: FoundEntry): HostEntry {
  return launchOf(host, { ...executable, args: [...executable.args, ...ownFlags(found)] });
}

function sameValue(object: Node, key: string, value: unknown): boolean {
  const known = findNodeAtLocation(object, [key]);
  return known !== undefined && JSON.stringify(getNodeValue(known)) === JSON.stringify(value);
}

/** Adds the arguments that run the source to an entry without arguments. */
function addArgs(root: Node, text: string, options: HostFileOptions): Edit[] {
  const { host, name } = options;
  const entry = findNodeAtLocation(root, [FILE_HOSTS[host].serversKey, name]);
  if (!entry || findNodeAtLocation(entry, ["args"])) return [];
  const { args } = launchFor(options, readEntry(getNodeValue(entry)));
  return args === undefined ? [] : appendChild(text, entry, args, "args");
}

function mergeInputs(root: Node, text: string, options: HostFileOptions): Edit[] {
  const [input] = inputsFor(options.host, options);
  if (!input || !isReferredTo(root, input.id)) return [];
  const inputs = memberOf(root, "inputs", "array");
  if (!inputs) return appendChild(text, root, [input], "inputs");
  return inputNode(inputs, input.id) ? [] : appendChild(text, inputs, input);
}

function inputNode(inputs: Node | undefined, id: string): Node | undefined {
  return inputs?.children?.find((child) => recordOf(getNodeValue(child)).id === id);
}

/** Returns true if an entry refers to the answer of a question. */
function isReferredTo(root: Node, id: string): boolean {
  return JSON.stringify(recordOf(getNodeValue(root)).servers ?? {}).includes(`\${input:${id}}`);
}

/**
 * Returns the file with an entry that starts this executable. Everything else in the entry stays,
 * and merging again changes nothing.
 *
 * @throws JsonEditError when the file cannot be understood, or has another server of that name
 */
export function mergedFile(text: string, options: HostFileOptions): string {
  let merged = text;
  for (const step of [mergeEntry, addArgs, mergeInputs]) {
    merged = edited(merged, (root, now) => step(root, now, options));
  }
  return merged;
}

/**
 * Returns the file without the entry; the same text when it has none.
 *
 * @throws JsonEditError when the file cannot be understood, or the entry is another server's
 */
export function fileWithout(text: string, options: HostFileOptions): string {
  const { host, name, executable, os } = options;
  const without = edited(text, (root, now) => {
    const servers = memberOf(root, FILE_HOSTS[host].serversKey, "object");
    const known = servers && memberOf(servers, name, "object");
    if (!servers || !known?.parent) return [];
    if (relationOf(readEntry(getNodeValue(known)), executable, os) === "foreign") {
      throw nameIsTaken(name);
    }
    return removeChild(now, servers, known.parent);
  });
  const [input] = inputsFor(host, { ...options, simulate: false });
  return edited(without, (root, now) => {
    const inputs = input && memberOf(root, "inputs", "array");
    const known = inputs && inputNode(inputs, input.id);
    return known && !isReferredTo(root, input.id) ? removeChild(now, inputs, known) : [];
  });
}

/** Returns the entries of a file that start cma-mcp: this executable, or another (`moved`). */
export function ownEntries(
  text: string,
  options: Omit<HostFileOptions, "name" | "simulate">,
): { readonly name: string; readonly entry: FoundEntry; readonly moved: boolean }[] {
  const { host, executable, os } = options;
  const file = recordOf(getNodeValue(parseObject(text)));
  const { serversKey } = FILE_HOSTS[host];
  // Claude Code also keeps servers by project, which is where its own command puts them.
  const projects = host === "claude-code" ? Object.values(recordOf(file.projects)) : [];
  const servers = [file, ...projects].map((holder) => recordOf(recordOf(holder)[serversKey]));
  return servers.flatMap(Object.entries).flatMap(([name, value]) => {
    const entry = readEntry(value);
    const relation = relationOf(entry, executable, os);
    return relation === "foreign" ? [] : [{ name, entry, moved: relation === "another" }];
  });
}
