/**
 * What the caller of a tool learns of a failure: one sentence that says what to do, and what the
 * API said. Never a stack, a path or a secret.
 *
 * @module
 */

import { ApiError, ToolError } from "../core/errors.ts";

/** Longest message of the API that is passed on, in characters. */
const MAX_API_MESSAGE_CHARS = 500;

/**
 * The text of a failed call.
 *
 * @param hint what may be wrong with the arguments, put before the API's own words
 */
export function failureText(error: unknown, hint?: string): string {
  if (error instanceof ToolError) {
    const cause = error.cause instanceof ApiError ? apiFacts(error.cause) : "";
    return joined([error.message, hint, cause]);
  }
  if (error instanceof ApiError) return joined([advice(error), hint, apiFacts(error)]);
  return "The call failed inside this server; its operator's log says why. Try again, and if it " +
    "fails again tell the operator.";
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(" ");
}

function advice(error: ApiError): string {
  switch (error.kind) {
    case "connect":
      return "The API could not be reached, so nothing was done. Try again later.";
    case "connection":
      return "The connection to the API broke. Try again.";
    case "timeout":
      return "The API did not answer in time. Try again.";
    case "decode":
      return "The API's answer could not be read. Tell the operator of this server.";
    default:
      return adviceForStatus(error);
  }
}

function adviceForStatus({ status = 0, errorCode, retryAfterMs }: ApiError): string {
  if (errorCode === "workflow_run_open") {
    return "A workflow run of the session is still open. Wait for it to end, then try again.";
  }
  if (errorCode?.startsWith("environment_")) {
    return "The environment cannot be used. Pass another environment_id, or tell the operator, who " +
      "sets the default with CLAUDE_ENVIRONMENT_ID.";
  }
  switch (status) {
    case 400:
      return "The API refused the request. Change what it objects to and try again.";
    case 401:
      return "The API does not accept this server's key. Tell the operator of this server.";
    case 402:
      return "The API refused for billing reasons. Tell the operator of this server.";
    case 403:
      return "This server's key may not do that. Tell the operator of this server.";
    case 404:
      return "No such thing: check the id, which list_agents and create_session give.";
    case 409:
      return "The request conflicts with the present state: get_session shows it.";
    case 413:
      return "The request is too large for the API. Send less.";
    case 429:
      return retryAfterMs === undefined
        ? "The API's rate limit is reached. Try again in a minute."
        : `The API's rate limit is reached. Try again in ${seconds(retryAfterMs)} s.`;
    default:
      return status >= 500
        ? "The API failed. Try again later."
        : "The API refused the request. Tell the operator of this server.";
  }
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function apiFacts(error: ApiError): string {
  const facts = [
    error.status === undefined ? undefined : String(error.status),
    error.type,
    error.errorCode,
    error.message === "" ? undefined : JSON.stringify(clip(error.message)),
    error.requestId && `request id ${error.requestId}`,
    error.retryAfterMs === undefined ? undefined : `retry after ${seconds(error.retryAfterMs)} s`,
  ];
  const known = facts.filter(Boolean);
  return known.length > 0 ? `(API: ${known.join(", ")})` : "";
}

function clip(text: string): string {
  return text.length <= MAX_API_MESSAGE_CHARS ? text : `${text.slice(0, MAX_API_MESSAGE_CHARS)}…`;
}
