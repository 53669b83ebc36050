/**
 * Counts what a model pays for: characters and estimated tokens of the tool list, which every
 * conversation carries, and of typical results, beside those of the earlier servers for the same API
 * responses. No time is taken, and ids and times are the simulator's, so the figures are the same
 * everywhere.
 *
 * @module
 */
import { TOOL_SET_NAMES, type ToolSetName } from "../../src/access/tool_sets.ts";
import { toolList as toolListOf } from "../../src/mcp/schema.ts";
import { appTools, toolsOf } from "../../src/tools/registry.ts";
import { type Bench, exactFigure, type Figure } from "./figure.ts";
import { type InProcessRig, inProcessRig } from "./in_process/rig.ts";
import * as earlier from "./model_cost/earlier.ts";
import { runAsProgram } from "./program.ts";

/** Characters of the earlier servers' tool list, with fewer parameters and without results. */
const EARLIER_TOOL_LIST = 4_404;
/** Most characters of the tool list with `core` and one more set, and with all sets. */
const SET_LIMITS = [
  ["actions", 12_350],
  ["sessions", 12_250],
  ["threads", 12_250],
  ["files", 12_100],
  ["ask", 12_150],
  ["all", 22_000],
] as const satisfies readonly (readonly [ToolSetName | "all", number])[];
/** Most characters of the tool list with `core` for a client that shows the session view. */
const VIEW_LIMIT = 11_000;
/** Characters per token of JSON and English, roughly: what a tokenizer says differs by a fifth. */
const CHARS_PER_TOKEN = 4;

type Fields = Readonly<Record<string, unknown>>;

interface Bounds {
  readonly target?: number;
  readonly limit?: number;
}

/** Characters, and the tokens that they come to. */
function characters(id: string, what: string, count: number, bounds: Bounds): Figure[] {
  const better = "less" as const;
  const tokens = Math.round(count / CHARS_PER_TOKEN);
  return [
    exactFigure(
      { id: `model_cost.${id}`, what, unit: "characters", better, ...bounds },
      count,
    ),
    exactFigure(
      { id: `model_cost.${id}.tokens`, what: "  estimated", unit: "tokens", better },
      tokens,
    ),
  ];
}

function listIn(value: unknown): Fields[] {
  if (!Array.isArray(value)) throw new Error("The API's response is not a list");
  return value;
}

async function toolList(rig: InProcessRig): Promise<Figure[]> {
  const tools = listIn((await rig.method("tools/list")).tools);
  const whole = JSON.stringify(tools).length;
  const essence = tools.map(({ name, description, inputSchema }) => {
    return { name, description, inputSchema };
  });
  return [
    ...characters("tools_list", "tools/list", whole, { limit: 9_800 }),
    ...characters(
      "tools_list.as_earlier",
      "tools/list: names, descriptions and parameters, which is all the earlier ones had",
      JSON.stringify(essence).length,
      // They had no metadata, no budget, and no images or documents.
      { target: EARLIER_TOOL_LIST, limit: 5_220 },
    ),
    // Hosts hide the tools of the view alone, and `_meta`, from models; some were seen not to.
    ...characters(
      "tools_list.view",
      "tools/list for a client that shows the session view",
      JSON.stringify(toolListOf([...toolsOf(), ...appTools({ viewActions: true })], true).tools)
        .length,
      { limit: VIEW_LIMIT },
    ),
    ...SET_LIMITS.flatMap(([name, limit]) => {
      const isAll = name === "all";
      const list = toolListOf(toolsOf(isAll ? TOOL_SET_NAMES : ["core", name])).tools;
      const what = `tools/list with ${isAll ? "all sets" : `the sets core and ${name}`}`;
      return characters(`tools_list.${name}`, what, JSON.stringify(list).length, { limit });
    }),
  ];
}

interface Typical {
  readonly tool: string;
  readonly result: Fields;
  /** An earlier server's result. */
  readonly earlier?: string;
  /** Most of that, where it tells more than theirs did. */
  readonly mostOfEarlier?: number;
  /** Most characters that it may have. */
  readonly limit: number;
}

