/**
 * Defines tools, and the one way to call them: through the checks of scope, arguments, limits and
 * access.
 *
 * @module
 */

import type * as z from "zod";
import { type CallKind, chargeSessions } from "../access/limits.ts";
import { notAvailable } from "../access/policy.ts";
import type { Caller, Principal } from "../access/principal.ts";
import { hasScope, type Scope } from "../access/scopes.ts";
import type { Session } from "../api/resources.ts";
import { ToolError } from "../core/errors.ts";
import { ID, type IdKind } from "../core/ids.ts";
import type { Person } from "../session/person.ts";
import { isFields } from "../api/read.ts";
import { parseArguments, type Preset } from "./arguments.ts";
import type { WithContent } from "./content.ts";
import type { Services } from "./services.ts";

/** The calling program as it names itself: MCP's `clientInfo`. */
export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

/** All four hints of the MCP specification, none left to its default. */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** What hosts read in a tool's `_meta`, beside the specification. */
export interface ToolMeta {
  /**
   * The host asks the person at every call, also where they allow the tool for good (Claude Code
   * 2.1.332).
   */
  readonly "anthropic/requiresUserInteraction"?: true;
  /**
   * Words by which a host's search finds the tool, where its name and description lack those that
   * people use (Claude Code 2.1.332, which puts off tools until it has searched for them).
   *
   * Its `anthropic/maxResultSizeChars` is left out: no result exceeds what it shows a model, and one
   * that a person has bounded lower would pass that bound.
   */
  readonly "anthropic/searchHint"?: string;
}

/** Hints of a tool that only reads. */
export const READS: ToolAnnotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: true,
};

/** Hints of a tool that adds something, each time anew. */
export const SENDS: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: true,
};

/** Hints of a tool that may have any effect, each time anew: what an agent may do, its author decides. */
export const ANY_EFFECT: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true,
};

/** One call of a tool. */
export interface ToolCall extends Caller {
  /** Aborts when the caller cancels or goes away. */
  readonly signal: AbortSignal;
  readonly services: Services;
  /** Id of the MCP request, for the operator's log. */
  readonly requestId: string;
  /** Id of the HTTP request that brought it; absent on stdio. */
  readonly httpRequestId?: string;
  /** The MCP request's method; `tools/call` when absent. */
  readonly method?: string;
  /** The MCP request's `_meta`, such as its trace context. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** The calling program; absent where it does not name itself, as over stateless 2025-era HTTP. */
  readonly clientInfo?: ClientInfo;
  /** Name by which the tool was called, where it is not the tool's own. */
  readonly calledAs?: string;
  /** Reports progress; absent when the caller did not ask for it. */
  readonly progress?: (message: string) => void;
  /** Time at which the call is to end, by the clock; set for tools that have a `timeoutMs`. */
  readonly deadline?: number;
  /**
   * Returns true for the name of a tool that the caller may call, so that texts name no other.
   * Absent: every tool of the set `core`.
   */
  readonly has?: (tool: string) => boolean;
  /** The person at the other end; absent where the client cannot ask one. */
  readonly person?: Person;
  /** True if the client shows the session view: it declares the extension MCP Apps. */
  readonly showsView?: boolean;
}

/**
 * Returns the id of the request for the operator's log, if it is worth a line: clients choose the
 * ids of MCP requests, so only a plain one is.
 */
export function requestIdOf(
  { httpRequestId, requestId }: Pick<ToolCall, "httpRequestId" | "requestId">,
): string | undefined {
  return httpRequestId ?? (ID.test(requestId) ? requestId : undefined);
}

/**
 * A kind of thing that a call can name by an id. Events and threads need no check: they belong to
 * the session named beside them, or by whose id they stand, and the API looks for them there alone.
 */
export type Reachable = Exclude<IdKind, "event" | "thread">;

/** Names of the arguments that hold ids to check. */
type IdArgument<I extends z.ZodObject> = Exclude<
  Extract<keyof I["shape"], `${string}_id` | `${string}_ids`>,
  "after_id" | "after_ids" | "event_id" | "thread_id"
>;

/** The kind that an argument's own name gives, such as `agent_id` or `session_ids`; else any. */
type KindOf<Argument> = Argument extends `${infer Kind extends Reachable}_id${"" | "s"}` ? Kind
  : Reachable;

/**
 * Declares what a tool reaches: for each argument that holds ids, the kind of thing that they name;
 * `result: "list"` where the result lists things that the caller did not name. The ids are checked
 * before `run` is called; `run` itself must filter a list by `services.access`.
 */
export type Reaches<I extends z.ZodObject> =
  & { readonly [Argument in IdArgument<I>]: KindOf<Argument> }
  & { readonly [Argument in Exclude<keyof I["shape"], IdArgument<I>>]?: Reachable }
  & ([IdArgument<I>] extends [never] ? { readonly result: "list" } : { readonly result?: "list" });

