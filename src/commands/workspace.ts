/**
 * What the commands for people share: the way to the API, its failures in words, and finding agents.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { readAllPages } from "../api/pages.ts";
import { type Agent, newestFirst } from "../api/resources.ts";
import type { ManagedAgentsApi } from "../api/types.ts";
import type { ApiAccessConfig } from "../config/config.ts";
import { EXIT } from "../config/exit_codes.ts";
import { ToolError, UsageError } from "../core/errors.ts";
import { kindOfId } from "../core/ids.ts";
import { nearest } from "../core/suggest.ts";
import { firstChars, plainLine } from "../core/text.ts";
import { failureText } from "../mcp/errors.ts";
import type { Program } from "../runtime/program.ts";
import { readEnvironments } from "../tools/environment.ts";
import { type App, createApp } from "./serve/app.ts";

/** Agents of a page, and pages that are read: more than people look through. */
const PAGE_LIMIT = 100;
const MAX_PAGES = 10;

/** Most agents that are named where none, or more than one, is meant. */
const MAX_CANDIDATES = 10;

/**
 * Runs a command that calls the API.
 *
 * @param use is told of the end by `program.stopping`, and may then reject
 * @returns the exit code
 * @throws Error that says in one line what is wrong, and what to do
 */
export async function withApp(
  config: ApiAccessConfig,
  program: Program,
  use: (app: App) => Promise<number | void>,
): Promise<number> {
  const app = await createApp(config, program);
  try {
    return await use(app) ?? EXIT.ok;
  } catch (error) {
    if (program.stopping.aborted) return EXIT.interrupted;
    if (!(error instanceof ApiError) && !(error instanceof ToolError)) throw error;
    const isUnknown = error instanceof ApiError && error.isNotFound;
    const text = isUnknown
      ? unknownId(config)
      : failureText(error, { callerIsOperator: true, has: () => false });
    throw new Error(program.redact.thorough(plainLine(text)), { cause: error });
  } finally {
    await program.liveLine.hide();
    app.close();
  }
}

function unknownId({ simulate }: ApiAccessConfig): string {
  return simulate
    ? "The simulator knows no such id, because each command has a simulator of its own: run " +
      "'cma-mcp simulator', and give it to each by --base-url in place of --simulate"
    : "The API knows no such id: 'cma-mcp agents', 'cma-mcp environments' and 'cma-mcp sessions' list them";
}

/** Reads the agents that are not archived, newest first. */
export async function readAgents(
  api: Pick<ManagedAgentsApi, "agents">,
  signal: AbortSignal,
): Promise<{ readonly found: Agent[]; readonly complete: boolean }> {
  const { found, complete } = await readAllPages(
    (page) => api.agents.list({ limit: PAGE_LIMIT, page }, { signal }),
    MAX_PAGES,
  );
  return { found: newestFirst(found.filter(({ archived_at }) => !archived_at)), complete };
}

/** What a person may name by its id or its name. */
type Named = Partial<Pick<Agent, "id" | "name">>;

function spelled(name: string): string {
  return name.trim().replace(/\s+/g, " ").toLowerCase();
}

function nameOf({ name }: Named): string {
  return spelled(name ?? "");
}

/** Returns true if a person means this one: by its id, or its name in whatever case. */
export function isCalled(one: Named, wanted: string): boolean {
  return one.id === wanted || nameOf(one) === spelled(wanted);
}

/** Notes what there is to choose from, a line each. */
export function noteChoices(
  choices: readonly Named[],
  { note, redact }: Pick<Program, "note" | "redact">,
): void {
  for (const { id, name } of choices) note(redact.thorough(plainLine(`  ${id}  ${name ?? ""}`)));
}

/** An agent as {@linkcode findAgent} returns it. */
export type FoundAgent = Pick<Agent, "id" | "name">;

/**
 * Finds the agent with an id, or with a name that no other agent has, in whatever case.
 *
 * @throws UsageError when there is none, or more than one; those that may be meant are noted before
 */
export async function findAgent(
  wanted: string,
  { api }: Pick<App, "api">,
  program: Pick<Program, "stopping" | "note" | "redact">,
): Promise<FoundAgent> {
  // Ids contain digits; a name may begin like one, as in "agent_support".
  if (kindOfId(wanted) === "agent" && /\d/.test(wanted)) return { id: wanted };
  const { found, complete } = await readAgents(api, program.stopping);
  const meant = found.filter((agent) => isCalled(agent, wanted));
  const [only, ...others] = meant;
  if (only && others.length === 0 && complete) return only;
  const close = nearest(spelled(wanted), found.map(nameOf));
  const similar = found.filter((agent) =>
    nameOf(agent).includes(spelled(wanted)) || nameOf(agent) === close
  );
  noteChoices((only ? meant : similar).slice(0, MAX_CANDIDATES), program);
  const quoted = `'${firstChars(plainLine(wanted), 100)}'`;
  if (only && others.length > 0) {
    throw new UsageError(`${meant.length} agents are called ${quoted}: type the id of one`);
  }
  if (!complete) {
    throw new UsageError(`There are too many agents to look for a name: type the agent's id`);
  }
  throw new UsageError(
    `No agent is called ${quoted}: ` +
      (similar.length > 0 ? "type one of these, or its id" : "'cma-mcp agents' lists them"),
  );
}

/**
 * Notes the environments where a new session has to name its own.
 *
 * @throws UsageError where there is more than one
 */
export async function checkEnvironmentChoice(
  { api }: Pick<App, "api">,
  program: Pick<Program, "stopping" | "note" | "redact">,
): Promise<void> {
  const { usable } = await readEnvironments(api, { signal: program.stopping });
  if (usable.length < 2) return;
  noteChoices(usable, program);
  throw new UsageError(
    `The workspace has ${usable.length} environments: add --environment-id with the id of one`,
  );
}

/** Says how to wait for a turn that goes on. */
export function waitOn(sessionId: string): string {
  return `The agent goes on. To wait for its reply: cma-mcp ask --session ${sessionId}`;
}
