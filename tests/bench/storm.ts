/**
 * Measures how long many waits take to be attached again when all their connections to the API drop at
 * once, and how many requests that takes. The clocks of program and API run fast, so that the rates
 * by which requests are held back take less of the bench's time.
 *
 * @module
 */
import { serveProgram } from "../../scripts/soak/served_program.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";
import type { Reads } from "../helpers/upstream_process.ts";
import { type Bench, figure } from "./figure.ts";
import { runAsProgram } from "./program.ts";

const SPEED = 2;
/** From the last wait that was opened to the storm, by the fast clock: rates have recovered. */
const REST_MS = 90_000;
const LOOK_EVERY_MS = 500;
/** Waits that are opened at once. */
const BATCH = 50;
const READS_PER_MINUTE = 1_200;

interface Found {
  readonly attachedSec: number;
  readonly mostSec: number;
  readonly perMinute: number;
  readonly callMs: number;
}

async function measure(waits: number): Promise<Found> {
  await using upstream = await UpstreamProcess.start({ speed: SPEED });
  await using program = await serveProgram("http", {
    ...{ apiUrl: upstream.address.url, speed: SPEED, node: false },
    args: [`--max-waits=${waits}`],
  });
  const call = (tool: string, session_id: string) =>
    program.call({
      era: "2025",
      tool,
      args: { session_id, ...(tool === "wait_for_idle" && { timeout_sec: 600 }) },
    });
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const sessionIds = await upstream.begin(waits);
  const results: Promise<{ readonly result?: { readonly isError?: boolean } }>[] = [];
  await upstream.openInBatches(sessionIds, BATCH, (batch) => {
    results.push(...batch.map((id) => call("wait_for_idle", id)));
  });
  await sleep(REST_MS / SPEED);
  const { newestAt } = await upstream.control<Reads>("reads", {});
  const startedAt = performance.now();
  await upstream.control("drop", {});
  let mostSec = NaN;
  let callMs = 0;
  let attachedSec = NaN;
  const elapsedSec = () => (performance.now() - startedAt) * SPEED / 1_000;
  while (Number.isNaN(attachedSec) && elapsedSec() < 300) {
    await sleep(LOOK_EVERY_MS);
    const calledAt = performance.now();
    const { result } = await call("get_session", sessionIds[0] ?? "");
    if (!result || result.isError) throw new Error("A call beside the storm failed");
    callMs = Math.max(callMs, performance.now() - calledAt);
    const { openStreams } = await upstream.state();
    if (Number.isNaN(mostSec) && openStreams >= waits * 0.8) mostSec = elapsedSec();
    if (openStreams === waits) attachedSec = elapsedSec();
  }
  const { perMinute } = await upstream.control<Reads>("reads", { count: newestAt });
  await upstream.finish(sessionIds);
  for (const { result } of await Promise.all(results)) {
    if (!result || result.isError) throw new Error("A wait did not survive the storm");
  }
  return { attachedSec, mostSec, perMinute, callMs };
}

/** Times a storm of reconnects. */
export const bench: Bench = {
  name: "storm",
  what: "waits whose connections to the API all drop at once",
  async run({ quick }) {
    const waits = quick ? 20 : 1_000;
    const found = await measure(waits);
    const what = `${waits.toLocaleString("en-US")} waits whose connections drop at once`;
    const make = (id: string, unit: string, value: number, text: string, target?: number) =>
      figure({
        id: `storm.${id}`,
        what: `${what}: ${text}`,
        ...{ unit, better: "less" },
        ...(target !== undefined && { target }),
      }, [value]);
    return {
      figures: [
        make("attached_80", "s", found.mostSec, "until four fifths have a stream again"),
        make("attached", "s", found.attachedSec, "until all have", 30),
        make("reads", "requests", found.perMinute, "most reads in a minute", READS_PER_MINUTE),
        make("call", "ms", found.callMs, "the slowest get_session beside them"),
      ],
    };
  },
};

if (import.meta.main) await runAsProgram(bench);
