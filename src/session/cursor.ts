/**
 * Cursors: what results give out as `last_event_id` and take back as `after_id`.
 *
 * A cursor is an event's id. A call that has to be made again with nothing new in between would
 * then be the same call as before, and hosts end a run that repeats itself; so its cursor is the
 * same id with a suffix that counts: `sevt_01AB`, `sevt_01ABw1`, `sevt_01ABw2`. Nothing is
 * remembered for it: the suffix means the same on every replica and after a restart.
 *
 * A cursor into a text, `sevt_01AB@30000`, stands behind so many of its characters: what comes after
 * it is the rest of the text, and then the events after that one.
 *
 * @module
 */

/** Longest cursor that the tools take, in characters. */
export const MAX_CURSOR_CHARS = 128;

/** Stands for an event where a session has none yet: everything comes after it. */
const START = "start";

const SUFFIX = /^(.+)w([1-9][0-9]{0,8})$/s;
const PART = /^(.+)@([1-9][0-9]{0,9})$/s;
/** Ids that a cursor can stand for: itself, without a part, and without up to two suffixes. */
const MAX_IDS = 4;

/**
 * Lists the ids that the event of a cursor may have, the likeliest first: an id that looks as if it
 * had a suffix is an id all the same. Two suffixes are taken off, since {@linkcode repeatedCursor}
 * adds one to an id that looks like that when it can't know.
 *
 * @returns none where the cursor stands for the session's beginning
 */
export function cursorIds(cursor: string): readonly string[] {
  const ids = [cursor];
  for (let id = baseOf(cursor); id !== undefined && ids.length < MAX_IDS; id = baseOf(id)) {
    ids.push(id);
  }
  return ids.includes(START) ? [] : ids;
}

/**
 * Makes the cursor of a call that has to be made again, where nothing new has come since `cursor`:
 * another text for the same event.
 *
 * @param cursor the one of this call; absent when it had none and the session has no event yet
 * @param eventId the event that it was found to name; absent when that is not known
 * @returns `cursor` itself where a suffix would make it longer than a cursor may be
 */
export function repeatedCursor(cursor: string | undefined, eventId?: string): string {
  const next = cursor === undefined ? `${START}w1` : counted(cursor, eventId);
  return next.length > MAX_CURSOR_CHARS && cursor !== undefined ? cursor : next;
}

function counted(cursor: string, eventId: string | undefined): string {
  const [, base, count] = SUFFIX.exec(cursor) ?? [];
  if (base === undefined) return `${cursor}w1`;
  // Without the event, one suffix may be part of its id; a second one is ours.
  const isOurs = eventId === undefined ? base === START || SUFFIX.test(base) : eventId !== cursor;
  return isOurs ? `${base}w${Number(count) + 1}` : `${cursor}w1`;
}

function baseOf(cursor: string): string | undefined {
  return SUFFIX.exec(cursor)?.[1] ?? PART.exec(cursor)?.[1];
}

/** A place in the text of an event. */
export interface TextPlace {
  readonly eventId: string;
  /** UTF-16 units before it, > 0. */
  readonly from: number;
}

/** Reads the place in a text that a cursor stands for; undefined for one between events. */
export function textPlaceOf(cursor: string): TextPlace | undefined {
  const [, eventId, from] = PART.exec(cursor) ?? PART.exec(SUFFIX.exec(cursor)?.[1] ?? "") ?? [];
  return eventId === undefined ? undefined : { eventId, from: Number(from) };
}

/** Makes the cursor of a place in a text; undefined where it would be longer than one may be. */
export function textCursor({ eventId, from }: TextPlace): string | undefined {
  const cursor = `${eventId}@${from}`;
  return cursor.length > MAX_CURSOR_CHARS ? undefined : cursor;
}
