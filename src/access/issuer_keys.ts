/**
 * The keys of an authorization server, by which the signatures of its JWTs are checked.
 *
 * They are read at once, every five minutes, and when a token names a key that is not known, so that
 * a new key counts soon and a removed one no longer than those five minutes. While the issuer cannot
 * be reached, known keys go on for a day: tokens live hours at most. Whatever is sent, an issuer is
 * asked once in 30 seconds, and once in five as long as none of its keys is known: nobody gets in
 * then, and a server may well start before its issuer.
 *
 * @module
 */

import { createLocalJWKSet, type JWK } from "jose";
import { type Fields, isFields, textOf } from "../api/read.ts";
import { bindSignal, raceSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import {
  askIssuer,
  ISSUER_TIMEOUT_MS,
  IssuerError,
  type IssuerNetwork,
  readIssuerMetadata,
} from "./issuer_requests.ts";

/** Algorithms of signatures that count: none of them works with a shared secret. */
export const ALGORITHMS: readonly string[] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/** Milliseconds between two readings of the keys. */
export const RENEW_MS = 5 * 60_000;

/** Least time between two readings, whatever asks for them or fails, in milliseconds. */
export const COOL_DOWN_MS = 30_000;

/** The same as long as no key is known: what refused callers are told to wait for. */
export const FIRST_COOL_DOWN_MS = 5_000;

/** Time for which keys count that cannot be read again, in milliseconds. */
export const KEEP_MS = 24 * 60 * 60_000;

/** The keys of an issuer as they were read: the same object until they change. */
export interface KeySet {
  /** Finds the key for a token's header. */
  readonly find: ReturnType<typeof createLocalJWKSet>;
  /** How many keys can be used. */
  readonly size: number;
  /** Why other keys for signatures cannot be used; by their `kid`, or their place in the list. */
  readonly unusable: ReadonlyMap<string, string>;
  /** All that was read of them, to tell whether they have changed. */
  readonly text: string;
}

/** The keys of an issuer, which are renewed until they are closed. */
export interface IssuerKeys {
  /** Returns the keys that count; undefined while none are known. */
  current(): KeySet | undefined;
  /**
   * Reads the keys again, unless that was just done: then it tells how that ended. Callers at the
   * same time share a reading.
   *
   * @returns true when the issuer has answered; false when it could not be asked, or not in time
   */
  renew(): Promise<boolean>;
  /** Says what the last reading failed of; undefined if it did not. */
  failure(): string | undefined;
  close(): void;
}

/** Opens the keys of an issuer, and begins to read them. */
export function openIssuerKeys(
  issuer: string,
  network: IssuerNetwork & { readonly log: Logger },
): IssuerKeys {
  const { clock, log } = network;
  const closing = new AbortController();
  let known: { readonly keys: KeySet; readonly at: Moment } | undefined;
  let restsSince = -Infinity;
  let failure: string | undefined;
  let reading: Promise<boolean> | undefined;
  let cancelTimer = () => {};

  const current = () => known && ageMs(known.at, clock) <= KEEP_MS ? known.keys : undefined;
  const coolDownMs = () => current() ? COOL_DOWN_MS : FIRST_COOL_DOWN_MS;
  const accept = (read: KeySet) => {
    const before = known?.keys;
    const keys = before?.text === read.text ? before : read;
    known = { keys, at: momentOf(clock) };
    if (keys === before && failure === undefined) return;
    const fields = {
      issuer,
      keys: keys.size,
      ...(keys.unusable.size > 0 && { unusable: [...keys.unusable.values()].slice(0, 5) }),
    };
    if (keys.size === 0) log.warn("An authorization server has no key that can be used", fields);
    else log.info("The keys of an authorization server were read", fields);
  };
  const read = async () => {
    restsSince = clock.now();
    try {
      accept(await readIssuerKeys(issuer, network, closing.signal));
      failure = undefined;
    } catch (error) {
      if (closing.signal.aborted) return false;
      const isNew = failure === undefined;
      failure = messageOf(error);
      const fields = { issuer, error: failure, known_keys: current()?.size ?? 0 };
      if (isNew) log.warn("The keys of an authorization server cannot be read", fields);
      else log.debug("The keys of an authorization server still cannot be read", fields);
    }
    // From the end, or a silent issuer would hold up whoever comes.
    if (!current()) restsSince = clock.now();
    cancelTimer();
    cancelTimer = clock.after(failure === undefined ? RENEW_MS : coolDownMs(), begin);
    return failure === undefined;
  };
  const begin = () => {
    if (closing.signal.aborted || reading) return;
    reading = read().finally(() => reading = undefined);
  };
  begin();
  return {
    current,
    failure: () => failure,
    async renew() {
      if (!reading && clock.now() - restsSince >= coolDownMs()) begin();
      if (!reading) return failure === undefined && !closing.signal.aborted;
      const bound = bindSignal(clock, { timeoutMs: ISSUER_TIMEOUT_MS, signals: [closing.signal] });
      try {
        return await raceSignal(reading, bound.signal);
      } catch {
        // The reading goes on, for those who come later.
        return false;
      } finally {
        bound.dispose();
      }
    },
    close() {
      cancelTimer();
      closing.abort();
    },
  };
}

/** A moment by both clocks: the one stands still while the machine sleeps, the other may jump. */
interface Moment {
  readonly now: number;
  readonly wallTime: number;
}

function momentOf(clock: Clock): Moment {
  return { now: clock.now(), wallTime: clock.wallTime() };
}

function ageMs(at: Moment, clock: Clock): number {
  return Math.max(clock.now() - at.now, clock.wallTime() - at.wallTime);
}

/**
 * Reads the keys of an issuer, from where its metadata says.
 *
 * @throws {@linkcode IssuerError}; the signal's reason
 */
export async function readIssuerKeys(
  issuer: string,
  network: IssuerNetwork,
  signal: AbortSignal,
): Promise<KeySet> {
  const { jwksUri, url } = await readIssuerMetadata(issuer, network, signal);
  if (jwksUri === undefined) throw new IssuerError(`${url} names no keys (jwks_uri)`);
  return keySetIn(await askIssuer(jwksUri, network, signal), jwksUri);
}

/** Most keys of an issuer that are looked at; it has a handful. */
const MAX_KEYS = 100;

/**
 * Reads a set of keys (RFC 7517).
 *
 * @throws {@linkcode IssuerError} for an object that is none
 */
export function keySetIn({ keys: entries }: Fields, url: string): KeySet {
  if (!Array.isArray(entries)) throw new IssuerError(`${url} has no list of keys`, 200);
  const usable: JWK[] = [];
  const unusable = new Map<string, string>();
  for (const [index, entry] of entries.slice(0, MAX_KEYS).entries()) {
    const jwk = isFields(entry) ? entry : {};
    // Keys for encryption are none of ours.
    if (jwk.use !== undefined && jwk.use !== "sig") continue;
    const problem = problemOf(jwk);
    if (problem === undefined) usable.push(jwk);
    else unusable.set(textOf(jwk.kid) ?? `keys[${index}]`, problem);
  }
  return {
    find: createLocalJWKSet({ keys: usable }),
    size: usable.length,
    unusable,
    text: JSON.stringify(usable),
  };
}

/** Least bits of an RSA key (RFC 7518, section 3.3). */
const MIN_RSA_BITS = 2_048;

/** Says why a key cannot be used; undefined for one that can. */
function problemOf(jwk: Fields): string | undefined {
  const { kty, crv, alg } = jwk;
  // Whoever reads the set could sign with these.
  if (kty === "oct") return "it is a shared secret";
  if (jwk.d !== undefined) return "its private part is published";
  if (alg !== undefined && !ALGORITHMS.includes(String(alg))) return "it is for another algorithm";
  if (kty === "RSA") {
    const bits = bitsOf(jwk.n);
    return bits < MIN_RSA_BITS ? `it is an RSA key of fewer than ${MIN_RSA_BITS} bits` : undefined;
  }
  const isKnown = kty === "EC" && crv === "P-256" || kty === "OKP" && crv === "Ed25519";
  return isKnown ? undefined : "it is for another algorithm";
}

/** Returns the bits of a number in base64url, leading zeros left out. */
function bitsOf(number: unknown): number {
  const digits = textOf(number)?.replace(/^A+/, "") ?? "";
  return digits.length * 6;
}
