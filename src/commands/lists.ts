/**
 * `cma-mcp agents`, `sessions` and `environments`: lists what the key reaches, for people to copy ids
 * from.
 *
 * @module
 */

import { readAllPages } from "../api/pages.ts";
import { newestFirst, type Session } from "../api/resources.ts";
import type { ManagedAgentsApi } from "../api/types.ts";
import type { ListConfig } from "../config/config.ts";
import { type Column, tableLines } from "../core/columns.ts";
import { createPalette } from "../core/paint.ts";
import { redactValue } from "../core/redact.ts";
import { clipText, plainLine, printableJson, shorten } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";
import { readEnvironments } from "../tools/environment.ts";
import { agentSummary } from "../tools/get_agent.ts";
import { agentRef } from "../tools/get_session.ts";
import type { App } from "./serve/app.ts";
import { findAgent, readAgents, withApp } from "./workspace.ts";

/** What is listed. */
export interface Listing {
  readonly columns: readonly Column[];
  /** For each entry its cells, and its object for `--json`. */
  readonly entries: readonly {
    readonly cells: readonly string[];
    readonly object: Readonly<Record<string, unknown>>;
  }[];
  /** False where more is there than was read. */
  readonly complete: boolean;
  /** Tells what to do where there is none. */
  readonly none: string;
}

/** Columns of a terminal that does not tell. */
const USUAL_COLUMNS = 80;

/** Longest text of a cell, in characters. */
const MAX_CELL_CHARS = 100;

/** Prints agents, sessions or environments. */
export function list(config: ListConfig, program: Program): Promise<number> {
  return withApp(
    config,
    program,
    async (app) => printListing(await read(config, app, program), config, program),
  );
}

/** Prints a table, whose ids are whole, or JSON. */
export function printListing(
  { columns, entries, complete, none }: Listing,
  { json, limit }: Pick<ListConfig, "json" | "limit">,
  program: Program,
): void {
  const { print, note, redact, stdoutIsTerminal } = program;
  const shown = entries.slice(0, limit);
  if (json) {
    const objects = redactValue(shown.map(({ object }) => object), redact.thorough);
    print(printableJson(JSON.stringify(objects, null, 2)));
  } else if (shown.length > 0) {
    const rows = shown.map(({ cells }) =>
      cells.map((cell, at) => {
        const text = redact.thorough(plainLine(cell));
        return columns[at]?.isId ? text : shorten(text, MAX_CELL_CHARS);
      })
    );
    const { bold } = createPalette(program.color);
    // Off a terminal each entry is one line, and nothing else is printed, for `grep` and its like.
    const lines = tableLines(columns, rows, {
      withTitles: stdoutIsTerminal,
      ...(stdoutIsTerminal && { width: program.columns() ?? USUAL_COLUMNS }),
    });
    lines.forEach((line, at) => print(at === 0 && stdoutIsTerminal ? bold(line) : line));
  }
  if (shown.length === 0) note(none);
  if (shown.length < entries.length || !complete) {
    note(
      `These are the newest ${shown.length}; there are more: add --limit with a larger number`,
    );
  }
}

function read(config: ListConfig, app: App, program: Program): Promise<Listing> {
  switch (config.command) {
    case "agents":
      return listAgents(app, program);
    case "sessions":
      return listSessions(config, app, program);
    case "environments":
      return listEnvironments(app, program);
  }
}

async function listAgents({ api }: App, { stopping }: Program): Promise<Listing> {
  const { found, complete } = await readAgents(api, stopping);
  return {
    columns: [{ title: "ID", isId: true }, { title: "NAME" }, { title: "MODEL" }, { title: "VER" }],
    entries: found.map((agent) => {
      const object = agentSummary(agent, MAX_DESCRIPTION_CHARS);
      const { id, name = "", model = "", version = "" } = object;
      return {
        cells: [id, name, model, String(version)],
        object: { ...object, ...(agent.created_at && { created_at: agent.created_at }) },
      };
    }),
    complete,
    none: "The key reaches no agent: make one in the Claude Console",
  };
}

/** Longest description in JSON, in characters: all that the API takes. */
const MAX_DESCRIPTION_CHARS = 2_048;

async function listSessions(
  { agent, status, limit }: ListConfig,
  app: App,
  program: Program,
): Promise<Listing> {
  const { clock, stopping } = program;
  const agentId = agent === undefined ? undefined : (await findAgent(agent, app, program)).id;
  const { found, complete } = await readSessions(app.api, { agentId, status, limit }, stopping);
  return {
    columns: [
      { title: "ID", isId: true },
      { title: "STATUS" },
      { title: "AGE" },
      { title: "AGENT" },
      { title: "TITLE" },
    ],
    entries: newestFirst(found).map((session) => {
      const { id, status = "unknown", title, environment_id } = session;
      const { created_at, updated_at } = session;
      const ref = agentRef(session);
      const age = ageOf(created_at, clock.wallTime());
      return {
        cells: [id, status, age, ref.name ?? ref.id ?? "", title ?? ""],
        // The names that get_session gives them.
        object: {
          session_id: id,
          status,
          ...(title && { title: clipText(title, 500) }),
          agent: ref,
          ...(environment_id && { environment_id }),
          ...(created_at && { created_at }),
          ...(updated_at && { updated_at }),
        },
      };
    }),
    complete,
    none: agent === undefined && status === undefined
      ? "There is no session: 'cma-mcp ask' starts one"
      : "There is no such session",
  };
}

/** Sessions of a page, and pages that are read. */
const PAGE_LIMIT = 100;
const MAX_PAGES = 50;

/** Reads sessions, newest first, until one more is there than is wanted. */
function readSessions(
  api: Pick<ManagedAgentsApi, "sessions">,
  { agentId, status, limit }: { agentId?: string; status?: string; limit: number },
  signal: AbortSignal,
): Promise<{ readonly found: Session[]; readonly complete: boolean }> {
  const statuses = status === undefined ? undefined : [status];
  return readAllPages(
    async (page) => {
      const read = await api.sessions.list(
        { agentId, statuses, order: "desc", limit: PAGE_LIMIT, page },
        { signal },
      );
      // Some servers ignore filters.
      const data = read.data.filter((session) =>
        (status === undefined || session.status === status) &&
        (agentId === undefined || (agentRef(session).id ?? agentId) === agentId)
      );
      return { ...read, data };
    },
    MAX_PAGES,
    limit + 1,
  );
}

async function listEnvironments(
  { api }: App,
  { clock, stopping: signal }: Program,
): Promise<Listing> {
  const { usable, complete } = await readEnvironments(api, { signal });
  return {
    columns: [{ title: "ID", isId: true }, { title: "NAME" }, { title: "AGE" }],
    entries: newestFirst(usable).map(({ id, name, created_at }) => ({
      cells: [id, name ?? "", ageOf(created_at, clock.wallTime())],
      object: { id, ...(name && { name }), ...(created_at && { created_at }) },
    })),
    complete,
    none: "The key reaches no environment: make one in the Claude Console",
  };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Returns how long ago something was, such as `5m` or `3d`; empty where that is not known. */
export function ageOf(at: string | null | undefined, nowMs: number): string {
  const ms = nowMs - Date.parse(at ?? "");
  if (Number.isNaN(ms)) return "";
  if (ms < MINUTE_MS) return `${Math.max(0, Math.floor(ms / 1_000))}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m`;
  return ms < DAY_MS ? `${Math.floor(ms / HOUR_MS)}h` : `${Math.floor(ms / DAY_MS)}d`;
}
