/**
 * Makes sessions: at most one for each call, whatever becomes of the API's response.
 *
 * @module
 */

import * as z from "zod";
import { ApiError } from "../api/errors.ts";
import { isMark, MARK_PREFIX, METADATA_LIMITS } from "../api/metadata.ts";
import { budgetDollarsOf, budgetOf } from "../api/money.ts";
import type { Session } from "../api/resources.ts";
import type { AttachmentBlock, FileMount } from "../api/types.ts";
import { ToolError } from "../core/errors.ts";
import {
  CHECK_TIMEOUT_MS,
  type Doubt,
  findLostWrite,
  isAmbiguous,
  WRITE_TIMEOUT_MS,
} from "../session/ambiguous_write.ts";
import type { ToolCall } from "./define.ts";

/** Metadata key whose value tells one call's session from all others. */
const REQUEST_KEY = "cma_mcp_request";
/** Most pairs of metadata of a caller: the others that the API takes are for marks. */
const MAX_PAIRS = 12;
/** Number of the newest sessions in which a lost one is searched. */
const SEARCH_LIMIT = 20;
/** Pauses before each check that a new session has its first message, in milliseconds. */
const MESSAGE_CHECK_DELAYS_MS: readonly number[] = [0, 1_000, 2_000];

const makeTitle = () => z.string().min(1).max(500).optional();

/** Makes the schema of the argument for a new session's title. */
export function titleSchema(): ReturnType<typeof makeTitle> {
  return makeTitle();
}

const makeMaxCost = () => z.number().min(0.01).max(Number.MAX_SAFE_INTEGER).optional();

/** Makes the schema of the argument for the dollars that a new session may cost. */
export function maxCostSchema(): ReturnType<typeof makeMaxCost> {
  return makeMaxCost();
}

/** What a new session is to be. */
export interface WantedSession {
  readonly agent_id: string;
  /** The latest when absent. */
  readonly agent_version?: number;
  /** The server's, or the workspace's only one, when absent. */
  readonly environment_id?: string;
  readonly title?: string;
  /** Text of the first user message. */
  readonly message?: string;
  /** Images and documents of that message. */
  readonly attachments?: readonly AttachmentBlock[];
  /** Files that the agent finds in its container. */
  readonly mounts?: readonly FileMount[];
  /** The caller's own pairs. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly max_cost_usd?: number;
  /** This server's marks, beside those that every session has: keys that begin with `cma_mcp_`. */
  readonly marks?: Readonly<Record<string, string>>;
  /** Called right before the request that creates it; what it throws keeps it from being made. */
  readonly checkWanted?: () => void;
}

/** A session that was made. */
export interface MadeSession {
  readonly session: Session;
  /** True when the API's response was lost, and the list showed the session. */
  readonly confirmedByList: boolean;
  /** True when there is a first message, and the API made the session without it. */
  readonly messageDropped: boolean;
  /** Dollars that the session is to be bound to; absent where it is not to be bound. */
  readonly limitUsd?: number;
}

/**
 * Makes one session for the caller, never two, with its first message if there is one.
 *
 * @throws `ToolError` for metadata or a budget that it cannot have, and where it is not known
 * whether it was made; `ApiError`
 */
export async function makeSession(wanted: WantedSession, call: ToolCall): Promise<MadeSession> {
  const { access, waiter } = call.services;
  checkMetadata(wanted.metadata);
  const limitUsd = costLimit(wanted.max_cost_usd, call);
  const { session, environmentId, confirmedByList } = await create(wanted, limitUsd, call);
  const hasMessage = wanted.message !== undefined || (wanted.attachments ?? []).length > 0;
  const messageDropped = hasMessage && await isMessageDropped(session, call);
  // The events may not show the first message yet when a wait for its reply begins.
  if (hasMessage && !messageDropped) waiter.rememberSend(session.id);
  await access.rememberSession(session.id, { agentId: wanted.agent_id, environmentId }, call);
  return {
    session,
    confirmedByList,
    messageDropped,
    ...(limitUsd !== undefined && { limitUsd }),
  };
}

