import type { Certificate } from "./certificate.ts";
import { type Blow, type Link, Relay } from "./relay.ts";

/** When a connection fails, relative to the request on it. */
export type Moment = "before it is read" | "after it is read" | "after the head" | "mid-body";

export const MOMENTS: readonly Moment[] = [
  "before it is read",
  "after it is read",
  "after the head",
  "mid-body",
];

/** A request as it was seen on the wire. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** Requests that its connection had carried before. */
  readonly earlier: number;
}

/** What happens to a request in place of its ordinary response. */
export type Fault =
  | { readonly moment: Moment; readonly blow: Blow }
  /** Sends these bytes as the response, then closes the connection unless `keep` is set. */
  | {
    readonly raw: string | Uint8Array;
    /** Responds when the head has come, without reading the body. */
    readonly early?: boolean;
    readonly keep?: boolean;
    readonly blow?: Blow;
  };

type Handler = (request: Request) => Promise<Response>;

const encoder = new TextEncoder();
const HEAD_END = encoder.encode("\r\n\r\n");

function indexOfHeadEnd(bytes: Uint8Array): number {
  return bytes.findIndex((_, at) => HEAD_END.every((byte, offset) => bytes[at + offset] === byte));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Reads requests from a connection, in turn. */
class RequestReader {
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  readonly #connection: Deno.Conn;
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Reads more bytes. @returns false at the end */
  async more(): Promise<boolean> {
    const count = await this.#connection.read(this.#buffer).catch(() => null);
    if (count === null) return false;
    this.#rest = joined(this.#rest, this.#buffer.subarray(0, count));
    return true;
  }

  /** Reads the next head; undefined at the end. */
  async head(): Promise<string | undefined> {
    for (;;) {
      const end = indexOfHeadEnd(this.#rest);
      if (end >= 0) {
        const head = new TextDecoder().decode(this.#rest.subarray(0, end));
        this.#rest = this.#rest.slice(end + HEAD_END.length);
        return head;
      }
      if (!await this.more()) return undefined;
    }
  }

  /** Reads the next `length` bytes; undefined when the connection ends before. */
  async body(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#rest.length < length) if (!await this.more()) return undefined;
    const body = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    return body;
  }
}

function parseHead(head: string, earlier: number): WireRequest {
  const [requestLine = "", ...lines] = head.split("\r\n");
  const [method = "", path = ""] = requestLine.split(" ");
  const headers = new Headers();
  for (const line of lines) {
    const [name = "", ...value] = line.split(":");
    headers.append(name, value.join(":").trim());
  }
  return { method, path, headers, earlier };
}

/** One connection to a {@linkcode FaultyServer}. */
interface Served {
  readonly connection: Deno.Conn;
  readonly link: Link;
  /** What the connection is doing. */
  state: "idle" | "request" | "stream";
}

/**
 * An HTTP/1.1 server on loopback, behind a {@linkcode Relay}. It responds as `handle` says, and
 * makes the requests fail that the test names. With a certificate it speaks TLS and offers HTTP/2
 * as well, so that tests see which protocol a client chooses; it does not speak it.
 */
export class FaultyServer {
  /** Every request whose head came, in order. */
  readonly requests: WireRequest[] = [];
  /** Protocols that clients chose by ALPN. */
  readonly protocols = new Set<string>();
  /** Chooses the fault of a request. */
  faultOf: (request: WireRequest) => Fault | undefined = () => undefined;
  /** Responses wait for it. */
  gate: Promise<void> = Promise.resolve();
  readonly url: string;
  readonly relay: Relay;
  readonly #handle: Handler;
  readonly #listener: Deno.Listener<Deno.Conn>;
  readonly #served = new Set<Served>();
  readonly #work = new Set<Promise<void>>();

  private constructor(
    handle: Handler,
    listener: Deno.Listener<Deno.Conn>,
    relay: Relay,
    scheme: string,
  ) {
    this.#handle = handle;
    this.#listener = listener;
    this.relay = relay;
    this.url = `${scheme}://127.0.0.1:${relay.port}`;
    this.#track(this.#accept());
  }

  static async start(handle: Handler, certificate?: Certificate): Promise<FaultyServer> {
    const address = { hostname: "127.0.0.1", port: 0 };
    const listener: Deno.Listener<Deno.Conn> = certificate
      ? Deno.listenTls({ ...address, ...certificate, alpnProtocols: ["h2", "http/1.1"] })
      : Deno.listen(address);
    if (!("port" in listener.addr)) throw new Error("No port");
    const relay = await Relay.start(listener.addr.port);
    return new FaultyServer(handle, listener, relay, certificate ? "https" : "http");
  }

  /** Makes the next request that matches fail, and no other. */
  strikeNext(fits: (request: WireRequest) => boolean, fault: Fault): void {
    let left = true;
    this.faultOf = (request) => {
      if (!left || !fits(request)) return undefined;
      left = false;
      return fault;
    };
  }

  /** Makes connections fail that are open now; later ones work. */
  strikeOpen(blow: Blow, which: "idle" | "stream" | "all"): void {
    for (const { link, state } of this.#served) {
      if (which === "all" || which === state) link.strike(blow);
    }
  }

  /** Counts the open connections in a state. */
  open(state: Served["state"]): number {
    return [...this.#served].filter((served) => served.state === state).length;
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const { connection } of this.#served) close(connection);
    await this.relay.close();
    await Promise.all(this.#work);
  }

  #track(work: Promise<void>): void {
    const settled = work.catch(() => {}).finally(() => this.#work.delete(settled));
    this.#work.add(settled);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) this.#track(this.#serve(connection));
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const { remoteAddr } = connection;
    if (!("port" in remoteAddr)) throw new Error("No port");
    const link = await this.relay.linkFrom(remoteAddr.port);
    const served: Served = { connection, link, state: "idle" };
    this.#served.add(served);
    try {
      if ("handshake" in connection && typeof connection.handshake === "function") {
        const { alpnProtocol } = await connection.handshake();
        this.protocols.add(alpnProtocol ?? "none");
        if (alpnProtocol === "h2") return;
      }
      const reader = new RequestReader(connection);
      for (let earlier = 0;; earlier++) {
        const head = await reader.head();
        if (head === undefined) return;
        served.state = "request";
        if (!await this.#answer(served, reader, parseHead(head, earlier))) return;
        served.state = "idle";
      }
    } finally {
      this.#served.delete(served);
      close(connection);
    }
  }

  /** Serves a request. @returns true when the connection may carry another */
  async #answer(served: Served, reader: RequestReader, wire: WireRequest): Promise<boolean> {
    this.requests.push(wire);
    const fault = this.faultOf(wire);
    const { connection, link } = served;
    const strike = async (blow: Blow): Promise<false> => {
      link.strike(blow);
      // Kept open until the client closes it, as a dead link is.
      if (blow !== "closed") { while (await reader.more()) { /* unread */ } }
      return false;
    };
    const at = (moment: Moment) => fault && "moment" in fault && fault.moment === moment;
    const blow = fault?.blow ?? "closed";
    if (at("before it is read")) return await strike(blow);
    if (fault && "raw" in fault && fault.early) return await this.#answerRaw(served, fault, strike);
    const body = await reader.body(Number(wire.headers.get("content-length") ?? 0));
    if (!body) return false;
    const gone = new AbortController();
    const response = await this.#handle(
      new Request(new URL(wire.path, this.url), {
        method: wire.method,
        headers: wire.headers,
        body: wire.method === "GET" ? undefined : body,
        signal: gone.signal,
      }),
    );
    await this.gate;
    if (fault && "raw" in fault) return await this.#answerRaw(served, fault, strike);
    if (at("after it is read")) {
      await response.body?.cancel();
      return await strike(blow);
    }
    const isStream = response.headers.get("content-type")?.includes("event-stream") ?? false;
    const whole = isStream ? undefined : new Uint8Array(await response.arrayBuffer());
    const headers = new Headers(response.headers);
    if (whole) headers.set("content-length", String(whole.length));
    else headers.set("transfer-encoding", "chunked");
    const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const headBytes = encoder.encode(`HTTP/1.1 ${response.status} \r\n${lines}\r\n`);
    const deliver = async (bytes: Uint8Array): Promise<void> => {
      const before = link.delivered;
      await writeAll(connection, bytes);
      await link.deliveredMoreThan(before);
    };
    await deliver(headBytes);
    if (at("after the head")) {
      await response.body?.cancel().catch(() => {});
      return await strike(blow);
    }
    if (whole) {
      if (at("mid-body")) {
        await deliver(whole.subarray(0, whole.length >> 1));
        return await strike(blow);
      }
      await writeAll(connection, whole);
      return wire.headers.get("connection") !== "close";
    }
    served.state = "stream";
    const watching = (async () => {
      while (await reader.more()) { /* nothing is to come */ }
      gone.abort();
    })();
    let chunks = 0;
    try {
      for await (const chunk of response.body ?? []) {
        await writeAll(connection, encoder.encode(`${chunk.length.toString(16)}\r\n`));
        await writeAll(connection, joined(chunk, encoder.encode("\r\n")));
        if (at("mid-body") && chunks++ > 0) {
          link.strike(blow);
          break;
        }
      }
      if (!at("mid-body")) await writeAll(connection, encoder.encode("0\r\n\r\n"));
    } catch {
      // The client has gone.
    }
    await watching;
    return false;
  }

  async #answerRaw(
    { connection, link }: Served,
    { raw, keep, blow }: Extract<Fault, { raw: unknown }>,
    strike: (blow: Blow) => Promise<false>,
  ): Promise<boolean> {
    const before = link.delivered;
    const bytes = typeof raw === "string" ? encoder.encode(raw) : raw;
    await writeAll(connection, bytes);
    if (bytes.length > 0) await link.deliveredMoreThan(before);
    if (blow) return await strike(blow);
    return keep ?? false;
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
