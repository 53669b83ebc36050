/**
 * The tokens that the HTTP server accepts at the moment.
 *
 * @module
 */

import { sha256 } from "../core/sha256.ts";
import type { Grants } from "./principal.ts";
import type { AccessRule } from "./rules.ts";

/** Pattern of token names, which stay plain because they go into logs and responses. */
export const TOKEN_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** {@linkcode TOKEN_NAME} in words. */
export const TOKEN_NAME_WORDS = "1 to 64 letters, digits, '.', '_' and '-'";

/** Returns true for the text of a file that lists tokens or rules; any other is the token itself. */
export function isTokenList(text: string): boolean {
  return /^\s*\{/.test(text);
}

/**
 * A token: the hashes of its secrets, and what its bearer may do. An absent field sets no limit.
 */
export interface TokenEntry extends Grants {
  /** 1 to 64 letters, digits, `.`, `_` and `-`; sessions are bound to it. */
  readonly name: string;
  /** SHA-256 of each accepted secret, as lower-case hex: one, or several while one replaces another. */
  readonly hashes: readonly string[];
  /** Time at which the token expires, in milliseconds since the epoch. */
  readonly expiresAtMs?: number;
  /** Most requests per minute. */
  readonly ratePerMinute?: number;
}

/**
 * The tokens of a server, and its rules for people who sign in. They can be replaced while it runs;
 * running calls go on.
 */
export interface TokenRegistry {
  /** Returns all tokens, expired ones too: the same list until it changes. */
  current(): readonly TokenEntry[];
  /** Returns the rules in their order: the same list until it changes; undefined without any. */
  rules(): readonly AccessRule[] | undefined;
  replace(tokens: readonly TokenEntry[], rules?: readonly AccessRule[]): void;
}

/**
 * Makes a registry that holds these tokens and rules until they are replaced.
 *
 * @throws `TypeError` for a token with a name that could be a person's
 */
export function createTokenRegistry(
  tokens: readonly TokenEntry[],
  rules?: readonly AccessRule[],
): TokenRegistry {
  let held = { tokens: checked(tokens), rules };
  return {
    current: () => held.tokens,
    rules: () => held.rules,
    replace: (nextTokens, nextRules) => held = { tokens: checked(nextTokens), rules: nextRules },
  };
}

/** Keeps names of tokens apart from the ids of people, which begin with a bracket. */
function checked(tokens: readonly TokenEntry[]): readonly TokenEntry[] {
  const wrong = tokens.find(({ name }) => name.startsWith("["));
  if (wrong) throw new TypeError("The name of a token cannot begin with a bracket");
  return tokens;
}

/**
 * Makes tokens of bare secrets, without limits: the only one has the name `default`.
 *
 * @throws `TypeError` without a secret, or with an empty one: an open endpoint would spend its
 *   operator's money
 */
export function tokensOf(secrets: readonly string[]): TokenEntry[] {
  if (secrets.length === 0 || secrets.some((secret) => secret === "")) {
    throw new TypeError("An HTTP handler needs at least one token");
  }
  return secrets.map((secret, index) => ({
    name: secrets.length === 1 ? "default" : `token-${index + 1}`,
    hashes: [sha256(secret)],
  }));
}
