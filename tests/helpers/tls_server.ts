import http2 from "node:http2";
import type { Certificate } from "./certificate.ts";

/** A server for HTTP/1.1 and HTTP/2 on one port of 127.0.0.1. */
export interface TlsServer {
  readonly url: string;
  /** Ends the server and every connection to it. */
  close(): Promise<void>;
}

type Handler = (request: Request) => Promise<Response>;

async function bodyOf(incoming: http2.Http2ServerRequest): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer());
}

async function requestOf(
  incoming: http2.Http2ServerRequest,
  signal: AbortSignal,
): Promise<Request> {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === "string" && !name.startsWith(":")) headers.set(name, value);
  }
  const url = new URL(incoming.url, "https://127.0.0.1");
  const { method } = incoming;
  const body = method === "GET" ? undefined : await bodyOf(incoming);
  return new Request(url, { method, headers, body, signal });
}

async function reply(
  handle: Handler,
  incoming: http2.Http2ServerRequest,
  outgoing: http2.Http2ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  try {
    const response = await handle(await requestOf(incoming, gone.signal));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    // An event stream begins long before its first event.
    if ("flushHeaders" in outgoing && typeof outgoing.flushHeaders === "function") {
      outgoing.flushHeaders();
    }
    for await (const chunk of response.body ?? []) {
      if (gone.signal.aborted) return;
      outgoing.write(chunk);
    }
    outgoing.end();
  } catch {
    // The client has gone, or a fault breaks the connection.
    if (!gone.signal.aborted) outgoing.stream?.destroy?.();
  }
}

/**
 * Serves `handle` as the hosted API does: over HTTP/2 if the client offers it, with a limit of
 * streams per connection.
 */
export async function serveTls(
  handle: Handler,
  { key, cert }: Certificate,
  maxConcurrentStreams: number,
): Promise<TlsServer> {
  const settings = { maxConcurrentStreams };
  const server = http2.createSecureServer({ key, cert, allowHTTP1: true, settings });
  const sockets = new Set<{ destroy(): void }>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (incoming, outgoing) => void reply(handle, incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  return {
    url: `https://127.0.0.1:${address.port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
