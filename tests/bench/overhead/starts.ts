/**
 * Starts the programs of the bench in processes of their own.
 *
 * @module
 */

import { systemClock } from "../../../src/core/clock.ts";
import { Child, type ChildOptions } from "../../helpers/child.ts";
import { freePort } from "../../helpers/free_port.ts";
import { TOKEN } from "../../helpers/http_program.ts";
import { programAt } from "../../helpers/stdio_program.ts";
import type { UpstreamRequests } from "./upstream_requests.ts";

/** Returns the options of a child that is one of the programs beside this file. */
export function helperStart(program: string, ...args: readonly string[]): ChildOptions {
  const path = new URL(program, import.meta.url).pathname;
  return { args: ["--allow-net=127.0.0.1", path, ...args], stderr: "null" };
}

/** Returns the options of a child that is a baseline, told what to request. */
export function baselineStart(
  program: string,
  upstream: UpstreamRequests,
  ...args: readonly string[]
): ChildOptions {
  return helperStart(program, JSON.stringify(upstream), ...args);
}

/** Requests to a server until it listens, and the milliseconds between them. */
const TRIES = 200;
const TRY_MS = 50;

/**
 * Starts the program over HTTP; resolves when it listens.
 *
 * @param start the options of its process; those of the program in `src` when absent
 * @returns its process, and the address of its MCP endpoint
 * @throws Error when it does not listen
 */
export async function startOurHttp(
  apiUrl: string,
  start: typeof programAt = programAt,
): Promise<{ readonly child: Child; readonly url: string }> {
  const port = freePort();
  const env = { MANAGED_AGENTS_MCP_TOKEN: TOKEN };
  const child = new Child(start(apiUrl, ["--http", `--port=${port}`], env));
  const origin = `http://127.0.0.1:${port}`;
  for (let i = 0; i < TRIES; i++) {
    const response = await fetch(`${origin}/health`).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return { child, url: `${origin}/mcp` };
    await systemClock.sleep(TRY_MS);
  }
  await child.close();
  throw new Error("The program does not listen");
}
