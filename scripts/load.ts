/**
 * `deno task load`: puts many clients on the program at once, over real sockets.
 *
 * The program serves HTTP in one process, and a simulated API in another, whose agents work ten
 * times as fast as usual. Every client plays whole sessions: it lists, creates, sends, waits,
 * reads, interrupts and archives, one call after the other. Exits with 1 when any call fails or a
 * turn comes back without its reply.
 *
 * @module
 */

import { callServedTool, type McpEndpoint } from "../src/commands/mcp_call.ts";
import { apiAt, startHttp, TOKEN } from "../tests/helpers/http_program.ts";
import { residentBytes } from "../tests/helpers/process_cost.ts";
import { UpstreamProcess } from "../tests/helpers/upstream_process.ts";
import { type Instrument, runInstrument } from "./instrument.ts";
import { quantile } from "./statistics.ts";
import { printLines, right, tableLines } from "./table.ts";

/** Simulated seconds in one real second. */
const SPEED = 10;
/** Failures that the report shows at most. */
const MAX_SHOWN = 10;
const SAMPLE_MS = 1_000;

/** Durations of the calls of one tool, in milliseconds. */
interface ToolFigures {
  readonly calls: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
}

/** Sums up durations in milliseconds, rounded to a tenth. */
export function summarize(times: readonly number[]): ToolFigures {
  const at = (share: number) => Math.round(quantile(times, share) * 10) / 10;
  return { calls: times.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1) };
}

/** Measurements so far. */
interface Tally {
  /** Durations in milliseconds, by tool. */
  readonly times: Map<string, number[]>;
  readonly errors: string[];
  turns: number;
}

