/**
 * Answers requests of the older protocol with plain JSON where nothing comes before the response.
 *
 * The SDK's own handler answers all of them with an event stream, which it then passes through a
 * second one: together they take a quarter of the processor time of a short call.
 *
 * @module
 */

import {
  type AuthInfo,
  type McpServerFactory,
  PROTOCOL_VERSION_META_KEY,
  SUPPORTED_PROTOCOL_VERSIONS,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { isFields } from "../api/read.ts";

/** Status for a client that has gone: nobody reads it (nginx and the SDK use it in this way). */
const CLIENT_GONE = 499;

/**
 * Returns true for a single request of the older protocol that asks for no progress. Every other
 * message, also one whose protocol the SDK has to find out or to refuse, belongs to the SDK's handler.
 */
export function isPlainLegacy({ headers }: Request, message: unknown): boolean {
  if (!isFields(message) || !("method" in message) || !("id" in message)) return false;
  const version = headers.get("mcp-protocol-version");
  if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return false;
  const meta = isFields(message.params) ? message.params._meta : undefined;
  return !isFields(meta) ||
    (meta.progressToken === undefined && !(PROTOCOL_VERSION_META_KEY in meta));
}

/** A server that closing the whole program closes as well. */
export interface Closable {
  close(): Promise<void>;
}

/**
 * Serves a request for which {@linkcode isPlainLegacy} is true, by a server and a transport of its
 * own, as the SDK's handler does. It ends when the client goes away, and when the server is closed.
 *
 * @param serving has the server in it meanwhile
 */
export async function serveInJson(
  factory: McpServerFactory,
  request: Request,
  { authInfo, parsedBody, serving }: {
    readonly authInfo: AuthInfo;
    readonly parsedBody: unknown;
    readonly serving: Set<Closable>;
  },
): Promise<Response> {
  const server = await factory({ era: "legacy", authInfo, requestInfo: request });
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableJsonResponse: true,
  });
  await server.connect(transport);
  const close = () => void server.close();
  serving.add(server);
  request.signal.addEventListener("abort", close);
  try {
    return await new Promise((resolve, reject) => {
      const { onclose } = transport;
      transport.onclose = () => {
        onclose?.();
        // The transport itself leaves its response open then.
        resolve(new Response(null, { status: CLIENT_GONE }));
      };
      if (request.signal.aborted) close();
      else transport.handleRequest(request, { authInfo, parsedBody }).then(resolve, reject);
    });
  } finally {
    // After its response the server has nothing that would have to be closed.
    request.signal.removeEventListener("abort", close);
    serving.delete(server);
  }
}
