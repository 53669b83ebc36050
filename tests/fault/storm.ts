import { createApi } from "../../src/api/client.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { WaitResult } from "../../src/session/result.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { ManualClock, settle } from "../helpers/manual_clock.ts";
import { seededRandom } from "../helpers/random.ts";
import { meter, type OutageReport, READS_PER_MINUTE } from "./outage.ts";
import { answer, Network } from "./rig.ts";

/** Milliseconds over which the waits are opened, and from the first of them to the storm. */
const OPENING_MS = 240_000;
const STORM_AT_MS = 500_000;

/** How a storm goes on after all connections have dropped at once. */
export interface StormOptions {
  readonly waits: number;
  /** Milliseconds from the first drop to further ones. */
  readonly dropsAgainAt?: readonly number[];
  /** Milliseconds for which the API refuses every request with 429 and a retry-after. */
  readonly refusesForMs?: number;
}

/** What a storm came to. Times are milliseconds since the first drop. */
export interface StormReport {
  readonly wrong: readonly WaitResult[];
  /** Every request since the storm began. */
  readonly requests: OutageReport["requests"];
  /** Requests that the simulator refused for exceeding its limit. */
  readonly limited: number;
  /** When each wait had its stream again. */
  readonly attachedMs: number;
  /** The share of waits that had it after half a minute. */
  readonly attachedSoon: number;
  /** By how much the results of turns came late that ended after every stream was back. */
  readonly latestMs: number;
  /** The same of turns that ended while the streams were away: on average, and at most. */
  readonly missedMs: { readonly mean: number; readonly most: number };
  readonly leaked: readonly string[];
}

/**
 * Drops the streams of so many waits at once. A tenth of the turns end while the streams are away, a
 * tenth within the minute after they are back, and all others later.
 */
export async function playStorm(
  { waits, dropsAgainAt = [], refusesForMs = 0 }: StormOptions,
): Promise<StormReport> {
  const clock = new ManualClock();
  const simulator = createSimulator({
    clock,
    habits: { readRequestsPerMinute: READS_PER_MINUTE },
    seed: 1,
  });
  const network = new Network(simulator);
  const metered = meter(network, clock);
  const random = seededRandom(7);
  const api = createApi({
    baseUrl: "http://simulator.test",
    credential: () => ({ kind: "api_key", value: "test-key" }),
    fetch: metered.fetch,
    clock,
    random,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger, random, maxWaits: waits });
  const { signal } = new AbortController();
  const startedAt = clock.now();
  const stormAt = startedAt + STORM_AT_MS;
  let latestMs = 0;
  const missed: number[] = [];
  const wait = async (index: number) => {
    const sessionId = simulator.createSession({ scripted: false });
    const text = (value: string) => ({ content: [{ type: "text", text: value }] });
    const emit = (type: string, fields: Record<string, unknown> = {}) =>
      simulator.emit(sessionId, { type, ...fields });
    emit("user.message", text("question"));
    emit("session.status_running");
    const reply = `answer ${index}`;
    const [fromMs, spreadMs] = index % 10 === 0
      ? [0, 100]
      : index % 10 === 1
      ? [35_000, 30_000]
      : [200_000, 100_000];
    const endsAt = stormAt + fromMs + spreadMs * random();
    clock.after(endsAt - clock.now(), () => {
      emit("agent.message", text(reply));
      emit("session.status_idle", { stop_reason: { type: "end_turn" } });
    });
    await clock.sleep(OPENING_MS * index / waits);
    const result = await waiter.wait({ sessionId, timeoutMs: 3_600_000, signal });
    if (fromMs === 0) missed.push(clock.now() - endsAt);
    else latestMs = Math.max(latestMs, clock.now() - endsAt);
    return result.status === "idle" && result.reply === reply ? [] : [result];
  };
  const results = Promise.all(Array.from({ length: waits }, (_, index) => wait(index)));
  const drop = () => {
    for (const tap of [...network.taps]) tap.break();
  };
  let attachedMs = Infinity;
  let attachedSoon = 0;
  const lookOut = () => {
    const { openStreams, openWaits } = waiter.stats();
    if (openStreams === openWaits) attachedMs = clock.now() - stormAt;
    else clock.after(100, lookOut);
  };
  clock.after(STORM_AT_MS, () => {
    metered.requests.length = 0;
    metered.seen.limited = 0;
    if (refusesForMs > 0) {
      network.onRequest = () => Promise.resolve(answer(429, { "retry-after": "2" }));
      clock.after(refusesForMs, () => network.onRequest = () => undefined);
    }
    drop();
    clock.after(30_000, () => {
      const { openStreams, openWaits } = waiter.stats();
      attachedSoon = openStreams / openWaits;
    });
    for (const ms of dropsAgainAt) clock.after(ms, drop);
    clock.after(Math.max(100, ...dropsAgainAt.map((ms) => ms + 100)), lookOut);
  });
  const wrong = (await clock.runUntil(results)).flat();
  await settle();
  const leaked = network.taps.size + simulator.openStreams();
  simulator.close();
  return {
    wrong,
    requests: metered.requests,
    limited: metered.seen.limited,
    attachedMs,
    attachedSoon,
    latestMs,
    missedMs: {
      mean: missed.reduce((sum, ms) => sum + ms, 0) / missed.length,
      most: Math.max(...missed),
    },
    leaked: [
      ...(leaked > 0 ? [`${leaked} streams`] : []),
      ...(clock.pendingTimers > 0 ? [`${clock.pendingTimers} timers`] : []),
    ],
  };
}
