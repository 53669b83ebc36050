/**
 * Which agents and sessions may be reached through this server.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/api.ts";
import type { Session } from "../api/resources.ts";
import { ApiError, ToolError } from "../core/errors.ts";
import { LruMap } from "./lru.ts";

/** Who calls. Absent where the transport does not tell callers apart. */
export interface Principal {
  readonly id: string;
}

/**
 * Decides before anything is done. Every refusal reads the same, whether the id exists or not, so
 * that a caller cannot probe for what it may not reach.
 */
export interface AccessPolicy {
  /** Ids of the only agents that may be reached; all when undefined. */
  readonly allowedAgentIds: readonly string[] | undefined;
  /** @throws `ToolError` `not_available` when the agent may not be reached */
  checkAgent(agentId: string, principal?: Principal): void;
  /**
   * Looks the session's agent up at most once per session: it never changes.
   *
   * @throws `ToolError` `not_available` when the session is unknown or may not be reached;
   *   `ApiError` when that could not be found out
   */
  checkSession(sessionId: string, options?: CallOptions, principal?: Principal): Promise<void>;
  /** Spares the look-up for a session that was made here. */
  rememberSession(sessionId: string, agentId: string): void;
}

/** Sessions whose agent is remembered. */
const MAX_SESSIONS = 10_000;

/** The refusal; the same for agents and sessions, unknown and forbidden ones. */
export function notAvailable(): ToolError {
  return new ToolError(
    "not_available",
    "That agent or session does not exist or is not available through this server. " +
      "Use an agent_id from list_agents or a session_id from create_session.",
  );
}

/** A policy that admits the listed agents and their sessions, or everything without a list. */
export function createAccessPolicy(
  api: Pick<ManagedAgentsApi, "sessions">,
  allowedAgentIds?: readonly string[],
): AccessPolicy {
  const allowed = allowedAgentIds && new Set(allowedAgentIds);
  // Keyed by session id; a forbidden agent is remembered like any other.
  const agentOfSession = new LruMap<string, string>(MAX_SESSIONS);

  const checkAgent = (agentId: string) => {
    if (allowed && !allowed.has(agentId)) throw notAvailable();
  };
  const checkSession = async (sessionId: string, options?: CallOptions) => {
    if (!allowed) return;
    const known = agentOfSession.get(sessionId);
    if (known !== undefined) return checkAgent(known);
    const session = await api.sessions.retrieve(sessionId, options).catch((error) => {
      throw isUnknownId(error) ? notAvailable() : error;
    });
    const agentId = agentIdOf(session);
    if (agentId === undefined) throw notAvailable();
    agentOfSession.set(sessionId, agentId);
    checkAgent(agentId);
  };
  return {
    allowedAgentIds: allowed && [...allowed],
    checkAgent,
    checkSession,
    rememberSession: (sessionId, agentId) => agentOfSession.set(sessionId, agentId),
  };
}

/** Whether the API does not know the id; some implementations answer 400 to malformed ones. */
export function isUnknownId(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 400);
}

/** The id of the session's agent, from whichever form the API gave it. */
function agentIdOf(session: Session): string | undefined {
  return typeof session.agent === "string" ? session.agent : session.agent?.id;
}
