/**
 * Proofs: each lets its caller bring a person's decision on one tool call of an agent, as the person
 * was shown it. Hosts keep proofs from their models, and give them to the page at which a person
 * decides.
 *
 * A proof is sealed, so that every replica with the same sealing key opens it, and none keeps
 * anything. A wrong one uses nothing up.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Redact } from "../core/redact.ts";
import type { AskedCall } from "../session/person.ts";
import { type Caller, sealedIdOf } from "./principal.ts";
import type { Sealer } from "./sealing.ts";

/** A tool call as a person was shown it. */
export type ProvenCall = Pick<AskedCall, "kind" | "eventId" | "digest" | "mayAllow">;

/** What makes proofs, and opens them. */
export interface ProofTools {
  readonly sealer: Pick<Sealer, "seal" | "open">;
  readonly clock: Pick<Clock, "wallTime">;
  /** Results pass through it, and a proof must come out as it went in. */
  readonly redact: Pick<Redact, "thorough">;
}

/** A proof that was opened. */
export type OpenedProof =
  | { readonly kind: "valid"; readonly call: ProvenCall }
  /** `foreign`: it belongs to another caller, session or event. */
  | { readonly kind: "invalid"; readonly why: "expired" | "unreadable" | "foreign" };

/** Time after which a proof has ended, in milliseconds. */
export const PROOF_MS = 600_000;

/** Longest proof that is opened, in characters: with ids of usual length it has about 300. */
export const MAX_PROOF_CHARS = 2_048;

/** Times that a proof is sealed until no secret seems to stand in it; each makes another text. */
const MAX_SEALINGS = 4;

/**
 * Makes the proof of a call that is about to be shown to a person.
 *
 * @returns undefined where it would be too long, or holds what looks like a secret
 */
export async function makeProof(
  { sealer, clock, redact }: ProofTools,
  { principal }: Pick<Caller, "principal">,
  sessionId: string,
  { eventId, kind, digest, mayAllow }: ProvenCall,
): Promise<string | undefined> {
  const endsAt = clock.wallTime() + PROOF_MS;
  const value = [sealedId({ principal }), sessionId, eventId, kind, digest, mayAllow, endsAt];
  for (let time = 0; time < MAX_SEALINGS; time++) {
    const proof = await sealer.seal("proof", value);
    if (proof.length > MAX_PROOF_CHARS) return undefined;
    if (redact.thorough(proof) === proof) return proof;
  }
  return undefined;
}

/**
 * Opens a proof that a caller brings for a call.
 *
 * @param proof any text that a client sent
 */
export async function openProof(
  { sealer, clock }: Omit<ProofTools, "redact">,
  { principal }: Pick<Caller, "principal">,
  named: { readonly sessionId: string; readonly eventId: string },
  proof: string,
): Promise<OpenedProof> {
  if (proof.length > MAX_PROOF_CHARS) return invalid("unreadable");
  const value = await sealer.open("proof", proof);
  if (!Array.isArray(value)) return invalid("unreadable");
  const [principalId, sessionId, eventId, kind, digest, mayAllow, endsAt]: readonly unknown[] =
    value;
  if (!isKind(kind) || typeof digest !== "string" || digest === "") return invalid("unreadable");
  if (typeof mayAllow !== "boolean" || typeof endsAt !== "number") return invalid("unreadable");
  const isTheirs = principalId === sealedId({ principal }) && sessionId === named.sessionId &&
    eventId === named.eventId;
  if (!isTheirs) return invalid("foreign");
  if (clock.wallTime() >= endsAt) return invalid("expired");
  return { kind: "valid", call: { eventId: named.eventId, kind, digest, mayAllow } };
}

function sealedId(caller: Pick<Caller, "principal">): string | null {
  return caller.principal ? sealedIdOf(caller) : null;
}

function invalid(why: "expired" | "unreadable" | "foreign") {
  return { kind: "invalid", why } as const;
}

function isKind(value: unknown): value is AskedCall["kind"] {
  return value === "tool_confirmation" || value === "custom_tool_result";
}
