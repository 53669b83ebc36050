/**
 * Asks the person at the other end of an MCP call, by the client's own form.
 *
 * Up to 2025-11-25 the server sends `elicitation/create` while the call runs, which takes a
 * connection that both ends can begin messages on: stdio here, since over HTTP nothing is kept
 * between requests. Since 2026-07-28 the call ends with the question as its result, and the client
 * calls again with the answer.
 *
 * @module
 */

import {
  CLIENT_CAPABILITIES_META_KEY,
  type InputRequiredResult,
  type McpRequestContext,
  ProtocolError,
  SdkError,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { Principal } from "../access/principal.ts";
import { isFields } from "../api/read.ts";
import { DeadlineError } from "../core/abort.ts";
import { CallEnded } from "../core/errors.ts";
import type {
  CarriedAnswer,
  Person,
  PersonAnswer,
  Question,
  Round,
  Undecided,
} from "../session/person.ts";
import type { Services } from "../tools/services.ts";
import { type AskingCall, openState, sealState } from "./approval_state.ts";
import { formOf, readAnswer } from "./elicitation.ts";

/** Ends a call with a question to the client: thrown through the tool, and no failure. */
export class InputNeeded extends CallEnded {
  override name = "InputNeeded";
  readonly result: InputRequiredResult;

  constructor(sessionId: string, result: InputRequiredResult) {
    super(sessionId, "The call goes on when the client calls again with the answer");
    this.result = result;
  }
}

/** A call, and the connection that it came by. */
export interface Asking {
  readonly era: McpRequestContext["era"];
  /** True where the server can send requests to the client while a call runs. */
  readonly canRequest: boolean;
  /** The client's capabilities by its `initialize`. */
  readonly capabilities: unknown;
  readonly mcpReq: ServerContext["mcpReq"];
  readonly tool: string;
  readonly args: unknown;
  readonly principal?: Principal;
  readonly services: Pick<Services, "sealer" | "clock" | "log" | "approvalTimeoutMs">;
}

/** Name of this way of asking in the audit log. */
const CHANNEL = "form";

/**
 * Returns the person at the other end of a call; undefined where the client can ask nobody. A call
 * that carries an answer always has one, so that no tool takes it for a first call.
 */
export function personOf(asking: Asking): Person | undefined {
  const { era, mcpReq, services } = asking;
  // The SDK takes both out of the parameters, in either era.
  const carries = mcpReq.inputResponses !== undefined || mcpReq.requestState() !== undefined;
  const canAsk = services.approvalTimeoutMs > 0 &&
    (era === "modern"
      ? canElicit(mcpReq.envelope && Reflect.get(mcpReq.envelope, CLIENT_CAPABILITIES_META_KEY))
      : asking.canRequest && canElicit(asking.capabilities));
  if (!carries && !canAsk) return undefined;
  return {
    channel: CHANNEL,
    ...carries && { carried: () => readCarried(asking) },
    ask: !canAsk
      ? () => Promise.resolve(undecided("failed"))
      : era === "modern"
      ? (question, round, signal) => endCallWith(question, round, signal, asking)
      : (question, _round, signal) => askInCall(question, signal, asking),
  };
}

/**
 * Returns true if the client can show forms. One that names no mode at all can: before 2025-11-25
 * there was no other.
 */
function canElicit(capabilities: unknown): boolean {
  const elicitation = isFields(capabilities) ? capabilities.elicitation : undefined;
  return isFields(elicitation) &&
    (elicitation.form !== undefined || elicitation.url === undefined);
}

/**
 * Accepts every value as a result: the SDK's own schema would throw away an answer because of one
 * field of it.
 */
const ANY_RESULT = {
  "~standard": {
    version: 1,
    vendor: "cma-mcp",
    validate: (value: unknown) => ({ value }),
  },
} as const;

/** The longest time that a timer can be set for, in milliseconds. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** Asks in the running call; the signal also ends the question's own time. */
async function askInCall(
  question: Question,
  signal: AbortSignal,
  { mcpReq, services: { log, approvalTimeoutMs } }: Asking,
): Promise<PersonAnswer> {
  // The reason is what the client reads in `notifications/cancelled`.
  const closing = new AbortController();
  const withdraw = () =>
    closing.abort(
      signal.reason instanceof DeadlineError
        ? "Nobody answered in time."
        : "The question is no longer open.",
    );
  signal.throwIfAborted();
  signal.addEventListener("abort", withdraw, { once: true });
  try {
    const request = {
      method: "elicitation/create" as const,
      params: formOf(question, approvalTimeoutMs),
    };
    const options = { signal: closing.signal, timeout: NO_TIMEOUT_MS };
    const result: unknown = await mcpReq.send(request, ANY_RESULT, options);
    signal.throwIfAborted();
    return readAnswer(question.calls, result);
  } catch (error) {
    signal.throwIfAborted();
    // Its message may repeat what was asked, or what was typed.
    log.info("The client could not ask a person", { code: codeOf(error) });
    return undecided("failed");
  } finally {
    signal.removeEventListener("abort", withdraw);
  }
}

/**
 * Ends the call with the question.
 *
 * @throws {@linkcode InputNeeded}; the signal's reason
 */
async function endCallWith(
  question: Question,
  round: Round,
  signal: AbortSignal,
  asking: Asking,
): Promise<PersonAnswer> {
  const { sealer, clock, log, approvalTimeoutMs } = asking.services;
  const expiresAt = clock.wallTime() + approvalTimeoutMs;
  const requestState = await sealState(sealer, callOf(asking), question, round, expiresAt);
  signal.throwIfAborted();
  if (requestState === undefined) {
    log.warn("A question has too long a state, and was not asked", { session: question.sessionId });
    return undecided("failed");
  }
  const params = formOf(question, approvalTimeoutMs);
  throw new InputNeeded(question.sessionId, {
    resultType: "input_required",
    inputRequests: { [questionKey(round)]: { method: "elicitation/create", params } },
    requestState,
  });
}

/** Returns the key of a round's question, so that the answer to another round is not taken for it. */
function questionKey({ number }: Round): string {
  return `question_${number}`;
}

async function readCarried(asking: Asking): Promise<CarriedAnswer> {
  const { era, mcpReq: { inputResponses = {}, requestState }, services } = asking;
  // The older protocol knows no states: none was given to its client.
  if (era === "legacy") return { kind: "invalid", why: "unreadable" };
  const { sealer, clock } = services;
  const text = requestState();
  const state = await openState(
    sealer,
    callOf(asking),
    typeof text === "string" ? text : undefined,
    clock.wallTime(),
  );
  if ("kind" in state) return state;
  const { sessionId, calls, round } = state;
  const key = questionKey(round);
  const response = Object.hasOwn(inputResponses, key) ? inputResponses[key] : undefined;
  const answer: PersonAnswer = response === undefined
    ? { kind: "decided", decisions: new Map() }
    : readAnswer(calls, response);
  const shown = calls.map(({ kind, eventId, digest }) => ({ kind, eventId, digest }));
  return { kind: "valid", sessionId, calls: shown, round, answer };
}

/** Returns the code of an error of the client (a number), or of the SDK (a name). */
function codeOf(error: unknown): string | undefined {
  return error instanceof ProtocolError || error instanceof SdkError
    ? String(error.code)
    : undefined;
}

function callOf({ tool, args, principal }: Asking): AskingCall {
  return { tool, args, ...principal && { caller: principal.id } };
}

function undecided(why: Undecided): PersonAnswer {
  return { kind: "undecided", why };
}
