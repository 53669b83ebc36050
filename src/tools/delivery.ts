/**
 * Sending an event to a session at most once.
 *
 * The API has no idempotency key: a repeated POST repeats the turn. So nothing is sent twice; when
 * the answer to a send is lost, the session's log tells whether the event arrived.
 *
 * @module
 */

import type { ClientEvent, ManagedAgentsApi } from "../api/api.ts";
import { contentText, type SessionEvent } from "../api/events.ts";
import { instantMs } from "../api/read.ts";
import { type ApiError, ToolError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { Redact } from "../core/redact.ts";
import { textMark } from "../session/log_event.ts";
import type { Waiter } from "../session/outcome.ts";
import { isAmbiguous, LOOK_TIMEOUT_MS, lookForLost, WRITE_TIMEOUT_MS } from "./ambiguity.ts";
import { LruMap } from "../core/lru.ts";

/** An event that the session's log has. */
export interface Delivered {
  /** Absent when the API neither echoed the event nor lists it yet. */
  readonly eventId?: string;
  /** Set when the answer was lost and the log showed that the event had arrived. */
  readonly confirmedByLog: boolean;
}

/** Sends events. One per process: it remembers which events it knows to be its own. */
export interface Delivery {
  /**
   * @throws `ApiError` when the API refused the event or was not reached; `ToolError`
   *   `delivery_unknown` when its answer was lost and the log does not show it; the signal's reason
   */
  send(sessionId: string, event: ClientEvent, signal: AbortSignal): Promise<Delivered>;
}

/** What sending needs. */
export interface DeliveryOptions {
  readonly api: Pick<ManagedAgentsApi, "events">;
  readonly waiter: Pick<Waiter, "expect">;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the log shows of a text that was sent has been through it. */
  readonly redact: Redact;
}

/** Events at the end of the log among which a lost one is looked for. */
const LOOK_LIMIT = 20;
/**
 * By how much this machine's clock may be ahead of the API's, in milliseconds. Little, since somebody
 * else's same text must not pass for ours: a message that is missed so is reported as unknown.
 */
const CLOCK_SKEW_MS = 2_000;
const MAX_KNOWN_EVENTS = 10_000;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { api, waiter, clock, log, redact } = options;
  // Event ids that are accounted for: a second identical text must not be taken for the first.
  const known = new LruMap<string, true>(MAX_KNOWN_EVENTS);

  const accept = (sessionId: string, eventId: string, confirmedByLog: boolean) => {
    known.set(eventId, true);
    waiter.expect(sessionId, eventId);
    return { eventId, confirmedByLog };
  };
  const acceptUnseen = (sessionId: string, event: ClientEvent, notBeforeMs: number) => {
    // Nothing is to come of another event that a wait could miss.
    if (event.type === "user.message") {
      waiter.expect(sessionId, undefined, {
        mark: textMark(redact(contentText(event.content))),
        notBeforeMs,
      });
    }
    return { confirmedByLog: false };
  };
  const find = async (
    sessionId: string,
    event: ClientEvent,
    notBeforeMs: number,
    signal: AbortSignal,
    orders: readonly ("asc" | "desc")[],
  ): Promise<string | undefined> => {
    const pages = await Promise.all(orders.map((order) =>
      api.events.list(
        sessionId,
        { order, limit: LOOK_LIMIT, types: [event.type] },
        { signal, timeoutMs: LOOK_TIMEOUT_MS },
      )
    ));
    const mine = pages.flatMap((page) => page.data).filter((seen) =>
      seen.id && !known.get(seen.id) && isSame(seen, event, redact) &&
      mayBeFrom(seen, notBeforeMs)
    );
    const ids = new Set(mine.map(({ id }) => id));
    // Several are somebody else's too: which is ours cannot be told.
    return ids.size === 1 ? mine[0]?.id ?? undefined : undefined;
  };

  return {
    async send(sessionId, event, signal) {
      // By the system's clock, which the API's times are compared with.
      const notBeforeMs = clock.wallTime() - CLOCK_SKEW_MS;
      try {
        const sent = await api.events.send(sessionId, [event], {
          signal,
          timeoutMs: WRITE_TIMEOUT_MS,
        });
        const echoed = sent.data.find(({ type, id }) => type === event.type && id)?.id;
        if (echoed) return accept(sessionId, echoed, false);
        // Accepted without an echo: queued either way, so a failing look changes nothing.
        const listed = await find(sessionId, event, notBeforeMs, signal, ["desc"]).catch(
          (error) => {
            if (signal.aborted) throw error;
            return undefined;
          },
        );
        return listed === undefined
          ? acceptUnseen(sessionId, event, notBeforeMs)
          : accept(sessionId, listed, false);
      } catch (error) {
        if (signal.aborted || !isAmbiguous(error)) throw error;
        log.warn("It is not certain what became of a send; looking for the event in the log", {
          session_id: sessionId,
          type: event.type,
          kind: error.kind,
          status: error.status,
          request_id: error.requestId,
        });
        // Both ends of the log: where a list puts queued events is not specified.
        const look = () => find(sessionId, event, notBeforeMs, signal, ["asc", "desc"]);
        const eventId = await lookForLost({
          clock,
          signal,
          lost: error,
          look,
          unknown: unknownDelivery,
        });
        return accept(sessionId, eventId, true);
      }
    },
  };
}

function unknownDelivery(why: "unreadable" | "on_its_way", cause: ApiError): ToolError {
  const reason = why === "unreadable"
    ? "the session's log could not be read"
    : "it may still be on its way";
  return new ToolError(
    "delivery_unknown",
    `It is not known whether the event was delivered: the API's answer was lost and ${reason}. ` +
      'Before sending again, look for it with list_events (order "desc").',
    { cause },
  );
}

function isSame(seen: SessionEvent, sent: ClientEvent, redact: Redact): boolean {
  if (seen.type !== sent.type) return false;
  if (sent.type !== "user.message") return true;
  // Both: a secret may have been learned since either was read.
  return redact(contentText(seen.content)) === redact(contentText(sent.content));
}

/** Queued, or taken up at or after `earliestMs`. */
function mayBeFrom(seen: SessionEvent, earliestMs: number): boolean {
  const at = instantMs(seen.processed_at);
  return at === undefined || at >= earliestMs;
}
