import type { Simulator } from "../../src/simulator/simulator.ts";
import type { Chaos } from "./upstream_chaos.ts";

function text(value: string) {
  return { content: [{ type: "text", text: value }] };
}

/**
 * Plays a turn of 2 to 40 seconds with random contents, beginning with a queued message.
 *
 * @param label makes the words of this turn its own
 * @returns what the agent will say, in order
 */
export function playTurn(
  simulator: Simulator,
  { clock, random }: Chaos,
  sessionId: string,
  label: string,
): string[] {
  const emit = (type: string, fields: Record<string, unknown> = {}, options = {}) =>
    simulator.emit(sessionId, { type, ...fields }, options);
  const words: string[] = [];
  const message = emit("user.message", text(label), { queued: true });
  let at = random.between(10, 1_500);
  const later = (act: () => void) => {
    clock.after(at, act);
    at += random.between(5, 60);
  };
  later(() => simulator.stamp(sessionId, message));
  later(() => emit("session.status_running"));
  const steps = 1 + Math.floor(random.between(0, 12));
  for (let step = 0; step < steps; step++) {
    at += random.between(0, 3_500);
    const kind = random.pick(["say", "say", "tool", "think", "retry"] as const);
    if (kind === "say" || step === steps - 1) {
      const word = `${label}.${step}`;
      words.push(word);
      later(() => emit("agent.message", text(word)));
    } else if (kind === "tool") {
      later(() => {
        const tool = emit("agent.tool_use", { name: "bash", input: { command: "ls" } });
        clock.after(4, () => emit("agent.tool_result", { tool_use_id: tool, is_error: false }));
      });
    } else if (kind === "think") {
      later(() => emit("agent.thinking"));
    } else {
      const error = { type: "model_overloaded_error", retry_status: { type: "retrying" } };
      later(() => emit("session.error", { error }));
    }
  }
  later(() => emit("session.status_idle", { stop_reason: { type: "end_turn" } }));
  return words;
}
