/**
 * The MCP server: one factory for every transport and both protocol eras.
 *
 * @module
 */

import {
  type AuthInfo,
  type CallToolRequest,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type InputRequiredResult,
  type ListToolsResult,
  type McpRequestContext,
  type McpServerFactory,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { messageOf } from "../core/errors.ts";
import { nearest, wordsOf } from "../core/suggest.ts";
import type { Logger } from "../core/logger.ts";
import { label } from "../core/text.ts";
import type { ClientInfo, ToolCall, ToolDefinition } from "../tools/define.ts";
import { toolList } from "./schema.ts";
import type { Principal } from "../access/principal.ts";
import { hasScope } from "../access/scopes.ts";
import { appTools, toolsBoundTo, toolsOf } from "../tools/registry.ts";
import { publishedNamed } from "../tools/published_name.ts";
import type { Publishing } from "../tools/publishing.ts";
import { type ResourceDefinition, resourceListsOf, resourcesOf } from "../tools/resources.ts";
import type { Services } from "../tools/services.ts";
import { callTool } from "./boundary.ts";
import { forOperator } from "./errors.ts";
import { createRunningCalls, type RunningCalls } from "./cancellation.ts";
import { isFields } from "../api/read.ts";
import {
  CALLERS_LIST,
  type ClientTraits,
  type HandshakeOptions,
  type Offer,
  offersByCaller,
  openServer,
  PlainServer,
} from "./handshake.ts";
import { createProgressReporter } from "./progress.ts";
import { type CallWatch, logFailure } from "./call_report.ts";
import { type Asking, personOf } from "./person.ts";
import { listResources, readResource, templateList } from "./resources.ts";
import { declaresView, readsPage, sessionPage } from "./session_view.ts";

/** Options of {@linkcode createServerFactory}. */
export interface ServerOptions extends HandshakeOptions {
  /** Observes calls, for metrics and traces. */
  readonly watch?: CallWatch;
  /** The agents that are tools; none when absent. */
  readonly publishing?: Publishing;
}

/** The page of the session view is the same for all; a new version of this program has another. */
const PAGE_KEPT = { ttlMs: 300_000, cacheScope: "public" } as const;

/** Makes servers, as `McpServerFactory` does, with what the transport knows of the client. */
export type ServerFactory = (context: McpRequestContext, client?: ClientTraits) => Server;

/** Gives an open server what it serves: handlers of all requests but those of the handshake. */
export type EquipServer = (
  server: PlainServer,
  offer: Offer,
  context: McpRequestContext,
  client: ClientTraits,
) => void;

/**
 * Makes a factory of servers. Over HTTP it is called for every request, so a server is cheap: texts
 * and schemas are made once per process, and nothing is registered. (The SDK's `McpServer` converts
 * and compiles every tool's schemas anew, which costs more than a call.)
 *
 * The client's traits come beside the context, or in the `authInfo` that {@linkcode authInfoOf} makes;
 * where there are none, what each request says of its client still counts for tools and calls.
 */
export function createServerFactory(services: Services, options: ServerOptions): ServerFactory {
  const offerFor = offersByCaller(options);
  const equip = serverEquipment(services, options);
  return (context, client = traitsIn(context.authInfo)) => {
    const offer = offerFor(principalIn(context.authInfo));
    const server = openServer(options, offer, context, client);
    equip(server, offer, context, client);
    return server;
  };
}

/** Returns the function that equips the servers of a process, which `openServer` has opened. */
export function serverEquipment(
  services: Services,
  { publishing, watch }: Pick<ServerOptions, "publishing" | "watch">,
): EquipServer {
  const serving = { services, running: createRunningCalls(), watch };
  const servedFor = servedByOffer(appTools(services));
  return (server, offer, { era, authInfo, requestInfo }, client) => {
    const principal = principalIn(authInfo);
    const { tools, resources, resourceLists } = servedFor(offer);
    const showsView = client.showsView && offer.hasView;
    const clientKey = era === "legacy" && requestInfo
      ? clientKeyOf(requestInfo.headers, authInfo)
      : undefined;
    if (clientKey !== undefined) {
      server.setNotificationHandler("notifications/cancelled", ({ params }) => {
        if (params.requestId !== undefined) serving.running.cancel(clientKey, params.requestId);
      });
    }
    const declared = ({ mcpReq: { envelope } }: ServerContext) => {
      const capabilities = envelope
        ? Reflect.get(envelope, CLIENT_CAPABILITIES_META_KEY)
        : server.getClientCapabilities();
      return capabilities === undefined ? client.showsView : declaresView(capabilities);
    };
    const originOf = (context: ServerContext, { byName } = tools): CallOrigin => ({
      context,
      clientKey,
      clientInfo: clientInfoIn(context.mcpReq) ?? server.getClientVersion(),
      served: byName,
      era,
      // Over HTTP this server is of one request: nothing that a client sends later reaches it.
      canRequest: requestInfo === undefined,
      capabilities: server.getClientCapabilities(),
      showsView: offer.hasView && declared(context),
    });
    const handling = { serving, originOf, era };
    if (publishing) {
      const lists = { publishing, principal, hearsChanges: requestInfo === undefined };
      handlePublished(server, tools, lists, handling);
    } else {
      handleTools(server, tools, handling);
    }
    if (resources.length > 0 || showsView) {
      handleResources(server, resources, resourceLists, handling);
    } else {
      server.readPage = () => pageFor(era);
    }
  };
}

/** Returns the result that has the page of the session view; only the newer era has cache hints. */
async function pageFor(era: McpRequestContext["era"]): Promise<ReadResourceResult> {
  const contents = await sessionPage();
  return { contents, ...(era === "modern" && PAGE_KEPT) };
}

/** What the handlers of a server share. */
interface Handling {
  readonly serving: ServingContext;
  readonly era: McpRequestContext["era"];
  /** Returns where a call comes from, by the tools that the server has; the first ones if absent. */
  readonly originOf: (context: ServerContext, served?: ServedTools) => CallOrigin;
}

/** Has a server list and call tools. */
function handleTools(server: Server, tools: ServedTools, handling: Handling): void {
  server.setRequestHandler("tools/list", (_, context) => listTools(tools, context, handling));
  server.setRequestHandler(
    "tools/call",
    ({ params }, context) => serveTool(tools, params, context, handling),
  );
}

/** Has a server list and call tools, and the agents that are tools now. */
function handlePublished(
  server: Server,
  tools: ServedTools,
  { publishing, principal, hearsChanges }: {
    readonly publishing: Publishing;
    readonly principal: Principal | undefined;
    /** True where the client can be told that its list has changed. */
    readonly hearsChanges: boolean;
  },
  handling: Handling,
): void {
  const withPublished = async () => {
    await publishing.ready();
    return servedTools(
      [...tools.byName.values(), ...publishing.toolsFor(principal)],
      tools.views,
    );
  };
  let stop: (() => void) | undefined;
  server.setRequestHandler("tools/list", async (_, context) => {
    const served = await withPublished();
    // From now on the client has a list that can change; one that has gone hears no more of it.
    if (hearsChanges) {
      stop ??= publishing.onChange(() => void server.sendToolListChanged().catch(stop));
    }
    return listTools(served, context, handling);
  });
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    const served = tools.byName.has(params.name) ? tools : await withPublished();
    return await serveTool(served, params, context, handling);
  });
}

