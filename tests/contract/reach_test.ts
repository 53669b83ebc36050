// Drives everything that a caller can name: every tool of the registry and every resource, every
// argument that holds an id or a cursor, and every list, by callers bound in each way over a
// workspace that is full of what others own. What an argument names is read from the tool's
// `reaches`; an argument that neither a tool nor this test classifies fails, and so does a tool that
// shows or changes what its caller may not reach, or that answers to it otherwise than to an id that
// does not exist.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { createSealer } from "../../src/access/sealing.ts";
import { createAccessPolicy, notAvailable } from "../../src/access/policy.ts";
import { makeProof } from "../../src/access/proofs.ts";
import { personId, type Principal } from "../../src/access/principal.ts";
import { SCOPES } from "../../src/access/scopes.ts";
import { createTokenRegistry } from "../../src/access/tokens.ts";
import { TOOL_SET_NAMES } from "../../src/access/tool_sets.ts";
import { callMethod } from "../../src/commands/mcp_call.ts";
import { ToolError } from "../../src/core/errors.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { createRedact } from "../../src/core/redact.ts";
import { readAskedCalls } from "../../src/session/asked_calls.ts";
import { isDefaultTool } from "../../src/session/pending_actions.ts";
import type { CarriedAnswer, Person } from "../../src/session/person.ts";
import type { EventBody } from "../../src/simulator/mod.ts";
import { VIEW_META_KEY } from "../../src/session/watched_session.ts";
import { answerToolUse } from "../../src/tools/answer_tool_use.ts";
import { boundTo } from "../../src/tools/bound.ts";
import { askAgentTool } from "../../src/tools/ask_agent.ts";
import { createSession } from "../../src/tools/create_session.ts";
import {
  AGENT_ID,
  defineTool,
  type Reachable,
  type ToolCall,
  type ToolDefinition,
} from "../../src/tools/define.ts";
import { getSession } from "../../src/tools/get_session.ts";
import { publishedTool } from "../../src/tools/publishing.ts";
import { watchSession } from "../../src/tools/watch_session.ts";
import { TOOLS, toolsOf, VIEW_TOOLS } from "../../src/tools/registry.ts";
import { readSessionFile } from "../../src/tools/read_session_file.ts";
import { RESOURCE_LISTS, RESOURCES } from "../../src/tools/resources.ts";
import { sendMessage } from "../../src/tools/send_message.ts";
import { waitForIdle } from "../../src/tools/wait_for_idle.ts";
import { callTool } from "../helpers/call_tool.ts";
import { fakeVerifier, ISSUER, oauthSettings, OTHER_ISSUER } from "../helpers/signed_in.ts";
import { API_KEY, openApp } from "../protocol/support.ts";
import { entry, openTeam, secretOf } from "../protocol/tokens_support.ts";
import { fakeApi } from "../unit/tools/support.ts";

/** In every name, title, description and text of what the caller owns, and of what it does not. */
const OWN = "ours";
const FOREIGN = "SOMEBODY-ELSES";

/** What every call of an id that is not the caller's is told, by a server of the set `core`. */
const REFUSAL = notAvailable().messageFor(isDefaultTool);

/**
 * What an argument names; an event or a thread is one of the session that is named beside it, and a
 * proof is one of the event.
 */
type Named = Reachable | "event" | "thread" | "proof";

/** Arguments that name nothing: a value that is right anywhere. */
const PLAIN: Readonly<Record<string, unknown>> = {
  agent_version: 1,
  created_after: "2020-01-01",
  created_before: "2090-01-01T00:00:00Z",
  deny_message: OWN,
  document_urls: ["https://example.com/a.pdf"],
  idempotency_key: "once",
  include_archived: true,
  filename: `${OWN}.txt`,
  image_urls: ["https://example.com/a.png"],
  is_error: true,
  limit: 1,
  max_cost_usd: 1,
  message: OWN,
  metadata: { whose: OWN },
  mode: "all",
  name_contains: "s",
  offset: 1,
  order: "desc",
  result: "deny",
  status: "idle",
  text: OWN,
  texts: [OWN],
  timeout_sec: 1,
  title: OWN,
  tool_name: "bash",
  types: ["user.message", "agent.message"],
  version: 1,
};

/** Optional arguments without one of which a tool has nothing to do. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  ask_agent: ["agent_id", "message"],
  read_session_file: ["file_id"],
  send_message: ["text"],
  submit_tool_result: ["text"],
};

/** Arguments that go with others than the needed ones, and those. */
const GOES_WITH: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  ask_agent: { after_id: ["session_id"] },
};

/** Arguments that name nothing, and fit only other answers than that to the call of the case. */
const UNFIT: Readonly<Record<string, readonly string[]>> = {
  answer_tool_use: ["text", "is_error"],
};

/** The call that every session waits for, where a tool answers it; its input has the owner's word. */
const ANSWERED: Readonly<Record<string, EventBody>> = {
  confirm_tool_use: { type: "agent.tool_use", name: "bash", evaluated_permission: "ask" },
  submit_tool_result: { type: "agent.custom_tool_use", name: "get_weather" },
  answer_tool_use: { type: "agent.tool_use", name: "bash", evaluated_permission: "ask" },
};

/** Arguments that hold an event's id as a cursor: one, or one for each session by its id. */
const CURSORS = ["after_id", "after_ids", "after"];

/** What an argument of a tool names, by the tool's own declaration. */
function namedBy({ name, reaches }: ToolDefinition, argument: string): Named | undefined {
  const isEvent = CURSORS.includes(argument) || (argument === "event_id" && name in ANSWERED);
  if (argument === "proof") return "proof";
  const kind = isEvent ? "event" : argument === "thread_id" ? "thread" : reaches[argument];
  return kind === "list" ? undefined : kind;
}

/** A field of what a tool answered. */
function fieldOf(result: { readonly structuredContent?: unknown }, name: string): unknown {
  const { structuredContent: fields } = result;
  return typeof fields === "object" && fields !== null ? Reflect.get(fields, name) : undefined;
}

/**
 * What a caller is bound by: the server's own list of agents, one of its token's limits alone, where
 * nothing else can stand in, a token's agents that are fewer than the server's, or all of those.
 * `sessions` are marked by the binding key, `sealed` ones by a sealing key that another replaced, and
 * `earlier` ones by the binding key before there was a sealing key. With `person` all callers have
 * signed in: another of the same issuer, and the same subject at another one. `tool` binds the
 * caller's tools to its agent, and the caller by nothing else.
 */
