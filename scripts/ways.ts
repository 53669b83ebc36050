/**
 * `deno task ways`: prints how many files and functions of `src` a call and an event of a wait pass
 * through, and how many files name a setting. Nothing here is a limit: the numbers are for looking at.
 *
 * @module
 */

import { callServedTool } from "../src/commands/mcp_call.ts";
import { apiAt, endpointAt, TOKEN } from "../tests/helpers/http_program.ts";
import { Spawned } from "../tests/helpers/spawned.ts";
import { UpstreamProcess } from "../tests/helpers/upstream_process.ts";
import { modulesIn, readTree, type TextFile } from "./house/tree.ts";
import { type Instrument, runInstrument } from "./instrument.ts";
import { printLines, right, tableLines } from "./table.ts";

const PROGRAM = ["run", "-q", "-A", "scripts/ways/counted_program.ts"];
/** Simulated seconds in one real second: agents work quickly. */
const SPEED = 20;
/** Calls before those that are counted, so that they make nothing that is made only once. */
const WARM_CALLS = 3;
/** What runs in each of so many tries is counted, and what a timer adds to one of them is not. */
const TRIES = 2;
/** Messages of an agent in a short turn, and how many more it sends in a long one. */
const MESSAGES = 3;
const MORE_MESSAGES = 10;
/** Of those, some may come together with another, or by the list. */
const MORE_CALLS = 6;
/** A call's log line is written some milliseconds after its response. */
const AFTERWARDS_MS = 100;

/** How often functions were called, by file and position. */
type Calls = ReadonlyMap<string, number>;
type CallTool = (tool: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

/** The program in a process of its own, which counts its calls. */
class CountedProgram {
  readonly call: CallTool;
  readonly #program: Spawned;

  private constructor(program: Spawned, call: CallTool) {
    this.#program = program;
    this.call = call;
  }

  static async onStdio(apiUrl: string): Promise<CountedProgram> {
    const program = new Spawned(PROGRAM, apiAt(apiUrl), Deno.execPath());
    await program.initialize();
    return new CountedProgram(program, async (name, args) => {
      const response = await program.request("tools/call", { name, arguments: args });
      const { result }: { result?: { structuredContent?: Record<string, unknown> } } = response;
      if (!result?.structuredContent) throw new Error(`${name}: ${JSON.stringify(response)}`);
      return result.structuredContent;
    });
  }

  static async onHttp(apiUrl: string): Promise<CountedProgram> {
    const env = { ...apiAt(apiUrl), MANAGED_AGENTS_MCP_TOKEN: TOKEN };
    const program = new Spawned([...PROGRAM, "--http", "--port=0"], env, Deno.execPath());
    const url = await program.listening();
    const endpoint = endpointAt(url);
    return new CountedProgram(program, (tool, args) => callServedTool(endpoint, tool, args));
  }

  /** Returns the calls in `src` during `work`. */
  async during(work: () => Promise<unknown>): Promise<Calls> {
    await this.#take();
    await work();
    await new Promise((resolve) => setTimeout(resolve, AFTERWARDS_MS));
    return await this.#take();
  }

  /** Returns the calls since the last time. */
  async #take(): Promise<Calls> {
    const { stderr } = this.#program;
    const seen = stderr.length;
    this.#program.kill("SIGUSR2");
    const line = await this.#program.until(() =>
      stderr.slice(seen).find((line) => line.startsWith("calls "))
    );
    const calls: Record<string, number> = JSON.parse(line.slice("calls ".length));
    return new Map(Object.entries(calls));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#program.kill("SIGTERM");
    await this.#program.ending();
  }
}

/** Returns the functions that each of `tries` calls at least `times` more often than any of `others`. */
function called(tries: readonly Calls[], times = 1, others: readonly Calls[] = []): string[] {
  const [first = new Map<string, number>()] = tries;
  return [...first.keys()].filter((place) => {
    const most = Math.max(0, ...others.map((calls) => calls.get(place) ?? 0));
    return tries.every((calls) => (calls.get(place) ?? 0) >= most + times);
  });
}

