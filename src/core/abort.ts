/**
 * Abort signals that leave no listener behind.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** A signal bound to other signals and a deadline; call `dispose` when done with it. */
export interface BoundSignal {
  readonly signal: AbortSignal;
  /** Aborts the signal, and frees the timer and the listeners. */
  abort(reason: unknown): void;
  /** Frees the timer and the listeners. Idempotent. */
  dispose(): void;
}

/** The reason of a signal that {@linkcode bindSignal} aborted because its time was up. */
export class DeadlineError extends Error {
  override name = "DeadlineError";
}

/**
 * A signal that aborts with the first of `signals`, or with a {@linkcode DeadlineError} after
 * `timeoutMs` milliseconds.
 */
export function bindSignal(
  clock: Clock,
  options: { signals?: readonly (AbortSignal | undefined)[]; timeoutMs?: number },
): BoundSignal {
  const controller = new AbortController();
  const cleanups: (() => void)[] = [];
  const dispose = () => {
    while (cleanups.length > 0) cleanups.pop()?.();
  };
  const abort = (reason: unknown) => {
    dispose();
    controller.abort(reason);
  };
  for (const signal of options.signals ?? []) {
    if (!signal) continue;
    if (signal.aborted) {
      abort(signal.reason);
      break;
    }
    const onAbort = () => abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    cleanups.push(() => signal.removeEventListener("abort", onAbort));
  }
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !controller.signal.aborted) {
    cleanups.push(
      clock.after(timeoutMs, () => abort(new DeadlineError(`No answer in ${timeoutMs} ms`))),
    );
  }
  return { signal: controller.signal, abort, dispose };
}

/**
 * Runs requests side by side. The first that fails decides the result, so the others, and their
 * retries, are aborted.
 *
 * @param signal aborts all of them
 * @param start starts all of them with the signal that it is given
 */
export async function allOrAbort<T>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await start(controller.signal);
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Returns the promise's outcome, unless the signal aborts first.
 *
 * @throws the signal's reason; the abandoned promise's own rejection is then ignored
 */
export function raceSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves when the signal aborts; leaves no listener when it already has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/**
 * Waits in a queue, whose owner calls the functions in it in turn.
 *
 * @returns what the owner calls this one with; the place in the queue is then gone
 * @throws the signal's reason when it aborts first
 */
export function waitInTurn<T>(queue: Set<(value: T) => void>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      queue.delete(onTurn);
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const onTurn = (value: T) => {
      end();
      resolve(value);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    queue.add(onTurn);
    if (signal.aborted) onAbort();
  });
}
