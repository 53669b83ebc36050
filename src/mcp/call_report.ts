/**
 * Reports a tool call that has ended; the log, metrics and traces are made from the report. It
 * holds ids, counts and durations; never texts of callers or agents.
 *
 * The operator's log has one line per call at level info; one more for a call that changes
 * something, marked `audit`; one more with the details of a failure.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { CallKind } from "../access/limits.ts";
import { type CallerFields, callerFields } from "../access/principal.ts";
import type { LogFields, Logger } from "../core/logger.ts";
import type { Redact } from "../core/redact.ts";
import { ApiError } from "../api/errors.ts";
import { isFields } from "../api/read.ts";
import { ToolError } from "../core/errors.ts";
import { ID } from "../core/ids.ts";
import type { UpstreamUse } from "../core/upstream_requests.ts";
import { label } from "../core/text.ts";
import { LOCAL_CALLER } from "../session/answer_sender.ts";
import { requestIdOf, type ToolCall, type ToolDefinition } from "../tools/define.ts";

/** How a call ended; a `refused` one was stopped before it did anything. */
export type CallVerdict = "ok" | "refused" | "failed" | "cancelled";

/** Facts about a call that has ended. */
export interface CallReport {
  readonly tool: string;
  readonly kind: CallKind;
  /** True for a tool that changes something. */
  readonly changes: boolean;
  /** True for the call of a page that looks again and again. */
  readonly isLook?: true;
  readonly verdict: CallVerdict;
  /**
   * `ok`; for waits their status; `input_required` for a call that the client makes again with a
   * person's answer; for failures the tool error's code, else the API's error type,
   * else the stage at which the request failed; `cancelled`; `internal_error`.
   */
  readonly outcome: string;
  readonly durationMs: number;
  /** Milliseconds of the duration in which the API was at work. */
  readonly upstreamMs: number;
  /** Requests to the API, retries included. */
  readonly upstreamRequests: number;
  /** Size of the result's text, in UTF-8 bytes. */
  readonly bytes: number;
  /**
   * What names the caller in logs and traces: its token, or who has signed in; absent where the
   * transport does not identify callers.
   */
  readonly caller?: CallerFields;
  /** Ids from the call's arguments and its result, by their names in the log. */
  readonly ids: Readonly<Record<string, string>>;
  /** Id of the HTTP request, or on stdio of the MCP request. */
  readonly requestId?: string;
  /** The API's ids of the requests that failed. */
  readonly apiRequestIds: readonly string[];
}

/** Observes calls: metrics, traces, the count of running calls. */
export interface CallWatch {
  /**
   * Runs a call; resolves with its report, which never rejects.
   *
   * @param call with the method and the `_meta` of the MCP request
   */
  readonly around?: <T extends { readonly report: CallReport }>(
    call: {
      readonly tool: string;
      readonly method: string;
      readonly meta: Readonly<Record<string, unknown>>;
    },
    run: () => Promise<T>,
  ) => Promise<T>;
  /** Called with the report of every call that has ended. */
  readonly ended?: (report: CallReport) => void;
}

/** The parts that a report is made from. */
export interface ReportParts {
  readonly tool: ToolDefinition;
  readonly args: unknown;
  readonly call: ToolCall;
  /** Text of the result. */
  readonly text: string;
  /** The result itself; absent when the call failed. */
  readonly structured?: Readonly<Record<string, unknown>>;
  /** The question that ended the call; absent where none did. */
  readonly question?: Readonly<Record<string, unknown>>;
  /** Session that neither arguments nor result name; absent where there is none. */
  readonly sessionId?: string | undefined;
  /** The error; absent when the call succeeded. */
  readonly failure?: { readonly error: unknown };
  readonly durationMs: number;
  readonly upstream: UpstreamUse;
}