/** Says that a session may cost more than it is bound to; undefined where there is no doubt. */
export function describeBudget({ session, limitUsd }: MadeSession): string | undefined {
  if (limitUsd === undefined || budgetDollarsOf(session.budget) !== undefined) return undefined;
  return "The API's response shows no budget, so it may not bound what the session costs.";
}

/** Throws unless a session can have the metadata. */
function checkMetadata(metadata: WantedSession["metadata"] = {}): void {
  const pairs = Object.entries(metadata);
  const { key: maxKey, value: maxValue } = METADATA_LIMITS;
  const isFit = pairs.length <= MAX_PAIRS &&
    pairs.every(([key, value]) =>
      key !== "" && key.length <= maxKey && !isMark(key) && value.length <= maxValue
    );
  if (isFit) return;
  throw new ToolError(
    "invalid_argument",
    `metadata must have at most ${MAX_PAIRS} pairs: keys of 1 to ${maxKey} characters that do not ` +
      `begin with ${MARK_PREFIX}, values of at most ${maxValue}.`,
  );
}

/**
 * Returns the dollars that a new session may cost: what the caller asks for, or else the least of what
 * the operator has set for everybody and for this caller.
 *
 * @throws `ToolError` `invalid_argument` for more than the operator allows
 */
function costLimit(
  asked: number | undefined,
  { services, principal }: ToolCall,
): number | undefined {
  const { maxCostUsd, maxCostCeilingUsd = Infinity } = services;
  const { maxCostUsd: ownCeiling = Infinity } = principal ?? {};
  const ceiling = Math.min(maxCostCeilingUsd, ownCeiling);
  if (asked !== undefined && asked > ceiling) {
    const why = ownCeiling >= maxCostCeilingUsd
      ? "this server's operator allows no more for a session"
      : principal?.person
      ? "you may spend no more on a session"
      : "your token allows no more for a session";
    throw new ToolError("invalid_argument", `max_cost_usd must be at most ${ceiling}: ${why}.`);
  }
  const limit = asked ?? Math.min(maxCostUsd ?? Infinity, ownCeiling);
  return limit === Infinity ? undefined : limit;
}

type Created = Pick<MadeSession, "session" | "confirmedByList">;

/** Creates the session; tries again where the remembered environment is gone. */
async function create(
  args: WantedSession,
  limit: number | undefined,
  call: ToolCall,
): Promise<Created & { readonly environmentId: string }> {
  const { environment } = call.services;
  for (let isSecond = false;; isSecond = true) {
    const environmentId = args.environment_id ?? await environment.resolve(call);
    try {
      return { environmentId, ...await createOnce(args, environmentId, limit, call) };
    } catch (error) {
      // No session was created, so it is safe to try again where there may be another environment.
      const isGone = error instanceof ApiError && error.errorCode?.startsWith("environment_");
      if (!isGone || !environment.forget(environmentId)) throw error;
      if (isSecond) {
        throw new ToolError(
          "environment_required",
          "The workspace's environment keeps changing: try again.",
        );
      }
    }
  }
}

/**
 * Creates one session, never two: when the response is lost, it searches for the session instead.
 */
