/**
 * Whether the API can be reached, for load balancers and metrics.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../../api/types.ts";
import { messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";

/** Longest time for the API to show that it can be reached, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

/** Knows whether the API can be reached. */
export interface ApiReadiness {
  /** Asks the API for one agent; resolves to false when it does not answer so. */
  check(): Promise<boolean>;
  /** What the last check found; undefined before the first has ended. */
  readonly last: boolean | undefined;
}

/**
 * Makes the check.
 *
 * @param log gets one line when the API can no longer be reached, with the reason, and one when it
 *   can again: checks come every few seconds
 */
export function createApiReadiness(
  { agents }: { readonly agents: Pick<ManagedAgentsApi["agents"], "list"> },
  log: Logger,
): ApiReadiness {
  let last: boolean | undefined;
  const note = (reached: boolean, error?: unknown) => {
    if (!reached && last !== false) {
      log.warn("The API is not reached: /ready answers 503 until it is", {
        error: messageOf(error),
      });
    } else if (reached && last === false) log.info("The API is reached again");
    last = reached;
    return reached;
  };
  return {
    check: () =>
      agents.list({ limit: 1 }, { timeoutMs: READY_TIMEOUT_MS })
        .then(() => note(true), (error) => note(false, error)),
    get last() {
      return last;
    },
  };
}
