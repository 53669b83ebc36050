/**
 * `cma-mcp demo`: plays one turn through the real server against the simulator, step by step.
 *
 * @module
 */

import * as z from "zod";
import { plainLine, printableJson, shorten } from "../core/text.ts";
import { createHttpHandler } from "../http/handler.ts";
import { createApp } from "./serve/app.ts";
import { callServedTool, type McpEndpoint } from "./mcp_call.ts";
import { createPalette, type Palette } from "./paint.ts";
import type { Program } from "../runtime/program.ts";

/** The message that the demo sends to the agent. */
const QUESTION = "Which of our services had the most errors last week?";

/** Part of the name of a simulated agent that uses tools and takes some seconds. */
const AGENT_NAME = "slow answer";

const APP_CONFIG = { simulate: true, server: { baseUrl: "" } };

const agentsSchema = z.object({
  agents: z.array(z.object({ id: z.string(), name: z.string() })).min(1),
});
const sessionSchema = z.object({ session_id: z.string() });
const outcomeSchema = z.object({ status: z.string(), reply: z.string() });

/** Longest result that a step shows, in characters. */
const MAX_SHOWN = 160;

/** The parts that every step needs. */
interface Stage {
  readonly endpoint: McpEndpoint;
  readonly print: Program["print"];
  /** Aborts when the demo is to end early. */
  readonly signal: AbortSignal;
  readonly palette: Palette;
}

/**
 * Plays the demo; ends early, without a complaint, when the process is asked to end, or when nothing
 * more can be printed, as after `| head`.
 */
export async function demo(program: Program): Promise<void> {
  const unread = new AbortController();
  void program.protocol.output.failed.then(() => unread.abort());
  const signal = AbortSignal.any([program.stopping, unread.signal]);
  // The demo prints each call itself.
  const log = { ...program.log, info: () => {} };
  const app = await createApp(APP_CONFIG, { ...program, log });
  const token = crypto.randomUUID() + crypto.randomUUID();
  const handler = createHttpHandler(app.factory, {
    tokens: [token],
    ready: () => Promise.resolve(true),
    log,
  });
  const endpoint = { token, fetch: (request: Request) => handler.fetch(request) };
  try {
    await play({ endpoint, signal, print: program.print, palette: createPalette(program.color) });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    app.close();
    await handler.close();
  }
}

async function play(stage: Stage): Promise<void> {
  const { print, palette: { bold, dim, green } } = stage;
  print(bold("One turn of a managed agent, as an MCP host sees it"));
  print(dim("The server is the real one. The API behind it is simulated: no key, no network."));

  const { agents: [agent] } = agentsSchema.parse(
    await step(stage, "1. Which agents are there?", "list_agents", { name_contains: AGENT_NAME }),
  );
  if (!agent) throw new Error("The simulator has no agent for the demo");
  const { session_id } = sessionSchema.parse(
    await step(stage, "2. Start a session", "create_session", { agent_id: agent.id }),
  );
  await step(stage, "3. Ask", "send_message", { session_id, text: QUESTION });
  const { status, reply } = outcomeSchema.parse(
    await step(stage, "4. Wait until the agent is done", "wait_for_idle", { session_id }),
  );
  print("");
  print(`${bold("The reply")} ${dim(`(status: ${plainLine(status)})`)}`);
  for (const line of reply.split("\n")) print(line === "" ? "" : green(`  ${plainLine(line)}`));
  print("");
  print("Next: put your own agents behind it. See 'cma-mcp --help'.");
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
