/**
 * Reads the claims of an access token from what an operator has at hand, and says why a rule does not
 * fit them.
 *
 * @module
 */

import type { AccessRule, Claims, ClaimValue, Mismatch } from "../access/rules.ts";
import { fieldsOf } from "../api/read.ts";
import { UsageError } from "../core/errors.ts";
import { escapeUnseen, fromBase64Url, shorten } from "../core/text.ts";

/** Claims, and who they are about. */
export interface GivenClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: Claims;
}

/**
 * Reads JSON claims, or those of a JWT, whose signature nobody checks here.
 *
 * @param source how the user named the text, for errors
 * @throws UsageError one line with nothing of the text
 */
export function parseClaims(text: string, source: string): GivenClaims {
  const claims = claimsIn(text.trim().replace(/^bearer\s+/i, ""), source);
  const { iss: issuer, sub: subject, active } = claims;
  if (active === false) {
    throw new UsageError(`${source} says that the token is not active: take one that is`);
  }
  const lacks = isName(issuer) ? "sub" : "iss";
  if (isName(issuer) && isName(subject)) return { issuer, subject, claims };
  throw new UsageError(
    `${source} has no claim ${lacks}: it needs the claims of an access token, of which iss and sub ` +
      "say who signed in where",
  );
}

function isName(claim: unknown): claim is string {
  return typeof claim === "string" && claim !== "";
}

function claimsIn(text: string, source: string): Claims {
  if (text.startsWith("{")) return objectIn(text, source);
  const parts = text.split(".");
  if (parts.length === 5) {
    throw new UsageError(
      `${source} is an encrypted token, of which nobody but its server sees claims`,
    );
  }
  const [, payload = ""] = parts;
  if (parts.length !== 3 || /\s/.test(text)) {
    throw new UsageError(
      `${source} is neither JSON nor a JWT: of another token, give what its authorization server's ` +
        "introspection answers",
    );
  }
  return objectIn(decoded(payload, source), source);
}

function decoded(payload: string, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(fromBase64Url(payload));
  } catch {
    throw new UsageError(`${source} is no JWT: its second part cannot be decoded`);
  }
}

function objectIn(json: string, source: string): Claims {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's own message may quote the token.
    throw new UsageError(`${source} holds no valid JSON: check its commas, quotes and brackets`);
  }
  const claims = fieldsOf(value);
  if (claims) return claims;
  throw new UsageError(`${source} holds JSON that is no object: give the claims by their names`);
}

/** Says why a rule does not fit, such as `claim groups is ["ops"], needs one of ["analysts"]`. */
export function describeMismatch(rule: AccessRule, mismatch: Mismatch): string {
  const { claim = "", values = [] } = rule.when ?? {};
  const named = `claim ${shownText(claim)}`;
  const needs = `needs ${values.length > 1 ? "one of " : ""}${shownValues(values)}`;
  switch (mismatch.kind) {
    case "issuer":
      return `is for ${shownText(rule.issuer)}`;
    case "absent":
      return `${named} is missing, ${needs}`;
    case "elsewhere":
      return `${named} is not in the token, which only says that there is too much of it: have the ` +
        "authorization server put app roles into the token, or only the groups that are assigned " +
        "to the application";
    case "no_values":
      return `${named} has no text, number below 2^53, true or false to compare, ${needs}`;
    case "unverified_email":
      return `${named} counts only beside "email_verified": true`;
    case "other_values":
      return `${named} is ${shownValues(mismatch.found)}, ${needs}` +
        (differsInType(mismatch.found, values) ? ": a text is no number, nor true or false" : "");
  }
}

function differsInType(found: readonly ClaimValue[], wanted: readonly ClaimValue[]): boolean {
  const texts = new Set(wanted.map(String));
  return found.some((value) => texts.has(String(value)));
}

/** Most values that a line shows. */
const MAX_SHOWN = 10;

/** Longest value or name that is shown, in characters. */
const MAX_SHOWN_CHARS = 200;

/** Shows values as JSON does, so that texts and numbers look different. */
export function shownValues(values: readonly ClaimValue[]): string {
  const shown = values.slice(0, MAX_SHOWN)
    .map((value) => escapeUnseen(JSON.stringify(cut(value)))).join(", ");
  const others = values.length - MAX_SHOWN;
  return `[${shown}${others > 0 ? `, and ${others} more` : ""}]`;
}

function cut(value: ClaimValue): ClaimValue {
  return typeof value === "string" ? shorten(value, MAX_SHOWN_CHARS) : value;
}

/** Shows a text of the token or the file in a line. */
export function shownText(text: string): string {
  return escapeUnseen(shorten(text, MAX_SHOWN_CHARS));
}
