/**
 * Connections to other servers on Node: the HTTP client, with the proxies and the certificates that
 * it goes by, and plain connections.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import process from "node:process";
import { pipeline, type Transform } from "node:stream";
import tls from "node:tls";
import zlib from "node:zlib";
import type { buildConnector as Connecting, Dispatcher } from "undici";
import type { FetchAddress, HttpClient, HttpClientOptions } from "../api/connections.ts";
import { proxyUrl } from "../core/proxy.ts";
import { webStream } from "./node_streams.ts";
import type { ConnectAddress, Connection } from "./runtime.ts";
import { buildConnector, HttpAgent, Pool, ProxyAgent, Socks5ProxyAgent } from "./node_undici.ts";

/** A connection that was not made, in the words by which `api/errors.ts` knows it. */
class ConnectError extends Error {
  constructor(cause: Error) {
    super("client error (Connect)", { cause });
  }
}

/** The codes of certificates whose authority is unknown, which the system may know all the same. */
const UNKNOWN_AUTHORITY =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT\w*|\w+_SELF_SIGNED_CERT|SELF_SIGNED_CERT\w*)$/;

/** With the system's authorities, once they have been asked for. */
let systemTrust: tls.SecureContext | undefined;

/**
 * Opens a client of HTTP/1.1 with `undici`, whose `request` sends nothing a second time. Its `fetch`
 * does so after a 421, makes an error of a 407, and Node's own ignores proxies as well.
 *
 * It knows Node's authorities and those of `NODE_EXTRA_CA_CERTS`; when a certificate is of another
 * one, also the system's, which take 60 milliseconds to read (Node 22 and later can).
 */
export function openClient({ maxIdle, idleMs }: HttpClientOptions): HttpClient {
  /** By proxy; "" is for none. */
  const dispatchers = new Map<string, Dispatcher>();
  let trust = systemTrust;

  const dispatcherFor = (url: string): Dispatcher => {
    const proxy = proxyUrl(new URL(url), (name) => process.env[name])?.href ?? "";
    const found = dispatchers.get(proxy) ?? openDispatcher(proxy, { maxIdle, idleMs });
    dispatchers.set(proxy, found);
    return found;
  };
  const close = () => {
    // Requests under way go on; nobody waits for their end.
    for (const dispatcher of dispatchers.values()) dispatcher.close().catch(() => {});
    dispatchers.clear();
  };
  const send: FetchAddress = async (url, init) => {
    if (trust !== systemTrust) close();
    trust = systemTrust;
    return await request(url, init, dispatcherFor(url));
  };
  return {
    close,
    async fetch(url, init) {
      try {
        return await send(url, init);
      } catch (error) {
        // Nothing has been sent before the certificate was accepted.
        if (!isOfUnknownAuthority(error) || !trustSystem()) throw error;
        return await send(url, init);
      }
    },
  };
}

/** Statuses whose responses have no body. */
const WITHOUT_BODY = new Set([204, 205, 304]);

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
};

async function request(
  url: string,
  { method = "GET", headers, body, signal }: RequestInit,
  dispatcher: Dispatcher,
): Promise<Response> {
  const fields = { "accept-encoding": "gzip, deflate, br" };
  const { origin, pathname, search } = new URL(url);
  const response = await dispatcher.request({
    origin,
    path: pathname + search,
    // The API has no other methods that this program uses.
    method: method === "POST" ? "POST" : "GET",
    headers: Object.assign(fields, Object.fromEntries(new Headers(headers))),
    body: body instanceof Blob ? new Uint8Array(await body.arrayBuffer()) : null,
    signal,
  });
  const received = new Headers();
  for (const [name, value = []] of Object.entries(response.headers)) {
    for (const each of [value].flat()) received.append(name, each);
  }
  const status = response.statusCode;
  if (WITHOUT_BODY.has(status)) {
    response.body.resume();
    return new Response(null, { status, headers: received });
  }
  const decode = DECODERS[received.get("content-encoding")?.toLowerCase() ?? ""];
  // The callback is told what the reader of the last stream is told as well.
  const decoded = decode ? pipeline(response.body, decode(), () => {}) : response.body;
  return new Response(webStream(decoded, () => response.body.destroy()), {
    status,
    headers: received,
  });
}

