/**
 * Starts a holder, tells it what to hold, and asks what that costs.
 *
 * @module
 */

import type { UpstreamProcess } from "../../helpers/upstream_process.ts";
import { Child } from "../../helpers/child.ts";
import type { HolderMemory, HolderRequest, Holding } from "./holder.ts";
import { isReply } from "./http_waits.ts";

/** Waits that are opened at once. */
const BATCH = 50;
/** Waits that are opened and ended before anything counts. */
const WARM_UP = 20;

/** A holder; see `holder.ts`. */
export interface Holder {
  readonly pid: number;
  /** Opens one on each of so many more sessions; resolves when their streams are open. */
  open(count: number): Promise<void>;
  memory(): Promise<HolderMemory>;
  /** Microseconds that it has computed so far. */
  cpuUs(): Promise<number>;
  /**
   * Ends the turns of all that are open.
   *
   * @throws Error unless each gave its reply
   */
  end(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one, and warms it up. */
export async function startHolder(holding: Holding, upstream: UpstreamProcess): Promise<Holder> {
  const { url } = upstream.address;
  const child = new Child({
    args: ["-P=bench", "--v8-flags=--expose-gc", "tests/bench/waits/holder.ts", holding, url],
  });
  const ask = <T>(request: HolderRequest): Promise<T> => child.ask<T>(request);
  let sessionIds: string[] = [];
  const holder: Holder = {
    pid: child.pid,
    async open(count) {
      const more = await upstream.begin(count);
      sessionIds.push(...more);
      await upstream.openInBatches(more, BATCH, (batch) => ask({ do: "open", sessionIds: batch }));
    },
    memory: () => ask({ do: "memory" }),
    cpuUs: () => ask({ do: "cpu" }),
    async end() {
      const { openStreams } = await upstream.state();
      await upstream.finish(sessionIds);
      const replies = await ask<string[]>({ do: "replies" });
      if (replies.length !== sessionIds.length || !replies.every(isReply)) {
        throw new Error(`Of ${sessionIds.length} waits, some gave no reply: ${replies}`);
      }
      await upstream.streamsAre(openStreams - sessionIds.length);
      sessionIds = [];
    },
    close: () => child.close(),
  };
  try {
    await holder.open(WARM_UP);
    await holder.end();
    return holder;
  } catch (error) {
    await child.close();
    throw error;
  }
}
