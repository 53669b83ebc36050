/**
 * The state of a question that a client keeps until it calls again with the answer (MCP 2026-07-28,
 * multi round-trip requests). It is sealed: a client can neither read it nor make one.
 *
 * @module
 */

import type { Sealer } from "../access/sealing.ts";
import { sha256 } from "../core/sha256.ts";
import { isFields } from "../api/read.ts";
import type { CarriedAnswer, Question, Round } from "../session/person.ts";
import type { FormCall } from "./elicitation.ts";

/** Longest state, in characters: a longer one is not from this server, and is not even opened. */
const MAX_STATE_CHARS = 32_768;

/** Raised with every change of {@linkcode State}: replicas of two versions may run side by side. */
const VERSION = 1;

/** The call that a question belongs to; only the same call can carry its answer. */
export interface AskingCall {
  readonly tool: string;
  readonly args: unknown;
  /** Id of the principal; absent where the transport does not identify callers. */
  readonly caller?: string;
}

/** A question as it was asked. */
export interface AskedQuestion {
  readonly sessionId: string;
  readonly calls: readonly FormCall[];
  readonly round: Round;
}

interface State extends AskedQuestion {
  readonly version: typeof VERSION;
  readonly call: string;
  /** Milliseconds since the Unix epoch: the next call may come to another replica. */
  readonly expiresAt: number;
}

/**
 * Seals the state of a question.
 *
 * @param expiresAt by the wall clock, in milliseconds since the Unix epoch
 * @returns undefined for a question whose state would be too long
 */
export async function sealState(
  sealer: Sealer,
  call: AskingCall,
  { sessionId, calls }: Question,
  round: Round,
  expiresAt: number,
): Promise<string | undefined> {
  const state: State = {
    version: VERSION,
    call: digestOf(call),
    sessionId,
    // Of each call only what the answer needs: no input, and no name.
    calls: calls.map(({ kind, eventId, digest, mayAllow }) => ({
      kind,
      eventId,
      digest,
      mayAllow,
    })),
    round,
    expiresAt,
  };
  const text = await sealer.seal("approval state", state);
  return text.length > MAX_STATE_CHARS ? undefined : text;
}

/**
 * Opens the state that a call carries.
 *
 * @param text of the client; absent where it sent an answer alone
 * @param now by the wall clock, in milliseconds since the Unix epoch
 */
export async function openState(
  sealer: Sealer,
  call: AskingCall,
  text: string | undefined,
  now: number,
): Promise<AskedQuestion | Extract<CarriedAnswer, { kind: "invalid" }>> {
  if (text === undefined || text.length > MAX_STATE_CHARS) return invalid("unreadable");
  const state = await sealer.open("approval state", text);
  if (!isState(state)) return invalid("unreadable");
  if (state.call !== digestOf(call)) return invalid("foreign");
  if (now >= state.expiresAt) return { ...invalid("expired"), sessionId: state.sessionId };
  return state;
}

function invalid(why: "expired" | "unreadable" | "foreign") {
  return { kind: "invalid", why } as const;
}

/** Nobody but this program can seal a state, so its version says what is in it. */
function isState(value: unknown): value is State {
  return isFields(value) && value.version === VERSION;
}

function digestOf({ tool, args, caller }: AskingCall): string {
  return sha256(canonicalJson([tool, args ?? {}, caller ?? null]));
}

/** Returns JSON in which fields are sorted: clients may send a call's arguments in another order. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isFields(value)) return JSON.stringify(value) ?? "null";
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}