const BOUNDS = [
  ...["allowlist", "agents", "fewer", "environments", "all"] as const,
  ...["sessions", "sealed", "earlier", "person"] as const,
];
type Bound = typeof BOUNDS[number] | "tool";

const SEALING_KEYS = [2, 1].map((fill) => new Uint8Array(32).fill(fill));

/** Name of the rule by which people come in. */
const RULE = "staff";

function personOf(subject: string, issuer = ISSUER): Pick<Principal, "id" | "person"> {
  const person = { issuer, subject, rule: RULE };
  return { id: personId(person), person };
}

type Args = Record<string, unknown>;

/** A tool's result as text, with what was told meanwhile, and what it cost. */
interface Told {
  readonly text: string;
  readonly isError: boolean;
  readonly nextCursor: unknown;
  readonly requests: number;
}

/**
 * A workspace with one agent, environment and session of the caller's among those of others. What
 * its bound keeps from the caller has {@linkcode FOREIGN} in all of its words.
 *
 * @param blocker call that every session waits for; its event is the one that arguments name
 */
async function openWorkspace(bound: Bound, blocker?: EventBody) {
  const binds = (...limits: Bound[]) => bound === "all" || limits.includes(bound);
  const wordOf = (isForeign: boolean) => isForeign ? FOREIGN : "anybody's";
  const app = openApp();
  const { simulator, until } = app;
  const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await simulator.fetch(
      new Request(`http://simulator${path}`, {
        headers: { "x-api-key": API_KEY, "anthropic-beta": "managed-agents-2026-04-01" },
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      }),
    );
    const json = await response.json();
    assertEquals(response.status, 200, JSON.stringify(json));
    return json;
  };
  const agent = async (whose: string) => {
    const fields = { name: whose, description: whose, system: whose, model: "m" };
    return String((await ask("/v1/agents", fields)).id);
  };
  const environment = async (whose: string) =>
    String((await ask("/v1/environments", { name: whose, description: whose })).id);
  const agents = {
    own: await agent(OWN),
    other: await agent(wordOf(binds("allowlist", "agents", "fewer", "tool"))),
  };
  const environments = {
    own: await environment(OWN),
    other: await environment(wordOf(binds("environments"))),
  };
  const bindingKey = "s".repeat(32);
  const hasOwn = binds("sessions", "sealed", "earlier", "person");
  const isPerson = bound === "person";
  // Another replica than the one that made the sessions: it knows of them what the API tells.
  const services = app.servicesWith({
    publicUrl: "http://localhost",
    bindingKey,
    ...(binds("sealed", "earlier") && { sealingKeys: SEALING_KEYS }),
    environmentId: environments.other,
    ...(binds("allowlist") && { allowedAgentIds: [agents.own] }),
    ...(bound === "fewer" && { allowedAgentIds: [agents.other, agents.own] }),
  });
  const makers = app.servicesWith({
    bindingKey,
    ...(bound === "sealed" && { sealingKeys: SEALING_KEYS.slice(1) }),
  });
  const caller: Principal = {
    ...(isPerson ? personOf("alice") : { id: "caller" }),
    ...(binds("agents", "fewer") && { agents: [agents.own] }),
    ...(binds("environments") && { environments: [environments.own] }),
    ...(hasOwn && { sessions: "own" }),
  };
  const run = async (
    tool: ToolDefinition,
    args: Args,
    principal: Principal = caller,
    by = services,
    overrides: Partial<ToolCall> = {},
  ): Promise<Told> => {
    const before = simulator.requests.length;
    const told: string[] = [];
    const result = await until(
      callTool(tool, args, {
        signal: new AbortController().signal,
        services: by,
        requestId: "1",
        principal,
        progress: (message) => told.push(message),
        ...overrides,
      }),
      500,
    );
    return {
      text: JSON.stringify([result, told]),
      isError: result.isError === true,
      nextCursor: fieldOf(result, "next_cursor"),
      requests: simulator.requests.length - before,
    };
  };
  /** A session with one turn, in which everything has its owner's word, a file and its thread. */
  const session = async (
    whose: string,
    principal: Principal,
    { agent_id, environment_id }: { agent_id: string; environment_id: string },
  ): Promise<Record<Exclude<Named, "agent" | "environment" | "proof">, string>> => {
    const args = { agent_id, environment_id, title: whose };
    const made = await until(
      callTool(createSession, args, {
        signal: new AbortController().signal,
        services: makers,
        requestId: "1",
        principal,
      }),
    );
    const id = String(fieldOf(made, "session_id"));
    const [file] = [".txt", ".md"].map((end) =>
      simulator.writeFile(id, whose + end, new TextEncoder().encode(whose))
    );
    assert(file !== undefined);
    const source = { type: "file", file_id: file };
    const content = [{ type: "text", text: whose }, { type: "document", source, title: whose }];
    const { data } = await ask(`/v1/sessions/${id}/events`, {
      events: [{ type: "user.message", content }],
    });
    const [event] = Array.isArray(data) ? data : [];
    await app.clock.advance(10_000);
    simulator.emit(id, {
      type: "session.thread_created",
      session_thread_id: `sthr_${id.slice(-10)}`,
      agent_name: whose,
      workflow_run_id: null,
    });
    const threads = (await ask(`/v1/sessions/${id}/threads`)).data;
    const thread = String(Array.isArray(threads) ? threads[0].id : undefined);
    if (!blocker) return { session: id, event: String(event?.id), thread, file };
    const call = simulator.emit(id, { ...blocker, input: { command: whose } });
    const stop_reason = { type: "requires_action", event_ids: [call] };
    simulator.emit(id, { type: "session.status_idle", stop_reason });
    return { session: id, event: call, thread, file };
  };
  const there = { agent_id: agents.own, environment_id: environments.own };
  const own = await session(OWN, caller, there);
  // Anybody may do anything where nothing is said.
  const other: Principal = isPerson ? personOf("bob") : { id: "other" };
  const another: Principal = {
    ...(isPerson ? personOf("alice", OTHER_ISSUER) : { id: "another" }),
    sessions: "own",
  };
  const withOther = {
    agent: { ...there, agent_id: agents.other },
    environment: { ...there, environment_id: environments.other },
  };
  const foreign: Awaited<ReturnType<typeof session>>[] = [];
  for (
    const [isForeign, principal, where] of [
      [hasOwn, other, there],
      [hasOwn, another, there],
      [hasOwn || binds("agents", "fewer", "allowlist", "tool"), other, withOther.agent],
      [hasOwn || binds("environments"), other, withOther.environment],
    ] as const
  ) {
    const made = await session(wordOf(isForeign), principal, where);
    if (isForeign) foreign.push(made);
  }
  /** The proof that a principal got of the call that a session waits for. */
  const proofOf = async (principal: Principal, made: typeof own, by = services) => {
    const { api, redact } = makers;
    const { waiting: [asked] } = await until(readAskedCalls(api, made.session, redact, {}));
    assert(asked !== undefined);
    return String(await makeProof(by, { principal }, made.session, asked));
  };
  const foreignProofs = !blocker ? [] : await Promise.all([
    proofOf(other, own),
    // Sealed by a key that no replica has.
    proofOf(caller, own, { ...services, sealer: createSealer() }),
    ...foreign.flatMap((made) => [proofOf(other, made), proofOf(caller, made)]),
  ]);
  const foreignAgents = binds("allowlist", "agents", "fewer", "tool") ? [agents.other] : [];
  const foreignEnvironments = binds("environments") ? [environments.other] : [];
  const madeFor = new Set([own, ...foreign].map(({ session }) => session));
  return {
    run,
    /** The same where a person can be asked. */
    runAttended: (tool: ToolDefinition, args: Args, principal: Principal, person: Person) =>
      run(tool, args, principal, services, { person }),
    /** The same where the client shows the session view. */
    runInView: (tool: ToolDefinition, args: Args, principal: Principal = caller) =>
      run(tool, args, principal, services, { showsView: true }),
    /** The answer of a person who was shown the calls that a session waits for, and allowed them. */
    async allowed(sessionId: string) {
      const { api, redact } = makers;
      const { waiting: calls } = await until(readAskedCalls(api, sessionId, redact, {}));
      const allow = { result: "allow" } as const;
      const decisions = new Map(calls.map(({ eventId }) => [eventId, allow]));
      return {
        kind: "valid",
        sessionId,
        calls,
        round: { number: 1, remainingMs: 1_000, settled: [] },
        answer: { kind: "decided", decisions },
      } as const satisfies CarriedAnswer;
    },
    /** The same for another caller, on the replica that made the sessions. */
    runElsewhere: (tool: ToolDefinition, args: Args, principal: Principal) =>
      run(tool, args, principal, makers),
    caller,
    /** Somebody who may reach everything. */
    other,
    own: {
      agent: agents.own,
      environment: environments.own,
      ...own,
      proof: blocker ? await proofOf(caller, own) : "",
    },
    foreign: {
      agent: foreignAgents,
      environment: foreignEnvironments,
      session: foreign.map(({ session }) => session),
      event: foreign.map(({ event }) => event),
      thread: foreign.map(({ thread }) => thread),
      file: foreign.map(({ file }) => file),
      proof: foreignProofs,
    },
    /** Uploads a file that belongs to no session. */
    upload: () => simulator.uploadFile("in.csv", new TextEncoder().encode("1,2")),
    /** What a link opens that was made for the caller, whose rights may be others by now. */
    async openLink(file: { sessionId: string; fileId: string }, principal: Principal = caller) {
      const { id: name, person, ...limits } = principal;
      const rule = { name: RULE, issuer: person?.issuer ?? "", ...limits };
      const handler = createHttpHandler(() => Promise.reject(new Error("No MCP here")), {
        tokens: person
          ? createTokenRegistry([], [rule])
          : createTokenRegistry([{ name, hashes: [], ...limits }]),
        oauth: {
          settings: oauthSettings(),
          verifier: fakeVerifier(),
          served: { toolSets: [], publishes: false, asksPeople: false, viewActions: false },
        },
        ready: () => Promise.resolve(true),
        log: services.log,
        clock: services.clock,
        files: { services, toolSets: TOOL_SET_NAMES },
      });
      const maker = {
        principalId: caller.id,
        ...(caller.person && { person: caller.person }),
      };
      const { url = "" } = await services.fileLinks?.make({ ...file, ...maker }) ?? {};
      const before = simulator.requests.length;
      const response = await until(
        handler.fetch(new Request(url, { headers: { host: "localhost" } })),
      );
      const text = await until(response.text());
      return { status: response.status, text, requests: simulator.requests.length - before };
    },
    /** Requests that change something, so far. */
    writes: () => simulator.requests.filter(({ method }) => method !== "GET").length,
    /** Sessions that a tool made with what is not its caller's. */
    strays: async () => {
      const { data } = await ask("/v1/sessions?limit=100&order=desc");
      const all = Array.isArray(data) ? data : [];
      return all.filter(({ id, agent, environment_id }) =>
        !madeFor.has(id) &&
        (foreignAgents.includes(agent.id) || foreignEnvironments.includes(environment_id))
      );
    },
    close: () => app.close(),
  };
}

