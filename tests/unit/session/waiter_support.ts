import { assertEquals } from "@std/assert";
import { silentLogger } from "../../../src/core/logger.ts";
import type { WaitResult } from "../../../src/session/result.ts";
import {
  type CountingWaiter,
  createWaiter,
  type WaiterOptions,
  type WaitRequest,
} from "../../../src/session/waiter.ts";
import { type EventMaker, eventMaker } from "../../helpers/events.ts";
import { FakeSession } from "../../helpers/fake_api.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

/** What {@linkcode setUp} hands to a test. */
export interface WaiterSetUp {
  readonly clock: ManualClock;
  readonly session: FakeSession;
  readonly e: EventMaker;
  readonly waiter: CountingWaiter;
  readonly wait: (request?: Partial<WaitRequest>) => Promise<WaitResult>;
  readonly controller: AbortController;
  readonly progress: string[];
  readonly assertClean: () => Promise<void>;
}

/** A waiter before one session that the test plays, with a clock in the test's hands. */
export function setUp(options: Partial<WaiterOptions> = {}): WaiterSetUp {
  const clock = new ManualClock();
  const session = new FakeSession();
  const e = eventMaker(clock.now());
  const waiter = createWaiter({
    api: session.api,
    clock,
    log: silentLogger,
    random: () => 0.5,
    ...options,
  });
  const controller = new AbortController();
  const progress: string[] = [];
  const wait = (request: Partial<WaitRequest> = {}) =>
    waiter.wait({
      sessionId: "sesn_1",
      timeoutMs: 45_000,
      signal: controller.signal,
      onProgress: (message) => progress.push(message),
      ...request,
    });
  /** Nothing may be left behind by a wait that is over. */
  const assertClean = async () => {
    await settle();
    assertEquals(session.openStreams.length, 0);
    assertEquals(clock.pendingTimers, 0);
  };
  return { clock, session, e, waiter, wait, controller, progress, assertClean };
}
