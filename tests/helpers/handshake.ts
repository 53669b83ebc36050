/** The first message of a host on stdio, in the 2025-era protocol. */
export const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1.0.0" },
  },
} as const;

/** The message of the host after the response. */
export const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" } as const;
