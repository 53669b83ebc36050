/**
 * Waits of tools: what `wait_for_idle` and the tools that ask and wait in one call have in common.
 *
 * @module
 */

import * as z from "zod";
import { chargeSearch } from "../access/limits.ts";
import { toolNameInDecision, waitAttended } from "../session/attended_wait.ts";
import type { DecisionView } from "../session/person.ts";
import type { WaitResult } from "../session/result.ts";
import type { Collected } from "../session/turn.ts";
import { answererOf } from "./answerer.ts";
import type { WithContent } from "./content.ts";
import type { ClientInfo, ToolCall } from "./define.ts";
import { withReturnedContent } from "./returned_content.ts";
import { answersInView, withPendingForView } from "./view_actions.ts";

/**
 * Time before the deadline in which no progress is reported, in milliseconds: the result follows.
 */
export const QUIET_MS = 2_000;

const makeSeconds = () => z.int().min(1).max(600).optional();

/** Makes the schema of the argument that bounds a wait, for lists of tools without room for words. */
export function briefTimeoutSchema(): ReturnType<typeof makeSeconds> {
  return makeSeconds();
}

const makeTimeout = () => makeSeconds().describe("Default 50, or 100 if the host waits longer");

/** Makes the schema of the argument that bounds a wait. */
export function timeoutSchema(): ReturnType<typeof makeTimeout> {
  return makeTimeout();
}

const makeOutput = () =>
  z.object({
    session_id: z.string(),
    status: z.string().describe(
      "idle, requires_action, retries_exhausted, budget_reached, refusal, terminated, deleted, " +
        "not_started or timeout",
    ),
    reply: z.string(),
    omitted: z.object({ after_id: z.string().optional() }).optional()
      .describe("Oldest part left out: list_events with this after_id shows it"),
    stop_reason: z.object({ type: z.string() }).optional(),
    tool_activity: z.array(z.object({ name: z.string(), status: z.string() })),
    pending_actions: z.array(z.object({
      event_id: z.string(),
      kind: z.string(),
      name: z.string().optional(),
    })),
    errors: z.array(z.object({ type: z.string(), message: z.string().optional() })),
    last_event_id: z.string().optional(),
    elapsed_sec: z.number(),
    cost_usd: z.number().optional(),
    turn_cost_usd: z.number().optional(),
    next: z.string().optional(),
  });

/** Makes the schema of the result of a wait. */
export function waitOutput(): ReturnType<typeof makeOutput> {
  return makeOutput();
}

/** Returns the time-out of a call that waits, in milliseconds. */
export function waitTimeoutMs(
  { timeout_sec }: { readonly timeout_sec?: number },
  { clientInfo, progress }: ToolCall,
): number {
  return timeout_sec === undefined
    ? defaultWaitMs(clientInfo, progress !== undefined)
    : timeout_sec * 1_000;
}

/** The wait of a tool. */
export interface ToolWait {
  readonly sessionId: string;
  readonly afterId?: string;
  /** See `WaitRequest.askTool`. */
  readonly askTool?: string;
}

/**
 * Waits for the end of a turn until the call's deadline; a person of the caller is asked about the
 * tool calls that the turn waits for. Images and documents that the agent returned stand beside the
 * result, and the calls that still wait, for clients that show the session view.
 *
 * @throws as `waitAttended` does
 */
export async function waitInCall(
  { sessionId, afterId, askTool }: ToolWait,
  call: ToolCall,
): Promise<WaitResult & WithContent> {
  const { signal, progress, person, services, has } = call;
  const { clock } = services;
  const { deadline = clock.now() } = call;
  let told: readonly DecisionView[] = [];
  const result = await waitAttended({
    sessionId,
    timeoutMs: Math.max(0, deadline - clock.now()),
    afterId,
    signal,
    onProgress: progress,
    quietMs: QUIET_MS,
    onLongSearch: () => chargeSearch(call),
    ...(has && { has }),
    ...(askTool !== undefined && { askTool }),
    ...(person && { person }),
    by: answererOf(call),
    viewAnswers: answersInView(call),
    // Where a page shows the session, a person may have decided there, while no call waited.
    ...(call.showsView && {
      onDecisions: (decisions) =>
        told = decisions
          // Where nobody is asked for them, programs give the results of custom tools.
          .filter(({ result }) => result !== "answer" || services.askCustomTools)
          .map(viewOfDecision),
    }),
  }, services);
  const shown = await withPendingForView(await withReturnedContent(result, call), call);
  return withDecisions(shown, told);
}

/** Most decisions that a result tells of: the newest. */
const MAX_DECISIONS = 16;

function viewOfDecision({ eventId, name, result }: Collected["decisions"][number]): DecisionView {
  return {
    event_id: eventId,
    ...(name !== undefined && { name: toolNameInDecision(name) }),
    ...{ result, outcome: "sent" },
  };
}

/** Adds decisions that events tell of to those of the wait, which says more of its own. */
function withDecisions<R extends WaitResult>(result: R, told: readonly DecisionView[]): R {
  if (told.length === 0) return result;
  const own = new Map((result.decisions ?? []).map((decision) => [decision.event_id, decision]));
  const others = told.filter(({ event_id }) => !own.has(event_id));
  return { ...result, decisions: [...others, ...own.values()].slice(-MAX_DECISIONS) };
}

/**
 * Length of a wait whose caller names none, in milliseconds. The SDKs' clients give up a call after
 * 60 s, several of them although they ask for progress (LangChain, Mastra, the TypeScript SDK 1.x).
 */
const DEFAULT_MS = 50_000;
/** The same for hosts that were seen to wait longer; the next known limit is 120 s. */
const PATIENT_MS = 100_000;

/**
 * Hosts that were seen to wait longer, by the name in their `clientInfo`, and the oldest version
 * seen. Claude Code waits for hours while progress comes, and at 120 s moves a call to the
 * background (https://code.claude.com/docs/en/mcp, `MCP_TOOL_TIMEOUT`).
 */
const PATIENT_HOSTS: ReadonlyMap<string, string> = new Map([["claude-code", "2.1.330"]]);

/**
 * Returns the longest time of a wait whose caller names none, in milliseconds: at least 10 s less
 * than any known limit of the host.
 *
 * @param client the host; absent where it is not known
 * @param hasProgress true when the caller asked for progress: builds of a host that do not are
 * known to give up after 60 s
 */
export function defaultWaitMs(client: ClientInfo | undefined, hasProgress: boolean): number {
  const seen = client && PATIENT_HOSTS.get(client.name);
  return seen && hasProgress && isAtLeast(client.version, seen) ? PATIENT_MS : DEFAULT_MS;
}

function isAtLeast(version: string, seen: string): boolean {
  if (!/^\d+(\.\d+)*/.test(version)) return false;
  const numbers = (text: string) => text.split(/[^\d]+/).map(Number);
  const [mine, theirs] = [numbers(version), numbers(seen)];
  const differing = theirs.findIndex((part, at) => part !== (mine[at] ?? 0));
  return differing < 0 || (mine[differing] ?? 0) > (theirs[differing] ?? 0);
}
