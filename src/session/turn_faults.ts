/**
 * The meaning of a `session.error`: what is wrong, and what helps.
 *
 * @module
 */

import { faultOfCode } from "../api/errors.ts";
import { firstChars, label } from "../core/text.ts";
import type { TurnError } from "./event_types.ts";

/** The meaning of an error that ended a turn. */
export interface TurnFault {
  /** What is wrong, in one sentence. */
  readonly what: string;
  /**
   * What somebody has to do before the agent can go on, in the imperative, without capital and full
   * stop; absent where time or another message is enough.
   */
  readonly remedy?: string;
  /** The message that is of use next: the same one, one that says to go on, or a smaller task. */
  readonly then?: "again" | "continue" | "smaller";
}

type Row = Omit<TurnFault, "what"> & { readonly what: string | ((error: TurnError) => string) };

/** Longest name of a server that is shown, in characters. */
const MAX_SERVER_CHARS = 60;

function serverOf({ server }: TurnError): string {
  return server === undefined
    ? "An MCP server of the agent"
    : `The MCP server ${JSON.stringify(label(firstChars(server, MAX_SERVER_CHARS)))}`;
}

/**
 * Table of the error types of a session; their meaning is that of the comments in
 * `@anthropic-ai/sdk` 1.14.0. A type without a row may be an error code of the API, which has its
 * row in `api/errors.ts`.
 */
const ROWS: Readonly<Record<string, Row>> = {
  model_overloaded_error: { what: "The model is overloaded." },
  model_rate_limited_error: { what: "The model's rate limit is reached." },
  model_request_failed_error: { what: "The request to the model failed." },
  tool_use_limit_reached_error: {
    what: "The agent reached its limit of tool use in one turn.",
    then: "continue",
  },
  compaction_limit_reached_error: {
    what: "The agent could not make room for more in its context.",
    then: "smaller",
  },
  mcp_connection_failed_error: {
    what: (error) => `${serverOf(error)} could not be reached.`,
    remedy: "see whether that server is up, and whether the agent has its right address",
  },
  mcp_authentication_failed_error: {
    what: (error) => `${serverOf(error)} did not accept the sign-in.`,
    remedy: "sign in to that server again, or renew its credential in the session's vault",
  },
  credential_host_unreachable_error: {
    what: "The environment's network rules keep the agent from a host that a credential is for.",
    remedy: "allow the host in the environment's networking, or take it out of the credential",
  },
  repository_authentication_error: {
    what: "The host of a repository did not accept the sign-in, so the agent works without it.",
    remedy: "renew the repository's token, and start another session with it",
  },
  repository_forbidden_error: {
    what: "The host of a repository refused access, so the agent works without it.",
    remedy: "give the repository's token access, and start another session",
  },
  repository_not_found_error: {
    what: "A repository does not exist, or its token cannot see it, so the agent works without it.",
    remedy: "check the repository's address and token, and start another session",
  },
  repository_checkout_error: {
    what: "A repository does not have the branch or commit, so the agent works without it.",
    remedy: "check the branch or commit, and start another session",
  },
  repository_clone_error: {
    what: "A repository could not be cloned, so the agent works without it.",
    remedy: "check the repository's address, and start another session",
  },
};

/** Returns the meaning of an error; undefined for a type that nobody knows. */
export function turnFaultOf(error: TurnError): TurnFault | undefined {
  const row = Object.hasOwn(ROWS, error.type) ? ROWS[error.type] : undefined;
  if (row) return { ...row, what: typeof row.what === "string" ? row.what : row.what(error) };
  const fault = faultOfCode(error.type);
  return fault && {
    what: fault.what,
    ...(fault.operator !== undefined && { remedy: fault.operator }),
  };
}
