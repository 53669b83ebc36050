/**
 * Checks of single values that settings share. Each returns the value in normal form, or throws a
 * `UsageError` that says what to type.
 *
 * @module
 */

import { MAX_PUBLISHED } from "../access/limits.ts";
import { type Scope, SCOPES } from "../access/scopes.ts";
import { TOKEN_NAME, TOKEN_NAME_WORDS } from "../access/tokens.ts";
import { TOOL_SET_NAMES, type ToolSetName } from "../access/tool_sets.ts";
import { isTimeThatThereIs } from "../core/dates.ts";
import { UsageError } from "../core/errors.ts";
import { HOSTED_CONSOLE, hostSuffix, isLoopback, normalOrigin } from "../core/addresses.ts";
import { ID, type IdKind, isIdOf, isKey, kindOfId } from "../core/ids.ts";
import { checkFilledIn } from "../core/filled_in.ts";
import { nearest } from "../core/suggest.ts";
import { shorten } from "../core/text.ts";

/** Visible ASCII: what an HTTP header can carry without quoting. */
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/** Shortest bearer token that the HTTP server accepts, in characters. */
export const MIN_TOKEN_LENGTH = 32;

const MAKE_TOKEN = "'openssl rand -hex 32'";

/** Tells the operator how to get a bearer token. */
export const TOKEN_ADVICE =
  `set MANAGED_AGENTS_MCP_TOKEN, such as to the output of ${MAKE_TOKEN}, ` +
  "or name a file with --access-file";

/** Names of the kinds of ids in errors. */
const ID_NAMES: Readonly<Record<IdKind, string>> = {
  agent: "an agent's id",
  environment: "an environment's id",
  session: "a session's id",
  thread: "a thread's id",
  event: "an event's id",
  file: "a file's id",
};

/** Checks an agent's id. */
export function checkAgentId(value: string, source: string): string {
  return checkId("agent", "agent_01…", value, source);
}

/** Checks an environment's id. */
export function checkEnvironmentId(value: string, source: string): string {
  return checkId("environment", "env_01…", value, source);
}

/** Checks a file's id. */
export function checkFileId(value: string, source: string): string {
  return checkId("file", "file_01…", value, source);
}

/** Checks a session's id. */
export function checkSessionId(value: string, source: string): string {
  return checkId("session", "sesn_01…", value, source);
}

/** Checks an id; the error says if the value is the id of something else, or a name. */
function checkId(wanted: IdKind, example: string, value: string, source: string): string {
  checkFilledIn(value, source, { isWord: true });
  if (isIdOf(wanted, value)) return value;
  const kind = kindOfId(value);
  const held = isKey(value) ? "a key" : kind && kind !== wanted ? ID_NAMES[kind] : undefined;
  if (held && !/[,;|]/.test(value)) {
    throw new UsageError(
      `${source} holds ${held}: give ${ID_NAMES[wanted]} there, such as ${example}`,
    );
  }
  throw new UsageError(
    `Cannot use ${shown(value)} in ${source}: ${whyNoId(wanted, example, value)}`,
  );
}

function whyNoId(wanted: IdKind, example: string, value: string): string {
  if (/^(\*|all|any)$/i.test(value)) return "for all, leave it out";
  if (/[,;|]/.test(value)) {
    return "give one id, or where several may stand put commas between them";
  }
  if (!ID.test(value)) return "an id has 1 to 128 letters, digits, '_' and '-'";
  return `that is a name; give ${ID_NAMES[wanted]}, such as ${example}: 'cma-mcp ${wanted}s' ` +
    "lists them";
}

/** Longest value that an error repeats, in characters. */
const MAX_SHOWN_CHARS = 100;

/**
 * Returns a value for an error, bounded and in quotes; a value that may hold a password is not
 * repeated.
 */
export function shown(value: string): string {
  if (/:[^/@\s]*@/.test(value)) return "that";
  return `'${shorten(value, MAX_SHOWN_CHARS)}'`;
}

/**
 * Reads a switch; flags and the environment have the same spellings.
 *
 * @throws UsageError for a text that means neither on nor off
 */
export function parseSwitch(text: string, source: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`Cannot use ${shown(text)} as ${source}: type true or false`);
}

/** Checks a value of one kind: returns it in normal form, or throws a `UsageError`. */
export type Check<T = string> = (text: string, source: string) => T;

/** Makes the check of a whole number between `min` and `max`, inclusive. */
export function integer(min: number, max: number): Check<number> {
  return (text, source) => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    throw new UsageError(
      `Cannot use ${shown(text)} as ${source}: type a whole number from ${min} to ${max}`,
    );
  };
}

