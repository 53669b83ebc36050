/**
 * Runs other programs, and reads the commit of the source.
 *
 * @module
 */

/** How a program ended. */
export interface Ran {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface RunOptions {
  readonly cwd?: string | URL;
  /** All of its environment; this program's where absent. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. */
export type Run = (
  command: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<Ran>;

/** Runs a program of this machine; a program that does not exist counts as one that failed. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, env }: RunOptions = {},
): Promise<Ran> {
  const decoder = new TextDecoder();
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      cwd,
      clearEnv: env !== undefined,
      env,
      stdin: "null",
    }).output();
    return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    return { success: false, stdout: "", stderr: String(error) };
  }
}

/** The version of the source from which executables are made. */
export interface Source {
  /** Abbreviated, with `+` if files differ from it; undefined when unknown. */
  readonly commit?: string;
  /** Time of the commit, in seconds since 1970; everything that is made gets it. */
  readonly epoch: number;
}

/**
 * Reads the commit and its time from `CMA_MCP_COMMIT` and `SOURCE_DATE_EPOCH`, and where these are
 * not set from git, which the builder of an image does not have.
 */
export async function readSource(
  root: URL,
  env: (name: string) => string | undefined,
  runs: Run = run,
): Promise<Source> {
  const git = async (...args: string[]) => {
    const { success, stdout } = await runs("git", args, { cwd: root });
    return success ? stdout.trim() : undefined;
  };
  const commit = env("CMA_MCP_COMMIT") || await gitCommit(git);
  const time = env("SOURCE_DATE_EPOCH") || await git("log", "-1", "--format=%ct");
  const epoch = Number(time ?? 0);
  return { ...(commit && { commit }), epoch: Number.isSafeInteger(epoch) ? epoch : 0 };
}

async function gitCommit(
  git: (...args: string[]) => Promise<string | undefined>,
): Promise<string | undefined> {
  const commit = await git("rev-parse", "--short=12", "HEAD");
  if (!commit) return undefined;
  return await git("status", "--porcelain") === "" ? commit : `${commit}+`;
}

/** Writes a line to stdout. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Returns the SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return hash.toHex();
}
