/**
 * Cancels calls by notifications that come in other HTTP requests.
 *
 * Protocol versions up to 2025-11-25 cancel by `notifications/cancelled`. Over stateless HTTP that
 * is a POST of its own, served by another server instance, while the call's response stream stays
 * open. The MCP session id, which the client repeats, and the request id join the two.
 *
 * @module
 */

/** Calls that can be cancelled from elsewhere in the process. */
export interface RunningCalls {
  /**
   * Registers a call.
   *
   * @param clientKey tells clients apart; a call without one cannot be cancelled from elsewhere
   * @param signal cancels the call as well
   */
  enter(
    clientKey: string | undefined,
    requestId: string | number,
    signal: AbortSignal,
  ): RunningCall;
  /**
   * Cancels the call of the same client that has this id. Cancels none when there are several:
   * claude.ai gives every request of a connection the id 1
   * (https://github.com/modelcontextprotocol/python-sdk/issues/3060). Ignores any other
   * notification, as the protocol demands.
   */
  cancel(clientKey: string | undefined, requestId: string | number): void;
}

/** A registered call. */
export interface RunningCall {
  /** Aborts when either signal cancels the call. */
  readonly signal: AbortSignal;
  leave(): void;
}

export function createRunningCalls(): RunningCalls {
  const running = new Map<string, Set<AbortController>>();
  const keyOf = (clientKey: string, requestId: string | number) =>
    JSON.stringify([clientKey, requestId]);
  return {
    enter(clientKey, requestId, signal) {
      if (clientKey === undefined) return { signal, leave: () => {} };
      const controller = new AbortController();
      const onAbort = () => controller.abort(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      const key = keyOf(clientKey, requestId);
      const sameId = running.get(key) ?? new Set();
      running.set(key, sameId.add(controller));
      return {
        signal: controller.signal,
        leave: () => {
          signal.removeEventListener("abort", onAbort);
          sameId.delete(controller);
          if (sameId.size === 0) running.delete(key);
        },
      };
    },
    cancel(clientKey, requestId) {
      if (clientKey === undefined) return;
      const [controller, ...others] = running.get(keyOf(clientKey, requestId)) ?? [];
      if (others.length > 0) return;
      controller?.abort(new DOMException("The client cancelled the call", "AbortError"));
    },
  };
}
