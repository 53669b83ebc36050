/**
 * Composes the server: API or simulator, waiter, tools, MCP servers.
 *
 * @module
 */

import { createApi } from "../../api/client.ts";
import type { ManagedAgentsApi } from "../../api/types.ts";
import type { ServeConfig, ServerConfig } from "../../config/config.ts";
import { HOSTED, HOSTED_CONSOLE } from "../../core/addresses.ts";
import { DEFAULT_SETS, type ToolSetName } from "../../access/tool_sets.ts";
import { createServerFactory, type EquipServer, serverEquipment } from "../../mcp/server.ts";
import { createWaiter, type Waiter } from "../../session/waiter.ts";
import type { Publishing } from "../../tools/publishing.ts";
import { createServices, type Services } from "../../tools/services.ts";
import type { Program } from "../../runtime/program.ts";
import { targetOf } from "./target.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";
import { remoteUpstream, simulatedUpstream } from "../upstream.ts";
import { VERSION } from "../version.ts";

/** The settings of an app on any transport; absent ones have their defaults. */
export interface AppConfig
  extends Partial<Pick<ServeConfig, "http" | "credential" | "bindingKey" | "sealing">> {
  readonly simulate: boolean;
  readonly server: Partial<ServerConfig> & Pick<ServerConfig, "baseUrl">;
}

/** Everything behind the transports. */
export interface App {
  readonly factory: ReturnType<typeof createServerFactory>;
  /** Equips servers that were opened before the app was built. */
  readonly equip: EquipServer;
  readonly api: ManagedAgentsApi;
  readonly waiter: Waiter;
  /** What the tools work with. */
  readonly services: Services;
  /** The sets of tools that it serves. */
  readonly toolSets: readonly ToolSetName[];
  readonly telemetry: Telemetry;
  /** The agents that are tools; absent where none is to be. */
  readonly publishing?: Publishing;
  /** Address that its requests go to, for the operator. */
  readonly target: string;
  /** Ends open waits, and frees connections and timers. Idempotent. */
  close(): void;
}

/**
 * Builds the app that a configuration describes. It sends nothing before the first call, except to
 * read the agents that are to be published.
 */
export async function createApp(config: AppConfig, program: Program): Promise<App> {
  const { clock, log, redact } = program;
  const { simulate, server: settings, http, bindingKey, sealing } = config;
  const server = { ...settings, consoleUrl: settings.consoleUrl ?? consoleOf(config) };
  const upstream = simulate
    ? await simulatedUpstream(program)
    : remoteUpstream(server.baseUrl, required(config.credential), program);
  const telemetry = await openTelemetry(
    { tracing: server.tracing, metricsPort: http?.metricsPort },
    {
      waits: () => waiter.stats(),
      maxWaits: server.maxWaits,
      calls: () => services.limits.stats(),
      usage: program.usage,
    },
    log,
  );
  const api = createApi({
    baseUrl: upstream.baseUrl,
    ...(upstream.proxy && { proxy: upstream.proxy }),
    credential: upstream.credential,
    connections: upstream.connections,
    clock,
    log,
    redact,
    userAgent: `cma-mcp/${VERSION}`,
    observe: telemetry.observe,
  });
  const waiter = createWaiter({ ...server, api, clock, log });
  const services = createServices({
    ...server,
    bindingKey,
    sealingKeys: sealing?.keys.map(({ bytes }) => bytes),
    publicUrl: http?.publicUrl,
    api,
    waiter,
    clock,
    log,
    redact,
    onDecided: telemetry.onDecided,
    onAsked: telemetry.onAsked,
    callerIsOperator: http === undefined,
    simulated: simulate,
  });
  const { watch } = telemetry;
  const publishing = await publishingOf(server, services, program);
  const serverOptions = {
    version: VERSION,
    simulated: simulate,
    watch,
    toolSets: server.toolSets,
    listsByCaller: http?.accessFile !== undefined || http?.oauth !== undefined,
    ...(publishing && { publishing }),
  };
  return {
    factory: createServerFactory(services, serverOptions),
    equip: serverEquipment(services, serverOptions),
    api,
    waiter,
    services,
    toolSets: server.toolSets ?? DEFAULT_SETS,
    telemetry,
    ...(publishing && { publishing }),
    target: targetOf(config),
    close: () => {
      publishing?.close();
      waiter.close();
      upstream.close();
    },
  };
}

/** Begins to publish agents; loads the code only where there are any to publish. */
async function publishingOf(
  { publish, publishDescriptions }: Pick<AppConfig["server"], "publish" | "publishDescriptions">,
  services: Services,
  { onReload }: Pick<Program, "onReload">,
): Promise<Publishing | undefined> {
  if (publish === undefined) return undefined;
  const { openPublishing } = await import("../../tools/publishing.ts");
  return openPublishing({ services, publish, publishDescriptions, onReload });
}

/** Returns where sessions of the hosted API can be seen; no other API has a console that is known. */
function consoleOf({ simulate, server }: AppConfig): string | undefined {
  return !simulate && server.baseUrl === HOSTED ? HOSTED_CONSOLE : undefined;
}

function required(credential: AppConfig["credential"]): NonNullable<AppConfig["credential"]> {
  if (credential) return credential;
  throw new Error("A configuration without simulator has a credential");
}
