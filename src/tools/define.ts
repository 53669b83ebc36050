/**
 * The shape of a tool.
 *
 * @module
 */

import type { z } from "zod";
import type { Principal } from "./access.ts";
import { parseArguments } from "./arguments.ts";
import type { Services } from "./services.ts";

/** All four hints of the MCP specification, none left to its default. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** One call of a tool. */
export interface ToolCall {
  /** Aborts when the caller cancels or goes away. */
  readonly signal: AbortSignal;
  readonly services: Services;
  /** Id of the MCP request, for the operator's log. */
  readonly requestId: string;
  /** Reports progress; absent when the caller did not ask for it. */
  readonly progress?: (message: string) => void;
  readonly principal?: Principal;
}

/** A tool as `tools/list` shows it, and what it does. */
export interface ToolDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly annotations: ToolAnnotations;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /**
   * @param args checked against {@linkcode input} before anything else happens
   * @returns what {@linkcode output} describes
   * @throws `ToolError`, `ApiError`, or the signal's reason
   */
  run(args: unknown, call: ToolCall): Promise<Record<string, unknown>>;
}

/** A tool whose `run` is typed by its schemas. */
export interface ToolSpec<I extends z.ZodObject, O extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** At most 2,047 characters: hosts cut longer ones. */
  readonly description: string;
  readonly annotations: ToolAnnotations;
  readonly input: I;
  readonly output: O;
  run(args: z.output<I>, call: ToolCall): Promise<z.input<O>>;
}

/** Makes a tool of a spec; arguments reach `run` only after `input` has parsed them. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<I, O>,
): ToolDefinition {
  return {
    name: spec.name,
    title: spec.title,
    description: spec.description,
    annotations: spec.annotations,
    input: spec.input,
    output: spec.output,
    run: async (args, call) => await spec.run(parseArguments(spec.input, args), call),
  };
}
