import type { Clock } from "../../src/core/clock.ts";
import type { Fault, FaultHandle, Simulator } from "../../src/simulator/mod.ts";
import { createRandom, type Random } from "./random.ts";

/** Milliseconds between two faults. */
const EVERY_MS = 1_500;
/** Requests that one fault makes fail at most, and milliseconds until it ends. */
const MOST_TIMES = 12;
const LIFTED_MS = 4_000;

type MakeFault = (random: Random) => Fault;

const EVENTS = (random: Random) => Math.floor(random.between(0, 6));

const FAULTS: readonly [MakeFault, ...MakeFault[]] = [
  (random) => ({ kind: "latency", ms: random.between(50, 3_000) }),
  (random) => ({ kind: "status", status: random.pick([500, 502, 503, 529]) }),
  () => ({ kind: "status", status: 429 }),
  () => ({ kind: "status", status: 429, retryAfter: 1 }),
  () => ({ kind: "reset" }),
  () => ({ kind: "hang" }),
  (random) => ({ kind: "drop_after", events: EVENTS(random) }),
  (random) => ({ kind: "end_after", events: EVENTS(random) }),
  (random) => ({ kind: "silence_after", events: EVENTS(random) }),
  (random) => ({ kind: "malformed_frame", after: EVENTS(random) }),
  (random) => ({ kind: "slow_first_byte", ms: random.between(100, 6_000) }),
];

/** Random faults of a simulator's reads, from a seed. */
export class Chaos {
  readonly clock: Clock;
  readonly random: Random;
  /** The number of requests that each kind of fault made fail. */
  readonly counts: Record<string, number> = {};
  readonly #simulator: Simulator;
  readonly #active = new Map<FaultHandle, string>();
  #cancel: (() => void) | undefined;

  constructor(simulator: Simulator, clock: Clock, seed: number) {
    this.#simulator = simulator;
    this.clock = clock;
    this.random = createRandom(seed);
  }

  start(): void {
    this.#cancel ??= this.clock.after(EVERY_MS, () => {
      this.#cancel = undefined;
      this.#strike();
      this.start();
    });
  }

  /** Ends the faults, except on streams that already have one. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const handle of [...this.#active.keys()]) this.#lift(handle);
  }

  #strike(): void {
    const { random } = this;
    const fault = random.pick(FAULTS)(random);
    const handle = this.#simulator.faults.add({
      match: { method: "GET" },
      times: 1 + Math.floor(random.between(0, MOST_TIMES)),
      fault,
    });
    this.#active.set(handle, fault.kind === "status" ? String(fault.status) : fault.kind);
    this.clock.after(LIFTED_MS, () => this.#lift(handle));
  }

  #lift(handle: FaultHandle): void {
    const kind = this.#active.get(handle);
    if (kind === undefined) return;
    this.#active.delete(handle);
    handle.remove();
    this.counts[kind] = (this.counts[kind] ?? 0) + handle.used;
  }
}
