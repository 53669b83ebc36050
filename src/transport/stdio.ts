/**
 * MCP over the process's standard input and output.
 *
 * @module
 */

import process from "node:process";
import type { McpServerFactory } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { unquoted } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";

/** A connection that is being served. */
export interface StdioConnection {
  /** Resolves when the connection is over: standard input ended, or `close` was called. */
  readonly closed: Promise<void>;
  /** Ends the connection; calls that run are cancelled. Idempotent. */
  close(): Promise<void>;
}

/** What {@linkcode serveStdioTransport} may be given. */
export interface StdioOptions {
  readonly log: Logger;
  /** Stands in for the process's own streams. */
  readonly transport?: StdioServerTransport;
}

/** Serves the one client that started this process, in whichever protocol era it opens with. */
export function serveStdioTransport(
  factory: McpServerFactory,
  options: StdioOptions,
): StdioConnection {
  const { log } = options;
  // Named here: in an executable, the SDK is the build of it that knows no process.
  const transport = options.transport ?? new StdioServerTransport(process.stdin, process.stdout);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const handle = serveStdio(factory, {
    transport,
    onerror: (error) => log.debug("stdio", { error: unquoted(error) }),
  });
  // The handle does not tell when the connection ends; the transport that it took over does.
  const onclose = transport.onclose;
  transport.onclose = () => {
    onclose?.();
    resolve();
  };
  return {
    closed,
    close: async () => {
      await handle.close();
      resolve();
    },
  };
}