/** Makes the check of a whole number of seconds, whose value is in milliseconds. */
export function secondsAsMs(min: number, max: number): Check<number> {
  const seconds = integer(min, max);
  return (text, source) => 1_000 * seconds(text, source);
}

/** Checks an amount of US dollars: a cent or more, in whole cents. */
export function dollars(text: string, source: string): number {
  const value = Number(text);
  if (/^\d{1,9}(\.\d{1,2})?$/.test(text) && value > 0) return value;
  throw new UsageError(
    `Cannot use ${shown(text)} as ${source}: type US dollars from 0.01, such as 5 or 2.50`,
  );
}

/** Makes the check of one of a few words, in any case. */
export function oneOf<T extends string>(...words: readonly T[]): Check<T> {
  return (text, source) => {
    const found = words.find((word) => word === text.toLowerCase());
    if (found) return found;
    throw new UsageError(`Cannot use ${shown(text)} as ${source}: type one of ${words.join(", ")}`);
  };
}

/**
 * Makes the check of entries separated by commas or white space: at least one, duplicates kept
 * once.
 */
export function listOf<T extends string>(check: Check<T>): Check<readonly T[]> {
  return (text, source) => {
    const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
    if (entries.length === 0) {
      throw new UsageError(`${source} names nothing: give at least one entry, or leave it out`);
    }
    return [...new Set(entries.map((entry) => check(entry, source)))];
  };
}

/**
 * Checks the sets of tools that a server serves: `core` and those that are named, or `all`, without
 * those that have a `-` before their name.
 *
 * @returns each once, in the order of `tools/list`
 */
export function checkToolSets(text: string, source: string): readonly ToolSetName[] {
  const named = new Set<string>(["core"]);
  const without = new Set<string>();
  for (const word of listOf(checkToolSetWord)(text.toLowerCase(), source)) {
    if (word.startsWith("-")) without.add(word.slice(1));
    else if (word === "all") TOOL_SET_NAMES.forEach((name) => named.add(name));
    else named.add(word);
  }
  const sets = TOOL_SET_NAMES.filter((name) => named.has(name) && !without.has(name));
  if (sets.length > 0) return sets;
  throw new UsageError(
    `Cannot use ${shown(text)} as ${source}: that leaves no tool, so name another set beside it`,
  );
}

function checkToolSetWord(word: string, source: string): string {
  const name = word.replace(/^-/, "");
  if (word === "all" || TOOL_SET_NAMES.some((set) => set === name)) return word;
  throw unknownToolSet(word, source, ["all"]);
}

/** Checks the agents to publish as tools: `all`, or ids. */
export function checkPublished(text: string, source: string): "all" | readonly string[] {
  const entries = listOf((entry) => entry)(text, source);
  if (entries.some((entry) => entry.toLowerCase() === "all")) return "all";
  const ids = entries.map((entry) => checkAgentId(entry, source));
  if (ids.length <= MAX_PUBLISHED) return ids;
  throw new UsageError(`${source} names ${ids.length} agents: give at most ${MAX_PUBLISHED}`);
}

/** Checks the name of a set of tools. */
export function checkToolSet(name: string, source: string): ToolSetName {
  const found = TOOL_SET_NAMES.find((set) => set === name.toLowerCase());
  if (found) return found;
  throw unknownToolSet(name, source, []);
}

function unknownToolSet(word: string, source: string, more: readonly string[]): UsageError {
  const known = [...TOOL_SET_NAMES, ...more];
  const meant = nearest(word.replace(/^-/, ""), known);
  return new UsageError(
    `Cannot use ${shown(word)} in ${source}: ${meant ? `did you mean ${meant}? ` : ""}There are ` +
      known.join(", "),
  );
}

/** Checks the name of a scope. */
export function checkScope(name: string, source: string): Scope {
  const found = SCOPES.find((scope) => scope === name.toLowerCase());
  if (found) return found;
  const meant = nearest(name.toLowerCase(), SCOPES);
  throw new UsageError(
    `Cannot use ${shown(name)} in ${source}: ${meant ? `did you mean ${meant}? ` : ""}There are ` +
      SCOPES.join(", "),
  );
}

