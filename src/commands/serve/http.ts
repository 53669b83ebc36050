/**
 * Serves MCP over HTTP, and metrics on a port of their own.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import { openTokens } from "../../access/access_file.ts";
import type { OAuthSettings } from "../../access/access_tokens.ts";
import type { HttpConfig } from "../../config/config.ts";
import { aborted } from "../../core/abort.ts";
import { hostAndPort } from "../../core/addresses.ts";
import { UsageError } from "../../core/errors.ts";
import { createHttpHandler } from "../../http/handler.ts";
import { errorResponse, methodNotAllowed } from "../../http/responses.ts";
import type { MetricsPage } from "../../mcp/metrics.ts";
import type { Program } from "../../runtime/program.ts";
import type { Listening } from "../../runtime/runtime.ts";
import { VERSION } from "../version.ts";
import type { App } from "./app.ts";
import { acceptedHosts, certificateEnd, openPort } from "./listen.ts";
import { drain } from "./drain.ts";
import { createApiReadiness } from "./readiness.ts";

/** Path of the metrics on their port. */
const METRICS_PATH = "/metrics";

/** Serves until the process is asked to end. */
export async function serveHttp(config: HttpConfig, app: App, program: Program): Promise<void> {
  const { clock, log, readFile, onReload } = program;
  const { metrics, calls } = app.telemetry;
  const reloadsElse = app.publishing !== undefined;
  const tokens = openTokens(config, { clock, log, readFile, onReload, reloadsElse });
  const api = createApiReadiness(app.api, log);
  const oauth = config.oauth && await openOAuth(config.oauth, app, program);
  try {
    let server: Listening | undefined;
    const handler = createHttpHandler(app.factory, {
      tokens: tokens.registry,
      allowedHosts: acceptedHosts(config),
      allowedOrigins: config.allowedOrigins,
      isAccepting: () => server?.isAccepting ?? false,
      ready: api.check,
      log,
      onAccepted: program.redact.learn,
      sealer: app.services.sealer,
      ...(config.publicUrl !== undefined && {
        files: {
          services: app.services,
          toolSets: app.toolSets,
          basePath: new URL(config.publicUrl).pathname.replace(/\/$/, ""),
          track: (run: () => Promise<void>) => calls.track(run),
          onEnded: metrics?.downloaded,
        },
      }),
      ...(oauth && { oauth: oauth.serving }),
      ...(metrics && {
        onRefused: metrics.refused,
        onAuthenticated: metrics.authenticated,
      }),
    });
    const listening = server = await openPort(config, handler.fetch, program);
    const { addr, shutdown } = listening;
    metrics?.addServer({
      isDraining: () => handler.isDraining,
      isReady: () => !program.stopping.aborted && listening.isAccepting && api.last,
      connections: () => ({
        open: listening.openConnections,
        closedForRoom: listening.closedForRoom,
      }),
      tokens: () => tokens.registry.current().length,
      rules: () => tokens.registry.rules()?.length ?? 0,
      certificateEndSec: await certificateEnd(config, program),
    });
    const metricsServer = metrics && config.metricsPort !== undefined
      ? await openMetricsServer(
        { host: config.listenAddress, port: config.metricsPort },
        metrics,
        program,
      )
      : undefined;
    log.info(`Version ${VERSION} serves MCP over HTTP, with ${app.target} behind it`);
    const scheme = config.tls ? "https" : "http";
    const endpoint = `${scheme}://${hostAndPort(addr)}/mcp`;
    const hasTokens = tokens.registry.current().length > 0;
    const proof = hasTokens || !oauth ? "with the bearer token" : "where people sign in";
    // A client that calls another address than the public one cannot sign in.
    const known = config.publicUrl === undefined ? endpoint : `${config.publicUrl}/mcp`;
    log.info(
      known === endpoint
        ? `Point clients at ${endpoint}, ${proof}`
        : `It listens at ${endpoint}; point clients at ${known}, ${proof}`,
    );
    if (config.oauth) {
      const { resource, issuers } = config.oauth;
      log.info("People can sign in", {
        resource,
        issuers: issuers.map(({ issuer }) => issuer),
        rules: tokens.registry.rules()?.length ?? "none",
      });
    }
    await aborted(program.stopping);
    const { waiter } = app;
    const { lameDuckMs, drainMs: announceMs } = config;
    await drain({ handler, waiter, calls, shutdown, lameDuckMs, announceMs, clock, log });
    await metricsServer?.shutdown();
  } finally {
    oauth?.close();
    tokens.close();
  }
}

/** Lets people in who sign in; loads the code only where they can. */
async function openOAuth(
  settings: OAuthSettings,
  { services, toolSets, publishing, telemetry: { metrics } }: App,
  { clock, log, readFile, redact, openHttpClient }: Program,
) {
  const [{ createAccessTokenVerifier }, { ISSUER_CLIENT }] = await Promise.all([
    import("../../access/access_token_verifier.ts"),
    import("../../access/issuer_requests.ts"),
  ]);
  const client = openHttpClient(ISSUER_CLIENT);
  const { fetch } = client;
  const verifier = createAccessTokenVerifier({
    ...{ settings, fetch, clock, log, readFile },
    onSecret: redact.learn,
  });
  const served = {
    toolSets,
    publishes: publishing !== undefined,
    asksPeople: services.approvalTimeoutMs > 0,
    viewActions: services.viewActions,
  };
  return {
    serving: {
      ...{ settings, verifier, served },
      onAccepted: redact.learn,
      ...(metrics && { onScopeMissing: metrics.scopeMissing }),
    },
    close() {
      verifier.close();
      client.close();
    },
  };
}

/**
 * Serves metrics to every client that reaches the port.
 *
 * @throws UsageError when the address cannot be listened on
 */
export async function openMetricsServer(
  address: { readonly host: string; readonly port: number },
  page: MetricsPage,
  { listen, clock, log }: Pick<Program, "listen" | "clock" | "log">,
): Promise<Listening> {
  const server = await listen(address, (request) => serveMetrics(request, page), log, clock)
    .catch((cause) => {
      const place = `${address.host}:${address.port}`;
      throw new UsageError(
        `Cannot listen on ${place}: type another --metrics-port, or 0 for a free one`,
        { cause },
      );
    });
  const url = `http://${hostAndPort(server.addr)}${METRICS_PATH}`;
  log.info(`Metrics are at ${url}, for everybody who reaches that port`);
  return server;
}

async function serveMetrics({ method, url }: Request, page: MetricsPage): Promise<Response> {
  if (new URL(url).pathname !== METRICS_PATH) {
    return errorResponse(STATUS_CODE.NotFound, `Not found: the metrics are at ${METRICS_PATH}.`);
  }
  if (method !== "GET" && method !== "HEAD") {
    return methodNotAllowed("GET, HEAD");
  }
  return new Response(await page.render(), {
    headers: { "content-type": page.contentType, "cache-control": "no-store" },
  });
}
