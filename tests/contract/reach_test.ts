// Everything that a caller can name, driven by callers bound in each way over a workspace that is
// full of what others own. A tool, a parameter or a capability that is not classified here fails, and so does a
// tool that shows or changes what its caller may not reach.
import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { callMethod } from "../../src/commands/mcp_call.ts";
import { callTool } from "../../src/mcp/boundary.ts";
import { createSession } from "../../src/tools/create_session.ts";
import { defineTool, type ToolDefinition } from "../../src/tools/define.ts";
import { sendMessage } from "../../src/tools/send_message.ts";
import { createPrincipal, type Principal } from "../../src/access/principal.ts";
import { TOOLS } from "../../src/tools/registry.ts";
import { API_KEY, openBridge } from "../protocol/support.ts";
import { entry, openTeam, secretOf } from "../protocol/tokens_support.ts";

/** In every name, title, description and text of what the caller owns, and of what it does not. */
const OWN = "ours";
const FOREIGN = "SOMEBODY-ELSES";

/** What a parameter names. */
type Named = "agent" | "session" | "environment" | "event";

/** Parameters that name something that has an owner. */
const NAMES: Readonly<Record<string, Named>> = {
  agent_id: "agent",
  session_id: "session",
  environment_id: "environment",
  after_id: "event",
};

/** Parameters that name nothing: a value that is right anywhere. */
const PLAIN: Readonly<Record<string, unknown>> = {
  agent_version: 1,
  cursor: undefined,
  limit: 1,
  message: OWN,
  name_contains: "s",
  order: "desc",
  text: OWN,
  timeout_sec: 1,
  title: OWN,
  types: ["user.message", "agent.message"],
  version: 1,
};

/** What each tool shows of the caller's own: the proof that it was reached at all. */
const SHOWS: Readonly<Record<string, "words" | "outcome">> = {
  list_agents: "words",
  get_agent: "words",
  create_session: "outcome",
  send_message: "outcome",
  wait_for_idle: "words",
  get_session: "words",
  list_events: "words",
  interrupt: "outcome",
  archive_session: "outcome",
};

/** A field of what a tool answered. */
function fieldOf(result: { readonly structuredContent?: unknown }, name: string): unknown {
  const { structuredContent: fields } = result;
  return typeof fields === "object" && fields !== null ? Reflect.get(fields, name) : undefined;
}

/** What a caller is bound by: one of its limits alone, where nothing else can stand in, or all. */
const BOUNDS = ["agents", "environments", "sessions", "all"] as const;
type Bound = typeof BOUNDS[number];

/**
 * A workspace with one agent, environment and session of the caller's among those of others. What
 * its bound keeps from the caller has {@linkcode FOREIGN} in all of its words.
 */
