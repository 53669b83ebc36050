/**
 * The program, serving HTTP in a process of its own, with the permissions that it is shipped with.
 *
 * @module
 */

import { SETTING_VARIABLES } from "../../src/config/settings.ts";

const ROOT = new URL("../../", import.meta.url);

/** The program while it serves. */
export interface ServerProcess {
  /** Of the MCP endpoint. */
  readonly url: string;
  /** Its process id. */
  readonly pid: number;
  /** Resident memory in MB; undefined where the system does not tell. */
  rssMb(): Promise<number | undefined>;
  /** Asks it to end. @returns its exit code */
  stop(): Promise<number>;
}

/**
 * Starts the program and waits until it serves.
 *
 * @param apiUrl the API behind it
 * @param args more flags, such as `--max-waits=2000`
 * @throws Error with what it said when it does not start
 */
export async function startServer(
  apiUrl: string,
  token: string,
  args: readonly string[] = [],
): Promise<ServerProcess> {
  // Empty variables count as unset, so that nothing of the caller's own settings plays a part.
  const unset = Object.fromEntries(SETTING_VARIABLES.map((name) => [name, ""]));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=serve", "src/main.ts", "--http", "--port=0", ...args],
    cwd: ROOT,
    env: {
      ...unset,
      ANTHROPIC_API_KEY: "load-test-key",
      ANTHROPIC_BASE_URL: apiUrl,
      CMA_MCP_TOKEN: token,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  const lines = child.stderr.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let url: string | undefined;
  while (url === undefined) {
    const { done, value } = await lines.next();
    if (done) {
      await child.status;
      throw new Error(`The server does not start: ${said}`);
    }
    said += value;
    url = /clients at (http\S+?),/.exec(said)?.[1];
  }
  // Its log goes on, and must go somewhere.
  const drained = (async () => {
    while (!(await lines.next()).done) { /* read on */ }
  })();
  return {
    url,
    pid: child.pid,
    rssMb: () => rssMb(child.pid),
    async stop() {
      child.kill("SIGTERM");
      const { code } = await child.status;
      await drained;
      return code;
    },
  };
}

async function rssMb(pid: number): Promise<number | undefined> {
  try {
    const args = ["-o", "rss=", "-p", String(pid)];
    const { stdout } = await new Deno.Command("ps", { args, stderr: "null" }).output();
    const kilobytes = Number(new TextDecoder().decode(stdout));
    return kilobytes > 0 ? Math.round(kilobytes / 1_024) : undefined;
  } catch {
    return undefined;
  }
}