/** Makes the report of a call. */
export function reportOf(parts: ReportParts): CallReport {
  const { tool, call, text, durationMs, upstream } = parts;
  const requestId = requestIdOf(call);
  const { verdict, outcome } = callVerdictOf(parts);
  return {
    tool: tool.name,
    kind: tool.kind,
    changes: !tool.annotations.readOnlyHint,
    ...(tool.view === "app_only" && tool.annotations.readOnlyHint && { isLook: true as const }),
    verdict,
    // The outcome may be the API's word, and becomes a label of metrics and traces.
    outcome: call.services.redact.loose(label(outcome)),
    durationMs,
    upstreamMs: upstream.ms,
    upstreamRequests: upstream.requests,
    bytes: Buffer.byteLength(text),
    ...(call.principal && { caller: callerFields(call.principal) }),
    ids: idsOf({ agent_id: tool.binding?.agentId }, parts.args, parts.structured, {
      session_id: parts.sessionId,
    }),
    ...(requestId !== undefined && { requestId }),
    apiRequestIds: upstream.failedRequestIds,
  };
}

function callVerdictOf(
  { call, failure, tool, structured, question }: ReportParts,
): { verdict: CallVerdict; outcome: string } {
  if (question) return { verdict: "ok", outcome: "input_required" };
  if (!failure) {
    const status = tool.kind === "wait" ? structured?.status : undefined;
    return { verdict: "ok", outcome: typeof status === "string" ? status : "ok" };
  }
  if (call.signal.aborted) return { verdict: "cancelled", outcome: "cancelled" };
  const { error } = failure;
  if (error instanceof ToolError) {
    const refused = !(error.cause instanceof Error);
    return { verdict: refused ? "refused" : "failed", outcome: error.code };
  }
  const outcome = error instanceof ApiError ? error.type ?? error.kind : "internal_error";
  return { verdict: "failed", outcome };
}

/** Fields of arguments and results that hold ids, and their names in a log line. */
const ID_FIELDS: readonly { readonly field: string; readonly name: string }[] = [
  { field: "session_id", name: "session" },
  { field: "agent_id", name: "agent" },
  { field: "environment_id", name: "environment" },
  { field: "event_id", name: "event" },
  { field: "file_id", name: "file" },
];

/** Collects the ids. A value that tools do not accept as an id may be any text, and is left out. */
function idsOf(...sources: readonly unknown[]): Record<string, string> {
  const ids: Record<string, string> = {};
  for (const source of sources) {
    if (!isFields(source)) continue;
    for (const { field, name } of ID_FIELDS) {
      const id = source[field];
      if (typeof id === "string" && ID.test(id)) ids[name] = id;
    }
  }
  return ids;
}

/** An error, and the arguments whose texts its message must not repeat. */
export interface Failure {
  readonly error: unknown;
  readonly args: unknown;
}

/** The log, and the functions that hide secrets: removing an argument's text may split a secret. */
export interface LogTools {
  readonly log: Logger;
  readonly redact: Redact;
}

/** Writes the log lines of a call that has ended. */
export function logCall(
  { log, redact }: LogTools,
  report: CallReport,
  failure: Failure | undefined,
): void {
  const { tool, outcome, requestId: request_id, apiRequestIds, ids } = report;
  const caller = report.caller ?? { token: LOCAL_CALLER };
  const api_request_ids = apiRequestIds.length > 0 ? apiRequestIds : undefined;
  // Pages look once a second: a line for each would hide the others.
  const level = report.isLook && report.verdict === "ok" ? "debug" : "info";
  log[level]("Tool call", {
    ...caller,
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
    log.info("Audit", {
      audit: true,
      ...caller,
      tool,
      ...ids,
      outcome,
      request_id,
      api_request_ids,
    });
  }
  if (failure && report.verdict === "failed") {
    logFailure({ log, redact }, { ...caller, tool, outcome, request_id }, failure);
  }
}

/** Writes the details of a failure, without the texts of its arguments. */
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

/** Statuses of errors about the account or the rate, not about the request. */
const ABOUT_ACCOUNT: readonly number[] = [401, 402, 408, 429];

/** Returns true if the API's message is about the request: it may quote it or name a session. */
function mayQuote({ status = 0 }: ApiError): boolean {
  return status >= 400 && status < 500 && !ABOUT_ACCOUNT.includes(status);
}

/** Shortest argument that is removed, in characters: shorter ones would blank ordinary words. */
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
