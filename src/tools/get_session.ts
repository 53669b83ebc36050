import * as z from "zod";
import { costCentsOf } from "../api/money.ts";
import {
  boundedCopy,
  entriesOf,
  type Fields,
  fieldsOf,
  integerOf,
  readEach,
  textOf,
} from "../api/read.ts";
import type { Session } from "../api/resources.ts";
import { clipText } from "../core/text.ts";
import { asksAboutIn } from "../session/attended_wait.ts";
import { consoleUrlOf } from "../session/console_url.ts";
import { inDollars } from "../session/event_view.ts";
import { answererOf } from "./answerer.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import { type EventStatus, readEventStatus } from "../session/event_status.ts";
import { allOrAbort } from "../core/abort.ts";

/** `get_session`: shows the state of a session, in short. */
export const getSession: ToolDefinition = defineTool({
  name: "get_session",
  title: "Get session",
  description: "Show where a session stands: status, why its last turn ended, what it waits for, " +
    "cost. To wait for the end of a turn, call wait_for_idle instead.",
  scope: "sessions:read",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: READS,
  runsBesideCheck: true,
  input: () => z.strictObject({ session_id: idSchema() }),
  output: () =>
    z.object({
      session_id: z.string(),
      status: z.string(),
      title: z.string().optional(),
      agent: z.object({ id: z.string().optional(), name: z.string().optional() }),
      last_stop_reason: z.object({ type: z.string() }).optional(),
      pending_actions: z.array(z.object({
        event_id: z.string(),
        kind: z.string(),
        name: z.string().optional(),
      })),
      cost_usd: z.number().optional(),
      usage: z.looseObject({}).optional(),
      budget: z.looseObject({}).optional(),
    }),
  async run({ session_id }, call, checked) {
    const { api, exposeToolInputs, consoleUrl } = call.services;
    const asksAbout = asksAboutIn({ person: call.person, by: answererOf(call) }, call.services);
    const view = { exposeToolInputs, consoleUrl, has: call.has, asksAbout };
    const [session, events] = await allOrAbort(
      call.signal,
      (signal) =>
        Promise.all([
          checked.then((read) => read ?? api.sessions.retrieve(session_id, { signal })),
          readEventStatus(api, session_id, view, { signal }),
        ]),
    );
    const costCents = costCentsOf(session.usage);
    const [usage, budget] = [session.usage, session.budget].map(objectIn);
    return {
      session_id: session.id,
      status: statusOf(session, events),
      ...(session.title && { title: clipText(session.title, 500) }),
      agent: agentRef(session),
      ...(session.environment_id && { environment_id: session.environment_id }),
      ...(events.lastStop && { last_stop_reason: events.lastStop }),
      pending_actions: events.pendingActions,
      ...outcomesOf(session),
      ...(costCents !== undefined && { cost_usd: costCents / 100 }),
      ...(usage && { usage }),
      ...(budget && { budget }),
      ...(session.created_at && { created_at: session.created_at }),
      ...(session.updated_at && { updated_at: session.updated_at }),
      ...(session.archived_at && { archived_at: session.archived_at }),
      ...(consoleUrl !== undefined && { console_url: consoleUrlOf(consoleUrl, session.id) }),
    };
  },
});

/**
 * Returns the session's status. The API's own trails the events by a moment: if they say that the
 * session rests, it does.
 */
function statusOf({ status }: Session, events: EventStatus): string {
  return status === "running" || status === undefined
    ? events.status ?? status ?? "unknown"
    : status;
}

/** Names the agent of a session, as results show it. */
export function agentRef(session: Session): { id?: string; name?: string; version?: number } {
  if (typeof session.agent === "string") return { id: session.agent };
  const { id, name, version } = session.agent ?? {};
  return {
    ...(id && { id }),
    ...(name && { name: clipText(name, 256) }),
    ...(typeof version === "number" && { version }),
  };
}

/** Outcomes that are shown: the newest. */
const MAX_OUTCOMES = 10;

/** Shows how the agent's work on each outcome was judged; nothing for a session without outcomes. */
function outcomesOf(
  { outcome_evaluations: given }: Session,
): { readonly outcome_evaluations?: readonly Fields[] } {
  const outcomes = readEach(entriesOf(given) ?? [], fieldsOf).slice(-MAX_OUTCOMES);
  if (outcomes.length === 0) return {};
  return {
    outcome_evaluations: outcomes.map((outcome) => {
      const text = (name: string, maxChars: number) => {
        const value = textOf(outcome[name]);
        return value === undefined ? {} : { [name]: clipText(value, maxChars) };
      };
      const iteration = integerOf(outcome.iteration);
      return {
        ...text("outcome_id", 100),
        ...text("description", 300),
        ...text("result", 100),
        ...(iteration !== undefined && { iteration }),
        ...text("explanation", 1_000),
        ...text("completed_at", 40),
      };
    }),
  };
}

/** Returns a value if it is an object with fields, as the output schema demands; else undefined. */
function objectIn(value: unknown): Fields | undefined {
  const fields = fieldsOf(inDollars(boundedCopy(value)));
  return fields && Object.keys(fields).length > 0 ? fields : undefined;
}
