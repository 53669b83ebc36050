/**
 * `deno task ways`: prints how many files and functions of `src` a call and an event of a wait pass
 * through, and how many files name a setting; with `--list`, which files. Nothing here is a limit:
 * the numbers are for looking at.
 *
 * @module
 */

import { Client } from "@modelcontextprotocol/client";
import { InMemoryTransport } from "@modelcontextprotocol/server";
import { type Profiler, Session } from "node:inspector";
import { type InProcessRig, inProcessRig } from "../tests/bench/in_process/rig.ts";
import { modulesIn, readTree, type TextFile } from "./house/tree.ts";

const SOURCE = new URL("../src/", import.meta.url).href;
/**
 * Folders that are not counted: they serve the simulated API and the client, in this process too.
 */
const BESIDE = ["simulator/", "commands/"];

/** How often each function of `src` was called, by file and position. */
type Calls = ReadonlyMap<string, number>;

/** Counts the calls of every function with V8's profiler. */
class CallCounter {
  readonly #session = new Session();

  start(): void {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  }

  /** Returns the calls in `src` during `work`. */
  async during(work: () => Promise<unknown>): Promise<Calls> {
    await this.#take();
    await work();
    const calls = new Map<string, number>();
    for (const { url, functions } of await this.#take()) {
      const path = url.startsWith(SOURCE) ? url.slice(SOURCE.length) : undefined;
      if (path === undefined || BESIDE.some((folder) => path.startsWith(folder))) continue;
      for (const { ranges: [range] } of functions) {
        if (range && range.count > 0) {
          calls.set(`${path}:${range.startOffset}-${range.endOffset}`, range.count);
        }
      }
    }
    return calls;
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** Returns the counts since the last time. */
  #take(): Promise<Profiler.ScriptCoverage[]> {
    return new Promise((resolve, reject) => {
      this.#session.post(
        "Profiler.takePreciseCoverage",
        (error, { result }) => error ? reject(error) : resolve(result),
      );
    });
  }
}

/** Returns the functions that were called more often than before. */
function more(calls: Calls, before: Calls = new Map()): string[] {
  return [...calls].filter(([place, count]) => count > (before.get(place) ?? 0))
    .map(([place]) => place);
}

/** The files that something passes through. */
export interface Way {
  readonly what: string;
  /** Paths in `src`, each with how many functions it calls there, or how often it is named. */
  readonly files: ReadonlyMap<string, number>;
  readonly unit: "functions" | "mentions";
  /** The same in 0.1.0, in words. */
  readonly before: string;
}

function way(what: string, places: readonly string[], before: string): Way {
  const files = new Map<string, number>();
  for (const place of places.toSorted()) {
    const path = place.slice(0, place.lastIndexOf(":"));
    files.set(path, (files.get(path) ?? 0) + 1);
  }
  return { what, files, unit: "functions", before };
}

/** Calls before the one that is counted, so that it makes nothing that is made only once. */
const WARM_CALLS = 3;

async function oneCall(counter: CallCounter, call: () => Promise<unknown>): Promise<string[]> {
  for (let times = 0; times < WARM_CALLS; times++) await call();
  return more(await counter.during(call));
}

/** Returns the functions of a call by a client in the same process. */
async function directCall(counter: CallCounter, rig: InProcessRig, id: string): Promise<string[]> {
  const server = await rig.factory({ era: "legacy" });
  const client = new Client({ name: "ways", version: "0.0.0" });
  const [mine, theirs] = InMemoryTransport.createLinkedPair();
  await server.connect(theirs);
  await client.connect(mine);
  const call = { name: "get_session", arguments: { session_id: id } };
  const places = await oneCall(counter, () => client.callTool(call));
  await client.close();
  return places;
}

/** Returns the functions that a wait calls more often when the agent sends one more message. */
async function oneEvent(counter: CallCounter, rig: InProcessRig): Promise<string[]> {
  const waitFor = async (messages: number) => {
    const session_id = rig.simulator.createSession({ agent: "script" });
    const lines = Array.from({ length: messages }, (_, index) => `sleep 2s\nsay Line ${index}.`);
    const { last_event_id } = await rig.call("send_message", {
      session_id,
      text: lines.join("\n"),
    });
    const { status } = await rig.call("wait_for_idle", { session_id, after_id: last_event_id });
    if (status !== "idle") throw new Error(`The wait ended with ${status}`);
  };
  await waitFor(1);
  const before = await counter.during(() => waitFor(3));
  return more(await counter.during(() => waitFor(4)), before);
}

/** Returns the files that name a setting's flag or its field, and how often. */
function settingFiles(files: readonly TextFile[]): ReadonlyMap<string, number> {
  const named = /--max-waits\b|"max-waits"|\bmaxWaits\b/g;
  const found = modulesIn(files, "src").map(({ path, text }) =>
    [path.slice("src/".length), text.match(named)?.length ?? 0] as const
  );
  return new Map(found.filter(([, times]) => times > 0));
}

/** Measures how far a call, an event and a setting travel. */
export async function measureWays(files: readonly TextFile[]): Promise<Way[]> {
  const counter = new CallCounter();
  const rig = inProcessRig();
  try {
    counter.start();
    const id = rig.simulator.createSession();
    const direct = await directCall(counter, rig, id);
    const overHttp = await oneCall(counter, () => rig.call("get_session", { session_id: id }));
    const event = await oneEvent(counter, rig);
    return [
      way("a call of get_session", direct, "44 files, 201 functions"),
      way("the same over HTTP", overHttp, "58 files, 260 functions"),
      way("one more event of a wait", event, "31 files, 134 functions"),
      {
        what: "a setting, --max-waits",
        files: settingFiles(files),
        unit: "mentions",
        before: "12 files, 26 mentions",
      },
    ];
  } finally {
    counter.stop();
    await rig.close();
  }
}

/** Returns one line for a way. */
export function wayLine({ what, files, unit, before }: Way): string {
  const total = [...files.values()].reduce((sum, count) => sum + count, 0);
  return `${what}: ${files.size} files, ${total} ${unit} (0.1.0: ${before})`;
}

if (import.meta.main) {
  const isLong = Deno.args.includes("--list");
  const ways = await measureWays(await readTree(new URL("../", import.meta.url)));
  const lines = ways.flatMap((one) => [
    wayLine(one),
    ...isLong ? [...one.files].map(([path, count]) => `  ${path}: ${count}`) : [],
  ]);
  Deno.stdout.writeSync(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
}