async function openWorkspace(bound: Bound) {
  const binds = (...limits: Bound[]) => bound === "all" || limits.includes(bound);
  const wordOf = (isForeign: boolean) => isForeign ? FOREIGN : "anybody's";
  const app = openBridge();
  const { simulator, until } = app;
  const services = app.servicesWith({ bindingSecret: "s".repeat(32) });
  const post = async (path: string, body: unknown): Promise<string> => {
    const response = await simulator.fetch(
      new Request(`http://simulator${path}`, {
        method: "POST",
        headers: {
          "x-api-key": API_KEY,
          "anthropic-beta": "managed-agents-2026-04-01",
        },
        body: JSON.stringify(body),
      }),
    );
    assertEquals(response.status, 200);
    return String((await response.json()).id);
  };
  const agent = (whose: string) =>
    post("/v1/agents", { name: whose, description: whose, system: whose, model: "m" });
  const environment = (whose: string) =>
    post("/v1/environments", { name: whose, description: whose });
  const ids = {
    agent: { own: await agent(OWN), other: await agent(wordOf(binds("agents"))) },
    environment: {
      own: await environment(OWN),
      other: await environment(wordOf(binds("environments"))),
    },
  };
  const caller = createPrincipal({
    id: "caller",
    ...(binds("agents") && { agents: [ids.agent.own] }),
    ...(binds("environments") && { environments: [ids.environment.own] }),
    ...(binds("sessions") && { sessions: "own" }),
  });
  const run = (tool: ToolDefinition, args: Record<string, unknown>, principal = caller) => {
    const { signal } = new AbortController();
    return until(callTool(tool, args, { signal, services, requestId: "1", principal }), 500);
  };
  /** A session with one turn, in which everything has its owner's word. */
  const session = async (
    whose: string,
    principal: Principal,
    { agent_id, environment_id }: { agent_id: string; environment_id: string },
  ): Promise<{ session: string; event: string }> => {
    const made = await run(createSession, { agent_id, environment_id, title: whose }, principal);
    const session_id = String(fieldOf(made, "session_id"));
    const sent = await run(sendMessage, { session_id, text: whose }, principal);
    assertEquals([made.isError, sent.isError], [undefined, undefined], JSON.stringify(sent));
    await app.clock.advance(10_000);
    return { session: session_id, event: String(fieldOf(sent, "event_id")) };
  };
  const { agent: agents, environment: environments } = ids;
  const there = { agent_id: agents.own, environment_id: environments.own };
  const own = await session(OWN, caller, there);
  // Anybody may do anything where nothing is said.
  const other = createPrincipal({ id: "other" });
  const another = createPrincipal({ id: "another", sessions: "own" });
  const [ofAgent, ofEnvironment] = [{ agent_id: agents.other }, {
    environment_id: environments.other,
  }];
  const foreign: { session: string; event: string }[] = [];
  for (
    const [isForeign, principal, where] of [
      [binds("sessions"), other, there],
      [binds("sessions"), another, there],
      [binds("sessions", "agents"), other, { ...there, ...ofAgent }],
      [binds("sessions", "environments"), other, { ...there, ...ofEnvironment }],
    ] as const
  ) {
    const made = await session(wordOf(isForeign), principal, where);
    if (isForeign) foreign.push(made);
  }
  return {
    run,
    own: {
      ...{ agent: agents.own, environment: environments.own },
      ...{ session: own.session, event: own.event },
    },
    foreign: {
      agent: binds("agents") ? [agents.other] : [],
      environment: binds("environments") ? [environments.other] : [],
      session: foreign.map((entry) => entry.session),
      event: foreign.map((entry) => entry.event),
    },
    /** Requests that change something, so far. */
    writes: () => simulator.requests.filter(({ method }) => method !== "GET").length,
    close: () => app.close(),
  };
}

type Workspace = Awaited<ReturnType<typeof openWorkspace>>;
type Args = Record<string, unknown>;

/** Parameters that this test does not know. */
function unclassified({ name, input }: ToolDefinition): string[] {
  const known = Object.keys(input.shape).filter((key) => !(key in NAMES) && !(key in PLAIN));
  return [...(name in SHOWS ? [] : [name]), ...known];
}

function isOptional({ input }: ToolDefinition, key: string): boolean {
  return (input.shape[key] as z.ZodType).safeParse(undefined).success;
}

/** Arguments with the caller's own ids: the fewest, then with each optional one. */
function ownArguments(tool: ToolDefinition, { own }: Workspace): Args[] {
  const value = (key: string) => key in NAMES ? own[NAMES[key] ?? "agent"] : PLAIN[key];
  const keys = Object.keys(tool.input.shape);
  const least = Object.fromEntries(
    keys.filter((key) => !isOptional(tool, key)).map((key) => [key, value(key)]),
  );
  const optional = keys.filter((key) => isOptional(tool, key) && value(key) !== undefined);
  return [least, ...optional.map((key) => ({ ...least, [key]: value(key) }))];
}

/** Arguments of which one names what is not the caller's. */
function foreignArguments(tool: ToolDefinition, workspace: Workspace): [string, Args][] {
  const [least = {}] = ownArguments(tool, workspace);
  return Object.keys(tool.input.shape).flatMap((key) => {
    const named = NAMES[key];
    const ids = named === undefined ? [] : workspace.foreign[named];
    return ids.map((id): [string, Args] => [key, { ...least, [key]: id }]);
  });
}

