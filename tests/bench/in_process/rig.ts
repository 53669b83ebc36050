import { callMethod, callServedTool, type McpEndpoint } from "../../../src/commands/mcp_call.ts";
import { createApi } from "../../../src/api/client.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createServerFactory } from "../../../src/mcp/server.ts";
import { createWaiter } from "../../../src/session/waiter.ts";
import { createSimulator, type Simulator } from "../../../src/simulator/mod.ts";
import { createServices } from "../../../src/tools/services.ts";
import { createHttpHandler } from "../../../src/http/handler.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const TOKEN = "a-token-of-the-benches-with-32-characters";
const API_URL = "http://simulator.test";
const LIMIT_MS = 600_000;
/** Promises that may settle before time moves: it must stand while a request is on its way. */
const SETTLES = 25;

/** Requests to the API. */
export interface Traffic {
  requests: number;
  /** Bytes of the bodies of requests and responses. */
  bytes: number;
}

/** The whole program with a simulated API behind it and time that stands still: all is exact. */
export interface InProcessRig {
  readonly simulator: Simulator;
  /** @throws Error when the call fails */
  call(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** A JSON-RPC method's result. */
  method(method: string): Promise<Readonly<Record<string, unknown>>>;
  /** A response of the API itself. */
  api(path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Does something and counts what it asks of the API. */
  traffic<T>(work: () => Promise<T>): Promise<Traffic & { readonly result: T }>;
  close(): Promise<void>;
}

/** @param work told of every byte that the body of `response` carries */
function counted(response: Response, work: (bytes: number) => void): Response {
  const body = response.body?.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        work(chunk.byteLength);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(body ?? null, response);
}

/** Starts the whole program in this process. */
export function inProcessRig(): InProcessRig {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, seed: 1 });
  const parts = { clock, log: silentLogger };
  let traffic: Traffic = { requests: 0, bytes: 0 };
  const api = createApi({
    ...parts,
    baseUrl: API_URL,
    credential: () => ({ kind: "api_key", value: "bench-key" }),
    fetch: async (request) => {
      const current = traffic;
      current.requests++;
      current.bytes += (await request.clone().arrayBuffer()).byteLength;
      return counted(await simulator.fetch(request), (bytes) => current.bytes += bytes);
    },
  });
  const waiter = createWaiter({ ...parts, api });
  const services = createServices({ ...parts, api, waiter });
  const factory = createServerFactory(services, { version: "0.0.0" });
  const handler = createHttpHandler(factory, {
    ...parts,
    tokens: [TOKEN],
    ready: () => Promise.resolve(true),
  });
  const endpoint: McpEndpoint = { token: TOKEN, fetch: (request) => handler.fetch(request) };
  return {
    simulator,
    call: (tool, args) => clock.runUntil(callServedTool(endpoint, tool, args), LIMIT_MS, SETTLES),
    method: (method) => callMethod(endpoint, method),
    async api(path, body) {
      const headers = { "x-api-key": "bench-key", "anthropic-beta": "managed-agents-2026-04-01" };
      const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const request = new Request(`${API_URL}${path}`, { headers, ...init });
      const response = await clock.runUntil(simulator.fetch(request));
      if (!response.ok) throw new Error(`${path}: status ${response.status}`);
      return await response.json();
    },
    async traffic(work) {
      const mine: Traffic = { requests: 0, bytes: 0 };
      traffic = mine;
      const result = await work();
      return { ...mine, result };
    },
    async close() {
      await handler.close();
      waiter.close();
      simulator.close();
    },
  };
}
