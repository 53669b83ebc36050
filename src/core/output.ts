/**
 * Writes to streams that may have no reader: a log that a host does not collect must not stop the
 * process.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** The stream that {@linkcode Output} writes to, and its bounds. */
export interface OutputOptions {
  /**
   * Writes at least one byte, without blocking the thread.
   *
   * @returns the number of bytes written
   */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Most bytes that may wait to be written; texts beyond that are dropped. */
  readonly maxQueuedBytes: number;
  /**
   * Shortest time between two writes, so that texts of many calls go out together: a write on a
   * thread of its own costs more than a log line. When absent, texts are written at once.
   */
  readonly pause?: { readonly ms: number; readonly clock: Pick<Clock, "now" | "after"> };
  /** Called with the number of texts that were dropped, as soon as texts get through again. */
  readonly onDropped?: (texts: number) => void;
}

/** Most bytes of one write. Each write costs about the same, so texts are written together. */
const CHUNK_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/**
 * Writes texts to a stream in order, each whole or not at all. Writing never waits: texts that the
 * reader has not taken are queued up to a bound; beyond it they are dropped and counted.
 */
export class Output {
  readonly #options: OutputOptions;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #writtenBytes = 0;
  #dropped = 0;
  #pumping: Promise<void> | undefined;
  #wroteAt = -Infinity;
  #endPause: (() => void) | undefined;
  #failure: unknown;
  readonly #failed = Promise.withResolvers<void>();

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** Error of the last write that failed: the reader has gone, or the disk is full. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves when the first write fails. */
  get failed(): Promise<void> {
    return this.#failed.promise;
  }

  /**
   * Queues a text.
   *
   * @returns false when it was dropped
   */
  write(text: string): boolean {
    const bytes = encoder.encode(text);
    if (this.#queuedBytes + bytes.byteLength > this.#options.maxQueuedBytes) {
      this.#dropped++;
      return false;
    }
    if (bytes.byteLength === 0) return true;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#pumping ??= this.#pump();
    if (this.#queuedBytes >= CHUNK_BYTES) this.#endPause?.();
    return true;
  }

  /** Resolves when everything is written; never while nobody reads. */
  async drained(): Promise<void> {
    while (this.#pumping !== undefined) {
      this.#endPause?.();
      await this.#pumping;
    }
  }

  /**
   * Resolves when everything is written, or when nothing was written for `stallMs` milliseconds.
   */
  async flush(clock: Pick<Clock, "sleep">, stallMs: number): Promise<void> {
    while (this.#pumping !== undefined) {
      this.#endPause?.();
      const before = this.#writtenBytes;
      const enough = new AbortController();
      await Promise.race([this.#pumping, clock.sleep(stallMs, enough.signal).catch(() => {})]);
      enough.abort();
      if (this.#writtenBytes === before) return;
    }
  }

  async #pump(): Promise<void> {
    // Texts of the same turn of the event loop go out together.
    await Promise.resolve();
    await this.#pause();
    while (this.#queue.length > 0) {
      const texts = this.#take();
      try {
        await this.#writeAll(joined(texts));
      } catch (error) {
        // Try the next text all the same: a disk may have room again.
        this.#failure = error;
        this.#failed.resolve();
        this.#dropped += texts.length;
        continue;
      }
      this.#tellDropped();
    }
    // At once, not when the promise has settled: a text that came in between would stay in the queue.
    this.#pumping = undefined;
  }

  /** Waits until the pause after the last write is over, or until somebody waits for the queue. */
  #pause(): Promise<void> | undefined {
    const { pause } = this.#options;
    if (!pause) return undefined;
    const leftMs = this.#wroteAt + pause.ms - pause.clock.now();
    if (leftMs <= 0) return undefined;
    return new Promise((resolve) => {
      const cancel = pause.clock.after(leftMs, () => this.#endPause?.());
      this.#endPause = () => {
        cancel();
        this.#endPause = undefined;
        resolve();
      };
    });
  }

  #take(): Uint8Array[] {
    let bytes = 0;
    let count = 0;
    do bytes += this.#queue[count++]?.byteLength ?? 0; while (
      count < this.#queue.length && bytes + (this.#queue[count]?.byteLength ?? 0) <= CHUNK_BYTES
    );
    return this.#queue.splice(0, count);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let sent = 0;
    try {
      while (sent < bytes.byteLength) {
        this.#wroteAt = this.#options.pause?.clock.now() ?? 0;
        const count = await this.#options.write(bytes.subarray(sent));
        sent += count;
        this.#queuedBytes -= count;
        this.#writtenBytes += count;
      }
    } finally {
      this.#queuedBytes -= bytes.byteLength - sent;
    }
  }

  #tellDropped(): void {
    if (this.#dropped === 0 || this.#queuedBytes > this.#options.maxQueuedBytes / 2) return;
    const texts = this.#dropped;
    this.#dropped = 0;
    this.#options.onDropped?.(texts);
  }
}

/**
 * Streams that a person sees as one, such as stdout and stderr of a terminal: what is written to one
 * is out before the next text goes to another.
 */
export class Turns {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #stallMs: number;
  #last: Output | undefined;
  #waiting: { readonly output: Output; readonly write: () => void }[] = [];
  #isRunning = false;
  #running = Promise.resolve();

  /** @param stallMs a stream that nobody reads holds the others up for so many milliseconds */
  constructor(clock: Pick<Clock, "sleep">, stallMs: number) {
    this.#clock = clock;
    this.#stallMs = stallMs;
  }

  /** Calls `write`, which writes to `output`, at once or when it is that stream's turn. */
  take(output: Output, write: () => void): void {
    this.#waiting.push({ output, write });
    if (!this.#isRunning) this.#running = this.#run();
  }

  /** Resolves when everything has been given to its stream. */
  async done(): Promise<void> {
    while (this.#isRunning) await this.#running;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (this.#last !== next.output) await this.#last?.flush(this.#clock, this.#stallMs);
      this.#last = next.output;
      next.write();
    }
    this.#isRunning = false;
  }
}

function joined(texts: readonly Uint8Array[]): Uint8Array {
  const [first] = texts;
  if (first && texts.length === 1) return first;
  const bytes = new Uint8Array(texts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const text of texts) {
    bytes.set(text, offset);
    offset += text.byteLength;
  }
  return bytes;
}
