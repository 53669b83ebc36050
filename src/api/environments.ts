/**
 * `/v1/environments`: read only.
 *
 * @module
 */

import type { ManagedAgentsApi } from "./api.ts";
import { decodeAnswer } from "./decode.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { environmentSchema, pageSchema } from "./resources.ts";

const environmentPageSchema = pageSchema(environmentSchema);

/** The environment endpoint over `context`. */
export function createEnvironments(context: HttpContext): ManagedAgentsApi["environments"] {
  return {
    async list({ limit, page }, options) {
      const spec = { method: "GET", path: "/v1/environments", query: { limit, page } } as const;
      return decodeAnswer(environmentPageSchema, await requestJson(context, spec, options), "page");
    },
  };
}
