/**
 * The caller of a tool, and what it may reach.
 *
 * @module
 */

import type { CallOptions } from "../api/types.ts";
import type { Rights } from "./scopes.ts";
import type { ToolSetName } from "./tool_sets.ts";

/** A caller that the transport can identify. An absent field sets no limit. */
export interface Principal extends Rights {
  /** Name of the caller's token, which the operator sees and sessions are bound to. */
  readonly id: string;
  /** The only agents that it may reach, with their sessions. */
  readonly agents?: readonly string[];
  /** The one agent of `agents` that its tools are bound to, so that they take no `agent_id`. */
  readonly agent?: string;
  /** The only environments that it may reach, with their sessions. */
  readonly environments?: readonly string[];
  /** Files of no session, such as uploaded ones, that it may name although it has limits. */
  readonly files?: readonly string[];
  /**
   * `own`: only sessions that were created under the same name; `all`, also when absent: every
   * session that the other scopes admit.
   */
  readonly sessions?: "own" | "all";
  /** The only sets of tools that it sees and calls, as far as the server serves them. */
  readonly tools?: readonly ToolSetName[];
  /** Most waits that it may have open at once. */
  readonly maxWaits?: number;
  /** Most other calls that it may have running at once. */
  readonly maxCalls?: number;
  /**
   * Counts requests to the API that a call makes beside the usual few against the caller's rate.
   *
   * @returns 0 when they are allowed, else the milliseconds after which they will be
   */
  readonly charge?: (requests: number) => number;
}

/** The caller on whose behalf something is done, and the bounds of the call. */
export interface Caller extends CallOptions {
  /** Absent where the transport does not identify callers: then no limits apply. */
  readonly principal?: Principal;
  /** The only agent that the call may reach, with its sessions: set where its tool is bound to one. */
  readonly boundAgentId?: string;
}
