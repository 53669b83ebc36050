/**
 * `/v1/agents`: read only.
 *
 * @module
 */

import type { ManagedAgentsApi } from "./api.ts";
import { decodeAnswer } from "./decode.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { agentSchema, pageSchema } from "./resources.ts";
import { pathSegment } from "./url.ts";

const agentPageSchema = pageSchema(agentSchema);

/** The agent endpoints over `context`. */
export function createAgents(context: HttpContext): ManagedAgentsApi["agents"] {
  return {
    async list({ limit, page }, options) {
      const spec = { method: "GET", path: "/v1/agents", query: { limit, page } } as const;
      return decodeAnswer(agentPageSchema, await requestJson(context, spec, options), "page");
    },
    async retrieve(agentId, { version }, options) {
      const path = `/v1/agents/${pathSegment(agentId)}`;
      const spec = { method: "GET", path, query: { version } } as const;
      return decodeAnswer(agentSchema, await requestJson(context, spec, options), "agent");
    },
  };
}
