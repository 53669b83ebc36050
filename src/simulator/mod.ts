/**
 * A Managed Agents API in the process, with scripted agents, switchable habits and faults.
 *
 * ```ts
 * const simulator = createSimulator();
 * const response = await simulator.fetch(
 *   new Request("http://simulator/v1/agents", {
 *     headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
 *   }),
 * );
 * simulator.close();
 * ```
 *
 * @module
 */

export type { SimulatorClock } from "./clock.ts";
export type { Fault, FaultHandle, FaultRule, FaultSwitches } from "./faults.ts";
export { parseFault, parseHabit } from "./flags.ts";
export { type Habits, hostedHabits } from "./habits.ts";
export { type FixtureKey, fixtures } from "./scripts/fixtures.ts";
export type { AppendOptions } from "./session.ts";
export {
  createSimulator,
  type NewSession,
  type RequestRecord,
  type Simulator,
  type SimulatorOptions,
} from "./simulator.ts";
export type { EventBody, SessionStatus } from "./wire.ts";