type Workspace = Awaited<ReturnType<typeof openWorkspace>>;

/** Arguments that neither the tool nor this test classifies. */
function unclassified(tool: ToolDefinition): string[] {
  return Object.keys(tool.input.shape).filter((key) =>
    namedBy(tool, key) === undefined && !(key in PLAIN) && key !== "cursor"
  );
}

function isOptional({ input }: ToolDefinition, key: string): boolean {
  return z.safeParse(input.shape[key] as z.ZodType, undefined).success;
}

/** The value of an argument that names an id, in a call that is about a session. */
function valueOf(key: string, id: string, session: string): unknown {
  if (key === "files") return { "in.txt": id };
  return key === "after_ids" ? { [session]: id } : id;
}

function isList({ input }: ToolDefinition, key: string): boolean {
  return key in input.shape &&
    z.toJSONSchema(input.shape[key] as z.ZodType, { unrepresentable: "any" }).type === "array";
}

/** A value of an argument that is the caller's own, or right anywhere. */
function ownValue(tool: ToolDefinition, key: string, { own }: Workspace): unknown {
  const named = namedBy(tool, key);
  return named === undefined ? PLAIN[key] : valueOf(key, own[named], own.session);
}

/** The fewest of the caller's own arguments that go with an argument; with none, the fewest at all. */
function leastArguments(tool: ToolDefinition, workspace: Workspace, beside = ""): Args {
  // A published agent's tool is this one under another name.
  const base = tool.binding?.shown ? "ask_agent" : tool.name;
  const isNeeded = (key: string) => !isOptional(tool, key) || NEEDED[base]?.includes(key);
  const keys = GOES_WITH[base]?.[beside] ?? Object.keys(tool.input.shape).filter(isNeeded);
  return Object.fromEntries(keys.map((key) => [key, ownValue(tool, key, workspace)]));
}

