/**
 * The token file, which lists the callers of the HTTP server and what each may do: its format, and a
 * running server's tokens, which follow it.
 *
 * @module
 */

import * as z from "zod";
import type { Clock } from "../core/clock.ts";
import { fileError, messageOf, UsageError } from "../core/errors.ts";
import { isFilledIn } from "../core/filled_in.ts";
import { type IdKind, isIdOf } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { firstChars } from "../core/text.ts";
import { MAX_RUNNING } from "./limits.ts";
import { hasScope, type Scope, SCOPES } from "./scopes.ts";
import { TOOL_SET_NAMES } from "./tool_sets.ts";
import { createTokenRegistry, type TokenEntry, type TokenRegistry, tokensOf } from "./tokens.ts";

/** Pattern of token names, which stay plain because they go into logs and responses. */
export const TOKEN_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** {@linkcode TOKEN_NAME} in words. */
export const TOKEN_NAME_WORDS = "1 to 64 letters, digits, '.', '_' and '-'";

/** Most tokens of a file: every request is compared with all of them. */
const MAX_TOKENS = 1_000;

const NAME_RULE = `must be ${TOKEN_NAME_WORDS}`;
const HASHES_RULE =
  "must be the SHA-256 of the secret as 64 hex digits, or a list of 1 to 4 of them";

function idSchema(kind: IdKind): z.ZodString {
  const isId = (value: string) => isFilledIn(value, { isWord: true }) && isIdOf(kind, value);
  return z.string("must be an id").refine(isId, "must be an id, and not a name");
}

/** @param absent what a list that is left out stands for */
function idsSchema(kind: IdKind, absent: "all" | "none" = "all"): z.ZodArray<z.ZodString> {
  return z.array(idSchema(kind), "must be a list of ids")
    .min(1, `must name at least one id, or be left out for ${absent}`)
    .max(1_000, "must be at most 1,000 ids");
}

/** Makes the schema of a list of at least one of these words, each kept once. */
function wordsSchema<const T extends string>(words: readonly T[]) {
  const known = words.join(", ");
  return z.array(z.enum(words, `must be one of ${known}`), `must be a list, of ${known}`)
    .min(1, "must name at least one, or be left out for all")
    .transform((list) => words.filter((word) => list.includes(word)));
}

function countSchema(max: number): z.ZodInt {
  const rule = `must be a whole number from 1 to ${max}`;
  return z.int(rule).min(1, rule).max(max, rule);
}

/** Makes the schema when the first file is read: cold, it takes 10 ms, and most starts read none. */
function fileSchema() {
  return schema ??= makeSchema();
}

let schema: ReturnType<typeof makeSchema> | undefined;

function makeSchema() {
  const hash = z.string().regex(/^[0-9a-fA-F]{64}$/, HASHES_RULE).toLowerCase();
  const entry = z.strictObject({
    name: z.string(NAME_RULE).regex(TOKEN_NAME, NAME_RULE),
    sha256: z.union([
      hash.transform((one) => [one]),
      z.array(hash).min(1, HASHES_RULE).max(4, HASHES_RULE),
    ], { error: HASHES_RULE }),
    expires: z.iso.datetime({
      offset: true,
      error: 'must be a time such as "2027-01-31T00:00:00Z"',
    }).optional(),
    agents: idsSchema("agent").optional(),
    agent: idSchema("agent").optional(),
    environments: idsSchema("environment").optional(),
    files: idsSchema("file", "none").optional(),
    read_only: z.boolean("must be true or false").optional(),
    scopes: wordsSchema(SCOPES).optional(),
    tools: wordsSchema(TOOL_SET_NAMES).optional(),
    sessions: z.enum(["own", "all"], 'must be "own" or "all"').optional(),
    rate_per_minute: countSchema(1_000_000).optional(),
    max_waits: countSchema(MAX_RUNNING).optional(),
    max_calls: countSchema(MAX_RUNNING).optional(),
  }, { error: (issue) => issue.code === "invalid_type" ? "must be an object" : undefined });
  return z.strictObject({
    tokens: z.array(entry, "must be a list of tokens")
      .max(MAX_TOKENS, `must be at most ${MAX_TOKENS} tokens`),
  });
}

type FileEntry = z.output<ReturnType<typeof makeSchema>>["tokens"][number];

