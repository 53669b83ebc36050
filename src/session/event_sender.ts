/**
 * Sending an event to a session at most once.
 *
 * The API has no idempotency key: a repeated POST repeats the turn. So nothing is sent twice; when
 * the response to a send is lost, the session's events tell whether the event arrived.
 *
 * @module
 */

import type { ClientEvent, ManagedAgentsApi, SentEvents } from "../api/types.ts";
import {
  type DatedEvent,
  type EventAge,
  EventRecord,
  type LocalTime,
} from "../api/event_record.ts";
import { instantMs } from "../api/read.ts";
import type { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Redact } from "../core/redact.ts";
import { contentDigestOf, type Likeness, likenessOf } from "./same_event.ts";
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

/** The result object of `send_message` and `interrupt`: the API accepted the event. */
export interface SendResult {
  readonly queued: true;
  /** Absent when the API neither echoed the event nor lists it yet. */
  readonly event_id?: string;
  /** Set when the response was lost and the session's events showed that the event had arrived. */
  readonly confirmed_by_log?: true;
}

/** Options of {@linkcode EventSender}. */
export interface EventSenderOptions {
  readonly api: Pick<ManagedAgentsApi, "events" | "eventRecord">;
  readonly waiter: Pick<Waiter, "rememberSend">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Every text that the API client returns has been through it. */
  readonly redact: Redact;
}

/** Events at either end of the list among which a lost one is looked for. */
const CHECK_LIMIT = 20;
const MAX_KNOWN_EVENTS = 10_000;
/**
 * For so many milliseconds an event whose response was lost may still turn up: so long no other of
 * the same content passes for one that was sent later.
 */
const LOST_MS = 60_000;
/** Milliseconds for which a wait waits for such a message before it goes by the events alone. */
const REMEMBER_LOST_MS = 10_000;

/** One call of `send`. */
interface Sending {
  readonly sessionId: string;
  readonly event: ClientEvent;
  readonly since: LocalTime;
  readonly signal: AbortSignal;
  /** Time at which it no longer counts as open, monotonic; Infinity while the call runs. */
  openUntil: number;
}

/** An event that may be the one that was sent. */
interface Alike {
  readonly id: string;
  readonly likeness: Exclude<Likeness, "different">;
  readonly age: EventAge;
}

/** Sends events. One per process: it remembers which events it knows to be its own. */
export class EventSender {
  readonly #options: EventSenderOptions;
  readonly #record: EventRecord;
  /** Events that are accounted for: a second identical text must not be taken for the first. */
  readonly #known = new LruMap<string, true>(MAX_KNOWN_EVENTS);
  /** Sends that may yet bring an event that nobody has accounted for. */
  readonly #open = new Set<Sending>();

  constructor(options: EventSenderOptions) {
    this.#options = options;
    this.#record = options.api.eventRecord ?? new EventRecord(options.clock);
  }

