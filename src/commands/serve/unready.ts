/**
 * The server on stdio of a program that a setting keeps from working.
 *
 * @module
 */

import type { UnreadyConfig } from "../../config/config.ts";
import { UsageError } from "../../core/errors.ts";
import { createUnreadyFactory } from "../../mcp/unready.ts";
import { serveStdioTransport } from "../../stdio.ts";
import { aborted, type Program } from "../../runtime/program.ts";
import { VERSION } from "../version.ts";

/**
 * Tells the host what has to be set, until it hangs up or the process is asked to end.
 *
 * @throws UsageError at once where a person is typing: there is no host to tell
 */
export async function serveUnready(
  { message }: UnreadyConfig,
  program: Program,
): Promise<void> {
  const { log, note, protocol, stdinIsTerminal, stopping } = program;
  if (stdinIsTerminal) throw new UsageError(message);
  note(`cma-mcp: ${message}`);
  const factory = createUnreadyFactory({ version: VERSION, message });
  const transport = serveStdioTransport(factory, {
    log,
    input: protocol.input(),
    output: protocol.output,
  });
  await Promise.race([transport.closed, aborted(stopping)]);
  await transport.close();
}
