/**
 * The program's runtime on Node.
 *
 * @module
 */

import fs from "node:fs";
import net from "node:net";
import { dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import tty from "node:tty";
import { systemClock } from "../core/clock.ts";
import type { ProcessUsage } from "../core/process_usage.ts";
import type { Executable } from "../hosts/entry.ts";
import { BOUNDS, type Runtime } from "./runtime.ts";

const isWindows = process.platform === "win32";
const os = isWindows ? "windows" : process.platform === "darwin" ? "darwin" : "linux";

/** The process, its machine and its network, as Node has them. */
export const nodeRuntime: Runtime = {
  args: process.argv.slice(2),
  os,
  executable,
  env: (name) => process.env[name],
  setEnv(name, value) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  },

  stdin: readStdin,
  plainStdin: readStdin,
  stdinIsTerminal: tty.isatty(0),
  stdoutIsTerminal: tty.isatty(1),
  stderrIsTerminal: tty.isatty(2),
  // A terminal that nobody has given a size says 0.
  columns: () => [process.stdout, process.stderr].find(({ isTTY }) => isTTY)?.columns || undefined,
  writeOut: writerTo(1),
  writeErr: writerTo(2),

  onStop(listener) {
    process.on("SIGINT", listener);
    // Windows knows no SIGTERM; closing the console window arrives as SIGHUP there.
    process.on(isWindows ? "SIGHUP" : "SIGTERM", listener);
  },
  onReload(listener) {
    if (isWindows) return () => {};
    process.on("SIGHUP", listener);
    return () => void process.off("SIGHUP", listener);
  },
  onUnhandledError(listener) {
    process.on("unhandledRejection", listener);
    process.on("uncaughtException", listener);
  },
  exit: (code) => process.exit(code),

  // Node gives up no permission once it runs.
  giveUpReading: () => {},
  countOpenableFiles,
  async usage() {
    const { user, system } = process.cpuUsage();
    return {
      startedAtSec: performance.timeOrigin / 1_000,
      residentBytes: process.memoryUsage.rss(),
      cpuSec: (user + system) / 1e6,
      ...await countFiles(),
    };
  },

  // Loaded when they are used: a host waits for stdio to start.
  async certificateDates(pem) {
    const { X509Certificate } = await import("node:crypto");
    const { validFrom, validTo } = new X509Certificate(pem);
    return { validFrom, validTo };
  },
  listen: async (...args) => await (await import("./node_listener.ts")).listenOnNode(...args),
  tryListen: async (address) => await (await import("./node_listener.ts")).tryListenOnNode(address),
  openHttpClient(options) {
    const opening = import("./node_client.ts").then(({ openClient }) => openClient(options));
    return {
      fetch: async (url, init) => await (await opening).fetch(url, init),
      close: () => void opening.then((client) => client.close()),
    };
  },
  connect: async (address) => await (await import("./node_client.ts")).connect(address),
};

/**
 * Tells hosts to start the program as it was started: with `npx` and what `npx` was given, for that
 * outlives the folder that `npx` keeps the package in; otherwise with this Node.
 */
function executable(): Executable {
  const main = process.argv[1] ?? "";
  const spec = npxSpec(main);
  if (spec === undefined) return { command: process.execPath, args: [main] };
  const npx = ["npx", "-y", spec];
  // Windows starts no script, such as npx is one, without its shell.
  const [command = "", ...args] = isWindows ? ["cmd", "/c", ...npx] : npx;
  return { command, args };
}

/** Reads what `npx` was given from the note that it leaves beside the package. */
function npxSpec(main: string): string | undefined {
  const folder = main.replace(/[/\\]node_modules[/\\].*$/, "");
  if (folder === main || !/[/\\]_npx$/.test(dirname(folder))) return undefined;
  try {
    const { _npx } = JSON.parse(fs.readFileSync(join(folder, "package.json"), "utf8"));
    const [spec] = _npx.packages;
    if (typeof spec !== "string") return undefined;
    // Given a path alone, npx would run the archive.
    return isAbsolute(spec) ? `file:${spec}` : spec;
  } catch {
    return undefined;
  }
}

async function* readStdin(): AsyncGenerator<Uint8Array> {
  for await (const chunk of process.stdin) yield bytesOf(chunk);
}

/** The bytes as the rest of the program knows them: a `Buffer` slices without making a copy. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A stream's way to write some bytes, at least one of them; it resolves to how many. */
type Write = (bytes: Uint8Array) => Promise<number>;

/** Makes the writer to stdout or stderr, 1 or 2, when it is first used. */
function writerTo(fd: 1 | 2): Write {
  let write: Write | undefined;
  return (bytes) => (write ??= openWriter(fd))(bytes);
}

/**
 * Opens a writer that never blocks the thread, which `process.stdout` does where it is a file, and on
 * Windows where it is a pipe.
 */
function openWriter(fd: 1 | 2): Write {
  if (tty.isatty(fd)) return toStream(fd === 1 ? process.stdout : process.stderr);
  const kind = fs.fstatSync(fd);
  if (!isWindows && (kind.isFIFO() || kind.isSocket())) {
    try {
      return toStream(new net.Socket({ fd, readable: false, writable: true }));
    } catch {
      // It is no pipe that Node knows.
    }
  }
  return (bytes) => toFile(fd, bytes);
}

function toStream(stream: NodeJS.WritableStream): Write {
  // Later writes would only be told that the stream has ended.
  let failure: Error | undefined;
  stream.on("error", (error) => failure ??= error);
  return (bytes) => {
    const piece = bytes.subarray(0, BOUNDS.pipeBytes);
    return new Promise((resolve, reject) =>
      stream.write(piece, (error) => error ? reject(failure ?? error) : resolve(piece.byteLength))
    );
  };
}

/** Writes on a thread of its own: a disk or a pipe that nobody reads blocks that one only. */
async function toFile(fd: number, bytes: Uint8Array): Promise<number> {
  for (;;) {
    const result = Promise.withResolvers<number>();
    fs.write(fd, bytes, (error, count) => error ? result.reject(error) : result.resolve(count));
    try {
      return await result.promise;
    } catch (error) {
      // Another process that has the same pipe may have made it one that does not block.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      await systemClock.sleep(BOUNDS.wouldBlockMs);
    }
  }
}

/** Counts the files that are open, and reads how many may be, where the system has Linux's lists. */
async function countFiles(): Promise<Pick<ProcessUsage, "openFiles" | "maxFiles">> {
  if (process.platform !== "linux") return {};
  try {
    const [files, limits] = await Promise.all([
      fs.promises.readdir("/proc/self/fd"),
      fs.promises.readFile("/proc/self/limits", "utf8"),
    ]);
    const max = /^Max open files +(\d+)/m.exec(limits)?.[1];
    // One of them is the list itself, which is closed by now.
    return { openFiles: files.length - 1, ...(max !== undefined && { maxFiles: Number(max) }) };
  } catch {
    return {};
  }
}

/** Opens files: there is no other way to ask on every system. */
function countOpenableFiles(wanted: number): number | undefined {
  const files: number[] = [];
  try {
    for (let i = 0; i < Math.min(wanted, BOUNDS.triedFiles); i++) {
      files.push(fs.openSync(process.execPath, "r"));
    }
    return wanted;
  } catch {
    return files.length > 0 ? files.length : undefined;
  } finally {
    for (const file of files) fs.closeSync(file);
  }
}