/** Checks the address of a console's list of sessions; returns it without a slash at its end. */
export function checkConsoleUrl(value: string, source: string): string {
  const url = URL.parse(value);
  if (!url || !/^https?:$/.test(url.protocol) || /\s/.test(value)) {
    throw new UsageError(
      `Cannot use ${shown(value)} as ${source}: type a URL such as ${HOSTED_CONSOLE}`,
    );
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`Cannot use ${source}: leave out user name, password, '?' and '#'`);
  }
  return url.href.replace(/\/+$/, "");
}

/**
 * Checks the address by which clients reach the server: https, or http on this machine; with or
 * without a path. Returns it without a slash at its end, and without `/mcp`: people copy the URL of
 * the endpoint from their clients.
 */
export function checkPublicUrl(value: string, source: string): string {
  const url = /^https?:/i.test(value) && !/\s/.test(value) ? URL.parse(value) : null;
  if (!url) {
    const meant = /^[\w.-]+(:\d+)?$/.test(value) ? URL.parse(`https://${value}`) : null;
    const example = meant?.origin ?? "https://mcp.example.com";
    throw new UsageError(`Cannot use ${shown(value)} as ${source}: type a URL such as ${example}`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new UsageError(`Cannot use ${source}: leave out user name, password, '?' and '#'`);
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new UsageError(
      `Cannot use ${source}: links would travel unencrypted: type https://${url.host}`,
    );
  }
  const path = url.pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "");
  const base = url.origin + path.replace(/\/(?:mcp|files)$/, "");
  if (!path.endsWith("/files")) return base;
  throw new UsageError(`Cannot use ${source}: leave out '/files': type ${base}`);
}

/**
 * Checks an issuer identifier (RFC 8414, section 2): https, or http on this machine, without query
 * and fragment. Returns it exactly as it was typed, since issuers are compared as texts.
 */
