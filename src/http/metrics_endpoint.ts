/**
 * The page that a metrics collector reads.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { MetricsPage } from "../mcp/metrics.ts";
import { errorResponse } from "./responses.ts";

/** Answers a request for the metrics; whether it may be answered is decided before. */
export async function serveMetrics(request: Request, page: MetricsPage): Promise<Response> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return errorResponse(STATUS_CODE.MethodNotAllowed, "Method not allowed: use GET.", {
      allow: "GET, HEAD",
    });
  }
  return new Response(await page.render(), {
    headers: { "content-type": page.contentType, "cache-control": "no-store" },
  });
}
