/**
 * Calls `wait_for_idle` over stdio, on the program in a process of its own.
 *
 * @module
 */

import type { Seen } from "./api_stream.ts";
import { programAt, startStdio } from "../../helpers/stdio_program.ts";
import { waitCall } from "./http_waits.ts";

/** The program on stdio. */
export interface StdioServer extends AsyncDisposable {
  /** Begins to wait; one at a time. */
  wait(sessionId: string): Promise<{ readonly end: Promise<Seen> }>;
}

/** Starts the program; resolves after its handshake. */
export async function startStdioServer(apiUrl: string): Promise<StdioServer> {
  const child = await startStdio(programAt(apiUrl, ["--log-level=error"]));
  let id = 0;
  const response = async (): Promise<Seen> => {
    for (;;) {
      const message = await child.receive<{ id?: number }>();
      if (message.id === id) return { at: performance.now(), text: JSON.stringify(message) };
    }
  };
  return {
    async wait(sessionId) {
      await child.send(waitCall(sessionId, ++id));
      return { end: response() };
    },
    [Symbol.asyncDispose]: () => child.close(),
  };
}
