/**
 * What hosts' configurations depend on: the machine, its files, and how this program is started.
 *
 * @module
 */

import type { Executable } from "../config/host_entry.ts";
import type { Os } from "../config/hosts.ts";

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
  /**
   * The text of a file, at once.
   *
   * @throws whatever keeps it from being read
   */
  readonly readTextNow: (path: string) => string;
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
  const main = (import.meta.filename ?? "").replace(/commands([/\\])machine\.ts$/, "main.ts");
  return { command, args: ["run", "--quiet", "-P=serve", main] };
}

function missing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** The machine that this program runs on. */
export function thisMachine(): Machine {
  return {
    os: osOf(Deno.build.os),
    executable: executableOf(),
    readText: async (path) => {
      try {
        // Not the runtime's own decoding, which may drop or replace what is not UTF-8.
        const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
        return decoder.decode(await Deno.readFile(path));
      } catch (error) {
        if (missing(error)) return undefined;
        throw error;
      }
    },
    exists: async (path) => {
      try {
        await Deno.stat(path);
        return true;
      } catch (error) {
        if (missing(error)) return false;
        throw error;
      }
    },
    readTextNow: (path) => Deno.readTextFileSync(path),
    setEnv: (name, value) =>
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value),
  };
}
