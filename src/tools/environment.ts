/**
 * Finds the environment for new sessions.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/types.ts";
import { readAllPages } from "../api/pages.ts";
import type { Environment } from "../api/resources.ts";
import { ToolError } from "../core/errors.ts";
import { clipText } from "../core/text.ts";
import {
  type AccessPolicy,
  environmentChoices,
  MAX_ENVIRONMENT_CHOICES,
} from "../access/policy.ts";
import type { Caller } from "../access/principal.ts";

/** Finds the environment of a new session whose caller names none. */
export interface EnvironmentResolver {
  /**
   * Returns the configured id, else that of the workspace's only environment, which is remembered.
   * A caller with a list of environments gets one of those: the configured one, else the only one.
   *
   * @throws `ToolError` `environment_required` that lists the choices; `ApiError`
   */
  resolve(caller: Caller): Promise<string>;
  /**
   * Returns the id that `resolve` would return; undefined where it would ask for a choice.
   *
   * @param usable the workspace's environments that are not archived
   */
  defaultAmong(usable: readonly Environment[], caller: Caller): string | undefined;
  /**
   * Forgets an id that the API no longer accepts.
   *
   * @returns true when resolving again may find another
   */
  forget(environmentId: string): boolean;
}

const PAGE_LIMIT = 100;
const MAX_PAGES = 5;

/**
 * Makes a resolver.
 *
 * @param configuredId returned without a request to the API
 */
export function createEnvironmentResolver(
  api: Pick<ManagedAgentsApi, "environments">,
  access: Pick<AccessPolicy, "allowedEnvironmentIds">,
  configuredId?: string,
): EnvironmentResolver {
  let known = configuredId;
  return {
    forget(environmentId) {
      if (environmentId !== known || environmentId === configuredId) return false;
      known = undefined;
      return true;
    },
    defaultAmong(usable, caller) {
      const allowed = access.allowedEnvironmentIds(caller);
      if (allowed) return choose(allowed, configuredId);
      return known ?? choose(usable.map(({ id }) => id), undefined);
    },
    async resolve(caller) {
      const allowed = access.allowedEnvironmentIds(caller);
      if (allowed) return chooseAllowed(allowed, configuredId, caller);
      if (known !== undefined) return known;
      const { signal, timeoutMs } = caller;
      const { usable } = await readEnvironments(api, { signal, timeoutMs });
      const [only, ...others] = usable;
      if (!only || others.length > 0) throw ambiguous(usable);
      known = only.id;
      return known;
    },
  };
}

/**
 * Returns the default among the caller's environments. Sends no request: the rest of the workspace
 * is not this caller's business.
 */
function chooseAllowed(
  allowed: readonly string[],
  configuredId: string | undefined,
  caller: Caller,
): string {
  const chosen = choose(allowed, configuredId);
  if (chosen !== undefined) return chosen;
  throw new ToolError("environment_required", environmentChoices(allowed, caller));
}

/** Returns the configured id if it is among the ids, else the only one. */
function choose(ids: readonly string[], configuredId: string | undefined): string | undefined {
  if (configuredId !== undefined && ids.includes(configuredId)) return configuredId;
  return ids.length === 1 ? ids[0] : undefined;
}

/**
 * Reads the environments of the key's workspace.
 *
 * @returns the usable ones, all that were read, and whether these are all that exist
 */
export async function readEnvironments(
  api: Pick<ManagedAgentsApi, "environments">,
  options: CallOptions,
): Promise<{
  readonly usable: readonly Environment[];
  readonly found: readonly Environment[];
  readonly complete: boolean;
}> {
  const { found, complete } = await readAllPages(
    (page) => api.environments.list({ limit: PAGE_LIMIT, page }, options),
    MAX_PAGES,
  );
  return { usable: found.filter(({ archived_at }) => !archived_at), found, complete };
}

function ambiguous(environments: readonly Environment[]): ToolError {
  if (environments.length === 0) {
    return new ToolError(
      "environment_required",
      "The workspace has no environment. Create one in the Claude Console, then try again.",
    );
  }
  const choices = environments.slice(0, MAX_ENVIRONMENT_CHOICES)
    .map(({ id, name }) => clipText(id, 128) + (name ? ` (${clipText(name, 100)})` : ""));
  const more = environments.length - choices.length;
  return new ToolError(
    "environment_required",
    `The workspace has ${environments.length} environments: pass one of these as environment_id: ` +
      choices.join(", ") + (more > 0 ? ` and ${more} more` : "") +
      ". The operator can set a default with CLAUDE_ENVIRONMENT_ID.",
  );
}
