import { callServedTool, type McpEndpoint } from "../../src/commands/mcp_call.ts";
import { Spawned } from "./spawned.ts";

/** Token of the programs that {@linkcode startHttp} starts. */
export const TOKEN = "e2e-token-e2e-token-e2e-token-e2e";

/** The program, which serves HTTP on a free port; disposed of, it is asked to end. */
export interface HttpProgram extends AsyncDisposable {
  readonly program: Spawned;
  readonly pid: number;
  /** Address of the MCP endpoint. */
  readonly url: string;
  readonly endpoint: McpEndpoint;
  /** Asks the program to end. @returns its exit code */
  stop(): Promise<number>;
}

/** Returns an environment for a program whose API is at `url`. */
export function apiAt(url: string): Record<string, string> {
  return { ANTHROPIC_API_KEY: "sk-ant-test-0123456789", ANTHROPIC_BASE_URL: url };
}

/**
 * Starts the program with HTTP; resolves when it listens.
 *
 * @throws Error with its output when it ends instead
 */
export async function startHttp(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  token = TOKEN,
): Promise<HttpProgram> {
  const program = new Spawned(["--http", "--port=0", ...args], {
    MANAGED_AGENTS_MCP_TOKEN: token,
    ...env,
  });
  const url = await program.listening().catch(async (error) => {
    await program.ending();
    throw error;
  });
  const stop = async () => {
    program.kill("SIGTERM");
    return (await program.ending()).code;
  };
  return {
    program,
    pid: program.pid,
    url,
    endpoint: endpointAt(url, token),
    stop,
    async [Symbol.asyncDispose]() {
      // One that has ended cannot be asked; the call that it failed tells more.
      await stop().catch(() => {});
    },
  };
}

/** Returns an endpoint whose requests go to `url`. */
export function endpointAt(url: string, token = TOKEN): McpEndpoint {
  return {
    token,
    fetch: async (request) =>
      await fetch(url, {
        method: "POST",
        headers: request.headers,
        body: await request.text(),
        signal: request.signal,
      }),
  };
}

/** Starts a long wait; resolves when it runs, with the promise of its result. */
export async function openWait(
  endpoint: McpEndpoint,
  session_id: string,
): Promise<{ readonly result: Promise<Readonly<Record<string, unknown>>> }> {
  const open = Promise.withResolvers<void>();
  const args = { session_id, timeout_sec: 600 };
  const result = callServedTool(endpoint, "wait_for_idle", args, {
    onProgress: (message) => /using|writing|working/i.test(message) && open.resolve(),
  });
  await Promise.race([open.promise, result]);
  return { result };
}
