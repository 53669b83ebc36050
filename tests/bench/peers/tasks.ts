/**
 * Measures what a user asks for: a turn, a wait on one that is over, the end of a long session, an
 * agent by its name.
 *
 * @module
 */

import { z } from "zod";
import { type LongSession, UpstreamProcess } from "../../helpers/upstream_process.ts";
import { quantile } from "../../../scripts/statistics.ts";
import { API_HEADERS } from "../waits/api_stream.ts";
import { postBytes } from "../overhead/raw_client.ts";
import { isReply, waitCall } from "../waits/http_waits.ts";
import { callTool, HEADERS, within } from "./client.ts";
import type { Findings } from "./findings.ts";
import { isOurs } from "./rows.ts";
import type { ApiPlace, Side } from "./sides.ts";

/** How much there is at the API, and how often is measured. */
export interface TaskSizes {
  readonly rounds: number;
  readonly events: number;
  readonly agents: number;
  readonly waits: number;
  /** A server that has given no sign of itself by then is given up. */
  readonly giveUpMs: number;
}

/** Events behind the cursor. */
const TAIL = 50;
/** The turn lasts longer than it takes to begin to wait, so that nobody misses its end. */
const MESSAGE = "sleep 500ms\nsay Done.";
const SCRIPT_AGENT = "Simulated Script";

const listSchema = z.object({ data: z.array(z.object({ id: z.string(), name: z.string() })) });

/** What the tools are asked about. */
interface Workspace {
  readonly upstream: UpstreamProcess;
  readonly api: ApiPlace;
  readonly scriptAgentId: string;
  readonly long: LongSession;
  readonly agentName: string;
}

async function idOf(upstream: UpstreamProcess, path: string, name?: string): Promise<string> {
  const response = await fetch(`${upstream.address.url}/v1/${path}`, { headers: API_HEADERS });
  const { data } = listSchema.parse(await response.json());
  const found = data.find((each) => name === undefined || each.name === name);
  if (!found) throw new Error(`There is no ${name} in ${path}`);
  return found.id;
}

async function makeWorkspace(
  upstream: UpstreamProcess,
  { events, agents }: TaskSizes,
): Promise<Workspace> {
  const scriptAgentId = await idOf(upstream, "agents?limit=100", SCRIPT_AGENT);
  const environmentId = await idOf(upstream, "environments");
  await upstream.createAgents(agents);
  return {
    upstream,
    api: { url: upstream.address.url, environmentId },
    scriptAgentId,
    long: await upstream.longSession(events, TAIL),
    // In the middle of the list, whichever end comes first.
    agentName: `worker ${agents / 2}`,
  };
}

/** Does something, and returns the requests and bytes that it asked of the API, and its time. */
async function counted(upstream: UpstreamProcess, work: () => Promise<void>) {
  await upstream.traffic();
  const startedAt = performance.now();
  await work();
  const ms = performance.now() - startedAt;
  return { ...await upstream.traffic(), ms };
}

async function playTurn(url: string, { scriptAgentId }: Workspace, giveUpMs: number) {
  const { session_id } = await callTool(url, "create_session", { agent_id: scriptAgentId });
  await callTool(url, "send_message", { session_id, text: MESSAGE });
  const { reply } = await within(giveUpMs, "no response", (signal) => {
    return callTool(url, "wait_for_idle", { session_id }, signal);
  });
  if (reply !== "Done.") throw new Error(`The reply of a turn is '${reply}'`);
}

/** Returns milliseconds of a wait on a session whose turn is over. */
async function waitOver(url: string, { upstream }: Workspace, giveUpMs: number): Promise<number> {
  const [session_id = ""] = await upstream.begin(1);
  await upstream.finish([session_id]);
  const startedAt = performance.now();
  const { status, reply } = await within(giveUpMs, "no response", (signal) => {
    return callTool(url, "wait_for_idle", { session_id }, signal);
  });
  const ms = performance.now() - startedAt;
  if (status !== "idle" || !isReply(String(reply))) throw new Error(`${status}: '${reply}'`);
  return ms;
}

