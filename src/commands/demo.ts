/**
 * `cma-mcp demo`: plays one turn through the real server, step by step, against the simulator or with
 * an agent of the user's own.
 *
 * @module
 */

import * as z from "zod";
import type { DemoConfig } from "../config/config.ts";
import { EXIT } from "../config/exit_codes.ts";
import { plainLine, printableJson, shorten } from "../core/text.ts";
import { createHttpHandler } from "../http/handler.ts";
import type { App } from "./serve/app.ts";
import { callServedTool, type McpEndpoint } from "./mcp_call.ts";
import { createPalette, type Palette } from "../core/paint.ts";
import { checkEnvironmentChoice, findAgent, waitOn, withApp } from "./workspace.ts";
import type { Program } from "../runtime/program.ts";

/** The message that the demo sends to the simulated agent, and to any other. */
const QUESTION = "Which of our services had the most errors last week?";
const OPEN_QUESTION = "In two sentences: what can you do for me?";

/** Part of the name of a simulated agent that uses tools and takes some seconds. */
const AGENT_NAME = "slow answer";

const agentsSchema = z.object({
  agents: z.array(z.object({ id: z.string(), name: z.string() })).min(1),
});
const sessionSchema = z.object({ session_id: z.string() });
const outcomeSchema = z.object({
  status: z.string(),
  reply: z.string(),
  last_event_id: z.string().optional(),
});

/** Longest result that a step shows, in characters. */
const MAX_SHOWN = 160;

/** The turn that is played. */
interface Turn {
  /** Set once it has a session, in which the agent goes on when the demo ends early. */
  sessionId?: string;
}

/** The parts that every step needs. */
interface Stage {
  readonly endpoint: McpEndpoint;
  readonly print: Program["print"];
  /** Aborts when the demo must end early. */
  readonly signal: AbortSignal;
  readonly palette: Palette;
  readonly turn: Turn;
}

/**
 * Plays the demo. It ends early, without an error, when the process is asked to end, or when
 * nothing more can be printed, as after `| head`.
 *
 * @returns the exit code
 */
export function demo(config: DemoConfig, program: Program): Promise<number> {
  // The demo prints each call itself.
  const log = { ...program.log, info: () => {} };
  return withApp(config, { ...program, log }, (app) => playServed(config, app, program));
}

/** Plays the demo against a server of its own, and ends that. */
async function playServed(config: DemoConfig, app: App, program: Program): Promise<number> {
  const { stopping, print, note, log } = program;
  const unread = new AbortController();
  void program.protocol.output.failed.then(() => unread.abort());
  const signal = AbortSignal.any([stopping, unread.signal]);
  const token = crypto.randomUUID() + crypto.randomUUID();
  const handler = createHttpHandler(app.factory, {
    tokens: [token],
    ready: () => Promise.resolve(true),
    log: { ...log, info: () => {} },
  });
  const endpoint = { token, fetch: (request: Request) => handler.fetch(request) };
  const turn: Turn = {};
  try {
    await play(
      { endpoint, signal, print, palette: createPalette(program.color), turn },
      config,
      app,
      program,
    );
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    if (!config.simulate && turn.sessionId !== undefined) note(waitOn(turn.sessionId));
    return stopping.aborted ? EXIT.interrupted : EXIT.ok;
  } finally {
    await handler.close();
  }
}

async function play(
  stage: Stage,
  { simulate, agent, server }: DemoConfig,
  app: App,
  program: Program,
): Promise<void> {
  const { print, palette: { bold, dim, green } } = stage;
  if (agent !== undefined && server.environmentId === undefined) {
    await checkEnvironmentChoice(app, program);
  }
  print(bold("One turn of a managed agent, as an MCP host sees it"));
  print(dim(
    simulate
      ? "The server is the real one. The API behind it is simulated: no key, no network."
      : "Server, API and agent are the real ones: the turn costs what any other turn does.",
  ));

  const agentId = agent === undefined
    ? await findSimulated(stage)
    : await showAgent(stage, (await findAgent(agent, app, program)).id);
  const { session_id } = sessionSchema.parse(
    await step(stage, "2. Start a session", "create_session", { agent_id: agentId }),
  );
  stage.turn.sessionId = session_id;
  const text = agent === undefined ? QUESTION : OPEN_QUESTION;
  await step(stage, "3. Ask", "send_message", { session_id, text });
  const { status, reply } = await waitForEnd(stage, session_id);
  print("");
  print(`${bold("The reply")} ${dim(`(status: ${plainLine(status)})`)}`);
  for (const line of reply.split("\n")) {
    // What does not show is taken out first: a secret may be whole without it.
    print(line === "" ? "" : green(`  ${program.redact.thorough(plainLine(line))}`));
  }
  print("");
  print(
    simulate
      ? "Next: put your own agents behind it. See 'cma-mcp --help'."
      : status === "requires_action"
      ? `Next: 'cma-mcp ask --session ${session_id}' shows what waits for a person.`
      : `Next: go on with 'cma-mcp ask --session ${session_id} "<text>"'.`,
  );
}

async function findSimulated(stage: Stage): Promise<string> {
  const args = { name_contains: AGENT_NAME };
  const { agents: [agent] } = agentsSchema.parse(
    await step(stage, "1. Which agents are there?", "list_agents", args),
  );
  if (!agent) throw new Error("The simulator has no agent for the demo");
  return agent.id;
}

async function showAgent(stage: Stage, agentId: string): Promise<string> {
  await step(stage, "1. What is the agent for?", "get_agent", { agent_id: agentId });
  return agentId;
}

/** Calls `wait_for_idle` until the turn is over: its time is up before hosts give a call up. */
async function waitForEnd(
  stage: Stage,
  sessionId: string,
): Promise<{ readonly status: string; readonly reply: string }> {
  const replies: string[] = [];
  let headline = "4. Wait until the agent is done";
  let cursor: string | undefined;
  for (;;) {
    const args = { session_id: sessionId, ...(cursor !== undefined && { after_id: cursor }) };
    const { status, reply, last_event_id } = outcomeSchema.parse(
      await step(stage, headline, "wait_for_idle", args),
    );
    if (reply !== "") replies.push(reply);
    if (status !== "timeout") return { status, reply: replies.join("\n\n") };
    headline = "   It is still at work: wait on";
    cursor = last_event_id ?? cursor;
  }
}

async function step(
  { endpoint, print, signal, palette }: Stage,
  headline: string,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const { bold, cyan, dim } = palette;
  print("");
  print(bold(headline));
  print(`  ${cyan("host →")} ${name} ${printableJson(JSON.stringify(args))}`);
  const result = await callServedTool(endpoint, name, args, {
    signal,
    onProgress: (message) => print(dim(`         … ${plainLine(message)}`)),
  });
  print(`  ${cyan("host ←")} ${shorten(printableJson(JSON.stringify(result)), MAX_SHOWN)}`);
  return result;
}
