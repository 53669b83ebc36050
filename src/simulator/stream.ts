/**
 * The server's end of an event stream, and the heartbeats of all streams.
 *
 * @module
 */

import type { SimulatorClock } from "./clock.ts";
import type { StreamFault } from "./faults.ts";

const encoder = new TextEncoder();

/** Encodes one SSE frame; the official SDK reads the `event:` line. */
export function encodeFrame(name: string, data: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

const PING = encodeFrame("ping", { type: "ping" });
const MALFORMED = encoder.encode(
  'event: agent.message\ndata: {"type":"agent.message","id":"se\n\n',
);

/** Options of {@linkcode OutgoingStream}. */
export interface StreamOptions {
  readonly clock: SimulatorClock;
  readonly heartbeats: Heartbeats;
  readonly fault?: StreamFault;
  /** The caller's signal: when it aborts, the stream breaks with its reason. */
  readonly signal: AbortSignal;
  /** Kinds of preview that the caller requested with `event_deltas[]`. */
  readonly previews: ReadonlySet<string>;
  /** Called once when the stream ends, in any way. */
  readonly onClosed: (stream: OutgoingStream) => void;
}

type Ending = { readonly error?: unknown };

/**
 * A stream to a client. Frames wait here until they are read, so that a fault after n events
 * applies after the n-th: erroring a stream would otherwise discard unread frames.
 */
export class OutgoingStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly previews: ReadonlySet<string>;
  readonly #options: StreamOptions;
  readonly #cleanups: (() => void)[] = [];
  readonly #timers: (() => void)[] = [];
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #wanted = false;
  #held = false;
  #ending: Ending | undefined;
  #closed = false;
  #silent = false;
  #events = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.previews = options.previews;
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.#deliver();
      },
      cancel: () => this.#close(),
    }, { highWaterMark: 0 });
    const onAbort = () => this.break(options.signal.reason);
    options.signal.addEventListener("abort", onAbort, { once: true });
    this.#cleanups.push(() => options.signal.removeEventListener("abort", onAbort));
    this.#timers.push(options.heartbeats.add(() => this.#write(PING)));
    this.#hold(options.fault);
    this.#strike();
  }

  /** True when the reader has nothing left to read. */
  get ended(): boolean {
    return this.#closed;
  }

  /** Sends an event's frame. */
  push(frame: Uint8Array<ArrayBuffer>): void {
    this.#write(frame);
    this.#events++;
    this.#strike();
  }

  /** Sends a frame that is no event of the history, such as a preview. */
  pushAside(frame: Uint8Array<ArrayBuffer>): void {
    this.#write(frame);
  }

  /** Ends the stream, after the sent frames. */
  end(): void {
    this.#finish({});
  }

  /** Ends the stream even where a fault holds it. */
  release(): void {
    this.#silent = false;
    this.#held = false;
    this.end();
  }

  /** Breaks the stream at once; unread frames are lost. */
  break(reason: unknown): void {
    if (this.#closed) return;
    this.#close();
    this.#controller?.error(reason);
  }

  #write(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#silent || this.#ending || this.#closed) return;
    this.#waiting.push(frame);
    this.#deliver();
  }

  #hold(fault: StreamFault | undefined): void {
    if (fault?.kind !== "slow_first_byte") return;
    this.#held = true;
    this.#timers.push(this.#options.clock.after(fault.ms, () => {
      this.#held = false;
      this.#deliver();
    }));
  }

  /** Applies the stream's fault when its number of events is reached. */
  #strike(): void {
    const fault = this.#options.fault;
    if (fault?.kind === "drop_after" && this.#events >= fault.events) {
      this.#finish({ error: new TypeError("error reading a body from connection") });
    } else if (fault?.kind === "end_after" && this.#events >= fault.events) {
      this.#finish({});
    } else if (fault?.kind === "silence_after" && this.#events >= fault.events) {
      this.#silent = true;
    } else if (fault?.kind === "malformed_frame" && this.#events === fault.after) {
      this.#write(MALFORMED);
    }
  }

  #finish(ending: Ending): void {
    if (this.#silent || this.#ending || this.#closed) return;
    this.#ending = ending;
    if (!this.#held) this.#stopTimers();
    this.#deliver();
  }

  #deliver(): void {
    if (this.#held || this.#closed) return;
    if (this.#wanted) {
      const frame = this.#waiting.shift();
      if (frame) {
        this.#wanted = false;
        this.#controller?.enqueue(frame);
      }
    }
    if (!this.#ending || this.#waiting.length > 0) return;
    const ending = this.#ending;
    this.#close();
    if ("error" in ending) this.#controller?.error(ending.error);
    else this.#controller?.close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#stopTimers();
    for (const cleanup of this.#cleanups) cleanup();
    this.#options.onClosed(this);
  }

  #stopTimers(): void {
    while (this.#timers.length > 0) this.#timers.pop()?.();
  }
}

interface Bucket {
  readonly due: number;
  readonly beats: Set<() => void>;
  readonly cancel: () => void;
}

/** Calls each added function every `periodMs` milliseconds; a period of 0 calls none. */
export class Heartbeats {
  readonly #clock: SimulatorClock;
  readonly #periodMs: number;
  readonly #byDue = new Map<number, Bucket>();
  readonly #byBeat = new Map<() => void, Bucket>();

  constructor(clock: SimulatorClock, periodMs: number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /** Starts calling `beat`, first after one period; the returned function stops it. */
  add(beat: () => void): () => void {
    if (this.#periodMs <= 0) return () => {};
    this.#schedule(beat);
    return () => this.#remove(beat);
  }

  #schedule(beat: () => void): void {
    const now = this.#clock.now();
    const due = Math.ceil(now + this.#periodMs);
    let bucket = this.#byDue.get(due);
    if (!bucket) {
      bucket = {
        due,
        beats: new Set(),
        cancel: this.#clock.after(due - now, () => this.#ring(due)),
      };
      this.#byDue.set(due, bucket);
    }
    bucket.beats.add(beat);
    this.#byBeat.set(beat, bucket);
  }

  #ring(due: number): void {
    const bucket = this.#byDue.get(due);
    if (!bucket) return;
    this.#byDue.delete(due);
    for (const beat of bucket.beats) this.#schedule(beat);
    for (const beat of bucket.beats) beat();
  }

  #remove(beat: () => void): void {
    const bucket = this.#byBeat.get(beat);
    if (!bucket) return;
    this.#byBeat.delete(beat);
    bucket.beats.delete(beat);
    if (bucket.beats.size > 0) return;
    bucket.cancel();
    this.#byDue.delete(bucket.due);
  }
}
