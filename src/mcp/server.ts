/**
 * The MCP server: one factory behind every transport and both protocol eras.
 *
 * @module
 */

import {
  type AuthInfo,
  type CallToolResult,
  CLIENT_INFO_META_KEY,
  type ListToolsResult,
  type McpServerFactory,
  type ProgressNotificationParams,
  ProtocolError,
  ProtocolErrorCode,
} from "@modelcontextprotocol/server";
import { nearest, wordsOf } from "../core/suggest.ts";
import { bindSignal } from "../core/abort.ts";
import type { Logger } from "../core/logger.ts";
import { label } from "../core/text.ts";
import type { ToolDefinition } from "../tools/define.ts";
import { inputJsonSchema, outputJsonSchema } from "./schema.ts";
import type { ClientInfo } from "../tools/define.ts";
import { createPrincipal, isPrincipal, type Principal } from "../access/principal.ts";
import { toolsOf } from "../tools/registry.ts";
import type { Services } from "../tools/services.ts";
import { callTool } from "./boundary.ts";
import { logFailure } from "./call_log.ts";
import { createRunningCalls, type RunningCalls } from "./cancellation.ts";
import { PlainServer } from "./invalid_params.ts";
import { instructions } from "./instructions.ts";
import { createProgressReporter } from "./progress.ts";
import type { CallWatch } from "./call_report.ts";

/** What {@linkcode createServerFactory} puts into the servers that it makes. */
export interface ServerOptions {
  /** Version of this program. */
  readonly version: string;
  /** Whether the API behind it is the simulator: said loudly in the instructions. */
  readonly simulated?: boolean;
  /** Looks on while calls run: metrics, traces. */
  readonly watch?: CallWatch;
}

/** A call of a tool, however it came. */
export interface DirectCall {
  readonly name: string;
  readonly args: unknown;
  /** Of the JSON-RPC request. */
  readonly id: string | number;
  readonly meta?: DirectCallMeta;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  /** See {@linkcode clientOf}. */
  readonly client: string | undefined;
  /** The program that calls; absent where nothing says it. */
  readonly clientInfo?: ClientInfo;
  /** As the HTTP transport makes it. */
  readonly authInfo: AuthInfo | undefined;
  /** Sends `notifications/progress`; used when `meta` has a `progressToken`. */
  notify(params: ProgressNotificationParams): Promise<void>;
}

/** The `_meta` of a request. */
export type DirectCallMeta = Readonly<Record<string, unknown>> & {
  readonly progressToken?: string | number;
};

/** A factory of servers, and a way to call tools without making one. */
export interface ServerFactory extends McpServerFactory {
  /** Whether there is a tool of this name. */
  knows(name: string): boolean;
  /**
   * Calls a tool as a server would.
   *
   * @throws `ProtocolError` when there is no such tool
   */
  callDirectly(call: DirectCall): Promise<CallToolResult>;
}

/** Clients may keep the tool list this long: it changes with this program's version only. */
const TOOL_LIST_TTL_MS = 3_600_000;

/**
 * A factory of servers. Over HTTP it is called for every request, so a server is cheap: texts and
 * schemas are made once per process, and nothing is registered. (The SDK's `McpServer` converts and
 * compiles every tool's schemas anew, which costs more than a call.)
 */
export function createServerFactory(services: Services, options: ServerOptions): ServerFactory {
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
  const serving = { services, running: createRunningCalls(), watch: options.watch };
  const make: McpServerFactory = ({ era, authInfo, requestInfo }) => {
    const server = new PlainServer(info, serverOptions);
    const client = era === "legacy" && requestInfo
      ? clientOf(requestInfo.headers, authInfo)
      : undefined;
    if (client !== undefined) {
      server.setNotificationHandler("notifications/cancelled", ({ params }) => {
        if (params.requestId !== undefined) serving.running.cancel(client, params.requestId);
      });
    }
    server.setRequestHandler("tools/list", () => toolList());
    server.setRequestHandler("tools/call", ({ params }, { mcpReq, http }) => {
      const { signal, id, _meta: meta, envelope } = mcpReq;
      const clientInfo = clientInfoIn(envelope) ?? clientInfoIn(meta) ?? server.getClientVersion();
      if (!BY_NAME.has(params.name)) noteUnknownTool(services.log, params.name);
      return serve(serving, toolNamed(params.name), {
        ...{ name: params.name, args: params.arguments, id, meta, signal, client, clientInfo },
        authInfo: http?.authInfo,
        notify: (params) => mcpReq.notify({ method: "notifications/progress", params }),
      });
    });
    return server;
  };
  return Object.assign(make, {
    knows: (name: string) => BY_NAME.has(name),
    callDirectly: (call: DirectCall) => serve(serving, toolNamed(call.name), call),
  });
}

