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
  /**
   * Hides one more secret from now on. The newest {@linkcode MAX_LEARNED} are kept. From the first
   * JWT on, whatever looks like one is hidden, and parts are those of its signature: without that it
   * is of no use, and all else it has in common with others.
   */
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

/** A JWT. */
const JWT = /^eyJ[\w-]+\.eyJ[\w-]+\.(?<signature>[\w-]{16,})$/;
/** What looks like one from its first dot on, also where its end is missing. */
const JWT_REST = /\.eyJ[\w-]{8,}(?:\.[\w-]*)?/g;
/** The least of what stands before that. */
const JWT_HEADER = /eyJ[\w-]{8}/;
const JWT_HINT = ".eyJ";

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
  const spelled = new Map([...given].map((secret) => [secret, spellingsOf(secret)]));
  let spellings = longestFirst(spelled);
  const parts = new PartFinder();
  for (const secret of given) parts.add(secret);
  let hidesJwts = false;

  const known = (text: string) => {
    let clean = text;
    for (const secret of spellings) clean = clean.replaceAll(secret, MARK);
    return clean;
  };
  const redact = (text: string) => {
    // A whole JWT goes before its signature, so that nothing of it is left.
    const clean = known(hidesJwts && text.includes(JWT_HINT) ? withoutJwts(text) : text);
    return SHAPE_HINTS.some((hint) => clean.includes(hint)) ? clean.replace(SHAPES, MARK) : clean;
  };
  const thorough = (text: string) => parts.hide(redact(text));
  const loose = (text: string) => {
    const clean = thorough(text);
    if (!LOOSE_HINT.test(clean)) return clean;
    return LOOSE.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), clean);
  };
  // JSON spells a secret plain or escaped, and both spellings are known; it never escapes a hint.
  const isClean = (json: string) =>
    !spellings.some((secret) => json.includes(secret)) &&
    !SHAPE_HINTS.some((hint) => json.includes(hint)) &&
    !(hidesJwts && json.includes(JWT_HINT));
  const learn = (secret: string) => {
    if (!isSecret(secret) || given.has(secret) || TOKEN_SHAPE.test(secret)) return;
    const isNews = !learned.delete(secret);
    learned.add(secret);
    if (!isNews) return;
    const [oldest] = learned;
    if (learned.size > MAX_LEARNED && oldest !== undefined) {
      learned.delete(oldest);
      parts.remove(secretOf(oldest));
      if (spelled.delete(oldest)) spellings = longestFirst(spelled);
    }
    parts.add(secretOf(secret));
    if (JWT.test(secret)) hidesJwts = true;
    else {
      spelled.set(secret, spellingsOf(secret));
      spellings = longestFirst(spelled);
    }
  };
  return Object.assign(redact, { thorough, loose, isClean, learn });
}

/**
 * Hides what looks like a JWT, of which the claims say who somebody is, also where its beginning
 * follows an escape. It looks for the dots: one pattern for all of it would begin anew at each of many
 * beginnings, and agents write any text.
 */
function withoutJwts(text: string): string {
  const rest = new RegExp(JWT_REST);
  let clean = "";
  let done = 0;
  for (let found = rest.exec(text); found; found = rest.exec(text)) {
    let start = found.index;
    while (start > done && /[\w-]/.test(text.charAt(start - 1))) start--;
    const header = JWT_HEADER.exec(text.slice(start, found.index));
    if (header) {
      clean += text.slice(done, start + header.index) + MARK;
      done = rest.lastIndex;
    } // The next may begin inside of this one.
    else rest.lastIndex = found.index + 1;
  }
  return clean + text.slice(done);
}

/** Returns the part of a secret that nothing else has. */
function secretOf(secret: string): string {
  return JWT.exec(secret)?.groups?.signature ?? secret;
}

function isSecret(value: string): boolean {
  return value.length >= MIN_SECRET_LENGTH;
}

