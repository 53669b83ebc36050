/**
 * HTTP servers on Node.
 *
 * @module
 */

import http from "node:http";
import http2 from "node:http2";
import type net from "node:net";
import process from "node:process";
import type { Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type tls from "node:tls";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { webStream } from "./node_streams.ts";
import {
  BOUNDS,
  CutConnection,
  type HandleRequest,
  isStream,
  type ListenAddress,
  ListenError,
  type Listening,
} from "./runtime.ts";

/**
 * Files that are kept for everything but clients' connections, above all for those to the API. Node
 * tells nobody when it can accept no connection: it then drops those that come, without a word.
 */
const SPARE_FILES = 64;

/** Most requests that a client sends ahead of their responses; it has no reason to send any. */
const MAX_PIPELINED = 16;

/** Most bytes of a request's head. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Header fields of a connection, whose framing is Node's. */
const OF_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

type Incoming = http.IncomingMessage | http2.Http2ServerRequest;
type Outgoing = http.ServerResponse | http2.Http2ServerResponse;

/** A connection of a client. */
class Connection {
  /** One for each request that waits for its response. */
  readonly running = new Set<AbortController>();
  /** With HTTP/1.1, how many requests wait for their response or for their turn. */
  waiting = 0;
  /** With HTTP/1.1, resolves when the last response has gone out. */
  sent: Promise<void> = Promise.resolve();
  /** True once a request has come. */
  isUsed = false;
  /** What ends it gently: with TLS, that of the handshake. */
  socket: net.Socket;
  session: http2.ServerHttp2Session | undefined;
  /** By the clock's `now()`. */
  usedAt: number;
  readonly closed: Promise<void>;

  constructor(socket: net.Socket, now: number) {
    this.socket = socket;
    this.usedAt = now;
    this.closed = new Promise((resolve) =>
      socket.once("close", () => {
        for (const controller of this.running) controller.abort();
        resolve();
      })
    );
  }

  /** Closes it when what was written is out, unless a request runs or waits for its turn. */
  closeIfIdle(): void {
    if (this.session) this.session.close();
    else if (!this.isUsed) this.socket.destroy();
    else if (this.running.size === 0 && this.waiting === 0) this.socket.destroySoon();
  }
}

/**
 * Serves as {@linkcode Listen} says, with TLS also HTTP/2. Node bounds the head of a request to 64 KB
 * (431) and to a minute, and a whole request to five minutes.
 */
export async function listenOnNode(
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
  clock: Clock = systemClock,
): Promise<Listening> {
  /** By the client's address and port, in the order in which they had their last request. */
  const connections = new Map<string, Connection>();
  const maxFile = openFilesLimit() - SPARE_FILES;
  let accepting = true;
  let stopping = false;
  let toldAt = -Infinity;
  let closedForRoom = 0;

  /** Closes idle connections, the longest unused first; returns false where there is none. */
  const makeRoom = (): boolean => {
    if (clock.now() - toldAt >= BOUNDS.tellFullMs) {
      toldAt = clock.now();
      log.error("The port took no more connections: idle ones are closed", {
        error: `There are nearly as many open files as may be: ${maxFile + SPARE_FILES}`,
      });
    }
    let closed = 0;
    for (const [key, connection] of connections) {
      if (connection.running.size > 0) continue;
      connections.delete(key);
      connection.socket.destroy();
      if (++closed === BOUNDS.closedAtOnce) break;
    }
    closedForRoom += closed;
    return closed > 0;
  };

  const answer = async (connection: Connection, incoming: Incoming, outgoing: Outgoing) => {
    // Its client may have gone while it waited for its turn.
    if (connection.socket.destroyed) return;
    const key = keyOf(incoming.socket);
    const controller = new AbortController();
    connection.running.add(controller);
    // Who has gone is told by the end of the connection, or of the stream in it.
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    const closed = new Promise<void>((resolve) =>
      outgoing.once("close", () => {
        if (!outgoing.writableFinished) controller.abort();
        resolve();
      })
    );
    try {
      const request = requestOf(incoming, address, controller.signal);
      const response = request
        ? await handle(request, incoming.socket.remoteAddress ?? "")
        : new Response(null, { status: 400 });
      const closes = stopping || response.headers.get("connection") === "close";
      if (closes && incoming.httpVersionMajor === 1) {
        // Node begins a request before it has looked at the body that came with the head.
        if (!incoming.complete) await setImmediate();
        // To close before the rest of it has come would break that off, and with it the response.
        if (incoming.complete) outgoing.setHeader("connection", "close");
      }
      await send(response, outgoing, controller.signal);
      if (isStream(response)) await closed;
    } catch (error) {
      log.debug("A request failed", { error: String(error) });
      if (error instanceof CutConnection) connection.socket.destroy();
      else if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end();
    } finally {
      connection.running.delete(controller);
      if (clock.now() - connection.usedAt >= BOUNDS.usedAgainMs && connections.delete(key)) {
        connection.usedAt = clock.now();
        connections.set(key, connection);
      }
    }
    await closed;
    if (stopping) await rest(incoming);
  };

  const server = open(address, (incoming, outgoing) => {
    const connection = connections.get(keyOf(incoming.socket));
    if (!connection) return void incoming.destroy();
    connection.isUsed = true;
    if (connection.waiting > MAX_PIPELINED) {
      connection.socket.destroy();
      // Else Node makes an error of each, which costs more than the requests.
      return void incoming.destroy();
    }
    const respond = () => answer(connection, incoming, outgoing);
    if ("stream" in incoming) {
      // A client may open streams and reset them at once, to have us work for nothing.
      const { stream } = incoming;
      return void setImmediate().then(() => stream.destroyed ? undefined : respond()).then(() => {
        if (stopping) connection.closeIfIdle();
      });
    }
    // Node begins all requests that a client sends at once: one could fill the memory with that, or
    // keep the others waiting, who have their turn after each response.
    const turn = connection.waiting++ === 0
      ? connection.sent
      : connection.sent.then(() => setImmediate());
    connection.sent = turn.then(respond).then(() => {
      connection.waiting--;
      if (stopping) connection.closeIfIdle();
    });
  });
  server.on("connection", (socket: net.Socket) => {
    accepting = fileOf(socket) < maxFile || makeRoom();
    // What can still be opened is for the requests that run.
    if (!accepting) return void socket.destroy();
    const key = keyOf(socket);
    const connection = new Connection(socket, clock.now());
    connections.set(key, connection);
    socket.once("close", () => {
      if (connections.get(key) === connection) connections.delete(key);
      accepting = true;
    });
  });
  server.on("secureConnection", (socket: tls.TLSSocket) => {
    const connection = connections.get(keyOf(socket));
    if (connection) connection.socket = socket;
  });
  server.on("session", (session: http2.ServerHttp2Session) => {
    const connection = connections.get(keyOf(session.socket));
    if (connection) connection.session = session;
  });
  server.on("tlsClientError", (error: Error) => {
    log.debug("A TLS handshake failed", { error: String(error) });
  });

  await listening(server, address);
  server.on("error", (error) => log.debug("The port failed", { error: String(error) }));
  const closed = Promise.withResolvers<void>();
  return {
    addr: addressOf(server),
    get isAccepting() {
      return accepting && !stopping;
    },
    get openConnections() {
      return connections.size;
    },
    get closedForRoom() {
      return closedForRoom;
    },
    async shutdown() {
      if (!stopping) {
        stopping = true;
        // What has arrived is still taken: to close before it would break it off.
        await arrivals();
        server.close(() => closed.resolve());
        for (const connection of connections.values()) {
          const hasJustCome = !connection.isUsed &&
            clock.now() - connection.usedAt < BOUNDS.firstRequestMs;
          if (hasJustCome) clock.after(BOUNDS.firstRequestMs, () => connection.closeIfIdle());
          else connection.closeIfIdle();
        }
      }
      await Promise.all(Array.from(connections.values(), (connection) => connection.closed));
      await closed.promise;
    },
  };
}

/** Listens on an address for a moment; returns what is in the way of it. */
export async function tryListenOnNode(address: ListenAddress): Promise<ListenError | undefined> {
  try {
    const server = open(address, () => {});
    await listening(server, address);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } catch (error) {
    if (error instanceof ListenError) return error;
    throw error;
  }
}

function open(
  address: ListenAddress,
  answer: (incoming: Incoming, outgoing: Outgoing) => void,
): net.Server {
  const { certificate } = address;
  const options = {
    maxHeaderSize: MAX_HEAD_BYTES,
    // Load balancers keep connections for longer than the five seconds that Node would.
    keepAliveTimeout: 0,
  };
  if (certificate === undefined) return http.createServer(options, answer);
  try {
    return http2.createSecureServer({ ...options, ...certificate, allowHTTP1: true }, answer);
  } catch (cause) {
    throw new ListenError("certificate", address, { cause });
  }
}

/** Resolves when all that had arrived at the call has been taken: connections, and bytes of them. */
async function arrivals(): Promise<void> {
  // The first ends the turn of the event loop in which the call came: it may have looked before.
  await setImmediate();
  await setImmediate();
}

/** Resolves when the rest of a request has come, or comes no more. */
function rest(incoming: Incoming): Promise<void> {
  return new Promise((resolve) => {
    if (incoming.complete || incoming.destroyed) return resolve();
    incoming.on("end", resolve);
    incoming.on("close", resolve);
    incoming.resume();
  });
}

function listening(server: net.Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(new ListenError(reasonOf(cause), address, { cause }));
    server.once("error", fail);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

function reasonOf(error: Error): ListenError["reason"] {
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") return "taken";
  if (code === "EACCES") return "forbidden";
  return code === "ENOTFOUND" || code === "EAI_AGAIN" ? "unresolved" : "unavailable";
}

function addressOf(server: net.Server): Listening["addr"] {
  const address = server.address();
  if (typeof address !== "object" || address === null) {
    throw new TypeError("The listener has no network address");
  }
  return { hostname: address.address, port: address.port };
}

/** Names a connection: every event of it knows both. */
function keyOf({ remoteAddress, remotePort }: net.Socket | tls.TLSSocket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** How many files this process may have open; systems give each the lowest number that is free. */
function openFilesLimit(): number {
  // Else it looks up the name of every connected address.
  const report = Object.assign(process.report, { excludeNetwork: true });
  const limit: unknown = Reflect.get(Object(report.getReport()), "userLimits")?.open_files?.soft;
  return typeof limit === "number" ? limit : Infinity;
}

/** The number of a connection's file; -1 on Windows, which has no such limit. */
function fileOf(socket: net.Socket): number {
  const fd: unknown = Reflect.get(socket, "_handle")?.fd;
  return typeof fd === "number" ? fd : -1;
}

/** Returns undefined where there can be no such request, as with an address that is none. */
function requestOf(
  incoming: Incoming,
  { certificate }: ListenAddress,
  signal: AbortSignal,
): Request | undefined {
  const headers = new Headers();
  const { rawHeaders, method = "GET", url = "/" } = incoming;
  const authority = incoming.headers[":authority"] ?? incoming.headers.host ?? "localhost";
  const target = url.startsWith("/")
    ? `${certificate ? "https" : "http"}://${authority}${url}`
    : url;
  try {
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? "";
      if (!name.startsWith(":")) headers.append(name, rawHeaders[i + 1] ?? "");
    }
    if (!headers.has("host")) headers.set("host", String(authority));
    const hasBody = method !== "GET" && method !== "HEAD";
    // What is not read of a body is left: a response may still come.
    const body = hasBody && { body: webStream(incoming, () => {}), duplex: "half" };
    const request = new Request(target, { method, headers, ...body });
    // Given to the constructor, it would be followed by another, which costs as much as all else.
    return Object.defineProperty(request, "signal", { value: signal });
  } catch {
    return undefined;
  }
}

/**
 * Sends a response, a stream as fast as the client takes it. Rejects when the body does.
 *
 * @param gone aborts when the client goes
 */
async function send(response: Response, outgoing: Outgoing, gone: AbortSignal): Promise<void> {
  const { status, headers, body } = response;
  for (const [name, value] of headers) {
    if (!OF_CONNECTION.has(name)) outgoing.setHeader(name, value);
  }
  outgoing.statusCode = status;
  if (!isStream(response)) {
    outgoing.end(new Uint8Array(await response.arrayBuffer()));
    return;
  }
  if (gone.aborted) return await body?.cancel();
  if ("stream" in outgoing) outgoing.writeHead(status);
  else outgoing.flushHeaders();
  const stream: Writable = outgoing;
  const reader = body?.getReader();
  gone.addEventListener("abort", () => void reader?.cancel().catch(() => {}));
  for (;;) {
    const piece = await reader?.read();
    if (!piece || piece.done || gone.aborted) break;
    // With HTTP/2, Node does not notice that a client has gone while bytes for it wait (measured,
    // Node 20 to 24). So the body may end the wait, which bounds how long a client takes nothing.
    if (!stream.write(piece.value)) await Promise.race([drained(stream), reader?.closed]);
  }
  outgoing.end();
}

/** Resolves when more can be written, or nothing any more. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      stream.off("drain", end);
      stream.off("close", end);
      resolve();
    };
    stream.on("drain", end);
    stream.on("close", end);
  });
}
