import type {
  CallOptions,
  EventStream,
  ListEventsParams,
  ManagedAgentsApi,
  StreamItem,
} from "../../src/api/types.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import { ApiError } from "../../src/api/errors.ts";

type Api = Pick<ManagedAgentsApi, "events" | "sessions">;

/** An open stream of a {@linkcode FakeSession}, which the test controls. */
class FakeStream implements EventStream {
  readonly #items: StreamItem[] = [];
  #end: { error?: unknown } | undefined;
  #wake: () => void = () => {};
  closed = false;

  push(item: StreamItem): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Ends the stream: cleanly, or with an error. */
  finish(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  close(): void {
    this.closed = true;
    this.finish();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StreamItem> {
    while (!this.closed) {
      const item = this.#items.shift();
      if (item) {
        yield item;
      } else if (this.#end) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
  }
}

/** One session behind the API's interface, for tests that control every step. */
export class FakeSession {
  readonly log: SessionEvent[] = [];
  readonly streams: FakeStream[] = [];
  readonly requests: string[] = [];
  status = "idle";
  /** The agent that a read of the session names; none when undefined. */
  agent: { readonly name: string } | undefined;
  /** Lists events whose `processed_at` is null first; otherwise last. */
  nullsFirst = false;
  /** Lists them where they were sent, whatever `processed_at` is. */
  nullsInPlace = false;
  /** Called before each request; may throw, or return a promise that delays it. */
  before: (request: string) => void | Promise<void> = () => {};

  get openStreams(): FakeStream[] {
    return this.streams.filter((stream) => !stream.closed);
  }

  /** Appends to the events and sends to the open streams. */
  emit(...events: SessionEvent[]): void {
    for (const event of events) {
      this.record(event);
      for (const stream of this.openStreams) stream.push({ kind: "event", event });
    }
  }

  /**
   * Appends to the events only, as when the stream loses one; replaces an event with the same id.
   */
  record(event: SessionEvent): void {
    const known = this.log.findIndex((other) => other.id !== undefined && other.id === event.id);
    if (known >= 0) this.log.splice(known, 1);
    this.log.push(event);
  }

  heartbeat(): void {
    for (const stream of this.openStreams) stream.push({ kind: "activity" });
  }

  /** Breaks every open stream. */
  drop(error: unknown = new ApiError("reset", { kind: "connection_lost" })): void {
    for (const stream of this.openStreams) stream.finish(error);
  }

  /** Ends every open stream cleanly. */
  end(): void {
    for (const stream of this.openStreams) stream.finish();
  }

  /** Counts the requests so far, by kind. */
  count(request: string): number {
    return this.requests.filter((made) => made === request).length;
  }

  get api(): Api {
    return {
      events: {
        list: async (_id, params, options) => {
          await this.#request("list", options);
          return this.#page(params);
        },
        stream: async (_id, options) => {
          await this.#request("stream", options);
          const stream = new FakeStream();
          this.streams.push(stream);
          const { signal } = options ?? {};
          signal?.addEventListener("abort", () => {
            stream.finish(signal.reason);
            stream.close();
          }, { once: true });
          return stream;
        },
        send: () => Promise.reject(new Error("not part of a wait")),
      },
      sessions: {
        retrieve: async (id, options) => {
          await this.#request("retrieve", options);
          return { id, status: this.status, ...(this.agent && { agent: this.agent }) };
        },
        create: () => Promise.reject(new Error("not part of a wait")),
        list: () => Promise.reject(new Error("not part of a wait")),
        archive: () => Promise.reject(new Error("not part of a wait")),
      },
    };
  }

  async #request(kind: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.requests.push(kind);
    const gate = Promise.resolve(this.before(kind));
    const aborted = new Promise<never>((_, reject) => {
      const { signal } = options ?? {};
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([gate, aborted]);
  }

  #page(params: ListEventsParams): { data: SessionEvent[]; next_page: string | null } {
    const happened = this.log.filter((event) => event.processed_at !== null);
    const queued = this.log.filter((event) => event.processed_at === null);
    const sorted = this.nullsFirst ? [...queued, ...happened] : [...happened, ...queued];
    const ascending = this.nullsInPlace ? this.log : sorted;
    const ordered = params.order === "desc" ? ascending.toReversed() : ascending;
    const { types } = params;
    const matching = types ? ordered.filter((event) => types.includes(event.type)) : ordered;
    const from = Number(params.page ?? 0);
    const to = from + (params.limit ?? 1_000);
    return {
      data: matching.slice(from, to),
      next_page: to < matching.length ? String(to) : null,
    };
  }
}

/** Makes the error of an error response of the API. */
export function apiError(status: number, retryAfterMs?: number): ApiError {
  const type = status === 404 ? "not_found_error" : undefined;
  return new ApiError(`status ${status}`, { kind: "http", status, type, retryAfterMs });
}
