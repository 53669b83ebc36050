/**
 * The tokens that are accepted at the moment.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { TokenEntry } from "./token_file.ts";
import type { Principal } from "./principal.ts";

/** A token that is known. */
export interface AccessToken {
  readonly name: string;
  /** SHA-256 of each of its secrets. */
  readonly digests: readonly Uint8Array[];
  /** Milliseconds since the epoch from which on it is refused; never when absent. */
  readonly expiresAtMs?: number;
  /** Requests per minute; any number when absent. */
  readonly ratePerMinute?: number;
  /** The caller that it stands for, with what it may do. */
  readonly principal: Principal;
}

/** The tokens that the HTTP server accepts. */
export interface TokenRegistry {
  /** All tokens, also expired ones. */
  current(): Promise<readonly AccessToken[]>;
}

/** A registry whose tokens can be exchanged while it is in use: calls that run go on. */
export interface ReplaceableTokens extends TokenRegistry {
  replace(entries: readonly TokenEntry[]): void;
}

/** A registry of the entries of a token file. */
export function createTokenRegistry(entries: readonly TokenEntry[]): ReplaceableTokens {
  let tokens = entries.map(tokenOf);
  return {
    current: () => Promise.resolve(tokens),
    replace: (next) => tokens = next.map(tokenOf),
  };
}

/**
 * A registry of bare secrets, without limits: the only one has the name `default`.
 *
 * @throws `TypeError` without a secret, or with an empty one: an open endpoint would spend its
 *   operator's money
 */
export function plainTokens(secrets: readonly string[]): TokenRegistry {
  if (secrets.length === 0 || secrets.some((secret) => secret === "")) {
    throw new TypeError("An HTTP handler needs at least one token");
  }
  const tokens = secrets.map((secret, index): AccessToken => {
    const name = secrets.length === 1 ? "default" : `token-${index + 1}`;
    return { name, digests: [sha256(secret)], principal: { id: name } };
  });
  return { current: () => Promise.resolve(tokens) };
}

/** Returns the SHA-256 of a text: at once, since Web Crypto's detour over a thread takes far longer. */
export function sha256(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

function tokenOf(entry: TokenEntry): AccessToken {
  const { name, hashes, expiresAtMs, ratePerMinute, ...scopes } = entry;
  return {
    name,
    digests: hashes.map((hash) => Uint8Array.fromHex(hash)),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(ratePerMinute !== undefined && { ratePerMinute }),
    principal: { id: name, ...scopes },
  };
}
