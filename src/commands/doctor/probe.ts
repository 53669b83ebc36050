/**
 * One request to the API, and what it shows of the way there, the clock and the key.
 *
 * @module
 */

import type { FetchLike } from "../../api/types.ts";
import { BodyTooLargeError, readText } from "../../api/body.ts";
import { credentialHeaders } from "../../api/credentials.ts";
import { mediaType, responseError } from "../../api/error_response.ts";
import type { CredentialConfig } from "../../config/config.ts";
import type { Proxy } from "../../core/proxy.ts";
import { bindSignal, DeadlineError, raceSignal } from "../../core/abort.ts";
import {
  type ApiError,
  faultOf,
  networkProblem,
  type NetworkRoute,
  timeoutProblem,
} from "../../api/errors.ts";
import type { Clock } from "../../core/clock.ts";
import { createRedact } from "../../core/redact.ts";
import { type Finding, findings } from "./finding.ts";

/** The API that is probed, and the way to it. */
export interface ProbeOptions {
  readonly baseUrl: string;
  /** Absent when there is none: the way there can be looked at without. */
  readonly credential?: CredentialConfig;
  readonly fetch: FetchLike;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly userAgent: string;
  readonly proxy?: Proxy;
}

/** The result of a probe. */
export interface ProbeResult {
  readonly findings: readonly Finding[];
  /** True when the key was accepted, so that more can be asked. */
  readonly accepted: boolean;
}

/** How long the API may take, in milliseconds. */
export const TIMEOUT_MS = 10_000;
/** How far the clocks may be apart, in milliseconds; the API's says whole seconds. */
const MAX_SKEW_MS = 60_000;
/** Longest refusal that is read, in bytes. */
const MAX_ERROR_BYTES = 64 * 1024;

const network = findings("network");
const keyFindings = findings("key");
const clockFindings = findings("clock");

/** Where a credential came from. */
export function sourceOf({ kind, file }: CredentialConfig): string {
  if (file !== undefined) return "The key of --api-key-file";
  return kind === "api_key" ? "ANTHROPIC_API_KEY" : "ANTHROPIC_AUTH_TOKEN";
}

/** Lists one agent, once: a check is to show failures that a retry would hide. */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const { baseUrl, credential, clock, proxy } = options;
  const route: NetworkRoute = { origin: new URL(baseUrl).origin, proxy };
  const bound = bindSignal(clock, { signals: [options.signal], timeoutMs: TIMEOUT_MS });
  const startedAt = clock.now();
  try {
    const response = await raceSignal(
      options.fetch(requestFor(options, bound.signal)),
      bound.signal,
    );
    const ms = clock.now() - startedAt;
    const skew = clockFinding(response, clock.wallTime() - ms / 2);
    const text = await readText(response, { signal: bound.signal, maxBytes: MAX_ERROR_BYTES })
      .catch((error) => {
        // Of a refusal the status says enough; an answer that does not arrive whole is none.
        if (response.ok && !(error instanceof BodyTooLargeError)) throw error;
        return "";
      });
    const redact = createRedact(credential ? [credential.value] : []);
    const refusal = response.ok && mediaType(response.headers) === "application/json"
      ? undefined
      : responseError(response, text, {
        redact,
        nowMs: clock.wallTime(),
        request: { method: "GET", path: "/v1/agents", origin: route.origin },
      });
    const way = answerTrouble(response, refusal, route);
    if (way) return { findings: [way, ...skew], accepted: false };
    const speed = network.ok(`${route.origin} answers in ${Math.round(ms)} ms${via(proxy)}`);
    const key = credential && keyFinding(credential, refusal);
    return {
      findings: [speed, ...key ? [key] : [], ...skew],
      accepted: key?.status === "ok",
    };
  } catch (error) {
    options.signal.throwIfAborted();
    const { message, cure } = error instanceof DeadlineError
      ? timeoutProblem(route, TIMEOUT_MS)
      : networkProblem(error, route);
    return { findings: [network.fail(message, cure)], accepted: false };
  } finally {
    bound.dispose();
  }
}

