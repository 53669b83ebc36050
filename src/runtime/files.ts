/**
 * Reads the files that settings name, and gives up what the process no longer needs.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { readsFiles } from "../config/reads.ts";
import type { ReadFile } from "../config/sources.ts";
import { ByteBuffer } from "../core/byte_buffer.ts";
import type { Clock } from "../core/clock.ts";

/** How long a file may take to be read, in milliseconds. */
const READ_MS = 5_000;

/** Largest file, in bytes: a list of a thousand tokens with all that they can have is smaller. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const CHUNK_BYTES = 64 * 1024;

/** How often a pipe is looked at for which nobody has written anything yet, in milliseconds. */
const PIPE_MS = 50;

/** Gives up reading for the rest of the process, unless an option or the command needs it. */
export function giveUpReading(config: Config): void {
  if (!readsFiles(config)) Deno.permissions.revokeSync({ name: "read" });
}

/**
 * Makes a reader of text files, in whatever encoding editors and shells write them: UTF-8 with or
 * without a byte order mark, or UTF-16 with one. It rejects as {@linkcode createBytesReader} does.
 */
export function createFileReader(clock: Clock): (path: string) => Promise<string> {
  const readBytes = createBytesReader(clock);
  return async (path) => {
    const bytes = await readBytes(path);
    return new TextDecoder(encodingOf(bytes)).decode(bytes);
  };
}

/**
 * Makes a reader of files.
 *
 * It rejects after five seconds, with the code ETIMEDOUT, where nothing comes: of a pipe that nobody
 * writes to, or a disk that is gone. A read of the latter cannot be ended, and holds one of the
 * runtime's few threads; so those who ask for the same file meanwhile share it.
 */
export function createBytesReader(clock: Clock): (path: string) => Promise<Uint8Array> {
  const reads = new Map<string, Promise<Uint8Array>>();
  return (path) => {
    let read = reads.get(path);
    if (read === undefined) {
      read = readBytes(path, clock).finally(() => reads.delete(path));
      reads.set(path, read);
    }
    return inTime(read, clock);
  };
}

/** Resolves as the promise does; rejects with the code ETIMEDOUT when that takes five seconds. */
export async function inTime<T>(promise: Promise<T>, clock: Clock): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const cancel = clock.after(READ_MS, () => timeout.reject(late()));
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    cancel();
  }
}

/**
 * Calls `resolve`, which reads files at once, with files that were read in their own time: what it
 * asks for is read, and it is called again, until it has everything.
 */
export async function resolveWithFiles<T>(
  resolve: (readFile: ReadFile) => T,
  readFile: (path: string) => Promise<string>,
): Promise<T> {
  const read = new Map<string, () => string>();
  for (;;) {
    const missing: string[] = [];
    const attempt = () =>
      resolve((path) => {
        const content = read.get(path);
        if (content) return content();
        missing.push(path);
        throw new Error("It has not been read yet");
      });
    let result: () => T;
    try {
      const resolved = attempt();
      result = () => resolved;
    } catch (error) {
      result = () => {
        throw error;
      };
    }
    if (missing.length === 0) return result();
    for (const path of missing) {
      read.set(
        path,
        await readFile(path).then((text) => () => text, (error) => () => {
          throw error;
        }),
      );
    }
  }
}

async function readBytes(path: string, clock: Clock): Promise<Uint8Array> {
  // Loaded where a setting names a file: most starts read none.
  const { constants, promises } = await import("node:fs");
  // Not blocking, opening a pipe does not wait for its writer; files are read as ever.
  const file = await promises.open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    // Everything is spelled out: older runtimes under the executable know no defaults here.
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

/** A pipe whose writer has written nothing yet. */
function notYet(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EAGAIN") throw error;
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
