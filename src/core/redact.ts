/**
 * Keeps secrets out of everything that leaves the process; no other module does.
 *
 * There are two measures. In texts of agents and people, only known secrets and whole keys are
 * hidden, since `authorization: ` or "bearer" are ordinary words there. In the operator's log and
 * in error messages of the API, any value in the place of a credential is hidden too.
 *
 * @module
 */

/** Hides secrets in texts; all its functions know the same secrets, also those learned later. */
export interface Redact {
  /** Hides known secrets, and whole API keys and tokens; changes nothing else. */
  (text: string): string;
  /**
   * Also hides parts of known secrets, of 12 characters or more, and known secrets that are spelled
   * in escapes. For everything that leaves the process: an agent may spread a key over several
   * texts.
   */
  thorough(text: string): string;
  /**
   * Hides what `thorough` hides, and values that only look like a credential: values of headers
   * that carry one, bearer and basic credentials, the user and password of a URL. For logs and
   * error messages, one text at a time; never for a text that contains this program's own words.
   */
  loose(text: string): string;
  /**
   * Returns true if JSON text certainly holds no known secret and no key, so that most values need
   * no search through each of their texts. The text must escape only what JSON demands.
   */
  isClean(json: string): boolean;
  /** Hides one more secret from now on. The newest {@linkcode MAX_LEARNED} are kept. */
  learn(secret: string): void;
}

/** Stands in place of a secret. */
export const MARK = "[redacted]";

/** Most learned secrets that are kept. */
export const MAX_LEARNED = 100;

/** Shortest secret that is hidden, in characters; a shorter one would blank ordinary words. */
const MIN_SECRET_LENGTH = 8;

/** Keys of the Claude API (`sk-ant-api03-…`) and tokens that `cma-mcp token new` makes. */
const SHAPES =
  /(?<![A-Za-z0-9])(?:sk-ant-[a-z]{2,12}\d\d-[A-Za-z0-9_-]{24,}|cma_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-]))/g;
/** A token that its shape alone gives away. */
const TOKEN_SHAPE = /^cma_[A-Za-z0-9_-]{43}$/;
/** Returns true for a token that `cma-mcp token new` makes. */
export function isTokenSecret(text: string): boolean {
  return TOKEN_SHAPE.test(text);
}

/** Every text that has one of the shapes contains one of these. */
const SHAPE_HINTS = ["sk-ant-", "cma_"] as const;

/** Matches in every text that one of the loose patterns changes. */
const LOOSE_HINT = /sk-ant-|:\/\/|bearer|basic|api-key|authorization|auth-token|cookie/i;

/** Names of headers that carry a credential. */
const CREDENTIAL_HEADER = "(?:(?:proxy-)?authorization|(?:set-)?cookie|x-(?:api-key|auth-token))";