/** Lists tools, with those of the session view and their parts in it for clients that show it. */
function listTools(
  served: ServedTools,
  context: ServerContext,
  { originOf, era }: Handling,
): ListToolsResult {
  if (!originOf(context, served).showsView) return served.list();
  // A shared cache must not give this list to others, whatever the server said of its lists before
  // it knew the client.
  return { ...served.viewList(), ...(era === "modern" && CALLERS_LIST) };
}

/** Has a server list and read resources. */
function handleResources(
  server: Server,
  resources: readonly ResourceDefinition[],
  lists: readonly ToolDefinition[],
  { serving, originOf, era }: Handling,
): void {
  const { watch } = serving;
  server.setRequestHandler("resources/templates/list", () => templateList(resources));
  server.setRequestHandler(
    "resources/list",
    ({ method }, context) =>
      inCall(serving, method, originOf(context), (call) => listResources(lists, call, watch)),
  );
  server.setRequestHandler("resources/read", (request, context) => {
    const { method, params: { uri } } = request;
    if (readsPage(request)) return pageFor(era);
    return inCall(
      serving,
      method,
      originOf(context),
      (call) => readResource(uri, resources, call, watch),
    );
  });
}

/** Serves the call of a tool by its name; a published one has earlier names as well. */
function serveTool(
  served: ServedTools,
  { name, arguments: args }: CallToolRequest["params"],
  context: ServerContext,
  { serving, originOf }: Handling,
): Promise<CallToolResult | InputRequiredResult> {
  const { byName } = served;
  const origin = originOf(context, served);
  const views = origin.showsView ? served.views.find((tool) => tool.name === name) : undefined;
  const published = byName.has(name) ? undefined : publishedNamed([...byName.values()], name);
  const found = views ?? published;
  if (!found && !byName.has(name)) logUnknownTool(serving.services.log, name);
  return serveCall(serving, found ?? toolNamed(byName, name), args, origin);
}