  /**
   * Sends an event once.
   *
   * @throws `ApiError` when the API refused the event or was not reached; `ToolError`
   *   `delivery_unknown` when its response was lost and the events do not show it; the signal's
   *   reason
   */
  async send(sessionId: string, event: ClientEvent, signal: AbortSignal): Promise<SendResult> {
    const now = this.#options.clock.now();
    for (const other of this.#open) if (other.openUntil <= now) this.#open.delete(other);
    const since = this.#record.localTime();
    const sending: Sending = { sessionId, event, since, signal, openUntil: Infinity };
    this.#open.add(sending);
    try {
      return await this.#send(sending);
    } finally {
      if (sending.openUntil === Infinity) this.#open.delete(sending);
    }
  }

  async #send(sending: Sending): Promise<SendResult> {
    const { api } = this.#options;
    const { sessionId, event, signal } = sending;
    let sent: SentEvents;
    try {
      sent = await api.events.send(sessionId, [event], { signal, timeoutMs: WRITE_TIMEOUT_MS });
    } catch (error) {
      return await this.#recover(sending, error);
    }
    const echoed = sent.data.find(({ type, id }) => type === event.type && id)?.id;
    if (echoed) return this.#accept(sending, echoed);
    // Accepted without an echo: queued either way, so a failing check changes nothing.
    const listed = await this.#findAccepted(sending).catch((error) => {
      if (signal.aborted) throw error;
      return undefined;
    });
    if (listed !== undefined) return this.#accept(sending, listed);
    this.#rememberUnnamed(sending);
    return { queued: true };
  }

  /**
   * Finds out what became of a send that failed.
   *
   * @throws `error` where the API took nothing, or the caller waits no longer; else as `send`
   */
  async #recover(sending: Sending, error: unknown): Promise<SendResult> {
    const { signal } = sending;
    let failure = error;
    if (!signal.aborted) {
      if (!isAmbiguous(error)) throw error;
      try {
        const found = this.#accept(sending, await this.#findLost(sending, error));
        return { ...found, confirmed_by_log: true };
      } catch (unknown) {
        if (unknown === error && !signal.aborted) throw error;
        failure = unknown;
      }
    }
    // It may turn up all the same.
    sending.openUntil = this.#options.clock.now() + LOST_MS;
    this.#rememberUnnamed(sending, REMEMBER_LOST_MS);
    throw failure;
  }

  #accept({ sessionId }: Sending, eventId: string): SendResult {
    this.#known.set(eventId, true);
    this.#options.waiter.rememberSend(sessionId, eventId);
    return { queued: true, event_id: eventId };
  }

  /** Makes waits wait for a message without an id. They miss nothing of other events. */
  #rememberUnnamed({ sessionId, event, since }: Sending, forMs?: number): void {
    if (event.type !== "user.message") return;
    const { waiter, redact } = this.#options;
    const message = {
      contentDigest: contentDigestOf(event.content, redact),
      mayBe: (seen: DatedEvent) => isProbablyNewer(this.#record.ageOf(sessionId, seen, since)),
    };
    waiter.rememberSend(sessionId, undefined, message, forMs);
  }

  /** Finds the id of an event that was accepted without an echo: what is probably new, if alone. */
  async #findAccepted(sending: Sending): Promise<string | undefined> {
    const alike = await this.#listAlike(sending, ["desc"]);
    const [one, ...others] = alike.filter(({ age }) => isProbablyNewer(age));
    // Several are somebody else's too: which is ours cannot be told.
    return others.length === 0 && one?.likeness === "same" ? one.id : undefined;
  }

  /** Finds the id of an event whose response was lost. */
  #findLost(sending: Sending, lost: ApiError): Promise<string> {
    const { clock, log } = this.#options;
    const { sessionId, event, signal } = sending;
    log.warn(
      "It is not certain what became of a send; looking for the event in the session's list",
      {
        session_id: sessionId,
        type: event.type,
        kind: lost.kind,
        status: lost.status,
        request_id: lost.requestId,
      },
    );
    const check = async (): Promise<Trace<string> | undefined> => {
      // Both ends of the list: where it puts queued events is not specified.
      const alike = await this.#listAlike(sending, ["asc", "desc"]);
      // A call is answered once: an equal answer to it is the one that counts, whatever its age.
      const answer = isAnswer(event) && alike.find(({ likeness }) => likeness === "same");
      if (answer) return { found: answer.id };
      // Only what is certainly newer than the request shows that it was taken.
      const [found, ...others] = alike.filter(({ age }) => age === "newer");
      const isAlone = others.length === 0 && !this.#hasTwin(sending);
      if (found?.likeness === "same" && isAlone) return { found: found.id };
      const ids = alike.filter(({ age }) => !isProbablyOlder(age)).map(({ id }) => id);
      return ids.length > 0 ? { alike: ids } : undefined;
    };
    return findLostWrite({ clock, signal, lost, check, unknownError: unknownDelivery });
  }

  /**
   * Lists the events that have, or may have, the same content and are not accounted for, by age
   * beside the send.
   */
  async #listAlike(
    { sessionId, event, since, signal }: Sending,
    orders: readonly ("asc" | "desc")[],
  ): Promise<Alike[]> {
    const { api, redact } = this.#options;
    const pages = await Promise.all(orders.map((order) =>
      api.events.list(
        sessionId,
        { order, limit: CHECK_LIMIT, types: [event.type] },
        { signal, timeoutMs: CHECK_TIMEOUT_MS },
      )
    ));
    const alike = new Map<string, Alike>();
    for (const { id, ...seen } of pages.flatMap(({ data }) => data)) {
      if (!id || this.#known.get(id)) continue;
      const likeness = likenessOf(seen, event, redact);
      if (likeness === "different") continue;
      const dated = { id, at: instantMs(seen.processed_at) };
      alike.set(id, { id, likeness, age: this.#record.ageOf(sessionId, dated, since) });
    }
    return [...alike.values()];
  }

  /** True if another send of the same content is open. */
  #hasTwin(sending: Sending): boolean {
    const { clock, redact } = this.#options;
    return [...this.#open].some((other) =>
      other !== sending && other.sessionId === sending.sessionId && other.openUntil > clock.now() &&
      likenessOf(other.event, sending.event, redact) !== "different"
    );
  }
}

function isProbablyNewer(age: EventAge): boolean {
  return age === "newer" || age === "likely_newer";
}

function isProbablyOlder(age: EventAge): boolean {
  return age === "older" || age === "likely_older";
}

function unknownDelivery(doubt: Doubt, cause: ApiError): ToolError {
  const [reason, check] = doubt.why === "look_alike"
    ? [
      `${listed(doubt.ids)} with the same content, as far as it shows, may be this one or an ` +
      "earlier one",
      'see with list_events (order "desc") whether it came after everything that you have seen: ' +
      "then it is this one.",
    ]
    : [
      doubt.why === "unreadable"
        ? "the session's events could not be read"
        : "it may still be on its way",
      'look for it with list_events (order "desc").',
    ];
  return new ToolError(
    "delivery_unknown",
    (has) =>
      `It is not known whether the event was delivered: the API's response was lost and ${reason}. ` +
      (has("list_events")
        ? `Before sending again, ${check}`
        : "Sending again may deliver it a second time."),
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

/** True for the answer to a tool call. */
function isAnswer({ type }: ClientEvent): boolean {
  return type === "user.tool_confirmation" || type === "user.custom_tool_result";
}
