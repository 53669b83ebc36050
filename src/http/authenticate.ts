/**
 * Lets requests in by their token, as often as its rate permits.
 *
 * @module
 */

import { retrySeconds } from "../core/backoff.ts";
import { Buffer } from "node:buffer";
import { STATUS_CODE } from "@std/http";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { createRateLimiter, type RateLimiter } from "../access/limits.ts";
import type { Principal } from "../access/principal.ts";
import type { TokenEntry, TokenRegistry } from "../access/tokens.ts";
import { sha256 } from "../core/sha256.ts";
import { errorResponse } from "./responses.ts";

/** Options of {@linkcode createAuthenticator}. */
export interface AuthenticatorOptions {
  readonly tokens: TokenRegistry;
  readonly clock: Pick<Clock, "now" | "wallTime">;
  readonly log: Logger;
  /** Called with every accepted secret: a list of tokens holds only hashes. */
  readonly onAccepted?: (secret: string) => void;
}

/** Lets requests in by their tokens. */
export interface Authenticator {
  /** Returns the request's token, or the reason why it has no valid one. */
  authenticate(headers: Headers): Admitted | Unauthorized;
  /** Returns the token of that name; undefined when there is none, or it has expired. */
  named(name: string): Admitted | undefined;
}

/** A request that is let in, and its token's rights. */
export interface Admitted {
  /** The token's bearer, whose long searches are charged to the token's rate. */
  readonly principal: Principal;
  /**
   * Counts messages against the token's rate.
   *
   * @param messages number of JSON-RPC messages in the request; 1 by default
   * @param counted number of them that were counted before; 0 by default
   * @returns the response 429 when there were too many
   */
  limit(messages?: number, counted?: number): Response | undefined;
}

/** A request without a valid token. */
export interface Unauthorized {
  /** The response 401. */
  readonly response: Response;
  /** Reason for the log; the client learns no more than the response says. */
  readonly reason: "no token" | "unknown token" | "expired token";
  /** Name of a token that has expired. */
  readonly token?: string;
}

/** A token in the form that requests are compared with. */
interface KnownToken {
  readonly token: TokenEntry;
  /** Its hashes as bytes, which compare in a third of the time of texts. */
  readonly digests: readonly Uint8Array[];
  readonly admitted: Admitted;
}

/** Most digests of accepted secrets that are kept: a hash costs more than the rest of the check. */
const MAX_KEPT_DIGESTS = 1_000;

/**
 * Makes an authenticator. It accepts tokens from `Authorization: Bearer` and `X-API-Key` alike,
 * since some hosts can set only one of the two. It compares digests, all of them and all of their
 * bytes, so that the time reveals nothing about a token.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { tokens, clock, log, onAccepted } = options;
  const limiter = createRateLimiter(clock);
  const kept = new Map<string, Uint8Array>();
  let list: readonly TokenEntry[] = [];
  let known: readonly KnownToken[] = [];

  const knownTokens = () => {
    const current = tokens.current();
    if (current !== list) {
      list = current;
      known = current.map((token) => ({
        token,
        digests: token.hashes.map(digestIn),
        admitted: admit(token, limiter, log),
      }));
    }
    return known;
  };
  const keep = (secret: string, digest: Uint8Array) => {
    if (kept.size >= MAX_KEPT_DIGESTS) kept.clear();
    kept.set(secret, digest);
    onAccepted?.(secret);
  };
  const hasExpired = ({ expiresAtMs }: TokenEntry) =>
    expiresAtMs !== undefined && clock.wallTime() >= expiresAtMs;
  return {
    named(name) {
      return knownTokens().find(({ token }) => token.name === name && !hasExpired(token))?.admitted;
    },
    authenticate(headers) {
      const secrets = credentials(headers);
      if (secrets.length === 0) {
        const message = "A bearer token is needed: send Authorization: Bearer, or X-API-Key.";
        return { response: unauthorized(message), reason: "no token" };
      }
      const offered = secrets.map((secret) => kept.get(secret) ?? digestIn(sha256(secret)));
      let accepted: KnownToken | undefined;
      let expired: TokenEntry | undefined;
      for (const each of knownTokens()) {
        if (!isAnyEqual(each.digests, offered)) continue;
        if (hasExpired(each.token)) expired = each.token;
        else accepted = each;
      }
      if (accepted) {
        for (const [at, digest] of offered.entries()) {
          if (isAnyEqual(accepted.digests, [digest])) keep(secrets[at] ?? "", digest);
        }
        return accepted.admitted;
      }
      if (expired) {
        const error = 'error="invalid_token", error_description="The token has expired"';
        const response = unauthorized(expiredText(expired), error);
        return { response, reason: "expired token", token: expired.name };
      }
      const message =
        "The bearer token is not accepted. Check it with the operator of this server.";
      const response = unauthorized(message, 'error="invalid_token"');
      return { response, reason: "unknown token" };
    },
  };
}

function credentials(headers: Headers): string[] {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [bearer, headers.get("x-api-key")].flatMap((value) => value || []);
}

function digestIn(hash: string): Uint8Array {
  return new Uint8Array(Buffer.from(hash, "hex"));
}

/** Bytes that are compared in the same time wherever they differ. */
type Digest = ArrayLike<number>;

/** Compares every pair, and all of its bytes, whatever the first comparisons gave. */
export function isAnyEqual(known: readonly Digest[], offered: readonly Digest[]): boolean {
  let equal = 0;
  for (const a of known) for (const b of offered) equal |= Number(isEqual(a, b));
  return equal !== 0;
}

function isEqual(a: Digest, b: Digest): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

function admit(token: TokenEntry, limiter: RateLimiter, log: Logger): Admitted {
  const { name, hashes: _hashes, expiresAtMs: _expiresAtMs, ratePerMinute, ...scopes } = token;
  const principal: Principal = { id: name, ...scopes };
  if (ratePerMinute === undefined) return { principal, limit: () => undefined };
  return {
    principal: {
      ...principal,
      charge: (requests) => limiter.take(name, ratePerMinute, requests),
    },
    limit(messages = 1, counted = 0) {
      const fits = messages <= ratePerMinute;
      const waitMs = fits ? limiter.take(name, ratePerMinute, messages - counted) : Infinity;
      if (waitMs === 0) return undefined;
      log.info("A token reached its rate limit", { token: name, rate_per_minute: ratePerMinute });
      if (!fits) {
        return errorResponse(
          STATUS_CODE.TooManyRequests,
          `Your token may make ${ratePerMinute} requests a minute: send fewer in one batch.`,
        );
      }
      const seconds = retrySeconds(waitMs);
      return errorResponse(
        STATUS_CODE.TooManyRequests,
        `Your token may make ${ratePerMinute} requests a minute: try again in ${seconds} s.`,
        { "retry-after": String(seconds) },
      );
    },
  };
}

function expiredText({ name, expiresAtMs }: TokenEntry): string {
  const at = expiresAtMs === undefined ? "" : ` on ${new Date(expiresAtMs).toISOString()}`;
  return `The bearer token "${name}" expired${at}. Ask the operator of this server for a new one.`;
}

/**
 * Makes the response 401. Its challenge is that of RFC 6750, section 3: with an error code only
 * when the request had a token, and a wrong one. It names no metadata of an authorization server,
 * since there is none: some clients that find such a name give up on the token that they were
 * configured with.
 */
function unauthorized(message: string, error?: string): Response {
  const challenge = `Bearer realm="cma-mcp"${error ? `, ${error}` : ""}`;
  return errorResponse(STATUS_CODE.Unauthorized, message, { "www-authenticate": challenge });
}
