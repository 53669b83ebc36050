/**
 * Lists the work that is done with ever more events: live, and by reading the list.
 *
 * @module
 */

import { chunksOf, EventWriter, type Shape } from "./events.ts";
import type { Growing } from "./growth.ts";
import { PagedEvents } from "./memory_api.ts";
import { callListEvents, type ListArgs, readOver, readTurn } from "./paths.ts";

const CHUNK_BYTES = 16 * 1_024;
const SIZES = [1_000, 10_000, 100_000] as const;
/** A wait reads back no further than some 20,000 events. */
const CURSOR_SIZES = [2_000, 20_000] as const;
const ANSWERS_SIZES = [500, 5_000] as const;
/** Sizes of a quick run are this share. */
const QUICK_SHARE = 0.01;
const TAIL = 10;
/** Events before the cursor, which is never the first of its session. */
const BEFORE = 10;

/** Makes a session of `events` events, all of one turn that is over. */
function finishedSession(shape: Shape, events: number): PagedEvents {
  const writer = new EventWriter();
  writer.ask();
  writer.begin();
  writer.fill(shape, events - 1);
  writer.end();
  return new PagedEvents(writer.events);
}

/** The event that so many others came after. */
function idBefore(session: PagedEvents, count: number): string {
  const id = session.events.at(-count - 1)?.id;
  if (id === undefined) throw new RangeError(`There are no ${count} events in the session`);
  return id;
}

function live(id: string, shape: Shape, what: string): Omit<Growing, "sizes"> {
  return {
    id,
    what,
    prepare: (size) => {
      const writer = new EventWriter();
      writer.begin();
      writer.fill(shape, size - 1);
      writer.end();
      const chunks = chunksOf(writer.events, CHUNK_BYTES);
      return () => readTurn(chunks, writer.events);
    },
  };
}

function readBack(id: string, shape: Shape, what: string): Omit<Growing, "sizes"> {
  return {
    id,
    what,
    prepare: (size) => {
      const session = finishedSession(shape, size + BEFORE);
      const afterId = idBefore(session, size);
      return () => readOver(session, afterId);
    },
  };
}

function listing(
  args: (session: PagedEvents) => ListArgs,
  expected: number,
): Pick<Growing, "prepare"> {
  return {
    prepare: (size) => {
      const session = finishedSession("work", size);
      return () => callListEvents(session, args(session), expected);
    },
  };
}

const CASES: readonly Omit<Growing, "sizes">[] = [
  live("turn", "work", "a turn of tool calls, live"),
  live("reply", "reply", "a turn whose reply comes in pieces, live"),
  {
    id: "first_look",
    what: "first read of a turn that is over, from the list",
    bounded: true,
    prepare: (size) => {
      const session = finishedSession("work", size);
      return () => readOver(session);
    },
  },
  {
    id: "list_tail",
    what: `list_events, after_id ${TAIL} events back`,
    bounded: true,
    ...listing((session) => ({ after_id: idBefore(session, TAIL) }), TAIL),
  },
  {
    id: "list_back",
    what: "list_events, after_id the first event",
    ...listing(
      (session) => ({ after_id: idBefore(session, session.events.length - 1), limit: 10 }),
      10,
    ),
  },
  {
    id: "list_types",
    what: "list_events, after_id the first event, a type that is rare",
    ...listing((session) => ({
      after_id: idBefore(session, session.events.length - 1),
      types: ["session.status_idle"],
    }), 1),
  },
];

/** Everything whose growth is measured. */
export function growingCases(quick: boolean): Growing[] {
  const scaled = (sizes: readonly number[]) =>
    quick ? sizes.map((size) => Math.max(TAIL + 2, size * QUICK_SHARE)) : sizes;
  return [
    ...CASES.map((growing) => ({ ...growing, sizes: scaled(SIZES) })),
    {
      ...readBack("cursor", "work", "wait with an after_id so many events back"),
      sizes: scaled(CURSOR_SIZES),
    },
    {
      ...readBack("answers", "answers", "the same where every tool call was answered by hand"),
      sizes: scaled(ANSWERS_SIZES),
    },
  ];
}
