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
  readonly when?: { readonly claim: string; readonly values: readonly string[] };
  /** Most requests per minute of one person. */
  readonly ratePerMinute?: number;
}

/** The claims of an access token whose signature was checked, or that its issuer has told. */
export type Claims = Readonly<Record<string, unknown>>;
