/**
 * Starts the servers that are measured, all in front of the same upstream.
 *
 * @module
 */

import { type Child, startListening } from "../../helpers/child.ts";
import { programAt, startStdio } from "../../helpers/stdio_program.ts";
import { AGENT_ID } from "./canned.ts";
import type { Asked } from "./canned_upstream.ts";
import { baselineStart, helperStart, startOurHttp } from "./starts.ts";
import { callOnce, type HttpSide } from "./load.ts";
import type { UpstreamRequests } from "./upstream_requests.ts";

/** Servers over HTTP: the program, and what it is compared with. */
export type HttpName = "ours" | "bare" | "sdk1" | "sdk2";

/** Servers on stdio. */
export type StdioName = "ours" | "sdk1" | "sdk2";

/** All servers, ready. */
export interface Sides {
  readonly http: Readonly<Record<HttpName, HttpSide>>;
  readonly stdio: Readonly<Record<StdioName, Child>>;
  /** Requests that the program makes for a call, and with it each baseline. */
  readonly upstreamRequests: number;
  /** Length of the body of a response, in bytes. */
  readonly answerBytes: Readonly<Record<HttpName, number>>;
}

async function take(origin: string): Promise<Asked> {
  const response = await fetch(`${origin}/asked`);
  return await response.json();
}

interface Probe {
  readonly bytes: number;
  /** Requests of the server for one call, sorted. */
  readonly targets: readonly string[];
}

async function probe(side: HttpSide, upstream: string): Promise<Probe> {
  await take(upstream);
  const response = await callOnce(side, "legacy");
  const { targets } = await take(upstream);
  return { bytes: new TextEncoder().encode(response).length, targets: targets.toSorted() };
}

async function startBaseline(
  stack: AsyncDisposableStack,
  program: string,
  upstream: UpstreamRequests,
): Promise<HttpSide> {
  const { child, url } = stack.use(await startListening(baselineStart(program, upstream)));
  return { url: `${url}/mcp`, pid: child.pid };
}

/**
 * Starts everything. The program goes first: baselines are told to make the requests that it was
 * seen to make, so that all do the same job.
 *
 * @param stack ends it all
 * @throws Error when a baseline asks for something else than the program
 */
export async function startSides(stack: AsyncDisposableStack): Promise<Sides> {
  const { url: apiUrl } = stack.use(await startListening(helperStart("canned_upstream.ts")));
  const program = await startOurHttp(apiUrl);
  stack.defer(async () => {
    // It does not end with its standard input, as the others do.
    Deno.kill(program.child.pid, "SIGTERM");
    await program.child.close();
  });
  const ours = { url: program.url, pid: program.child.pid };
  const seen = await probe(ours, apiUrl);
  const targets = seen.targets.map((target) => target.replace(AGENT_ID, "{agent_id}"));
  const same: UpstreamRequests = { apiUrl, targets };
  const http: Record<HttpName, HttpSide> = {
    ours,
    bare: await startBaseline(stack, "bare.ts", same),
    sdk1: await startBaseline(stack, "sdk1.ts", same),
    sdk2: await startBaseline(stack, "sdk2.ts", same),
  };
  const answerBytes = { ours: seen.bytes, bare: 0, sdk1: 0, sdk2: 0 };
  for (const name of ["bare", "sdk1", "sdk2"] as const) {
    const { bytes, targets } = await probe(http[name], apiUrl);
    answerBytes[name] = bytes;
    if (targets.join() !== seen.targets.join()) {
      throw new Error(`${name} asks for ${targets}, the program for ${seen.targets}`);
    }
  }
  const stdio: Record<StdioName, Child> = {
    ours: stack.use(await startStdio(programAt(apiUrl))),
    sdk1: stack.use(await startStdio(baselineStart("sdk1.ts", same, "stdio"))),
    sdk2: stack.use(await startStdio(baselineStart("sdk2.ts", same, "stdio"))),
  };
  return { http, stdio, upstreamRequests: targets.length, answerBytes };
}
