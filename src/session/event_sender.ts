/**
 * Sending an event to a session at most once.
 *
 * The API has no idempotency key: a repeated POST repeats the turn. So nothing is sent twice; when
 * the answer to a send is lost, the session's log tells whether the event arrived.
 *
 * @module
 */

import type { ClientEvent, ManagedAgentsApi } from "../api/types.ts";
import {
  createEventRecord,
  type DatedEvent,
  type EventAge,
  type LocalTime,
} from "../api/event_record.ts";
import { contentText, type SessionEvent } from "../api/events.ts";
import { instantMs } from "../api/read.ts";
import type { SentEvents } from "../api/resources.ts";
import type { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Redact } from "../core/redact.ts";
import { textMark } from "./event_types.ts";
import type { Waiter } from "./waiter.ts";
import {
  CHECK_TIMEOUT_MS,
  type Doubt,
  findLostWrite,
  isAmbiguous,
  type Trace,
  WRITE_TIMEOUT_MS,
} from "./ambiguous_write.ts";
import { LruMap } from "../core/lru.ts";

/** An event that the session's log has. */
export interface SendResult {
  /** Absent when the API neither echoed the event nor lists it yet. */
  readonly eventId?: string;
  /** Set when the answer was lost and the log showed that the event had arrived. */
  readonly confirmedByLog: boolean;
}

/** Sends events. One per process: it remembers which events it knows to be its own. */
export interface EventSender {
  /**
   * @throws `ApiError` when the API refused the event or was not reached; `ToolError`
   *   `delivery_unknown` when its answer was lost and the log does not show it; the signal's reason
   */
  send(sessionId: string, event: ClientEvent, signal: AbortSignal): Promise<SendResult>;
}

/** What sending needs. */
export interface EventSenderOptions {
  readonly api: Pick<ManagedAgentsApi, "events" | "eventRecord">;
  readonly waiter: Pick<Waiter, "expect">;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the log shows of a text that was sent has been through it. */
  readonly redact: Redact;
}

/** Events at the end of the log among which a lost one is looked for. */
const LOOK_LIMIT = 20;
const MAX_KNOWN_EVENTS = 10_000;
/**
 * How long, in milliseconds, an event of which it is not known whether it was delivered may still
 * turn up: so long no other of the same content passes for one that was sent later.
 */
const LOST_MS = 60_000;
/** How long a wait waits for such a message before it believes the log, in milliseconds. */
const EXPECT_LOST_MS = 10_000;

/** One call of `send`. */
interface Sending {
  readonly sessionId: string;
  readonly event: ClientEvent;
  readonly since: LocalTime;
  readonly signal: AbortSignal;
  /** When it no longer counts as open, by the clock's monotonic time. */
  until: number;
}

