/**
 * Remembers the events of sessions that this process has seen, and how the clocks that stamp them
 * run, to tell events that are newer than a moment here from older ones.
 *
 * `processed_at` is by the server's clock, which may be minutes away from this machine's. The `date`
 * header (RFC 9110, 6.6.1) gives whole seconds, and need not be by the same clock: a proxy may write
 * it. So it makes an event likely to be new or old, and proves neither. What proves something are
 * stamps: a server stamps what was sent from here after it was sent, and has stamped what was seen
 * here before it was seen.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LruMap } from "../core/lru.ts";
import type { SessionEvent } from "./events.ts";
import { instantMs } from "./read.ts";

/** A moment by both of this machine's clocks, in milliseconds: one may jump, the other stand still. */
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
 * When an event came to be, compared with a moment here. `older` and `newer` are certain; `unclear`
 * where the server's clocks disagree.
 */
export type EventAge = "older" | "likely_older" | "unclear" | "likely_newer" | "newer";

/** See the module. One for each server. */
export interface EventRecord {
  localTime(): LocalTime;
  /** Tells whether an event of the session is from before `since` or after it. */
  ageOf(sessionId: string, event: DatedEvent, since: LocalTime): EventAge;
  /** Remembers the `date` of a response whose request was sent at `sentAt`. */
  addDate(headers: Headers, sentAt: LocalTime): void;
  /** Remembers that the events exist. */
  addEvents(sessionId: string, events: readonly SessionEvent[]): void;
  /** Remembers the ids that the server gave to what was sent at `sentAt`. */
  addSent(sessionId: string, events: readonly SessionEvent[], sentAt: LocalTime): void;
  /** Remembers that the session was made by a request that was sent at `sentAt`. */
  addCreated(sessionId: string, sentAt: LocalTime): void;
}

const MAX_SESSIONS = 2_000;
const MAX_EVENTS = 20_000;
/** Sent events of one session whose stamps are awaited. */
const MAX_AWAITED = 50;
/** A clock is known by so many of its newest observations, none older: clocks drift. */
const MAX_OBSERVATIONS = 16;
const OBSERVED_MS = 10 * 60_000;
/** Of observations that are closer in time the tightest counts, in milliseconds. */
const SPACING_MS = 1_000;
/** Without a `date` the server's clock is taken to be so near, in milliseconds. */
const ASSUMED_SKEW_MS = 2_000;

/** An instant by a server's clock, and one of this machine's that was not later, or not earlier. */
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

  /** The tightest bound of what the server's clock shows at a moment; the laxer one of two clocks. */
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
  /** When the session was asked for, until one of its events is seen: all came later. */
  createdAt: LocalTime | undefined;
  /** When events were sent that have not been seen stamped, by id. */
  readonly awaited: LruMap<string, LocalTime>;
  readonly earliest: Bound;
  readonly latest: Bound;
}

/** Makes an empty record. */
export function createEventRecord(clock: Clock): EventRecord {
  /** When events of clients were first seen, by session and id. */
  const seen = new LruMap<string, number>(MAX_EVENTS);
  // By session: servers may keep them on machines of their own.
  const sessions = new LruMap<string, SessionRecord>(MAX_SESSIONS);
  const dates = { earliest: new Bound("earliest"), latest: new Bound("latest") };
  // Responses within a second carry the same date.
  let newestDate = { text: "", at: NaN };
  const dateOf = (text: string): number => {
    if (text !== newestDate.text) newestDate = { text, at: Date.parse(text) };
    return newestDate.at;
  };
  const localTime = () => ({ monotonic: clock.now(), wall: clock.wallTime() });

  const recordOf = (sessionId: string, createdAt?: LocalTime): SessionRecord => {
    const known = sessions.get(sessionId);
    if (known) return known;
    const fresh: SessionRecord = {
      createdAt,
      awaited: new LruMap(MAX_AWAITED),
      earliest: new Bound("earliest"),
      latest: new Bound("latest"),
    };
    sessions.set(sessionId, fresh);
    return fresh;
  };
  const addSeen = (sessionId: string, { type, id }: SessionEvent) => {
    if (!id || !type.startsWith("user.")) return;
    const key = `${sessionId} ${id}`;
    if (seen.get(key) === undefined) seen.set(key, clock.now());
  };
  /** True when the events' clock keeps within what the `date` headers say; else these say nothing. */
  const agrees = ({ earliest, latest }: SessionRecord, now: LocalTime) => {
    const from = dates.earliest.at(now) ?? now.wall - ASSUMED_SKEW_MS;
    const until = dates.latest.at(now) ?? now.wall + ASSUMED_SKEW_MS;
    return (latest.at(now) ?? from) >= from && (earliest.at(now) ?? until) <= until;
  };

  const addEvents = (sessionId: string, events: readonly SessionEvent[]) => {
    const session = recordOf(sessionId);
    let newest: number | undefined;
    for (const event of events) {
      addSeen(sessionId, event);
      const at = instantMs(event.processed_at);
      if (at === undefined) continue;
      newest = Math.max(newest ?? at, at);
      const sentAt = event.id ? session.awaited.get(event.id) : undefined;
      const notBefore = sentAt ?? session.createdAt;
      if (notBefore) session.latest.add(at + roundedBy(at), notBefore);
      if (sentAt && event.id) session.awaited.delete(event.id);
      session.createdAt = undefined;
    }
    if (newest !== undefined) session.earliest.add(newest, localTime());
  };

  return {
    localTime,
    ageOf(sessionId, { id, at }, since) {
      const seenAt = id === undefined ? undefined : seen.get(`${sessionId} ${id}`);
      if (seenAt !== undefined && seenAt < since.monotonic) return "older";
      if (at === undefined) return "likely_newer";
      const now = localTime();
      const session = recordOf(sessionId);
      const { earliest, latest } = session;
      if (at < (earliest.at(since) ?? -Infinity)) return "older";
      // What is later than now shows that the clock has been set since it was observed.
      const isStamped = at > (latest.at(since) ?? Infinity) && at <= (latest.at(now) ?? -Infinity);
      if (isStamped) return "newer";
      if (!agrees(session, now)) return "unclear";
      if (at > (dates.latest.at(now) ?? now.wall + ASSUMED_SKEW_MS)) return "unclear";
      const from = dates.earliest.at(since) ?? since.wall - ASSUMED_SKEW_MS;
      return at < from ? "likely_older" : "likely_newer";
    },
    addDate(headers, sentAt) {
      const date = dateOf(headers.get("date") ?? "");
      // A cache repeats an old one.
      if (Number.isNaN(date) || headers.has("age")) return;
      dates.earliest.add(date, localTime());
      dates.latest.add(date + 1_000, sentAt);
    },
    addEvents,
    addSent(sessionId, events, sentAt) {
      const { awaited } = recordOf(sessionId);
      for (const { id } of events) if (id) awaited.set(id, sentAt);
      addEvents(sessionId, events);
    },
    addCreated(sessionId, sentAt) {
      recordOf(sessionId, sentAt);
    },
  };
}

/** By how much a server may have cut a time, in milliseconds: some write whole seconds. */
function roundedBy(at: number): number {
  if (at % 1_000 === 0) return 1_000;
  return Number.isInteger(at) ? 1 : 0;
}