/** Returns true for the text of a file that lists tokens; any other text is the token itself. */
export function isTokenList(text: string): boolean {
  return /^\s*\{/.test(text);
}

/**
 * Returns the tokens of a file, which may list none.
 *
 * @param source how the user named the file, for errors
 * @throws UsageError one line that names the entry and the field, and never a hash
 */
export function parseTokenFile(text: string, source: string): readonly TokenEntry[] {
  const content = parseContent(text, source);
  const parsed = fileSchema().safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${source}: ${issue ? describe(issue, content) : "cannot be used"}`);
  }
  refuseContradictions(parsed.data.tokens, source);
  const entries = parsed.data.tokens.map(entryOf);
  refuseDuplicates(entries, source);
  return entries;
}

function parseContent(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message may quote the file.
    throw new UsageError(`${source} is not valid JSON: check its commas, quotes and brackets`);
  }
}

function entryOf(entry: FileEntry): TokenEntry {
  const { expires } = entry;
  return {
    name: entry.name,
    hashes: entry.sha256,
    ...(expires !== undefined && { expiresAtMs: Date.parse(expires) }),
    ...(entry.agents && { agents: entry.agents }),
    ...(entry.agent !== undefined && { agent: entry.agent, agents: [entry.agent] }),
    ...(entry.environments && { environments: entry.environments }),
    ...(entry.files && { files: entry.files }),
    readOnly: entry.read_only ?? false,
    ...(entry.scopes && { scopes: entry.scopes }),
    ...(entry.tools && { tools: entry.tools }),
    sessions: entry.sessions ?? "own",
    ...(entry.rate_per_minute !== undefined && { ratePerMinute: entry.rate_per_minute }),
    ...(entry.max_waits !== undefined && { maxWaits: entry.max_waits }),
    ...(entry.max_calls !== undefined && { maxCalls: entry.max_calls }),
  };
}

/** Refuses fields that have no effect beside others, so that no operator relies on them. */
function refuseContradictions(entries: readonly FileEntry[], source: string): void {
  for (const [index, { name, read_only: readOnly, scopes, agent, agents }] of entries.entries()) {
    const problem = agent !== undefined && agents
      ? AGENT_OR_AGENTS
      : readOnly
      ? scopesBesideReadOnly(scopes)
      : undefined;
    if (problem !== undefined) {
      throw new UsageError(`${source}: tokens[${index}] ("${name}"): ${problem}`);
    }
  }
}

/** Says that a token has one agent or a list. */
export const AGENT_OR_AGENTS =
  "give agent, the one that its tools are bound to, or agents, a list to choose from";

/**
 * Says which scopes a token that may only read cannot have; undefined where it has none of those.
 */
export function scopesBesideReadOnly(scopes: readonly Scope[] = []): string | undefined {
  const idle = scopes.filter((scope) => !hasScope({ readOnly: true }, scope));
  if (idle.length === 0) return undefined;
  return `a token that may only read cannot have ${idle.join(" and ")}: let it have either`;
}

function refuseDuplicates(entries: readonly TokenEntry[], source: string): void {
  const names = new Set<string>();
  const holders = new Map<string, string>();
  for (const { name, hashes } of entries) {
    if (names.has(name)) {
      throw new UsageError(`${source}: two tokens have the name "${name}": rename one`);
    }
    names.add(name);
    for (const hash of hashes) {
      const holder = holders.get(hash);
      if (holder !== undefined) {
        throw new UsageError(
          `${source}: "${holder}" and "${name}" have the same sha256: give each its own secret`,
        );
      }
      holders.set(hash, name);
    }
  }
}

/** Describes a problem of the file, such as `tokens[1] ("ci"): read_only must be true or false`. */
function describe(issue: z.core.$ZodIssue, content: unknown): string {
  const [list, index, ...path] = issue.path;
  const isEntry = typeof index === "number";
  const place = isEntry ? `tokens[${index}]${nameAt(content, index)}: ` : "";
  const field = isEntry ? path.join(".") : String(list ?? "");
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.slice(0, 3).map((key) => JSON.stringify(firstChars(key, 40))).join(
      ", ",
    );
    const { shape } = fileSchema();
    const known = Object.keys(isEntry ? shape.tokens.element.shape : shape).join(", ");
    return `${place}unknown field ${keys}: there are ${known}`;
  }
  if (valueAt(content, issue.path) === undefined) return `${place}${field} is missing`;
  const what = field === "" ? "" : `${field} `;
  return `${place}${what}${/^must /.test(issue.message) ? issue.message : "cannot be used"}`;
}

function nameAt(content: unknown, index: number): string {
  const name = valueAt(content, ["tokens", index, "name"]);
  return typeof name === "string" && TOKEN_NAME.test(name) ? ` ("${name}")` : "";
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    content,
  );
}

/** The tokens that may call over HTTP: a single one, or a list. */
export interface TokenSettings {
  /** The secret itself; absent where there is a list of tokens. */
  readonly token?: string;
  /** A list of tokens, and the file that it came from, which is read again when it changes. */
  readonly tokenFile?: { readonly path: string; readonly entries: readonly TokenEntry[] };
}

/** The parts of the program that following a file needs. */
interface TokenProgram {
  readonly clock: Clock;
  readonly log: Logger;
  readonly readFile: (path: string) => Promise<string>;
  readonly onReload: (listener: () => void) => () => void;
  /** True where the same signal has something else read again. */
  readonly reloadsElse?: boolean;
}

/** Tokens that follow their file until they are closed. */
export interface OpenTokens {
  readonly registry: TokenRegistry;
  close(): void;
}

/** Time between two reads of the file, in milliseconds. */
const POLL_MS = 3_000;

/**
 * Opens the tokens of a configuration. A list is read again every three seconds, and when the
 * operator asks for it (SIGHUP). A list that cannot be used leaves the tokens as they are; running
 * calls go on either way.
 */
export function openTokens(
  { token, tokenFile }: TokenSettings,
  { clock, log, readFile, onReload, reloadsElse = false }: TokenProgram,
): OpenTokens {
  if (!tokenFile) {
    // Without a listener the signal would end the process.
    const unsubscribe = onReload(() => {
      if (reloadsElse) return;
      log.warn("Nothing was read again: only a list of tokens in --token-file can change");
    });
    // Where people sign in, there may be no static token.
    const tokens = token === undefined ? [] : tokensOf([token]);
    return { registry: createTokenRegistry(tokens), close: unsubscribe };
  }
  const { path } = tokenFile;
  const registry = createTokenRegistry(tokenFile.entries);
  const closing = new AbortController();
  // The last result, so that each content, or a missing file, is logged once.
  let last: string | undefined;
  let isReadable = true;

  const fail = (error: unknown) =>
    log.error("The token file cannot be used: the tokens stay as they were", {
      error: messageOf(error),
    });
  const replace = (content: string) => {
    const entries = parseTokenFile(content, `'${path}' (--token-file)`);
    const before = registry.current();
    if (JSON.stringify(entries) === JSON.stringify(before)) return;
    registry.replace(entries);
    log.info("The token file was read again", changes(before, entries));
    if (entries.length === 0) log.warn("No token is left: every request gets 401");
  };
  const read = async () => {
    const content = await readFile(path).catch((error) => {
      if (isReadable && !closing.signal.aborted) fail(fileError(error, path, "--token-file"));
      isReadable = false;
    });
    if (content === undefined || closing.signal.aborted) return;
    isReadable = true;
    // Compare contents: times of change miss some changes, such as a volume whose links are
    // exchanged.
    if (content === last) return;
    last = content;
    try {
      replace(content);
    } catch (error) {
      fail(error);
    }
  };
  // Read one at a time, so that an old content never comes last.
  let reading = Promise.resolve();
  const readNext = () => reading = reading.then(read);
  const poll = async () => {
    while (!closing.signal.aborted) {
      await readNext();
      await clock.sleep(POLL_MS, closing.signal);
    }
  };
  // Rejects only when the signal aborts.
  poll().catch(() => {});
  const unsubscribe = onReload(() => void readNext());
  return {
    registry,
    close() {
      unsubscribe();
      closing.abort();
    },
  };
}

/** Compares two lists, for the log: names only, since the file has the rest. */
function changes(before: readonly TokenEntry[], after: readonly TokenEntry[]) {
  const text = new Map(before.map((entry) => [entry.name, JSON.stringify(entry)]));
  const names = (entries: readonly TokenEntry[]) => entries.map(({ name }) => name);
  const left = new Set(names(after));
  return {
    tokens: after.length,
    added: names(after.filter(({ name }) => !text.has(name))),
    removed: names(before.filter(({ name }) => !left.has(name))),
    changed: names(after.filter((entry) => {
      const known = text.get(entry.name);
      return known !== undefined && known !== JSON.stringify(entry);
    })),
  };
}
