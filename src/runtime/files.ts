/**
 * Reads the files that settings and hosts name, by system calls that every runtime has.
 *
 * @module
 */

import { ByteBuffer } from "../core/byte_buffer.ts";
import type { Clock } from "../core/clock.ts";
import { systemCode } from "../core/errors.ts";

/** Longest time for reading a file, in milliseconds. */
const READ_MS = 5_000;

/** Largest file, in bytes: a list of a thousand tokens with every field is smaller. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const CHUNK_BYTES = 64 * 1024;

/** Time between two reads of a pipe that has no data yet, in milliseconds. */
const PIPE_MS = 50;

/** Reads files; each read rejects after five seconds without data, with the code ETIMEDOUT. */
export interface FileReaders {
  /**
   * Reads a text in any encoding that editors and shells write: UTF-8 with or without a byte order
   * mark, or UTF-16 with one. Rejects with the system's error.
   */
  readonly readFile: (path: string) => Promise<string>;
  /**
   * Reads a text in UTF-8 with its byte order mark, if it has one; undefined when there is no such
   * file. Rejects with a `TypeError` for any other encoding, else with the system's error.
   */
  readonly readText: (path: string) => Promise<string | undefined>;
  /** Resolves to true when there is a file or a folder of that name. */
  readonly exists: (path: string) => Promise<boolean>;
  /** Reads the permission bits of a file, which mean nothing on Windows; undefined where it cannot. */
  readonly modeOf: (path: string) => Promise<number | undefined>;
  /** Reads the names in a folder; none when there is no such folder. */
  readonly listFolder: (path: string) => Promise<readonly string[]>;
}

/** Makes the readers of the files that settings and hosts name. */
export function createFileReaders(clock: Clock): FileReaders {
  const reads = new Map<string, Promise<Uint8Array>>();
  // A read of a disk that is gone cannot be ended, and holds one of the runtime's few threads. So
  // reads of the same file at the same time share it.
  const read = (path: string) => {
    let reading = reads.get(path);
    if (reading === undefined) {
      reading = readBytes(path, clock).finally(() => reads.delete(path));
      reads.set(path, reading);
    }
    return inTime(reading, clock);
  };
  const strictly = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    readFile: async (path) => {
      const bytes = await read(path);
      return new TextDecoder(encodingOf(bytes)).decode(bytes);
    },
    readText: (path) =>
      unlessMissing(read(path).then((bytes) => strictly.decode(bytes)), undefined),
    exists: async (path) => {
      const { promises } = await import("node:fs");
      return await unlessMissing(inTime(promises.stat(path).then(() => true), clock), false);
    },
    modeOf: async (path) => {
      const { promises } = await import("node:fs");
      const reading = promises.stat(path).then(({ mode }) => mode & 0o777);
      return await inTime(reading, clock).catch(() => undefined);
    },
    listFolder: async (path) => {
      const { promises } = await import("node:fs");
      return await unlessMissing(inTime(promises.readdir(path), clock), []);
    },
  };
}

async function inTime<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const cancel = clock.after(READ_MS, () => timeout.reject(late()));
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    cancel();
  }
}

/** Waits for the promise; resolves to `missing` if the system says that the file does not exist. */
async function unlessMissing<T, M>(promise: Promise<T>, missing: M): Promise<T | M> {
  try {
    return await promise;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return missing;
    throw error;
  }
}

async function readBytes(path: string, clock: Clock): Promise<Uint8Array> {
  // Loaded on use: most starts read no file.
  const { constants, promises } = await import("node:fs");
  // Opening a pipe without blocking does not wait for its writer; reads of files stay the same.
  const file = await promises.open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    // Pass every option: older runtimes under the executable have no defaults.
    const isPipe = (await file.stat({ bigint: false })).isFIFO();
    const deadline = clock.now() + READ_MS;
    const buffer = new ByteBuffer();
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const count = await file.read(chunk, 0, chunk.byteLength, null)
        .then(({ bytesRead }) => bytesRead, notYet);
      if (count === 0 && !(isPipe && buffer.byteLength === 0)) break;
      if (count) buffer.add(chunk.slice(0, count));
      else if (clock.now() >= deadline) throw late();
      else await clock.sleep(PIPE_MS);
      if (buffer.byteLength > MAX_FILE_BYTES) {
        throw failure("EFBIG", `It has more than ${MAX_FILE_BYTES} bytes`);
      }
    }
    return buffer.bytes();
  } finally {
    await file.close();
  }
}

/** Passes over the error of a pipe whose writer has written nothing yet. */
function notYet(error: unknown): undefined {
  if (systemCode(error) !== "EAGAIN") throw error;
}

function late(): Error {
  return failure("ETIMEDOUT", `No end of it in ${READ_MS / 1_000} s`);
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return "utf-8";
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
