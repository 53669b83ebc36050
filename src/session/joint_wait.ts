/**
 * Waits for the turns of several sessions at once.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { allOrAbort } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { WaitEnd, Waiter, WaitRequest } from "./waiter.ts";

/** One wait for several sessions. */
export interface JointWaitRequest
  extends Omit<WaitRequest, "sessionId" | "afterId" | "again" | "onGoesOn" | "timeUp"> {
  /** Each once. */
  readonly sessionIds: readonly string[];
  /** Cursors by session: of each, only what came after it counts towards the reply. */
  readonly afterIds: Readonly<Record<string, string>>;
  /** `any` ends with the first session whose turn is over, `all` with the last. */
  readonly mode: "any" | "all";
  /** As for a wait, of the session. */
  readonly again: (sessionId: string, cursor: string | undefined) => string;
}

/** What became of one session: the end of its wait, or the error because of which there is none. */
export type JointEnd =
  & { readonly sessionId: string }
  & ({ readonly end: WaitEnd } | { readonly error: ApiError | ToolError });

/** Milliseconds for which sessions that were not read yet are, when the wait ends for another. */
const FIRST_READ_MS = 1_500;

/**
 * Waits until any of the sessions is over, or all are, or the time is up. A session that cannot be
 * followed counts as over and keeps nothing from the others. Each takes a place among the open
 * waits; all of them, or none.
 *
 * @returns the ends in the order of the sessions; one that goes on has the status `timeout`
 * @throws `ToolError` `too_many_waits`; the signal's reason
 */
export async function waitForSeveral(
  request: JointWaitRequest,
  { waiter, clock }: { readonly waiter: Pick<Waiter, "enter">; readonly clock: Clock },
): Promise<readonly JointEnd[]> {
  const { sessionIds, afterIds, mode, again, onProgress, ...common } = request;
  common.signal.throwIfAborted();
  const releases: (() => void)[] = [];
  const open = new Map(sessionIds.map((id) => [id, new AbortController()]));
  /** Sessions that were read and go on. */
  const known = new Set<string>();
  let isEnding = false;
  let cancelTimer = () => {};
  const endOthers = () => {
    isEnding = true;
    for (const id of known) open.get(id)?.abort();
    cancelTimer = clock.after(FIRST_READ_MS, () => {
      for (const controller of open.values()) controller.abort();
    });
  };
  try {
    const places = sessionIds.map((sessionId) => {
      const place = waiter.enter(sessionId);
      releases.push(() => place.release());
      return { sessionId, place };
    });
    const follow = async (
      { sessionId, place }: typeof places[number],
      signal: AbortSignal,
    ): Promise<JointEnd> => {
      const joint = await place.waitForEnd({
        ...common,
        sessionId,
        signal,
        afterId: afterIds[sessionId],
        again: (cursor) => again(sessionId, cursor),
        timeUp: open.get(sessionId)?.signal,
        onGoesOn: () => {
          known.add(sessionId);
          if (isEnding) open.get(sessionId)?.abort();
        },
        ...(onProgress && {
          onProgress: (message: string) =>
            onProgress(`${open.size} of ${sessionIds.length} sessions running: ${message}`),
        }),
      }).then((end) => ({ sessionId, end }), (error: unknown) => {
        if (!(error instanceof ApiError || error instanceof ToolError)) throw error;
        return { sessionId, error };
      });
      open.delete(sessionId);
      if (mode === "any" && !isEnding && isOver(joint)) endOthers();
      return joint;
    };
    return await allOrAbort(
      common.signal,
      (signal) => Promise.all(places.map((one) => follow(one, signal))),
    );
  } finally {
    cancelTimer();
    for (const release of releases) release();
  }
}

/** Returns true unless the session's turn goes on. */
function isOver(joint: JointEnd): boolean {
  return "error" in joint || joint.end.status !== "timeout";
}