function via(proxy: Proxy | undefined): string {
  return proxy ? `, through the proxy ${proxy.address} (${proxy.variable})` : "";
}

function requestFor(
  { baseUrl, credential, userAgent }: ProbeOptions,
  signal: AbortSignal,
): Request {
  const headers = {
    ...(credential && credentialHeaders(credential)),
    "anthropic-version": "2023-06-01",
    "user-agent": userAgent,
    "accept": "application/json",
  };
  return new Request(`${baseUrl}/v1/agents?limit=1`, { headers, signal, redirect: "manual" });
}

/** A response that is not the API's, or that says that the API itself has failed. */
function answerTrouble(
  { status, headers }: Response,
  refusal: ApiError | undefined,
  { origin, proxy }: NetworkRoute,
): Finding | undefined {
  if (!refusal) return undefined;
  if (status === 407) {
    const name = proxy ? `The proxy ${proxy.address}` : "A proxy";
    return network.fail(
      `${name} wants a user name and a password`,
      `set ${proxy?.variable ?? "HTTP_PROXY"}=http://<user>:<password>@<proxy>`,
    );
  }
  if (status >= 300 && status < 400) return network.fail(refusal.message);
  if (status < 300) {
    return network.fail(
      `What answers at ${origin} is not the API (status ${status}, ${
        mediaType(headers) || "no type"
      })`,
      "check --base-url, and whether this network wants a sign-in in a browser first",
    );
  }
  if (refusal.answeredBy === "other") {
    const { what, operator, caller } = faultOf(refusal);
    const cure = operator ?? (caller && caller.slice(0, 1).toLowerCase() + caller.slice(1));
    return network.fail(
      `${what.replace(/\.$/, "")} (${status}): ${refusal.message}`,
      cure?.replace(/\.$/, ""),
    );
  }
  if (refusal.isRateLimit) {
    return network.warn(`The API's rate limit is reached: ${refusal.message}`, tryAgain(refusal));
  }
  if (status >= 500) {
    return network.fail(
      `The API has trouble of its own (${status}): ${refusal.message}`,
      tryAgain(refusal),
    );
  }
  return undefined;
}

function tryAgain({ retryAfterMs = 60_000 }: ApiError): string {
  return `try again in ${Math.max(1, Math.ceil(retryAfterMs / 1_000))} s`;
}

function keyFinding(credential: CredentialConfig, refusal: ApiError | undefined): Finding {
  const source = sourceOf(credential);
  if (!refusal) return keyFindings.ok(`${source} is accepted`);
  const { status = 0, message } = refusal;
  if (status === 401) {
    const isToken = credential.kind === "api_key" && /^sk-ant-oat/.test(credential.value);
    return keyFindings.fail(
      `${source} is refused (401): ${message}`,
      isToken
        ? "that is no API key but a token: set it as ANTHROPIC_AUTH_TOKEN"
        : "make a key in the Claude Console, and set it anew; look for blanks and missing letters",
    );
  }
  return keyFindings.fail(
    `${source} may not list agents (${status}): ${message}`,
    faultOf(refusal).operator ?? "check --base-url, and that this program is up to date",
  );
}

function clockFinding({ headers }: Response, nowMs: number): Finding[] {
  const date = headers.get("date");
  const thereMs = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(thereMs)) return [clockFindings.skip("The API does not say what time it is")];
  const skewMs = nowMs - thereMs;
  if (Math.abs(skewMs) <= MAX_SKEW_MS) {
    return [clockFindings.ok("This machine's clock agrees with the API's")];
  }
  const words = `${inWords(Math.abs(skewMs))} ${skewMs > 0 ? "fast" : "slow"}`;
  return [clockFindings.warn(
    `This machine's clock is ${words}`,
    "set it, or let it follow a time server: certificates and tokens expire by it",
  )];
}

function inWords(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