async function createOnce(
  wanted: WantedSession,
  environmentId: string,
  limit: number | undefined,
  call: ToolCall,
): Promise<Created> {
  const { agent_id: id, agent_version: version, title, message } = wanted;
  const { attachments = [], mounts = [] } = wanted;
  const { signal, services } = call;
  const token = crypto.randomUUID();
  const owner = await services.access.ownerMetadata(call);
  wanted.checkWanted?.();
  try {
    const session = await services.api.sessions.create({
      agent: version === undefined ? id : { type: "agent", id, version },
      environmentId,
      title,
      message,
      ...(attachments.length > 0 && { attachments }),
      ...(mounts.length > 0 && { files: mounts }),
      metadata: { ...wanted.metadata, ...wanted.marks, [REQUEST_KEY]: token, ...owner },
      ...(limit !== undefined && { budget: budgetOf(limit) }),
    }, { signal, timeoutMs: WRITE_TIMEOUT_MS });
    return { session, confirmedByList: false };
  } catch (error) {
    if (limit !== undefined && isNotBudgetable(error)) throw notBudgetable(call, error);
    if (signal.aborted || !isAmbiguous(error)) throw error;
    services.log.warn("The response to a create was lost: searching for the session", {
      agent_id: id,
      kind: error.kind,
      status: error.status,
      request_id: error.requestId,
    });
    return { session: await findCreated(id, token, error, call), confirmedByList: true };
  }
}

/** Returns true if the API has no list price for the agent's model, and so takes no budget. */
function isNotBudgetable(error: unknown): error is ApiError {
  return error instanceof ApiError &&
    (error.errorCode === "model_not_budgetable" || /\bmodel_not_budgetable\b/.test(error.message));
}

function notBudgetable(call: ToolCall, cause: ApiError): ToolError {
  const remedy = budgetRemedy(call);
  return new ToolError(
    "model_not_budgetable",
    `The agent's model has no list price, so a session of it can have no budget. ${remedy}`,
    { cause },
  );
}

function budgetRemedy({ services, principal }: ToolCall): string {
  if (services.maxCostUsd !== undefined) {
    return "This server gives every session a budget: take another agent, or ask the operator for a " +
      "server without --max-cost-usd and --max-cost-usd-ceiling.";
  }
  if (principal?.maxCostUsd === undefined) return "Leave max_cost_usd out.";
  return principal.person
    ? "Every session of yours has a budget: take another agent, or ask the operator of this server " +
      "for no limit."
    : "Your token gives every session a budget: take another agent, or ask the operator for a token " +
      "without max_cost_usd.";
}

function findCreated(
  agentId: string,
  token: string,
  lost: ApiError,
  { signal, services }: ToolCall,
): Promise<Session> {
  const check = async () => {
    const page = await services.api.sessions.list(
      { agentId, order: "desc", limit: SEARCH_LIMIT },
      { signal, timeoutMs: CHECK_TIMEOUT_MS },
    );
    const found = page.data.find((session) => session.metadata?.[REQUEST_KEY] === token);
    return found && { found };
  };
  const { clock } = services;
  return findLostWrite({ clock, signal, lost, check, unknownError: unknownCreation });
}

function unknownCreation({ why }: Doubt, cause: ApiError): ToolError {
  const reason = why === "unreadable"
    ? "its session list could not be read"
    : "the request may still be on its way";
  return new ToolError(
    "creation_unknown",
    `It is not known whether the session was created: the API's response was lost and ${reason}. ` +
      "Trying again may make a second session.",
    { cause },
  );
}

/**
 * Returns true if a new session was made without its first message, as some servers do. With the
 * message a session runs from the start; one that is idle, and that has no events, never got it.
 */
export async function isMessageDropped(
  { id, status = "idle" }: Session,
  { signal, services: { api, clock } }: ToolCall,
): Promise<boolean> {
  if (status !== "idle") return false;
  const options = { signal, timeoutMs: CHECK_TIMEOUT_MS };
  try {
    for (const delayMs of MESSAGE_CHECK_DELAYS_MS) {
      await clock.sleep(delayMs, signal);
      const page = await api.events.list(id, { order: "asc", limit: 1 }, options);
      if (page.data.length > 0 || page.next_page) return false;
    }
    const session = await api.sessions.retrieve(id, options);
    return session.status === "idle";
  } catch (error) {
    if (signal.aborted || !(error instanceof ApiError)) throw error;
    // The API accepted the message; a failed check does not disprove that.
    return false;
  }
}
