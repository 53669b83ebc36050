/**
 * Asks people to sign in again for a scope that a request needs and that their access token lacks.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { Principal } from "../access/principal.ts";
import { type Scope, SCOPES } from "../access/scopes.ts";
import { isFields } from "../api/read.ts";
import { jsonRpcError, type MessageId } from "../mcp/messages.ts";
import { missingScope, type Served } from "../tools/needed_scopes.ts";
import { challengeOf } from "./resource_metadata.ts";

/** Options of {@linkcode createStepUp}. */
export interface StepUpOptions {
  readonly served: Served;
  /** URL of the protected-resource metadata. */
  readonly metadataUrl: string;
  /** Called with each scope that a request lacks. */
  readonly onScopeMissing?: (scope: Scope) => void;
}

/**
 * Makes the check. It comes before the SDK, so that it is one for both eras of the protocol and for
 * batches; a scope that a rule takes away is no concern of it, since no sign-in brings that.
 *
 * @returns the check of a message, or a batch of them: the response 403, which names the scopes of
 *   the caller and the missing ones; undefined where none is missing
 */
export function createStepUp(
  { served, metadataUrl, onScopeMissing }: StepUpOptions,
): (messages: unknown, principal: Principal) => Response | undefined {
  return (messages, principal) => {
    if (!principal.missingScopes) return undefined;
    const requests = (Array.isArray(messages) ? messages : [messages]).filter(hasId);
    const missing = new Set(
      requests.flatMap((request) => missingScope(request, served, principal) ?? []),
    );
    if (missing.size === 0) return undefined;
    for (const scope of missing) onScopeMissing?.(scope);
    const names = SCOPES.filter((scope) => missing.has(scope));
    const message = `The access token does not have the scope ${names.join(" and ")}, which this ` +
      "request needs. Sign in again, and agree to it.";
    const challenge = challengeOf({
      error: "insufficient_scope",
      description: message,
      scopes: SCOPES.filter((scope) => missing.has(scope) || principal.scopes?.includes(scope)),
      metadataUrl,
    });
    const errors = requests.map(({ id }) => jsonRpcError(id, { code: FORBIDDEN, message }));
    return Response.json(Array.isArray(messages) ? errors : errors[0], {
      status: STATUS_CODE.Forbidden,
      headers: { "www-authenticate": challenge },
    });
  };
}

/** Code of a server's own error, as of every response outside of a call. */
const FORBIDDEN = -32_000;

function hasId(message: unknown): message is { readonly id: MessageId } {
  return isFields(message) && "method" in message && "id" in message;
}
