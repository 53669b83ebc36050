/**
 * `wait_for_idle` over stdio, on the program in a process of its own.
 *
 * @module
 */

import type { Seen } from "./api_stream.ts";
import { Child } from "../../helpers/child.ts";
import { waitCall } from "./http_waits.ts";

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1.0.0" },
  },
} as const;

/** The program on stdio. */
export interface StdioServer {
  /** Begins to wait; one at a time. */
  wait(sessionId: string): Promise<{ readonly end: Promise<Seen> }>;
  close(): Promise<void>;
}

/** Starts the program; resolves when it has said that it is there. */
export async function startStdio(apiUrl: string): Promise<StdioServer> {
  const child = new Child({
    args: ["-P=serve", "src/main.ts", "--log-level=error"],
    env: { ANTHROPIC_API_KEY: "bench-key", ANTHROPIC_BASE_URL: apiUrl },
  });
  await child.ask(INITIALIZE);
  await child.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  let id = 0;
  const answer = async (): Promise<Seen> => {
    for (;;) {
      const message = await child.receive<{ id?: number }>();
      if (message.id === id) return { at: performance.now(), text: JSON.stringify(message) };
    }
  };
  return {
    async wait(sessionId) {
      await child.send(waitCall(sessionId, ++id));
      return { end: answer() };
    },
    close: () => child.close(),
  };
}
