/**
 * Measures how much later than a reader of the event stream itself the client of a wait knows that
 * the turn is over. Both are in this process, and one clock times them.
 *
 * @module
 */
import { quantile } from "../../scripts/statistics.ts";
import { systemClock } from "../../src/core/clock.ts";
import { startListening } from "../helpers/child.ts";
import { apiAt, startHttp } from "../helpers/http_program.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";
import { type Bench, type Figure, figure, inTurns } from "./figure.ts";
import { runAsProgram } from "./program.ts";
import { openStream, readTurn, readUntil, replyIn, type Seen } from "./waits/api_stream.ts";
import { holdWaits, messageIn, post, waitCall, wholeReply } from "./waits/http_waits.ts";
import { startStdioServer } from "./waits/stdio_waits.ts";

/** From an open stream until the history around it is read as well, with much to spare. */
const SETTLED_MS = 20;
/** What the median and the slowest of a hundred turns are to keep to. */
const TARGETS_MS = { median: 2, p99: 10 } as const;

/** Begins to wait for the end of a session's turn, and says when it knew. */
type Watch = (sessionId: string) => Promise<{ readonly end: Promise<Seen> }>;

interface Size {
  readonly rounds: number;
  /** Turns of a round: enough that a hundredth of them is no single turn. */
  readonly turns: number;
  /** Turns of the round that warms up, and of what is only for comparison. */
  readonly fewTurns: number;
  readonly crowd: number;
}

/** A client of the MCP endpoint at `url`. */
function over(url: string): Watch {
  return async (sessionId) => {
    const body = await post(url, waitCall(sessionId));
    return { end: readUntil(body, '"result":') };
  };
}

function direct({ address }: UpstreamProcess): Watch {
  return async (sessionId) => {
    const body = await openStream(address.url, sessionId);
    return { end: readTurn(body) };
  };
}

/** @returns by how many milliseconds the client of the wait knew later than the reader */
async function playTurn(
  upstream: UpstreamProcess,
  sessionId: string,
  { wait, waitFirst }: { readonly wait: Watch; readonly waitFirst: boolean },
  others: number,
): Promise<number> {
  const read = direct(upstream);
  const ends: Promise<Seen>[] = [];
  for (const open of waitFirst ? [wait, read] : [read, wait]) {
    const { end } = await open(sessionId);
    end.catch(() => {});
    ends.push(end);
    await upstream.streamsAre(others + ends.length);
  }
  await systemClock.sleep(SETTLED_MS);
  await upstream.finish([sessionId]);
  const [first, second] = await Promise.all(ends);
  const [waited, seen] = waitFirst ? [first, second] : [second, first];
  if (!waited || !seen) throw new Error("A turn has two watchers");
  const reply = wholeReply(messageIn(waited.text), sessionId);
  if (reply !== replyIn(seen.text)) throw new Error(`'${reply}' is not what was said`);
  await upstream.streamsAre(others);
  return waited.at - seen.at;
}

/** Plays turns one after another; wait and reader take turns in opening first. */
async function playTurns(
  upstream: UpstreamProcess,
  wait: Watch,
  turns: number,
  others = 0,
): Promise<number[]> {
  const delaysMs: number[] = [];
  for (const [index, sessionId] of (await upstream.begin(turns)).entries()) {
    const watchers = { wait, waitFirst: index % 2 === 0 };
    delaysMs.push(await playTurn(upstream, sessionId, watchers, others));
  }
  return delaysMs;
}

async function measure({ rounds, turns, fewTurns, crowd }: Size): Promise<Map<string, number[][]>> {
  await using upstream = await UpstreamProcess.start();
  const { url: apiUrl } = upstream.address;
  await using program = await startHttp([`--max-waits=${crowd + 1}`], apiAt(apiUrl));
  await using stdio = await startStdioServer(apiUrl);
  await using relay = await startListening({
    args: ["-P=bench", "tests/bench/waits/relay.ts", apiUrl],
  });
  const played = new Set<Watch>();
  const play = (wait: Watch, others?: number) => {
    const count = played.has(wait) ? turns : fewTurns;
    played.add(wait);
    return playTurns(upstream, wait, count, others);
  };
  const [alone, beside] = [over(program.url), over(program.url)];
  return await inTurns(
    rounds,
    new Map([
      ["http_alone", () => play(alone)],
      ["http_beside", async () => {
        const held = await holdWaits(program.url, upstream, crowd);
        const delaysMs = await play(beside, crowd);
        await held.end();
        return delaysMs;
      }],
      ["stdio_alone", () => play(stdio.wait)],
      ["relay_alone", () => playTurns(upstream, over(relay.url), fewTurns)],
    ]),
  );
}

const SHARES = [["median", 0.5], ["p90", 0.9], ["p99", 0.99]] as const;

/** Makes figures of rounds: each gives the median of its turns, or what a share of them keeps to. */
function figuresOf(
  name: string,
  what: string,
  rounds: readonly number[][],
  targets: { readonly [share: string]: number } = {},
) {
  return SHARES.map(([share, part]): Figure =>
    figure(
      {
        id: `turn_end.${name}.${share}`,
        what: `${what}: ${share}`,
        unit: "ms",
        better: "less",
        ...(targets[share] !== undefined && { target: targets[share] }),
      },
      rounds.map((delaysMs) => quantile(delaysMs, part)),
    )
  );
}

export const bench: Bench = {
  name: "turn_end",
  what: "from the end of a turn at the API to its result at the client, beyond reading the stream",
  async run({ quick }) {
    const size: Size = quick
      ? { rounds: 1, turns: 4, fewTurns: 4, crowd: 20 }
      : { rounds: 3, turns: 300, fewTurns: 70, crowd: 1_000 };
    const found = await measure(size);
    const of = (name: string) => found.get(name) ?? [];
    const crowd = size.crowd.toLocaleString("en-US");
    return {
      figures: [
        ...figuresOf("http_alone", "HTTP, the only wait", of("http_alone"), TARGETS_MS),
        ...figuresOf(
          "http_beside",
          `HTTP, beside ${crowd} other open waits`,
          of("http_beside"),
          TARGETS_MS,
        ),
        ...figuresOf("stdio_alone", "stdio, the only wait", of("stdio_alone"), TARGETS_MS),
        ...figuresOf(
          "relay_alone",
          "for comparison: a bare relay in the place of the program",
          of("relay_alone"),
        ),
      ],
    };
  },
};

if (import.meta.main) await runAsProgram(bench);
