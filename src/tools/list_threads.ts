import * as z from "zod";
import { costCentsOf } from "../api/money.ts";
import { textOf } from "../api/read.ts";
import type { SessionThread } from "../api/resources.ts";
import { clipText, MAX_RESULT_CHARS } from "../core/text.ts";
import { takeWithinBudget } from "./budget.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import { openCursor, readStretch, sealCursor } from "./session_pages.ts";

const DEFAULT_LIMIT = 50;
const NAME_CHARS = 256;
const THREADS_BUDGET_CHARS = MAX_RESULT_CHARS - 3_000;

/** `list_threads`: lists the threads of a session. */
export const listThreads: ToolDefinition = defineTool({
  name: "list_threads",
  title: "List threads",
  description:
    "List a session's threads: its primary one, and one for each subagent, with what it " +
    "does and has cost. list_thread_events shows what a subagent did.",
  scope: "sessions:read",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: READS,
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      status: z.enum(["idle", "running", "rescheduling", "terminated"]).optional(),
      limit: z.int().min(1).max(100).optional().describe(`Default ${DEFAULT_LIMIT}`),
      cursor: z.string().min(1).optional(),
    }),
  output: () =>
    z.object({
      threads: z.array(z.object({
        thread_id: z.string(),
        agent: z.string().optional().describe("Name of the agent or subagent"),
        parent_thread_id: z.string().optional().describe("Absent for the primary thread"),
        status: z.string(),
        created_at: z.string().optional(),
        cost_usd: z.number().optional(),
        archived: z.boolean().optional(),
      })),
      next_cursor: z.string().optional(),
    }),
  async run({ session_id, status, limit = DEFAULT_LIMIT, cursor }, call) {
    const { signal, services: { api } } = call;
    const list = { tool: "list_threads", session_id, status };
    const from = cursor === undefined ? { size: limit } : await openCursor(cursor, list, call);
    const statuses = status === undefined ? undefined : [status];
    const stretch = await readStretch(
      (params) => api.threads.list(session_id, { ...params, statuses }, { signal }),
      from,
      limit,
      call,
    );
    const { taken } = takeWithinBudget(stretch.entries.map(viewOf), THREADS_BUDGET_CHARS);
    const next = stretch.hasMoreAfter(taken.length) ? stretch.placeAfter(taken.length) : undefined;
    return {
      // Some servers ignore the filter.
      threads: taken.filter((thread) => status === undefined || thread.status === status),
      ...(next && { next_cursor: await sealCursor(next, list, call) }),
    };
  },
});

function viewOf(thread: SessionThread) {
  const { id, parent_thread_id, status, created_at, archived_at } = thread;
  const agent = agentNameOf(thread);
  const costCents = costCentsOf(thread.usage);
  return {
    thread_id: id,
    ...(agent !== undefined && { agent: clipText(agent, NAME_CHARS) }),
    ...(parent_thread_id !== undefined && { parent_thread_id }),
    status: status ?? "unknown",
    ...(created_at && { created_at }),
    ...(costCents !== undefined && { cost_usd: costCents / 100 }),
    ...(archived_at && { archived: true }),
  };
}

/** Returns the name of the thread's agent, or the type of one that has no name, such as `advisor`. */
function agentNameOf({ agent }: SessionThread): string | undefined {
  if (typeof agent === "string") return agent;
  return textOf(agent?.name) ?? textOf(agent?.type);
}
