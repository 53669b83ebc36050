/**
 * Binds tools to an agent, for callers who have one agent, and for agents that are tools themselves.
 *
 * @module
 */

import * as z from "zod";
import { AGENT_ID, type Binding, type ToolDefinition } from "./define.ts";

/**
 * Returns a tool whose calls reach nothing but one agent and its sessions, and that takes no
 * `agent_id`: one that names that agent all the same is fine, any other is refused like an unknown
 * one. All that `defineTool` checks stays where it is.
 */
export function boundTo(tool: ToolDefinition, binding: Binding): ToolDefinition {
  const { scope, kind, reaches, meta, view } = tool;
  const { name, title, description, annotations } = binding.shown ?? tool;
  let input: ToolDefinition["input"] | undefined;
  return {
    ...{ name, title, description, scope, kind, reaches, annotations, binding },
    ...(meta && !binding.shown && { meta }),
    ...(view && { view }),
    get input() {
      return input ??= withoutAgent(tool.input, binding);
    },
    get output() {
      return tool.output;
    },
    run: (args, call) => tool.run(args, call, binding),
  };
}

function withoutAgent(
  { shape }: ToolDefinition["input"],
  { shown }: Binding,
): ToolDefinition["input"] {
  const isOffered = (name: string) => name !== AGENT_ID && (shown?.offered.includes(name) ?? true);
  const offered = Object.entries(shape).filter(([name]) => isOffered(name));
  return z.strictObject(Object.fromEntries(offered));
}
