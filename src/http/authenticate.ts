/**
 * Lets requests in by their token, as often as its rate permits.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { STATUS_CODE } from "@std/http";
import type { LinkedFile } from "../access/file_links.ts";
import { createRateLimiter, type RateLimiter } from "../access/limits.ts";
import type { KnownPerson } from "../access/people.ts";
import { callerFields, type Principal } from "../access/principal.ts";
import type { TokenEntry, TokenRegistry } from "../access/tokens.ts";
import { retrySeconds } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { isKey } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { isTokenSecret } from "../core/redact.ts";
import { sha256 } from "../core/sha256.ts";
import { errorResponse } from "./responses.ts";
import type { AuthenticationMethod, AuthenticationOutcome, SignIn } from "./sign_in.ts";

/** Options of {@linkcode createAuthenticator}. */
export interface AuthenticatorOptions {
  readonly tokens: TokenRegistry;
  readonly clock: Pick<Clock, "now" | "wallTime">;
  readonly log: Logger;
  /** Called with every accepted secret: a list of tokens holds only hashes. */
  readonly onAccepted?: (secret: string) => void;
  /** Lets people in who have signed in; absent: tokens only. */
  readonly signIn?: SignIn;
  /** Called with what became of each request's authentication. */
  readonly onAuthenticated?: (
    method: AuthenticationMethod,
    outcome: AuthenticationOutcome,
  ) => void;
}

/** Lets requests in by their tokens. */
export interface Authenticator {
  /** Returns the caller that the request's token names, or the reason why it has no valid one. */
  authenticate(headers: Headers): Promise<Admitted | Refused>;
  /**
   * Returns the caller for whom a link was made, with the rights that it has now; undefined when its
   * token is gone or has expired, or when the person may no longer come in.
   */
  again(maker: Pick<LinkedFile, "principalId" | "person">): Promise<Admitted | undefined>;
}

/** A request that is let in, and its caller's rights. */
export interface Admitted {
  /** The caller, whose long searches are charged to its rate. */
  readonly principal: Principal;
  /**
   * Counts messages against the caller's rate.
   *
   * @param messages number of JSON-RPC messages in the request; 1 by default
   * @param counted number of them that were counted before; 0 by default
   * @returns the response 429 when there were too many
   */
  limit(messages?: number, counted?: number): Response | undefined;
}

/** A request that is not let in. */
export interface Refused {
  /** The response: 401, and for people also 403 and 503. */
  readonly response: Response;
  /** Why, and who it was, for the log; the client learns no more than the response says. */
  readonly notes: Readonly<Record<string, string>> & { readonly reason: string };
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
  const { tokens, clock, log, onAccepted, signIn, onAuthenticated } = options;
  const limiter = createRateLimiter(clock);
  const kept = new Map<string, Uint8Array>();
  const people = new WeakMap<KnownPerson, Admitted>();
  let list: readonly TokenEntry[] = [];
  let known: readonly KnownToken[] = [];

