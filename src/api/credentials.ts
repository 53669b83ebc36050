/**
 * The credential of a request: its source, its check and its headers.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";

/** A key or token that a request authenticates with. */
export interface Credential {
  /** `api_key` goes out as `x-api-key`, `auth_token` as a bearer token. */
  readonly kind: "api_key" | "auth_token";
  readonly value: string;
}

/**
 * Returns the credential of the next request. After a 401 it is called with `refresh: true`: a
 * source that can tell whether the credential was rotated then reads it again; others return the
 * same one.
 */
export type CredentialSource = (
  options?: { readonly refresh?: boolean },
) => Credential | Promise<Credential>;

/**
 * Makes a source that keeps its credential in a file, or anywhere else that can be read again. It
 * reads on first use, and again on refresh; requests that need it at the same time share a read.
 *
 * @param read returns the file's text; white space around the value is dropped
 * @returns a source that rejects with a `UsageError` when the text cannot be read or is not one
 * printable word; a failed refresh keeps the earlier credential
 */
export function fileCredential(
  kind: Credential["kind"],
  read: () => Promise<string>,
): CredentialSource {
  let known: Credential | undefined;
  let reading: Promise<Credential> | undefined;

  const load = async (): Promise<Credential> => {
    try {
      known = checkCredential({ kind, value: (await read()).trim() });
    } catch (cause) {
      if (!known) throw asUsageError(cause);
    } finally {
      reading = undefined;
    }
    return known;
  };
  return ({ refresh = false } = {}) => {
    if (known && !refresh) return known;
    reading ??= load();
    return reading;
  };
}

function asUsageError(cause: unknown): UsageError {
  if (cause instanceof UsageError) return cause;
  return new UsageError("The file with the API credential cannot be read", { cause });
}

/**
 * Checks that a credential can be sent as a header.
 *
 * @returns the same credential
 * @throws `UsageError`, without the value
 */
export function checkCredential(credential: Credential): Credential {
  if (credential.value === "") throw new UsageError("The API credential is empty");
  if (!/^[\x21-\x7e]+$/.test(credential.value)) {
    throw new UsageError("The API credential contains spaces, line breaks or other odd characters");
  }
  return credential;
}

const BETA = "managed-agents-2026-04-01";
/**
 * Beta header that the API demands with bearer tokens; the official SDK adds it in the same way.
 */
const OAUTH_BETA = "oauth-2025-04-20";

/**
 * Returns the headers that authenticate a request, and the `anthropic-beta` that goes with them.
 */
export function credentialHeaders(credential: Credential): Record<string, string> {
  const { kind, value } = checkCredential(credential);
  if (kind === "api_key") return { "x-api-key": value, "anthropic-beta": BETA };
  return { "authorization": `Bearer ${value}`, "anthropic-beta": `${BETA},${OAUTH_BETA}` };
}
