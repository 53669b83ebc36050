/**
 * Decides which agents, environments, sessions and files a caller may reach through this server.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../api/types.ts";
import type { Session, SessionFile } from "../api/resources.ts";
import { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import { LruMap } from "../core/lru.ts";
import { toBase64Url } from "../core/text.ts";
import { chargeFileCheck } from "./limits.ts";
import type { Caller, Principal } from "./principal.ts";

/**
 * Checks a caller before a tool acts. Every error reads the same, whether the id exists or not, so
 * that a caller cannot probe for what it may not reach.
 */
export interface AccessPolicy {
  /** Ids of the only agents that the caller may reach; all when undefined. */
  allowedAgentIds(caller: Caller): readonly string[] | undefined;
  /** Ids of the only environments that the caller may reach; all when undefined. */
  allowedEnvironmentIds(caller: Caller): readonly string[] | undefined;
  /**
   * Checks that the caller may reach an agent.
   *
   * @throws `ToolError` `not_available` otherwise
   */
  checkAgent(agentId: string, caller: Caller): void;
  /**
   * Checks that the caller may reach an environment.
   *
   * @throws `ToolError` `not_available`, with the choices, otherwise
   */
  checkEnvironment(environmentId: string, caller: Caller): void;
  /**
   * Checks that the caller may reach a session. Its agent, environment and owner decide; none of
   * them ever changes, so a session is read at most once.
   *
   * @returns the session, where it had to be read
   * @throws `ToolError` `not_available` when the session is unknown or may not be reached;
   * `ApiError` when that could not be found out
   */
  checkSession(sessionId: string, caller: Caller): Promise<Session | undefined>;
  /**
   * Checks that a session is one of an agent's; both are ones that the caller may reach.
   *
   * @throws `ToolError` `not_available` otherwise; `ApiError` when that could not be found out
   */
  checkSessionAgent(sessionId: string, agentId: string, caller: Caller): Promise<void>;
  /**
   * Checks that the caller may reach a file. The API's key reads every file of its workspace, so
   * the session that a file belongs to decides. A file that belongs to none, such as an uploaded
   * one, is within reach only of callers whose `files` name it, and of callers without limits on a
   * server without a list of agents.
   *
   * @param named sessions that the same call names, and that the caller may reach
   * @throws `ToolError` `not_available` when the file is unknown or may not be reached, and
   * `rate_limited` when the caller's rate does not allow the request; `ApiError` when it could not
   * be found out
   */
  checkFile(fileId: string, caller: Caller, named: readonly string[]): Promise<void>;
  /**
   * Decides on a session that a list of the API contains, without a request: what the list tells of
   * it must admit the caller. The facts of an admitted session are remembered.
   *
   * @returns undefined for a session that the caller may not reach
   */
  admitListed(session: Session, caller: Caller): Promise<AdmittedSession | undefined>;
  /** Metadata that marks a new session as the caller's own; none for one that is not identified. */
  ownerMetadata(caller: Caller): Promise<Readonly<Record<string, string>>>;
  /** Remembers a session that was created here for the caller, so that it need not be read. */
  rememberSession(
    sessionId: string,
    made: { readonly agentId: string; readonly environmentId: string },
    caller: Caller,
  ): Promise<void>;
}

/** A listed session that a caller may reach. */
export interface AdmittedSession {
  /** True for a session that was created under the caller's own name. */
  readonly isMine: boolean;
}

/** Options of {@linkcode createAccessPolicy}. */
export interface AccessOptions {
  readonly api: Pick<ManagedAgentsApi, "sessions" | "files">;
  /** The only agents that anybody may reach; all when absent. */
  readonly allowedAgentIds?: readonly string[];
  /** Makes the marks by which a session is known to be a caller's own. */
  readonly ownerMarks?: OwnerMarks;
}

/** The facts of a session that decide who may reach it. */
interface SessionFacts {
  readonly agentId: string | undefined;
  readonly environmentId: string | undefined;
  readonly owner: string | undefined;
}

/** Most sessions whose facts are remembered. */
const MAX_SESSIONS = 10_000;

/**
 * Makes the error for an agent or a session that is unknown or forbidden; it reads the same for
 * all.
 *
 * @param caller of a tool that is bound to an agent: it is told of no other
 */
export function notAvailable({ boundAgentId }: Pick<Caller, "boundAgentId"> = {}): ToolError {
  return new ToolError(
    "not_available",
    (has) => {
      const ids = [
        boundAgentId === undefined && has("list_agents") && "an agent_id from list_agents",
        has("list_sessions")
          ? "a session_id from list_sessions"
          : has("create_session")
          ? "a session_id from create_session"
          : has("ask_agent") && "a session_id from ask_agent",
      ].filter(Boolean).join(" or ");
      return "That agent or session does not exist or is not available through this server." +
        (ids === "" ? "" : ` Use ${ids}.`);
    },
  );
}

