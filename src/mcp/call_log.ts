/**
 * What the operator's log says of a call.
 *
 * One line per call at level info; one more for a call that changes something, marked `audit`; one
 * more with the details of a failure. None of them repeats what a caller or an agent wrote.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import type { LogFields, Logger } from "../core/logger.ts";
import type { Redact } from "../core/redact.ts";
import type { CallReport } from "./call_report.ts";

/** Stands for the caller where there is only one: whoever started the program. */
const LOCAL = "local";

/** A failure in detail, and the arguments, so that their words can be kept out. */
export interface Failure {
  readonly error: unknown;
  readonly args: unknown;
}

/** The log, and what keeps secrets out of it: an argument that is taken out may split one. */
export interface LogTools {
  readonly log: Logger;
  readonly redact: Redact;
}

/** Writes the lines of a call that is over. */
export function logCall(
  { log, redact }: LogTools,
  report: CallReport,
  failure: Failure | undefined,
): void {
  const { tool, outcome, token = LOCAL, requestId: request_id, apiRequestIds, ids } = report;
  const api_request_ids = apiRequestIds.length > 0 ? apiRequestIds : undefined;
  log.info("Tool call", {
    token,
    tool,
    ...ids,
    outcome,
    duration_ms: Math.round(report.durationMs),
    upstream_requests: report.upstreamRequests,
    bytes: report.bytes,
    request_id,
    api_request_ids,
  });
  if (report.changes) {
    log.info("Audit", { audit: true, token, tool, ...ids, outcome, request_id, api_request_ids });
  }
  if (failure && report.verdict === "failed") {
    logFailure({ log, redact }, { token, tool, outcome, request_id }, failure);
  }
}

/** Writes the details of a failure, without the words of its arguments. */
export function logFailure(
  { log, redact }: LogTools,
  fields: LogFields,
  { error, args }: Failure,
): void {
  const cause = error instanceof ToolError ? error.cause : error;
  if (!(cause instanceof ApiError)) {
    const shown = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
    return log.error("Tool call failed", {
      ...fields,
      error: withoutArguments(redact.loose(shown), args),
    });
  }
  log.warn("Tool call failed at the API", {
    ...fields,
    kind: cause.kind,
    status: cause.status,
    type: cause.type,
    error_code: cause.errorCode,
    api_request_id: cause.requestId,
    retry_after_ms: cause.retryAfterMs,
    api_message: mayQuote(cause) ? undefined : withoutArguments(redact.loose(cause.message), args),
    cause: cause.cause instanceof Error ? cause.cause.message : undefined,
  });
}

/** Refusals that are about the account or the pace, not about what was asked. */
const ABOUT_ACCOUNT: readonly number[] = [401, 402, 408, 429];

/** Whether the API's words are about what it was sent, and so may repeat it or name a session. */
function mayQuote({ status = 0 }: ApiError): boolean {
  return status >= 400 && status < 500 && !ABOUT_ACCOUNT.includes(status);
}

/** Shorter arguments say nothing, and would blank ordinary words. */
const MIN_QUOTED = 4;

function withoutArguments(text: string, args: unknown): string {
  return textsIn(args).filter((value) => value.length >= MIN_QUOTED)
    .sort((a, b) => b.length - a.length)
    .reduce((clean, value) => clean.replaceAll(value, "[argument]"), text);
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value, JSON.stringify(value).slice(1, -1)];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
