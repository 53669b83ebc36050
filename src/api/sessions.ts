/**
 * `/v1/sessions`.
 *
 * @module
 */

import type { CreateSessionParams, ManagedAgentsApi } from "./api.ts";
import { decoded } from "./decode.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { fieldsOf, textOf } from "./read.ts";
import { pageOf, type Session, sessionOf } from "./resources.ts";
import { pathSegment } from "./url.ts";

/** The body of `POST /v1/sessions`; undefined fields are left out of the JSON. */
export interface CreateSessionBody {
  readonly agent: CreateSessionParams["agent"];
  readonly environment_id: string;
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly initial_events?: {
    readonly type: "user.message";
    readonly content: { readonly type: "text"; readonly text: string }[];
  }[];
}

/** The parameters as the wire wants them. */
export function createSessionBody(params: CreateSessionParams): CreateSessionBody {
  const { agent, environmentId, title, metadata, message } = params;
  return {
    agent,
    environment_id: environmentId,
    title,
    metadata,
    initial_events: message === undefined
      ? undefined
      : [{ type: "user.message", content: [{ type: "text", text: message }] }],
  };
}

/**
 * Reads a session that some servers wrap in an object (`session`, `data`), or of which they give
 * the id alone (`session_id`).
 */
function wrappedSessionOf(value: unknown, knownId?: string): Session | undefined {
  const fields = fieldsOf(value);
  const { session, data, session_id } = fields ?? {};
  const id = textOf(session_id) ?? textOf(session);
  const named = id === undefined ? value : { id, ...fields };
  const read = [session, data, named].map((found) => sessionOf(found, knownId));
  return read.find((found) => found !== undefined);
}

/** The session endpoints over `context`. */
export function createSessions(context: HttpContext): ManagedAgentsApi["sessions"] {
  return {
    async create(params, options) {
      const body = createSessionBody(params);
      const spec = { method: "POST", path: "/v1/sessions", body } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(wrappedSessionOf(answer.value), answer, "session");
    },
    async retrieve(sessionId, options) {
      const spec = { method: "GET", path: `/v1/sessions/${pathSegment(sessionId)}` } as const;
      const answer = await requestJson(context, spec, options);
      // It goes by the id that the caller knows.
      const session = decoded(wrappedSessionOf(answer.value, sessionId), answer, "session");
      return { ...session, id: sessionId };
    },
    async list({ agentId, order, createdAtGte, includeArchived, limit, page }, options) {
      const query = {
        agent_id: agentId,
        order,
        "created_at[gte]": createdAtGte,
        include_archived: includeArchived,
        limit,
        page,
      };
      const spec = { method: "GET", path: "/v1/sessions", query } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(
        pageOf(answer.value, (entry) => sessionOf(entry), context.log),
        answer,
        "page of sessions",
      );
    },
    async archive(sessionId, options) {
      const path = `/v1/sessions/${pathSegment(sessionId)}/archive`;
      const answer = await requestJson(context, { method: "POST", path }, options);
      // Carried out, whatever the body says about it.
      return wrappedSessionOf(answer.value, sessionId) ?? { id: sessionId };
    },
  };
}
