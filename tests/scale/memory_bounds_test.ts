// What a wait keeps in memory is bounded, whatever a session or its callers do.
import { assert, assertEquals } from "@std/assert";
import { EventHistory } from "../../src/session/event_history.ts";
import { UnseenSends } from "../../src/session/unseen_sends.ts";
import { readEvent, type TurnEvent } from "../../src/session/event_types.ts";
import { Turn } from "../../src/session/turn.ts";
import { eventMaker } from "../helpers/events.ts";
import { ManualClock } from "../helpers/manual_clock.ts";

/** Entries of the largest collection that a value holds directly. */
function largest(value: object): number {
  const sizes = Object.values(value).map((field) =>
    field instanceof Map || field instanceof Set ? field.size : 0
  );
  return Math.max(0, ...sizes);
}

Deno.test("a turn forgets the oldest of very many calls whose results name others", () => {
  const e = eventMaker();
  const turn = new Turn();
  turn.add(readEvent(e.user("go")));
  for (let i = 0; i < 5_000; i++) {
    turn.add(readEvent(e.make("agent.tool_use", { name: `tool_${i}`, input: {} })));
    turn.add(readEvent(e.toolResult("sevt_of_another")));
  }
  assert(largest(turn) <= 1_000, `${largest(turn)} entries`);
  // What it is doing now is known all the same.
  assertEquals([...turn.toolsInFlight.values()].at(-1)?.name, "tool_4999");
});

Deno.test("a process forgets the oldest of very many sends that no list shows", () => {
  const sends = new UnseenSends(new ManualClock());
  const log = new EventHistory();
  const sessions = Array.from({ length: 20_000 }, (_, i) => `sesn_${i}`);
  for (const id of sessions) sends.add(id, "sevt_never");
  const kept = sessions.filter((id) => sends.has(id, log));
  assertEquals(kept.length, 10_000);
  assertEquals(kept, sessions.slice(-10_000));
});

Deno.test("a session's oldest sends are forgotten when very many are not shown", () => {
  const sends = new UnseenSends(new ManualClock());
  const log = new EventHistory();
  for (let i = 1; i <= 20; i++) sends.add("sesn_1", `sevt_${i}`);
  const input = (id: string) => ({ kind: "input", key: id, id, queued: false }) as const;
  for (let i = 14; i <= 20; i++) log.add(input(`sevt_${i}`));
  assert(sends.has("sesn_1", log), "of the newest eight one is not shown yet");
  log.add(input("sevt_13"));
  assertEquals(sends.has("sesn_1", log), false);
});

Deno.test("a process forgets the oldest of very many messages that it has recognised", () => {
  const sends = new UnseenSends(new ManualClock());
  const log = new EventHistory();
  const e = eventMaker();
  const event = readEvent(e.user("the same words"));
  log.add(event);
  const message = { contentDigest: event.contentDigest ?? "", mayBe: () => true };
  const isAnother = () => {
    sends.add("sesn_1", undefined, message);
    return sends.has("sesn_1", log);
  };
  sends.add("sesn_1", event.id);
  assertEquals(sends.has("sesn_1", log), false);
  for (let i = 1; i < 10_000; i++) sends.add(`sesn_other_${i}`, "sevt_1");
  assert(isAnother(), "a second message of the same words is not the first");
  for (let i = 0; i < 10_000; i++) sends.add(`sesn_more_${i}`, "sevt_1");
  assertEquals(isAnother(), false);
});

const MIB = 1024 * 1024;
const text = (n: number, chars: number): TurnEvent => {
  const id = `sevt_${String(n).padStart(6, "0")}`;
  return { kind: "text", key: id, id, queued: false, text: String(n % 10).repeat(chars) };
};
const call = (n: number, chars: number): TurnEvent => {
  const id = `sevt_${String(n).padStart(6, "0")}`;
  const tool = {
    id,
    custom: false,
    asks: true,
    name: "bash",
    input: { command: "x".repeat(chars) },
  };
  return { kind: "tool_use", key: id, id, queued: false, tool };
};

const WAYS: Readonly<Record<string, (log: EventHistory, events: readonly TurnEvent[]) => void>> = {
  "from the stream": (log, events) => events.forEach((event) => log.add(event)),
  "in a page": (log, events) => log.merge(events),
  "in older pages": (log, events) => {
    for (let to = events.length; to > 0; to -= 100) {
      log.prepend(events.slice(Math.max(0, to - 100), to));
    }
  },
  "in fuller versions": (log, events) => {
    log.merge(events.map((event) => event.kind === "text" ? { ...event, text: "" } : event));
    log.merge(events);
  },
};

/** Characters of texts and inputs that the history holds in fact. */
function heldIn(log: EventHistory): number {
  return JSON.stringify(log.entries).length - JSON.stringify(
    log.entries.map((event) => ({ ...event, text: "", tool: undefined })),
  ).length;
}

for (const [how, take] of Object.entries(WAYS)) {
  for (const [what, make] of Object.entries({ texts: text, inputs: call })) {
    Deno.test(`a history that gets 20 MiB of ${what} ${how} holds the newest 5 MiB at most`, () => {
      const log = new EventHistory();
      const events = Array.from({ length: 1_000 }, (_, i) => make(i, 20 * MIB / 1_000));
      take(log, events);
      assertEquals(log.entries.map(({ key }) => key), events.map(({ key }) => key));
      assert(heldIn(log) <= 5 * MIB, `${heldIn(log)} characters`);
      assert(log.chars <= 4 * MIB, `${log.chars} counted`);
      const isSame = (entry: TurnEvent, index: number) =>
        JSON.stringify(entry) === JSON.stringify(events.slice(-90)[index]);
      assert(log.entries.slice(-90).every(isSame), "the newest are as they came");
      const letGo = log.entries.filter((event) =>
        event.kind === "text"
          ? event.text === "" && event.leftOut === 20_971
          : event.kind === "tool_use" && event.tool.input === null
      );
      assert(letGo.length >= 750, `${letGo.length} of 1,000 were let go of, and say so`);
    });
  }
}
