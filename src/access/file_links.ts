/**
 * Links to files that expire: a person opens them in a browser, without a token. The sealed end of a
 * link names the file and the caller for whom it was made, so that every replica with the same
 * sealing key opens it, and none keeps anything.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { personId, type SignedIn } from "./principal.ts";
import type { Sealer } from "./sealing.ts";

/** What a link opens, and for whom it was made. */
export interface LinkedFile {
  readonly fileId: string;
  readonly sessionId: string;
  /**
   * Id of the principal for whom it was made: it must still exist, and may still reach the file. A
   * new secret for the same name changes nothing, as with the sessions of that name.
   */
  readonly principalId: string;
  /** Who had signed in, with the rule that fitted; absent for the holder of a token. */
  readonly person?: SignedIn;
}

/** A link, and its end. */
export interface FileLink {
  readonly url: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** Makes links; only a server has it that knows its own address from `--public-url`. */
export interface FileLinks {
  make(file: LinkedFile): Promise<FileLink>;
}

/** Path of links below the server's public address. */
export const FILES_PATH = "/files/";

/** Time after which a link has ended, in milliseconds. */
export const LINK_MS = 600_000;

/**
 * Longest sealed text that is opened, in characters: with the longest ids it has about 700, and up to
 * 2,700 for a person whose subject is of letters outside of ASCII.
 */
const MAX_SEALED_CHARS = 3_072;

/**
 * Makes links.
 *
 * @param publicUrl address that clients call, without a slash at its end
 */
export function createFileLinks({ sealer, publicUrl, clock }: {
  readonly sealer: Sealer;
  readonly publicUrl: string;
  readonly clock: Pick<Clock, "wallTime">;
}): FileLinks {
  return {
    async make({ principalId, person, sessionId, fileId }) {
      const endsAt = clock.wallTime() + LINK_MS;
      const whose = person ? [person.issuer, person.subject, person.rule ?? null] : principalId;
      const sealed = await sealer.seal("file link", [whose, sessionId, fileId, endsAt]);
      const expires_at = new Date(endsAt).toISOString();
      return { url: publicUrl + FILES_PATH + sealed, expires_at };
    },
  };
}

/**
 * Opens the sealed end of a link.
 *
 * @param sealed any text that a client sent
 * @param nowMs milliseconds since the epoch
 * @returns undefined for a text that is no link, or one that has ended
 */
export async function openFileLink(
  sealer: Sealer,
  sealed: string,
  nowMs: number,
): Promise<LinkedFile | undefined> {
  if (sealed.length > MAX_SEALED_CHARS) return undefined;
  const value = await sealer.open("file link", sealed);
  if (!Array.isArray(value)) return undefined;
  const [whose, sessionId, fileId, endsAt]: readonly unknown[] = value;
  if (typeof endsAt !== "number" || nowMs >= endsAt) return undefined;
  if (!isId(sessionId) || !isId(fileId)) return undefined;
  if (isId(whose)) return { principalId: whose, sessionId, fileId };
  const person = personIn(whose);
  return person && { principalId: personId(person), person, sessionId, fileId };
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function personIn(value: unknown): SignedIn | undefined {
  if (!Array.isArray(value)) return undefined;
  const [issuer, subject, rule]: readonly unknown[] = value;
  if (!isId(issuer) || !isId(subject)) return undefined;
  return { issuer, subject, ...(isId(rule) && { rule }) };
}
