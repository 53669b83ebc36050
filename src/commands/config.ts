/**
 * `cma-mcp config <host>`: prints what to put into a host's configuration, and where. Writes no file.
 *
 * @module
 */

import { CREDENTIAL_VARIABLES } from "../core/ids.ts";
import type { HostConfig } from "../config/config.ts";
import { entryFor, KEY_PLACEHOLDER, readEntry } from "../hosts/entry.ts";
import { fileWithout, type HostFileOptions, mergedFile, newHostFile } from "../hosts/file.ts";
import { FILE_HOSTS, type FileHostName, hostPaths, type Os } from "../hosts/hosts.ts";
import { JsonEditError } from "../hosts/json_edit.ts";
import { UsageError, whyUnreadable } from "../core/errors.ts";
import type { Machine, Program } from "../runtime/program.ts";

type HostProgram = Machine & Pick<Program, "print" | "printExactly" | "note" | "env">;

/**
 * Prints on stdout the text for a file or a command line, and on stderr what to do with it.
 *
 * @throws UsageError when the host's file cannot be edited; nothing is printed then
 */
export async function printHostConfig(
  config: HostConfig,
  program: HostProgram,
): Promise<void> {
  const { host, edit } = config;
  if (host === "claude.ai") {
    if (edit) throw new UsageError("claude.ai has no file: type cma-mcp config claude.ai");
    return printForm(config.name, program);
  }
  const options = { ...config, host, executable: program.executable(), os: program.os };
  const { title, format } = FILE_HOSTS[host];
  if (edit && format !== "json") {
    throw new UsageError(
      `${title}'s file is ${format.toUpperCase()}, which is not edited here: type cma-mcp config ` +
        `${host} for what to paste into it`,
    );
  }
  const path = await placeOf(host, program);
  if (edit) await printFile(options, edit, path, program);
  else if (host === "claude-code") printCommand(options, program);
  else printSnippet(options, path, program);
}

/** Finds the host's file, or else the place where it would be. */
async function placeOf(
  host: FileHostName,
  { env, os, exists }: HostProgram,
): Promise<string> {
  const paths = hostPaths(host, os, env);
  for (const path of paths) if (await exists(path)) return path;
  for (const path of paths) if (await exists(path.replace(/[/\\][^/\\]*$/, ""))) return path;
  return paths.at(-1) ?? "";
}

async function printFile(
  options: HostFileOptions,
  edit: "merge" | "remove",
  path: string,
  { printExactly, note, readText, os }: HostProgram,
): Promise<void> {
  const before = await readText(path).catch((cause) => {
    throw new UsageError(`Cannot read '${path}': ${whyUnreadable(cause)}`, { cause });
  });
  if (before === undefined && edit === "remove") {
    throw new UsageError(`There is no '${path}': nothing has to be removed`);
  }
  const after = editedText(before, options, edit, path);
  printExactly(after);
  if (after === before) return note(`Nothing to change in ${path}`);
  note(`This is what to write to ${path}`);
  note("Redirect it into another file first: the shell empties a file before it is read");
  if (os === "windows") note('In Windows PowerShell, which writes UTF-16, use cmd /c "… > file"');
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
  return problem.includes("--name") ? problem : `${problem}: correct it first, or delete it`;
}

function printSnippet(
  options: HostFileOptions,
  path: string,
  { printExactly, note }: HostProgram,
): void {
  const { title, format, asksForKey, afterwards } = FILE_HOSTS[options.host];
  const key = options.simulate || asksForKey ? "" : `, with your key for ${KEY_PLACEHOLDER}`;
  note(`${title} reads ${path}`);
  const more = {
    json: "With --merge it comes as the whole file",
    toml: "At its end is a good place",
    yaml: "Where it has 'mcpServers:' already, put the rest below that line",
  };
  note(`Put this into it${key}. ${more[format]}:`);
  note("");
  printExactly(newHostFile(options));
  note("");
  note(`${afterwards}. 'cma-mcp doctor' checks it`);
}

function printCommand(options: HostFileOptions, { print, note }: HostProgram): void {
  const { host, name, os, simulate } = options;
  const { command, args } = readEntry(entryFor(host, options));
  const key = simulate ? [] : ["-e", `${CREDENTIAL_VARIABLES.api_key}=${KEY_PLACEHOLDER}`];
  const words = ["claude", "mcp", "add", name, "-s", "user", ...key, "--", command ?? "", ...args];
  note(`Type this${simulate ? "" : `, with your key for ${KEY_PLACEHOLDER}`}:`);
  note("");
  print(words.map((word) => quoted(word, os)).join(" "));
  note("");
  note(`${FILE_HOSTS[host].afterwards}. 'cma-mcp doctor' checks it`);
}

/** Quotes a word for the shells of the operating system. */
function quoted(word: string, os: Os): string {
  if (/^[\w@%+=:,./\\-]+$/.test(word) && (os === "windows" || !word.includes("\\"))) return word;
  return os === "windows" ? `"${word}"` : `'${word.replaceAll("'", `'\\''`)}'`;
}

function printForm(name: string, { print }: Pick<HostProgram, "print">): void {
  print("claude.ai reaches a server over HTTPS. On a machine with a public name, start it with:");
  print("");
  print("  MANAGED_AGENTS_MCP_TOKEN=<a token of 32 characters or more>");
  print("  ANTHROPIC_API_KEY=<your API key>");
  print("  cma-mcp --http --allowed-hosts mcp.example.com");
  print("");
  print("Put TLS in front, or add --tls-cert and --tls-key. Then, under Settings → Connectors →");
  print("Add custom connector, fill in:");
  print("");
  print(`  Name             ${name}`);
  print("  Server URL       https://mcp.example.com/mcp");
  print("  Sign-in          None");
  print("  Request header   Authorization: Bearer <the token>");
  print("                   or, where that name is refused, X-API-Key: <the token>");
  print("");
  print("'cma-mcp doctor --http --allowed-hosts mcp.example.com' checks the server's settings.");
}