/** Arguments with the caller's own ids: the fewest, then with each optional one. */
function ownArguments(tool: ToolDefinition, workspace: Workspace): Args[] {
  const least = leastArguments(tool, workspace);
  const optional = Object.keys(tool.input.shape)
    .filter((key) =>
      !(key in least) && !UNFIT[tool.name]?.includes(key) &&
      ownValue(tool, key, workspace) !== undefined
    );
  return [
    least,
    ...optional.map((key) => ({
      ...leastArguments(tool, workspace, key),
      [key]: ownValue(tool, key, workspace),
    })),
  ];
}

/** Arguments of which one names what is not the caller's: their key, and that id. */
function foreignArguments(tool: ToolDefinition, workspace: Workspace): [string, string, Args][] {
  // What a bound tool does not ask for can be named all the same.
  const keys = [...Object.keys(tool.input.shape), ...tool.binding ? [AGENT_ID] : []];
  return keys.flatMap((key) => {
    const least = leastArguments(tool, workspace, key);
    const named = namedBy(tool, key);
    const { own, foreign } = workspace;
    const ids = named === undefined ? [] : foreign[named];
    // A cursor is an event's id, also with a suffix or a place in its text.
    const forms = named === "event" ? ["", "w1", "@1"] : [""];
    // Cursors stand by the ids of sessions, which may be foreign as well.
    const byKeys = (key === "after_ids" ? foreign.session : []).map((
      id,
    ): [string, string, Args] => [
      key,
      id,
      { ...least, [key]: valueOf(key, own.event, id) },
    ]);
    return byKeys.concat(ids.flatMap((id) => {
      const values = forms.map((form) => valueOf(key, id + form, own.session));
      // Beside the caller's own.
      if (named !== undefined && isList(tool, key)) values.push([own[named], id], [id, own[named]]);
      if (key === "files") values.push({ "own.txt": own.file, "in.txt": id });
      return values.map((value): [string, string, Args] => [key, id, { ...least, [key]: value }]);
    }));
  });
}

/** Makes the tool that is driven of an agent's id, which each workspace has anew. */
type ToolFor = (agentId: string) => ToolDefinition;

/**
 * What a tool lets a bound caller see or do that it must not, in words.
 *
 * @param toolFor makes the tool, where it is bound to the caller's agent
 */
async function wrongsOf(
  given: ToolDefinition,
  toolFor: ToolFor = () => given,
  bounds: readonly Bound[] = BOUNDS,
): Promise<string[]> {
  const tool = toolFor("agent_1");
  const unknown = unclassified(tool);
  if (unknown.length > 0) return unknown.map((key) => `not classified: ${key}`);
  if (Object.keys(tool.reaches).length === 0) return ["reaches nothing, as it says"];
  const wrongs: string[] = [];
  for (const bound of bounds) {
    const found = await wrongsWithForeignIds(toolFor, bound);
    found.push(...await wrongsWithForeignCursor(toolFor, bound));
    // Who need not name anything gets a list, and what is made may be made where it should not;
    // both depend on the bound. The rest is refused or not.
    const { session_id, session_ids = session_id, agent_id } = tool.reaches;
    const isPlain = session_ids !== undefined && agent_id === undefined && bound !== "all";
    if (!isPlain) found.push(...await wrongsWithOwnIds(toolFor, bound));
    wrongs.push(...found.map((wrong) => `bound by ${bound}: ${wrong}`));
  }
  return wrongs;
}

/** What a result shows of what is foreign. */
function leaks(args: Args, text: string, { foreign }: Workspace): string[] {
  return [FOREIGN, ...Object.values(foreign).flat()]
    .filter((secret) => text.includes(secret))
    .map((secret) => `${JSON.stringify(args)} shows ${secret}`);
}

/** An id that looks like another, and that nothing has. */
function unknownLike(id: string): string {
  return id.slice(0, -1) + (id.endsWith("Q") ? "R" : "Q");
}

/** Opens a workspace for a tool. */
async function openFor(toolFor: ToolFor, bound: Bound) {
  const workspace = await openWorkspace(bound, ANSWERED[toolFor("agent_1").name]);
  return { workspace, tool: toolFor(workspace.own.agent) };
}

async function wrongsWithForeignIds(toolFor: ToolFor, bound: Bound): Promise<string[]> {
  const { workspace, tool } = await openFor(toolFor, bound);
  const wrongs: string[] = [];
  for (const [key, id, args] of foreignArguments(tool, workspace)) {
    const before = workspace.writes();
    const unknownId = unknownLike(id);
    const unknownArgs: Args = JSON.parse(JSON.stringify(args).replaceAll(id, unknownId));
    const told = ({ text, requests }: Told) =>
      `${text.replaceAll(id, "ID").replaceAll(unknownId, "ID")} for ${requests} requests`;
    // The first call may read what is the caller's own.
    await workspace.run(tool, unknownArgs);
    const unknown = told(await workspace.run(tool, unknownArgs));
    // What the server has seen before is refused in the same way.
    for (const time of ["first", "second"]) {
      const result = await workspace.run(tool, args);
      // A caller may be told its own argument again.
      wrongs.push(...leaks(args, result.text.replaceAll(id, ""), workspace));
      if (!result.isError) wrongs.push(`${key} may be foreign`);
      if (told(result) !== unknown) {
        wrongs.push(
          `${key} tells foreign from unknown the ${time} time: ${told(result)} ${unknown}`,
        );
      }
    }
    if (workspace.writes() !== before) wrongs.push(`${key} changes what is foreign`);
  }
  workspace.close();
  return wrongs;
}

/** A cursor that somebody got who sees everything opens nothing. */
async function wrongsWithForeignCursor(toolFor: ToolFor, bound: Bound): Promise<string[]> {
  const { input, output } = toolFor("agent_1");
  // The cursor of a session's timeline is told below: no page follows it.
  if (!("cursor" in input.shape) || "timeline" in output.shape) return [];
  const { workspace, tool } = await openFor(toolFor, bound);
  const [least = {}] = ownArguments(tool, workspace);
  const { nextCursor } = await workspace.runElsewhere(
    tool,
    { ...least, limit: 1 },
    workspace.other,
  );
  if (typeof nextCursor !== "string") return ["a list of two with limit 1 has no next_cursor"];
  const args = { ...least, cursor: nextCursor };
  const wrongs = leaks(args, (await workspace.run(tool, args)).text, workspace);
  workspace.close();
  return wrongs;
}