/** Makes the error for a file that is unknown or forbidden; it reads the same for all. */
export function fileNotAvailable(): ToolError {
  return new ToolError(
    "not_available",
    (has) =>
      "That file does not exist or is not available through this server. " +
      (has("list_session_files")
        ? "Use a file_id from list_session_files, and the same session_id to read it."
        : "Use the id of a file that belongs to this session, or to another one that you may reach."),
  );
}

/** Most environments that an error message names. */
export const MAX_ENVIRONMENT_CHOICES = 20;

/** Lists the environments that a caller may choose from, for the end of an error message. */
export function environmentChoices(
  allowed: readonly string[],
  { principal }: Pick<Caller, "principal">,
): string {
  if (allowed.length === 0) {
    return principal?.person
      ? "You may use none: ask the operator for one."
      : "Your token may use none: ask the operator for another.";
  }
  const shown = allowed.slice(0, MAX_ENVIRONMENT_CHOICES);
  return `Pass one of these as environment_id: ${shown.join(", ")}.`;
}

/** Makes a policy that admits what both the server's own list and the caller's scopes admit. */
export function createAccessPolicy(options: AccessOptions): AccessPolicy {
  const { api, ownerMarks = createOwnerMarks() } = options;
  const allowed = options.allowedAgentIds && [...new Set(options.allowedAgentIds)];
  // Keyed by session id; sessions that callers may not reach are remembered too.
  const known = new LruMap<string, SessionFacts>(MAX_SESSIONS);

  const listsOf = ({ principal, boundAgentId }: Caller) => [
    allowed,
    principal?.agents,
    boundAgentId === undefined ? undefined : [boundAgentId],
  ];
  const admitsAgent = (agentId: string | undefined, caller: Caller) =>
    listsOf(caller).every((ids) => admits(ids, agentId));
  const allowedEnvironmentIds = ({ principal }: Caller) => principal?.environments;
  const isOwn = async ({ owner }: SessionFacts, { principal }: Caller) =>
    principal !== undefined && owner !== undefined &&
    await ownerMarks.isMarkOf(owner, principal.id);
  const admitsSession = async (facts: SessionFacts, caller: Caller) => {
    if (!admitsAgent(facts.agentId, caller)) return false;
    if (!admits(allowedEnvironmentIds(caller), facts.environmentId)) return false;
    return caller.principal?.sessions !== "own" || await isOwn(facts, caller);
  };
  const retrieve = async (sessionId: string, caller: Caller) => {
    const { signal, timeoutMs } = caller;
    const session = await api.sessions.retrieve(sessionId, { signal, timeoutMs }).catch((error) => {
      throw isUnknownId(error) ? notAvailable(caller) : error;
    });
    known.set(sessionId, factsOf(session));
    return session;
  };
  const isUnlimited = ({ principal, boundAgentId }: Caller) =>
    !allowed && !isBound(principal) && boundAgentId === undefined;
  const findSession = async (sessionId: string, caller: Caller) => {
    if (isUnlimited(caller)) return undefined;
    const remembered = known.get(sessionId);
    if (remembered && await admitsSession(remembered, caller)) return undefined;
    // Denying a session always costs a request, so that the time does not tell which sessions
    // exist.
    const session = await retrieve(sessionId, caller);
    if (await admitsSession(factsOf(session), caller)) return session;
    throw notAvailable(caller);
  };
  const retrieveFile = async (fileId: string, { signal, timeoutMs }: Caller) => {
    return await api.files.retrieve(fileId, { signal, timeoutMs }).catch((error) => {
      if (isUnknownId(error)) return undefined;
      throw error;
    });
  };
  return {
    allowedAgentIds(caller) {
      const [first, ...others] = listsOf(caller).filter((ids) => ids !== undefined);
      return first?.filter((id) => others.every((ids) => ids.includes(id)));
    },
    allowedEnvironmentIds,
    checkAgent(agentId, caller) {
      if (!admitsAgent(agentId, caller)) throw notAvailable(caller);
    },
    checkEnvironment(environmentId, caller) {
      const environments = allowedEnvironmentIds(caller);
      if (environments === undefined || environments.includes(environmentId)) return;
      throw new ToolError(
        "not_available",
        "That environment does not exist or is not available to " +
          `${caller.principal?.person ? "you" : "your token"}. ` +
          environmentChoices(environments, caller),
      );
    },
    checkSession: findSession,
    async checkSessionAgent(sessionId, agentId, caller) {
      if (known.get(sessionId)?.agentId === agentId) return;
      const facts = factsOf(await retrieve(sessionId, caller));
      if (facts.agentId !== agentId) throw notAvailable(caller);
    },
    async checkFile(fileId, caller, named) {
      if (isUnlimited(caller)) return;
      chargeFileCheck(caller);
      const file = await retrieveFile(fileId, caller);
      const owner = ownerOf(file);
      if (owner !== undefined && named.includes(owner)) return;
      if (file && owner === undefined && caller.principal?.files?.includes(fileId)) return;
      // A file of nobody's costs as many requests as one of somebody else's, so that the time does
      // not tell which files exist.
      const isReached = owner === undefined
        ? retrieve(named[0] ?? fileId, caller).then(() => false)
        : findSession(owner, caller).then(() => true);
      if (await isReached.catch(falseIfRefused)) return;
      throw fileNotAvailable();
    },
    async admitListed(session, caller) {
      const facts = factsOf(session);
      if (!await admitsSession(facts, caller)) return undefined;
      known.set(session.id, facts);
      return { isMine: await isOwn(facts, caller) };
    },
    async ownerMetadata({ principal }): Promise<Readonly<Record<string, string>>> {
      if (!principal) return {};
      return { [OWNER_KEY]: await ownerMarks.markOf(principal.id) };
    },
    async rememberSession(sessionId, made, { principal }) {
      const owner = principal && await ownerMarks.markOf(principal.id);
      known.set(sessionId, { ...made, owner });
    },
  };
}

