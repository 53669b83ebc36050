/**
 * Lets people in who have signed in at an authorization server, by the access tokens that they bring.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import {
  type AcceptedToken,
  type AccessTokenVerifier,
  isJwt,
  type OAuthSettings,
  type TokenCheck,
  type TokenProblem,
} from "../access/access_tokens.ts";
import { createPeople, type KnownPerson, type Stranger } from "../access/people.ts";
import { callerFields, personId, type SignedIn } from "../access/principal.ts";
import type { Scope } from "../access/scopes.ts";
import type { Sealer } from "../access/sealing.ts";
import type { TokenRegistry } from "../access/tokens.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { LruMap } from "../core/lru.ts";
import { challengeOf } from "./resource_metadata.ts";
import { errorResponse, RETRY_AFTER_SEC } from "./responses.ts";

/** How a request showed who sends it; `none` where it did not. */
export type AuthenticationMethod = "none" | "token" | AcceptedToken["method"];

/** What became of that. */
export type AuthenticationOutcome =
  | "accepted"
  | "no_token"
  | "unknown_token"
  | "expired_token"
  | TokenProblem
  | Stranger["kind"]
  | "unavailable";

/** Options of {@linkcode createSignIn}. */
export interface SignInOptions {
  readonly settings: OAuthSettings;
  readonly verifier: AccessTokenVerifier;
  /** Gives the rules. */
  readonly registry: Pick<TokenRegistry, "rules">;
  readonly sealer: Sealer;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  /** Scopes that somebody needs who uses everything that the server has. */
  readonly scopes: readonly Scope[];
  /** URL of the protected-resource metadata. */
  readonly metadataUrl: string;
  /** Called with access tokens that count, often with the same. */
  readonly onAccepted?: (accessToken: string) => void;
}

/** Lets people in. */
export interface SignIn {
  /** Returns the person of an access token, or why it lets nobody in. */
  check(accessToken: string): Promise<LetIn | NotSignedIn>;
  /** See `People.again`. */
  again(person: SignedIn): Promise<KnownPerson | undefined>;
  /** Makes the response 401, which says where to sign in. */
  unauthorized(message: string, error?: "invalid_token", description?: string): Response;
}

/** An access token that lets a person in. */
export interface LetIn {
  readonly kind: "let_in";
  /** The same object as long as neither the token nor the rules change. */
  readonly who: KnownPerson;
  readonly method: AcceptedToken["method"];
}

/** An access token that lets nobody in. */
export interface NotSignedIn {
  readonly kind: "refused";
  readonly response: Response;
  readonly outcome: AuthenticationOutcome;
  readonly method: AuthenticationMethod;
  /** What the log says beside the outcome; nothing of the token's other claims. */
  readonly notes: Readonly<Record<string, string>>;
}

/** Time after which a person who comes again has a line in the log again, in milliseconds. */
const NEWS_MS = 600_000;

/** Most people who are remembered so that each has one line. */
const MAX_REMEMBERED = 10_000;

/** Makes the gate for people. */
export function createSignIn(options: SignInOptions): SignIn {
  const { settings, verifier, clock, log, scopes, metadataUrl } = options;
  const people = createPeople(options);
  const seen = new LruMap<string, number>(MAX_REMEMBERED);
  // A verifier gives the same object as long as it remembers a token.
  const known = new WeakMap<AcceptedToken, Known>();

  const noteSignIn = ({ principal }: KnownPerson, { method }: AcceptedToken) => {
    const { person, scopes: granted = [] } = principal;
    const id = JSON.stringify([principal.id, person.rule, granted]);
    const now = clock.now();
    if (now - (seen.get(id) ?? -Infinity) < NEWS_MS) return;
    seen.set(id, now);
    log.info("Signed in", { ...callerFields(principal), scopes: granted, method });
  };
  const personOf = async (token: AcceptedToken): Promise<KnownPerson | Stranger> => {
    const rules = options.registry.rules();
    const before = known.get(token);
    if (before && before.rules === rules) return before.who;
    const who = await people.of(token);
    known.set(token, { rules, who });
    return who;
  };
  const unauthorized: SignIn["unauthorized"] = (message, error, description = message) => {
    const challenge = challengeOf({
      scopes,
      metadataUrl,
      ...(error && { error, description }),
    });
    return errorResponse(STATUS_CODE.Unauthorized, message, { "www-authenticate": challenge });
  };
  const refuseStranger = ({ kind, person }: Stranger, token: AcceptedToken): NotSignedIn => {
    const { method, issuer } = token;
    const notes = person ? callerFields({ id: personId(person), person }) : { issuer };
    const response = kind === "no_rule"
      ? errorResponse(STATUS_CODE.Forbidden, NO_RULE)
      : unauthorized(BAD_SUBJECT, "invalid_token");
    return { kind: "refused", response, outcome: kind, method, notes };
  };
  return {
    async check(accessToken) {
      const token = await verifier.verify(accessToken);
      if (token.kind !== "accepted") return refused(token, accessToken, settings, unauthorized);
      if (!known.has(token)) options.onAccepted?.(accessToken);
      const who = await personOf(token);
      if (who.kind !== "person") return refuseStranger(who, token);
      noteSignIn(who, token);
      return { kind: "let_in", who, method: token.method };
    },
    again: (person) => people.again(person),
    unauthorized,
  };
}

/** A person, by the rules that counted then. */
interface Known {
  readonly rules: ReturnType<TokenRegistry["rules"]>;
  readonly who: KnownPerson | Stranger;
}

const NO_RULE =
  "You have signed in, but no rule of this server lets you use it. Ask the operator of this server " +
  "for access.";
const BAD_SUBJECT =
  "The access token's subject (sub) cannot be used: it is empty or too long, or has control characters.";
const UNAVAILABLE =
  "The authorization server that issued the access token cannot be asked now. Try again in a few " +
  "seconds.";

function refused(
  check: Exclude<TokenCheck, AcceptedToken>,
  accessToken: string,
  { issuers }: OAuthSettings,
  unauthorized: SignIn["unauthorized"],
): NotSignedIn {
  const asks = issuers.some(({ introspection }) => introspection);
  const method = asks && !isJwt(accessToken) ? "introspection" : "jwt";
  if (check.kind === "unavailable") {
    const headers = { "retry-after": RETRY_AFTER_SEC };
    return {
      kind: "refused",
      response: errorResponse(STATUS_CODE.ServiceUnavailable, UNAVAILABLE, headers),
      outcome: "unavailable",
      method,
      notes: { issuer: check.issuer, problem: check.message },
    };
  }
  return {
    kind: "refused",
    response: unauthorized(check.message, "invalid_token"),
    outcome: check.problem,
    method,
    notes: { ...(check.claim !== undefined && { claim: check.claim }), problem: check.message },
  };
}
