/**
 * Counts what a model pays for: characters and estimated tokens of the tool list, which every
 * conversation carries, and of typical results, beside those of the earlier servers for the same API
 * responses. No time is taken, and ids and times are the simulator's, so the figures are the same
 * everywhere.
 *
 * @module
 */
import { type LimitedSize, SIZE_LIMITS } from "../../scripts/sizes/limits.ts";
import { TOOL_SET_NAMES } from "../../src/access/tool_sets.ts";
import { toolList as toolListOf } from "../../src/mcp/schema.ts";
import { instructions } from "../../src/mcp/handshake.ts";
import { appTools, toolsOf } from "../../src/tools/registry.ts";
import { type Bench, exactFigure, type Figure } from "./figure.ts";
import { type InProcessRig, inProcessRig } from "./in_process/rig.ts";
import * as earlier from "./model_cost/earlier.ts";
import { runAsProgram } from "./program.ts";

/** Characters of the earlier servers' tool list, with fewer parameters and without results. */
const EARLIER_TOOL_LIST = 4_404;
/** Characters per token of JSON and English, roughly: what a tokenizer says differs by a fifth. */
const CHARS_PER_TOKEN = 4;

type Fields = Readonly<Record<string, unknown>>;

/** What follows a prefix in the ids of sizes that have limits. */
type After<Prefix extends string, Id = LimitedSize> = Id extends `${Prefix}${infer Rest}` ? Rest
  : never;

type Name = After<"model_cost.">;

/** Characters, and the tokens that they come to. */
function characters(name: Name, what: string, count: number, target?: number): Figure[] {
  const id = `model_cost.${name}` as const;
  const better = "less" as const;
  const tokens = Math.round(count / CHARS_PER_TOKEN);
  return [
    exactFigure(
      { id, what, unit: "characters", better, target, limit: SIZE_LIMITS[id] },
      count,
    ),
    exactFigure({ id: `${id}.tokens`, what: "  estimated", unit: "tokens", better }, tokens),
  ];
}

function listIn(value: unknown): Fields[] {
  if (!Array.isArray(value)) throw new Error("The API's response is not a list");
  return value;
}

/** Sets that an operator may switch on beside `core`, and that have tools. */
const FURTHER_SETS = ["sessions", "files", "actions", "threads", "ask"] as const;

/** Returns the characters of the parts that most hosts show models, which are all the earlier servers had. */
function essence(tools: readonly unknown[]): number {
  return JSON.stringify(tools.map((tool) => {
    const { name, description, inputSchema } = Object(tool);
    return { name, description, inputSchema };
  })).length;
}

/** Measures the tool list. A client that can ask its user gets the same one. */
async function toolList(rig: InProcessRig): Promise<Figure[]> {
  const tools = listIn((await rig.method("tools/list")).tools);
  const everything = toolsOf(TOOL_SET_NAMES);
  const viewTools = appTools({ viewActions: true });
  const listOf = (...list: Parameters<typeof toolListOf>) =>
    JSON.stringify(toolListOf(...list).tools).length;
  const brief = "names, descriptions and parameters";
  return [
    ...characters("tools_list", "tools/list", JSON.stringify(tools).length),
    ...characters(
      "tools_list.as_earlier",
      `tools/list: ${brief}, which is all the earlier ones had`,
      essence(tools),
      EARLIER_TOOL_LIST,
    ),
    ...FURTHER_SETS.flatMap((set) =>
      characters(
        `tools_list.${set}`,
        `tools/list with the sets core and ${set}`,
        listOf(toolsOf(["core", set])),
      )
    ),
    ...characters("tools_list.all", "tools/list with all sets", listOf(everything)),
    ...characters(
      "tools_list.all.as_earlier",
      `tools/list with all sets: ${brief}`,
      essence(toolListOf(everything).tools),
    ),
    // Hosts hide the tools of the view alone, and `_meta`, from models; some were seen not to.
    ...characters(
      "tools_list.view",
      "tools/list for a client that shows the session view",
      listOf([...toolsOf(), ...viewTools], true),
    ),
    ...characters(
      "tools_list.all.view",
      "tools/list with all sets for such a client",
      listOf([...everything, ...viewTools], true),
    ),
    ...characters("instructions", "instructions", instructions(false).length),
    ...characters(
      "instructions.all",
      "instructions with all sets and agents that are tools",
      instructions(false, TOOL_SET_NAMES, false, true).length,
    ),
  ];
}

interface Typical {
  readonly tool: After<"model_cost.result.">;
  readonly result: Fields;
  /** An earlier server's result. */
  readonly earlier?: string;
  /** Most of that, where it tells more than theirs did. */
  readonly mostOfEarlier?: number;
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
    { tool: "list_agents", result: agents, earlier: earlier.listAgents(apiAgents) },
    { tool: "get_agent", result: agent, earlier: earlier.getAgent(apiAgent) },
    { tool: "create_session", result: created },
    { tool: "send_message", result: sent },
    {
      tool: "wait_for_idle",
      result: waited,
      earlier: earlier.waitForIdle(turn),
      // Ours also tells the session, the stop reason, time and cost, and whether each tool call worked.
      mostOfEarlier: 1.56,
    },
    { tool: "get_session", result: session, earlier: earlier.getSession(apiSession) },
    { tool: "list_events", result: events, earlier: earlier.listEvents(turn) },
    { tool: "interrupt", result: interrupted },
    { tool: "archive_session", result: archived },
  ];
}

function resultFigures({ tool, ...compared }: Typical): Figure[] {
  return comparedFigures(`result.${tool}`, `a typical result of ${tool}`, compared);
}

function comparedFigures(
  name: Name,
  what: string,
  { result, earlier, mostOfEarlier }: Omit<Typical, "tool">,
): Figure[] {
  const count = JSON.stringify(result).length;
  return [
    ...characters(name, what, count),
    ...(earlier === undefined ? [] : [exactFigure({
      id: `model_cost.${name}.vs_earlier`,
      what: `${what}, relative to the earlier servers'`,
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
  return comparedFigures("log_of_50", "a session of 50 events", {
    result,
    earlier: earlier.listEvents(answered),
  });
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