function spellingsOf(secret: string): ReadonlySet<string> {
  const json = jsonSpelling(secret);
  const encoded = encodeURIComponent(secret);
  const lower = encoded.replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase());
  return new Set([secret, json, json.replaceAll("/", "\\/"), encoded, lower]);
}

/** Returns all spellings, the longest first: one may be the beginning of another. */
function longestFirst(spelled: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const all = new Set([...spelled.values()].flatMap((spellings) => [...spellings]));
  return [...all].sort((a, b) => b.length - a.length);
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

/** A place in a secret, as it is spelled. */
interface Place {
  readonly secret: string;
  readonly at: number;
}

/**
 * Hides parts of long random secrets. It passes over a text once, however many secrets there are, and
 * compares every sixth place with all grams of all secrets. To add a secret, or to remove it, takes no
 * longer the more there are.
 */
class PartFinder {
  readonly #grams = new Map<string, Place[]>();
  /** How many places have a hash: it rules out most of a text without a string for each place. */
  readonly #hashes = new Uint32Array(HASHES);

  add(secret: string): void {
    for (const place of placesIn(secret)) {
      const gram = gramAt(place.secret, place.at);
      const places = this.#grams.get(gram);
      if (places) places.push(place);
      else this.#grams.set(gram, [place]);
      this.#count(place, 1);
    }
  }

  /** Removes a secret that was added. */
  remove(secret: string): void {
    for (const place of placesIn(secret)) {
      const gram = gramAt(place.secret, place.at);
      const rest = this.#grams.get(gram)?.filter(({ secret, at }) =>
        at !== place.at || secret !== place.secret
      ) ?? [];
      if (rest.length > 0) {
        this.#grams.set(gram, rest);
      } else this.#grams.delete(gram);
      this.#count(place, -1);
    }
  }

  /** Returns the text without parts of secrets, and without what spells one in escapes. */
  hide(text: string): string {
    if (this.#grams.size === 0) return text;
    return this.#hidePlain(/[%\\]/.test(text) ? this.#hideEscaped(text) : text);
  }

  #count({ secret, at }: Place, by: number): void {
    const hash = gramHash(secret, at);
    this.#hashes[hash] = (this.#hashes[hash] ?? 0) + by;
  }

  #hidePlain(text: string): string {
    let clean = "";
    let done = 0;
    for (let at = 0; at + GRAM_CHARS <= text.length; at += GRAM_CHARS) {
      if (at < done || this.#hashes[gramHash(text, at)] === 0) continue;
      for (const place of this.#grams.get(gramAt(text, at)) ?? []) {
        const { start, end } = sharedRun(text, at, place);
        if (end - start < MIN_PART_CHARS || end <= done) continue;
        clean += text.slice(done, Math.max(done, start)) + MARK;
        done = end;
      }
    }
    return done === 0 ? text : clean + text.slice(done);
  }

  #hideEscaped(text: string): string {
    return text.replace(ESCAPED_RUN, (run) => {
      if (!/[%\\]/.test(run)) return run;
      const plain = run.replace(
        ESCAPE,
        (_, percent, u, x, char) =>
          char ?? String.fromCharCode(Number.parseInt(percent ?? u ?? x, 16)),
      );
      return this.#hidePlain(plain) === plain ? run : MARK;
    });
  }
}

/** Returns every place of a secret at which a gram begins; none of one that has no parts to hide. */
function placesIn(secret: string): Place[] {
  if (secret.length < MIN_PARTED_CHARS || !isRandom(secret)) return [];
  const from = KEY_PREFIX.exec(secret)?.[0].length ?? 0;
  const places: Place[] = [];
  // Results are searched as JSON, which spells quotes and backslashes in two characters.
  for (const spelled of new Set([secret, jsonSpelling(secret)])) {
    for (let at = from; at + GRAM_CHARS <= spelled.length; at++) {
      places.push({ secret: spelled, at });
    }
  }
  return places;
}

function gramAt(text: string, at: number): string {
  return text.slice(at, at + GRAM_CHARS);
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
  place: Place,
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
