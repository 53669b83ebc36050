/**
 * The MCP server: one factory behind every transport and both protocol eras.
 *
 * @module
 */

import {
  type CallToolResult,
  type ListToolsResult,
  type McpRequestContext,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { bindSignal } from "../core/abort.ts";
import type { ToolDefinition } from "../tools/define.ts";
import { inputJsonSchema, outputJsonSchema } from "../tools/json_schema.ts";
import { createPrincipal, isPrincipal, type Principal } from "../tools/principal.ts";
import { TOOLS } from "../tools/registry.ts";
import type { Services } from "../tools/services.ts";
import { callTool } from "./boundary.ts";
import { createRunningCalls, type RunningCalls } from "./cancellation.ts";
import { instructions } from "./instructions.ts";
import { createProgressReporter } from "./progress.ts";
import type { CallWatch } from "./report.ts";

/** What {@linkcode createServerFactory} puts into the servers that it makes. */
export interface ServerOptions {
  /** Version of this program. */
  readonly version: string;
  /** Whether the API behind it is the simulator: said loudly in the instructions. */
  readonly simulated?: boolean;
  /** Looks on while calls run: metrics, traces. */
  readonly watch?: CallWatch;
}

/** Clients may keep the tool list this long: it changes with this program's version only. */
const TOOL_LIST_TTL_MS = 3_600_000;

/**
 * A factory of servers. Over HTTP it is called for every request, so a server is cheap: texts and
 * schemas are made once per process, and nothing is registered. (The SDK's `McpServer` converts and
 * compiles every tool's schemas anew, which costs more than a call.)
 */
export function createServerFactory(services: Services, options: ServerOptions): McpServerFactory {
  const info = {
    name: "cma-mcp",
    title: options.simulated ? "Claude Managed Agents (SIMULATED)" : "Claude Managed Agents",
    version: options.version,
  };
  const serverOptions = {
    capabilities: { tools: { listChanged: false } },
    cacheHints: {
      "tools/list": { ttlMs: TOOL_LIST_TTL_MS, cacheScope: "public" as const },
      "server/discover": { ttlMs: TOOL_LIST_TTL_MS, cacheScope: "public" as const },
    },
    instructions: instructions(options.simulated ?? false),
  };
  const running = createRunningCalls();
  return (context) => {
    const server = new Server(info, serverOptions);
    const client = clientOf(context);
    if (client !== undefined) {
      server.setNotificationHandler("notifications/cancelled", ({ params }) => {
        if (params.requestId !== undefined) running.cancel(client, params.requestId);
      });
    }
    const serving = { services, running, client, watch: options.watch };
    server.setRequestHandler("tools/list", () => toolList());
    server.setRequestHandler("tools/call", ({ params }, ctx) => {
      return serve(serving, toolNamed(params.name), params.arguments, ctx);
    });
    return server;
  };
}

/**
 * What tells one client of the older HTTP protocol from others, whose request ids are alike: the
 * MCP session id that the HTTP transport gave it, and the token that it comes with.
 */
function clientOf(context: McpRequestContext): string | undefined {
  const mcpSessionId = context.requestInfo?.headers.get("mcp-session-id");
  if (context.era !== "legacy" || !mcpSessionId) return undefined;
  return JSON.stringify([context.authInfo?.clientId, mcpSessionId]);
}

interface ServingContext {
  readonly services: Services;
  readonly running: RunningCalls;
  readonly client: string | undefined;
  readonly watch: CallWatch | undefined;
}

let listed: ListToolsResult | undefined;

function toolList(): ListToolsResult {
  listed ??= {
    tools: TOOLS.map((tool) => ({
      name: tool.name,
      title: tool.title,
      description: tool.description,
      inputSchema: { ...inputJsonSchema(tool), type: "object" },
      annotations: tool.annotations,
      outputSchema: { ...outputJsonSchema(tool), type: "object" },
    })),
  };
  return listed;
}

const BY_NAME: ReadonlyMap<string, ToolDefinition> = new Map(
  TOOLS.map((tool) => [tool.name, tool]),
);

/** @throws `ProtocolError` for a name that was not listed, as the specification asks */
function toolNamed(name: string): ToolDefinition {
  const tool = BY_NAME.get(name);
  if (tool) return tool;
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Tool ${name} not found`);
}

async function serve(
  { services, running, client, watch }: ServingContext,
  tool: ToolDefinition,
  args: unknown,
  ctx: ServerContext,
): Promise<CallToolResult> {
  const { notify, id, _meta } = ctx.mcpReq;
  const progressToken = _meta?.progressToken;
  const principal = principalOf(ctx);
  const reporter = progressToken === undefined ? undefined : createProgressReporter(
    services.clock,
    (update) => notify({ method: "notifications/progress", params: { progressToken, ...update } }),
    (error) =>
      services.log.debug("A progress notification was not sent", {
        error: error instanceof Error ? error.message : String(error),
      }),
  );
  const entered = running.enter(client, id);
  const bound = bindSignal(services.clock, { signals: [ctx.mcpReq.signal, entered.signal] });
  try {
    return await callTool(tool, args, {
      signal: bound.signal,
      services,
      requestId: String(id),
      ...(_meta && { meta: _meta }),
      ...httpRequestIdOf(ctx),
      ...(principal && { principal }),
      ...(reporter && { progress: (message: string) => reporter.report(message) }),
    }, watch);
  } finally {
    reporter?.stop();
    // The request's own signal fires after a normal end as well.
    bound.dispose();
    entered.leave();
  }
}

/** The HTTP transport's id of the request, as it comes in `authInfo.extra.requestId`. */
function httpRequestIdOf({ http }: ServerContext): { readonly httpRequestId?: string } {
  const requestId = http?.authInfo?.extra?.requestId;
  return typeof requestId === "string" ? { httpRequestId: requestId } : {};
}

/**
 * The caller that the transport has identified: by `authInfo.extra.principal`, or, behind an HTTP
 * stack that is not ours, by its client id alone.
 *
 * @throws `TypeError` when there is a principal that was not made in this process: what its scopes
 *   are worth is then unknown
 */
function principalOf({ http }: ServerContext): Principal | undefined {
  const authInfo = http?.authInfo;
  if (!authInfo) return undefined;
  const principal = authInfo.extra?.principal;
  if (principal === undefined) return createPrincipal({ id: authInfo.clientId });
  if (isPrincipal(principal)) return principal;
  throw new TypeError("authInfo.extra.principal must come from createPrincipal()");
}
