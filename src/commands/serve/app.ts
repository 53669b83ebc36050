/**
 * Puts the parts together: API or simulator, waiter, tools, MCP servers.
 *
 * @module
 */

import { createApi } from "../../api/client.ts";
import type { ManagedAgentsApi } from "../../api/types.ts";
import { type Connections, withoutConnections } from "../../api/connections.ts";
import { type CredentialSource, fileCredential } from "../../api/credentials.ts";
import { checkSecret } from "../../config/checks.ts";
import type { CredentialConfig, ServeConfig } from "../../config/config.ts";
import { fileError } from "../../core/errors.ts";
import { type Proxy, proxyFor } from "../../core/proxy.ts";
import { createServerFactory } from "../../mcp/server.ts";
import { createWaiter, type Waiter } from "../../session/waiter.ts";
import { createServices } from "../../tools/services.ts";
import { openConnections } from "../../runtime/http_client.ts";
import type { Program } from "../../runtime/program.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";
import { VERSION } from "../version.ts";

/** What the simulator is called with; it accepts any key. */
const SIMULATED_KEY: CredentialConfig = { kind: "api_key", value: "simulator-asks-for-no-key" };

/** The base URL that stands for the simulator; no request to it leaves the process. */
const SIMULATED_URL = "http://simulator.invalid";

/** The settings that matter to the bridge itself, whatever it is served over. */
export type AppConfig =
  & Pick<
    ServeConfig,
    | "simulate"
    | "credential"
    | "baseUrl"
    | "environmentId"
    | "allowedAgentIds"
    | "maxWaits"
    | "bindingKey"
    | "exposeToolInputs"
    | "exposeAgentConfig"
  >
  & Partial<Pick<ServeConfig, "maxCalls" | "tracing" | "http">>;

/** Everything behind the transports. */
export interface App {
  readonly factory: ReturnType<typeof createServerFactory>;
  readonly api: ManagedAgentsApi;
  readonly waiter: Waiter;
  readonly telemetry: Telemetry;
  /** Where its requests go, for the operator. */
  readonly target: string;
  /** Ends open waits, and frees connections and timers. Idempotent. */
  close(): void;
}

interface Upstream {
  readonly baseUrl: string;
  readonly credential: CredentialSource;
  readonly proxy?: Proxy;
  readonly connections: Connections;
  close(): void;
}

function credentialSource(config: CredentialConfig, program: Program): CredentialSource {
  const { kind, value, file } = config;
  if (file === undefined) return () => ({ kind, value });
  // Start-up has read it once; from then on the file says what is valid.
  const read = async () => {
    const text = await program.readFile(file).catch((error) => {
      throw fileError(error, file, "--api-key-file");
    });
    return checkSecret(text.trim(), `'${file}' (--api-key-file)`);
  };
  return fileCredential(kind, read);
}

function remoteUpstream(config: AppConfig, program: Program): Upstream {
  if (!config.credential) throw new Error("A configuration without simulator has a credential");
  const connections = openConnections(program.clock);
  return {
    baseUrl: config.baseUrl,
    proxy: proxyFor(new URL(config.baseUrl), program.env),
    credential: credentialSource(config.credential, program),
    connections,
    close: () => connections.close(),
  };
}

async function simulatedUpstream(program: Program): Promise<Upstream> {
  const { createSimulator } = await import("../../simulator/mod.ts");
  const simulator = createSimulator({ clock: program.clock });
  return {
    baseUrl: SIMULATED_URL,
    credential: () => SIMULATED_KEY,
    connections: withoutConnections((request) => simulator.fetch(request)),
    close: () => simulator.close(),
  };
}

/** Builds the bridge that a configuration describes; nothing is sent before the first call. */
export async function createApp(config: AppConfig, program: Program): Promise<App> {
  const { clock, log, redact } = program;
  const { simulate, environmentId, allowedAgentIds, exposeToolInputs, exposeAgentConfig } = config;
  const upstream = simulate ? await simulatedUpstream(program) : remoteUpstream(config, program);
  const telemetry = await openTelemetry(config, () => waiter.stats(), log);
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
  const waiter = createWaiter({
    api,
    clock,
    log,
    exposeToolInputs,
    maxOpenWaits: config.maxWaits,
  });
  const services = createServices({
    api,
    waiter,
    clock,
    log,
    redact,
    environmentId,
    allowedAgentIds,
    maxCalls: config.maxCalls,
    bindingSecret: config.bindingKey,
    exposeToolInputs,
    exposeAgentConfig,
    callerIsOperator: config.http === undefined,
  });
  const { watch } = telemetry;
  return {
    factory: createServerFactory(services, { version: VERSION, simulated: simulate, watch }),
    api,
    waiter,
    telemetry,
    target: simulate ? "the built-in SIMULATOR" : upstream.baseUrl,
    close: () => {
      waiter.close();
      upstream.close();
    },
  };
}
