import { bindSignal } from "./abort.ts";
import type { Clock } from "./clock.ts";

/**
 * Runs requests side by side. The first that fails decides the result, so the others, and their
 * retries, are aborted.
 *
 * @param signal aborts all of them
 * @param start starts all of them with the signal that it is given
 */
export async function allOrAbort<T>(
  clock: Clock,
  signal: AbortSignal,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failure = new AbortController();
  const bound = bindSignal(clock, { signals: [signal, failure.signal] });
  try {
    return await start(bound.signal);
  } catch (error) {
    failure.abort(error);
    throw error;
  } finally {
    bound.dispose();
  }
}
