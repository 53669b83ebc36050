interface Replica {
  ready: boolean;
  gone: boolean;
  /** Resolves when it is asked no more. */
  probing: Promise<void>;
}

/** A load balancer in a few lines: round robin over what is ready, and nothing kept. */
export class RoundRobin {
  /** Requests that a replica took, by its URL. */
  readonly taken = new Map<string, number>();
  readonly #replicas = new Map<string, Replica>();
  readonly #client = Deno.createHttpClient({ http2: false });
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #next = 0;

  constructor() {
    this.#server = Deno.serve(
      // A client that has gone, or a replica that breaks an answer off, is the test's to notice.
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => Response.error() },
      (request) => this.#forward(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/mcp`;
  }

  /** Sends to a replica, from when it is ready, for as long as it is. */
  async add(url: string): Promise<void> {
    const { promise: isReady, resolve } = Promise.withResolvers<void>();
    const replica: Replica = { ready: false, gone: false, probing: Promise.resolve() };
    const probe = async () => {
      while (!replica.gone) {
        replica.ready = await this.#isReady(url);
        if (replica.ready) resolve();
        await new Promise((next) => setTimeout(next, 20));
      }
    };
    this.#replicas.set(url, replica);
    replica.probing = probe();
    await isReady;
  }

  async remove(url: string): Promise<void> {
    const replica = this.#replicas.get(url);
    this.#replicas.delete(url);
    if (!replica) return;
    replica.gone = true;
    await replica.probing;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#replicas.keys()].map((url) => this.remove(url)));
    await this.#server.shutdown();
    this.#client.close();
  }

  async #isReady(url: string): Promise<boolean> {
    try {
      const response = await fetch(new URL("/ready", url), { client: this.#client });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  async #forward(request: Request): Promise<Response> {
    const { method, headers } = request;
    const body = method === "POST" ? await request.text() : undefined;
    const init = { method, headers, body, client: this.#client };
    const ready = [...this.#replicas].filter(([, replica]) => replica.ready).map(([url]) => url);
    const url = ready[this.#next++ % ready.length];
    if (url === undefined) {
      return new Response(null, { status: 502, headers: { "retry-after": "1" } });
    }
    // What breaks is broken for the client too: a proxy that sent it again would hide a loss.
    const { pathname, search } = new URL(request.url);
    const address = new URL(pathname + search, url);
    const response = await fetch(address, { ...init, signal: request.signal });
    if (response.ok) this.taken.set(url, (this.taken.get(url) ?? 0) + 1);
    return response;
  }
}
