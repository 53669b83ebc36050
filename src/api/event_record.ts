/**
 * Remembers the events of sessions that this process has seen, and how the servers' clocks run, to
 * tell events that are newer than a local moment from older ones.
 *
 * `processed_at` is by the server's clock, which may be minutes away from this machine's. The
 * `date` header (RFC 9110, 6.6.1) gives whole seconds, and need not be by the same clock: a proxy
 * may write it. So it makes an event likely to be new or old, and proves neither. Stamps prove it:
 * a server stamps an event that was sent from here after the sending, and has stamped an event that
 * was seen here before the sighting.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LruMap } from "../core/lru.ts";
import type { SessionEvent } from "./events.ts";
import { instantMs } from "./read.ts";

/**
 * A moment by both of this machine's clocks, in milliseconds: the wall clock may jump, and the
 * monotonic one may stand still.
 */
export interface LocalTime {
  readonly monotonic: number;
  readonly wall: number;
}

/** The fields of an event that {@linkcode EventRecord.ageOf} needs. */
export interface DatedEvent {
  readonly id: string | undefined;
  /** `processed_at` in milliseconds since the epoch. */
  readonly at: number | undefined;
}

/**
 * Age of an event, compared with a local moment. `older` and `newer` are certain; `unclear` where
 * the server's clocks disagree.
 */
export type EventAge = "older" | "likely_older" | "unclear" | "likely_newer" | "newer";

const MAX_SESSIONS = 2_000;
const MAX_EVENTS = 20_000;
/** Most sent events of one session that wait for their stamps. */
const MAX_AWAITED = 50;
/** Most observations of a clock that are kept, and for how long, in milliseconds: clocks drift. */
const MAX_OBSERVATIONS = 16;
const OBSERVED_MS = 10 * 60_000;
/** Of observations that are closer in time, in milliseconds, only the tightest is kept. */
const SPACING_MS = 1_000;
/** Assumed difference of the server's clock, in milliseconds, where there is no `date`. */
const ASSUMED_SKEW_MS = 2_000;

/** A time by a server's clock, and a moment of this machine that was not later, or not earlier. */
interface Observation {
  readonly server: number;
  readonly local: LocalTime;
}

/** Observations that bound a clock from one side. */
class Bound {
  readonly #side: "earliest" | "latest";
  readonly #observations: Observation[] = [];

  constructor(side: "earliest" | "latest") {
    this.#side = side;
  }

  add(server: number, local: LocalTime): void {
    const last = this.#observations.at(-1);
    if (last && local.monotonic - last.local.monotonic < SPACING_MS) {
      const gain = (server - local.monotonic) - (last.server - last.local.monotonic);
      if (this.#side === "earliest" ? gain <= 0 : gain >= 0) return;
      this.#observations.pop();
    }
    this.#observations.push({ server, local });
    if (this.#observations.length > MAX_OBSERVATIONS) this.#observations.shift();
  }

  /**
   * Returns the tightest bound of the server's clock at a moment; by the laxer of the local clocks.
   */
  at(time: LocalTime): number | undefined {
    const recent = this.#observations.filter(({ local }) =>
      Math.abs(time.monotonic - local.monotonic) <= OBSERVED_MS
    );
    if (recent.length === 0) return undefined;
    const by = (clock: keyof LocalTime) =>
      recent.map(({ server, local }) => server + time[clock] - local[clock]);
    return this.#side === "earliest"
      ? Math.min(Math.max(...by("monotonic")), Math.max(...by("wall")))
      : Math.max(Math.min(...by("monotonic")), Math.min(...by("wall")));
  }
}

/** The events and the clock of one session. */
interface SessionRecord {
  /**
   * Time of the request that created the session, until one of its events is seen: all are newer.
   */
  createdAt: LocalTime | undefined;
  /** Times at which events were sent that have not been seen stamped, by id. */
  readonly awaited: LruMap<string, LocalTime>;
  readonly earliest: Bound;
  readonly latest: Bound;
}

/** Events and clocks of one server; see the module. */
export class EventRecord {
  readonly #clock: Clock;
  /** Times at which clients' events were first seen, by session and id. */
  readonly #seen = new LruMap<string, number>(MAX_EVENTS);
  /** Records by session: servers may keep sessions on different machines. */
  readonly #sessions = new LruMap<string, SessionRecord>(MAX_SESSIONS);
  readonly #dates = { earliest: new Bound("earliest"), latest: new Bound("latest") };
  /** The newest `date`: responses within a second carry the same one. */
  #newestDate = { text: "", at: NaN };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  localTime(): LocalTime {
    return { monotonic: this.#clock.now(), wall: this.#clock.wallTime() };
  }

