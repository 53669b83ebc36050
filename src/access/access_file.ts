/**
 * The access file, which lists the tokens of the HTTP server, and the rules for people who sign in:
 * its format, and a running server's tokens and rules, which follow it.
 *
 * @module
 */

import * as z from "zod";
import type { Clock } from "../core/clock.ts";
import { wholeCents } from "../core/cents.ts";
import { fileError, messageOf, UsageError } from "../core/errors.ts";
import { isFilledIn } from "../core/filled_in.ts";
import { type IdKind, isIdOf } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { firstChars } from "../core/text.ts";
import { MAX_RUNNING } from "./limits.ts";
import type { Grants } from "./principal.ts";
import { checkRules, rulePlace, ruleWarnings } from "./rule_checks.ts";
import { type AccessRule, isExactNumber } from "./rules.ts";
import { SCOPES, scopesBesideReadOnly } from "./scopes.ts";
import { TOOL_SET_NAMES } from "./tool_sets.ts";
import {
  createTokenRegistry,
  TOKEN_NAME,
  TOKEN_NAME_WORDS,
  type TokenEntry,
  type TokenRegistry,
  tokensOf,
} from "./tokens.ts";

/** Most tokens of a file: every request is compared with all of them. */
const MAX_TOKENS = 1_000;

/** Most rules of a file. */
const MAX_RULES = 1_000;

/** Most values of a rule. */
const MAX_VALUES = 1_000;

const NAME_RULE = `must be ${TOKEN_NAME_WORDS}`;
const HASHES_RULE =
  "must be the SHA-256 of the secret as 64 hex digits, or a list of 1 to 4 of them";
const ISSUER_RULE = "must be the URL of an authorization server, as --oauth-issuer has it";
const CLAIM_RULE = "must be the name of a claim, of 1 to 256 characters";
const VALUE_RULE = "must be a text of 1 to 1,024 characters, a number below 2^53, true or false";
const COST_RULE = "must be US dollars from 0.01 to 999999999, such as 2.50";

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
  const name = z.string(NAME_RULE).regex(TOKEN_NAME, NAME_RULE);
  const grants = {
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
    max_cost_usd: z.number(COST_RULE).min(0.01, COST_RULE).max(999_999_999, COST_RULE).optional(),
  };
  const noObject = {
    error: (issue: { readonly code?: string }) =>
      issue.code === "invalid_type" ? "must be an object" : undefined,
  };
  const token = z.strictObject({
    name,
    sha256: z.union([
      hash.transform((one) => [one]),
      z.array(hash).min(1, HASHES_RULE).max(4, HASHES_RULE),
    ], { error: HASHES_RULE }),
    expires: z.iso.datetime({
      offset: true,
      error: 'must be a time such as "2027-01-31T00:00:00Z"',
    }).optional(),
    ...grants,
  }, noObject);
  const text = z.string().min(1, VALUE_RULE).max(1_024, VALUE_RULE);
  const rule = z.strictObject({
    name,
    issuer: z.string(ISSUER_RULE).max(2_048, ISSUER_RULE).refine(URL.canParse, ISSUER_RULE),
    claim: z.string(CLAIM_RULE).min(1, CLAIM_RULE).max(256, CLAIM_RULE).optional(),
    values: z.array(
      z.union([text, z.number().refine(isExactNumber, VALUE_RULE), z.boolean()], VALUE_RULE),
      "must be a list of texts, numbers, true or false",
    )
      .min(1, "must name at least one value").max(
        MAX_VALUES,
        `must be at most ${MAX_VALUES} values`,
      ).optional(),
    ...grants,
  }, noObject);
  return z.strictObject({
    tokens: z.array(token, "must be a list of tokens")
      .max(MAX_TOKENS, `must be at most ${MAX_TOKENS} tokens`).optional(),
    rules: z.array(rule, "must be a list of rules")
      .max(MAX_RULES, `must be at most ${MAX_RULES} rules`).optional(),
  });
}

type FileContent = z.output<ReturnType<typeof makeSchema>>;
type FileToken = NonNullable<FileContent["tokens"]>[number];
type FileRule = NonNullable<FileContent["rules"]>[number];

/** Name of a field of a token or a rule in the file. */
export type AccessFieldName = keyof FileToken | keyof FileRule;

