/**
 * Measures the tool list, which every conversation of a host pays for.
 *
 * @module
 */

import { callMethod } from "../../src/commands/mcp_call.ts";
import { createApi } from "../../src/api/client.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createServices } from "../../src/tools/services.ts";
import { createHttpHandler } from "../../src/http/handler.ts";

const TOKEN = "x".repeat(32);

/** Returns the length of the tools that `tools/list` lists, as JSON, in characters. */
export async function toolListSize(): Promise<number> {
  const parts = { clock: systemClock, log: silentLogger };
  const api = createApi({
    ...parts,
    baseUrl: "http://api.invalid",
    credential: () => ({ kind: "api_key", value: "none" }),
    fetch: () => Promise.reject(new TypeError("Listing tools asks nothing of the API")),
  });
  const waiter = createWaiter({ ...parts, api });
  const services = createServices({ ...parts, api, waiter });
  const handler = createHttpHandler(
    createServerFactory(services, { version: "0.0.0", simulated: false }),
    {
      tokens: [TOKEN],
      allowedHosts: ["localhost"],
      allowedOrigins: [],
      path: "/mcp",
      maxBodyBytes: 10_000,
      ready: () => Promise.resolve(true),
      log: silentLogger,
    },
  );
  const endpoint = { token: TOKEN, fetch: (request: Request) => handler.fetch(request) };
  const { tools } = await callMethod(endpoint, "tools/list");
  await handler.close();
  waiter.close();
  return JSON.stringify(tools).length;
}
