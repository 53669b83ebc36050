/**
 * Access tokens of OAuth 2.1: the settings by which they are checked, and what becomes of a check.
 *
 * @module
 */

import type { Claims } from "./rules.ts";
import type { Scope } from "./scopes.ts";

/** An authorization server whose access tokens count. */
export interface TrustedIssuer {
  /** Its issuer identifier, an URL, exactly as the `iss` of its tokens has it. */
  readonly issuer: string;
  /** Accepted `aud` of its tokens: at least one. */
  readonly audiences: readonly string[];
  /** Accepted `typ` of its JWTs, such as `at+jwt`. */
  readonly tokenTypes: readonly string[];
  /** Where it tells about tokens that are no JWT (RFC 7662); absent: such tokens are refused. */
  readonly introspection?: {
    readonly url: string;
    readonly clientId: string;
    /** The client's secret, as it stood in its file at start. */
    readonly clientSecret: string;
    /** File of the client's secret; it is read again when the endpoint refuses it. */
    readonly secretFile: string;
  };
}

/** OAuth for the HTTP server, as its settings have it. */
export interface OAuthSettings {
  /** The URL that people type, with its path and without a slash at its end. */
  readonly resource: string;
  /** In the order of the settings: clients of the SDK 2.x go to the first only. */
  readonly issuers: readonly TrustedIssuer[];
  /** True where logs have a keyed hash in place of subjects. */
  readonly hashSubjects: boolean;
}

/** An access token that counts. */
export interface AcceptedToken {
  readonly kind: "accepted";
  readonly issuer: string;
  readonly subject: string;
  /** Those of its scopes that this server knows. */
  readonly scopes: readonly Scope[];
  readonly claims: Claims;
  /** Its `exp`, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
  readonly method: "jwt" | "introspection";
}

/** Why an access token does not count: a label of metrics, and a word of logs. */
export type TokenProblem =
  | "malformed"
  | "unknown_issuer"
  | "wrong_type"
  | "wrong_algorithm"
  | "unknown_key"
  | "bad_signature"
  | "missing_claim"
  | "wrong_audience"
  | "expired"
  | "not_yet_valid"
  | "inactive"
  | "sender_constrained";

/** An access token that does not count. */
export interface RejectedToken {
  readonly kind: "rejected";
  readonly problem: TokenProblem;
  /** Name of the claim or header field that failed. */
  readonly claim?: string;
  /** A sentence for the client and the log, with nothing of the token but its issuer. */
  readonly message: string;
}

/** An issuer that could not be asked: the token may be right. */
export interface UnavailableIssuer {
  readonly kind: "unavailable";
  readonly issuer: string;
  /** A sentence for the log. */
  readonly message: string;
}

/** What became of the check of an access token. */
export type TokenCheck = AcceptedToken | RejectedToken | UnavailableIssuer;

/**
 * Returns true for a token that is checked as a JWT: signed, encrypted, or one that something has
 * garbled. Every other token is one to ask its issuer about.
 */
export function isJwt(token: string): boolean {
  return token.startsWith("eyJ") || /^[\w-]+\.[\w-]*\.[\w-]*$/.test(token);
}

/** Checks access tokens. */
export interface AccessTokenVerifier {
  /** Checks a token; never rejects. */
  verify(token: string): Promise<TokenCheck>;
  /** Ends timers and requests. */
  close(): void;
}
