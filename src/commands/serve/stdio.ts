/**
 * Serves MCP on stdio, also when a setting keeps the program from working.
 *
 * @module
 */

import type { UnreadyConfig } from "../../config/config.ts";
import { aborted } from "../../core/abort.ts";
import { UsageError } from "../../core/errors.ts";
import type { Program } from "../../runtime/program.ts";
import { serveStdioTransport } from "../../stdio.ts";
import { VERSION } from "../version.ts";
import type { App } from "./app.ts";
import { CALLS_MS, within } from "./drain.ts";

/** Longest time for results to get out over stdio at the end, in milliseconds. */
const STDIO_DRAIN_MS = 50;

/** Serves until the host hangs up or the process is asked to end. */
export async function serveStdio(app: App, program: Program): Promise<void> {
  const { clock, log, stopping } = program;
  const transport = openTransport(app.factory, program);
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
    // A host that is still there gets the results of the waits that just ended and of other calls.
    await within(CALLS_MS, app.telemetry.calls.idle(), clock);
    await clock.sleep(STDIO_DRAIN_MS);
  }
  await transport.close();
}

/**
 * Tells the host which setting to change, until it hangs up or the process is asked to end.
 *
 * @throws UsageError at once where stdin is a terminal: there is no host to tell
 */
export async function serveUnready({ message }: UnreadyConfig, program: Program): Promise<void> {
  if (program.stdinIsTerminal) throw new UsageError(message);
  program.note(`cma-mcp: ${message}`);
  const { createUnreadyFactory } = await import("../../mcp/server.ts");
  const transport = openTransport(createUnreadyFactory({ version: VERSION, message }), program);
  await Promise.race([transport.closed, aborted(program.stopping)]);
  await transport.close();
}

function openTransport(
  factory: Parameters<typeof serveStdioTransport>[0],
  { log, protocol }: Program,
): ReturnType<typeof serveStdioTransport> {
  return serveStdioTransport(factory, { log, input: protocol.input(), output: protocol.output });
}