async function wrongsWithOwnIds(toolFor: ToolFor, bound: Bound): Promise<string[]> {
  const wrongs: string[] = [];
  for (let index = 0;; index++) {
    // A tool may end what the next case needs.
    const { workspace, tool } = await openFor(toolFor, bound);
    const args = ownArguments(tool, workspace)[index];
    if (args) wrongs.push(...await wrongsOfCase(tool, args, workspace));
    workspace.close();
    if (!args) return wrongs;
  }
}

/** Calls a tool, and reads on while there is more. */
async function wrongsOfCase(
  tool: ToolDefinition,
  args: Args,
  workspace: Workspace,
): Promise<string[]> {
  const wrongs: string[] = [];
  let shown = "";
  for (let cursor: unknown, page = 0; page < 20; page++) {
    const result = await workspace.run(tool, { ...args, ...(cursor ? { cursor } : {}) });
    shown += result.text;
    wrongs.push(...leaks(args, result.text, workspace));
    if (result.isError) wrongs.push(`${JSON.stringify(args)} fails: ${result.text}`);
    cursor = result.nextCursor;
    if (cursor === undefined) break;
  }
  const strays = await workspace.strays();
  if (strays.length > 0) wrongs.push(`${JSON.stringify(args)} makes ${JSON.stringify(strays)}`);
  // What reads must show the caller's own, or it was not reached at all. Nothing comes after the
  // caller's own last event.
  if (tool.scope.endsWith(":read") && !shown.includes(OWN) && !CURSORS.some((key) => key in args)) {
    wrongs.push(`${JSON.stringify(args)} shows nothing: ${shown}`);
  }
  return wrongs;
}

/** What is to be done about a tool that this test complains of. */
function howToMend({ name }: ToolDefinition): string {
  return `Mend src/tools/${
    name.replace(":", "_")
  }.ts: filter what it lists by services.access, and say in reaches ` +
    "what its arguments name; an argument that names nothing belongs into PLAIN of this test.";
}

/** What is defined as tools are: also what resources are read and listed by. */
const DEFINED: readonly ToolDefinition[] = [
  ...TOOLS,
  ...VIEW_TOOLS,
  ...RESOURCES.map(({ read }) => read),
  ...RESOURCE_LISTS,
];

for (const tool of DEFINED) {
  Deno.test(`${tool.name} shows and changes only what its caller may reach`, async () => {
    assertEquals(await wrongsOf(tool), [], howToMend(tool));
  });

  Deno.test(`${tool.name} changes nothing for a caller who may only read`, async () => {
    const workspace = await openWorkspace("all", ANSWERED[tool.name]);
    const [least = {}] = ownArguments(tool, workspace);
    const before = workspace.writes();
    const reader: Principal = { ...workspace.caller, readOnly: true };
    const { isError, text } = await workspace.run(tool, least, reader);
    assertEquals([isError, workspace.writes()], [!tool.scope.endsWith(":read"), before], text);
    workspace.close();
  });

  Deno.test(`${tool.name} does nothing for a caller with every scope but its own`, async () => {
    const workspace = await openWorkspace("all", ANSWERED[tool.name]);
    const [least = {}] = ownArguments(tool, workspace);
    const others = SCOPES.filter((scope) => scope !== tool.scope);
    const without: Principal = { ...workspace.caller, scopes: others };
    const { isError, text, requests } = await workspace.run(tool, least, without);
    assertEquals([isError, requests], [true, 0], text);
    const alone = { ...workspace.caller, scopes: [tool.scope] };
    const allowed = await workspace.run(tool, least, alone);
    assertEquals(allowed.isError, false, allowed.text);
    workspace.close();
  });
}

for (const tool of TOOLS.filter(({ reaches }) => AGENT_ID in reaches)) {
  Deno.test(`${tool.name} shows and changes nothing of another agent than its own`, async () => {
    const toolFor = (agentId: string) => boundTo(tool, { agentId });
    assert(!(AGENT_ID in toolFor("agent_1").input.shape));
    assertEquals(await wrongsOf(tool, toolFor, ["tool", "agents", "all"]), []);
  });
}

for (const bound of BOUNDS) {
  Deno.test(`a link opens only what its caller, bound by ${bound}, may reach`, async () => {
    const { own, foreign, openLink, close } = await openWorkspace(bound);
    const [sessionId, fileId] = [own.session, own.file];
    const mine = await openLink({ sessionId, fileId });
    assertEquals([mine.status, mine.text], [200, OWN]);
    const unknown = await openLink({ sessionId, fileId: unknownLike(fileId) });
    const unknownSession = await openLink({ sessionId: unknownLike(sessionId), fileId });
    assertEquals([unknown.status, unknownSession.status], [404, 404]);
    for (const [index, session] of foreign.session.entries()) {
      const file = foreign.file[index] ?? "";
      assertEquals(await openLink({ sessionId, fileId: file }), unknown);
      assertEquals(await openLink({ sessionId: session, fileId: file }), unknownSession);
      assertEquals(await openLink({ sessionId: session, fileId }), unknownSession);
    }
    close();
  });
}

/** What may become of a person while a link still lasts. */
const BECOMES: Readonly<Record<string, Partial<Principal>>> = {
  "another rule": { person: { issuer: OTHER_ISSUER, subject: "alice" } },
  "no right to read sessions": { scopes: ["agents:read"] },
  "no set with files": { tools: ["core", "sessions"] },
  "another agent": { agents: ["agent_none"] },
};

for (const [what, rights] of Object.entries(BECOMES)) {
  Deno.test(`a link opens nothing any more when its maker's rule gives ${what}`, async () => {
    const { own, caller, openLink, close } = await openWorkspace("person");
    const file = { sessionId: own.session, fileId: own.file };
    assertEquals((await openLink(file)).status, 200);
    const { status, text } = await openLink(file, { ...caller, ...rights });
    assertEquals([status, text.includes(OWN)], [404, false]);
    await close();
  });
}

/** What may become of a caller while its link still lasts. */
const LOST_RIGHTS: Readonly<Record<string, Partial<Principal>>> = {
  "has another name": { id: "somebody" },
  "lacks the scope sessions:read": { scopes: SCOPES.filter((scope) => scope !== "sessions:read") },
  "is held to sets without files": { tools: ["core", "sessions", "actions", "threads", "ask"] },
  "is bound to another agent": { agents: ["agent_other"] },
  "is bound to another environment": { environments: ["env_other"] },
};