/**
 * What tells one client of the older HTTP protocol from others, whose request ids are alike: the
 * MCP session id that the HTTP transport gave it, and the token that it comes with.
 */
export function clientOf(headers: Headers, authInfo: AuthInfo | undefined): string | undefined {
  const mcpSessionId = headers.get("mcp-session-id");
  return mcpSessionId ? JSON.stringify([authInfo?.clientId, mcpSessionId]) : undefined;
}

interface ServingContext {
  readonly services: Services;
  readonly running: RunningCalls;
  readonly watch: CallWatch | undefined;
}

let listed: ListToolsResult | undefined;

/** What `tools/list` answers. */
export function toolList(): ListToolsResult {
  listed ??= {
    tools: toolsOf().map((tool) => ({
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
  toolsOf().map((tool) => [tool.name, tool]),
);

/**
 * The tool of a name.
 *
 * @throws `ProtocolError` for a name that was not listed, as the specification asks
 */
export function toolNamed(name: string): ToolDefinition {
  const tool = BY_NAME.get(name);
  if (tool) return tool;
  const meant = toolMeant(name);
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `Tool ${label(name)} not found${meant === undefined ? "" : `: did you mean ${meant}?`}`,
  );
}

/** Longer names are no misspelt ones, with whatever a host puts before them. */
const MAX_COMPARED_CHARS = 128;

/** The tool that a name was probably meant for: hosts prefix the server's, models guess. */
function toolMeant(name: string): string | undefined {
  if (name.length > MAX_COMPARED_CHARS) return undefined;
  const key = wordsOf(name).join("_");
  return [...BY_NAME.keys()].find((real) => `_${key}`.endsWith(`_${real}`)) ??
    nearest(key, [...BY_NAME.keys()]);
}

/** Whoever reads the log may wonder what a client asks for; what is no name is not repeated. */
function noteUnknownTool(log: Logger, name: string): void {
  log.info("There is no such tool", { tool: /^[\w.-]{1,64}$/.test(name) ? name : undefined });
}

async function serve(
  { services, running, watch }: ServingContext,
  tool: ToolDefinition,
  { args, id, meta, signal, client, clientInfo, authInfo, notify }: DirectCall,
): Promise<CallToolResult> {
  const progressToken = meta?.progressToken;
  const reporter = progressToken === undefined ? undefined : createProgressReporter({
    clock: services.clock,
    redact: services.redact.thorough,
    send: (update) => notify({ progressToken, ...update }),
    onFailure: (error) =>
      services.log.debug("A progress notification was not sent", {
        error: error instanceof Error ? error.message : String(error),
      }),
  });
  const entered = running.enter(client, id);
  const bound = bindSignal(services.clock, { signals: [signal, entered.signal] });
  try {
    const principal = principalOf(authInfo);
    return await callTool(tool, args, {
      signal: bound.signal,
      services,
      requestId: String(id),
      ...(meta && { meta }),
      ...(clientInfo && { clientInfo }),
      ...httpRequestIdOf(authInfo),
      ...(principal && { principal }),
      ...(reporter && { progress: (message: string) => reporter.report(message) }),
    }, watch);
  } catch (error) {
    // What goes wrong in a tool is in its result: this is a bug here, or in what looks on.
    logFailure(services, { tool: tool.name }, { error, args });
    throw error;
  } finally {
    reporter?.stop();
    // The request's own signal fires after a normal end as well.
    bound.dispose();
    entered.leave();
  }
}

/** The 2026-era protocol names the client in each request. */
function clientInfoIn(meta: object | undefined): ClientInfo | undefined {
  const info: unknown = meta && Reflect.get(meta, CLIENT_INFO_META_KEY);
  if (typeof info !== "object" || info === null) return undefined;
  const name: unknown = Reflect.get(info, "name");
  const version: unknown = Reflect.get(info, "version");
  return typeof name === "string" && typeof version === "string" ? { name, version } : undefined;
}

/** The HTTP transport's id of the request, as it comes in `authInfo.extra.requestId`. */
function httpRequestIdOf(authInfo: AuthInfo | undefined): { readonly httpRequestId?: string } {
  const requestId = authInfo?.extra?.requestId;
  return typeof requestId === "string" ? { httpRequestId: requestId } : {};
}

/**
 * The caller that the transport has identified: by `authInfo.extra.principal`, or, behind an HTTP
 * stack that is not ours, by its client id alone.
 *
 * @throws `TypeError` when there is a principal that was not made in this process: what its scopes
 *   are worth is then unknown
 */
function principalOf(authInfo: AuthInfo | undefined): Principal | undefined {
  if (!authInfo) return undefined;
  const principal = authInfo.extra?.principal;
  if (principal === undefined) return createPrincipal({ id: authInfo.clientId });
  if (isPrincipal(principal)) return principal;
  throw new TypeError("authInfo.extra.principal must come from createPrincipal()");
}
