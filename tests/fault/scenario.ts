import type { WaitStatus } from "../../src/session/verdict.ts";
import type { Habits } from "../../src/simulator/mod.ts";
import type { Rig } from "./rig.ts";

/** Something that sessions do, or that servers do with them, and what a wait must make of it. */
export interface Scenario {
  readonly name: string;
  readonly habits?: Partial<Habits>;
  /** Sets the session up and plans what happens to it while the wait is on. */
  plan(rig: Rig): void;
  readonly status: WaitStatus;
  readonly reply: string;
  /** The result may not come before or after these many milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly requests: number;
  readonly timeoutMs?: number;
}

/** Bounds of an answer that needs no waiting. */
export const quick = { fromMs: 0, toMs: 0, requests: 2 };

/** A turn that is on: begun, nothing said yet. */
export function begun(rig: Rig): void {
  rig.pastTurn();
  rig.user("question");
  rig.running();
}

export function runEvent(rig: Rig, change: string, fields: Record<string, unknown> = {}): void {
  rig.emit(`workflow_run.${change}`, { workflow_run_id: "wrun_1", name: "nightly", ...fields });
}

export function asks(rig: Rig, name: string): string {
  return rig.emit("agent.tool_use", { name, input: {}, evaluated_permission: "ask" });
}

export function allow(rig: Rig, toolUseId: string): void {
  rig.emit("user.tool_confirmation", { tool_use_id: toolUseId, result: "allow" });
}

export function text(value: string): Record<string, unknown> {
  return { content: [{ type: "text", text: value }] };
}

export function endTurn(): Record<string, unknown> {
  return { stop_reason: { type: "end_turn" }, stop_details: null };
}

export function sessionError(rig: Rig, retryStatus: string): void {
  const error = {
    type: "model_overloaded_error",
    message: "busy",
    retry_status: { type: retryStatus },
  };
  rig.emit("session.error", { error });
}
