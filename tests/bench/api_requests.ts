/**
 * Counts what the program asks of the API, which allows an organisation 1,200 reads a minute:
 * requests and bytes per turn, per read of a long session, per list of agents. Everything runs in one
 * process with time that stands still, so that the figures are the same everywhere.
 *
 * @module
 */
import { fillSession } from "../helpers/long_session.ts";
import { type Bench, exactFigure, type Figure } from "./figure.ts";
import { type InProcessRig, inProcessRig, type Traffic } from "./in_process/rig.ts";
import { runAsProgram } from "./program.ts";

const SESSION_SIZES = [100, 1_000, 10_000, 100_000];
const QUICK_SESSION_SIZES = [100, 1_000];
const AGENTS = 5_000;
const QUICK_AGENTS = 500;
/** Events that are new since the cursor. */
const TAIL = 50;

interface Limits {
  readonly requests: number;
  readonly bytes: number;
}

function figuresOf(id: string, what: string, traffic: Traffic, limits: Limits): Figure[] {
  const common = { better: "less" as const };
  return [
    exactFigure({
      ...common,
      id: `api_requests.${id}.requests`,
      what: `${what}: requests`,
      unit: "requests",
      target: limits.requests,
    }, traffic.requests),
    exactFigure({
      ...common,
      id: `api_requests.${id}.bytes`,
      what: `${what}: bytes of bodies, both ways`,
      unit: "bytes",
      limit: limits.bytes,
    }, traffic.bytes),
  ];
}

/** @throws Error when a turn did not come to its end */
async function waited(rig: InProcessRig, sessionId: unknown, afterId?: unknown) {
  const args = { session_id: sessionId, ...(afterId !== undefined && { after_id: afterId }) };
  const result = await rig.call("wait_for_idle", args);
  if (result.status !== "idle" || result.reply === "") {
    throw new Error(`The turn did not end with a reply: ${JSON.stringify(result)}`);
  }
  return result;
}

async function turns(): Promise<Figure[]> {
  const rig = inProcessRig();
  const agent_id = rig.simulator.agentId("slow");
  // The environment is looked for once in the life of the program.
  await rig.call("create_session", { agent_id });
  const separate = await rig.traffic(async () => {
    const { session_id } = await rig.call("create_session", { agent_id });
    await rig.call("send_message", { session_id, text: "Count the errors." });
    const { last_event_id } = await waited(rig, session_id);
    return { session_id, last_event_id };
  });
  const { session_id, last_event_id } = separate.result;
  const next = await rig.traffic(async () => {
    await rig.call("send_message", { session_id, text: "And of the week before?" });
    return await waited(rig, session_id, last_event_id);
  });
  const over = await rig.traffic(() => waited(rig, session_id));
  const together = await rig.traffic(async () => {
    const message = "Count the errors.";
    const created = await rig.call("create_session", { agent_id, message });
    return await waited(rig, created.session_id);
  });
  await rig.close();
  return [
    ...figuresOf("turn", "a turn: create, send, wait", separate, { requests: 4, bytes: 7_700 }),
    ...figuresOf("turn_with_message", "a turn: create with message, wait", together, {
      requests: 3,
      bytes: 7_600,
    }),
    ...figuresOf("next_turn", "a further turn: send, wait", next, { requests: 3, bytes: 11_500 }),
    ...figuresOf("turn_over", "a wait for a turn that is over", over, {
      requests: 2,
      bytes: 10_300,
    }),
  ];
}

async function longSessions(sizes: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) {
    const rig = inProcessRig();
    const session_id = rig.simulator.createSession({ scripted: false });
    const ids = fillSession(rig.simulator, session_id, size);
    const cursor = ids.at(-TAIL - 1);
    const tail = await rig.traffic(() =>
      rig.call("list_events", { session_id, after_id: cursor, limit: 100 })
    );
    const { events } = tail.result;
    if (!Array.isArray(events) || events.length !== TAIL) throw new Error(`Not ${TAIL} events`);
    const wait = await rig.traffic(() => waited(rig, session_id));
    const since = await rig.traffic(() => waited(rig, session_id, cursor));
    await rig.close();
    // The newest page, and for longer sessions a request for what may be queued at the far end.
    const bytes = size > 200 ? 34_000 : 15_400;
    const of = `in a session of ${size.toLocaleString("en-US")} events`;
    figures.push(
      ...figuresOf(`list_events_${size}`, `the ${TAIL} newest events ${of}`, tail, {
        requests: 3,
        bytes: 15_400,
      }),
      ...figuresOf(`wait_${size}`, `a wait ${of}`, wait, { requests: 3, bytes }),
      ...figuresOf(`wait_after_${size}`, `a wait with a cursor ${of}`, since, {
        requests: 3,
        bytes,
      }),
    );
  }
  return figures;
}

async function agents(count: number): Promise<Figure[]> {
  const rig = inProcessRig();
  for (let index = 0; index < count; index++) {
    await rig.api("/v1/agents", { name: `worker ${index}`, model: "claude-sonnet-5" });
  }
  const page = await rig.traffic(() => rig.call("list_agents", {}));
  const found = await rig.traffic(() => rig.call("list_agents", { name_contains: "worker 77" }));
  const absent = await rig.traffic(() => rig.call("list_agents", { name_contains: "nobody" }));
  await rig.close();
  if (!JSON.stringify(found.result.agents).includes('"worker 77"')) {
    throw new Error(`One call did not find the agent: ${JSON.stringify(found.result)}`);
  }
  // All pages of the list, in one call: nobody is to call ten times for one agent.
  const whole = { requests: count / 100, bytes: count * 383 };
  const of = `in a workspace of ${count.toLocaleString("en-US")}`;
  return [
    ...figuresOf("list_agents", `list_agents ${of}`, page, {
      requests: 1,
      bytes: 19_200,
    }),
    ...figuresOf("list_agents_found", `list_agents by name ${of}`, found, whole),
    ...figuresOf("list_agents_absent", `list_agents, name not there, ${of}`, absent, whole),
  ];
}

/** Counts requests and bytes. */
export const bench: Bench = {
  name: "api_requests",
  what: "requests to the API and their bytes",
  async run({ quick }) {
    const figures = [
      ...await turns(),
      ...await longSessions(quick ? QUICK_SESSION_SIZES : SESSION_SIZES),
      ...await agents(quick ? QUICK_AGENTS : AGENTS),
    ];
    return { figures };
  },
};

if (import.meta.main) await runAsProgram(bench);
