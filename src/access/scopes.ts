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

/**
 * Says which scopes a token or a rule that may only read cannot have; undefined where it has none of
 * those.
 */
export function scopesBesideReadOnly(
  scopes: readonly Scope[] = [],
  kind: "token" | "rule" = "token",
): string | undefined {
  const idle = scopes.filter((scope) => !hasScope({ readOnly: true }, scope));
  if (idle.length === 0) return undefined;
  return `a ${kind} that may only read cannot have ${idle.join(" and ")}: let it have either`;
}
