import * as z from "zod";
import type { CreateSessionParams } from "../api/types.ts";
import type { Session } from "../api/resources.ts";
import { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import {
  CHECK_TIMEOUT_MS,
  type Doubt,
  findLostWrite,
  isAmbiguous,
  WRITE_TIMEOUT_MS,
} from "../session/ambiguous_write.ts";
import { defineTool, type ToolCall } from "./define.ts";
import { idSchema } from "./ids.ts";

/** Metadata key whose value tells one call's session from all others. */
const REQUEST_KEY = "cma_mcp_request";
/** Newest sessions among which a lost one is looked for. */
const LOOK_LIMIT = 20;
/** Pauses before each look for the first message in the log of a new session, in milliseconds. */
const MESSAGE_LOOKS_MS: readonly number[] = [0, 1_000, 2_000];

/** `create_session`: starts a session, with its first message if there is one. */
export const createSession = defineTool({
  name: "create_session",
  title: "Create session",
  description: "Start a session with an agent. With message, the agent begins to work on it at " +
    "once: call wait_for_idle next. Without, the session is idle until send_message. One session " +
    "keeps its context over many messages.",
  scope: "sessions:write",
  kind: "call",
  reaches: { agent_id: "agent", environment_id: "environment" },
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: true,
  },
  input: () =>
    z.strictObject({
      agent_id: idSchema(),
      message: z.string().min(1).max(100_000).optional().describe("First user message"),
      title: z.string().min(1).max(500).optional(),
      agent_version: z.int().min(1).optional().describe("Default: the latest"),
      environment_id: idSchema("Only if the server has no default").optional(),
    }),
  output: () =>
    z.object({
      session_id: z.string(),
      status: z.string(),
    }),
  async run(args, call) {
    const { access, environment } = call.services;
    const create = async () => {
      const environmentId = args.environment_id ?? await environment.resolve(call);
      const params = {
        agent: args.agent_version === undefined
          ? args.agent_id
          : { type: "agent" as const, id: args.agent_id, version: args.agent_version },
        environmentId,
        title: args.title,
        message: args.message,
      };
      try {
        return { environmentId, ...await createOnce(args.agent_id, params, call) };
      } catch (error) {
        // Refused, so nothing was made: the remembered environment is gone, another may be there.
        const gone = error instanceof ApiError && error.errorCode?.startsWith("environment_");
        if (gone && environment.forget(environmentId)) return undefined;
        throw error;
      }
    };
    const { session, environmentId, confirmedByList } = await create() ?? await createAgain(create);
    const dropped = args.message !== undefined && await isMessageDropped(session, call);
    // The log may not show the first message yet when somebody waits for its answer.
    if (args.message !== undefined && !dropped) call.services.waiter.expect(session.id);
    await access.rememberSession(session.id, { agentId: args.agent_id, environmentId }, call);
    return {
      session_id: session.id,
      status: session.status ?? "unknown",
      ...(confirmedByList && { confirmed_by_list: true }),
      ...(dropped && {
        message_sent: false,
        next: "The API made the session without its first message: send it with send_message.",
      }),
    };
  },
});

/**
 * Whether a new session was made without its first message, as some servers do. With it a session
 * is at work from the start; one that is idle, and whose log stays empty, never got it.
 */
async function isMessageDropped(
  { id, status = "idle" }: Session,
  { signal, services: { api, clock } }: ToolCall,
): Promise<boolean> {
  if (status !== "idle") return false;
  const options = { signal, timeoutMs: CHECK_TIMEOUT_MS };
  try {
    for (const delayMs of MESSAGE_LOOKS_MS) {
      await clock.sleep(delayMs, signal);
      const page = await api.events.list(id, { order: "asc", limit: 1 }, options);
      if (page.data.length > 0 || page.next_page) return false;
    }
    const session = await api.sessions.retrieve(id, options);
    return session.status === "idle";
  } catch (error) {
    if (signal.aborted || !(error instanceof ApiError)) throw error;
    // What cannot be read is no reason to doubt what the API accepted.
    return false;
  }
}

async function createAgain<T>(create: () => Promise<T | undefined>): Promise<T> {
  const made = await create();
  if (made) return made;
  throw new ToolError(
    "environment_required",
    "The workspace's environment keeps changing: try again.",
  );
}

/** Creates one session, never two: a lost answer is looked for, not asked for again. */
async function createOnce(
  agentId: string,
  params: Omit<CreateSessionParams, "metadata">,
  call: ToolCall,
): Promise<{ readonly session: Session; readonly confirmedByList: boolean }> {
  const { signal, services } = call;
  const token = crypto.randomUUID();
  const owner = await services.access.ownerMetadata(call);
  try {
    const session = await services.api.sessions.create(
      { ...params, metadata: { [REQUEST_KEY]: token, ...owner } },
      { signal, timeoutMs: WRITE_TIMEOUT_MS },
    );
    return { session, confirmedByList: false };
  } catch (error) {
    if (signal.aborted || !isAmbiguous(error)) throw error;
    services.log.warn("The answer to a create was lost; looking for the session", {
      agent_id: agentId,
      kind: error.kind,
      status: error.status,
      request_id: error.requestId,
    });
    return { session: await findCreated(agentId, token, error, call), confirmedByList: true };
  }
}

function findCreated(
  agentId: string,
  token: string,
  lost: ApiError,
  { signal, services }: ToolCall,
): Promise<Session> {
  const look = async () => {
    const page = await services.api.sessions.list(
      { agentId, order: "desc", limit: LOOK_LIMIT },
      { signal, timeoutMs: CHECK_TIMEOUT_MS },
    );
    const found = page.data.find((session) => session.metadata?.[REQUEST_KEY] === token);
    return found && { found };
  };
  const { clock } = services;
  return findLostWrite({ clock, signal, lost, look, unknown: unknownCreation });
}

function unknownCreation({ why }: Doubt, cause: ApiError): ToolError {
  const reason = why === "unreadable"
    ? "its session list could not be read"
    : "the request may still be on its way";
  return new ToolError(
    "creation_unknown",
    `It is not known whether the session was created: the API's answer was lost and ${reason}. ` +
      "Trying again may make a second session.",
    { cause },
  );
}