/** Calls of every tool around one turn of an agent that uses tools. */
async function typicalCalls(rig: InProcessRig): Promise<Typical[]> {
  const agent_id = rig.simulator.agentId("slow");
  const agents = await rig.call("list_agents", {});
  const agent = await rig.call("get_agent", { agent_id });
  const created = await rig.call("create_session", { agent_id });
  const { session_id } = created;
  const path = `/v1/sessions/${session_id}`;
  const text = "Which of our services had the most errors last week?";
  const sent = await rig.call("send_message", { session_id, text });
  const waited = await rig.call("wait_for_idle", { session_id });
  const turn = listIn((await rig.api(`${path}/events?order=asc&limit=100`)).data);
  const session = await rig.call("get_session", { session_id });
  const apiSession = await rig.api(path);
  const events = await rig.call("list_events", { session_id });
  const interrupted = await rig.call("interrupt", { session_id });
  const apiAgents = listIn((await rig.api("/v1/agents?limit=50")).data);
  const apiAgent = await rig.api(`/v1/agents/${agent_id}`);
  const archived = await rig.call("archive_session", { session_id });
  return [
    { tool: "list_agents", result: agents, earlier: earlier.listAgents(apiAgents), limit: 2_260 },
    { tool: "get_agent", result: agent, earlier: earlier.getAgent(apiAgent), limit: 300 },
    { tool: "create_session", result: created, limit: 75 },
    { tool: "send_message", result: sent, limit: 70 },
    {
      tool: "wait_for_idle",
      result: waited,
      earlier: earlier.waitForIdle(turn),
      // Ours also tells the session, the stop reason, time and cost, and whether each tool call worked.
      mostOfEarlier: 1.52,
      limit: 550,
    },
    { tool: "get_session", result: session, earlier: earlier.getSession(apiSession), limit: 480 },
    { tool: "list_events", result: events, earlier: earlier.listEvents(turn), limit: 4_140 },
    { tool: "interrupt", result: interrupted, limit: 70 },
    { tool: "archive_session", result: archived, limit: 70 },
  ];
}

function resultFigures({ tool, result, earlier, mostOfEarlier, limit }: Typical): Figure[] {
  const count = JSON.stringify(result).length;
  return [
    ...characters(`result.${tool}`, `a typical result of ${tool}`, count, { limit }),
    ...(earlier === undefined ? [] : [exactFigure({
      id: `model_cost.result.${tool}.vs_earlier`,
      what: `a typical result of ${tool}, relative to the earlier servers'`,
      unit: "x",
      better: "less",
      target: 1,
      limit: mostOfEarlier,
    }, Number((count / earlier.length).toFixed(2)))]),
  ];
}

/** Measures a list of 50 events, as sessions have them: five turns with tools. */
async function fiftyEvents(rig: InProcessRig): Promise<Figure[]> {
  const session_id = rig.simulator.createSession({ scripted: false });
  const emit = (type: string, fields: Fields = {}) =>
    rig.simulator.emit(session_id, { type, ...fields });
  const text = (value: string) => ({ content: [{ type: "text", text: value }] });
  for (let turn = 0; turn < 5; turn++) {
    emit("user.message", text(`Please look at part ${turn} of the report.`));
    emit("session.status_running");
    emit("span.model_request_start");
    emit("agent.thinking");
    const input = { command: `grep -c ERROR part-${turn}.log` };
    const id = emit("agent.tool_use", { name: "bash", input });
    emit("agent.tool_result", { tool_use_id: id, ...text("1204") });
    emit("agent.message", text(`Part ${turn} has 1,204 errors, most of them timeouts.`));
    const model_usage = { input_tokens: 3_100, output_tokens: 140 };
    emit("span.model_request_end", { model_usage });
    emit("session.usage", { usage: model_usage });
    emit("session.status_idle", { stop_reason: { type: "end_turn" } });
  }
  const { data } = await rig.api(`/v1/sessions/${session_id}/events?order=asc&limit=100`);
  const result = await rig.call("list_events", { session_id });
  const answered = listIn(data);
  if (answered.length !== 50) throw new Error(`${answered.length} events`);
  return resultFigures({
    tool: "list_events",
    result,
    earlier: earlier.listEvents(answered),
    limit: 7_540,
  }).map((figure) => ({
    ...figure,
    id: figure.id.replace("result.list_events", "log_of_50"),
    what: figure.what.replace("a typical result of list_events", "a session of 50 events"),
  }));
}

/** Characters and tokens, all exact. */
export const bench: Bench = {
  name: "model_cost",
  what: "What a model pays",
  async run() {
    const rig = inProcessRig();
    const figures = [
      ...await toolList(rig),
      ...(await typicalCalls(rig)).flatMap(resultFigures),
      ...await fiftyEvents(rig),
    ];
    await rig.close();
    return { figures };
  },
};

if (import.meta.main) await runAsProgram(bench);
