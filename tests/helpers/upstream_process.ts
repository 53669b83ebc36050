const ROOT = new URL("../../", import.meta.url);
const PROGRAM = new URL("./upstream.ts", import.meta.url);

/** Where the API of an upstream process is. */
export interface UpstreamAddress {
  /** Plain HTTP/1.1. */
  readonly url: string;
  /** TLS; HTTP/2 with 100 streams per connection, or HTTP/1.1. */
  readonly tlsUrl: string;
  /** PEM; signs for `tlsUrl`. */
  readonly cert: string;
}

/** What an upstream process tells of itself. */
export interface UpstreamState {
  readonly openStreams: number;
  readonly rssBytes: number;
  /** Faults that have struck, by kind. */
  readonly faults?: Readonly<Record<string, number>>;
}

/** What an action is given. */
export interface ControlBody {
  readonly count?: number;
  readonly sessionIds?: readonly string[];
  readonly label?: string;
}

/** A simulator in a process of its own; see `upstream.ts`. */
export class UpstreamProcess {
  readonly address: UpstreamAddress;
  readonly #child: Deno.ChildProcess;
  readonly #client = Deno.createHttpClient({});

  private constructor(child: Deno.ChildProcess, address: UpstreamAddress) {
    this.#child = child;
    this.address = address;
  }

  /** @param options `speed` of its clock, and `seed` of its ids and faults */
  static async start(options: { speed?: number; seed?: number } = {}): Promise<UpstreamProcess> {
    const { speed = 1, seed = 1 } = options;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", PROGRAM.href, String(speed), String(seed)],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let line = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout.values({ preventCancel: true })) {
      line += decoder.decode(chunk, { stream: true });
      if (line.endsWith("\n")) break;
    }
    const address: UpstreamAddress = JSON.parse(line);
    return new UpstreamProcess(child, address);
  }

  /** Makes sessions in the middle of a turn. */
  begin(count: number): Promise<string[]> {
    return this.control("begin", { count });
  }

  /** Ends the turns of sessions; each says when, in milliseconds since the epoch. */
  finish(sessionIds: readonly string[]): Promise<null> {
    return this.control("finish", { sessionIds });
  }

  state(): Promise<UpstreamState> {
    return this.control("state", {});
  }

  /** Resolves when exactly so many streams are open; asks a hundred times a second for a minute. */
  async streamsAre(count: number): Promise<void> {
    let open = -1;
    for (let tries = 0; tries < 6_000; tries++) {
      open = (await this.state()).openStreams;
      if (open === count) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${open} streams are open, not ${count}`);
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
    await this.#child.stdin.close();
    await this.#child.stdout.cancel();
    await this.#child.status;
  }
}
