/**
 * Holds open waits, or bare streams, in a process of its own, so that their cost can be measured.
 * Arguments: `waiter` or `fetch`, and the API's base URL. Responds to a
 * {@linkcode HolderRequest} a line.
 */
import process from "node:process";
import { printLines } from "../../../scripts/table.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createWaiter } from "../../../src/session/waiter.ts";
import { TextLineStream } from "../../helpers/text_lines.ts";
import { settledMemory } from "../../helpers/memory.ts";
import { apiOver, connectionsFor } from "../api_client.ts";
import { openStream, readTurn, replyIn } from "./api_stream.ts";

/** A request to a holder. */
export type HolderRequest =
  /** Opens one on each session; responds at once. */
  | { readonly do: "open"; readonly sessionIds: readonly string[] }
  /** Responds with a {@linkcode HolderMemory} after a collection of garbage. */
  | { readonly do: "memory" }
  /** Responds with the microseconds that the process has computed. */
  | { readonly do: "cpu" }
  /** Responds, once all have ended, with the reply of each that was opened since the last time. */
  | { readonly do: "replies" };

/** Memory of a holder, in bytes. */
export interface HolderMemory {
  readonly rss: number;
  readonly heapUsed: number;
}

/** What is held: waits of the whole client and waiter, or streams that are read and thrown away. */
export type Holding = "waiter" | "fetch";

/** Longer than a bench takes, in milliseconds. */
const TIMEOUT_MS = 600_000;
const MAX_WAITS = 100_000;

type Hold = (sessionId: string) => Promise<string>;

function holdWithWaiter(apiUrl: string): Hold {
  const waiter = createWaiter({
    api: apiOver(apiUrl, { connections: connectionsFor() }),
    clock: systemClock,
    log: silentLogger,
    maxWaits: MAX_WAITS,
  });
  const { signal } = new AbortController();
  return async (sessionId) => {
    const { status, reply } = await waiter.wait({ sessionId, timeoutMs: TIMEOUT_MS, signal });
    if (status !== "idle") throw new Error(`A wait on ${sessionId} returned ${status}`);
    return reply;
  };
}

function holdWithFetch(apiUrl: string): Hold {
  const streams = Deno.createHttpClient({ http1: true, http2: false });
  return async (sessionId) => {
    const body = await openStream(apiUrl, sessionId, streams);
    return replyIn((await readTurn(body)).text);
  };
}

async function main(): Promise<void> {
  const [holding, apiUrl = ""] = Deno.args;
  const hold = holding === "waiter" ? holdWithWaiter(apiUrl) : holdWithFetch(apiUrl);
  let held: Promise<string>[] = [];
  const responseTo = async (request: HolderRequest): Promise<unknown> => {
    switch (request.do) {
      case "open":
        held.push(...request.sessionIds.map(hold));
        return null;
      case "memory":
        return await settledMemory();
      case "cpu": {
        const { user, system } = process.cpuUsage();
        return user + system;
      }
      case "replies": {
        const replies = await Promise.all(held);
        held = [];
        return replies;
      }
    }
  };
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const request: HolderRequest = JSON.parse(line);
    printLines([JSON.stringify(await responseTo(request))]);
  }
  Deno.exit(0);
}

if (import.meta.main) await main();
