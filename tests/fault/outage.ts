import { createApi } from "../../src/api/client.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { WaitResult } from "../../src/session/result.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Simulator } from "../../src/simulator/mod.ts";
import { ManualClock, settle } from "../helpers/manual_clock.ts";
import { seededRandom } from "../helpers/random.ts";
import { answer, hung, Network, NETWORK_ERRORS } from "./rig.ts";

/** How the API is out of reach. */
export const OUTAGES = {
  "connection refused": () => Promise.reject(NETWORK_ERRORS.refused()),
  "529 overloaded": () => Promise.resolve(answer(529)),
  "no answer at all": (request: Request) => hung(request),
} as const;
export type OutageKind = keyof typeof OUTAGES;
export const OUTAGE_KINDS: readonly OutageKind[] = [
  "connection refused",
  "529 overloaded",
  "no answer at all",
];

/** The organisation's limit. */
export const READS_PER_MINUTE = 1_200;
/** Milliseconds from the first call to the outage, and its length. */
export const OUTAGE_AT_MS = 120_000;
export const OUTAGE_MS = 30_000;
const TURN_MS = { from: 90_000, to: 210_000 } as const;

/** What an outage with many open waits came to. Times are milliseconds since the first call. */
export interface OutageReport {
  readonly kind: OutageKind;
  readonly waits: number;
  /** Waits that ended `idle` with exactly what their agent said. */
  readonly whole: number;
  readonly wrong: readonly WaitResult[];
  readonly requests: readonly { readonly at: number; readonly failed: boolean }[];
  /** Requests that the simulator refused for exceeding its limit. */
  readonly limited: number;
  /** When the last stream was back, after the end of the outage. */
  readonly recoveredMs: number;
  /** When the last wait ended. */
  readonly endedMs: number;
  readonly leaked: readonly string[];
}

/** What plans turns. */
export interface Plan {
  readonly clock: ManualClock;
  readonly simulator: Simulator;
  readonly random: () => number;
}

/** A turn with one message before, one in and one after the outage, where it lasts so long. */
function planTurn({ clock, simulator, random }: Plan, name: string) {
  const sessionId = simulator.createSession({ scripted: false });
  const emit = (type: string, fields: Record<string, unknown> = {}) =>
    simulator.emit(sessionId, { type, ...fields });
  const text = (value: string) => ({ content: [{ type: "text", text: value }] });
  emit("user.message", text("question"));
  emit("session.status_running");
  const endMs = TURN_MS.from + (TURN_MS.to - TURN_MS.from) * random();
  const said: string[] = [];
  for (const share of [0.2, 0.6, 0.9]) {
    const words = `${name} at ${share}`;
    said.push(words);
    clock.after(endMs * share, () => emit("agent.message", text(words)));
  }
  clock.after(endMs, () => emit("session.status_idle", { stop_reason: { type: "end_turn" } }));
  return { sessionId, reply: said.join("\n\n") };
}

/** A network that counts. */
export interface Meter {
  readonly requests: { at: number; failed: boolean }[];
  readonly seen: { limited: number; streamAt: number };
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Counts what goes over the network, and what comes back refused. */
export function meter(network: Network, clock: ManualClock): Meter {
  const startedAt = clock.now();
  const requests: { at: number; failed: boolean }[] = [];
  const seen = { limited: 0, streamAt: 0 };
  const fetch = async (request: Request): Promise<Response> => {
    const record = { at: clock.now() - startedAt, failed: true };
    requests.push(record);
    const response = await network.fetch(request);
    record.failed = !response.ok;
    if (response.status === 429) seen.limited++;
    if (response.ok && request.url.endsWith("/stream")) seen.streamAt = clock.now() - startedAt;
    return response;
  };
  return { requests, seen, fetch };
}

/** Plays an outage of {@linkcode OUTAGE_MS} in front of so many open waits, each on its session. */
export async function playOutage(kind: OutageKind, waits: number): Promise<OutageReport> {
  const clock = new ManualClock();
  const habits = { readRequestsPerMinute: READS_PER_MINUTE };
  const simulator = createSimulator({ clock, habits, seed: 1 });
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
  const waiter = createWaiter({ api, clock, log: silentLogger, random });
  const { signal } = new AbortController();
  const startedAt = clock.now();
  const plans = Array.from(
    { length: waits },
    (_, i) => planTurn({ clock, simulator, random }, `agent ${i}`),
  );
  const results = Promise.all(
    plans.map(({ sessionId }) => waiter.wait({ sessionId, timeoutMs: 600_000, signal })),
  );
  clock.after(OUTAGE_AT_MS, () => {
    network.onRequest = OUTAGES[kind];
    for (const tap of [...network.taps]) tap.break();
  });
  clock.after(OUTAGE_AT_MS + OUTAGE_MS, () => network.onRequest = () => undefined);
  const ended = await clock.runUntil(results);
  const endedMs = clock.now() - startedAt;
  await settle();
  const leaked = network.taps.size + simulator.openStreams();
  simulator.close();
  const wrong = ended.filter((result, i) =>
    result.status !== "idle" || result.reply !== plans[i]?.reply
  );
  return {
    kind,
    waits,
    whole: waits - wrong.length,
    wrong,
    requests: metered.requests,
    limited: metered.seen.limited,
    recoveredMs: metered.seen.streamAt - OUTAGE_AT_MS - OUTAGE_MS,
    endedMs,
    leaked: [
      ...(leaked > 0 ? [`${leaked} streams`] : []),
      ...(clock.pendingTimers > 0 ? [`${clock.pendingTimers} timers`] : []),
    ],
  };
}

/** The most requests in any stretch of `windowMs`. */
export function peak(requests: OutageReport["requests"], windowMs: number): number {
  let most = 0;
  let first = 0;
  requests.forEach(({ at }, index) => {
    while ((requests[first]?.at ?? 0) <= at - windowMs) first++;
    most = Math.max(most, index - first + 1);
  });
  return most;
}

/** Requests of a stretch of time, and how many of them failed. */
export interface Bin {
  readonly fromMs: number;
  requests: number;
  failed: number;
}

/** Requests and how many of them failed, by stretches of `binMs`. */
export function histogram(requests: OutageReport["requests"], binMs: number): Bin[] {
  const last = Math.floor((requests.at(-1)?.at ?? 0) / binMs);
  const bins: Bin[] = Array.from({ length: last + 1 }, (_, i) => ({
    fromMs: i * binMs,
    requests: 0,
    failed: 0,
  }));
  for (const { at, failed } of requests) {
    const bin = bins[Math.floor(at / binMs)];
    if (!bin) continue;
    bin.requests++;
    if (failed) bin.failed++;
  }
  return bins;
}