  const knownTokens = () => {
    const current = tokens.current();
    if (current !== list) {
      list = current;
      known = current.map((token) => ({
        token,
        digests: token.hashes.map(digestIn),
        admitted: admit(principalOf(token), token.ratePerMinute, limiter, log),
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
  const admitPerson = (person: KnownPerson) => {
    const admitted = people.get(person) ??
      admit(person.principal, person.ratePerMinute, limiter, log);
    people.set(person, admitted);
    return admitted;
  };
  const refuse = (
    notes: Refused["notes"],
    outcome: AuthenticationOutcome,
    message: string,
    error?: "invalid_token",
    description?: string,
  ): Refused => {
    onAuthenticated?.(outcome === "no_token" ? "none" : "token", outcome);
    const response = signIn
      ? signIn.unauthorized(message, error, description)
      : unauthorized(message, error, description);
    return { response, notes };
  };
  const checkAccessToken = async (gate: SignIn, accessToken: string) => {
    const checked = await gate.check(accessToken);
    if (checked.kind === "refused") {
      const { response, outcome, method, notes } = checked;
      onAuthenticated?.(method, outcome);
      return { response, notes: { reason: outcome, ...notes } };
    }
    onAuthenticated?.(checked.method, "accepted");
    return admitPerson(checked.who);
  };
  return {
    async again({ principalId, person }) {
      if (person) {
        const found = await signIn?.again(person);
        return found && admitPerson(found);
      }
      return knownTokens().find(({ token }) => token.name === principalId && !hasExpired(token))
        ?.admitted;
    },
    async authenticate(headers) {
      const { bearer, secrets } = credentials(headers);
      if (secrets.length === 0) {
        const message = signIn ? NO_TOKEN + WHERE_TO_SIGN_IN : NO_TOKEN;
        return refuse({ reason: "no token" }, "no_token", message);
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
        onAuthenticated?.("token", "accepted");
        return accepted.admitted;
      }
      if (expired) {
        const notes = { reason: "expired token", token: expired.name };
        const message = expiredText(expired);
        return refuse(notes, "expired_token", message, "invalid_token", "The token has expired");
      }
      // What is no access token by its shape is nobody else's business.
      if (signIn && bearer && !isTokenSecret(bearer) && !isKey(bearer)) {
        return await checkAccessToken(signIn, bearer);
      }
      const message = signIn && secrets.some((secret) => secret !== bearer && isLikeJwt(secret))
        ? "An access token counts only as Authorization: Bearer, not as X-API-Key."
        : "The bearer token is not accepted. Check it with the operator of this server.";
      return refuse({ reason: "unknown token" }, "unknown_token", message, "invalid_token");
    },
  };
}

const NO_TOKEN = "A bearer token is needed: send Authorization: Bearer, or X-API-Key.";
const WHERE_TO_SIGN_IN =
  " Clients that know OAuth find out where to sign in from the header WWW-Authenticate.";

/** Returns what a request shows; only the bearer token can be an access token. */
function credentials(headers: Headers): { readonly bearer?: string; readonly secrets: string[] } {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  const secrets = [bearer, headers.get("x-api-key")].flatMap((value) => value || []);
  return { ...(bearer !== undefined && { bearer }), secrets };
}

function isLikeJwt(secret: string): boolean {
  return /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(secret);
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

function principalOf(token: TokenEntry): Principal {
  const { name, hashes: _hashes, expiresAtMs: _expires, ratePerMinute: _rate, ...grants } = token;
  return { id: name, ...grants };
}

function admit(
  principal: Principal,
  ratePerMinute: number | undefined,
  limiter: RateLimiter,
  log: Logger,
): Admitted {
  if (ratePerMinute === undefined) return { principal, limit: () => undefined };
  const { id, person } = principal;
  const may = person ? "You may" : "Your token may";
  return {
    principal: {
      ...principal,
      charge: (requests) => limiter.take(id, ratePerMinute, requests),
    },
    limit(messages = 1, counted = 0) {
      const fits = messages <= ratePerMinute;
      const waitMs = fits ? limiter.take(id, ratePerMinute, messages - counted) : Infinity;
      if (waitMs === 0) return undefined;
      log.info(`A ${person ? "person" : "token"} reached its rate limit`, {
        ...callerFields(principal),
        rate_per_minute: ratePerMinute,
      });
      if (!fits) {
        return errorResponse(
          STATUS_CODE.TooManyRequests,
          `${may} make ${ratePerMinute} requests a minute: send fewer in one batch.`,
        );
      }
      const seconds = retrySeconds(waitMs);
      return errorResponse(
        STATUS_CODE.TooManyRequests,
        `${may} make ${ratePerMinute} requests a minute: try again in ${seconds} s.`,
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
function unauthorized(message: string, error?: string, description?: string): Response {
  const parameters = [
    'realm="cma-mcp"',
    ...error ? [`error="${error}"`] : [],
    ...description ? [`error_description="${description}"`] : [],
  ];
  const challenge = `Bearer ${parameters.join(", ")}`;
  return errorResponse(STATUS_CODE.Unauthorized, message, { "www-authenticate": challenge });
}
