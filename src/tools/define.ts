/**
 * The shape of a tool.
 *
 * @module
 */

import type * as z from "zod";
import { ToolError } from "../core/errors.ts";
import { parseArguments } from "./arguments.ts";
import type { ClientInfo } from "./host_clock.ts";
import type { CallKind } from "../access/limits.ts";
import type { Principal } from "../access/principal.ts";
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
  /** Id of the HTTP request that brought it; absent on stdio. */
  readonly httpRequestId?: string;
  /** The MCP request's `_meta`, such as its trace context. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The program that calls; absent where it does not say, as over stateless 2025-era HTTP. */
  readonly clientInfo?: ClientInfo;
  /** Reports progress; absent when the caller did not ask for it. */
  readonly progress?: (message: string) => void;
  /** Who calls; absent where the transport does not tell callers apart. */
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
   * @returns what {@linkcode output} describes; with `ignored_arguments`, the names of what was
   *   given and is no argument, where there is any
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
  /** What it counts as where the number of running calls is limited; `call` by default. */
  readonly kind?: CallKind;
  /** Makes the schema of the arguments; called once, when it is first needed. */
  readonly input: () => I;
  /** The same for the result. */
  readonly output: () => O;
  run(args: z.output<I>, call: ToolCall): Promise<z.input<O>>;
}

/**
 * Makes a tool of a spec: `run` is reached only by callers who may use the tool, within the limits
 * of running calls, and with arguments that `input` has parsed.
 */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<I, O>,
): ToolDefinition {
  // `initialize` needs neither, and a host waits for its answer.
  let input: I | undefined;
  let output: O | undefined;
  const inputOf = () => input ??= spec.input();
  return {
    name: spec.name,
    title: spec.title,
    description: spec.description,
    annotations: spec.annotations,
    get input() {
      return inputOf();
    },
    get output() {
      return output ??= spec.output();
    },
    async run(args, call) {
      if (call.principal?.readOnly && !spec.annotations.readOnlyHint) throw readOnly(spec.name);
      const { values, ignored } = parseArguments(inputOf(), args);
      const leave = call.services.limits.enter(spec.kind ?? "call", call);
      try {
        const result = await spec.run(values, call);
        return ignored.length > 0 ? { ...result, ignored_arguments: ignored } : result;
      } finally {
        leave();
      }
    },
  };
}

function readOnly(name: string): ToolError {
  return new ToolError(
    "read_only",
    `Your token may only read, so ${name} is not for it. Ask the operator for a token that may write.`,
  );
}
