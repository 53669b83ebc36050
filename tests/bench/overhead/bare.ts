/**
 * The least that can be called a server of `get_agent`: JSON-RPC in, the API's answer, JSON-RPC
 * out; no check of anything.
 *
 * @module
 */

import { serveUntilStdinEnds } from "./program.ts";
import { askUpstream, upstreamRequests } from "./upstream_requests.ts";

interface ToolCallRequest {
  readonly id: number;
  readonly params: { readonly arguments: { readonly agent_id: string } };
}

if (import.meta.main) {
  const upstream = upstreamRequests();
  await serveUntilStdinEnds(async (request) => {
    const { id, params }: ToolCallRequest = await request.json();
    const content = await askUpstream(upstream, params.arguments.agent_id);
    return Response.json({ jsonrpc: "2.0", id, result: { content } });
  });
}
