/**
 * The rights of callers.
 *
 * @module
 */

/**
 * The rights that a tool can demand, with the names of their OAuth scopes. `actions`: answers an
 * agent's tool calls, for a person who has decided.
 */
export const SCOPES = ["agents:read", "sessions:read", "sessions:write", "actions"] as const;

/** A right of a tool's caller. */
export type Scope = typeof SCOPES[number];

/** The limits of a caller's rights. */
export interface Rights {
  /** Refuses every tool that changes something. */
  readonly readOnly?: boolean;
  /** The only rights, less those that `readOnly` takes; all when absent. */
  readonly scopes?: readonly Scope[];
}

/** Returns true if the caller has the right; one that the transport does not identify has all. */
export function hasScope(caller: Rights | undefined, scope: Scope): boolean {
  if (caller?.readOnly && !scope.endsWith(":read")) return false;
  return caller?.scopes?.includes(scope) ?? true;
}
