/**
 * The smallest server of `get_agent`: it takes JSON-RPC, asks the API and sends JSON-RPC, and checks
 * nothing.
 *
 * @module
 */

import { serveUntilStdinEnds } from "../../helpers/child_server.ts";
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
