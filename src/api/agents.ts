/**
 * `/v1/agents`: read only.
 *
 * @module
 */

import type { ManagedAgentsApi } from "./api.ts";
import { decoded } from "./decode.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { agentOf, pageOf } from "./resources.ts";
import { pathSegment } from "./url.ts";

/** The agent endpoints over `context`. */
export function createAgents(context: HttpContext): ManagedAgentsApi["agents"] {
  return {
    async list({ limit, page }, options) {
      const spec = { method: "GET", path: "/v1/agents", query: { limit, page } } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(
        pageOf(answer.value, (entry) => agentOf(entry), context.log),
        answer,
        "page of agents",
      );
    },
    async retrieve(agentId, { version }, options) {
      const path = `/v1/agents/${pathSegment(agentId)}`;
      const spec = { method: "GET", path, query: { version } } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(agentOf(answer.value, agentId), answer, "agent");
    },
  };
}
