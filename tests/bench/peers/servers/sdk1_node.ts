import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { fetchUpstream } from "./fetch_upstream.ts";
import { peerArguments, serveNode } from "./program.ts";
import { createServer, serveStreams } from "./sdk1.ts";

const { tools, isOnStdio } = peerArguments(fetchUpstream);
if (isOnStdio) await serveStreams(tools);
else {
  serveNode(async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await createServer(tools).connect(transport);
    await transport.handleRequest(request, response);
  });
}
