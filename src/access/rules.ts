/**
 * The rules of the access file: what the people who sign in at an authorization server may do, by the
 * claims of their access tokens.
 *
 * @module
 */

import type { Grants } from "./principal.ts";

/** A rule. It fits the people of its issuer, of whom the claim has one of the values. */
export interface AccessRule extends Grants {
  /** 1 to 64 letters, digits, `.`, `_` and `-`; logs and metrics show it. */
  readonly name: string;
  /** The `iss` of the access tokens that it is for. */
  readonly issuer: string;
  /** The claim that decides, with its accepted values; everybody of the issuer when absent. */
  readonly when?: { readonly claim: string; readonly values: readonly ClaimValue[] };
  /** Most requests per minute of one person. */
  readonly ratePerMinute?: number;
}

/** The claims of an access token whose signature was checked, or that its issuer has told. */
export type Claims = Readonly<Record<string, unknown>>;

/** What a rule can compare: a claim has one value, or a list of them. */
export type ClaimValue = string | number | boolean;

/** Why a rule does not fit an access token. */
export type Mismatch =
  /** It is for another issuer. */
  | { readonly kind: "issuer" }
  /** The token has no such claim. */
  | { readonly kind: "absent" }
  /** The claim stands outside of the token, as Entra's groups do when there are too many. */
  | { readonly kind: "elsewhere" }
  /** The claim is an object or a number too large, or a list without a value that can be compared. */
  | { readonly kind: "no_values" }
  /** The claim has other values. */
  | { readonly kind: "other_values"; readonly found: readonly ClaimValue[] }
  /** The address counts only where the token says that its issuer has checked it. */
  | { readonly kind: "unverified_email" };

/** Returns the first rule that fits, in the order of the file; undefined where none does. */
export function ruleFor(
  rules: readonly AccessRule[],
  issuer: string,
  claims: Claims,
): AccessRule | undefined {
  const read = claimReader(claims);
  return rules.find((rule) => mismatchOf(rule, issuer, read) === undefined);
}

/** Returns why a rule does not fit; undefined where it does. */
export function mismatchWith(
  rule: AccessRule,
  issuer: string,
  claims: Claims,
): Mismatch | undefined {
  return mismatchOf(rule, issuer, claimReader(claims));
}

function mismatchOf(
  { issuer: wanted, when }: AccessRule,
  issuer: string,
  read: ReadClaim,
): Mismatch | undefined {
  if (wanted !== issuer) return { kind: "issuer" };
  if (!when) return undefined;
  const claim = read(when.claim);
  if (claim.kind !== "found") return claim;
  if (when.values.some((value) => claim.values.has(value))) return undefined;
  return { kind: "other_values", found: [...claim.values] };
}

type ClaimReading =
  | { readonly kind: "found"; readonly values: ReadonlySet<ClaimValue> }
  | Exclude<Mismatch, { readonly kind: "issuer" | "other_values" }>;

type ReadClaim = (name: string) => ClaimReading;

/** Makes a reader that reads each claim once, however many rules ask for it. */
function claimReader(claims: Claims): ReadClaim {
  const known = new Map<string, ClaimReading>();
  return (name) => {
    const reading = known.get(name) ?? readClaim(claims, name);
    known.set(name, reading);
    return reading;
  };
}

/** The claims whose texts are lists of words (RFC 9068, section 2.2.3). */
const WORD_CLAIMS: readonly string[] = ["scope", "scp"];

/**
 * Reads a claim: the one of exactly that name, such as `https://example.com/roles`, else the one that
 * the name leads to, such as `realm_access.roles`.
 */
function readClaim(claims: Claims, name: string): ClaimReading {
  const value = ownValue(claims, name) ?? valueAt(claims, name.split("."));
  if (value === undefined || value === null) {
    return { kind: isElsewhere(claims, name) ? "elsewhere" : "absent" };
  }
  if (name === "email" && ownValue(claims, "email_verified") !== true) {
    return { kind: "unverified_email" };
  }
  const texts = WORD_CLAIMS.includes(name) && typeof value === "string" ? value.split(" ") : value;
  const values = new Set([texts].flat().filter(isClaimValue));
  return values.size > 0 ? { kind: "found", values } : { kind: "no_values" };
}

function valueAt(claims: Claims, path: readonly string[]): unknown {
  return path.reduce<unknown>(ownValue, claims);
}

/** Reads a field of a plain object: no prototype's, and no length of a list. */
function ownValue(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

/**
 * Returns true if the issuer left the claim out because it is too long: `_claim_names` then says where
 * it can be asked for (OpenID Connect Core, section 5.6.2), or `hasgroups` that there are groups.
 */
function isElsewhere(claims: Claims, name: string): boolean {
  if (ownValue(ownValue(claims, "_claim_names"), name) !== undefined) return true;
  const hasGroups = ownValue(claims, "hasgroups");
  return name === "groups" && hasGroups !== undefined && hasGroups !== false;
}

function isClaimValue(value: unknown): value is ClaimValue {
  if (typeof value === "number") return isExactNumber(value);
  return typeof value === "string" || typeof value === "boolean";
}

/**
 * Returns true for a number that is no other's equal once JSON is read: beyond 2^53, two people's
 * numbers can become the same.
 */
export function isExactNumber(value: number): boolean {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}