export function createEventSender(options: EventSenderOptions): EventSender {
  const { api, waiter, clock, log, redact } = options;
  const record = api.eventRecord ?? createEventRecord(clock);
  // Event ids that are accounted for: a second identical text must not be taken for the first.
  const known = new LruMap<string, true>(MAX_KNOWN_EVENTS);
  // Sends that may yet bring an event that nobody has accounted for.
  const open = new Set<Sending>();

  const ageOf = ({ sessionId, since }: Sending, { id, processed_at }: SessionEvent) =>
    record.ageOf(sessionId, { id: id ?? undefined, at: instantMs(processed_at) }, since);
  const accept = ({ sessionId }: Sending, eventId: string, confirmedByLog: boolean) => {
    known.set(eventId, true);
    waiter.expect(sessionId, eventId);
    return { eventId, confirmedByLog };
  };
  const expectUnseen = ({ sessionId, event, since }: Sending, forMs?: number) => {
    // Nothing is to come of another event that a wait could miss.
    if (event.type !== "user.message") return;
    const message = {
      mark: textMark(redact(contentText(event.content))),
      mayBe: (seen: DatedEvent) => /newer$/.test(record.ageOf(sessionId, seen, since)),
    };
    waiter.expect(sessionId, undefined, message, forMs);
  };
  /** Lists the events of the same content that are not accounted for. */
  const findAlike = async (
    { sessionId, event, signal }: Sending,
    orders: readonly ("asc" | "desc")[],
  ): Promise<SessionEvent[]> => {
    const pages = await Promise.all(orders.map((order) =>
      api.events.list(
        sessionId,
        { order, limit: LOOK_LIMIT, types: [event.type] },
        { signal, timeoutMs: CHECK_TIMEOUT_MS },
      )
    ));
    const alike = pages.flatMap(({ data }) => data).filter((seen) =>
      seen.id && !known.get(seen.id) && isSame(seen, event, redact)
    );
    return [...new Map(alike.map((seen) => [seen.id, seen])).values()];
  };
  /** Accepted without an echo: its id is what one event has that is probably new. */
  const findAccepted = async (sending: Sending) => {
    const alike = await findAlike(sending, ["desc"]);
    const [one, ...others] = alike.filter((seen) => /newer$/.test(ageOf(sending, seen)));
    // Several are somebody else's too: which is ours cannot be told.
    return others.length === 0 ? one?.id ?? undefined : undefined;
  };
  const hasTwin = (sending: Sending) =>
    [...open].some((other) =>
      other !== sending && other.sessionId === sending.sessionId && other.until > clock.now() &&
      isSame(other.event, sending.event, redact)
    );
  /** Only what is certainly newer than the request shows that it was taken. */
  const findLost = async (sending: Sending): Promise<Trace<string> | undefined> => {
    // Both ends of the log: where a list puts queued events is not specified.
    const alike = await findAlike(sending, ["asc", "desc"]);
    const idsOf = (fits: (age: EventAge) => boolean) =>
      alike.flatMap((seen) => seen.id && fits(ageOf(sending, seen)) ? [seen.id] : []);
    const [found, ...others] = idsOf((age) => age === "newer");
    if (found !== undefined && others.length === 0 && !hasTwin(sending)) return { found };
    const ids = idsOf((age) => !age.endsWith("older"));
    return ids.length > 0 ? { alike: ids } : undefined;
  };

  const sendOnce = async (sending: Sending): Promise<SendResult> => {
    const { sessionId, event, signal } = sending;
    let sent: SentEvents;
    try {
      sent = await api.events.send(sessionId, [event], { signal, timeoutMs: WRITE_TIMEOUT_MS });
    } catch (error) {
      if (!signal.aborted && !isAmbiguous(error)) throw error;
      return await afterLoss(sending, error);
    }
    const echoed = sent.data.find(({ type, id }) => type === event.type && id)?.id;
    if (echoed) return accept(sending, echoed, false);
    // Accepted without an echo: queued either way, so a failing look changes nothing.
    const listed = await findAccepted(sending).catch((error) => {
      if (signal.aborted) throw error;
      return undefined;
    });
    if (listed !== undefined) return accept(sending, listed, false);
    expectUnseen(sending);
    return { confirmedByLog: false };
  };
  const afterLoss = async (sending: Sending, error: unknown): Promise<SendResult> => {
    const { sessionId, event, signal } = sending;
    try {
      if (signal.aborted || !isAmbiguous(error)) throw error;
      log.warn("It is not certain what became of a send; looking for the event in the log", {
        session_id: sessionId,
        type: event.type,
        kind: error.kind,
        status: error.status,
        request_id: error.requestId,
      });
      const eventId = await findLostWrite({
        clock,
        signal,
        lost: error,
        look: () => findLost(sending),
        unknown: unknownDelivery,
      });
      return accept(sending, eventId, true);
    } catch (failure) {
      if (failure === error && !signal.aborted) throw failure;
      // It may turn up all the same.
      sending.until = clock.now() + LOST_MS;
      expectUnseen(sending, EXPECT_LOST_MS);
      throw failure;
    }
  };

  return {
    async send(sessionId, event, signal) {
      for (const other of open) if (other.until <= clock.now()) open.delete(other);
      const since = record.localTime();
      const sending: Sending = { sessionId, event, since, signal, until: Infinity };
      open.add(sending);
      try {
        return await sendOnce(sending);
      } finally {
        if (sending.until === Infinity) open.delete(sending);
      }
    },
  };
}

function unknownDelivery(doubt: Doubt, cause: ApiError): ToolError {
  const [reason, check] = doubt.why === "look_alike"
    ? [
      `${listed(doubt.ids)} with the same content may be this one or an earlier one`,
      'Before sending again, see with list_events (order "desc") whether it came after everything ' +
      "that you have seen: then it is this one.",
    ]
    : [
      doubt.why === "unreadable"
        ? "the session's events could not be read"
        : "it may still be on its way",
      'Before sending again, look for it with list_events (order "desc").',
    ];
  return new ToolError(
    "delivery_unknown",
    `It is not known whether the event was delivered: the API's response was lost and ${reason}. ` +
      check,
    { cause },
  );
}

/** Ids that are named. */
const MAX_NAMED = 3;

function listed(ids: readonly string[]): string {
  return ids.length === 1
    ? `event ${ids[0]}`
    : `${ids.length} events (${ids.slice(0, MAX_NAMED).join(", ")}${
      ids.length > MAX_NAMED ? ", …" : ""
    })`;
}

function isSame(seen: SessionEvent | ClientEvent, sent: ClientEvent, redact: Redact): boolean {
  if (seen.type !== sent.type) return false;
  if (sent.type !== "user.message" || !("content" in seen)) return true;
  // Both: a secret may have been learned since either was read.
  return redact(contentText(seen.content)) === redact(contentText(sent.content));
}
