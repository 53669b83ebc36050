/**
 * The server over HTTP.
 *
 * @module
 */

import type { HttpConfig } from "../../config/config.ts";
import { createHttpHandler, type HttpHandler } from "../../http/handler.ts";
import type { TokenRegistry } from "../../access/tokens.ts";
import type { App } from "./app.ts";
import { drain } from "./drain.ts";
import { listen } from "../../runtime/deno_listener.ts";
import { type HandleRequest, ListenError, type Listening } from "../../runtime/runtime.ts";
import { readCertificate, unusableCertificate } from "./certificate.ts";
import { openMetricsServer } from "./metrics_server.ts";
import { aborted, type Program } from "../../runtime/program.ts";
import { openTokenList } from "./token_list.ts";
import { VERSION } from "../version.ts";

/** How long the API may take to prove that it can be reached, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

/** Serves until the process is asked to end, with the tokens that the configuration names. */
export async function serveHttp(
  config: HttpConfig,
  app: App,
  program: Program,
): Promise<void> {
  const tokens = openTokenList(config, program);
  try {
    await serveTokens(config, tokens.registry, app, program);
  } finally {
    tokens.close();
  }
}

async function serveTokens(
  config: HttpConfig,
  tokens: TokenRegistry,
  app: App,
  program: Program,
): Promise<void> {
  const { clock, log, stopping } = program;
  const { telemetry } = app;
  const { metrics } = telemetry;
  const { metricsPort } = config;
  const port: { opened?: Listening } = {};
  const handler = createHttpHandler(app.factory, {
    tokens,
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
    path: "/mcp",
    isAccepting: () => port.opened?.isAccepting ?? false,
    ready: () => isReady(app),
    log,
    onAccepted: program.redact.learn,
    ...(metrics && { onRefused: metrics.refused }),
  });
  const server = port.opened = await openPort(config, handler, program);
  const metricsServer = metrics && metricsPort !== undefined
    ? openMetricsServer({ host: config.host, port: metricsPort }, metrics, program)
    : undefined;
  const { hostname } = server.addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  log.info(`Version ${VERSION} serves MCP over HTTP, with ${app.target} behind it`);
  log.info(
    `Point clients at ${
      config.tls ? "https" : "http"
    }://${host}:${server.addr.port}/mcp, with the bearer token`,
  );
  await aborted(stopping);
  await drain({
    ...{ handler, clock, log },
    waiter: app.waiter,
    calls: telemetry.calls,
    shutdown: () => server.shutdown(),
    announceMs: config.drainMs,
  });
  await metricsServer?.close();
}

async function openPort(
  config: HttpConfig,
  handler: HttpHandler,
  program: Program,
): Promise<Listening> {
  const handle: HandleRequest = (request, address) => handler.fetch(request, address);
  const { host, port, tls } = config;
  const certificate = tls && await readCertificate(tls, program.readFile);
  try {
    return listen({ host, port, certificate }, handle, program.log, program.clock);
  } catch (error) {
    if (!tls || !(error instanceof ListenError) || error.reason !== "certificate") throw error;
    throw unusableCertificate(tls, error);
  }
}

async function isReady(app: App): Promise<boolean> {
  try {
    await app.api.agents.list({ limit: 1 }, { timeoutMs: READY_TIMEOUT_MS });
    return true;
  } catch {
    // Why it cannot be reached is in the log of the API client; the probe only asks whether.
    return false;
  }
}