for (const [what, rights] of Object.entries(LOST_RIGHTS)) {
  Deno.test(`a link opens nothing any more when its caller ${what}`, async () => {
    const { own, caller, openLink, close } = await openWorkspace("allowlist");
    const file = { sessionId: own.session, fileId: own.file };
    const { status, text } = await openLink(file, { ...caller, ...rights });
    assertEquals([status, text.includes(OWN)], [404, false]);
    close();
  });
}

Deno.test("a published agent's tool reaches nothing but its agent, whatever its caller may reach", async () => {
  const services = { redact: createRedact([]) };
  const toolFor = (id: string) => publishedTool({ id, name: OWN }, { services });
  assertEquals(
    await wrongsOf(toolFor("agent_1"), toolFor, ["tool", "fewer", "sessions", "all"]),
    [],
  );
});

Deno.test("a published agent's tool does nothing for a caller who may not send messages", async () => {
  const workspace = await openWorkspace("all");
  const tool = publishedTool({ id: workspace.own.agent, name: OWN }, {
    services: { redact: createRedact([]) },
  });
  const scopes = SCOPES.filter((scope) => scope !== tool.scope);
  for (const limits of [{ readOnly: true }, { scopes }]) {
    const principal: Principal = { ...workspace.caller, ...limits };
    const { isError, requests, text } = await workspace.run(tool, { message: OWN }, principal);
    assertEquals([isError, requests], [true, 0], text);
    assertStringIncludes(
      text,
      limits.readOnly ? `so ${tool.name} is not` : `which ${tool.name} needs`,
    );
  }
  workspace.close();
});

/** A person who allows whatever they are asked about, and the questions that they got. */
function allowing(): { readonly person: Person; readonly asked: string[] } {
  const asked: string[] = [];
  const person: Person = {
    channel: "form",
    ask({ calls }) {
      asked.push(...calls.map(({ eventId }) => eventId));
      const decisions = calls.map(({ eventId }) => [eventId, { result: "allow" }] as const);
      return Promise.resolve({ kind: "decided", decisions: new Map(decisions) });
    },
  };
  return { person, asked };
}

/** Callers who may wait for the session of the case, but not have its calls answered. */
const WITHOUT_RIGHT: Readonly<Record<string, Partial<Principal>>> = {
  "who may only read": { readOnly: true },
  "without the scope actions": { scopes: ["agents:read", "sessions:read", "sessions:write"] },
};

for (const [who, limits] of Object.entries(WITHOUT_RIGHT)) {
  Deno.test(`nobody is asked, and nothing sent, for a caller ${who}`, async () => {
    const workspace = await openWorkspace("all", ANSWERED.confirm_tool_use);
    const { session: session_id } = workspace.own;
    const args = { session_id, timeout_sec: 20 };
    const { person, asked } = allowing();
    const principal = { ...workspace.caller, ...limits };
    const before = workspace.writes();
    const { text } = await workspace.runAttended(waitForIdle, args, principal, person);
    assertStringIncludes(text, "requires_action");
    // The answer to a question that was asked while the caller had the right.
    const answer = await workspace.allowed(session_id);
    const carried = () => Promise.resolve(answer);
    await workspace.runAttended(waitForIdle, args, principal, { ...person, carried });
    assertEquals([asked, workspace.writes()], [[], before]);
    workspace.close();
  });
}

Deno.test("a person is asked about calls of the session that the caller may reach, and of no other", async () => {
  const workspace = await openWorkspace("all", ANSWERED.confirm_tool_use);
  const { own, foreign, caller } = workspace;
  const { person, asked } = allowing();
  const wait = (session_id: string, person: Person) =>
    workspace.runAttended(waitForIdle, { session_id, timeout_sec: 20 }, caller, person);
  const before = workspace.writes();
  for (const session of foreign.session) {
    const answer = await workspace.allowed(session);
    const bringing = (carried: CarriedAnswer): Person => {
      return { ...person, carried: () => Promise.resolve(carried) };
    };
    for (const somebody of [person, bringing(answer)]) {
      const { isError, text } = await wait(session, somebody);
      assert(isError && text.includes(REFUSAL), text);
    }
    // The answer to a question about another session counts for none; nobody answers a new one.
    const ask = () => Promise.resolve({ kind: "undecided", why: "declined" } as const);
    await wait(own.session, { ...bringing(answer), ask });
    await wait(own.session, { ...bringing({ ...answer, sessionId: own.session }), ask });
  }
  assertEquals([asked, workspace.writes()], [[], before]);
  const { text } = await wait(own.session, person);
  assertEquals([asked, workspace.writes()], [[own.event], before + 1], text);
  workspace.close();
});

Deno.test("an answer to a call that opens a session leads to none that its caller may not reach", async () => {
  const workspace = await openWorkspace("all", ANSWERED.confirm_tool_use);
  const { own, foreign, caller } = workspace;
  const { person, asked } = allowing();
  const before = workspace.writes();
  const args = { agent_id: own.agent, message: OWN, timeout_sec: 20 };
  for (const session of foreign.session) {
    const answer = await workspace.allowed(session);
    const carried = () => Promise.resolve(answer);
    const bringing = { ...person, carried };
    const { isError, text } = await workspace.runAttended(askAgentTool, args, caller, bringing);
    assert(isError && text.includes(REFUSAL), text);
    assertEquals(leaks(args, text, workspace), []);
  }
  assertEquals([asked, workspace.writes()], [[], before]);
  workspace.close();
});

Deno.test("the answer that a call carries is sent for a caller with the right", async () => {
  const workspace = await openWorkspace("all", ANSWERED.confirm_tool_use);
  const { session: session_id } = workspace.own;
  const { person, asked } = allowing();
  const before = workspace.writes();
  const answer = await workspace.allowed(session_id);
  const carried = () => Promise.resolve(answer);
  const args = { session_id, timeout_sec: 20 };
  await workspace.runAttended(waitForIdle, args, workspace.caller, { ...person, carried });
  assertEquals([asked, workspace.writes()], [[], before + 1]);
  workspace.close();
});

/** What a result gives to the session view alone. */
function viewMetaOf({ text }: Told): { readonly pending?: unknown[]; readonly proofs?: Args } {
  return JSON.parse(text)[0]._meta?.[VIEW_META_KEY] ?? {};
}