export function checkIssuer(value: string, source: string): string {
  const [, issuer] = /^(.+?)\/\.well-known\//.exec(value) ?? [];
  if (issuer !== undefined) {
    throw new UsageError(
      `Cannot use ${shown(value)} in ${source}: that is the address of its metadata: type the ` +
        "'issuer' that stands there",
    );
  }
  if (isWebUrl(value) && !/[?#]/.test(value)) return value;
  throw new UsageError(
    `Cannot use ${shown(value)} in ${source}: type an issuer such as https://login.example.com, ` +
      "without '?' and '#', and exactly as its metadata has it",
  );
}

/**
 * Returns true for a URL that secrets can be sent to: https, or http on this machine, without user
 * name and password.
 */
export function isWebUrl(value: string): boolean {
  const url = /^https?:\/\//i.test(value) && !/[\s\\]/.test(value) ? URL.parse(value) : null;
  if (!url || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || isLoopback(url.hostname);
}

/**
 * Checks a host name, an address or either with a port, as in a `Host` header; or a suffix such as
 * `*.run.app`, which stands for every name below it.
 */
export function checkHostHeader(value: string, source: string): string {
  if (value.includes("*")) return checkHostSuffix(value, source);
  const url = /^[^/?#@\\]+$/.test(value) ? URL.parse(`http://${value}`) : null;
  if (url) return value.toLowerCase();
  const host = URL.parse(value)?.host || "mcp.example.com";
  throw new UsageError(`Cannot use ${shown(value)} in ${source}: type a host such as ${host}`);
}

function checkHostSuffix(value: string, source: string): string {
  if (hostSuffix(value) !== undefined) return value.toLowerCase();
  const why = value === "*"
    ? "that would let every web page in, so name the hosts"
    : /^\*\.[^.*:/]+$/.test(value)
    ? "everybody can have a name below that, so name more of it"
    : "'*' stands only before the end of a name, without a port";
  throw new UsageError(
    `Cannot use ${shown(value)} in ${source}: ${why}, such as mcp.example.com or *.run.app`,
  );
}

/**
 * Checks an origin, as in an `Origin` header: of a web page, an extension, or a page in a program.
 */
export function checkOrigin(value: string, source: string): string {
  if (value.includes("*")) {
    throw new UsageError(
      `Cannot use ${shown(value)} in ${source}: '*' stands for nothing here, so list each origin`,
    );
  }
  const origin = normalOrigin(value);
  if (origin !== undefined) return origin;
  throw new UsageError(
    `Cannot use ${shown(value)} in ${source}: type an origin such as https://claude.ai`,
  );
}

/** Checks an interface to listen on: a host name or an address. */
export function checkHost(value: string, source: string): string {
  const bare = value.replace(/^\[(.*)\]$/, "$1");
  const [, address, port] = /^([^:]+|\[.*\]):(\d+)$/.exec(value) ?? [];
  if (address !== undefined) {
    throw new UsageError(
      `Cannot use ${shown(value)} as ${source}: type ${address}, and the port as --port ${port}`,
    );
  }
  if (/^[A-Za-z0-9.:_-]+$/.test(bare)) return bare;
  throw new UsageError(
    `Cannot use ${shown(value)} as ${source}: type an address such as 127.0.0.1`,
  );
}

/** Checks a credential that must fit into a header. Never repeats the value. */
export function checkSecret(value: string, source: string): string {
  checkFilledIn(value, source, { secret: true });
  const [, label] = /^(bearer|basic|authorization:|x-api-key:)\s*\S/i.exec(value) ?? [];
  if (label !== undefined && !HEADER_SAFE.test(value)) {
    throw new UsageError(`${source} begins with '${label}': leave that out, and give only the key`);
  }
  if (HEADER_SAFE.test(value)) return value;
  const odd = /[^\x21-\x7e\s]/u.exec(value);
  throw new UsageError(
    `${source} has spaces, line breaks or other characters that no key has` +
      (odd ? ` (U+${odd[0].codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")})` : "") +
      ": copy it again, in one piece",
  );
}

/** Credentials that the hosted API takes from the other variable, or not at all, by their form. */
const MISPLACED: readonly (readonly [RegExp, CredentialKind | undefined, string])[] = [
  [/^sk-ant-oat/, "api_key", "is an OAuth token and no API key: set it as ANTHROPIC_AUTH_TOKEN"],
  [/^sk-ant-api/, "auth_token", "is an API key and no token: set it as ANTHROPIC_API_KEY"],
  [
    /^sk-ant-admin/,
    undefined,
    "is a key for administration: make an API key in the Claude Console",
  ],
  [/^https?:\/\//i, undefined, "is an address: make an API key in the Claude Console"],
  [
    /^(~?(\/[\w.-]+){2,}|[A-Za-z]:\\.*)$/,
    undefined,
    "is a path: name the file with --api-key-file",
  ],
  [/sk-ant-.*sk-ant-|^(.{16,})[,;|]?\1$/, undefined, "holds more than one key: give one, once"],
  [/\\[nrt]/, undefined, "has a '\\n' or its like in it, as two characters: leave that out"],
  [/^(true|false|yes|no|on|off|\d{1,15})$/i, undefined, "is no key: put the API key there"],
  [/^\{/, undefined, "is a JSON object: give only the key"],
  [/^(agent|env|sesn|sevt)_/, undefined, "is an id: make an API key in the Claude Console"],
  [/^sk-ant-.*[,;"'\\)\]}]$/, undefined, "ends with a sign that no key has: leave that out"],
  [
    /^(sk-(proj|svcacct|or)-|AIza|gh[opsu]_|github_pat_|glpat-|gsk_|hf_|xox[abp]-|AKIA)/,
    undefined,
    "is another service's key: make an API key in the Claude Console",
  ],
];

/** Kind of a credential: an API key goes out in `x-api-key`, a token in `authorization`. */
type CredentialKind = "api_key" | "auth_token";

/** Throws for a credential that the hosted API cannot take. Never repeats the value. */
export function checkHostedCredential(value: string, kind: CredentialKind, source: string): void {
  const [, , complaint] =
    MISPLACED.find(([pattern, only]) =>
      pattern.test(value) && (only === undefined || only === kind)
    ) ?? [];
  if (complaint !== undefined) throw new UsageError(`${source} ${complaint}`);
}

/** Checks a bearer token of the HTTP server. Never repeats the value. */
export function checkToken(value: string, source: string): string {
  checkSecret(value, source);
  if (value.length >= MIN_TOKEN_LENGTH) return value;
  throw new UsageError(
    `${source} is too short (${value.length} characters, at least ${MIN_TOKEN_LENGTH}): ` +
      `make one with ${MAKE_TOKEN}`,
  );
}

/** Checks a name for a token of the access file. */
export function checkTokenName(value: string, source: string): string {
  if (TOKEN_NAME.test(value)) return value;
  throw new UsageError(
    `Cannot use ${shown(value)} as ${source}: a name has ${TOKEN_NAME_WORDS}`,
  );
}

/** Checks a time in RFC 3339, or a date, which means its first moment in UTC. */
export function checkTime(value: string, source: string): string {
  const time = /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(time);
  if (isTime && isTimeThatThereIs(time)) return time;
  throw new UsageError(
    `Cannot use ${shown(value)} as ${source}: type a date, or a time such as 2027-01-31T00:00:00Z`,
  );
}
