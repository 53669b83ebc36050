/**
 * Finds values that were never filled in, or that a shell, a host or a paste has spoilt.
 *
 * @module
 */

import { UsageError } from "./errors.ts";
import { firstChars } from "./text.ts";

/** Options of {@linkcode checkFilledIn}: the kind of value expected. */
export interface FilledInOptions {
  /** True for a credential, which errors never repeat. */
  readonly secret?: boolean;
  /** True for one machine-made word, such as an id. A credential always counts as one. */
  readonly isWord?: boolean;
  /** True for the path of a file, which may contain nearly any name. */
  readonly isPath?: boolean;
}

/** Invisible characters: control, zero-width, directional and other odd white space. */
const INVISIBLE =
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  /[\u0000-\u0008\u000e-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0]/;

const QUOTES = "[\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb]";
const QUOTED = new RegExp(`^${QUOTES}|${QUOTES}$`);

/** `NAME=value`, also as shells spell it, and `NAME: value`. */
const ASSIGNMENT =
  /^(?:(?:export|set|setx|env)\s+|\$env:)?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\s*(?:(=)\s*|(:)\s+)[^=\s]/;

/** A value that is only a variable reference, which no program replaced. */
const REFERENCE =
  /^(\$[A-Z_][A-Z0-9_]*|\$env:\w+|\$\{[^}]*\}|\$\([^)]*\)|%\w+%|\$?\{\{.*\}\}|\{(?:env|file):[^}]*\}|(op|bw|vault|keychain|secretmanager):\/\/.*)$/is;

/** A variable reference within a longer value. */
const CONTAINS_REFERENCE =
  /\$\{[^}]*\}|\$\([^)]*\)|\$[A-Z_][A-Z0-9_]+|%[A-Z_][A-Z0-9_]{2,}%|\{\{.*\}\}|\{(?:env|file):[^}]*\}/;

/** Words that programs write for a missing value. */
const NOTHING = /^(undefined|null|\(null\)|none|nil|nan|\[object \w+\])$/i;

/** Placeholders that instructions use for a value of any kind. */
const PLACEHOLDER =
  /^<.*>$|\.{3}|\u2026|\*{3}|[-_]x{3,}$|^(x{3,}|change[-_]?me|placeholder|todo|tbd|replace[-_]?me)$/i;

/** Placeholders that instructions use for an id or a credential. */
const WORD_PLACEHOLDER =
  /^(.*[-_])?your([-_].*)?$|[-_](goes[-_])?here$|^(sk-ant-)?(api\d*-)?(xx+|key|secret|token|example)$|^(insert[-_].*|(anthropic[-_])?api[-_]?key)$/i;

/**
 * Throws unless a value was filled in.
 *
 * @param value non-empty, trimmed
 * @param source how the user spelled the setting: `--port` or `PORT`
 * @throws UsageError one line that says what to type
 */
export function checkFilledIn(value: string, source: string, options: FilledInOptions = {}): void {
  const complaint = complaintOf(value, options);
  if (complaint !== undefined) throw new UsageError(`${source} ${complaint}`);
}

/** Returns false for a value that {@linkcode checkFilledIn} rejects. */
export function isFilledIn(value: string, options?: FilledInOptions): boolean {
  return complaintOf(value, options ?? {}) === undefined;
}

/** Shortest placeholder that may contain part of a real credential, in characters. */
const MIN_CREDENTIAL_CHARS = 24;

/** A word that is too short and too plain for a credential. */
const SHORT_WORD = /^[a-z]{1,15}$/i;

/**
 * Returns true for a value that is certainly no credential, so that an error may repeat it: a word
 * for a missing value, a short placeholder, or a short word.
 */
export function isNoCredential(value: string): boolean {
  if (NOTHING.test(value) || SHORT_WORD.test(value)) return true;
  return value.length < MIN_CREDENTIAL_CHARS &&
    [REFERENCE, PLACEHOLDER, WORD_PLACEHOLDER].some((pattern) => pattern.test(value));
}

function complaintOf(
  value: string,
  { secret = false, isPath = false, isWord = secret }: FilledInOptions,
): string | undefined {
  const [, name, equals, colon] = ASSIGNMENT.exec(value) ?? [];
  if (name !== undefined) {
    const sign = equals ?? colon;
    const shown = secret && !isKnown(name) ? `a name and '${sign}'` : `'${name}${sign}'`;
    return `begins with ${shown}: leave that out, and give only what comes after it`;
  }
  const bare = value.replace(/^\[/, "");
  if (QUOTED.test(bare)) {
    return bare === value
      ? "has quotes around it: leave them out"
      : "is a list in brackets and quotes: leave those out, and put commas between the entries";
  }
  if (NOTHING.test(value)) {
    return `is the word '${value}', which some program put there for nothing: give the value, or ` +
      "leave it out";
  }
  if (REFERENCE.test(value) || (!secret && CONTAINS_REFERENCE.test(value))) {
    return "holds a reference that was not filled in" +
      (secret ? "" : ` ('${firstChars(value, 60)}')`) +
      ": put the value itself there";
  }
  if (!isPath && (PLACEHOLDER.test(value) || (isWord && WORD_PLACEHOLDER.test(value)))) {
    return "holds a placeholder that was not filled in: put the value there";
  }
  const invisible = INVISIBLE.exec(value);
  if (invisible) {
    const code = invisible[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `has a character that cannot be seen (U+${code}), ${invisible.index} characters from ` +
      "its beginning: paste it again as plain text, or type it";
  }
  return undefined;
}

/** Returns true for a variable name of this program or a similar one, which is not secret. */
function isKnown(name: string): boolean {
  return /^(ANTHROPIC|CLAUDE|CMA|MANAGED_AGENTS|MCP)_[A-Z_]{1,40}$/.test(name);
}