/** Options of {@linkcode createUnreadyFactory}. */
export interface UnreadyOptions {
  /** Version of this program. */
  readonly version: string;
  /** Sentence that says what is wrong and what to type, without a full stop; no secret is in it. */
  readonly message: string;
}

/**
 * Makes a factory of servers that complete the handshake and list the tools as usual; their
 * instructions and each call of a tool say which setting to change.
 */
export function createUnreadyFactory({ version, message }: UnreadyOptions): McpServerFactory {
  const text = "This server is not set up right, so nothing was done. " +
    forOperator(message, true) +
    " Settings are where the server was added, such as in this host's configuration; they count " +
    "after it has been started again. 'cma-mcp doctor --host <host>', such as claude-desktop, " +
    "checks those of a host.";
  const options = {
    capabilities: { tools: { listChanged: false } },
    instructions: `NOT SET UP: ${text} Tell the user so; until then every tool fails.`,
  };
  const tools = servedTools(toolsOf());
  return () => {
    const server = new PlainServer(
      { name: "cma-mcp", title: "Claude Managed Agents (NOT SET UP)", version },
      options,
    );
    server.setRequestHandler("tools/list", tools.list);
    server.setRequestHandler("tools/call", ({ params }) => {
      toolNamed(tools.byName, params.name);
      return { content: [{ type: "text", text }], isError: true };
    });
    return server;
  };
}

/**
 * Returns a key that tells one client of the older HTTP protocol from others with the same request
 * ids: the MCP session id from the HTTP transport, and the token.
 */
export function clientKeyOf(headers: Headers, authInfo: AuthInfo | undefined): string | undefined {
  const mcpSessionId = headers.get("mcp-session-id");
  return mcpSessionId ? JSON.stringify([authInfo?.clientId, mcpSessionId]) : undefined;
}

interface ServingContext {
  readonly services: Services;
  readonly running: RunningCalls;
  readonly watch: CallWatch | undefined;
}

/** The tools of a caller by name, and their `tools/list`, which is made on first use. */
interface ServedTools {
  /** Without those that only the session view calls. */
  readonly byName: ReadonlyMap<string, ToolDefinition>;
  /** Those that only the session view calls. */
  readonly views: readonly ToolDefinition[];
  readonly list: () => ListToolsResult;
  /** The list for a client that shows the session view. */
  readonly viewList: () => ListToolsResult;
}

function servedTools(
  served: readonly ToolDefinition[],
  views: readonly ToolDefinition[] = [],
): ServedTools {
  const byName = new Map(served.map((tool) => [tool.name, tool]));
  let listed: ListToolsResult | undefined;
  let viewListed: ListToolsResult | undefined;
  return {
    byName,
    views,
    list: () => listed ??= toolList(byName.values()),
    viewList: () => viewListed ??= toolList([...byName.values(), ...views], true),
  };
}

