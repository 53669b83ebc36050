/**
 * A session whose agent the test plays itself, so that it stands still where the test looks at it.
 *
 * @module
 */

import type { NewSession, Simulator } from "../../src/simulator/mod.ts";

type Fields = Record<string, unknown>;

/** Makes the content of a message. */
function content(text: string): Fields {
  return { content: [{ type: "text", text }] };
}

/** A session in which nothing happens by itself. */
export class PlayedSession {
  readonly id: string;
  readonly #simulator: Simulator;

  constructor(
    simulator: Simulator,
    { agent = "slow", title }: Pick<NewSession, "agent" | "title"> = {},
  ) {
    this.#simulator = simulator;
    this.id = simulator.createSession({ agent, title, scripted: false });
  }

  /** Adds an event. @returns its id */
  emit(type: string, fields: Fields = {}): string {
    return this.#simulator.emit(this.id, { type, ...fields });
  }

  /** Begins a turn. */
  start(message: string): void {
    this.emit("user.message", content(message));
    this.emit("session.status_running");
  }

  say(text: string): void {
    this.emit("agent.message", content(text));
  }

  /** Calls a tool. @returns the id of the call */
  tool(name: string, input: Fields = {}): string {
    return this.emit("agent.tool_use", { name, input, evaluated_permission: "allow" });
  }

  /** Gives the result of a call. */
  result(tool_use_id: string, text = "Done.", is_error = false): void {
    this.emit("agent.tool_result", { tool_use_id, is_error, ...content(text) });
  }

  /** Calls tools that a person must allow, and waits for the decisions. @returns ids of the calls */
  ask(...calls: readonly { readonly name: string; readonly input: Fields }[]): string[] {
    const ids = calls.map(({ name, input }) =>
      this.emit("agent.tool_use", { name, input, evaluated_permission: "ask" })
    );
    this.emit("session.status_idle", {
      stop_reason: { type: "requires_action", event_ids: ids },
    });
    return ids;
  }

  /** Ends the turn. */
  end(reply?: string): void {
    if (reply !== undefined) this.say(reply);
    this.emit("session.status_idle", { stop_reason: { type: "end_turn" } });
  }
}