/** What a tool lets a bound caller see or do that it must not, in words. */
async function wrongsOf(tool: ToolDefinition): Promise<string[]> {
  const unknown = unclassified(tool);
  if (unknown.length > 0) return unknown.map((key) => `not classified: ${key}`);
  const wrongs: string[] = [];
  for (const bound of BOUNDS) {
    const found = await wrongsWithForeignIds(tool, bound);
    // Who need not name anything gets a list, and that depends on the bound; the rest is refused.
    const lists = Object.keys(tool.input.shape).every((key) => isOptional(tool, key));
    if (lists || bound === "all") found.push(...await wrongsWithOwnIds(tool, bound));
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

async function wrongsWithForeignIds(tool: ToolDefinition, bound: Bound): Promise<string[]> {
  const workspace = await openWorkspace(bound);
  const wrongs: string[] = [];
  for (const [key, args] of foreignArguments(tool, workspace)) {
    const before = workspace.writes();
    const result = await workspace.run(tool, args);
    // A caller may be told its own argument again.
    const text = JSON.stringify(result).replaceAll(String(args[key]), "");
    wrongs.push(...leaks(args, text, workspace));
    if (result.isError !== true) wrongs.push(`${key} may be foreign`);
    if (workspace.writes() !== before) wrongs.push(`${key} changes what is foreign`);
  }
  workspace.close();
  return wrongs;
}

async function wrongsWithOwnIds(tool: ToolDefinition, bound: Bound): Promise<string[]> {
  const wrongs: string[] = [];
  for (let index = 0;; index++) {
    // A tool may end what the next case needs.
    const workspace = await openWorkspace(bound);
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
    const text = JSON.stringify(result);
    shown += text;
    wrongs.push(...leaks(args, text, workspace));
    if (result.isError) wrongs.push(`${JSON.stringify(args)} fails: ${text}`);
    cursor = fieldOf(result, "next_cursor");
    if (cursor === undefined) break;
  }
  // Nothing comes after the caller's own last event.
  if (SHOWS[tool.name] === "words" && !shown.includes(OWN) && !("after_id" in args)) {
    wrongs.push(`${JSON.stringify(args)} shows nothing: ${shown}`);
  }
  return wrongs;
}

for (const tool of TOOLS) {
  Deno.test(`${tool.name} shows and changes only what its caller may reach`, async () => {
    assertEquals(await wrongsOf(tool), []);
  });
}

Deno.test("what this test expects of tools is said of those that exist", () => {
  assertEquals(Object.keys(SHOWS), TOOLS.map(({ name }) => name));
  const used = new Set(TOOLS.flatMap(({ input }) => Object.keys(input.shape)));
  assertEquals(Object.keys({ ...NAMES, ...PLAIN }).filter((key) => !used.has(key)), []);
});

/** A tool that is like a known one, but lets its caller reach everything. */
function careless(name: string, input: z.ZodObject, run: ToolDefinition["run"]): ToolDefinition {
  return defineTool({
    name,
    title: name,
    description: name,
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: true,
    },
    input: () => input,
    output: () => z.looseObject({}),
    run: (args, call) => run(args, call),
  });
}

const carelessTools: readonly [string, ToolDefinition, RegExp][] = [
  [
    "lists what it should leave out",
    careless("list_agents", z.object({}), async (_, { services }) => ({
      agents: (await services.api.agents.list({})).data,
    })),
    new RegExp(`shows ${FOREIGN}`),
  ],
  [
    "lists sessions without a filter",
    careless(
      "list_agents",
      z.object({ limit: z.number().optional() }),
      async (_, { services }) => ({
        sessions: (await services.api.sessions.list({})).data.map(({ id, title }) => ({
          id,
          title,
        })),
      }),
    ),
    /shows sesn_/,
  ],
  [
    "reads a session without asking whose it is",
    careless("get_session", z.object({ session_id: z.string() }), async (args, { services }) => ({
      session: await services.api.sessions.retrieve(String(Object(args).session_id)),
    })),
    /session_id may be foreign/,
  ],
  [
    "is not classified",
    careless("list_sessions", z.object({}), () => Promise.resolve({})),
    /not classified: list_sessions/,
  ],
  [
    "has a parameter that is not classified",
    careless("get_session", z.object({ file_id: z.string() }), () => Promise.resolve({})),
    /not classified: file_id/,
  ],
];

for (const [what, tool, complaint] of carelessTools) {
  Deno.test(`a tool that ${what} is found out`, async () => {
    const wrongs = await wrongsOf(tool);
    assert(wrongs.some((wrong) => complaint.test(wrong)), wrongs.join("\n"));
  });
}

Deno.test("a caller is offered tools and nothing else that it could name", async () => {
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
    TOOLS.map(({ name }) => name),
  );
  await team.close();
});
