/**
 * Texts of failures: one sentence that says what to do, and the API's message. Never a stack, a path
 * or a secret.
 *
 * @module
 */

import { retrySeconds } from "../core/backoff.ts";
import { ApiError, type ApiFault, faultOf } from "../api/errors.ts";
import { PartlyDoneError, type TextForTools, ToolError, UsageError } from "../core/errors.ts";
import { shorten } from "../core/text.ts";
import { isDefaultTool } from "../session/pending_actions.ts";

/** Longest message of the API that is passed on, in characters. */
const MAX_API_MESSAGE_CHARS = 500;

/** Options of {@linkcode failureText}. */
export interface FailureTextOptions {
  /** Hint about the arguments, put before the API's message. */
  readonly hint?: string;
  /** True if the caller runs this server, as on stdio, so that the text says what to change. */
  readonly callerIsOperator?: boolean;
  /** Returns true for a tool that the caller has; no text names another. Absent: default ones. */
  readonly has?: (tool: string) => boolean;
}

/** Says where to look something up. */
const LOOK_UP: Readonly<Record<NonNullable<ApiFault["lookUp"]>, TextForTools>> = {
  ids: (has) => {
    const sessions = ["list_sessions", "create_session", "ask_agent"].find(has) ?? "";
    const tools = ["list_agents", sessions].filter(has);
    return tools.length === 0 ? "" : `Valid ones come from ${tools.join(" and ")}.`;
  },
  environments: (has) =>
    has("list_environments") ? "list_environments shows those that can be." : "",
  state: (has) => has("get_session") ? "get_session shows it." : "Try again when it has changed.",
};

/** Returns the text of a failed call. */
export function failureText(
  error: unknown,
  { hint, callerIsOperator = false, has = isDefaultTool }: FailureTextOptions = {},
): string {
  if (error instanceof PartlyDoneError) {
    return joined([
      error.messageFor(has),
      failureText(error.cause, { hint, callerIsOperator, has }),
    ]);
  }
  if (error instanceof ToolError) {
    const cause = error.cause instanceof ApiError ? apiFacts(error.cause) : "";
    return joined([error.messageFor(has), hint, cause]);
  }
  if (error instanceof ApiError) {
    const { what, caller, operator, lookUp } = faultOf(error);
    const remedy = operator && forOperator(operator, callerIsOperator);
    return joined([what, lookUp && LOOK_UP[lookUp](has), caller, remedy, hint, apiFacts(error)]);
  }
  if (error instanceof UsageError) {
    return joined([
      "This server is not set up right.",
      forOperator(error.message, callerIsOperator),
    ]);
  }
  return callerIsOperator
    ? "The call failed inside this server; its log says why. Try again, and if it fails again look " +
      "there."
    : "The call failed inside this server; its operator's log says why. Try again, and if it " +
      "fails again tell the operator.";
}

/**
 * Returns the sentence for the operator of this server.
 *
 * @param remedy in the imperative, without a full stop
 */
export function forOperator(remedy: string, callerIsOperator: boolean): string {
  const sentence = /[.?!]$/.test(remedy) ? remedy : `${remedy}.`;
  return callerIsOperator
    ? `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)} 'cma-mcp doctor' checks it.`
    : `Tell the operator of this server: ${sentence}`;
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(" ");
}

function apiFacts(error: ApiError): string {
  const facts = [
    error.status === undefined ? undefined : String(error.status),
    error.type,
    error.errorCode,
    error.message === ""
      ? undefined
      : JSON.stringify(shorten(error.message, MAX_API_MESSAGE_CHARS)),
    error.requestId && `request id ${error.requestId}`,
    error.retryAfterMs === undefined
      ? undefined
      : `retry after ${retrySeconds(error.retryAfterMs)} s`,
  ];
  const known = facts.filter(Boolean);
  return known.length > 0 ? `(API: ${known.join(", ")})` : "";
}
