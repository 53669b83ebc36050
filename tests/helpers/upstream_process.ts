import { type Child, startListening } from "./child.ts";

const PROGRAM = new URL("./upstream.ts", import.meta.url).href;

/** The addresses of an upstream process's API. */
export interface UpstreamAddress {
  /** Plain HTTP/1.1. */
  readonly url: string;
  /** TLS; HTTP/2 with 100 streams per connection, or HTTP/1.1. */
  readonly tlsUrl: string;
  /** Certificate of `tlsUrl`, PEM. */
  readonly cert: string;
}

/** The state of an upstream process. */
export interface UpstreamState {
  readonly openStreams: number;
  readonly rssBytes: number;
  /** The number of requests that faults made fail, by kind. */
  readonly faults?: Readonly<Record<string, number>>;
}

/** Reads that an upstream process got: all, the most in a minute of its clock, when the newest came. */
export interface Reads {
  readonly total: number;
  readonly perMinute: number;
  readonly newestAt: number;
}

/** The body of a control request. */
export interface ControlBody {
  readonly count?: number;
  readonly after?: number;
  readonly sessionIds?: readonly string[];
  readonly label?: string;
}

/** Requests to the API, and the bytes of the bodies of its responses, without those of streams. */
export interface CountedTraffic {
  readonly requests: number;
  readonly bytes: number;
}

/** A long session, and the id of one of its last events. */
export interface LongSession {
  readonly sessionId: string;
  readonly afterId: string;
}

type Awaitable<T> = T | Promise<T>;

/** Resolves when exactly `count` streams are open; asks again and again for a minute. */
export async function streamsAre(
  upstream: { state(): Awaitable<Pick<UpstreamState, "openStreams">> },
  count: number,
): Promise<void> {
  let open = -1;
  for (let tries = 0; tries < 6_000; tries++) {
    open = (await upstream.state()).openStreams;
    if (open === count) return;
    await new Promise((resolve) => setTimeout(resolve, tries < 5 ? 2 : 10));
  }
  throw new Error(`${open} streams are open, not ${count}`);
}

/** A simulator in a process of its own; see `upstream.ts`. */
export class UpstreamProcess implements AsyncDisposable {
  readonly address: UpstreamAddress;
  readonly #child: Child;
  /** Keeps few connections: a soak counts the files that are open when all is over. */
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 4 });

  private constructor(child: Child, address: UpstreamAddress) {
    this.#child = child;
    this.address = address;
  }

  /** Starts one. @param options `speed` of its clock, and `seed` of its ids and faults */
  static async start(options: { speed?: number; seed?: number } = {}): Promise<UpstreamProcess> {
    const { speed = 1, seed = 1 } = options;
    const args = ["-A", PROGRAM, String(speed), String(seed)];
    const { child, address } = await startListening<UpstreamAddress>({ args });
    return new UpstreamProcess(child, address);
  }

  /** Makes sessions in the middle of a turn. */
  begin(count: number): Promise<string[]> {
    return this.control("begin", { count });
  }

  /** Ends the turns of sessions; each reply says when, in milliseconds since 1970. */
  finish(sessionIds: readonly string[]): Promise<null> {
    return this.control("finish", { sessionIds });
  }

  /** Makes a session of so many events. @param after the number of events behind `afterId` */
  longSession(events: number, after: number): Promise<LongSession> {
    return this.control("long", { count: events, after });
  }

  /** Makes so many agents, named `worker 0` and so on. */
  createAgents(count: number): Promise<null> {
    return this.control("agents", { count });
  }

  /** Counts from now on, and returns what was counted before. */
  traffic(): Promise<CountedTraffic> {
    return this.control("traffic", {});
  }

  state(): Promise<UpstreamState> {
    return this.control("state", {});
  }

  /** Resolves when exactly `count` streams are open. */
  streamsAre(count: number): Promise<void> {
    return streamsAre(this, count);
  }

  /**
   * Opens a stream on each session, `size` at a time: hosts come one by one, not by the thousand.
   * Resolves when the API has all of them open.
   *
   * @param open begins to open streams; it need not wait for them
   */
  async openInBatches(
    sessionIds: readonly string[],
    size: number,
    open: (batch: readonly string[]) => unknown,
  ): Promise<void> {
    const { openStreams } = await this.state();
    for (let from = 0; from < sessionIds.length; from += size) {
      const batch = sessionIds.slice(from, from + size);
      await open(batch);
      await this.streamsAre(openStreams + from + batch.length);
    }
  }

  async control<T>(action: string, body: ControlBody): Promise<T> {
    const response = await fetch(`${this.address.url}/control/${action}`, {
      method: "POST",
      body: JSON.stringify(body),
      client: this.#client,
    });
    if (!response.ok) throw new Error(`${action}: status ${response.status}`);
    return await response.json();
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#client.close();
    await this.#child.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
