/**
 * The program's runtime on Deno.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { OpenHttpClient } from "../api/connections.ts";
import { systemClock } from "../core/clock.ts";
import { BOUNDS, type Runtime } from "./runtime.ts";

const { os } = Deno.build;

/** The process, its machine and its network, as Deno has them. */
export const denoRuntime: Runtime = {
  args: Deno.args,
  os: os === "windows" || os === "darwin" ? os : "linux",
  executable() {
    const command = Deno.execPath();
    if (Deno.build.standalone) return { command, args: [] };
    const main = (import.meta.filename ?? "").replace(/runtime([/\\])deno\.ts$/, "main.ts");
    return { command, args: ["run", "--quiet", "-P=serve", main] };
  },
  env: (name) => Deno.env.get(name),
  setEnv: (name, value) => value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value),

  stdin: readStdin,
  plainStdin: () => Deno.stdin.readable,
  stdinIsTerminal: Deno.stdin.isTerminal(),
  stdoutIsTerminal: Deno.stdout.isTerminal(),
  stderrIsTerminal: Deno.stderr.isTerminal(),
  columns() {
    try {
      // A terminal that nobody has given a size says 0.
      return Deno.consoleSize().columns || undefined;
    } catch {
      return undefined;
    }
  },
  writeOut: (bytes) => pipeToHost ? writePipe(pipeToHost, bytes) : writeStdout(bytes),
  writeErr: (bytes) => write(Deno.stderr, bytes),

  onStop(listener) {
    Deno.addSignalListener("SIGINT", listener);
    // Windows knows no SIGTERM; closing the console window arrives as SIGHUP there.
    Deno.addSignalListener(os === "windows" ? "SIGHUP" : "SIGTERM", listener);
  },
  onReload(listener) {
    if (os === "windows") return () => {};
    Deno.addSignalListener("SIGHUP", listener);
    return () => Deno.removeSignalListener("SIGHUP", listener);
  },
  onUnhandledError(listener) {
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      listener(event.reason);
    });
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      listener(event.error);
    });
  },
  exit: (code) => Deno.exit(code),

  giveUpReading: () => void Deno.permissions.revokeSync({ name: "read" }),
  countOpenableFiles,
  async usage() {
    const { cpuUsage } = (await import("node:process")).default;
    const { user, system } = cpuUsage();
    // Deno keeps /proc/self, where its files stand, to programs with every permission.
    return {
      startedAtSec: performance.timeOrigin / 1_000,
      residentBytes: Deno.memoryUsage().rss,
      cpuSec: (user + system) / 1e6,
    };
  },

  // Loaded on use: a host waits for stdio to start.
  async certificateDates(pem) {
    const { X509Certificate } = await import("node:crypto");
    const { validFrom, validTo } = new X509Certificate(pem);
    return { validFrom, validTo };
  },
  listen: async (...args) => (await import("./deno_listener.ts")).listen(...args),
  tryListen: async (address) => (await import("./deno_listener.ts")).tryListen(address),
  openHttpClient: httpClientOpener(),
  async connect({ host: hostname, port, certificate }) {
    if (certificate === undefined) return await Deno.connect({ hostname, port });
    const trust = { caCerts: [certificate], unsafelyDisableHostnameVerification: true };
    return await Deno.connectTls({ hostname, port, ...trust });
  },
};

/** Stdout, once it turned out to be a pipe to a host. */
let pipeToHost: Socket | undefined;

/**
 * Reads of stdin before the pipes to the host become non-blocking. A host begins with four messages,
 * and most never send many more: they neither wait for `node:net`, which takes 20 ms of processor
 * time to load, nor hold its 8 MB.
 */
const READS_BEFORE_PIPES = 16;

/**
 * Reads stdin. For a host that goes on sending messages, on Linux it makes the pipes non-blocking:
 * each of Deno's own reads and writes goes over a thread, which costs a third of a short call.
 */
async function* readStdin(): AsyncGenerator<Uint8Array> {
  isFirstToHost = true;
  const buffer = new Uint8Array(BOUNDS.pipeBytes);
  for (let reads = 1;; reads++) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return;
    // A copy: lines keep pieces of it beyond the next read.
    yield buffer.slice(0, count);
    // On Linux only: Windows has no such mode, and on macOS nobody has measured a gain.
    if (reads !== READS_BEFORE_PIPES || os !== "linux") continue;
    const net = await import("node:net");
    pipeToHost = openPipe(net, 1);
    const pipe = openPipe(net, 0);
    if (pipe) return yield* pipe;
  }
}

/** Opens stdin or stdout, 0 or 1, as a pipe; undefined where it is a file or a terminal. */
function openPipe(net: typeof import("node:net"), fd: 0 | 1): Socket | undefined {
  try {
    const pipe = new net.Socket({ fd, readable: fd === 0, writable: fd === 1 });
    // The pending read or write rejects with the same error.
    return pipe.on("error", () => {});
  } catch {
    return undefined;
  }
}

function writePipe(pipe: Socket, bytes: Uint8Array): Promise<number> {
  const piece = bytes.subarray(0, BOUNDS.pipeBytes);
  return new Promise((resolve, reject) =>
    pipe.write(piece, (error) => error ? reject(error) : resolve(piece.byteLength))
  );
}

/** Most bytes of a first response that an empty pipe takes whole on every system. */
const FIRST_BYTES = 4 * 1024;

/** True in a program that a host has started, until the first response: its pipe is empty. */
let isFirstToHost = false;

/**
 * Writes to stdout. The first response to a host does not wait for a thread to start, which takes
 * longer than the write.
 */
async function writeStdout(bytes: Uint8Array): Promise<number> {
  const atOnce = isFirstToHost && bytes.byteLength <= FIRST_BYTES;
  isFirstToHost = false;
  return await write(atOnce ? { write: writeAtOnce } : Deno.stdout, bytes);
}

function writeAtOnce(bytes: Uint8Array): Promise<number> {
  return Promise.resolve(Deno.stdout.writeSync(bytes));
}

/**
 * Writes to stdout or stderr. Deno writes on a thread of its own: a pipe without a reader blocks
 * only that thread.
 */
async function write(
  stream: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<number> {
  for (;;) {
    try {
      return await stream.write(bytes);
    } catch (error) {
      // Another process that shares the pipe may have made it non-blocking.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await systemClock.sleep(BOUNDS.wouldBlockMs);
    }
  }
}

/** Counts by opening files: any other way needs a permission of its own. */
function countOpenableFiles(wanted: number): number | undefined {
  const files: Deno.FsFile[] = [];
  try {
    const path = Deno.execPath();
    for (let i = 0; i < Math.min(wanted, BOUNDS.triedFiles); i++) files.push(Deno.openSync(path));
    return wanted;
  } catch {
    return files.length > 0 ? files.length : undefined;
  } finally {
    for (const file of files) file.close();
  }
}

/**
 * Opens clients that speak HTTP/1.1 only. They follow the environment's proxies, and trust the
 * authorities that Deno trusts, as a plain `fetch` does.
 *
 * @param caCerts PEM of further authorities
 */
export function httpClientOpener(caCerts: readonly string[] = []): OpenHttpClient {
  return ({ maxIdle, idleMs }) => {
    const client = Deno.createHttpClient({
      caCerts: [...caCerts],
      http1: true,
      http2: false,
      poolMaxIdlePerHost: maxIdle,
      poolIdleTimeout: idleMs,
    });
    // The request keeps its own redirect mode.
    return { fetch: (url, init) => fetch(url, { ...init, client }), close: () => client.close() };
  };
}