/** Returns milliseconds until the first byte of the response to a wait, on a turn that goes on. */
async function firstByte(url: string, { upstream }: Workspace, giveUpMs: number): Promise<number> {
  const [sessionId = ""] = await upstream.begin(1);
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  try {
    const startedAt = performance.now();
    await connection.write(postBytes(url, HEADERS, JSON.stringify(waitCall(sessionId))));
    const read = await within(giveUpMs, "none", () => connection.read(new Uint8Array(1)));
    if (read !== 1) throw new Error("The server closed the connection of a wait");
    return performance.now() - startedAt;
  } finally {
    connection.close();
    await upstream.finish([sessionId]);
  }
}

/** Reads the events after a late one of the long session. */
async function readTail(url: string, { long }: Workspace): Promise<void> {
  const { events } = await callTool(url, "list_events", {
    session_id: long.sessionId,
    after_id: long.afterId,
  });
  if (!Array.isArray(events) || events.length !== TAIL) {
    throw new Error(`The tail is ${JSON.stringify(events)?.slice(0, 200)}`);
  }
}

const agentsSchema = z.object({
  agents: z.array(z.object({ name: z.string() })),
  next_cursor: z.string().optional(),
});

/** Finds the agent by its name. @returns the number of calls that it took */
async function findAgent(url: string, { agentName }: Workspace, side: Side): Promise<number> {
  if (!isOurs(side.name)) {
    const { name } = await callTool(url, "find_agent", { name: agentName });
    if (name !== agentName) throw new Error(`Asked for ${agentName}, got ${name}`);
    return 1;
  }
  const args = { name_contains: agentName };
  for (let calls = 1, cursor: string | undefined;; calls++) {
    const result = await callTool(url, "list_agents", cursor ? { ...args, cursor } : args);
    const { agents, next_cursor } = agentsSchema.parse(result);
    if (agents.some(({ name }) => name === agentName)) return calls;
    if (next_cursor === undefined) throw new Error(`There is no agent ${agentName}`);
    cursor = next_cursor;
  }
}

async function measureSide(
  side: Side,
  workspace: Workspace,
  { waits, giveUpMs, isFirst }: TaskSizes & { readonly isFirst: boolean },
  findings: Findings,
): Promise<void> {
  const { upstream } = workspace;
  await using server = await side.http(workspace.api);
  const { url } = server;
  // The first calls load what later ones have.
  await callTool(url, "get_agent", { agent_id: workspace.scriptAgentId });
  if (isFirst) {
    await findings.measure(["turn_requests"], side.name, async () => {
      await playTurn(url, workspace, giveUpMs);
      const { requests } = await counted(upstream, () => playTurn(url, workspace, giveUpMs));
      return { turn_requests: requests };
    });
  }
  const medianOf = async (measure: () => Promise<number>) => {
    const ms: number[] = [];
    for (let i = 0; i < waits; i++) ms.push(await measure());
    return quantile(ms, 0.5);
  };
  await findings.measure(["wait_over"], side.name, async () => ({
    wait_over: await medianOf(() => waitOver(url, workspace, giveUpMs)),
  }));
  await findings.measure(["wait_first_byte"], side.name, async () => ({
    wait_first_byte: await medianOf(() => firstByte(url, workspace, giveUpMs)),
  }));
  await findings.measure(["tail_requests", "tail_bytes", "tail"], side.name, async () => {
    const { requests, bytes, ms } = await counted(upstream, () => readTail(url, workspace));
    return { tail_requests: requests, tail_bytes: bytes / 1e3, tail: ms };
  });
  const findOnce = async () => {
    let calls = 0;
    const cost = await counted(upstream, async () => {
      calls = await findAgent(url, workspace, side);
    });
    return { ...cost, calls };
  };
  await findings.measure(
    ["agent_calls", "agent_requests", "agent", "agent_again_requests", "agent_again"],
    side.name,
    async () => {
      const first = await findOnce();
      const again = await findOnce();
      return {
        agent_calls: first.calls,
        agent_requests: first.requests,
        agent: first.ms,
        agent_again_requests: again.requests,
        agent_again: again.ms,
      };
    },
  );
}

/** Measures all servers in turns, each time in a fresh process. */
export async function measureTasks(
  sides: readonly Side[],
  sizes: TaskSizes,
  findings: Findings,
): Promise<void> {
  await using upstream = await UpstreamProcess.start();
  const workspace = await makeWorkspace(upstream, sizes);
  for (let round = 0; round < sizes.rounds; round++) {
    const roundSizes = { ...sizes, isFirst: round === 0 };
    for (const side of sides) await measureSide(side, workspace, roundSizes, findings);
  }
}
