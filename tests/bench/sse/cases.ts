/**
 * What is done with more and more events: live, and in the log.
 *
 * @module
 */

import { chunksOf, LogWriter, type Shape } from "./events.ts";
import type { Growing } from "./growth.ts";
import { PagedLog } from "./memory_api.ts";
import { callListEvents, type ListArgs, lookFirst, readTurn } from "./paths.ts";

const CHUNK_BYTES = 16 * 1_024;
const SIZES = [1_000, 10_000, 100_000] as const;
/** A wait reads back no further than some 20,000 events. */
const CURSOR_SIZES = [2_000, 20_000] as const;
const ANSWERS_SIZES = [500, 5_000] as const;
/** Sizes of a quick run are this share. */
const QUICK_SHARE = 0.01;
const TAIL = 10;
/** Older than what a cursor is looked for among: never the log's beginning. */
const BEFORE = 10;

/** A log of n events, all of one turn, that is over. */
function finishedLog(shape: Shape, events: number): PagedLog {
  const writer = new LogWriter();
  writer.ask();
  writer.begin();
  writer.fill(shape, events - 1);
  writer.end();
  return new PagedLog(writer.events);
}

/** The event that so many others came after. */
function idBefore(log: PagedLog, count: number): string {
  const id = log.events.at(-count - 1)?.id;
  if (id === undefined) throw new RangeError(`There are no ${count} events in the log`);
  return id;
}

function live(id: string, shape: Shape, what: string): Omit<Growing, "sizes"> {
  return {
    id,
    what,
    prepare: (size) => {
      const writer = new LogWriter();
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
      const log = finishedLog(shape, size + BEFORE);
      const afterId = idBefore(log, size);
      return () => lookFirst(log, afterId);
    },
  };
}

function listing(
  args: (log: PagedLog) => ListArgs,
  expected: number,
): Pick<Growing, "prepare"> {
  return {
    prepare: (size) => {
      const log = finishedLog("work", size);
      return () => callListEvents(log, args(log), expected);
    },
  };
}

const CASES: readonly Omit<Growing, "sizes">[] = [
  live("turn", "work", "a turn of tool calls, live"),
  live("reply", "reply", "a turn whose reply comes in pieces, live"),
  {
    id: "first_look",
    what: "first look at a turn that is over, in the log",
    bounded: true,
    prepare: (size) => {
      const log = finishedLog("work", size);
      return () => lookFirst(log);
    },
  },
  {
    id: "list_tail",
    what: `list_events, after_id ${TAIL} events back`,
    bounded: true,
    ...listing((log) => ({ after_id: idBefore(log, TAIL) }), TAIL),
  },
  {
    id: "list_back",
    what: "list_events, after_id the first event",
    ...listing((log) => ({ after_id: idBefore(log, log.events.length - 1), limit: 10 }), 10),
  },
  {
    id: "list_types",
    what: "list_events, after_id the first event, a type that is rare",
    ...listing((log) => ({
      after_id: idBefore(log, log.events.length - 1),
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
