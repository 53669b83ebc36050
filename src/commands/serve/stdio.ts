/**
 * The server on stdio.
 *
 * @module
 */

import { serveStdioTransport } from "../../stdio.ts";
import type { App } from "./app.ts";
import { CALLS_MS, within } from "./drain.ts";
import { aborted, type Program } from "../../runtime/program.ts";
import { VERSION } from "../version.ts";

/** How long answers may take to get out over stdio at the end, in milliseconds. */
const STDIO_DRAIN_MS = 50;

/** Serves until the host hangs up or the process is asked to end. */
export async function serveStdio(app: App, program: Program): Promise<void> {
  const { clock, log, stopping } = program;
  const transport = serveStdioTransport(app.factory, {
    log,
    input: program.protocol.input(),
    output: program.protocol.output,
  });
  log.info(`Version ${VERSION} serves MCP on stdio, with ${app.target} behind it`);
  if (program.stdinIsTerminal) {
    log.info(
      "An MCP host starts this program and speaks JSON-RPC to it: type 'cma-mcp config <host>' to " +
        "put it into one, or 'cma-mcp demo' to see it work. Ctrl+C ends it",
    );
  }
  await Promise.race([transport.closed, aborted(stopping)]);
  app.waiter.close();
  if (stopping.aborted) {
    // A host that is still there gets the answers of the waits that just ended and of other calls.
    await within(CALLS_MS, app.telemetry.calls.idle(), clock);
    await clock.sleep(STDIO_DRAIN_MS);
  }
  await transport.close();
}
