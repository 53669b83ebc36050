/**
 * Programs of the bench in processes of their own.
 *
 * @module
 */

import { Child, type ChildOptions } from "../../helpers/child.ts";
import type { Listening } from "./program.ts";
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

/** The program itself on stdio, with the permissions that it is shipped with. */
export function ourStdioStart(apiUrl: string): ChildOptions {
  return {
    args: ["-P=serve", "src/main.ts"],
    env: { ANTHROPIC_API_KEY: "bench-key", ANTHROPIC_BASE_URL: apiUrl },
    // A server that logs writes its lines either way; who reads them must not disturb.
    stderr: "null",
  };
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
