/**
 * The claims of an access token: which a token must have to count at this server, and what is said of
 * one that does not.
 *
 * @module
 */

import { textOf } from "../api/read.ts";
import { escapeUnseen, shorten } from "../core/text.ts";
import type { AcceptedToken, RejectedToken, TokenProblem, TrustedIssuer } from "./access_tokens.ts";
import { isSubject, MAX_SUBJECT_CHARS } from "./principal.ts";
import type { Claims } from "./rules.ts";
import { type Scope, SCOPES } from "./scopes.ts";

/** Difference between this machine's clock and an issuer's that is forgiven, in milliseconds. */
export const TOLERANCE_MS = 30_000;

/** Last moment of a `Date`, in seconds. */
const MAX_SECONDS = 8.64e12;

/** Makes the result for a token that does not count. */
export function rejected(problem: TokenProblem, message: string, claim?: string): RejectedToken {
  return { kind: "rejected", problem, message, ...(claim !== undefined && { claim }) };
}

/**
 * Returns a value of a token in quotes, cut, and with everything escaped that is invisible or could
 * forge a line: only such values stand in messages.
 */
export function quoted(value: unknown, maxChars = 200): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "nothing";
  return `'${escapeUnseen(shorten(text, maxChars))}'`;
}

/**
 * Checks the claims of a token whose signature was checked, or that its issuer has told.
 *
 * @param nowMs time in milliseconds since the epoch
 */
export function checkClaims(
  claims: Claims,
  { issuer, audiences }: TrustedIssuer,
  method: AcceptedToken["method"],
  nowMs: number,
): AcceptedToken | RejectedToken {
  const { iss, sub, exp } = claims;
  if (iss !== issuer) return otherIssuer(iss, [issuer]);
  const isWhole = textOf(sub) !== undefined && typeof exp === "number";
  const problem = audienceProblem(claims.aud, audiences) ?? timeProblem(claims, nowMs) ??
    subjectProblem(sub) ?? bindingProblem(claims);
  if (problem) return problem;
  if (!isWhole) return missing("sub");
  return {
    kind: "accepted",
    issuer,
    subject: String(sub),
    scopes: scopesOf(claims),
    claims,
    expiresAtMs: exp * 1_000,
    method,
  };
}

/** Rejects a token of an issuer that is not the one, or none of those, that this server trusts. */
export function otherIssuer(iss: unknown, trusted: readonly string[]): RejectedToken {
  if (textOf(iss) === undefined) return missing("iss");
  return rejected(
    "unknown_issuer",
    `The access token is of another authorization server (iss): it says ${quoted(iss)}; ` +
      `this server accepts those of ${trusted.slice(0, 5).join(", ")}.`,
    "iss",
  );
}

/** Uses of tokens that are no access tokens, as servers name them. */
const OTHER_USE = /^(id|refresh|offline|logout)(_?token)?$/i;

/**
 * Rejects a token that one of its claims calls something else than an access token.
 *
 * @param names the claims that may do so
 */
export function otherUse(
  claims: Claims,
  names: readonly ("token_type" | "token_use" | "typ")[],
): RejectedToken | undefined {
  const claim = names.find((name) => OTHER_USE.test(textOf(claims[name]) ?? ""));
  return claim && noAccessToken(claim);
}

/** Rejects a token by a claim that no access token has. */
export function noAccessToken(claim: string): RejectedToken {
  return rejected(
    "wrong_type",
    `The token is no access token but an ID or refresh token, or the like (${claim}): send the ` +
      "access token.",
    claim,
  );
}

function missing(claim: string): RejectedToken {
  return rejected("missing_claim", `The access token lacks the claim ${claim}.`, claim);
}

function audienceProblem(aud: unknown, accepted: readonly string[]): RejectedToken | undefined {
  const named = typeof aud === "string" ? [aud] : Array.isArray(aud) ? aud : [];
  if (named.length === 0 || aud === "") {
    return rejected(
      "missing_claim",
      "The access token lacks the claim aud, so it may be for any server: have the authorization " +
        `server issue it for ${accepted[0]}.`,
      "aud",
    );
  }
  if (accepted.some((each) => named.includes(each))) return undefined;
  const shown = named.slice(0, 3).map((each) => quoted(each)).join(", ");
  return rejected(
    "wrong_audience",
    `The access token is for another audience (aud): it is for ${shown}; this server is ` +
      `${accepted.slice(0, 3).join(" or ")}.`,
    "aud",
  );
}

function timeProblem({ exp, nbf, iat }: Claims, nowMs: number): RejectedToken | undefined {
  if (exp === undefined) return missing("exp");
  for (const [claim, value] of Object.entries({ exp, nbf, iat })) {
    if (value === undefined || isTime(value)) continue;
    return rejected("malformed", `The access token's claim ${claim} is no time.`, claim);
  }
  const at = (value: unknown) => new Date(Number(value) * 1_000).toISOString();
  if (Number(exp) * 1_000 <= nowMs - TOLERANCE_MS) {
    return rejected("expired", `The access token expired (exp) at ${at(exp)}.`, "exp");
  }
  for (const [claim, value] of Object.entries({ nbf, iat })) {
    if (value === undefined || Number(value) * 1_000 <= nowMs + TOLERANCE_MS) continue;
    return rejected(
      "not_yet_valid",
      `The access token is valid from ${at(value)} on only (${claim}): it is ` +
        `${new Date(nowMs).toISOString()} here.`,
      claim,
    );
  }
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= MAX_SECONDS;
}

function subjectProblem(sub: unknown): RejectedToken | undefined {
  const subject = textOf(sub);
  if (subject === undefined) return missing("sub");
  if (isSubject(subject)) return undefined;
  return rejected(
    "malformed",
    `The access token's claim sub has control characters, or more than ${MAX_SUBJECT_CHARS} ` +
      "characters.",
    "sub",
  );
}

/**
 * Rejects a token that is bound to its sender's key (RFC 9449, RFC 8705): this server checks no proof
 * of the key, without which a thief could use the token.
 */
function bindingProblem({ cnf, token_type: type }: Claims): RejectedToken | undefined {
  const isBound = typeof type === "string" && /^(dpop|pop|n_a)$/i.test(type);
  if (cnf === undefined && !isBound) return undefined;
  return rejected(
    "sender_constrained",
    "The access token is bound to its sender's key (cnf), which this server does not check: have " +
      "the authorization server issue bearer tokens for it.",
    cnf === undefined ? "token_type" : "cnf",
  );
}

/** Returns the scopes of a token that this server knows, from `scope` (RFC 9068) or `scp`. */
export function scopesOf({ scope, scp }: Claims): Scope[] {
  const named = [scope, scp].flatMap((value) =>
    typeof value === "string" ? value.split(" ") : Array.isArray(value) ? value : []
  );
  return SCOPES.filter((known) => named.includes(known));
}
