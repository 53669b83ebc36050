import { createApi } from "../../src/api/client.ts";
import { ApiError } from "../../src/api/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { WaitResult } from "../../src/session/result.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Habits, type Simulator } from "../../src/simulator/mod.ts";
import { ManualClock, settle } from "../helpers/manual_clock.ts";

const encoder = new TextEncoder();

/** A stream's body on its way to the client, in the test's hands. */
class StreamTap {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #over = false;
  /** Lets the bytes through, changed or not; undefined swallows them. */
  filter: (chunk: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined = (chunk) =>
    chunk;

  constructor(source: ReadableStream<Uint8Array<ArrayBuffer>>, onOver: () => void) {
    this.#reader = source.getReader();
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#finish(),
    });
    this.#onOver = onOver;
    this.#pump();
  }

  readonly #onOver: () => void;

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onOver();
    this.#reader.cancel().catch(() => {});
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (this.#over) return;
        if (done) return this.end();
        const chunk = this.filter(value);
        if (chunk) this.#controller?.enqueue(chunk);
      }
    } catch (error) {
      if (!this.#over) this.break(error);
    }
  }

  inject(text: string): void {
    if (!this.#over) this.#controller?.enqueue(encoder.encode(text));
  }

  /** A connection reset: what follows is lost. */
  break(error: unknown = new TypeError("error reading a body from connection")): void {
    if (this.#over) return;
    this.#finish();
    this.#controller?.error(error);
  }

  /** A clean end. */
  end(): void {
    if (this.#over) return;
    this.#finish();
    this.#controller?.close();
  }
}

/** Failures of `fetch` as Deno throws them. */
export const NETWORK_ERRORS = {
  refused: () =>
    new TypeError("fetch failed", {
      cause: new Error("client error (Connect): tcp connect error: Connection refused"),
    }),
  dns: () =>
    new TypeError("fetch failed", {
      cause: new Error("client error (Connect): dns error: failed to lookup address"),
    }),
  reset: () =>
    new TypeError("fetch failed", {
      cause: new Error("connection closed before message completed"),
    }),
} as const;

/** The network between client and API: what it does to requests and to open streams. */
export class Network {
  readonly taps = new Set<StreamTap>();
  /** Requests that reached the network, those that failed there included. */
  requests = 0;
  /** Fails or delays a request; undefined lets it through. */
  onRequest: (request: Request) => Promise<Response | undefined> | undefined = () => undefined;
  /** Called with each stream that opens. */
  onStream: (tap: StreamTap) => void = () => {};
  readonly #simulator: Simulator;

  constructor(simulator: Simulator) {
    this.#simulator = simulator;
  }

  fetch = async (request: Request): Promise<Response> => {
    this.requests++;
    const instead = await this.onRequest(request);
    request.signal.throwIfAborted();
    if (instead) return instead;
    const response = await this.#simulator.fetch(request);
    const isStream = response.ok && new URL(request.url).pathname.endsWith("/stream");
    if (!isStream || !response.body) return response;
    const tap = new StreamTap(response.body, () => this.taps.delete(tap));
    this.taps.add(tap);
    this.onStream(tap);
    return new Response(tap.body, { headers: response.headers });
  };
}

/** What a case did, for the report. */
export interface Outcome {
  readonly result: WaitResult;
  readonly requests: number;
  /** Milliseconds of simulated time from the call to its result. */
  readonly elapsedMs: number;
  readonly leaked: string[];
}

/** What several rigs share, so that their sessions are those of one API. */
export type SharedWorld = Pick<Rig, "clock" | "simulator">;

/** One session behind a network that can fail, a waiter in front of it, and a clock for both. */
export class Rig {
  readonly clock: ManualClock;
  readonly simulator: Simulator;
  readonly network: Network;
  readonly sessionId: string;
  readonly #waiter;
  readonly #controller = new AbortController();

  constructor(habits: Partial<Habits> = {}, shared?: SharedWorld) {
    this.clock = shared?.clock ?? new ManualClock();
    this.simulator = shared?.simulator ?? createSimulator({ clock: this.clock, habits, seed: 1 });
    this.network = new Network(this.simulator);
    this.sessionId = this.simulator.createSession({ scripted: false });
    const api = createApi({
      baseUrl: "http://simulator.test",
      credential: () => ({ kind: "api_key", value: "test-key" }),
      fetch: this.network.fetch,
      clock: this.clock,
      random: () => 0.5,
    });
    const { clock } = this;
    this.#waiter = createWaiter({ api, clock, log: silentLogger, random: () => 0.5 });
  }

  emit(type: string, fields: Record<string, unknown> = {}, options = {}): string {
    return this.simulator.emit(this.sessionId, { type, ...fields }, options);
  }

  user(text: string, options = {}): string {
    return this.emit("user.message", { content: [{ type: "text", text }] }, options);
  }

  text(text: string): string {
    return this.emit("agent.message", { content: [{ type: "text", text }] });
  }

  idle(type = "end_turn", fields: Record<string, unknown> = {}): string {
    return this.emit("session.status_idle", {
      stop_reason: { type, ...fields },
      stop_details: null,
    });
  }

  running(): string {
    return this.emit("session.status_running");
  }

  stamp(eventId: string): void {
    this.simulator.stamp(this.sessionId, eventId);
  }

  /** A whole turn in the past. */
  pastTurn(text = "OLD"): void {
    this.user("earlier");
    this.running();
    this.text(text);
    this.idle();
  }

  /** Runs `act` at a time from now. */
  at(ms: number, act: () => void): void {
    this.clock.after(ms, act);
  }

  async wait(timeoutMs = 120_000, afterId?: string): Promise<Outcome> {
    const startedAt = this.clock.now();
    const before = this.network.requests;
    const waiting = this.#waiter.wait({
      sessionId: this.sessionId,
      timeoutMs,
      afterId,
      signal: this.#controller.signal,
    });
    const result = await this.clock.runUntil(waiting, timeoutMs + 1_000);
    const elapsedMs = this.clock.now() - startedAt;
    const requests = this.network.requests - before;
    await settle();
    return { result, requests, elapsedMs, leaked: this.#leaks() };
  }

  /** As when a message was sent of which only that is known. */
  expect(): void {
    this.#waiter.rememberSend(this.sessionId);
  }

  /** Cancels a wait after so many turns of the event loop; no simulated time passes. */
  async cancelAfterTurns(turns: number): Promise<string> {
    const controller = new AbortController();
    const waiting = this.#waiter.wait({
      sessionId: this.sessionId,
      timeoutMs: 60_000,
      signal: controller.signal,
    });
    const outcome = waiting.then(({ status }) => status, () => "cancelled");
    for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setTimeout(resolve, 0));
    controller.abort(new Error("cancelled by the test"));
    await settle();
    return await outcome;
  }

  close(): void {
    this.simulator.close();
  }

  #leaks(): string[] {
    const leaks: string[] = [];
    if (this.network.taps.size > 0) leaks.push(`${this.network.taps.size} streams`);
    if (this.simulator.openStreams() > 0) leaks.push(`${this.simulator.openStreams()} API streams`);
    return leaks;
  }
}

/** A request that never gets an answer. */
export function hung(request: Request): Promise<never> {
  return new Promise((_, reject) => {
    request.signal.addEventListener("abort", () => reject(request.signal.reason), { once: true });
  });
}

/** An error answer of the API. */
export function answer(status: number, headers: Record<string, string> = {}): Response {
  const body = { type: "error", error: { type: "api_error", message: `fault ${status}` } };
  return new Response(JSON.stringify(body), { status, headers });
}

export { ApiError };
export type { StreamTap };
