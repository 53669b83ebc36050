import type { FloodTarget } from "./scenario.ts";

const encoder = new TextEncoder();

/** A connection on which anything can be sent. */
export class FloodSocket {
  readonly #connection: Deno.Conn;
  #closed = false;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** @returns undefined where the program does not take the connection */
  static async open(
    { port, certificate }: Pick<FloodTarget, "port" | "certificate">,
    alpnProtocols: string[] = [],
  ): Promise<FloodSocket | undefined> {
    const address = { hostname: "127.0.0.1", port };
    try {
      return new FloodSocket(
        certificate === undefined
          ? await Deno.connect(address)
          : await Deno.connectTls({ ...address, caCerts: [certificate], alpnProtocols }),
      );
    } catch {
      return undefined;
    }
  }

  /**
   * Sends all of it, as long as the program takes it.
   *
   * @param limitMs when to give up
   * @returns whether it was taken
   */
  async send(data: string | Uint8Array, limitMs = 2_000): Promise<boolean> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const timer = setTimeout(() => this.close(), limitMs);
    try {
      for (let sent = 0; sent < bytes.byteLength;) {
        sent += await this.#connection.write(bytes.subarray(sent));
      }
      return true;
    } catch {
      this.close();
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads until the end, for `limitMs`, or until there are `maxBytes`. */
  async read(limitMs = 2_000, maxBytes = 1_000_000): Promise<string> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    const timer = setTimeout(() => this.close(), limitMs);
    let text = "";
    try {
      while (text.length < maxBytes) {
        const count = await this.#connection.read(buffer);
        if (count === null) break;
        text += decoder.decode(buffer.subarray(0, count), { stream: true });
      }
    } catch {
      // It was cut, or given up.
    } finally {
      clearTimeout(timer);
    }
    return text;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }
}

/** Opens `count` connections, as far as the program takes them; `close` closes them. */
export async function openMany(
  target: FloodTarget,
  count: number,
): Promise<{ readonly sockets: readonly FloodSocket[]; close(): void }> {
  const sockets: FloodSocket[] = [];
  for (let at = 0; at < count; at += 50) {
    const opened = await Promise.all(
      Array.from({ length: Math.min(50, count - at) }, () => FloodSocket.open(target)),
    );
    sockets.push(...opened.filter((socket) => socket !== undefined));
  }
  return { sockets, close: () => sockets.forEach((socket) => socket.close()) };
}

/** Opens `count` connections, runs `run` on each at once, and closes them. */
export async function onConnections(
  target: FloodTarget,
  count: number,
  run: (socket: FloodSocket, index: number) => Promise<unknown>,
  alpnProtocols: string[] = [],
): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const socket = await FloodSocket.open(target, alpnProtocols);
      if (!socket) return;
      try {
        await run(socket, index);
      } finally {
        socket.close();
      }
    }),
  );
}

/** Makes a POST to the MCP endpoint as it goes over the wire; with a token where one is given. */
export function post(body: string, token?: string, headers: readonly string[] = []): string {
  const fields = [
    "POST /mcp HTTP/1.1",
    "host: 127.0.0.1",
    "content-type: application/json",
    "accept: application/json, text/event-stream",
    ...token === undefined ? [] : [`authorization: Bearer ${token}`],
    ...headers,
    `content-length: ${encoder.encode(body).byteLength}`,
  ];
  return `${fields.join("\r\n")}\r\n\r\n${body}`;
}

/** Makes a JSON-RPC request. */
export function request(id: number, method: string, params?: unknown): Record<string, unknown> {
  return { jsonrpc: "2.0", id, method, ...(params !== undefined && { params }) };
}
