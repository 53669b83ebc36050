/**
 * Who is let in: the token of a request, and how often it may call.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { createAuthenticator } from "./auth.ts";
import { createRateLimiter } from "./rate_limiter.ts";
import { refusal } from "./refusal.ts";
import type { AccessToken, TokenRegistry } from "./tokens.ts";

/** What admission needs. */
export interface AdmissionOptions {
  readonly tokens: TokenRegistry;
  readonly clock: Pick<Clock, "now" | "wallTime">;
  readonly log: Logger;
}

/** Lets requests in, or answers them. */
export interface Admission {
  /** The token that the request carries, or the answer 401. */
  identify(headers: Headers): Promise<AccessToken | Response>;
  /**
   * Counts messages of a token.
   *
   * @param messages how many JSON-RPC messages the request holds; 1 by default
   * @returns the answer 429 when there were too many
   */
  limit(token: AccessToken, messages?: number): Response | undefined;
}

export function createAdmission({ tokens, clock, log }: AdmissionOptions): Admission {
  const authenticator = createAuthenticator(tokens, clock);
  const limiter = createRateLimiter(clock);
  return {
    async identify(headers) {
      const found = await authenticator.identify(headers);
      switch (found.kind) {
        case "accepted":
          return found.token;
        case "expired":
          log.warn("An expired token was used", { token: found.token.name });
          return unauthorized(
            expiredText(found.token),
            'error="invalid_token", error_description="The token has expired"',
          );
        case "unknown":
          return unauthorized(
            "The bearer token is not accepted. Check it with the operator of this server.",
            'error="invalid_token"',
          );
        case "none":
          return unauthorized(
            "A bearer token is needed: send Authorization: Bearer, or X-API-Key.",
          );
      }
    },
    limit({ name, ratePerMinute }, messages = 1) {
      if (ratePerMinute === undefined) return undefined;
      const waitMs = limiter.take(name, ratePerMinute, messages);
      if (waitMs === 0) return undefined;
      const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
      log.info("A token reached its rate limit", { token: name, rate_per_minute: ratePerMinute });
      return refusal(
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
  return refusal(STATUS_CODE.Unauthorized, message, { "www-authenticate": challenge });
}
