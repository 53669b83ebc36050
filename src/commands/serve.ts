/**
 * `cma-mcp`: the server itself, on stdio or HTTP.
 *
 * @module
 */

import type { HttpConfig, ServeConfig } from "../config/config.ts";
import { createHttpHandler, type HttpHandler } from "../transport/http.ts";
import { serveStdioTransport } from "../transport/stdio.ts";
import type { TokenRegistry } from "../transport/tokens.ts";
import { type Bridge, createBridge } from "./bridge.ts";
import { CALLS_MS, drain, within } from "./drain.ts";
import { type HandleRequest, listen } from "./listen.ts";
import { type Listening, listenTls } from "./listen_tls.ts";
import { openMetricsServer } from "./metrics_server.ts";
import { aborted, type Program } from "./program.ts";
import { openTokenList } from "./token_list.ts";
import { trustedProxies } from "./trusted_proxies.ts";
import { VERSION } from "./version.ts";

/** Largest request body in bytes: a message of 100,000 characters fits several times. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** How long answers may take to get out over stdio at the end, in milliseconds. */
const STDIO_DRAIN_MS = 50;

/** How long the API may take to prove that it can be reached, in milliseconds. */
const READY_TIMEOUT_MS = 5_000;

/** Serves until the host hangs up or the process is asked to end. */
export async function serve(config: ServeConfig, program: Program): Promise<void> {
  const bridge = await createBridge(config, program);
  for (const warning of config.warnings) program.log.warn(warning);
  const tokens = config.http && openTokenList(config.http, program);
  try {
    if (config.http && tokens) await serveHttp(config.http, tokens.registry, bridge, program);
    else await serveStdio(bridge, program);
  } finally {
    tokens?.close();
    bridge.close();
  }
}

async function serveStdio(bridge: Bridge, program: Program): Promise<void> {
  const { clock, log, stopping } = program;
  const transport = serveStdioTransport(bridge.factory, { log });
  log.info(`Version ${VERSION} serves MCP on stdio, with ${bridge.target} behind it`);
  if (program.stdinIsTerminal) {
    log.info(
      "An MCP host starts this program and speaks JSON-RPC to it: type 'cma-mcp config <host>' to " +
        "put it into one, or 'cma-mcp demo' to see it work. Ctrl+C ends it",
    );
  }
  await Promise.race([transport.closed, aborted(stopping)]);
  bridge.waiter.close();
  if (stopping.aborted) {
    // A host that is still there gets the answers of the waits that just ended and of other calls.
    await within(CALLS_MS, bridge.telemetry.calls.idle(), clock);
    await clock.sleep(STDIO_DRAIN_MS);
  }
  await transport.close();
}

async function serveHttp(
  config: HttpConfig,
  tokens: TokenRegistry,
  bridge: Bridge,
  program: Program,
): Promise<void> {
  const { clock, log, stopping } = program;
  const { telemetry } = bridge;
  const { metrics } = telemetry;
  const { metricsPath, metricsPort } = config;
  const handler = createHttpHandler(bridge.factory, {
    tokens,
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
    path: "/mcp",
    maxBodyBytes: MAX_BODY_BYTES,
    isTrustedProxy: await trustedProxies(config.trustedProxies ?? []),
    ready: () => isReady(bridge),
    log,
    ...(metrics && { onRefused: metrics.refused }),
    ...(metrics && metricsPath !== undefined && { metrics: { ...metrics, path: metricsPath } }),
  });
  const server = await openPort(config, handler, program);
  const metricsServer = metrics && metricsPort !== undefined
    ? openMetricsServer({ host: config.host, port: metricsPort }, metrics, log)
    : undefined;
  const { hostname, port } = server.addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  log.info(`Version ${VERSION} serves MCP over HTTP, with ${bridge.target} behind it`);
  log.info(
    `Point clients at ${
      config.tls ? "https" : "http"
    }://${host}:${port}/mcp, with the bearer token`,
  );
  await Promise.race([server.finished, aborted(stopping)]);
  await drain({
    ...{ handler, clock, log },
    waiter: bridge.waiter,
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
  // What else the configuration holds is not for the listener.
  const { host, port, tls } = config;
  if (!tls) return listen({ host, port }, handle, program.log);
  return await listenTls({ host, port }, tls, handle, program);
}

async function isReady(bridge: Bridge): Promise<boolean> {
  try {
    await bridge.api.agents.list({ limit: 1 }, { timeoutMs: READY_TIMEOUT_MS });
    return true;
  } catch {
    // Why it cannot be reached is in the log of the API client; the probe only asks whether.
    return false;
  }
}
