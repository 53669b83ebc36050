/**
 * What the feeds of a process share.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../api/types.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { TokenBucket } from "../core/token_bucket.ts";
import type { EventHistory } from "./event_history.ts";

/** What all feeds together are doing, for the operator. */
export interface FeedCounters {
  /** Streams that are open now. */
  openStreams: number;
  /** Streams that were opened again, since the start. */
  reconnects: number;
}

/** What a feed works with. */
export interface FeedDeps {
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  /** The rate that reconnects and looks of all feeds together keep. */
  readonly bucket: TokenBucket;
  /** Whether an event of this session was sent of which the log does not know yet. */
  readonly isExpecting: (log: EventHistory) => boolean;
  readonly counters?: FeedCounters;
}
