/**
 * The token file: the callers of the HTTP server, and what each may do.
 *
 * @module
 */

import * as z from "zod";
import { UsageError } from "../core/errors.ts";
import { isFilledIn } from "../core/filled_in.ts";
import { type IdKind, isIdOf } from "../core/ids.ts";
import { firstChars } from "../core/text.ts";

/** One token of the file. What is absent is not limited. */
export interface TokenEntry {
  /** 1 to 64 letters, digits, `.`, `_` and `-`; sessions are bound to it. */
  readonly name: string;
  /** SHA-256 of each accepted secret, as lower-case hex: one, or several while one replaces another. */
  readonly hashes: readonly string[];
  /** Milliseconds since the epoch from which on the token is refused. */
  readonly expiresAtMs?: number;
  readonly agents?: readonly string[];
  readonly environments?: readonly string[];
  readonly readOnly: boolean;
  /** `own` reaches only sessions that were created under its name. */
  readonly sessions: "own" | "all";
  /** Requests per minute. */
  readonly ratePerMinute?: number;
  /** Waits that may be open at once. */
  readonly maxWaits?: number;
  /** Other calls that may run at once. */
  readonly maxCalls?: number;
}

/** Names of tokens: they go into logs and responses, so they stay plain. */
export const TOKEN_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Bounds what is compared for every request. */
const MAX_TOKENS = 1_000;

const NAME_RULE = "must be 1 to 64 letters, digits, '.', '_' and '-'";
const HASHES_RULE =
  "must be the SHA-256 of the secret as 64 hex digits, or a list of 1 to 4 of them";

// Made for the first file that is read: most starts read none.
const nameSchema = z.lazy(() => z.string(NAME_RULE).regex(TOKEN_NAME, NAME_RULE));

const hashSchema = z.lazy(() =>
  z.string().regex(/^[0-9a-fA-F]{64}$/, "must be the SHA-256 of the secret as 64 hex digits")
    .toLowerCase()
);

function idsSchema(kind: IdKind): z.ZodArray<z.ZodString> {
  const isId = (value: string) => isFilledIn(value, { isWord: true }) && isIdOf(kind, value);
  return z.array(
    z.string("must be an id").refine(isId, "must be an id, and not a name"),
    "must be a list of ids",
  )
    .min(1, "must name at least one id, or be left out for all")
    .max(1_000, "must be at most 1,000 ids");
}

function countSchema(max: number): z.ZodInt {
  const rule = `must be a whole number from 1 to ${max}`;
  return z.int(rule).min(1, rule).max(max, rule);
}

const entrySchema = z.lazy(() =>
  z.strictObject({
    name: nameSchema,
    sha256: z.union([
      hashSchema.transform((one) => [one]),
      z.array(hashSchema).min(1, HASHES_RULE).max(4, HASHES_RULE),
    ], { error: HASHES_RULE }),
    expires: z.iso.datetime({
      offset: true,
      error: 'must be a time such as "2027-01-31T00:00:00Z"',
    }).optional(),
    agents: idsSchema("agent").optional(),
    environments: idsSchema("environment").optional(),
    read_only: z.boolean("must be true or false").optional(),
    sessions: z.enum(["own", "all"], 'must be "own" or "all"').optional(),
    rate_per_minute: countSchema(1_000_000).optional(),
    max_waits: countSchema(100_000).optional(),
    max_calls: countSchema(100_000).optional(),
  }, { error: (issue) => issue.code === "invalid_type" ? "must be an object" : undefined })
);

const fileSchema = z.lazy(() =>
  z.strictObject({
    tokens: z.array(entrySchema, "must be a list of tokens")
      .max(MAX_TOKENS, `must be at most ${MAX_TOKENS} tokens`),
  })
);

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
  const content = parseJson(text, source);
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${source}: ${issue ? describe(issue, content) : "cannot be used"}`);
  }
  const entries = parsed.data.tokens.map(entryOf);
  refuseDuplicates(entries, source);
  return entries;
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says may quote the file.
    throw new UsageError(`${source} is not valid JSON: check its commas, quotes and brackets`);
  }
}

function entryOf(entry: z.output<typeof entrySchema>): TokenEntry {
  const { expires } = entry;
  return {
    name: entry.name,
    hashes: entry.sha256,
    ...(expires !== undefined && { expiresAtMs: Date.parse(expires) }),
    ...(entry.agents && { agents: entry.agents }),
    ...(entry.environments && { environments: entry.environments }),
    readOnly: entry.read_only ?? false,
    sessions: entry.sessions ?? "own",
    ...(entry.rate_per_minute !== undefined && { ratePerMinute: entry.rate_per_minute }),
    ...(entry.max_waits !== undefined && { maxWaits: entry.max_waits }),
    ...(entry.max_calls !== undefined && { maxCalls: entry.max_calls }),
  };
}

function refuseDuplicates(entries: readonly TokenEntry[], source: string): void {
  const names = new Set<string>();
  const holders = new Map<string, string>();
  for (const { name, hashes } of entries) {
    if (names.has(name)) throw new UsageError(`${source}: two tokens have the name "${name}"`);
    names.add(name);
    for (const hash of hashes) {
      const holder = holders.get(hash);
      if (holder !== undefined) {
        throw new UsageError(`${source}: the same sha256 stands at "${holder}" and "${name}"`);
      }
      holders.set(hash, name);
    }
  }
}

/** `tokens[1] ("ci"): read_only must be true or false`. */
function describe(issue: z.core.$ZodIssue, content: unknown): string {
  const [list, index, ...path] = issue.path;
  const isEntry = typeof index === "number";
  const place = isEntry ? `tokens[${index}]${nameAt(content, index)}: ` : "";
  const field = isEntry ? path.join(".") : String(list ?? "");
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.slice(0, 3).map((key) => JSON.stringify(firstChars(key, 40))).join(
      ", ",
    );
    const known = Object.keys((isEntry ? entrySchema : fileSchema).unwrap().shape).join(", ");
    return `${place}unknown field ${keys}: there are ${known}`;
  }
  if (valueAt(content, issue.path) === undefined) return `${place}${field} is missing`;
  const what = field === "" ? "" : `${field} `;
  return `${place}${what}${/^must /.test(issue.message) ? issue.message : "cannot be used"}`;
}

function nameAt(content: unknown, index: number): string {
  const name = nameSchema.safeParse(valueAt(content, ["tokens", index, "name"]));
  return name.success ? ` ("${name.data}")` : "";
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    content,
  );
}
