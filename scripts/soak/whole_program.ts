/**
 * `deno task soak http stdio`: mixed calls on the whole program, which must hold as much at the end as
 * it held when it was warm: memory, open files, timers, streams, entries of maps.
 *
 * @module
 */

import { FakeIssuer, issuerKey, RESOURCE } from "../../tests/helpers/fake_issuer.ts";
import { ManualClock } from "../../tests/helpers/manual_clock.ts";
import { createRandom } from "../../tests/helpers/random.ts";
import { UpstreamProcess } from "../../tests/helpers/upstream_process.ts";
import { printLines, right, tableLines } from "../table.ts";
import { MixedCalls } from "./mixed_calls.ts";
import { type ProgramState, serveProgram, type Transport } from "./served_program.ts";

/** Hosts that call at once. */
const CALLERS = 4;
const SAMPLES = 10;
/** From the last call until the process is at rest: feeds and pooled connections are let go. */
const REST_MS = 1_500;
/** Calls for which one access token is used. */
const CALLS_PER_TOKEN = 20;
const MAX_SHOWN = 10;

/**
 * By how much a process may hold more at the end of a run than at 30 % of it: its caches fill, pooled
 * connections come and go, and the allocator does not give back everything.
 */
const MOST_GROWTH = { heapBytes: 10e6, rssBytes: 40e6, openFiles: 16, timers: 4 };
/** Entries of the largest cache that the program bounds. */
const MOST_ENTRIES = 20_000;

/** What the run needs to know. */
export interface WholeProgramOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly speed: number;
  readonly node: boolean;
}

interface Sample {
  readonly seconds: number;
  readonly things: number;
  readonly openStreams: number;
  readonly state: ProgramState;
}

/** An issuer on a port of its own, whose tokens are good by a clock that runs fast. */
async function startIssuer(stack: AsyncDisposableStack, speed: number) {
  const startedAt = Date.now();
  const key = await issuerKey("soak");
  const serve = ({ url }: { readonly url: string }): Promise<Response> => issuer.fetch(url, {});
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serve);
  stack.defer(() => server.shutdown());
  const url = `http://127.0.0.1:${server.addr.port}`;
  const issuer: FakeIssuer = new FakeIssuer(url, new ManualClock(), [key]);
  let calls = 0;
  let token = "";
  const personToken = async () => {
    if (calls++ % CALLS_PER_TOKEN > 0 && token !== "") return token;
    const now = Math.floor((startedAt + (Date.now() - startedAt) * speed) / 1_000);
    const sub = `person-${calls}`;
    token = await issuer.token({ sub, iat: now - 30, exp: now + 3_600, jti: `${calls}` });
    return token;
  };
  return { url, personToken };
}

/** Returns what a process holds too much of at the end of a run, as sentences. */
export function complaintsAbout(early: ProgramState, last: ProgramState): string[] {
  const { mostEntries } = last;
  const grown = Object.entries(MOST_GROWTH).flatMap(([name, most]) => {
    const field = name as keyof typeof MOST_GROWTH;
    const grown = last[field] - early[field];
    return grown > most ? [`${name} grew by ${grown}, more than ${most}`] : [];
  });
  return mostEntries > MOST_ENTRIES
    ? [...grown, `A map has ${mostEntries} entries, more than ${MOST_ENTRIES}`]
    : grown;
}

function rowsOf(samples: readonly Sample[]) {
  return samples.map(({ seconds, things, openStreams, state }) => [
    seconds,
    things,
    (state.heapBytes / 1e6).toFixed(1),
    (state.rssBytes / 1e6).toFixed(1),
    state.openFiles,
    state.timers,
    openStreams,
    state.entries,
  ]);
}

/** Soaks one program. @returns true when it held no more at the end, and failed no call */
export async function soakProgram(
  transport: Transport,
  { minutes, seed, speed: wanted, node }: WholeProgramOptions,
): Promise<boolean> {
  // Node runs the published bundle, whose clock is the machine's.
  const speed = node ? 1 : wanted;
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await UpstreamProcess.start({ speed, seed }));
  const isHttp = transport === "http";
  const issuer = isHttp ? await startIssuer(stack, speed) : undefined;
  const args = issuer
    ? [`--oauth-issuer=${issuer.url}`, `--public-url=${new URL(RESOURCE).origin}`]
    : [];
  const program = stack.use(
    await serveProgram(transport, {
      apiUrl: upstream.address.url,
      speed,
      node,
      args: ["--tools=core,sessions,ask", ...args],
    }),
  );
  const random = createRandom(seed);
  const calls = new MixedCalls({ program, random, speed, personToken: issuer?.personToken });
  await calls.prepare();
  const samples: Sample[] = [];
  const startedAt = performance.now();
  let things = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const until = performance.now() + minutes * 60_000 / SAMPLES;
    await Promise.all(Array.from({ length: CALLERS }, async () => {
      while (performance.now() < until) {
        await calls.next();
        things++;
      }
    }));
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const { openStreams } = await upstream.state();
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    samples.push({ seconds, things, openStreams, state: await program.state() });
  }
  const [early, last] = [samples[2], samples.at(-1)];
  const wrong = [
    ...early && last ? complaintsAbout(early.state, last.state) : [],
    ...(last?.openStreams ?? 0) > 0 ? [`${last?.openStreams} streams are open at rest`] : [],
    ...calls.faults,
  ];
  printLines([
    `soak: the program over ${transport}${node ? " on Node" : ""}, seed ${seed}, ` +
    `clock ${speed} times as fast, ${minutes} minutes`,
    "",
    ...tableLines(
      [
        "after s",
        "things done",
        "heap MB",
        "resident MB",
        "open files",
        "timers",
        "streams",
        "entries of maps",
      ].map(right),
      rowsOf(samples),
    ),
    "",
    ...tableLines(["what", right("count")], [...calls.counts]),
    "",
    `The largest maps and sets, each with its first key: ${last?.state.largest.join(", ")}`,
    "",
    ...wrong.slice(0, MAX_SHOWN),
    ...(wrong.length > MAX_SHOWN ? [`and ${wrong.length - MAX_SHOWN} more`] : []),
  ]);
  return wrong.length === 0;
}
