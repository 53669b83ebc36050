/**
 * Programs of the bench in processes of their own.
 *
 * @module
 */

import { systemClock } from "../../../src/core/clock.ts";
import { Child, type ChildOptions } from "../../helpers/child.ts";
import type { Listening } from "./program.ts";
import { freePort } from "../../flood/sockets.ts";
import { TOKEN } from "./calls.ts";
import type { UpstreamRequests } from "./upstream_requests.ts";

/** One of the programs beside this one. */
export function helperStart(program: string, ...args: readonly string[]): ChildOptions {
  const path = new URL(program, import.meta.url).pathname;
  return { args: ["--allow-net=127.0.0.1", path, ...args], stderr: "null" };
}

/** A baseline, told what to ask. */
export function baselineStart(
  program: string,
  upstream: UpstreamRequests,
  ...args: readonly string[]
): ChildOptions {
  return helperStart(program, JSON.stringify(upstream), ...args);
}

/**
 * The program itself, with the permissions that it is shipped with: on stdio, or with arguments that
 * say otherwise.
 */
export function ourStart(
  apiUrl: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): ChildOptions {
  return {
    args: ["-P=serve", "src/main.ts", ...args],
    env: { ANTHROPIC_API_KEY: "bench-key", ANTHROPIC_BASE_URL: apiUrl, ...env },
    // A server that logs writes its lines either way; who reads them must not disturb.
    stderr: "null",
  };
}

/** How often, and in what steps of milliseconds, a server is asked whether it listens. */
const TRIES = 200;
const TRY_MS = 50;

/** The program over HTTP; resolves when it listens. @throws Error when it does not */
export async function startOurHttp(
  apiUrl: string,
): Promise<{ readonly child: Child; readonly origin: string }> {
  const port = freePort();
  const env = { MANAGED_AGENTS_MCP_TOKEN: TOKEN };
  const child = new Child(ourStart(apiUrl, ["--http", `--port=${port}`], env));
  const origin = `http://127.0.0.1:${port}`;
  for (let i = 0; i < TRIES; i++) {
    const response = await fetch(`${origin}/health`).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return { child, origin };
    await systemClock.sleep(TRY_MS);
  }
  await child.close();
  throw new Error("The program does not listen");
}

/** A program that listens, and where. */
export async function startListening(
  start: ChildOptions,
): Promise<{ readonly child: Child; readonly origin: string }> {
  const child = new Child(start);
  try {
    const { port }: Listening = JSON.parse(await child.readLine());
    return { child, origin: `http://127.0.0.1:${port}` };
  } catch (error) {
    await child.close();
    throw error;
  }
}
