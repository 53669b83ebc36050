import type { Simulator } from "../../src/simulator/mod.ts";

/** Fills a session with turns of 100 events. @returns their ids */
export function fillSession(simulator: Simulator, sessionId: string, events: number): string[] {
  const ids: string[] = [];
  const emit = (type: string, fields: Record<string, unknown> = {}) =>
    ids.push(simulator.emit(sessionId, { type, ...fields }));
  const text = (value: string) => ({ content: [{ type: "text", text: value }] });
  while (ids.length < events) {
    emit("user.message", text(`question ${ids.length}`));
    emit("session.status_running");
    for (let index = 0; index < 48; index++) {
      emit("agent.thinking");
      emit("agent.message", text(`step ${index} of the answer, in a line of usual length`));
    }
    emit("session.status_idle", { stop_reason: { type: "end_turn" } });
    emit("session.usage", { usage: { input_tokens: 1_000, output_tokens: 100 } });
  }
  return ids;
}