/** The functions of a call of `get_session`. */
async function oneCall(program: CountedProgram, session_id: string): Promise<string[]> {
  const call = () => program.call("get_session", { session_id });
  for (let times = 0; times < WARM_CALLS; times++) await call();
  const tries: Calls[] = [];
  while (tries.length < TRIES) tries.push(await program.during(call));
  return called(tries);
}

/** The functions that a wait calls for each further message that the agent sends. */
async function oneEvent(program: CountedProgram): Promise<string[]> {
  const { agents } = await program.call("list_agents", { name_contains: "script" });
  const agent_id = Array.isArray(agents) ? agents[0]?.id : undefined;
  const turn = async (messages: number) => {
    const lines = Array.from({ length: messages }, (_, index) => `sleep 2s\nsay Line ${index}.`);
    const message = lines.join("\n");
    const { session_id } = await program.call("create_session", { agent_id, message });
    const { status } = await program.call("wait_for_idle", { session_id });
    if (status !== "idle") throw new Error(`The wait ended with ${status}`);
  };
  await turn(1);
  const [more, less]: [Calls[], Calls[]] = [[], []];
  while (more.length < TRIES) {
    less.push(await program.during(() => turn(MESSAGES)));
    more.push(await program.during(() => turn(MESSAGES + MORE_MESSAGES)));
  }
  return called(more, MORE_CALLS, less);
}

/** The files that something passes through. */
export interface Way {
  readonly what: string;
  /** Paths in `src`, each with how many functions it calls there, or how often it is named. */
  readonly files: ReadonlyMap<string, number>;
}

function wayOf(what: string, places: readonly string[]): Way {
  const files = new Map<string, number>();
  for (const place of places.toSorted()) {
    const path = place.slice(0, place.lastIndexOf(":"));
    files.set(path, (files.get(path) ?? 0) + 1);
  }
  return { what, files };
}

/** Counts what calls and events pass through, in the program itself. */
export async function countWays(): Promise<Way[]> {
  await using upstream = await UpstreamProcess.start({ speed: SPEED });
  const { url } = upstream.address;
  const [sessionId = ""] = await upstream.begin(1);
  await using stdio = await CountedProgram.onStdio(url);
  await using http = await CountedProgram.onHttp(url);
  return [
    wayOf("a call of get_session on stdio", await oneCall(stdio, sessionId)),
    wayOf("the same over HTTP", await oneCall(http, sessionId)),
    wayOf("a further event of a wait, on stdio", await oneEvent(stdio)),
  ];
}

/** Returns the files that name a setting's flag or its field, and how often. */
export function settingWay(files: readonly TextFile[]): Way {
  const named = /--max-waits\b|"max-waits"|\bmaxWaits\b/g;
  const found = modulesIn(files, "src").map(({ path, text }) =>
    [path.slice("src/".length), text.match(named)?.length ?? 0] as const
  );
  return {
    what: "the setting --max-waits",
    files: new Map(found.filter(([, times]) => times > 0)),
  };
}

/** Returns the report: what is counted, and a table; with `list`, the files below it. */
export function wayLines(ways: readonly Way[], setting: Way, list: boolean): string[] {
  const sum = ({ files }: Way) => [...files.values()].reduce((total, count) => total + count, 0);
  const rows = ways.map((way) => [way.what, way.files.size, sum(way)]);
  return [
    "What runs in src, from the bytes that a client sends to those that it gets: counted by V8 in the",
    "program as `deno task start` runs it, warm, with client and API in processes of their own.",
    "",
    ...tableLines(["what", right("files"), right("functions")], rows),
    "",
    `${setting.what} is named in ${setting.files.size} files of src, ${sum(setting)} times.`,
    ...list
      ? [...ways, setting].flatMap(({ what, files }) => [
        "",
        ...tableLines([what, right("")], [...files]),
      ])
      : [],
  ];
}

const FLAGS = { list: false } as const;

const instrument: Instrument<typeof FLAGS> = {
  usage: `deno task ways [--list]

  --list      name the files, each with its functions, or with how often it names the setting`,
  flags: FLAGS,
  async run({ list }) {
    const setting = settingWay(await readTree(new URL("../", import.meta.url)));
    printLines(wayLines(await countWays(), setting, list));
    return true;
  },
};

if (import.meta.main) await runInstrument(instrument);
