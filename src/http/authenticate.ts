/**
 * Lets requests in: by the token that they carry, and by how often it may call.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Principal } from "../access/principal.ts";
import { createRateLimiter } from "../access/limits.ts";
import { errorResponse } from "./responses.ts";
import { type AccessToken, sha256, type TokenRegistry } from "../access/tokens.ts";

/** The token whose secret a request carries; `none` when it carries no secret. */
export type Identification =
  | { readonly kind: "none" | "unknown" }
  | { readonly kind: "expired" | "accepted"; readonly token: AccessToken };

/** Tells whose token a request carries. */
export interface Authenticator {
  identify(headers: Headers): Promise<Identification>;
}

/** Digests of accepted secrets that are kept: a hash costs more than all else about a token. */
const MAX_KEPT_DIGESTS = 1_000;

/**
 * Accepts the tokens from `Authorization: Bearer` and `X-API-Key` alike, since some hosts can set
 * only one of the two. What is compared are digests, all of them and all of their bytes, so that
 * the time it takes tells nothing about a token.
 *
 * @param onAccepted told of every secret that was accepted: a list of tokens holds only hashes
 */
export function createAuthenticator(
  registry: TokenRegistry,
  clock: Pick<Clock, "wallTime">,
  onAccepted: (secret: string) => void = () => {},
): Authenticator {
  const digests = new Map<string, Uint8Array>();
  return {
    async identify(headers) {
      const secrets = credentials(headers);
      const offered = secrets.map((secret) => digests.get(secret) ?? sha256(secret));
      if (offered.length === 0) return { kind: "none" };
      let accepted: AccessToken | undefined;
      let expired: AccessToken | undefined;
      const now = clock.wallTime();
      for (const token of await registry.current()) {
        if (!isAnyEqual(token.digests, offered)) continue;
        if (token.expiresAtMs !== undefined && now >= token.expiresAtMs) expired = token;
        else accepted = token;
      }
      if (accepted) {
        for (const [at, secret] of secrets.entries()) {
          const digest = offered[at];
          if (!digest || !isAnyEqual(accepted.digests, [digest])) continue;
          if (digests.size >= MAX_KEPT_DIGESTS) digests.clear();
          digests.set(secret, digest);
          onAccepted(secret);
        }
        return { kind: "accepted", token: accepted };
      }
      return expired ? { kind: "expired", token: expired } : { kind: "unknown" };
    },
  };
}

function credentials(headers: Headers): string[] {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [bearer, headers.get("x-api-key")].filter((value) => value !== undefined)
    .flatMap((value) => value || []);
}

/** Compares every pair, whatever the first comparisons gave. */
function isAnyEqual(known: readonly Uint8Array[], offered: readonly Uint8Array[]): boolean {
  let equal = 0;
  for (const a of known) for (const b of offered) equal |= Number(isEqual(a, b));
  return equal !== 0;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** The parts that {@linkcode createAdmission} works with. */
export interface AdmissionOptions {
  readonly tokens: TokenRegistry;
  readonly clock: Pick<Clock, "now" | "wallTime">;
  readonly log: Logger;
  /** Told of every secret that was accepted. */
  readonly onAccepted?: (secret: string) => void;
}

/** Lets requests in by their tokens, or gives their error responses. */
export interface Admission {
  /** Finds the token that the request carries, or says why it is let in by none. */
  authenticate(headers: Headers): Promise<AccessToken | Unauthorized>;
  /**
   * Counts messages of a token.
   *
   * @param messages how many JSON-RPC messages the request holds; 1 by default
   * @param counted how many of them were counted before; 0 by default
   * @returns the response 429 when there were too many
   */
  limit(token: AccessToken, messages?: number, counted?: number): Response | undefined;
  /** Returns the bearer of a token, whose calls are charged to the token's rate. */
  principalOf(token: AccessToken): Principal;
}

/** A request that is not let in. */
export interface Unauthorized {
  /** 401. */
  readonly response: Response;
  /** For the log; the client learns no more than the response says. */
  readonly reason: "no token" | "unknown token" | "expired token";
  /** Name of a token that has expired. */
  readonly token?: string;
}

export function createAdmission(
  { tokens, clock, log, onAccepted }: AdmissionOptions,
): Admission {
  const authenticator = createAuthenticator(tokens, clock, onAccepted);
  const limiter = createRateLimiter(clock);
  const charged = new WeakMap<AccessToken, Principal>();
  return {
    principalOf(token) {
      const { name, ratePerMinute, principal } = token;
      if (ratePerMinute === undefined) return principal;
      const known = charged.get(token);
      if (known) return known;
      const charge = (requests: number) => limiter.take(name, ratePerMinute, requests);
      const made = { ...principal, charge };
      charged.set(token, made);
      return made;
    },
    async authenticate(headers) {
      const found = await authenticator.identify(headers);
      switch (found.kind) {
        case "accepted":
          return found.token;
        case "expired": {
          const error = 'error="invalid_token", error_description="The token has expired"';
          const response = unauthorized(expiredText(found.token), error);
          return { response, reason: "expired token", token: found.token.name };
        }
        case "unknown": {
          const message =
            "The bearer token is not accepted. Check it with the operator of this server.";
          const response = unauthorized(message, 'error="invalid_token"');
          return { response, reason: "unknown token" };
        }
        case "none": {
          const message = "A bearer token is needed: send Authorization: Bearer, or X-API-Key.";
          return { response: unauthorized(message), reason: "no token" };
        }
      }
    },
    limit({ name, ratePerMinute }, messages = 1, counted = 0) {
      if (ratePerMinute === undefined) return undefined;
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
      const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
      return errorResponse(
        STATUS_CODE.TooManyRequests,
        `Your token may make ${ratePerMinute} requests a minute: try again in ${seconds} s.`,
        { "retry-after": String(seconds) },
      );
    },
  };
}

function expiredText({ name, expiresAtMs }: AccessToken): string {
  const at = expiresAtMs === undefined ? "" : ` on ${new Date(expiresAtMs).toISOString()}`;
  return `The bearer token "${name}" expired${at}. Ask the operator of this server for a new one.`;
}

/**
 * The challenge is RFC 6750's, section 3: an error code only for a token that was offered and is
 * wrong. It names no metadata of an authorization server, since there is none to ask: some clients
 * that find such a name give up on the token that they were configured with.
 */
function unauthorized(message: string, error?: string): Response {
  const challenge = `Bearer realm="cma-mcp"${error ? `, ${error}` : ""}`;
  return errorResponse(STATUS_CODE.Unauthorized, message, { "www-authenticate": challenge });
}
