import Anthropic from "@anthropic-ai/sdk";
import { createSimulator, type Habits, type Simulator } from "../../src/simulator/mod.ts";
import { ManualClock } from "../helpers/manual_clock.ts";

/** The official SDK, talking to a simulator on a manual clock. */
export interface SdkBench {
  readonly client: Anthropic;
  readonly clock: ManualClock;
  readonly simulator: Simulator;
}

/** @param apiKey the only key that the simulator takes; the client has `test-key` */
export function sdkBench(habits: Partial<Habits> = {}, apiKey?: string): SdkBench {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, habits, apiKey, seed: 11 });
  const client = new Anthropic({
    apiKey: "test-key",
    baseURL: "http://simulator",
    maxRetries: 0,
    fetch: (input, init) => simulator.fetch(new Request(input, init)),
  });
  return { client, clock, simulator };
}

/** A text message, as the SDK takes it. */
export function userMessage(text: string): {
  type: "user.message";
  content: { type: "text"; text: string }[];
} {
  return { type: "user.message", content: [{ type: "text", text }] };
}

/** Everything an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
