/**
 * An agent that does what its definition permits: in every turn it uses its tools, under the
 * policies of the definition.
 *
 * A message may name the tools to use, each as `use NAME`. Otherwise the agent uses every custom
 * tool, and of each toolset the first enabled tool of every policy. Calls that need no decision
 * run; then the turn waits for the others, all at once.
 *
 * @module
 */

import {
  type Answer,
  askFor,
  emit,
  say,
  type ScriptedTurn,
  type Steps,
  think,
  toolResult,
  toolUse,
  wait,
} from "../script.ts";
import { isWireObject, type WireObject } from "../wire.ts";
import { excerpt, quickAnswer } from "./quick.ts";

/** A tool that an agent may call. */
interface Tool {
  readonly name: string;
  /** Its policy; `custom` for tools of the client. */
  readonly policy: string;
  /** The toolset or custom tool that it comes from. */
  readonly entry: WireObject;
}

/** Tools of `agent_toolset_20260401`, by the official SDK's types. */
const BUILT_IN = ["bash", "edit", "read", "write", "glob", "grep", "web_fetch", "web_search"];
/** Stands for the tools that an MCP server would list. */
const MCP_STAND_IN = "search";

function listOf(value: unknown): WireObject[] {
  return Array.isArray(value) ? value.filter(isWireObject) : [];
}

function policyOf(config: WireObject): string {
  return isWireObject(config.permission_policy) ? String(config.permission_policy.type) : "";
}

/** Returns the enabled tools of one entry of an agent's `tools`. */
function toolsOf(entry: WireObject): Tool[] {
  if (entry.type === "custom") return [{ name: String(entry.name), policy: "custom", entry }];
  const byName = new Map(listOf(entry.configs).map((config) => [String(config.name), config]));
  const listed = entry.type === "mcp_toolset" ? [MCP_STAND_IN] : BUILT_IN;
  const names = new Set([...byName.keys(), ...listed]);
  const fallback = isWireObject(entry.default_config) ? entry.default_config : {};
  return [...names].flatMap((name) => {
    const config = { ...fallback, ...byName.get(name) };
    return config.enabled === false ? [] : [{ name, policy: policyOf(config), entry }];
  });
}

/** Chooses the tools of one turn. */
function chooseTools(turn: ScriptedTurn): Tool[] {
  const named = new Set([...turn.text.matchAll(/\buse ([\w-]+)/g)].map((match) => match[1]));
  const perEntry = listOf(turn.agent.tools).map(toolsOf);
  const wanted = perEntry.flat().filter((tool) => named.has(tool.name));
  if (wanted.length > 0) return wanted;
  return perEntry.flatMap((tools) => {
    const policies = tools.map(({ policy }) => policy);
    return tools.filter(({ policy }, index) => policies.indexOf(policy) === index);
  });
}

const SAMPLES: Readonly<Record<string, unknown>> = {
  string: "simulated",
  number: 1,
  integer: 1,
  boolean: true,
  array: [],
  object: {},
};

/** Makes an input with a value for each property of the tool's schema. */
function sampleInput(tool: Tool): WireObject {
  const schema = isWireObject(tool.entry.input_schema) ? tool.entry.input_schema : {};
  const properties = isWireObject(schema.properties) ? Object.entries(schema.properties) : [];
  return Object.fromEntries(properties.map(([name, property]) => {
    const { enum: choices, type } = isWireObject(property) ? property : {} as WireObject;
    return [name, Array.isArray(choices) ? choices[0] : SAMPLES[String(type)] ?? null];
  }));
}

function asks(tool: Tool): boolean {
  return tool.policy === "always_ask";
}

function permission(tool: Tool): WireObject {
  const evaluated = asks(tool) ? "ask" : "allow";
  const judgement = tool.policy === "auto" ? { evaluated_permission: { type: evaluated } } : {};
  return { evaluated_permission: evaluated, evaluation: { type: tool.policy, ...judgement } };
}

/** Calls a tool; returns the id of the call. */
function* call(tool: Tool, turn: ScriptedTurn): Steps<string> {
  if (tool.policy === "custom") {
    const input = sampleInput(tool);
    return yield* emit("agent.custom_tool_use", {
      name: tool.name,
      input,
      session_thread_id: null,
    });
  }
  const input = { simulated: excerpt(turn.text, 80) };
  return yield* toolUse(tool.name, input, permission(tool), { server: serverOf(tool) });
}

/** Returns the MCP server that has the tool; undefined for the agent's own tools. */
function serverOf({ entry }: Tool): string | undefined {
  return entry.type === "mcp_toolset" ? String(entry.mcp_server_name) : undefined;
}

/** Adds the result of a call that the agent's own side runs. */
function* result(tool: Tool, callId: string, answer?: Answer): Steps {
  const denied = answer !== undefined && !answer.allowed;
  const text = denied ? `Denied. ${answer.text}`.trim() : "Simulated result.";
  if (!denied) yield* wait(300);
  yield* toolResult(callId, text, denied, serverOf(tool) !== undefined);
}

function outcome(tool: Tool, answer: Answer | undefined): string {
  if (tool.policy === "custom") return `${tool.name} gave "${excerpt(answer?.text ?? "", 80)}"`;
  if (answer === undefined) return `${tool.name} ran`;
  return `${tool.name} was ${answer.allowed ? "allowed" : "denied"}`;
}

/** Uses the agent's tools, then replies; without tools it only replies. */
export function* definedAgent(turn: ScriptedTurn): Steps {
  const tools = chooseTools(turn);
  if (tools.length === 0) return yield* quickAnswer(turn);
  const calls = yield* think(700, function* () {
    const made: { tool: Tool; id: string }[] = [];
    for (const tool of tools) made.push({ tool, id: yield* call(tool, turn) });
    return made;
  });
  const waits = ({ tool }: { tool: Tool }) => tool.policy === "custom" || asks(tool);
  for (const { tool, id } of calls) if (!waits({ tool })) yield* result(tool, id);
  const open = calls.filter(waits);
  const answers = new Map<string, Answer>();
  if (open.length > 0) {
    const given = yield* askFor(...open.map(({ id }) => id));
    open.forEach(({ id }, index) => answers.set(id, given[index] ?? { allowed: false, text: "" }));
  }
  for (const { tool, id } of open) {
    if (tool.policy !== "custom") yield* result(tool, id, answers.get(id));
  }
  const told = calls.map(({ tool, id }) => outcome(tool, answers.get(id))).join("; ");
  yield* think(
    700,
    () => say(`This is the simulator. You asked: "${excerpt(turn.text)}". Its tools: ${told}.`),
  );
}
