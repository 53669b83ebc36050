/**
 * The caller of a tool, and what it may reach.
 *
 * @module
 */

import type { CallOptions } from "../api/types.ts";
import { sha256 } from "../core/sha256.ts";
import { hasScope, type Rights, type Scope } from "./scopes.ts";
import type { ToolSetName } from "./tool_sets.ts";

/**
 * What a token of the access file, or a rule of it, lets its callers do. An absent field sets no
 * limit.
 */
export interface Grants extends Rights {
  /** The only agents that it may reach, with their sessions. */
  readonly agents?: readonly string[];
  /** The one agent of `agents` that its tools are bound to, so that they take no `agent_id`. */
  readonly agent?: string;
  /** The only environments that it may reach, with their sessions. */
  readonly environments?: readonly string[];
  /** Files of no session, such as uploaded ones, that it may name although it has limits. */
  readonly files?: readonly string[];
  /**
   * `own`: only sessions that were created under the same name; `all`, also when absent: every
   * session that the other scopes admit.
   */
  readonly sessions?: "own" | "all";
  /** The only sets of tools that it sees and calls, as far as the server serves them. */
  readonly tools?: readonly ToolSetName[];
  /** Most waits that it may have open at once. */
  readonly maxWaits?: number;
  /** Most other calls that it may have running at once. */
  readonly maxCalls?: number;
  /** Most that a session which it creates may cost, in US dollars, also where it asks for no limit. */
  readonly maxCostUsd?: number;
}

/** A person who has signed in at an authorization server. */
export interface SignedIn {
  /** The `iss` of the access token. */
  readonly issuer: string;
  /** The `sub` of the access token. */
  readonly subject: string;
  /** Name of the rule that fits; absent on a server without rules. */
  readonly rule?: string;
  /** Keyed hash of the subject, which logs have in its place where the operator wants that. */
  readonly subjectHash?: string;
}

/** A caller that the transport can identify. */
export interface Principal extends Grants {
  /**
   * Name of the caller's token, which the operator sees, or {@linkcode personId} of a person.
   * Sessions are bound to it.
   */
  readonly id: string;
  /** Who has signed in; absent for the holder of a static token. */
  readonly person?: SignedIn;
  /**
   * Scopes that the caller lacks only because its access token does: a new sign-in may bring them.
   */
  readonly missingScopes?: readonly Scope[];
  /**
   * Counts requests to the API that a call makes beside the usual few against the caller's rate.
   *
   * @returns 0 when they are allowed, else the milliseconds after which they will be
   */
  readonly charge?: (requests: number) => number;
}

/**
 * Returns the id of a person's principal. It begins with a bracket, as no name of a token does, and
 * two different people never have the same.
 */
export function personId({ issuer, subject }: SignedIn): string {
  return JSON.stringify([issuer, subject]);
}

/** Longest id that is sealed as it is, in characters: no name of a token is longer. */
const MAX_SEALED_ID_CHARS = 64;

/**
 * Returns what stands for a caller in sealed texts, whose length is bounded: its id, or the hash of a
 * long one; empty where the transport does not identify callers.
 */
export function sealedIdOf({ principal }: Pick<Caller, "principal">): string {
  const { id = "" } = principal ?? {};
  return id.length > MAX_SEALED_ID_CHARS ? `[${sha256(id)}]` : id;
}

/** Longest subject of an access token, in characters: OpenID Connect allows no longer one. */
export const MAX_SUBJECT_CHARS = 255;

/**
 * Returns true for a subject that can name a person: 1 to {@linkcode MAX_SUBJECT_CHARS} characters,
 * none of them a control character or half of one.
 */
export function isSubject(subject: string): boolean {
  return subject !== "" && subject.length <= MAX_SUBJECT_CHARS && !/[\p{Cc}\p{Cs}]/u.test(subject);
}

/** Returns true if the caller has the right, or may have it after a new sign-in. */
export function mayHaveScope(principal: Principal | undefined, scope: Scope): boolean {
  return hasScope(principal, scope) || (principal?.missingScopes?.includes(scope) ?? false);
}

/** What names a caller in logs and traces. */
export type CallerFields =
  | { readonly token: string }
  | {
    readonly issuer: string;
    /** Absent where a hash stands in its place. */
    readonly subject?: string;
    readonly subject_hash?: string;
    readonly rule?: string;
  };

/** Returns what names a caller in logs and traces, by the names of the fields. */
export function callerFields({ id, person }: Pick<Principal, "id" | "person">): CallerFields {
  if (!person) return { token: id };
  const { issuer, subject, subjectHash, rule } = person;
  return {
    issuer,
    ...(subjectHash === undefined ? { subject } : { subject_hash: subjectHash }),
    ...(rule !== undefined && { rule }),
  };
}

/** The caller on whose behalf something is done, and the bounds of the call. */
export interface Caller extends CallOptions {
  /** Absent where the transport does not identify callers: then no limits apply. */
  readonly principal?: Principal;
  /** The only agent that the call may reach, with its sessions: set where its tool is bound to one. */
  readonly boundAgentId?: string;
}