/** What is served to the callers with an offer. */
interface Served {
  readonly tools: ServedTools;
  readonly resources: readonly ResourceDefinition[];
  readonly resourceLists: readonly ToolDefinition[];
}

/**
 * Returns the function that gives each offer its tools, bound to the caller's agent where there is
 * one.
 *
 * @param views the tools that only the session view calls
 */
function servedByOffer(views: readonly ToolDefinition[]): (offer: Offer) => Served {
  const known = new WeakMap<Offer, Served>();
  return (offer) => {
    const found = known.get(offer);
    if (found) return found;
    const { sets, agent } = offer;
    const served = {
      tools: servedTools(agent === undefined ? toolsOf(sets) : toolsBoundTo(agent, sets), views),
      resources: resourcesOf(sets),
      resourceLists: resourceListsOf(sets),
    };
    known.set(offer, served);
    return served;
  };
}

/**
 * Finds a tool by its name.
 *
 * @throws `ProtocolError` for a name that was not listed, as the specification demands
 */
export function toolNamed(
  tools: ReadonlyMap<string, ToolDefinition>,
  name: string,
): ToolDefinition {
  const tool = tools.get(name);
  if (tool) return tool;
  const meant = toolMeant([...tools.keys()], name);
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `Tool ${label(name)} not found${meant === undefined ? "" : `: did you mean ${meant}?`}`,
  );
}

/**
 * Longest name that is compared, in characters, with any prefix of a host's; a longer one is no
 * misspelt name.
 */
const MAX_COMPARED_CHARS = 128;

/**
 * Returns the tool that a name was probably meant for: hosts add the server's name, models guess.
 */
function toolMeant(names: readonly string[], name: string): string | undefined {
  if (name.length > MAX_COMPARED_CHARS) return undefined;
  const key = wordsOf(name).join("_");
  return names.find((real) => `_${key}`.endsWith(`_${real}`)) ?? nearest(key, names);
}

/** Logs the name that a client called; a text that cannot be a name is not repeated. */
function logUnknownTool(log: Logger, name: string): void {
  log.info("A client called an unknown tool", {
    tool: /^[\w.-]{1,64}$/.test(name) ? name : undefined,
  });
}

/** The origin of a call. */
interface CallOrigin extends Pick<Asking, "era" | "canRequest" | "capabilities"> {
  readonly context: ServerContext;
  /** See {@linkcode clientKeyOf}. */
  readonly clientKey: string | undefined;
  /** The calling program; absent where it is not known. */
  readonly clientInfo: ClientInfo | undefined;
  /** The tools that the caller sees, by name. */
  readonly served: ReadonlyMap<string, ToolDefinition>;
  /** True if the client shows the session view beside results of these tools. */
  readonly showsView: boolean;
}

/** Serves a `tools/call`: its progress, its cancellation, its result. */
async function serveCall(
  serving: ServingContext,
  tool: ToolDefinition,
  args: unknown,
  origin: CallOrigin,
): Promise<CallToolResult | InputRequiredResult> {
  const { services, watch } = serving;
  const { context: { mcpReq }, ...connection } = origin;
  return await inCall(serving, tool.name, origin, async (call) => {
    const { principal } = call;
    const person = personOf({ ...connection, mcpReq, tool: tool.name, args, principal, services });
    return await callTool(tool, args, { ...call, ...(person && { person }) }, watch);
  }, args);
}

/**
 * Does what a request asks for: with its progress, until it is cancelled.
 *
 * @param name of what is called, for the log
 * @param args texts that the log must not repeat
 * @throws `ProtocolError`
 */
