/**
 * The shape of ids of the Managed Agents API, and of the keys that people paste in their place.
 *
 * @module
 */

/**
 * An id: any text that is safe as a path segment. The API documents neither prefixes nor lengths as
 * stable, and other implementations choose their own.
 */
export const ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Things that have ids. */
export type IdKind = "agent" | "environment" | "session" | "thread" | "event" | "file";

/** Prefixes of each kind, as the hosted API and other implementations spell them. */
const PREFIXES: Readonly<Record<IdKind, RegExp>> = {
  agent: /^agent[_-]/i,
  environment: /^env[_-]/i,
  session: /^(sesn|sess|session)[_-]/i,
  thread: /^(sthr|thread)[_-]/i,
  event: /^(sevt|event)[_-]/i,
  file: /^file[_-]/i,
};

/** Returns the kind that an id's prefix names; undefined for any other prefix. */
export function kindOfId(id: string): IdKind | undefined {
  return ID_KINDS.find((kind) => PREFIXES[kind].test(id));
}

const ID_KINDS: readonly IdKind[] = ["agent", "environment", "session", "thread", "event", "file"];

/**
 * Returns true if the value can be an id of this kind: it has a prefix of the kind, or no known
 * prefix but a digit. Ids of every implementation contain digits; names mostly do not.
 */
export function isIdOf(kind: IdKind, value: string): boolean {
  const known = kindOfId(value);
  if (!ID.test(value) || isKey(value)) return false;
  return known === kind || (known === undefined && /\d/.test(value));
}

/** The environment variables that carry the API's credential, by its kind. */
export const CREDENTIAL_VARIABLES = {
  api_key: "ANTHROPIC_API_KEY",
  auth_token: "ANTHROPIC_AUTH_TOKEN",
} as const;

/** Returns true for a value that begins like a key; people paste keys in place of ids. */
export function isKey(value: string): boolean {
  return /^sk-/i.test(value);
}
