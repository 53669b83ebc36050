/**
 * Metrics on a port of their own, which stays inside the operator's network.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import { UsageError } from "../../core/errors.ts";
import type { Program } from "../../runtime/program.ts";
import { errorResponse } from "../../http/responses.ts";
import type { MetricsPage } from "../../mcp/metrics.ts";
import { listen } from "../../runtime/deno_listener.ts";

/** Where the metrics are on that port. */
const PATH = "/metrics";

/** A server that can be closed. */
export interface MetricsServer {
  close(): Promise<void>;
}

/** @throws UsageError when the address cannot be had */
export function openMetricsServer(
  address: { readonly host: string; readonly port: number },
  page: MetricsPage,
  { clock, log }: Pick<Program, "clock" | "log">,
): MetricsServer {
  const handle = async (request: Request) => {
    const { pathname } = new URL(request.url);
    return pathname === PATH
      ? await serveMetrics(request, page)
      : errorResponse(STATUS_CODE.NotFound, `Not found: the metrics are at ${PATH}.`);
  };
  const server = open(address, handle, log, clock);
  const { hostname, port } = server.addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  log.info(`Metrics are at http://${host}:${port}${PATH}, for everybody who reaches that port`);
  return { close: () => server.shutdown() };
}

async function serveMetrics(request: Request, page: MetricsPage): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return errorResponse(STATUS_CODE.MethodNotAllowed, "Method not allowed: use GET.", {
      allow: "GET, HEAD",
    });
  }
  return new Response(await page.render(), {
    headers: { "content-type": page.contentType, "cache-control": "no-store" },
  });
}

function open(...parts: Parameters<typeof listen>): ReturnType<typeof listen> {
  try {
    return listen(...parts);
  } catch (cause) {
    const { host, port } = parts[0];
    const words =
      `Cannot listen on ${host}:${port}: type another --metrics-port, or 0 for a free one`;
    throw new UsageError(words, { cause });
  }
}
