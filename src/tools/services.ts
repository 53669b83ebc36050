/**
 * Makes the services of the tools: one object per process, shared by all servers and calls.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../api/types.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { createTokenBucket, type TokenBucket } from "../core/token_bucket.ts";
import { createRedact, type Redact } from "../core/redact.ts";
import type { Waiter } from "../session/waiter.ts";
import { createFileLinks, type FileLinks } from "../access/file_links.ts";
import { type AccessPolicy, createAccessPolicy, createOwnerMarks } from "../access/policy.ts";
import { APPROVAL_TIMEOUT_MS, type CallLimits, createCallLimits } from "../access/limits.ts";
import { KeyedCalls } from "./keyed_calls.ts";
import { createEnvironmentResolver, type EnvironmentResolver } from "./environment.ts";
import { createSealer, type Sealer } from "../access/sealing.ts";
import type { QuestionRecord } from "../session/person.ts";
import { EventReader } from "../session/event_reader.ts";
import { AnswerSender, type DecisionRecord } from "../session/answer_sender.ts";
import { EventSender } from "../session/event_sender.ts";

/** Options of {@linkcode createServices}. */
export interface ServicesOptions {
  readonly api: ManagedAgentsApi;
  readonly waiter: Waiter;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Hides the process's secrets in every result; by default, values that look like a credential.
   */
  readonly redact?: Redact;
  /** Environment of new sessions; the workspace's only one when absent. */
  readonly environmentId?: string;
  /** The only agents that may be reached; all when absent. */
  readonly allowedAgentIds?: readonly string[];
  /**
   * Random text of 32 characters or more, the same on all replicas, which marks the owner of each
   * session where there are no sealing keys; with them, the sessions that it marked are known. With
   * neither, callers with `sessions: "own"` do not reach the sessions that they made before a
   * restart.
   */
  readonly bindingKey?: string;
  /** Most calls other than waits that may run at once; 1,000 by default. */
  readonly maxCalls?: number;
  /**
   * Keys for what leaves the server and comes back, and for the marks of owners, 32 random bytes or
   * more each: the first seals and marks, all open and are known. Without any, what is sealed ends
   * with the process.
   */
  readonly sealingKeys?: readonly Uint8Array<ArrayBuffer>[];
  /** Milliseconds for which a question to a person is open; 600,000 by default, 0 asks nobody. */
  readonly approvalTimeoutMs?: number;
  /** True to ask a person for the results of custom tools. */
  readonly askCustomTools?: boolean;
  /** False to let nobody answer tool calls in the session view; true by default. */
  readonly viewActions?: boolean;
  /** Called once for each decision of a person on a tool call, when it is over; must not throw. */
  readonly onDecided?: (record: DecisionRecord) => void;
  /** Called once for each question to a person, when it is over; must not throw. */
  readonly onAsked?: (record: QuestionRecord) => void;
  /** Dollars that a new session may cost where its caller does not say; not bounded by default. */
  readonly maxCostUsd?: number;
  /** Most dollars that any new session may cost, also where nobody says; not bounded by default. */
  readonly maxCostCeilingUsd?: number;
  /** Address that clients call, without a slash at its end; results have no links without. */
  readonly publicUrl?: string;
  /** Makes links to files in place of those below `publicUrl`. */
  readonly fileLinks?: FileLinks;
  /** True to show tool inputs in results. */
  readonly exposeToolInputs?: boolean;
  /** Address of the console's sessions, without a slash at its end; results name no page without. */
  readonly consoleUrl?: string;
  /** True to let `get_agent` show system prompts and MCP server URLs. */
  readonly exposeAgentConfig?: boolean;
  /** True if the caller runs the server, as on stdio: errors then say which setting to change. */
  readonly callerIsOperator?: boolean;
  /** True if the API is a simulator in this process: no other program reaches what it has. */
  readonly simulated?: boolean;
}

