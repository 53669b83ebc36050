import { bindSignal } from "../core/abort.ts";
import type { ToolCall } from "./define.ts";

/**
 * Runs requests side by side. When one fails the result is known, so the others, and their retries,
 * are given up.
 *
 * @param start starts all of them with the signal that it is given
 */
export async function together<T>(
  call: ToolCall,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failure = new AbortController();
  const bound = bindSignal(call.services.clock, { signals: [call.signal, failure.signal] });
  try {
    return await start(bound.signal);
  } catch (error) {
    failure.abort(error);
    throw error;
  } finally {
    bound.dispose();
  }
}
