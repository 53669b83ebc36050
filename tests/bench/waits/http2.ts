/**
 * Times plain calls of the program's client while waits are open, above all to an API that speaks HTTP/2
 * and allows 100 streams on one connection.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../../../src/api/types.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createWaiter } from "../../../src/session/waiter.ts";
import { UpstreamProcess } from "../../helpers/upstream_process.ts";
import { inTurns, medianMs } from "../figure.ts";
import { apiOver, connectionsFor } from "../api_client.ts";
import { isReply } from "./http_waits.ts";

const TIMEOUT_MS = 600_000;
/** Waits that are opened at once. */
const BATCH = 250;
/** More streams than the upstream allows on a connection. */
export const SHARED_STREAMS = 150;
const ALLOWED_STREAMS = 100;

/** From the last wait that was opened or ended until the process is at rest. */
const REST_MS = 500;

async function medianCall(api: ManagedAgentsApi, sessionId: string, calls: number) {
  await systemClock.sleep(REST_MS);
  return await medianMs(calls, () => api.sessions.retrieve(sessionId), ({ id }) => {
    if (id !== sessionId) throw new Error(`Asked for ${sessionId}, got ${id}`);
  });
}

/** Holds waits while something is done; each must end with its reply. */
async function withWaits<T>(
  upstream: UpstreamProcess,
  api: ManagedAgentsApi,
  count: number,
  work: () => Promise<T>,
): Promise<T> {
  const options = { api, clock: systemClock, log: silentLogger, maxWaits: count };
  const waiter = createWaiter(options);
  const { signal } = new AbortController();
  const sessionIds = await upstream.begin(count);
  const waits: Promise<void>[] = [];
  const wait = async (sessionId: string) => {
    const { status, reply } = await waiter.wait({ sessionId, timeoutMs: TIMEOUT_MS, signal });
    if (status !== "idle" || !isReply(reply)) throw new Error(`A wait gave ${status}, '${reply}'`);
  };
  await upstream.openInBatches(sessionIds, BATCH, (batch) => waits.push(...batch.map(wait)));
  const result = await work();
  await upstream.finish(sessionIds);
  await Promise.all(waits);
  await upstream.streamsAre(0);
  return result;
}

/** Numbers of rounds, waits and calls. */
export interface BesideOptions {
  readonly rounds: number;
  readonly waits: number;
  readonly calls: number;
  /** Protocol of the API's connections: HTTP/2 over TLS, or plain HTTP/1.1. */
  readonly protocol: "http2" | "http1";
}

/** Measures the median milliseconds of a plain call, round by round: alone, and beside open waits. */
export async function callsBesideWaits(
  { rounds, waits, calls, protocol }: BesideOptions,
): Promise<{ alone: number[]; beside: number[] }> {
  const upstream = await UpstreamProcess.start();
  const { url, tlsUrl, cert } = upstream.address;
  const connections = connectionsFor([cert]);
  try {
    const api = apiOver(protocol === "http2" ? tlsUrl : url, { connections });
    const [sessionId = ""] = await upstream.begin(1);
    const call = () => medianCall(api, sessionId, calls);
    const found = await inTurns(
      rounds,
      new Map([["alone", call], ["beside", () => withWaits(upstream, api, waits, call)]]),
    );
    return { alone: found.get("alone") ?? [], beside: found.get("beside") ?? [] };
  } finally {
    // Before the clients: the runtime's HTTP/2 server may abort when a client leaves.
    await upstream.close();
    connections.close();
  }
}

/**
 * Tells whether a plain call gets a response when long streams share its HTTP/2 connection.
 *
 * @param timeoutMs a call that is blocked is given up after this
 */
export async function respondsOnSharedConnection(timeoutMs: number): Promise<boolean> {
  const upstream = await UpstreamProcess.start();
  const { tlsUrl, cert } = upstream.address;
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const api = apiOver(tlsUrl, { fetch: (request) => fetch(request, { client }) });
  const controller = new AbortController();
  try {
    const sessionIds = await upstream.begin(SHARED_STREAMS);
    const [sessionId = ""] = sessionIds;
    // The connection, and with it the server's limit, is there before the streams.
    await api.sessions.retrieve(sessionId);
    for (const id of sessionIds) {
      api.events.stream(id, { signal: controller.signal }).catch(() => {});
    }
    await upstream.streamsAre(ALLOWED_STREAMS);
    return await api.sessions.retrieve(sessionId, { timeoutMs })
      .then(() => true, () => false);
  } finally {
    await upstream.close();
    controller.abort();
  }
}