type Call = (tool: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

/** The output of `--json`; times in milliseconds. */
interface Figures {
  readonly clients: number;
  readonly seconds: number;
  readonly calls: number;
  readonly calls_per_second: number;
  readonly turns: number;
  readonly tools: Readonly<Record<string, ToolFigures>>;
  readonly errors: number;
  /** Null where the operating system does not tell. */
  readonly server_rss_mb: { readonly start: number; most: number; end: number } | null;
}

function timed(endpoint: McpEndpoint, { times }: Tally): Call {
  return async (tool, args) => {
    const startedAt = performance.now();
    const result = await callServedTool(endpoint, tool, args);
    const taken = times.get(tool) ?? [];
    times.set(tool, taken);
    taken.push(performance.now() - startedAt);
    return result;
  };
}

/** Waits for the end of a turn, whose reply must have `word` in it. @returns the next cursor */
async function finishTurn(call: Call, tally: Tally, wait: Record<string, unknown>, word?: string) {
  const { status, reply, last_event_id } = await call("wait_for_idle", wait);
  tally.turns++;
  const isWhole = word === undefined || (typeof reply === "string" && reply.includes(word));
  if (status !== "idle" || !isWhole) {
    tally.errors.push(`wait_for_idle: ${status}, without '${word}': ${JSON.stringify(reply)}`);
  }
  return last_event_id;
}

/** Plays a session of three turns, from its creation to its archive. */
async function playSession(call: Call, tally: Tally, word: string): Promise<void> {
  const { agents } = await call("list_agents", { name_contains: "quick" });
  const agent_id = Array.isArray(agents) ? agents[0]?.id : undefined;
  const { session_id } = await call("create_session", { agent_id, message: `one ${word}` });
  const first = await finishTurn(call, tally, { session_id }, `one ${word}`);
  await call("get_session", { session_id });
  await call("list_events", { session_id, limit: 20 });
  await call("send_message", { session_id, text: `two ${word}` });
  const second = await finishTurn(call, tally, { session_id, after_id: first }, `two ${word}`);
  await call("get_agent", { agent_id });
  await call("send_message", { session_id, text: `three ${word}` });
  await call("interrupt", { session_id });
  await finishTurn(call, tally, { session_id, after_id: second });
  await call("archive_session", { session_id });
}

async function playClient(call: Call, tally: Tally, name: string, endsAt: number): Promise<void> {
  for (let round = 0; performance.now() < endsAt; round++) {
    try {
      await playSession(call, tally, `${name}.${round}`);
    } catch (error) {
      tally.errors.push(String(error));
      // Without a pause, a server that refuses everything would be flooded.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function load(clients: number, seconds: number): Promise<[Figures, Tally]> {
  await using upstream = await UpstreamProcess.start({ speed: SPEED });
  await using server = await startHttp([], apiAt(upstream.address.url));
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: clients });
  const endpoint: McpEndpoint = {
    token: TOKEN,
    fetch: async ({ headers, body }) =>
      await fetch(server.url, { method: "POST", headers, body, client }),
  };
  const tally: Tally = { times: new Map(), errors: [], turns: 0 };
  const call = timed(endpoint, tally);
  await playSession(call, tally, "warm-up");
  tally.times.clear();
  tally.turns = 0;
  const memoryMb = async () => {
    const bytes = await residentBytes(server.pid);
    return bytes && Math.round(bytes / (1_024 * 1_024));
  };
  const memory = [await memoryMb()];
  const sampler = setInterval(async () => memory.push(await memoryMb()), SAMPLE_MS);
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  await Promise.all(
    Array.from({ length: clients }, (_, i) => playClient(call, tally, `client ${i}`, endsAt)),
  );
  const elapsedSec = (performance.now() - startedAt) / 1_000;
  clearInterval(sampler);
  memory.push(await memoryMb());
  const code = await server.stop();
  if (code !== 0) tally.errors.push(`The server ended with ${code}`);
  const known = memory.filter((value) => value !== undefined);
  const calls = [...tally.times.values()].reduce((sum, times) => sum + times.length, 0);
  const [start = 0] = known;
  return [{
    clients,
    seconds: Math.round(elapsedSec * 10) / 10,
    calls,
    calls_per_second: Math.round(calls / elapsedSec),
    turns: tally.turns,
    tools: Object.fromEntries([...tally.times].map(([tool, times]) => [tool, summarize(times)])),
    errors: tally.errors.length,
    server_rss_mb: known.length === 0
      ? null
      : { start, most: quantile(known, 1), end: known.at(-1) ?? start },
  }, tally];
}

function report(figures: Figures, { errors }: Tally): string[] {
  const columns = ["tool", ...["calls", "p50 ms", "p90 ms", "p99 ms", "most ms"].map(right)];
  const rows = Object.entries(figures.tools).map(([tool, { calls, p50, p90, p99, most }]) =>
    [tool, calls, ...[p50, p90, p99, most].map((ms) => ms.toFixed(1))] as const
  );
  const { clients, seconds, calls, calls_per_second, turns, server_rss_mb: rss } = figures;
  return [
    ...tableLines(columns, rows),
    "",
    `${clients} clients, ${seconds} s: ${calls} calls, ${calls_per_second} a second; ` +
    `${turns} turns; ${figures.errors} errors`,
    rss
      ? `memory of the server: ${rss.start} MB at the start, ${rss.most} MB at most, ` +
        `${rss.end} MB at the end`
      : "memory of the server: unknown on this system",
    ...errors.slice(0, MAX_SHOWN).map((error) => `ERROR ${error}`),
  ];
}

const FLAGS = { clients: 32, seconds: 20, json: false } as const;

const instrument: Instrument<typeof FLAGS> = {
  usage: `deno task load [--clients 32] [--seconds 20] [--json]

  --clients   how many call at once
  --seconds   how long they begin new sessions
  --json      print one JSON object instead of tables`,
  flags: FLAGS,
  async run({ clients, seconds, json }) {
    const [figures, tally] = await load(clients, seconds);
    printLines(json ? [JSON.stringify(figures)] : report(figures, tally));
    return figures.errors === 0;
  },
};

if (import.meta.main) await runInstrument(instrument);
