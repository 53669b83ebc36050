import {
  buildBundle,
  buildExecutable,
  type BuildOptions,
  readManifest,
  toolsOf,
} from "../../scripts/compile/build.ts";
import { type Target, TARGETS } from "../../scripts/compile/targets.ts";
import { EXECUTABLE, IS_PACKAGE } from "../helpers/spawned.ts";

/** For tests that are about executables: they run where one was given, see `EXECUTABLE`. */
export const NEEDS_EXECUTABLE = { ignore: EXECUTABLE === undefined || IS_PACKAGE };

/** For tests that also need to be root on Linux, such as those that leave a file system behind. */
export const NEEDS_ROOT = {
  ignore: NEEDS_EXECUTABLE.ignore || Deno.build.os !== "linux" || Deno.uid() !== 0,
};

/** The executable; only for tests that need one. */
export function executable(): string {
  if (EXECUTABLE === undefined) throw new Error("There is no executable");
  return EXECUTABLE;
}

/** The target that this machine is. */
export function ownTarget(): Target {
  const target = TARGETS.find(({ triple }) => triple === Deno.build.target);
  if (!target) throw new Error(`There is no target for ${Deno.build.target}`);
  return target;
}

/** Compiles into a folder as the scripts do; the program, or another module of the project. */
export async function compileInto(folder: string, entry?: string): Promise<string> {
  const options: BuildOptions = {
    folder: `${folder}/build`,
    manifest: await readManifest(),
    source: { epoch: 1_700_000_000, ...(entry === undefined && { commit: "0123456789ab" }) },
    entry,
    ...toolsOf((name) => Deno.env.get(name)),
  };
  await buildBundle(options);
  const target = ownTarget();
  const path = `${folder}/out${target.extension}`;
  const built = await buildExecutable(target, path, options);
  if ("failure" in built) throw new Error(built.failure);
  return path;
}

/** Gives a folder for the time of `use`. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** How a program that was left alone ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most a minute, with nothing but the given environment. */
export async function runProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env,
    stdin: "null",
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
