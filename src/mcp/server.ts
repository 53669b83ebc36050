/**
 * The MCP server: one factory behind every transport and both protocol eras.
 *
 * @module
 */

import {
  type CallToolResult,
  type McpRequestContext,
  McpServer,
  type McpServerFactory,
  type ServerContext,
  type StandardSchemaWithJSON,
} from "@modelcontextprotocol/server";
import { bindSignal } from "../core/abort.ts";
import type { ToolDefinition } from "../tools/define.ts";
import { inputJsonSchema, type JsonSchema, outputJsonSchema } from "../tools/json_schema.ts";
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
 * A factory of servers. Over HTTP it is called for every request, so a server is cheap: schemas and
 * texts are made once per process.
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
    const server = new McpServer(info, serverOptions);
    const client = clientOf(context);
    if (client !== undefined) {
      server.server.setNotificationHandler("notifications/cancelled", ({ params }) => {
        if (params.requestId !== undefined) running.cancel(client, params.requestId);
      });
    }
    for (const { tool, config } of registrations()) {
      server.registerTool(
        tool.name,
        config,
        (args: unknown, ctx: ServerContext) => {
          return serve({ services, running, client, watch: options.watch }, tool, args, ctx);
        },
      );
    }
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

interface Registration {
  readonly tool: ToolDefinition;
  readonly config: {
    readonly title: string;
    readonly description: string;
    readonly annotations: ToolDefinition["annotations"];
    readonly inputSchema: StandardSchemaWithJSON;
    readonly outputSchema: StandardSchemaWithJSON;
  };
}

let prepared: readonly Registration[] | undefined;

function registrations(): readonly Registration[] {
  prepared ??= TOOLS.map((tool) => ({
    tool,
    config: {
      title: tool.title,
      description: tool.description,
      annotations: tool.annotations,
      inputSchema: advertised(inputJsonSchema(tool)),
      outputSchema: advertised(outputJsonSchema(tool)),
    },
  }));
  return prepared;
}

/**
 * A schema that is shown but checks nothing: arguments are checked by the tool itself, whose words
 * are better, and what tools return by their types and tests.
 */
function advertised(schema: JsonSchema): StandardSchemaWithJSON {
  return {
    "~standard": {
      version: 1,
      vendor: "cma-mcp",
      validate: (value) => ({ value }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
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
