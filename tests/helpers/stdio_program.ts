import { Child, type ChildOptions } from "./child.ts";
import { apiAt } from "./http_program.ts";

/** The first message of a host on stdio, in the 2025-era protocol. */
export const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1.0.0" },
  },
} as const;

/** The message of the host after the response. */
export const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" } as const;

/**
 * Returns the options of a child that is the program, with the permissions of a release, in front of
 * the API at `url`: on stdio, or with arguments that say otherwise. It writes its log, and nobody reads
 * it, because a reader on the same machine would disturb.
 */
export function programAt(
  url: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): ChildOptions {
  return {
    args: ["-P=serve", "src/main.ts", ...args],
    env: { ...apiAt(url), ...env },
    stderr: "null",
  };
}

/** Starts an MCP server on stdio; resolves after its handshake. */
export async function startStdio(options: ChildOptions): Promise<Child> {
  const child = new Child(options);
  try {
    const { result } = await child.ask<{ result?: { protocolVersion?: string } }>(INITIALIZE);
    if (result?.protocolVersion !== INITIALIZE.params.protocolVersion) {
      throw new Error(`No handshake: ${JSON.stringify(result)}`);
    }
    await child.send(INITIALIZED);
    return child;
  } catch (error) {
    await child.close();
    throw error;
  }
}
