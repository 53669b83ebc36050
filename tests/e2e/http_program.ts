import { callTool, type McpEndpoint } from "../../src/commands/mcp_call.ts";
import { Spawned } from "./spawned.ts";

/** Token of the programs that {@linkcode startHttp} starts. */
export const TOKEN = "e2e-token-e2e-token-e2e-token-e2e";

/** The program, serving HTTP on a port of its own. */
export interface HttpProgram {
  readonly program: Spawned;
  /** Of the MCP endpoint. */
  readonly url: string;
  readonly endpoint: McpEndpoint;
}

/** Starts the program with HTTP; resolves when it listens. */
export async function startHttp(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<HttpProgram> {
  const program = new Spawned(["--http", "--port=0", ...args], {
    MANAGED_AGENTS_MCP_TOKEN: TOKEN,
    ...env,
  });
  const url = await program.until(() => /clients at (\S+?),/.exec(program.stderr.join("\n"))?.[1]);
  return { program, url, endpoint: endpointAt(url) };
}

/** An endpoint whose requests go to `url`. */
export function endpointAt(url: string): McpEndpoint {
  return {
    token: TOKEN,
    fetch: async (request) =>
      await fetch(url, {
        method: "POST",
        headers: request.headers,
        body: await request.text(),
        signal: request.signal,
      }),
  };
}

/** Starts a wait that will not end by itself soon; resolves when it runs, with its result to come. */
export async function openWait(
  endpoint: McpEndpoint,
  session_id: string,
): Promise<{ readonly result: Promise<Readonly<Record<string, unknown>>> }> {
  const open = Promise.withResolvers<void>();
  const args = { session_id, timeout_sec: 600 };
  const result = callTool(endpoint, "wait_for_idle", args, {
    onProgress: (message) => /using|writing|working/i.test(message) && open.resolve(),
  });
  await Promise.race([open.promise, result]);
  return { result };
}