/** A field of a token or a rule in the file. */
export interface AccessField {
  readonly name: AccessFieldName;
  /** The entries that have it. */
  readonly entries: readonly ("token" | "rule")[];
  readonly isRequired: boolean;
  /** What its value must be, in words. */
  readonly value: string;
}

/** Returns the fields of tokens and rules, in the order of a rule, then those of tokens alone. */
export function accessFields(): AccessField[] {
  const { tokens, rules } = fileSchema().shape;
  const shapes = {
    rule: rules.unwrap().element.shape,
    token: tokens.unwrap().element.shape,
  };
  const fields = new Map<string, AccessField>();
  for (const kind of ["rule", "token"] as const) {
    for (const [name, schema] of Object.entries(shapes[kind])) {
      const known = fields.get(name);
      fields.set(name, {
        name: name as AccessFieldName,
        entries: [...known?.entries ?? [], kind],
        isRequired: !schema.safeParse(undefined).success,
        value: schema.safeParse(null).error?.issues[0]?.message.replace(/^must be /, "") ?? "",
      });
    }
  }
  return [...fields.values()];
}

/** What an access file says. */
export interface AccessFile {
  readonly tokens: readonly TokenEntry[];
  /** In their order; undefined where the file has no list of them. */
  readonly rules?: readonly AccessRule[];
}

/**
 * Reads an access file, whose lists may be empty.
 *
 * @param source how the user named the file, for errors
 * @param issuers the issuers that the server trusts, of which the rules must be; without any, the file
 *   must have tokens and no rules; undefined where they are not known
 * @throws UsageError one line that names the entry and the field, and never a hash
 */