/** A tool: its entry in `tools/list`, and its function. */
export interface ToolDefinition {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly scope: Scope;
  readonly kind: CallKind;
  /** Kinds by argument; see {@linkcode Reaches}. */
  readonly reaches: Readonly<Record<string, Reachable | "list" | undefined>>;
  readonly annotations: ToolAnnotations;
  /** See {@linkcode ToolSpec.meta}. */
  readonly meta?: ToolMeta;
  /** See {@linkcode ToolSpec.view}. */
  readonly view?: ToolView;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  /** See {@linkcode Binding}; absent for a tool that is bound to no agent. */
  readonly binding?: Binding;
  /**
   * Runs the tool for a caller who has its scope and may reach every id, within the limits of
   * running calls.
   *
   * @param args checked against {@linkcode input} before anything else happens
   * @param binding of the tool that the caller called, where that is this one bound to an agent
   * @returns the value that {@linkcode output} describes; with `ignored_arguments`, the names of
   * unknown fields, where there are any; with the blocks that stand beside it in the result
   * @throws `ToolError`, `ApiError`, or the signal's reason
   */
  run(
    args: unknown,
    call: ToolCall,
    binding?: Binding,
  ): Promise<Record<string, unknown> & WithContent>;
}

/**
 * What a tool is bound to. Its caller gives no `agent_id`: it is filled in before anything else
 * happens, and nothing of another agent can be reached through the tool.
 */
export interface Binding {
  readonly agentId: string;
  /** How the tool shows itself, where it does not do so as what it is made of. */
  readonly shown?: {
    readonly name: string;
    readonly title: string;
    readonly description: string;
    readonly annotations: ToolAnnotations;
    /** The only arguments that it takes. */
    readonly offered: readonly string[];
  };
}

/**
 * The part of a tool in the session view: `shown` the view is shown beside the results of the tool;
 * `app_only` only the view calls it, and no model is told of it.
 */
export type ToolView = "shown" | "app_only";

/** A tool whose `run` is typed by its schemas. */
export interface ToolSpec<I extends z.ZodObject, O extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** At most 2,047 characters: hosts cut longer ones. */
  readonly description: string;
  /** Right that the caller must have; a read-only token has the `:read` scopes. */
  readonly scope: Scope;
  /** Kind of its calls; limits count each kind apart. */
  readonly kind: CallKind;
  readonly reaches: Reaches<NoInfer<I>>;
  readonly annotations: ToolAnnotations;
  /** `_meta` of the tool in `tools/list`; absent where it has none. */
  readonly meta?: ToolMeta;
  /** Its part in the session view; absent where it has none. */
  readonly view?: ToolView;
  /** Makes the schema of the arguments; called once, when it is first needed. */
  readonly input: () => I;
  /** Makes the schema of the result. */
  readonly output: () => O;
  /**
   * Returns the time-out of the call in milliseconds, access check included. For tools that hold
   * their call open; `run` finds the end in `call.deadline`.
   */
  readonly timeoutMs?: (args: z.output<NoInfer<I>>, call: ToolCall) => number;
  /**
   * Returns the sessions that a call holds a wait on, each of which counts against the limits and
   * the rate of its caller; one when absent.
   */
  readonly waitsOn?: (args: z.output<NoInfer<I>>) => number;
  /** Progress message that is sent before the access check. */
  readonly firstProgress?: string;
  /**
   * The tool may ask `call.person`, and takes up the answer that a call carries. For every other
   * tool that changes something such a call fails, because the client makes it a second time.
   */
  readonly asksPerson?: true;
  /**
   * Starts `run` beside the access check, which saves a round trip. For tools that only read: if
   * the check fails, the caller gets nothing of what `run` found.
   */
  readonly runsBesideCheck?: true;
  /**
   * @param args as the schema parses them
   * @param checked the access check: resolves with the session, where it had to be read
   */
  run(
    args: z.output<I>,
    call: ToolCall,
    checked: Promise<Session | undefined>,
  ): Promise<z.input<O> & WithContent>;
}

/**
 * Makes a tool of a spec. This is the one way to `run`: the caller's scope, the arguments, the
 * limits of running calls and the caller's access to every id are checked here and nowhere else.
 */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<I, O>,
): ToolDefinition {
  const { name, title, description, scope, kind, reaches, annotations, meta, view } = spec;
  // Made on first use: `initialize` needs none, and a host waits for its response; cold, all of
  // them take 10 ms.
  let input: I | undefined;
  let output: O | undefined;
  const inputOf = () => input ??= spec.input();
  return {
    ...{ name, title, description, scope, kind, reaches, annotations },
    ...(meta && { meta }),
    ...(view && { view }),
    get input() {
      return inputOf();
    },
    get output() {
      return output ??= spec.output();
    },
    async run(args, unbound, binding) {
      const called = binding?.shown?.name ?? name;
      const call = binding
        ? { ...unbound, boundAgentId: binding.agentId, calledAs: called }
        : unbound;
      if (!hasScope(call.principal, scope)) throw forbidden(called, scope, call.principal);
      if (call.person?.carried && !spec.asksPerson && !annotations.readOnlyHint) {
        throw carriesAnswer(called);
      }
      const { values, ignored } = parseArguments(
        inputOf(),
        args,
        binding && presetOf(binding, args),
      );
      const places = spec.waitsOn?.(values) ?? 1;
      const leave = call.services.limits.enter(kind, call, places);
      try {
        chargeSessions(call, places);
        const result = await runChecked(spec, values, call);
        return ignored.length > 0 ? { ...result, ignored_arguments: ignored } : result;
      } finally {
        leave();
      }
    },
  };
}