function isOfUnknownAuthority(error: unknown): boolean {
  for (let link = error; link instanceof Error; link = link.cause) {
    if ("code" in link && UNKNOWN_AUTHORITY.test(String(link.code))) return true;
  }
  return false;
}

/** Trusts the system's authorities from now on; returns false where that changes nothing. */
function trustSystem(): boolean {
  // Node 20 cannot ask for them.
  if (systemTrust || typeof tls.getCACertificates !== "function") return false;
  const ca = [...tls.getCACertificates("default"), ...tls.getCACertificates("system")];
  systemTrust = tls.createSecureContext({ ca });
  return true;
}

/** No limits of time: the caller bounds every request. */
const UNBOUNDED = { headersTimeout: 0, bodyTimeout: 0 };

function openDispatcher(proxy: string, { maxIdle, idleMs }: HttpClientOptions): Dispatcher {
  const trusted = systemTrust && { secureContext: systemTrust };
  // What bounds a request bounds its connection as well.
  const tlsOptions = { ...trusted, timeout: 0 };
  const options = {
    ...UNBOUNDED,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    // A connection that is not kept is asked for with 0.
    pipelining: maxIdle === 0 ? 0 : 1,
    allowH2: false,
  };
  const factory = (origin: string | URL, given: { connect?: Connecting.connector }) => {
    const connect = telling(given.connect ?? buildConnector(tlsOptions));
    return new Pool(origin, { ...options, connect });
  };
  if (proxy === "") return new HttpAgent({ ...options, factory });
  if (proxy.startsWith("socks")) {
    // Not a `ProxyAgent`, which speaks TLS to a SOCKS proxy as soon as it has options for TLS.
    const connect = telling(buildConnector({ timeout: 0 }));
    // The types lack `requestTls`.
    const socks = { connect, requestTls: tlsOptions };
    // It has the proxy look names up, as `socks5h` wants it.
    return new Socks5ProxyAgent(proxy.replace(/^socks5h:/, "socks5:"), socks)
      .compose((dispatch) => (given, handler) =>
        // Its pools take no options, so that each request brings them.
        dispatch({ ...given, ...UNBOUNDED, reset: maxIdle === 0 }, handler)
      );
  }
  return new ProxyAgent({
    ...options,
    factory,
    uri: proxy,
    requestTls: tlsOptions,
    proxyTls: tlsOptions,
    // What goes over plain HTTP is asked of the proxy itself, as other programs do.
    proxyTunnel: false,
  });
}

/** Has errors tell that the connection was not made, so that nothing was sent. */
function telling(connect: Connecting.connector): Connecting.connector {
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error) callback(new ConnectError(error), null);
      else callback(null, socket);
    });
}

/** Connects without a proxy; with a certificate, to the server that has it and to no other. */
export async function connect({ host, port, certificate }: ConnectAddress): Promise<Connection> {
  const socket = certificate === undefined
    ? net.connect({ host, port })
    // Whoever has the key of this certificate is the right one, whatever name it is for.
    : tls.connect({ host, port, rejectUnauthorized: false });
  await once(socket, certificate === undefined ? "connect" : "secureConnect");
  if (certificate !== undefined && !hasCertificate(socket, certificate)) {
    socket.destroy();
    throw new Error("The server has another certificate");
  }
  const chunks: AsyncIterator<Uint8Array> = socket[Symbol.asyncIterator]();
  let rest = new Uint8Array();
  return {
    async read(buffer) {
      if (rest.byteLength === 0) {
        const { done, value } = await chunks.next();
        if (done) return null;
        rest = new Uint8Array(value);
      }
      const piece = rest.subarray(0, buffer.byteLength);
      buffer.set(piece);
      rest = rest.subarray(piece.byteLength);
      return piece.byteLength;
    },
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.byteLength))
      ),
    close: () => void socket.destroy(),
  };
}

function hasCertificate(socket: net.Socket, certificate: string): boolean {
  const theirs = socket instanceof tls.TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return theirs?.fingerprint256 === new X509Certificate(certificate).fingerprint256;
}
