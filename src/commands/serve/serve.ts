/**
 * `cma-mcp`: the server itself, on stdio or HTTP.
 *
 * @module
 */

import { NAME_SEALING_KEY, NO_SEALING_KEY } from "../../access/sealing_keys.ts";
import type { ServeConfig } from "../../config/config.ts";
import { proxyMisreadings } from "../../core/proxy.ts";
import type { Program } from "../../runtime/program.ts";
import { serveStdio } from "./stdio.ts";

/**
 * Serves until the host hangs up or the process is asked to end. What only HTTP needs is loaded for
 * it alone: hosts wait for stdio to start.
 */
export async function serve(config: ServeConfig, program: Program): Promise<void> {
  if (!config.http) {
    warn(config, program);
    return await serveStdio(config, program);
  }
  await (await import("./listen.ts")).checkAddress(config.http, program);
  const app = await (await import("./app.ts")).createApp(config, program);
  warn(config, program);
  try {
    await (await import("./http.ts")).serveHttp(config.http, app, program);
  } finally {
    app.close();
  }
}

/** Tells the operator what may not work as it was meant to. */
function warn(config: ServeConfig, { log, env, openFilesProblem }: Program): void {
  for (const warning of config.warnings) log.warn(warning);
  if (config.http && !config.sealing && !config.simulate) {
    log.warn(`${NO_SEALING_KEY}: ${NAME_SEALING_KEY}`);
  }
  const problems = config.simulate ? [] : proxyMisreadings(new URL(config.server.baseUrl), env);
  if (config.http && openFilesProblem) problems.push(openFilesProblem);
  for (const { message, cure } of problems) log.warn(`${message}: ${cure}`);
}
