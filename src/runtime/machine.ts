/**
 * What hosts' configurations depend on: the machine, its files, and how this program is started.
 *
 * @module
 */

import type { Executable } from "../hosts/entry.ts";
import type { Os } from "../hosts/hosts.ts";
import type { Clock } from "../core/clock.ts";
import { createBytesReader, inTime } from "./files.ts";

/** The machine, as far as hosts' configurations depend on it. */
export interface Machine {
  readonly os: Os;
  readonly executable: Executable;
  /**
   * The text of a file, with its byte order mark if it has one; undefined when there is no such
   * file.
   *
   * @throws whatever keeps it from being read
   */
  readonly readText: (path: string) => Promise<string | undefined>;
  readonly exists: (path: string) => Promise<boolean>;
  /** Gives this process another value of a variable, or none. */
  readonly setEnv: (name: string, value: string | undefined) => void;
}

function osOf(name: typeof Deno.build.os): Os {
  return name === "windows" || name === "darwin" ? name : "linux";
}

/** The compiled executable, or the command that runs the source. */
function executableOf(): Executable {
  const command = Deno.execPath();
  if (Deno.build.standalone) return { command, args: [] };
  const main = (import.meta.filename ?? "").replace(/runtime([/\\])machine\.ts$/, "main.ts");
  return { command, args: ["run", "--quiet", "-P=serve", main] };
}

/** The system's codes for a file that is not there. */
function isMissing(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** The machine that this program runs on. */
export function thisMachine(clock: Clock): Machine {
  const readBytes = createBytesReader(clock);
  // Not the decoding of the settings' files, which may drop or replace what is not UTF-8.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    os: osOf(Deno.build.os),
    executable: executableOf(),
    readText: async (path) => {
      try {
        return decoder.decode(await readBytes(path));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    exists: async (path) => {
      try {
        await inTime(Deno.stat(path), clock);
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    setEnv: (name, value) =>
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value),
  };
}