/**
 * Returns what a binding gives of a call's arguments.
 *
 * @throws `ToolError` `not_available` if the caller names another agent
 */
function presetOf({ agentId, shown }: Binding, args: unknown): Preset {
  const named = isFields(args) ? args[AGENT_ID] : undefined;
  if ((named ?? "") !== "" && named !== agentId) {
    throw notAvailable({ boundAgentId: agentId });
  }
  return { values: { [AGENT_ID]: agentId }, ...(shown && { offered: shown.offered }) };
}

/** The argument that names an agent. */
export const AGENT_ID = "agent_id";

function forbidden(name: string, scope: Scope, principal: Principal | undefined): ToolError {
  if (principal?.person) return forbiddenTo(principal, name, scope);
  return principal?.readOnly
    ? new ToolError(
      "read_only",
      `Your token may only read, so ${name} is not for it. Ask the operator for a token that may write.`,
    )
    : new ToolError(
      "missing_scope",
      `Your token does not have the scope ${scope}, which ${name} needs. Ask the operator for a ` +
        "token that has it.",
    );
}

/** Says what a person can do: sign in again only where that brings the scope. */
function forbiddenTo(
  { readOnly, missingScopes }: Principal,
  name: string,
  scope: Scope,
): ToolError {
  if (missingScopes?.includes(scope)) {
    return new ToolError(
      "missing_scope",
      `Your access token does not have the scope ${scope}, which ${name} needs. Sign in again, and ` +
        "agree to it.",
    );
  }
  return readOnly
    ? new ToolError(
      "read_only",
      `You may only read, so ${name} is not for you. Ask the operator of this server for more.`,
    )
    : new ToolError(
      "missing_scope",
      `You may not use the scope ${scope}, which ${name} needs. Ask the operator of this server for it.`,
    );
}

function carriesAnswer(name: string): ToolError {
  return new ToolError(
    "unexpected_answer",
    `This call carries the answer to a question, and ${name} asks none. Nothing was done: call it ` +
      "without inputResponses and requestState.",
  );
}

async function runChecked<I extends z.ZodObject, O extends z.ZodObject>(
  spec: ToolSpec<I, O>,
  args: z.output<I>,
  unbounded: ToolCall,
): Promise<z.input<O> & WithContent> {
  const timeoutMs = spec.timeoutMs?.(args, unbounded);
  const call = timeoutMs === undefined
    ? unbounded
    : { ...unbounded, timeoutMs, deadline: unbounded.services.clock.now() + timeoutMs };
  if (spec.firstProgress !== undefined) call.progress?.(spec.firstProgress);
  const checked = checkAccess(spec.reaches, args, call);
  if (!spec.runsBesideCheck) {
    await checked;
    return await spec.run(args, call, checked);
  }
  const running = spec.run(args, { ...call, progress: undefined }, checked);
  // Only a caller who may reach the session gets its error.
  running.catch(() => {});
  await checked;
  return await running;
}

/** Returns the values of an argument: one, those of a list, or those of an object. */
function valuesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.values(value) : [value];
}

/**
 * Checks that the caller may reach every id that the arguments name.
 *
 * @returns the session, where it had to be read
 * @throws `ToolError` `not_available`, the same for unknown and for foreign ids
 */
async function checkAccess(
  reaches: ToolDefinition["reaches"],
  args: Readonly<Record<string, unknown>>,
  call: ToolCall,
): Promise<Session | undefined> {
  const { access } = call.services;
  let session: Session | undefined;
  const sessionIds: string[] = [];
  const fileIds: string[] = [];
  for (const argument of Object.keys(reaches)) {
    const kind = reaches[argument];
    if (kind === "list" || args[argument] === undefined) continue;
    for (const id of valuesOf(args[argument])) {
      if (typeof id !== "string") throw new TypeError(`${argument} must hold ids only`);
      switch (kind) {
        case "agent":
          access.checkAgent(id, call);
          break;
        case "environment":
          access.checkEnvironment(id, call);
          break;
        case "session":
          session = await access.checkSession(id, call);
          sessionIds.push(id);
          break;
        case "file":
          fileIds.push(id);
          break;
        default:
          throw notAvailable();
      }
    }
  }
  // Last, because a file may belong to a session that the same call names.
  for (const id of fileIds) await access.checkFile(id, call, sessionIds);
  return session;
}