for (const [who, limits] of Object.entries(WITHOUT_RIGHT)) {
  Deno.test(`the view of a caller ${who} is shown what waits, and given no proof`, async () => {
    const workspace = await openWorkspace("all", ANSWERED.answer_tool_use);
    const { session: session_id } = workspace.own;
    const principal = { ...workspace.caller, ...limits };
    const shown = await workspace.runInView(
      waitForIdle,
      { session_id, timeout_sec: 20 },
      principal,
    );
    const { pending, proofs } = viewMetaOf(shown);
    assertEquals([pending?.length, proofs], [1, undefined], shown.text);
    workspace.close();
  });
}

Deno.test("the view is given a proof of each call that waits, and of no session out of reach", async () => {
  const workspace = await openWorkspace("all", ANSWERED.answer_tool_use);
  const { own, foreign } = workspace;
  for (const session_id of foreign.session) {
    const args = { session_id, timeout_sec: 20 };
    const { isError, text } = await workspace.runInView(waitForIdle, args);
    assert(isError && text.includes(REFUSAL) && !text.includes("_meta"), text);
  }
  const args = { session_id: own.session, timeout_sec: 20 };
  // Nobody else gets anything of it.
  assert(!(await workspace.run(waitForIdle, args)).text.includes(VIEW_META_KEY));
  const { proofs = {} } = viewMetaOf(await workspace.runInView(waitForIdle, args));
  assertEquals(Object.keys(proofs), [own.event]);
  const before = workspace.writes();
  const answer = {
    session_id: own.session,
    event_id: own.event,
    proof: proofs[own.event],
    result: "allow",
  };
  for (const session_id of foreign.session) {
    const { isError, text } = await workspace.run(answerToolUse, { ...answer, session_id });
    assert(isError && text.includes(REFUSAL), text);
  }
  assertEquals(workspace.writes(), before);
  const outcomes: unknown[] = [];
  for (const result of ["allow", "allow", "deny"]) {
    const { text } = await workspace.run(answerToolUse, { ...answer, result });
    outcomes.push(JSON.parse(text)[0].structuredContent.outcome);
  }
  assertEquals(outcomes, ["sent", "repeated", "answered_elsewhere"]);
  assertEquals(workspace.writes(), before + 1);
  workspace.close();
});

Deno.test("the cursor of a foreign session's timeline shows nothing of it, and all of the own one", async () => {
  const workspace = await openWorkspace("all");
  const { own, foreign } = workspace;
  const timelineIn = async (session_id: string, principal: Principal, cursor?: string) => {
    const args = { session_id, ...(cursor !== undefined && { cursor }) };
    const { text } = await workspace.runInView(watchSession, args, principal);
    return { text, ...JSON.parse(text)[0].structuredContent?.timeline };
  };
  const whole = await timelineIn(own.session, workspace.caller);
  assert(whole.is_whole && whole.text.includes(OWN), whole.text);
  let opened = 0;
  for (const session_id of foreign.session) {
    const { cursor } = await timelineIn(session_id, workspace.other);
    if (cursor === undefined) continue;
    opened++;
    const { text, ...timeline } = await timelineIn(own.session, workspace.caller, cursor);
    assertEquals([timeline.is_whole, timeline.entries], [true, whole.entries], text);
    assertEquals(leaks({ session_id: own.session }, text, workspace), []);
    // Of the own timeline it opens nothing foreign either.
    const { text: refused } = await timelineIn(session_id, workspace.caller, whole.cursor);
    assert(refused.includes(REFUSAL), refused);
  }
  assert(opened > 0);
  workspace.close();
});

// The simulator gives every session an agent and an environment; the client also reads sessions that
// have none.
for (
  const [what, session, limits] of [
    ["agent", { environment_id: "env_1" }, { agents: ["agent_1"] }],
    ["environment", { agent: "agent_1" }, { environments: ["env_1"] }],
    ["owner", { agent: "agent_1", environment_id: "env_1" }, { sessions: "own" }],
  ] as const
) {
  Deno.test(`a session without an ${what} is out of a bound caller's reach`, async () => {
    const retrieve = (id: string) => Promise.resolve({ id, ...session });
    const access = createAccessPolicy({ api: fakeApi({ sessions: { retrieve } }) });
    const check = () => access.checkSession("sesn_1", { principal: { id: "ci", ...limits } });
    for (const time of ["first", "second"]) {
      const refusal = await assertRejects(check, ToolError);
      assertEquals(refusal.message, notAvailable().message, time);
    }
  });
}

Deno.test("the table of plain arguments names only arguments that tools have", () => {
  const used = new Set(DEFINED.flatMap(({ input }) => Object.keys(input.shape)));
  assertEquals(Object.keys(PLAIN).filter((key) => !used.has(key)), []);
});

Deno.test("a session belongs to the caller that created it, on every replica", async () => {
  const workspace = await openWorkspace("sessions");
  const made = await workspace.run(createSession, { agent_id: workspace.own.agent });
  const { session_id } = JSON.parse(made.text)[0].structuredContent;
  const result = await workspace.runElsewhere(getSession, { session_id }, workspace.caller);
  assertEquals(result.isError, false, result.text);
  workspace.close();
});

/** What the tools have in common that are like known ones, but let their callers reach more. */
const CARELESS = {
  title: "Careless",
  description: "Careless.",
  scope: "sessions:read",
  kind: "call",
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: true,
  },
  output: () => z.looseObject({}),
} as const;

const carelessTools: readonly [string, ToolDefinition, RegExp][] = [
  [
    "lists what it should leave out",
    defineTool({
      ...CARELESS,
      name: "list_agents",
      reaches: { result: "list" },
      input: () => z.object({}),
      run: async (_, { services }) => ({ agents: (await services.api.agents.list({})).data }),
    }),
    new RegExp(`shows ${FOREIGN}`),
  ],
  [
    "lists sessions without a filter",
    defineTool({
      ...CARELESS,
      name: "list_sessions",
      reaches: { result: "list" },
      input: () => z.object({ limit: z.number().optional() }),
      run: async (_, { services }) => ({
        sessions: (await services.api.sessions.list({})).data.map(({ id, title }) => ({
          id,
          title,
        })),
      }),
    }),
    /shows sesn_/,
  ],
  [
    "does not say what an argument names",
    defineTool({
      ...CARELESS,
      name: "get_session",
      reaches: { result: "list" },
      input: () => z.object({ session: z.string() }),
      run: async ({ session }, { services }) => ({
        session: await services.api.sessions.retrieve(session),
      }),
    }),
    /not classified: session/,
  ],
  [
    "tells which events other sessions have",
    defineTool({
      ...CARELESS,
      name: "list_events",
      reaches: { session_id: "session" },
      input: () => z.object({ session_id: z.string(), after_id: z.string() }),
      run: async ({ after_id }, { services }) => {
        const sessions = await services.api.sessions.list({});
        const pages = await Promise.all(
          sessions.data.map(({ id }) => services.api.events.list(id, {})),
        );
        const isThere = pages.some(({ data }) => data.some(({ id }) => id === after_id));
        throw new ToolError("unknown_event", isThere ? "Of another session." : "Unknown.");
      },
    }),
    /after_id tells foreign from unknown/,
  ],
  [
    "follows the sessions that stand beside its cursors",
    defineTool({
      ...CARELESS,
      name: "wait_for_any",
      reaches: { session_ids: "session" },
      input: () =>
        z.object({
          session_ids: z.array(z.string()),
          after_ids: z.record(z.string(), z.string()).optional(),
        }),
      run: async ({ after_ids = {} }, { services }) => {
        const ids = Object.keys(after_ids);
        return { sessions: await Promise.all(ids.map((id) => services.api.sessions.retrieve(id))) };
      },
    }),
    /after_ids may be foreign/,
  ],
];

