/**
 * Calls `wait_for_idle` over stdio, on the program in a process of its own.
 *
 * @module
 */

import type { Seen } from "./api_stream.ts";
import { Child } from "../../helpers/child.ts";
import { INITIALIZE, INITIALIZED } from "../../helpers/handshake.ts";
import { apiAt } from "../../helpers/http_program.ts";
import { waitCall } from "./http_waits.ts";

/** The program on stdio. */
export interface StdioServer extends AsyncDisposable {
  /** Begins to wait; one at a time. */
  wait(sessionId: string): Promise<{ readonly end: Promise<Seen> }>;
}

/** Starts the program; resolves after its handshake. */
export async function startStdio(apiUrl: string): Promise<StdioServer> {
  const child = new Child({
    args: ["-P=serve", "src/main.ts", "--log-level=error"],
    env: apiAt(apiUrl),
  });
  await child.ask(INITIALIZE);
  await child.send(INITIALIZED);
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