async function inCall<T>(
  { services, running }: ServingContext,
  name: string,
  { context: { mcpReq, http }, clientKey, clientInfo, served, showsView }: CallOrigin,
  run: (call: ToolCall) => Promise<T>,
  args?: unknown,
): Promise<T> {
  const { id, method, _meta: meta } = mcpReq;
  const progressToken = meta?.progressToken;
  const reporter = progressToken === undefined ? undefined : createProgressReporter({
    clock: services.clock,
    redact: services.redact.thorough,
    send: (update) =>
      mcpReq.notify({ method: "notifications/progress", params: { progressToken, ...update } }),
    onFailure: (error) =>
      services.log.debug("A progress notification was not sent", {
        error: messageOf(error),
      }),
  });
  const call = running.enter(clientKey, id, mcpReq.signal);
  try {
    const caller = callerIn(http?.authInfo);
    return await run({
      signal: call.signal,
      services,
      requestId: String(id),
      method,
      ...(meta && { meta }),
      ...(clientInfo && { clientInfo }),
      ...(showsView && { showsView }),
      ...caller,
      has: (name) => {
        const named = served.get(name);
        return named !== undefined && hasScope(caller.principal, named.scope);
      },
      ...(reporter && { progress: (message: string) => reporter.report(message) }),
    });
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    // A failed tool returns a result, so this is a fault of the server itself, or of a watch.
    logFailure(services, { tool: name }, { error, args });
    throw new ProtocolError(ProtocolErrorCode.InternalError, "Internal error");
  } finally {
    reporter?.stop();
    call.leave();
  }
}

/** Reads the client's name, which the 2026-era protocol puts into each request. */
function clientInfoIn({ envelope, _meta }: ServerContext["mcpReq"]): ClientInfo | undefined {
  for (const meta of [envelope, _meta]) {
    const info: unknown = meta && Reflect.get(meta, CLIENT_INFO_META_KEY);
    if (!isFields(info)) continue;
    const { name, version } = info;
    if (typeof name === "string" && typeof version === "string") return { name, version };
  }
  return undefined;
}

/** Content of `AuthInfo.extra`, the SDK's field for the server's own data. */
interface CallerInfo extends Record<string, unknown> {
  readonly principal: Principal;
  /** Id of the HTTP request, for the operator's log. */
  readonly requestId?: string;
  /** See {@linkcode ClientTraits}. */
  readonly showsView?: boolean;
}

/**
 * Returns the `authInfo` with which an HTTP stack calls the SDK's handler, so that the tools know
 * the caller. The SDK passes on nothing else of ours from a request to a call; otherwise every
 * request would need its own factory, with its own SDK handler.
 *
 * @param requestId of the HTTP request, for the operator's log
 * @param client what its requests have said of the calling program
 */
export function authInfoOf(
  principal: Principal,
  requestId?: string,
  client?: ClientTraits,
): AuthInfo {
  const extra: CallerInfo = { principal, requestId, ...(client?.showsView && { showsView: true }) };
  return { token: "", clientId: principal.id, scopes: [], extra };
}

/**
 * Reads the caller that {@linkcode authInfoOf} wrote. If another HTTP stack wrote none, the client
 * id is its name, and it has no limits.
 *
 * @throws `TypeError` for a principal without a name: its limits cannot be trusted
 */
function callerIn(
  authInfo: AuthInfo | undefined,
): { readonly principal?: Principal; readonly httpRequestId?: string } {
  if (!authInfo) return {};
  const { principal = { id: authInfo.clientId }, requestId } = authInfo.extra ?? {};
  if (!isPrincipal(principal)) {
    throw new TypeError("authInfo.extra.principal is no principal: use authInfoOf()");
  }
  return { principal, ...(typeof requestId === "string" && { httpRequestId: requestId }) };
}

/** Reads the limits of a caller that decide what it sees; undefined where there is none. */
function principalIn(authInfo: AuthInfo | undefined): Principal | undefined {
  const { principal } = authInfo?.extra ?? {};
  return isPrincipal(principal) ? principal : undefined;
}

/** Reads the traits that {@linkcode authInfoOf} wrote. */
function traitsIn(authInfo: AuthInfo | undefined): ClientTraits {
  return { showsView: authInfo?.extra?.showsView === true };
}

function isPrincipal(value: unknown): value is Principal {
  return isFields(value) && typeof value.id === "string" && value.id !== "";
}