export function parseAccessFile(
  text: string,
  source: string,
  issuers?: readonly string[],
): AccessFile {
  const content = parseContent(text, source);
  if (["tokens", "rules"].every((list) => valueAt(content, [list]) === undefined)) {
    const what = issuers?.length === 0 ? "tokens is missing" : "it has neither tokens nor rules";
    throw new UsageError(`${source}: ${what}`);
  }
  const parsed = fileSchema().safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${source}: ${issue ? describe(issue, content) : "cannot be used"}`);
  }
  const { tokens, rules } = parsed.data;
  refuseContradictions(parsed.data, source);
  const file = {
    tokens: (tokens ?? []).map(tokenOf),
    ...(rules && { rules: rules.map(ruleOf) }),
  };
  refuseDuplicateTokens(file.tokens, source);
  refuseDuplicateRules(file.rules ?? [], source);
  if (issuers) checkRules(file.rules, issuers, source);
  return file;
}

/**
 * Returns the tokens of a file for a server without people who sign in; it may list none.
 *
 * @param source how the user named the file, for errors
 * @throws UsageError one line that names the entry and the field, and never a hash
 */
export function parseTokenFile(text: string, source: string): readonly TokenEntry[] {
  return parseAccessFile(text, source, []).tokens;
}

function parseContent(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message may quote the file.
    throw new UsageError(`${source} is not valid JSON: check its commas, quotes and brackets`);
  }
}

function tokenOf(entry: FileToken): TokenEntry {
  const { name, sha256: hashes, expires } = entry;
  const expiresAtMs = expires === undefined ? undefined : Date.parse(expires);
  return { name, hashes, ...(expiresAtMs !== undefined && { expiresAtMs }), ...grantsOf(entry) };
}

function ruleOf(entry: FileRule): AccessRule {
  const { name, issuer, claim, values } = entry;
  const when = claim === undefined || !values ? undefined : { claim, values };
  return { name, issuer, ...(when && { when }), ...grantsOf(entry) };
}

/** Reads what tokens and rules have in common. */
function grantsOf(entry: FileToken | FileRule): Grants & Pick<TokenEntry, "ratePerMinute"> {
  return {
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
    ...(entry.max_cost_usd !== undefined && { maxCostUsd: wholeCents(entry.max_cost_usd) }),
  };
}

/** Refuses fields that have no effect beside others, so that no operator relies on them. */
function refuseContradictions({ tokens = [], rules = [] }: FileContent, source: string): void {
  const problems = [
    ...tokens.map((entry) => grantsProblem(entry, "token")),
    ...rules.map((entry) => whenProblem(entry) ?? grantsProblem(entry, "rule")),
  ];
  const at = problems.findIndex((problem) => problem !== undefined);
  if (at === -1) return;
  const list = at < tokens.length ? "tokens" : "rules";
  const index = list === "tokens" ? at : at - tokens.length;
  const name = (list === "tokens" ? tokens : rules)[index]?.name;
  throw new UsageError(`${source}: ${list}[${index}] ("${name}"): ${problems[at]}`);
}

function grantsProblem(
  { read_only: readOnly, scopes, agent, agents }: FileToken | FileRule,
  kind: "token" | "rule",
): string | undefined {
  if (agent !== undefined && agents) return AGENT_OR_AGENTS;
  return readOnly ? scopesBesideReadOnly(scopes, kind) : undefined;
}

function whenProblem({ claim, values }: FileRule): string | undefined {
  if ((claim === undefined) === (values === undefined)) return undefined;
  return "claim and values go together: give both, or none for everybody of the issuer";
}

/** Says that a token has one agent or a list. */
export const AGENT_OR_AGENTS =
  "give agent, the one that its tools are bound to, or agents, a list to choose from";

function refuseDuplicateTokens(entries: readonly TokenEntry[], source: string): void {
  refuseDuplicateNames(entries, "tokens", source);
  const holders = new Map<string, string>();
  for (const { name, hashes } of entries) {
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

/** Refuses rules of one name, and those that never fit because one before them always does. */
function refuseDuplicateRules(rules: readonly AccessRule[], source: string): void {
  refuseDuplicateNames(rules, "rules", source);
  const fitsAll = new Map<string, AccessRule>();
  for (const [index, rule] of rules.entries()) {
    const before = fitsAll.get(rule.issuer);
    if (before) {
      throw new UsageError(
        `${source}: ${
          rulePlace(rule, index)
        }: never fits, because "${before.name}" before it fits ` +
          "everybody of that issuer: put it first",
      );
    }
    if (!rule.when) fitsAll.set(rule.issuer, rule);
  }
}

function refuseDuplicateNames(
  entries: readonly { readonly name: string }[],
  list: "tokens" | "rules",
  source: string,
): void {
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) {
      throw new UsageError(`${source}: two ${list} have the name "${name}": rename one`);
    }
    names.add(name);
  }
}

/** Describes a problem of the file, such as `tokens[1] ("ci"): read_only must be true or false`. */
function describe(issue: z.core.$ZodIssue, content: unknown): string {
  const [list, index, ...path] = issue.path;
  const isEntry = typeof index === "number";
  const place = isEntry ? `${String(list)}[${index}]${nameAt(content, list, index)}: ` : "";
  const field = isEntry ? path.join(".") : String(list ?? "");
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.slice(0, 3).map((key) => JSON.stringify(firstChars(key, 40))).join(
      ", ",
    );
    const { shape } = fileSchema();
    const entry = shape[list === "rules" ? "rules" : "tokens"].unwrap().element.shape;
    const known = Object.keys(isEntry ? entry : shape).join(", ");
    return `${place}unknown field ${keys}: there are ${known}`;
  }
  if (valueAt(content, issue.path) === undefined) return `${place}${field} is missing`;
  const what = field === "" ? "" : `${field} `;
  return `${place}${what}${/^must /.test(issue.message) ? issue.message : "cannot be used"}`;
}

function nameAt(content: unknown, list: PropertyKey | undefined, index: number): string {
  const name = valueAt(content, [list ?? "", index, "name"]);
  return typeof name === "string" && TOKEN_NAME.test(name) ? ` ("${name}")` : "";
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    content,
  );
}

/** The tokens that may call over HTTP: a single one, or a list, and rules beside it. */
export interface TokenSettings {
  /** The secret itself; absent where there is a list of tokens. */
  readonly token?: string;
  /** The access file and what it says; it is read again when it changes. */
  readonly accessFile?: {
    readonly path: string;
    /** The flag or variable that names it; `--token-file` when absent. */
    readonly named?: string;
    readonly entries: readonly TokenEntry[];
    readonly rules?: readonly AccessRule[];
  };
}

/** Who may call over HTTP: holders of tokens, and people who sign in at these servers. */
interface CallerSettings extends TokenSettings {
  readonly oauth?: { readonly issuers: readonly { readonly issuer: string }[] };
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

/** Tokens and rules that follow their file until they are closed. */
export interface OpenTokens {
  readonly registry: TokenRegistry;
  close(): void;
}

/** Time between two reads of the file, in milliseconds. */
const POLL_MS = 3_000;

/**
 * Opens the tokens and rules of a configuration. A file of them is read again every three seconds, and
 * when the operator asks for it (SIGHUP). A file that cannot be used leaves them as they are; running
 * calls go on either way.
 */
export function openTokens(
  { token, accessFile, oauth }: CallerSettings,
  { clock, log, readFile, onReload, reloadsElse = false }: TokenProgram,
): OpenTokens {
  const issuers = oauth?.issuers.map(({ issuer }) => issuer) ?? [];
  if (!accessFile) {
    // Without a listener the signal would end the process.
    const unsubscribe = onReload(() => {
      if (reloadsElse) return;
      log.warn("Nothing was read again: only a list of tokens in --access-file can change");
    });
    // Where people sign in, there may be no static token.
    const tokens = token === undefined ? [] : tokensOf([token]);
    return { registry: createTokenRegistry(tokens), close: unsubscribe };
  }
  const { path, named = "--token-file", entries, rules } = accessFile;
  const kind = /access/i.test(named) ? "access file" : "token file";
  const registry = createTokenRegistry(entries, rules);
  const closing = new AbortController();
  // The last result, so that each content, or a missing file, is logged once.
  let last: string | undefined;
  let isReadable = true;

  const fail = (error: unknown) =>
    log.error(
      `The ${kind} cannot be used: the tokens ${oauth ? "and rules " : ""}stay as they were`,
      { error: messageOf(error) },
    );
  const replace = (content: string) => {
    const after = parseAccessFile(content, `'${path}' (${named})`, issuers);
    const before = { tokens: registry.current(), rules: registry.rules() };
    // Compare texts: an absent list of rules and an empty one differ.
    if (textOf(after) === textOf(before)) return;
    if (oauth && before.rules && !after.rules) throw withoutRules(`'${path}' (${named})`);
    registry.replace(after.tokens, after.rules);
    log.info(`The ${kind} was read again`, changes(before, after));
    if (after.tokens.length === 0 && !oauth) log.warn("No token is left: every request gets 401");
    const known = ruleWarnings(before.rules, issuers);
    for (const warning of ruleWarnings(after.rules, issuers)) {
      if (!known.includes(warning)) log.warn(warning);
    }
  };
  const read = async () => {
    const content = await readFile(path).catch((error) => {
      if (isReadable && !closing.signal.aborted) fail(fileError(error, path, named));
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

function textOf({ tokens, rules }: AccessFile): string {
  return JSON.stringify([tokens, rules ?? null]);
}

/**
 * Makes the error for a file whose rules went while the server runs: a slip in it must not let in
 * everybody who can sign in.
 */
function withoutRules(source: string): UsageError {
  return new UsageError(
    `${source} has no rules any more, and without them everybody who can sign in gets in: write ` +
      '"rules": [] to let in nobody, or start the server again if that is what you want',
  );
}

/** Compares two contents, for the log: names only, since the file has the rest. */
function changes(before: AccessFile, after: AccessFile): Record<string, unknown> {
  const tokens = { tokens: after.tokens.length, ...namesThatChanged(before.tokens, after.tokens) };
  if (!before.rules && !after.rules) return tokens;
  const { rules: old = [] } = before;
  const { rules = [] } = after;
  const { added, removed, changed } = namesThatChanged(old, rules);
  return {
    ...tokens,
    rules: rules.length,
    added_rules: added,
    removed_rules: removed,
    changed_rules: changed,
    ...(isReordered(old, rules) && { rules_reordered: true }),
  };
}

interface Named {
  readonly name: string;
}

function namesThatChanged(before: readonly Named[], after: readonly Named[]) {
  const text = new Map(before.map((entry) => [entry.name, JSON.stringify(entry)]));
  const left = new Set(after.map(({ name }) => name));
  const names = (entries: readonly Named[]) => entries.map(({ name }) => name);
  return {
    added: names(after.filter(({ name }) => !text.has(name))),
    removed: names(before.filter(({ name }) => !left.has(name))),
    changed: names(after.filter((entry) => {
      const known = text.get(entry.name);
      return known !== undefined && known !== JSON.stringify(entry);
    })),
  };
}

/** Returns true if those that stayed stand in another order, by which the first that fits may differ. */
function isReordered(before: readonly Named[], after: readonly Named[]): boolean {
  const common = (entries: readonly Named[], others: readonly Named[]) =>
    entries.map(({ name }) => name).filter((name) => others.some((other) => other.name === name));
  return common(before, after).join() !== common(after, before).join();
}
