/**
 * Requests to an authorization server, and its metadata (RFC 8414, OpenID Connect Discovery).
 *
 * A request carries nothing of the API's: neither its key nor its headers. It has a bound of time and
 * of size, and follows no redirect, so that only addresses which the operator or the issuer named are
 * asked.
 *
 * @module
 */

import { BodyTooLargeError, discardBody, readText } from "../api/body.ts";
import type { FetchAddress, HttpClientOptions } from "../api/connections.ts";
import { networkError } from "../api/errors.ts";
import { type Fields, isFields, textOf } from "../api/read.ts";
import { bindSignal, DeadlineError, raceSignal } from "../core/abort.ts";
import { isLoopback } from "../core/addresses.ts";
import type { Clock } from "../core/clock.ts";
import { escapeUnseen, shorten } from "../core/text.ts";

/** The way to authorization servers. */
export interface IssuerNetwork {
  /** Sends a request, by a client of {@linkcode ISSUER_CLIENT}. */
  readonly fetch: FetchAddress;
  readonly clock: Clock;
}

/**
 * The HTTP client for authorization servers, which keeps no connection: one that died unnoticed would
 * cost the person who waits all the time that there is.
 */
export const ISSUER_CLIENT: HttpClientOptions = { maxIdle: 0, idleMs: 30_000 };

/** Longest time of one request, in milliseconds. */
export const ISSUER_TIMEOUT_MS = 5_000;

/** Bound of a response's size, in bytes. */
const MAX_BYTES = 512 * 1024;

/** An authorization server that could not be asked. The message is one for the operator. */
export class IssuerError extends Error {
  override name = "IssuerError";

  /** @param status status of the response; absent where none came */
  constructor(message: string, readonly status?: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** What a request has beside its address: absent for a GET. */
export interface IssuerForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
}

/**
 * Reads a JSON object by GET, or by POST of a form.
 *
 * @param signal ends the request
 * @throws {@linkcode IssuerError}; the signal's reason
 */
export async function askIssuer(
  url: string,
  { fetch, clock }: IssuerNetwork,
  signal: AbortSignal,
  post?: IssuerForm,
): Promise<Fields> {
  const bound = bindSignal(clock, { signals: [signal], timeoutMs: ISSUER_TIMEOUT_MS });
  let pending: Promise<Response> | undefined;
  try {
    bound.signal.throwIfAborted();
    pending = fetch(url, requestInit(bound.signal, post));
    const response = await raceSignal(pending, bound.signal);
    if (response.status !== 200) {
      discardBody(response);
      throw statusError(url, response);
    }
    return objectIn(await readText(response, { signal: bound.signal, maxBytes: MAX_BYTES }), url);
  } catch (error) {
    signal.throwIfAborted();
    pending?.then(discardBody, () => {/* this is the failure being handled */});
    if (error instanceof IssuerError) throw error;
    if (error instanceof DeadlineError) {
      throw new IssuerError(`${url} does not answer within ${ISSUER_TIMEOUT_MS / 1_000} s`);
    }
    if (error instanceof BodyTooLargeError) {
      throw new IssuerError(`${url} answers with more than ${MAX_BYTES / 1_024} KB`, 200);
    }
    const { message } = networkError(error, { origin: new URL(url).origin });
    throw new IssuerError(message, undefined, { cause: error });
  } finally {
    bound.dispose();
  }
}

function requestInit(signal: AbortSignal, post: IssuerForm | undefined): RequestInit {
  const headers = { accept: "application/json", "user-agent": "cma-mcp" };
  if (!post) return { method: "GET", headers, signal, redirect: "manual" };
  return {
    method: "POST",
    headers: {
      ...headers,
      "content-type": "application/x-www-form-urlencoded",
      ...post.headers,
    },
    // A blob has a length like a string, but the runtime cannot send it twice.
    body: new Blob([new URLSearchParams(post.form).toString()]),
    signal,
    redirect: "manual",
  };
}

function statusError(url: string, { status, headers }: Response): IssuerError {
  const location = headers.get("location");
  if (status < 300 || status >= 400 || location === null) {
    return new IssuerError(`${url} answers with status ${status}`, status);
  }
  return new IssuerError(`${url} redirects to ${shown(location)}, which is not followed`, status);
}

function objectIn(text: string, url: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (isFields(value)) return value;
  } catch {
    // The parser's own message quotes the text.
  }
  throw new IssuerError(`${url} does not answer with a JSON object`, 200);
}

/** The metadata of an authorization server. */
export interface IssuerMetadata {
  /** Where it was found. */
  readonly url: string;
  /** Address of its keys; absent where it names none. */
  readonly jwksUri?: string;
  readonly fields: Fields;
}

/** Returns the addresses of an issuer's metadata, in the order in which clients ask them. */
export function metadataAddresses(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const wellKnown = (name: string) => `/.well-known/${name}`;
  return [
    ...new Set([
      origin + wellKnown("oauth-authorization-server") + path,
      origin + wellKnown("openid-configuration") + path,
      origin + path + wellKnown("openid-configuration"),
    ]),
  ];
}

/**
 * Reads the metadata of an issuer: the first that names this very issuer.
 *
 * @throws {@linkcode IssuerError} of the address that came closest; the signal's reason
 */
export async function readIssuerMetadata(
  issuer: string,
  network: IssuerNetwork,
  signal: AbortSignal,
): Promise<IssuerMetadata> {
  let closest: IssuerError | undefined;
  for (const url of metadataAddresses(issuer)) {
    try {
      return metadataIn(await askIssuer(url, network, signal), url, issuer);
    } catch (error) {
      if (!(error instanceof IssuerError)) throw error;
      // The other addresses are on the same machine.
      if (error.status === undefined) throw error;
      if (!closest || nearness(error) > nearness(closest)) closest = error;
    }
  }
  throw closest ?? new IssuerError(`${issuer} has no metadata`);
}

/** A wrong document says more than a refusal, and that more than none. */
function nearness({ status }: IssuerError): number {
  return status === 200 ? 2 : status === 404 ? 0 : 1;
}

function metadataIn(fields: Fields, url: string, issuer: string): IssuerMetadata {
  const named = textOf(fields.issuer);
  if (named !== issuer) {
    const words = named === undefined ? "names no issuer" : `is of the issuer ${shown(named)}`;
    throw new IssuerError(`${url} ${words}, and not of ${issuer}`, 200);
  }
  const jwksUri = textOf(fields.jwks_uri);
  if (jwksUri !== undefined && !isSafeAddress(jwksUri, issuer)) {
    throw new IssuerError(`${url} names keys at ${shown(jwksUri)}, which is not https`, 200);
  }
  return { url, fields, ...(jwksUri !== undefined && { jwksUri }) };
}

/** Plain HTTP only on this machine, and only for an issuer that is there itself. */
function isSafeAddress(address: string, issuer: string): boolean {
  const url = URL.parse(address);
  if (!url || url.username || url.password) return false;
  if (url.protocol === "https:") return true;
  const isLocal = url.protocol === "http:" && isLoopback(url.hostname);
  return isLocal && new URL(issuer).protocol === "http:";
}

function shown(value: string): string {
  return `'${escapeUnseen(shorten(value, 200))}'`;
}
