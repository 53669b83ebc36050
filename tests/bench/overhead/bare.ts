/**
 * The least that can be called a server of `get_session`: JSON-RPC in, the API's answer, JSON-RPC
 * out; no check of anything.
 *
 * @module
 */

import { serveUntilStdinEnds } from "./program.ts";
import { askUpstream, upstreamRequests } from "./upstream_requests.ts";

interface ToolCallRequest {
  readonly id: number;
  readonly params: { readonly arguments: { readonly session_id: string } };
}

if (import.meta.main) {
  const upstream = upstreamRequests();
  await serveUntilStdinEnds(async (request) => {
    const { id, params }: ToolCallRequest = await request.json();
    const content = await askUpstream(upstream, params.arguments.session_id);
    return Response.json({ jsonrpc: "2.0", id, result: { content } });
  });
}
