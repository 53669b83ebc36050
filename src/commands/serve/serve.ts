/**
 * `cma-mcp`: the server itself, on stdio or HTTP.
 *
 * @module
 */

import { NAME_SEALING_KEY, NO_SEALING_KEY } from "../../access/sealing_keys.ts";
import type { ServeConfig } from "../../config/config.ts";
import { proxyMisreadings } from "../../core/proxy.ts";
import { createApp } from "./app.ts";
import { checkAddress } from "./listen.ts";
import type { Program } from "../../runtime/program.ts";

/** Serves until the host hangs up or the process is asked to end. */
export async function serve(config: ServeConfig, program: Program): Promise<void> {
  if (config.http) await checkAddress(config.http, program);
  const app = await createApp(config, program);
  for (const warning of config.warnings) program.log.warn(warning);
  if (config.http && !config.sealing && !config.simulate) {
    program.log.warn(`${NO_SEALING_KEY}: ${NAME_SEALING_KEY}`);
  }
  const problems = config.simulate
    ? []
    : proxyMisreadings(new URL(config.server.baseUrl), program.env);
  if (config.http && program.openFilesProblem) problems.push(program.openFilesProblem);
  for (const { message, cure } of problems) program.log.warn(`${message}: ${cure}`);
  try {
    // Each transport loads only its own code: hosts wait for stdio to start.
    if (config.http) await (await import("./http.ts")).serveHttp(config.http, app, program);
    else await (await import("./stdio.ts")).serveStdio(app, program);
  } finally {
    app.close();
  }
}
