/**
 * Asks an authorization server about access tokens that are no JWT (RFC 7662).
 *
 * An answer holds for half a minute, so that a token which is revoked there ends here soon. Whatever
 * is sent to this server, the issuer is asked about a few tokens at once; those that have counted
 * before neither wait behind others nor suffer from what the issuer answers about them.
 *
 * @module
 */

import type { Fields } from "../api/read.ts";
import { bindSignal, DeadlineError, raceSignal, waitInTurn } from "../core/abort.ts";
import { fileError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { LruMap } from "../core/lru.ts";
import { sha256 } from "../core/sha256.ts";
import { toBase64 } from "../core/text.ts";
import type { AcceptedToken, RejectedToken, TokenCheck, TrustedIssuer } from "./access_tokens.ts";
import {
  askIssuer,
  ISSUER_TIMEOUT_MS,
  IssuerError,
  type IssuerNetwork,
} from "./issuer_requests.ts";
import { checkClaims, otherUse, rejected } from "./token_claims.ts";

/** How an issuer is asked. */
export type IntrospectionSettings = NonNullable<TrustedIssuer["introspection"]>;

/** Options of {@linkcode openIntrospection}. */
export interface IntrospectionOptions extends IssuerNetwork {
  readonly log: Logger;
  /** Reads the file of the client's secret. */
  readonly readFile: (path: string) => Promise<string>;
  /** Called with the client's secret, for it to be hidden in logs. */
  readonly onSecret?: (secret: string) => void;
}

/** Asks one issuer about tokens until it is closed. */
export interface Introspection {
  /** Checks a token; never rejects. */
  check(token: string): Promise<TokenCheck>;
  close(): void;
}

/** Longest time for which an answer holds, in milliseconds: of a token that counts, and of another. */
export const ACCEPTED_MS = 30_000;
export const REFUSED_MS = 10_000;

/** Time in which an issuer that could not be asked is not asked again, in milliseconds. */
export const REST_MS = 5_000;

/** Least time between two lines of the log that say that it tells nothing, in milliseconds. */
const NEWS_MS = 60_000;

/** Most tokens that the issuer is asked about at once, and most that wait for that. */
export const MAX_ASKED = 8;
export const MAX_WAITING = 100;

/** Most answers that are kept, of each kind. */
const MAX_KEPT = 2_000;

/** An answer, and the end of the time for which it holds, by the clock's `now()`. */
interface Kept<T> {
  readonly check: T;
  readonly until: number;
}

/** Opens the introspection of an issuer, which is asked when there is a token. */
export function openIntrospection(
  trusted: TrustedIssuer,
  settings: IntrospectionSettings,
  options: IntrospectionOptions,
): Introspection {
  const { issuer } = trusted;
  const { clock, log } = options;
  const closing = new AbortController();
  const client = createClient(settings, options);
  /** Answers stay when they hold no longer: their tokens have counted before. */
  const accepted = new LruMap<string, Kept<AcceptedToken>>(MAX_KEPT);
  const refused = new LruMap<string, Kept<RejectedToken>>(MAX_KEPT);
  const running = new Map<string, Promise<TokenCheck>>();
  const lanes = { known: createLane(), unknown: createLane() };
  let failure: string | undefined;
  let toldAt = -Infinity;
  let isTold = false;

  const unavailable = (message: string): TokenCheck => ({ kind: "unavailable", issuer, message });
  const keep = (digest: string, check: AcceptedToken | RejectedToken) => {
    const now = clock.now();
    if (check.kind === "accepted") accepted.set(digest, { check, until: now + ACCEPTED_MS });
    else refused.set(digest, { check, until: now + REFUSED_MS });
    return check;
  };
  const hasAnswered = () => {
    failure = undefined;
    if (isTold) log.info("An authorization server tells about tokens", { issuer });
    isTold = false;
  };
  const hasFailed = (message: string, resting: readonly Lane[]) => {
    const now = clock.now();
    for (const lane of resting) lane.restsUntil = now + REST_MS;
    failure = message;
    // Whoever sends odd tokens among others would fill the log.
    if (!isTold && now - toldAt >= NEWS_MS) {
      log.warn("An authorization server tells nothing about tokens", { issuer, error: message });
      toldAt = now;
      isTold = true;
    }
    return unavailable(message);
  };
  const ask = async (token: string, digest: string): Promise<TokenCheck> => {
    const lane = accepted.get(digest) ? lanes.known : lanes.unknown;
    // A failure with a token that has counted is none of the token's making.
    const resting = lane === lanes.known ? Object.values(lanes) : [lane];
    const rests = () => clock.now() < lane.restsUntil;
    if (rests()) return unavailable(failure ?? "it could not be asked");
    const bound = bindSignal(clock, {
      signals: [closing.signal],
      timeoutMs: ISSUER_TIMEOUT_MS,
    });
    let leave: (() => void) | undefined;
    try {
      leave = await lane.enter(bound.signal);
      if (!leave) return unavailable("it is being asked about too many tokens at once");
      // It may have failed while this token waited.
      if (rests()) return unavailable(failure ?? "it could not be asked");
      const claims = await client.ask(token, bound.signal);
      hasAnswered();
      return keep(digest, judge(claims, trusted, clock.wallTime()));
    } catch (error) {
      if (closing.signal.aborted) return unavailable("this server ends");
      if (isOfToken(error)) return hasFailed(messageOf(error), []);
      if (!(error instanceof DeadlineError)) return hasFailed(messageOf(error), resting);
      if (!leave) return unavailable("it is being asked about too many tokens at once");
      const message = `${settings.url} does not answer within ${ISSUER_TIMEOUT_MS / 1_000} s`;
      return hasFailed(message, resting);
    } finally {
      leave?.();
      bound.dispose();
    }
  };
  return {
    check(token) {
      const digest = sha256(token);
      const past = accepted.get(digest);
      if (past && clock.now() < past.until && clock.wallTime() < past.check.expiresAtMs) {
        return Promise.resolve(past.check);
      }
      const no = refused.get(digest);
      if (no && clock.now() < no.until) return Promise.resolve(no.check);
      const asked = running.get(digest) ??
        ask(token, digest).finally(() => running.delete(digest));
      running.set(digest, asked);
      return asked;
    },
    close: () => closing.abort(),
  };
}

/** Judges what an issuer tells of a token. */
function judge(
  claims: Fields,
  trusted: TrustedIssuer,
  nowMs: number,
): AcceptedToken | RejectedToken {
  if (claims.active !== true) {
    return rejected(
      "inactive",
      "The authorization server says that the access token does not count: it has expired, was " +
        "revoked, or is none.",
      "active",
    );
  }
  return otherUse(claims, ["token_type", "token_use", "typ"]) ??
    checkClaims(claims, trusted, "introspection", nowMs);
}

/** Asks as the operator's client, whose secret it reads again when that is refused. */
function createClient(
  { url, clientId, clientSecret, secretFile }: IntrospectionSettings,
  { readFile, onSecret, ...network }: IntrospectionOptions,
) {
  let secret = clientSecret;
  onSecret?.(secret);
  const readSecret = async (signal: AbortSignal) => {
    const reading = readFile(secretFile).catch((error) => {
      throw fileError(error, secretFile, "--oauth-client-secret-file");
    });
    const read = (await raceSignal(reading, signal)).trim();
    onSecret?.(read);
    return read;
  };
  const send = (token: string, signal: AbortSignal, password: string) => {
    const pair = `${formEncoded(clientId)}:${formEncoded(password)}`;
    return askIssuer(url, network, signal, {
      headers: { authorization: `Basic ${toBase64(new TextEncoder().encode(pair))}` },
      form: { token, token_type_hint: "access_token" },
    });
  };
  return {
    /**
     * @throws {@linkcode IssuerError}, also where the client is refused; `UsageError` where its
     *   secret cannot be read; the signal's reason
     */
    async ask(token: string, signal: AbortSignal): Promise<Fields> {
      const used = secret;
      try {
        return await send(token, signal, used);
      } catch (error) {
        if (!(error instanceof IssuerError) || !isRefusal(error)) throw error;
        // The secret may have been replaced.
        const fresh = await readSecret(signal);
        if (fresh === used || fresh === "") throw refusal(error);
        secret = fresh;
        return await send(token, signal, fresh).catch((again) => {
          throw again instanceof IssuerError && isRefusal(again) ? refusal(again) : again;
        });
      }
    },
  };

  function refusal({ status }: IssuerError): IssuerError {
    return new IssuerError(
      `${url} refuses this server's client (${status}): check --oauth-client-id and the secret in ` +
        "--oauth-client-secret-file",
      status,
    );
  }
}

/** Returns true for an answer that one odd token may get, and others not. */
function isOfToken(error: unknown): boolean {
  const status = error instanceof IssuerError ? error.status : undefined;
  return status !== undefined && [400, 413, 414, 422, 431].includes(status);
}

/** Servers say 401 (RFC 7662), and some 400 `invalid_client` or 403. */
function isRefusal({ status }: IssuerError): boolean {
  return status === 400 || status === 401 || status === 403;
}

/** Encodes a name or password as RFC 6749, section 2.3.1, wants it before Base64. */
function formEncoded(text: string): string {
  return new URLSearchParams({ _: text }).toString().slice("_=".length);
}

/** Lets a few in at once; others wait in turn. */
interface Lane {
  /** End of the time in which the issuer is not asked, by the clock's `now()`. */
  restsUntil: number;
  /**
   * @returns the function that frees the place; undefined where too many wait already
   * @throws the signal's reason when it aborts first
   */
  enter(signal: AbortSignal): Promise<(() => void) | undefined>;
}

function createLane(): Lane {
  let inside = 0;
  const waiting = new Set<() => void>();
  const leave = () => {
    const [next] = waiting;
    if (next) next();
    else inside--;
  };
  return {
    restsUntil: -Infinity,
    async enter(signal) {
      if (inside < MAX_ASKED) {
        inside++;
        return leave;
      }
      if (waiting.size >= MAX_WAITING) return undefined;
      await waitInTurn(waiting, signal);
      return leave;
    },
  };
}