const LOOSE: readonly [RegExp, string][] = [
  [/(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{4,}/g, MARK],
  [/([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'`<>]+@/gi, `$1${MARK}@`],
  [
    new RegExp(
      `\\b(${CREDENTIAL_HEADER})` +
        /(["'`\\]{0,3}\s*[:=]\s*["'`\\]{0,3}(?:(?:basic|bearer|digest|negotiate|token)\s+)?)/
          .source +
        /(?:[^\s"'`,;}\\]|\\(?!["'`\\])){4,}/.source,
      "gi",
    ),
    `$1$2${MARK}`,
  ],
  // Any word may follow these two; a credential has a digit, changes its case, or is long.
  [
    /\b([Bb]earer|BEARER|[Bb]asic|BASIC)(\s+)(?:(?=[A-Za-z._~+/=-]*(?:\d|[a-z][A-Z]))[\w.~+/=-]{8,}|[\w.~+/=-]{20,})/g,
    `$1$2${MARK}`,
  ],
];

/** Fields whose value is always a credential. */
const CREDENTIAL_FIELD = new RegExp(`^${CREDENTIAL_HEADER}$`, "i");
const CREDENTIAL_FIELD_IN_LINE = new RegExp(`[" ]${CREDENTIAL_HEADER}(?:":|=)`, "i");

/**
 * Makes the functions that hide secrets.
 *
 * @param secrets values to hide wherever they occur, also JSON-escaped or percent-encoded
 */
export function createRedact(secrets: readonly string[]): Redact {
  const given = new Set(secrets.filter(isSecret));
  const learned = new Set<string>();
  let spellings = spellingsOf([...given]);
  let parts = createPartFinder([...given]);

  const known = (text: string) => {
    let clean = text;
    for (const secret of spellings) clean = clean.replaceAll(secret, MARK);
    return clean;
  };
  const redact = (text: string) => {
    const clean = known(text);
    return SHAPE_HINTS.some((hint) => clean.includes(hint)) ? clean.replace(SHAPES, MARK) : clean;
  };
  const thorough = (text: string) => parts(redact(text));
  const loose = (text: string) => {
    const clean = thorough(text);
    if (!LOOSE_HINT.test(clean)) return clean;
    return LOOSE.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), clean);
  };
  // JSON spells a secret plain or escaped, and both spellings are known; it never escapes a hint.
  const isClean = (json: string) =>
    !spellings.some((secret) => json.includes(secret)) &&
    !SHAPE_HINTS.some((hint) => json.includes(hint));
  const learn = (secret: string) => {
    if (!isSecret(secret) || given.has(secret) || TOKEN_SHAPE.test(secret)) return;
    const isNews = !learned.delete(secret);
    learned.add(secret);
    if (!isNews) return;
    const [oldest] = learned;
    if (learned.size > MAX_LEARNED && oldest !== undefined) learned.delete(oldest);
    spellings = spellingsOf([...given, ...learned]);
    parts = createPartFinder([...given, ...learned]);
  };
  return Object.assign(redact, { thorough, loose, isClean, learn });
}

function isSecret(value: string): boolean {
  return value.length >= MIN_SECRET_LENGTH;
}

/** Returns the spellings of secrets, the longest first: one may be the beginning of another. */
function spellingsOf(secrets: readonly string[]): readonly string[] {
  const all = secrets.flatMap((secret) => {
    const json = jsonSpelling(secret);
    const encoded = encodeURIComponent(secret);
    const lower = encoded.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
    return [secret, json, json.replaceAll("/", "\\/"), encoded, lower];
  });
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

/** Returns a text as JSON has it between its quotes. */
function jsonSpelling(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Shortest part of a secret that is hidden, in characters. Any such part holds a whole gram. */
const MIN_PART_CHARS = 12;
const GRAM_CHARS = 6;

/** Shorter secrets, and those made of few characters, may share parts with ordinary texts. */
const MIN_PARTED_CHARS = 32;
const MIN_DISTINCT_CHARS = 10;

/** Returns true for what is not made of words. Of long random texts a few have no digit. */
function isRandom(secret: string): boolean {
  const isMixed = /\d/.test(secret) ? /[a-z]/i.test(secret) : /(?:[a-z][A-Z].*){2}/.test(secret);
  return isMixed && new Set(secret).size >= MIN_DISTINCT_CHARS;
}

/** The beginning of keys, which is no secret and counts for no part of one: `sk-ant-api03-`. */
const KEY_PREFIX = /^(?:[a-z]{2,12}\d{0,2}[-_]){1,3}/;

/** A run that may be a secret in escapes: percent, `\u`, `\x`, or a backslash before a character. */
const ESCAPED_RUN =
  /(?:[\w.~+/=-]|%[\da-f]{2}|\\{1,4}(?:u[\da-f]{4}|x[\da-f]{2}|[^ux\s\\])){12,}/gi;
const ESCAPE = /%([\da-f]{2})|\\{1,4}(?:u([\da-f]{4})|x([\da-f]{2})|([^ux\s\\]))/gi;

/**
 * Makes the function that hides parts of long random secrets. It passes over a text once, however
 * many secrets there are, and compares every sixth place with all grams of all secrets.
 */
function createPartFinder(secrets: readonly string[]): (text: string) => string {
  const grams = new Map<string, { readonly secret: string; readonly at: number }[]>();
  // A hash rules out most places of a text without allocating a string for each.
  const hashes = new Uint8Array(HASHES);
  for (const secret of secrets) {
    if (secret.length < MIN_PARTED_CHARS || !isRandom(secret)) continue;
    const from = KEY_PREFIX.exec(secret)?.[0].length ?? 0;
    // Results are searched as JSON, which spells quotes and backslashes in two characters.
    for (const spelled of new Set([secret, jsonSpelling(secret)])) {
      for (let at = from; at + GRAM_CHARS <= spelled.length; at++) {
        const gram = spelled.slice(at, at + GRAM_CHARS);
        grams.set(gram, [...grams.get(gram) ?? [], { secret: spelled, at }]);
        hashes[gramHash(spelled, at)] = 1;
      }
    }
  }
  const hide = (text: string) => {
    let clean = "";
    let done = 0;
    for (let at = 0; at + GRAM_CHARS <= text.length; at += GRAM_CHARS) {
      if (at < done || hashes[gramHash(text, at)] === 0) continue;
      for (const place of grams.get(text.slice(at, at + GRAM_CHARS)) ?? []) {
        const { start, end } = sharedRun(text, at, place);
        if (end - start < MIN_PART_CHARS || end <= done) continue;
        clean += text.slice(done, Math.max(done, start)) + MARK;
        done = end;
      }
    }
    return done === 0 ? text : clean + text.slice(done);
  };
  const hideEscaped = (text: string) =>
    text.replace(ESCAPED_RUN, (run) => {
      if (!/[%\\]/.test(run)) return run;
      const plain = run.replace(
        ESCAPE,
        (_, percent, u, x, char) =>
          char ?? String.fromCharCode(Number.parseInt(percent ?? u ?? x, 16)),
      );
      return hide(plain) === plain ? run : MARK;
    });
  return (text) => {
    if (grams.size === 0) return text;
    return hide(/[%\\]/.test(text) ? hideEscaped(text) : text);
  };
}

/** Number of hash values of grams: with more of them, fewer wrong places pass. */
const HASHES = 2 ** 14;

function gramHash(text: string, at: number): number {
  let hash = 0;
  for (let i = at; i < at + GRAM_CHARS; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i) | 0;
  return (hash ^ hash >>> 14) & (HASHES - 1);
}

/** Returns the range of a text that agrees with a secret around a place of each. */
function sharedRun(
  text: string,
  at: number,
  place: { readonly secret: string; readonly at: number },
): { readonly start: number; readonly end: number } {
  const { secret } = place;
  let before = 0;
  while (
    before < Math.min(at, place.at) && text[at - before - 1] === secret[place.at - before - 1]
  ) before++;
  let after = GRAM_CHARS;
  while (
    place.at + after < secret.length && text[at + after] === secret[place.at + after]
  ) after++;
  return { start: at - before, end: at + after };
}

/**
 * Returns true when JSON text, or a line of `name=value`, has a field whose value
 * {@linkcode redactValue} hides by its name.
 */
export function hasCredentialField(text: string): boolean {
  return CREDENTIAL_FIELD_IN_LINE.test(text);
}

/** Deepest nesting that is kept: no honest value is deeper, and a walk must come to an end. */
const MAX_DEPTH = 200;
const TOO_DEEP = "[nested too deeply]";

/**
 * Returns the value with every text in it redacted, names of fields included. Call it before
 * serialising, since a pattern that runs over JSON text could eat a quote of it.
 *
 * @param redact applied to every text
 */
export function redactValue(
  value: Record<string, unknown>,
  redact: (text: string) => string,
): Record<string, unknown>;
export function redactValue(value: unknown, redact: (text: string) => string): unknown;
export function redactValue(value: unknown, redact: (text: string) => string): unknown {
  return redactWithin(value, redact, MAX_DEPTH);
}

/** Returns how many characters of a text are not in its redacted version. */
export function hiddenChars(text: string, redacted: string): number {
  const bare = (part: string) => part.replaceAll(MARK, "").replaceAll(TOO_DEEP, "").length;
  return Math.max(0, bare(text) - bare(redacted));
}

function redactWithin(value: unknown, redact: (text: string) => string, depth: number): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return TOO_DEEP;
  if (Array.isArray(value)) return value.map((item) => redactWithin(item, redact, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      redact(name),
      typeof field === "string" && field !== "" && CREDENTIAL_FIELD.test(name)
        ? MARK
        : redactWithin(field, redact, depth - 1),
    ]),
  );
}
