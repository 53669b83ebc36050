/**
 * `cma-mcp config <host>`: prints the text for a host's configuration, and where to put it. Writes
 * no file.
 *
 * @module
 */

import { CREDENTIAL_VARIABLES } from "../core/ids.ts";
import type { HostConfig } from "../config/config.ts";
import { entryFor, inputsFor, installLink, KEY_PLACEHOLDER, readEntry } from "../hosts/entry.ts";
import { fileWithout, type HostFileOptions, mergedFile, newHostFile } from "../hosts/file.ts";
import { FILE_HOSTS, hostPaths, type Os } from "../hosts/hosts.ts";
import type { FileHostName } from "../hosts/names.ts";
import { JsonEditError } from "../hosts/json_edit.ts";
import { UsageError, whyUnreadable } from "../core/errors.ts";
import type { Machine, Program } from "../runtime/program.ts";
import { findLeftovers } from "./leftovers.ts";

type HostProgram = Machine & Pick<Program, "print" | "printExactly" | "note" | "env">;

/** Instructions for a host, for people and for programs. */
interface Instructions {
  /** The exact text to paste, type or write. */
  readonly text: string;
  /** Sentences for people, before the text and after it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The other members of the object that `--json` prints. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * Prints the text for a file or a command line on stdout, and the instructions on stderr; with
 * `--json`, all of it as one object on stdout.
 *
 * @throws UsageError when the host's file cannot be edited; then it prints nothing
 */
export async function printHostConfig(
  config: HostConfig,
  program: HostProgram,
): Promise<void> {
  const { json } = config;
  const { text, before, after, facts } = await instructionsFor(config, program);
  if (json) {
    const notes = [...before, ...after];
    return program.print(JSON.stringify({ ...facts, text, notes }, null, 2));
  }
  before.forEach(program.note);
  if (before.length > 0) program.note("");
  program.printExactly(text);
  if (after.length > 0 && before.length > 0) program.note("");
  after.forEach(program.note);
}

async function instructionsFor(config: HostConfig, program: HostProgram): Promise<Instructions> {
  const { host, edit } = config;
  if (host === "all") return { ...await findLeftovers(program), before: [], after: [] };
  if (host === "claude.ai") {
    if (edit) throw new UsageError("claude.ai has no file: type cma-mcp config claude.ai");
    return form(config.name);
  }
  const options = { ...config, host, executable: program.executable(), os: program.os };
  const { title, format } = FILE_HOSTS[host];
  if (edit && format !== "json") {
    throw new UsageError(
      `${title}'s file is ${format.toUpperCase()}, which is not edited here: type cma-mcp config ` +
        `${host} for what to paste into it`,
    );
  }
  const file = await placeOf(host, program);
  const found = edit
    ? await wholeFile(options, edit, file, program)
    : host === "claude-code"
    ? commandLine(options)
    : snippet(options, file);
  const facts = { host, title, name: config.name, file, format, ...found.facts };
  return { ...found, facts };
}

/** Finds the host's file, or the path for a new one. */
async function placeOf(
  host: FileHostName,
  { env, os, exists }: HostProgram,
): Promise<string> {
  const paths = hostPaths(host, os, env);
  for (const path of paths) if (await exists(path)) return path;
  for (const path of paths) if (await exists(path.replace(/[/\\][^/\\]*$/, ""))) return path;
  return paths.at(-1) ?? "";
}

async function wholeFile(
  options: HostFileOptions,
  edit: "merge" | "remove",
  path: string,
  { readText, os }: HostProgram,
): Promise<Instructions> {
  const before = await readText(path).catch((cause) => {
    throw new UsageError(`Cannot read '${path}': ${whyUnreadable(cause)}`, { cause });
  });
  if (before === undefined && edit === "remove") {
    throw new UsageError(`There is no '${path}': nothing has to be removed`);
  }
  const text = editedText(before, options, edit, path);
  const changes = text !== before;
  const after = changes
    ? [
      `This is what to write to ${path}`,
      "Redirect it into another file first: the shell empties a file before it is read",
      ...os === "windows"
        ? ['In Windows PowerShell, which writes UTF-16, use cmd /c "… > file"']
        : [],
    ]
    : [`Nothing to change in ${path}`];
  return { text, before: [], after, facts: { changes } };
}

function editedText(
  before: string | undefined,
  options: HostFileOptions,
  edit: "merge" | "remove",
  path: string,
): string {
  if (before === undefined) return newHostFile(options);
  try {
    return edit === "merge" ? mergedFile(before, options) : fileWithout(before, options);
  } catch (error) {
    if (!(error instanceof JsonEditError)) throw error;
    throw new UsageError(`'${path}' ${withAdvice(error.message)}`, { cause: error });
  }
}

function withAdvice(problem: string): string {
  if (problem.includes("--name")) return problem;
  // The shell of "config … --merge > file" has just made it so.
  const redirect = problem === "is empty" ? ", and redirect the output into another file" : "";
  return `${problem}: correct it first, or delete it${redirect}`;
}

function snippet(options: HostFileOptions, path: string): Instructions {
  const { host, simulate } = options;
  const { title, format, asksForKey, afterwards } = FILE_HOSTS[host];
  const key = simulate || asksForKey ? "" : `, with your key for ${KEY_PLACEHOLDER}`;
  const more = {
    json: "With --merge it comes as the whole file",
    toml: "At its end is a good place",
    yaml: "Where it has 'mcpServers:' already, put the rest below that line",
  };
  const inputs = inputsFor(host, options);
  const link = installLink(host, options);
  return {
    text: newHostFile(options),
    before: [`${title} reads ${path}`, `Put this into it${key}. ${more[format]}:`],
    after: [
      `${afterwards}. 'cma-mcp doctor' checks it`,
      ...link === undefined ? [] : [
        `Or open this link, and ${title} asks before it adds it${
          key ? "; then put your key into its file" : ""
        }:`,
        link,
      ],
    ],
    facts: {
      entry: entryFor(host, options),
      ...(inputs.length > 0 && { inputs }),
      ...(link !== undefined && { link }),
    },
  };
}

function commandLine(options: HostFileOptions): Instructions {
  const { host, name, os, simulate } = options;
  const entry = entryFor(host, options);
  const { command, args } = readEntry(entry);
  const key = simulate ? [] : ["-e", `${CREDENTIAL_VARIABLES.api_key}=${KEY_PLACEHOLDER}`];
  const words = ["claude", "mcp", "add", name, "-s", "user", ...key, "--", command ?? "", ...args];
  return {
    text: `${words.map((word) => quoted(word, os)).join(" ")}\n`,
    before: [`Type this${simulate ? "" : `, with your key for ${KEY_PLACEHOLDER}`}:`],
    after: [
      `${FILE_HOSTS[host].afterwards}. 'cma-mcp doctor' checks it`,
      ...simulate ? [] : [
        "The shell keeps what you type, the key too: --merge prints the file to fill in instead",
      ],
    ],
    facts: { entry },
  };
}

/** Quotes a word for the shells of the operating system. */
function quoted(word: string, os: Os): string {
  if (/^[\w@%+=:,./\\-]+$/.test(word) && (os === "windows" || !word.includes("\\"))) return word;
  return os === "windows" ? `"${word}"` : `'${word.replaceAll("'", `'\\''`)}'`;
}

function form(name: string): Instructions {
  const lines = [
    "claude.ai reaches a server over HTTPS. On a machine with a public name, start it with:",
    "",
    "  MANAGED_AGENTS_MCP_TOKEN=<a token of 32 characters or more>",
    "  ANTHROPIC_API_KEY=<your API key>",
    "  cma-mcp --http --allowed-hosts mcp.example.com",
    "",
    "Put TLS in front, or add --tls-cert and --tls-key. Then, under Settings → Connectors →",
    "Add custom connector, fill in:",
    "",
    `  Name             ${name}`,
    "  Server URL       https://mcp.example.com/mcp",
    "  Sign-in          None",
    "  Request header   Authorization: Bearer <the token>",
    "                   or, where that name is refused, X-API-Key: <the token>",
    "",
    "'cma-mcp doctor --http --allowed-hosts mcp.example.com' checks the server's settings.",
  ];
  return {
    text: lines.map((line) => `${line}\n`).join(""),
    before: [],
    after: [],
    facts: { host: "claude.ai", title: "claude.ai", name },
  };
}