for (const [what, tool, complaint] of carelessTools) {
  Deno.test(`the checks above fail for a tool that ${what}`, async () => {
    const wrongs = await wrongsOf(tool);
    assert(wrongs.some((wrong) => complaint.test(wrong)), wrongs.join("\n"));
  });
}

/** Tools that show a file: one that takes its id alone, and one that takes a session beside it. */
const FILE_TOOLS: readonly ToolDefinition[] = [
  defineTool({
    ...CARELESS,
    name: "get_file",
    reaches: { file_id: "file" },
    input: () => z.object({ file_id: z.string() }),
    run: async ({ file_id }, { services }) => ({
      file: await services.api.files.retrieve(file_id),
    }),
  }),
  defineTool({
    ...CARELESS,
    name: "get_files",
    // The files stand first, and are checked last.
    reaches: { file_ids: "file", session_id: "session" },
    input: () => z.object({ file_ids: z.string(), session_id: z.string() }),
    run: async ({ file_ids }, { services }) => ({
      file: await services.api.files.retrieve(file_ids),
    }),
  }),
];

for (const tool of FILE_TOOLS) {
  Deno.test(`${tool.name} shows only files of sessions that its caller may reach`, async () => {
    assertEquals(await wrongsOf(tool), []);
  });
}

Deno.test("a session that the caller may not reach opens no file of its own", async () => {
  const [, tool] = FILE_TOOLS;
  assert(tool);
  const workspace = await openWorkspace("all");
  const { session, file } = workspace.foreign;
  const args = { session_id: session[0], file_ids: file[0] };
  const { isError, text } = await workspace.run(tool, args);
  assert(isError && text.includes(REFUSAL), text);
  workspace.close();
});

/** The refusal of every file that a call cannot name. */
const FILE_REFUSAL = "That file does not exist or is not available";

Deno.test("a file is read in the session that it belongs to and in no other, by its id and by its name", async () => {
  for (const bound of ["all", "environments"] as const) {
    const workspace = await openWorkspace(bound);
    const { own: { session: session_id, file }, foreign, caller, other } = workspace;
    const read = (args: Args, principal: Principal) =>
      workspace.run(readSessionFile, { session_id, ...args }, principal);
    const uploaded = workspace.upload();
    // Also who reaches every session reads a file only beside its own.
    for (const principal of [caller, other, { ...other, files: [uploaded] }]) {
      // The first call may read the session.
      await read({ file_id: "file_unknown" }, principal);
      const unknown = await read({ file_id: "file_unknown" }, principal);
      assertStringIncludes(unknown.text, FILE_REFUSAL);
      for (const file_id of [...foreign.file, uploaded]) {
        const { isError, text, requests } = await read({ file_id }, principal);
        assertEquals([isError, text, requests], [true, unknown.text, unknown.requests]);
      }
      const unknownName = await read({ filename: "unknown.txt" }, principal);
      for (const filename of [`${FOREIGN}.txt`, "in.csv"]) {
        assertEquals((await read({ filename }, principal)).text, unknownName.text);
      }
      for (const args of [{ file_id: file }, { filename: `${OWN}.txt` }]) {
        const { isError, text } = await read(args, principal);
        assertEquals([isError, text.includes(OWN)], [false, true], text);
      }
    }
    workspace.close();
  }
});

Deno.test("of files that belong to no session, a bound caller attaches those that its token lists", async () => {
  const workspace = await openWorkspace("all");
  const [listed, other] = [workspace.upload(), workspace.upload()];
  const { own: { session: session_id }, foreign, caller } = workspace;
  // A listed file that is of a foreign session stays foreign.
  const principal = { ...caller, files: [listed, ...foreign.file] };
  const send = (id: string) =>
    workspace.run(sendMessage, { session_id, text: OWN, document_file_ids: [id] }, principal);
  const before = workspace.writes();
  for (const id of [other, ...foreign.file]) {
    const { isError, text } = await send(id);
    assert(isError && text.includes(FILE_REFUSAL), text);
  }
  assertEquals(workspace.writes(), before);
  const { isError, text } = await send(listed);
  assertEquals([isError, workspace.writes()], [false, before + 1], text);
  workspace.close();
});

Deno.test("the result and progress of a tool that ignores its access check are withheld", async () => {
  const tool = defineTool({
    ...CARELESS,
    name: "get_session",
    reaches: { session_id: "session" },
    runsBesideCheck: true,
    input: () => z.object({ session_id: z.string() }),
    run: async ({ session_id }, { services, progress }) => {
      const session = await services.api.sessions.retrieve(session_id);
      progress?.(session.title ?? "");
      return { session };
    },
  });
  assertEquals(await wrongsOf(tool), []);
});

Deno.test("a server without the set resources offers tools only", async () => {
  const team = openTeam([entry("caller")]);
  const endpoint = {
    token: secretOf("caller"),
    fetch: (request: Request) => team.handler.fetch(request),
  };
  const clientInfo = { name: "test", version: "1" };
  const { capabilities } = await callMethod(endpoint, "initialize", {
    ...{ protocolVersion: "2025-11-25", capabilities: {}, clientInfo },
  });
  assertEquals(Object.keys(Object(capabilities)), ["tools"]);
  const { tools } = await callMethod(endpoint, "tools/list", {});
  assertEquals(
    Array.isArray(tools) && tools.map(({ name }) => name),
    toolsOf().map(({ name }) => name),
  );
  await team.close();
});
