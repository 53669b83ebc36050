import type { Simulator } from "../../src/simulator/mod.ts";
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
  const plan: { readonly gapMs: number; readonly act: () => void }[] = [];
  const later = (act: () => void, gapMs = random.between(5, 60)) => plan.push({ gapMs, act });
  later(() => simulator.stamp(sessionId, message), random.between(10, 1_500));
  later(() => emit("session.status_running"));
  const steps = 1 + Math.floor(random.between(0, 12));
  for (let step = 0; step < steps; step++) {
    const kind = random.pick(["say", "say", "tool", "think", "retry"] as const);
    const gapMs = random.between(0, 3_500);
    if (kind === "say" || step === steps - 1) {
      const word = `${label}.${step}`;
      words.push(word);
      later(() => emit("agent.message", text(word)), gapMs);
    } else if (kind === "tool") {
      let tool = "";
      later(() => tool = emit("agent.tool_use", { name: "bash", input: { command: "ls" } }), gapMs);
      later(() => emit("agent.tool_result", { tool_use_id: tool, is_error: false }));
    } else if (kind === "think") {
      later(() => emit("agent.thinking"), gapMs);
    } else {
      const error = { type: "model_overloaded_error", retry_status: { type: "retrying" } };
      later(() => emit("session.error", { error }), gapMs);
    }
  }
  later(() => emit("session.status_idle", { stop_reason: { type: "end_turn" } }));
  // One timer at a time: under load the runtime's timers do not keep to the order of their times.
  const next = () => {
    const step = plan.shift();
    if (step) {
      clock.after(step.gapMs, () => {
        step.act();
        next();
      });
    }
  };
  next();
  return words;
}