  /** Returns the age of a session's event, compared with `since`. */
  ageOf(sessionId: string, { id, at }: DatedEvent, since: LocalTime): EventAge {
    const seenAt = id === undefined ? undefined : this.#seen.get(`${sessionId} ${id}`);
    if (seenAt !== undefined && seenAt < since.monotonic) return "older";
    if (at === undefined) return "likely_newer";
    const now = this.localTime();
    const session = this.#recordOf(sessionId);
    const { earliest, latest } = session;
    if (at < (earliest.at(since) ?? -Infinity)) return "older";
    // A stamp later than now shows that the clock has been set since it was observed.
    const isStamped = at > (latest.at(since) ?? Infinity) && at <= (latest.at(now) ?? -Infinity);
    if (isStamped) return "newer";
    if (!this.#agrees(session, now) || at > this.#latestDate(now)) return "unclear";
    return at < this.#earliestDate(since) ? "likely_older" : "likely_newer";
  }

  /** Remembers the `date` of a response whose request was sent at `sentAt`. */
  addDate(headers: Headers, sentAt: LocalTime): void {
    const text = headers.get("date") ?? "";
    if (text !== this.#newestDate.text) this.#newestDate = { text, at: Date.parse(text) };
    const { at } = this.#newestDate;
    // A cache repeats an old date.
    if (Number.isNaN(at) || headers.has("age")) return;
    this.#dates.earliest.add(at, this.localTime());
    this.#dates.latest.add(at + 1_000, sentAt);
  }

  /** Remembers that events exist. */
  addEvents(sessionId: string, events: readonly SessionEvent[]): void {
    const session = this.#recordOf(sessionId);
    let newest: number | undefined;
    for (const event of events) {
      this.#addSeen(sessionId, event);
      const at = instantMs(event.processed_at);
      if (at === undefined) continue;
      newest = Math.max(newest ?? at, at);
      const sentAt = event.id ? session.awaited.get(event.id) : undefined;
      const notBefore = sentAt ?? session.createdAt;
      if (notBefore) session.latest.add(at + roundedBy(at), notBefore);
      if (sentAt && event.id) session.awaited.delete(event.id);
      session.createdAt = undefined;
    }
    if (newest !== undefined) session.earliest.add(newest, this.localTime());
  }

  /** Remembers the ids that the server gave to events that were sent at `sentAt`. */
  addSent(sessionId: string, events: readonly SessionEvent[], sentAt: LocalTime): void {
    const { awaited } = this.#recordOf(sessionId);
    for (const { id } of events) if (id) awaited.set(id, sentAt);
    this.addEvents(sessionId, events);
  }

  /** Remembers that a request sent at `sentAt` created the session. */
  addCreated(sessionId: string, sentAt: LocalTime): void {
    this.#recordOf(sessionId, sentAt);
  }

  #recordOf(sessionId: string, createdAt?: LocalTime): SessionRecord {
    const known = this.#sessions.get(sessionId);
    if (known) return known;
    const fresh: SessionRecord = {
      createdAt,
      awaited: new LruMap(MAX_AWAITED),
      earliest: new Bound("earliest"),
      latest: new Bound("latest"),
    };
    this.#sessions.set(sessionId, fresh);
    return fresh;
  }

  #addSeen(sessionId: string, { type, id }: SessionEvent): void {
    if (!id || !type.startsWith("user.")) return;
    const key = `${sessionId} ${id}`;
    if (this.#seen.get(key) === undefined) this.#seen.set(key, this.#clock.now());
  }

  /** Returns true if the events' clock fits the `date` headers; otherwise these prove nothing. */
  #agrees({ earliest, latest }: SessionRecord, now: LocalTime): boolean {
    const from = this.#earliestDate(now);
    const until = this.#latestDate(now);
    return (latest.at(now) ?? from) >= from && (earliest.at(now) ?? until) <= until;
  }

  #earliestDate(time: LocalTime): number {
    return this.#dates.earliest.at(time) ?? time.wall - ASSUMED_SKEW_MS;
  }

  #latestDate(time: LocalTime): number {
    return this.#dates.latest.at(time) ?? time.wall + ASSUMED_SKEW_MS;
  }
}

/** Returns how much a server may have cut off a time, in milliseconds: some write whole seconds. */
function roundedBy(at: number): number {
  if (at % 1_000 === 0) return 1_000;
  return Number.isInteger(at) ? 1 : 0;
}
