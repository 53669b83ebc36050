/**
 * Ends a server so that no response is lost.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Waiter } from "../../session/waiter.ts";
import type { HttpHandler } from "../../http/handler.ts";
import type { InFlight } from "./telemetry.ts";

/**
 * Longest time for running calls to end by themselves, in milliseconds. Waits end at once. With the
 * time for responses it stays below the ten seconds after which container engines kill.
 */
export const CALLS_MS = 8_000;

/** Longest time for responses to get out after that, in milliseconds. */
const ANSWERS_MS = 800;

/** The parts of a server that drains. */
export interface DrainParts {
  readonly handler: HttpHandler;
  readonly waiter: Pick<Waiter, "close">;
  readonly calls: Pick<InFlight, "size" | "idle">;
  /** Stops listening; resolves when every response has been sent. */
  readonly shutdown: () => Promise<void>;
  /**
   * Time for which calls go on as before while `/ready` says that the server will end, in
   * milliseconds; 0 by default.
   */
  readonly lameDuckMs?: number;
  /** Time for which new calls get 503 before the port is closed, in milliseconds; 0 by default. */
  readonly announceMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Drains a server. First it works on, so that load balancers which ask for its readiness go elsewhere
 * before it turns a call away. Then it rejects new calls while it still listens, so that load balancers go
 * elsewhere before the port closes. Then it lets waits return what they have, and other calls end.
 * Then it stops listening.
 */
export async function drain(parts: DrainParts): Promise<void> {
  const { handler, waiter, calls, shutdown, lameDuckMs = 0, announceMs = 0, clock, log } = parts;
  if (lameDuckMs > 0) {
    handler.announceEnd();
    log.info("Ending soon: until then all goes on, and /ready answers 503", { ms: lameDuckMs });
    await clock.sleep(lameDuckMs);
  }
  const running = calls.size;
  if (running > 0) log.info("Draining: calls that run get their answers", { calls: running });
  handler.drain();
  waiter.close();
  if (announceMs > 0) await clock.sleep(announceMs);
  await within(CALLS_MS, calls.idle(), clock);
  if (calls.size > 0) log.warn("Calls are cut off", { calls: calls.size });
  await within(ANSWERS_MS, shutdown(), clock);
  await handler.close();
}

/** Resolves when `done` does, or after `ms` milliseconds. */
export async function within(ms: number, done: Promise<void>, clock: Clock): Promise<void> {
  const enough = new AbortController();
  await Promise.race([done, clock.sleep(ms, enough.signal).catch(() => {})]);
  enough.abort();
}
