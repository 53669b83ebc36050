/**
 * The one place that keeps secrets out of what leaves the process.
 *
 * @module
 */

/** Replaces every known secret, and whatever looks like a credential, in a text. */
export interface Redact {
  (text: string): string;
  /**
   * Whether a value holds nothing to redact, told from its JSON text; false where that is not
   * certain. Nearly all values are told apart so, without a look at each of their texts.
   */
  readonly isClean?: (json: string) => boolean;
}

const MARK = "[redacted]";

/** What is in every text that one of the patterns changes; most texts have none of it. */
const HINT = /sk-ant-|cma_|bearer|x-api-key|authorization/i;

/** Credentials by their looks: keys, tokens, bearer tokens, and `key=value` spellings of both. */
const PATTERNS: readonly [RegExp, string][] = [
  [/\bsk-ant-[A-Za-z0-9_-]{4,}/g, MARK],
  // What `cma-mcp token new` makes: the server itself knows only hashes of these.
  [/\bcma_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, MARK],
  [/\b(bearer)(\s+)[A-Za-z0-9._~+/=-]{8,}/gi, `$1$2${MARK}`],
  [/\b(x-api-key|authorization)(["']?\s*[:=]\s*["']?)(?!bearer\b)[^\s"',}]{4,}/gi, `$1$2${MARK}`],
];

/** Shorter secrets would blank ordinary words; the configuration refuses them anyway. */
const MIN_SECRET_LENGTH = 6;

/**
 * @param secrets values to hide wherever they occur, also JSON-escaped or percent-encoded
 */
export function createRedact(secrets: readonly string[]): Redact {
  const known = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_LENGTH) continue;
    known.add(secret);
    known.add(JSON.stringify(secret).slice(1, -1));
    known.add(encodeURIComponent(secret));
  }
  const longestFirst = [...known].sort((a, b) => b.length - a.length);
  const redact = (text: string) => {
    let clean = text;
    for (const secret of longestFirst) clean = clean.replaceAll(secret, MARK);
    if (!HINT.test(clean)) return clean;
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
    return clean;
  };
  // JSON spells a secret as it is or escaped, and both are known; hints it never escapes.
  const isClean = (json: string) =>
    !HINT.test(json) && !longestFirst.some((secret) => json.includes(secret));
  return Object.assign(redact, { isClean });
}