/** The long-lived collaborators of all tool calls. */
export interface Services {
  readonly api: ManagedAgentsApi;
  readonly waiter: Waiter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly redact: Redact;
  readonly access: AccessPolicy;
  readonly limits: CallLimits;
  readonly environment: EnvironmentResolver;
  readonly eventReader: EventReader;
  /** Hands out the requests of long searches, to all callers together. */
  readonly longSearches: TokenBucket;
  readonly eventSender: EventSender;
  readonly answers: AnswerSender;
  readonly sealer: Sealer;
  /** The calls of `ask_agent` with an idempotency key. */
  readonly keyedAsks: KeyedCalls;
  readonly approvalTimeoutMs: number;
  readonly askCustomTools: boolean;
  readonly viewActions: boolean;
  readonly onAsked?: (record: QuestionRecord) => void;
  /** Dollars that a new session may cost where its caller does not say, within the ceiling. */
  readonly maxCostUsd?: number;
  readonly maxCostCeilingUsd?: number;
  readonly exposeToolInputs: boolean;
  /** Makes links to files; absent where nobody could open one, as on stdio. */
  readonly fileLinks?: FileLinks;
  readonly consoleUrl?: string;
  readonly exposeAgentConfig: boolean;
  readonly callerIsOperator: boolean;
  readonly simulated: boolean;
}

/**
 * Rate of requests for long searches in event histories and lists, of all callers together. With the
 * background requests of waits it stays below the 1,200 reads a minute that the API allows an
 * organisation.
 */
const LONG_SEARCHES = { perMinute: 300, burst: 100 } as const;

/** Makes the services of one process. */
export function createServices(options: ServicesOptions): Services {
  const { api, waiter, clock, log, allowedAgentIds } = options;
  const { bindingKey, sealingKeys = [] } = options;
  const longSearches = createTokenBucket({ ...LONG_SEARCHES, clock });
  const sealer = createSealer(sealingKeys);
  const ownerMarks = createOwnerMarks({
    bindingKey,
    ...(sealingKeys.length > 0 && { sealed: () => sealer.macKeys("session owner") }),
  });
  const access = createAccessPolicy({ api, allowedAgentIds, ownerMarks });
  const redact = options.redact ?? createRedact([]);
  const eventSender = new EventSender({ api, waiter, clock, log, redact });
  const { onDecided, onAsked, maxCostCeilingUsd, publicUrl } = options;
  const fileLinks = options.fileLinks ??
    (publicUrl === undefined ? undefined : createFileLinks({ sealer, publicUrl, clock }));
  const maxCosts = [options.maxCostUsd, maxCostCeilingUsd].filter((usd) => usd !== undefined);
  return {
    api,
    waiter,
    clock,
    log,
    redact,
    access,
    limits: createCallLimits(options.maxCalls),
    environment: createEnvironmentResolver(api, access, options.environmentId),
    eventReader: new EventReader(api, longSearches),
    longSearches,
    eventSender,
    answers: new AnswerSender({ api, eventSender, redact, log, onDecided }),
    sealer,
    keyedAsks: new KeyedCalls({ clock, sealer }),
    approvalTimeoutMs: options.approvalTimeoutMs ?? APPROVAL_TIMEOUT_MS,
    askCustomTools: options.askCustomTools ?? false,
    viewActions: options.viewActions ?? true,
    ...(onAsked && { onAsked }),
    ...(maxCosts.length > 0 && { maxCostUsd: Math.min(...maxCosts) }),
    ...(maxCostCeilingUsd !== undefined && { maxCostCeilingUsd }),
    exposeToolInputs: options.exposeToolInputs ?? false,
    ...(fileLinks && { fileLinks }),
    ...(options.consoleUrl !== undefined && { consoleUrl: options.consoleUrl }),
    exposeAgentConfig: options.exposeAgentConfig ?? false,
    callerIsOperator: options.callerIsOperator ?? false,
    simulated: options.simulated ?? false,
  };
}
