/**
 * The environment that new sessions run in.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/api.ts";
import type { Environment } from "../api/resources.ts";
import { ToolError } from "../core/errors.ts";

/** Finds the environment id for a new session. */
export interface EnvironmentResolver {
  /**
   * The configured id, else the workspace's only environment. Success is remembered.
   *
   * @throws `ToolError` `environment_required` that lists the choices; `ApiError`
   */
  resolve(options?: CallOptions): Promise<string>;
}

const PAGE_LIMIT = 100;
const MAX_PAGES = 5;
const MAX_CHOICES = 20;

/** @param configuredId used without asking the API */
export function createEnvironmentResolver(
  api: Pick<ManagedAgentsApi, "environments">,
  configuredId?: string,
): EnvironmentResolver {
  let known = configuredId;
  return {
    async resolve(options) {
      if (known !== undefined) return known;
      const environments = await listEnvironments(api, options);
      const [only, ...others] = environments;
      if (!only || others.length > 0) throw ambiguous(environments);
      known = only.id;
      return known;
    },
  };
}

async function listEnvironments(
  api: Pick<ManagedAgentsApi, "environments">,
  options?: CallOptions,
): Promise<Environment[]> {
  const found: Environment[] = [];
  let page: string | undefined;
  for (let count = 0; count < MAX_PAGES; count++) {
    const result = await api.environments.list({ limit: PAGE_LIMIT, page }, options);
    found.push(...result.data.filter((environment) => !environment.archived_at));
    if (!result.next_page) break;
    page = result.next_page;
  }
  return found;
}

function ambiguous(environments: readonly Environment[]): ToolError {
  if (environments.length === 0) {
    return new ToolError(
      "environment_required",
      "The workspace has no environment. Create one in the Claude Console, then try again.",
    );
  }
  const choices = environments.slice(0, MAX_CHOICES)
    .map(({ id, name }) => name ? `${id} (${name})` : id);
  const more = environments.length - choices.length;
  return new ToolError(
    "environment_required",
    `The workspace has ${environments.length} environments: pass one of these as environment_id: ` +
      choices.join(", ") + (more > 0 ? ` and ${more} more` : "") +
      ". The operator can set a default with CLAUDE_ENVIRONMENT_ID.",
  );
}
