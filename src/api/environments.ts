/**
 * `/v1/environments`: read only.
 *
 * @module
 */

import type { ManagedAgentsApi } from "./api.ts";
import { decoded } from "./decode.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { environmentOf, pageOf } from "./resources.ts";

/** The environment endpoint over `context`. */
export function createEnvironments(context: HttpContext): ManagedAgentsApi["environments"] {
  return {
    async list({ limit, page }, options) {
      const spec = { method: "GET", path: "/v1/environments", query: { limit, page } } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(
        pageOf(answer.value, environmentOf, context.log),
        answer,
        "page of environments",
      );
    },
  };
}