/** Returns true if the API does not know the id; some servers reject a malformed id as invalid. */
export function isUnknownId(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.isInvalidRequest);
}

/**
 * Returns true if the list admits the id; an unknown id is admitted only where there is no list.
 */
function admits(ids: readonly string[] | undefined, id: string | undefined): boolean {
  return ids === undefined || (id !== undefined && ids.includes(id));
}

function isBound(principal: Principal | undefined): boolean {
  return Boolean(principal?.agents || principal?.environments || principal?.sessions === "own");
}

/** Reads the facts from a session, whose agent comes in one of several forms. */
function factsOf({ agent, environment_id, metadata }: Session): SessionFacts {
  const owner = metadata?.[OWNER_KEY];
  return {
    agentId: typeof agent === "string" ? agent : agent?.id,
    environmentId: environment_id ?? undefined,
    owner: typeof owner === "string" ? owner : undefined,
  };
}

function falseIfRefused(error: unknown): false {
  if (error instanceof ToolError) return false;
  throw error;
}

/** Returns the id of the session that a file belongs to; undefined for any other file. */
function ownerOf(file: SessionFile | undefined): string | undefined {
  const { id, type } = file?.scope ?? {};
  const isSession = type === undefined || type === "session";
  return isSession && typeof id === "string" && id !== "" ? id : undefined;
}

/** Metadata key of the mark that names a session's owner. */
export const OWNER_KEY = "cma_mcp_owner";

/** Separates this use of the binding key from all others: none of them gives the same values. */
const BINDING_PURPOSE = "cma-mcp session owner v1\n";

/** Marks sessions with their owner; replicas with the same keys agree on the marks. */
export interface OwnerMarks {
  /** Makes the mark of a name, for new sessions. */
  markOf(name: string): Promise<string>;
  /** Returns true if any of the keys gives the name that mark. */
  isMarkOf(mark: string, name: string): Promise<boolean>;
}

/** Keys of {@linkcode createOwnerMarks}; without any, a random one that ends with the process. */
export interface OwnerMarkKeys {
  /**
   * Returns the keys for HMAC-SHA256 that the sealing keys give: the first makes marks, all are
   * known.
   */
  readonly sealed?: () => Promise<readonly CryptoKey[]>;
  /**
   * Random text of 32 characters or more, by which version 0.1.0 made its marks. It is known, and
   * makes marks where there are no sealing keys.
   */
  readonly bindingKey?: string;
}

/**
 * Makes owner marks from HMAC-SHA256: 43 characters of base64url, which reveal neither the name nor
 * the key to those who can read a session's metadata.
 */
export function createOwnerMarks({ sealed, bindingKey }: OwnerMarkKeys = {}): OwnerMarks {
  const secret = bindingKey ?? (sealed ? undefined : randomSecret());
  const readKeys = async (): Promise<readonly MarkKey[]> => {
    const current = (await sealed?.() ?? []).map((key) => ({ key, prefix: "" }));
    if (secret === undefined) return current;
    return [...current, { key: await importKey(secret), prefix: BINDING_PURPOSE }];
  };
  let keys: Promise<readonly MarkKey[]> | undefined;
  const known = new LruMap<string, Promise<readonly string[]>>(MAX_MARKED);
  const signAll = async (name: string) => {
    keys ??= readKeys();
    return await Promise.all((await keys).map((key) => sign(key, name)));
  };
  // The marks of a name by every key, the one of new sessions first.
  const marksOf = (name: string) => {
    const marks = known.get(name) ?? signAll(name);
    known.set(name, marks);
    return marks;
  };
  return {
    async markOf(name) {
      const [mark] = await marksOf(name);
      if (mark === undefined) throw new Error("Owner marks have a key");
      return mark;
    },
    isMarkOf: async (mark, name) => (await marksOf(name)).includes(mark),
  };
}

/** Most names whose marks are remembered. */
const MAX_MARKED = 10_000;

/** A key for marks, and what is signed before the name. */
interface MarkKey {
  readonly key: CryptoKey;
  readonly prefix: string;
}

async function sign({ key, prefix }: MarkKey, name: string): Promise<string> {
  const data = new TextEncoder().encode(prefix + name);
  return toBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, data)));
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
}

function randomSecret(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}
