import { assertEquals } from "@std/assert";
import { formatMicros } from "../../../src/simulator/ids.ts";
import {
  type EventQuery,
  type HistoryOptions,
  SimulatedHistory,
  TrailingHistory,
} from "../../../src/simulator/history.ts";
import type { WireEvent } from "../../../src/simulator/wire.ts";
import { fc } from "../../helpers/fuzz.ts";

const HOSTED: HistoryOptions = { order: "processed_at", queued: "last" };
const START = Date.parse("2026-11-23T09:00:00.000Z") * 1000;

function event(id: string, micros: number | undefined, type = "agent.message"): WireEvent {
  return { id, type, processed_at: micros === undefined ? null : formatMicros(micros) };
}

/** A log with stamped events a to d, a second apart, and q queued between b and c. */
function sample(options: HistoryOptions = HOSTED): SimulatedHistory {
  const log = new SimulatedHistory(options);
  const add = (id: string, offset: number | undefined) => {
    const micros = offset === undefined ? undefined : START + offset * 1e6;
    log.append(event(id, micros, id === "b" ? "session.status_idle" : undefined), micros);
  };
  add("a", 0);
  add("b", 1);
  add("q", undefined);
  add("c", 2);
  add("d", 3);
  return log;
}

function ids(log: SimulatedHistory, query: Partial<EventQuery> = {}): string {
  return log.read({ order: "asc", limit: 100, ...query }).events.map((e) => e.id).join("");
}

for (
  const { name, options, asc, desc, stamped } of [
    {
      name: "queued last",
      options: HOSTED,
      asc: "abcdq",
      desc: "qdcba",
      stamped: "abcdq",
    },
    {
      name: "queued first",
      options: { order: "processed_at", queued: "first" },
      asc: "qabcd",
      desc: "dcbaq",
      stamped: "abcdq",
    },
    {
      name: "log order",
      options: { order: "appended", queued: "last" },
      asc: "abqcd",
      desc: "dcqba",
      stamped: "abqcd",
    },
  ] as const
) {
  Deno.test(`SimulatedHistory with ${name} reads ${asc}, backwards ${desc}, stamped ${stamped}`, () => {
    const log = sample(options);
    assertEquals(ids(log), asc);
    assertEquals(ids(log, { order: "desc" }), desc);
    log.stamp("q", START + 9e6);
    assertEquals(ids(log), stamped);
  });
}

Deno.test("SimulatedHistory stamps an event once and keeps its fields", () => {
  const log = sample();
  const stamped = log.stamp("q", START + 9e6);
  assertEquals(stamped, event("q", START + 9e6));
  assertEquals(log.find("q"), stamped);
  assertEquals(log.stamp("q", START + 10e6), undefined);
  assertEquals(log.stamp("a", START + 10e6), undefined);
  assertEquals(log.stamp("nobody", START), undefined);
  assertEquals(log.length, 5);
});

Deno.test("SimulatedHistory puts an event with an earlier time where that time belongs", () => {
  const log = sample();
  log.append(event("x", START + 1.5e6), START + 1.5e6);
  assertEquals(ids(log), "abxcdq");
});

for (
  const { name, query, expected } of [
    { name: "one type", query: { types: new Set(["session.status_idle"]) }, expected: "b" },
    { name: "an unknown type", query: { types: new Set(["nothing"]) }, expected: "" },
    { name: "a lower bound", query: { minMicros: START + 1e6 }, expected: "bcd" },
    { name: "an upper bound", query: { maxMicros: START + 1e6 }, expected: "ab" },
    {
      name: "both bounds",
      query: { minMicros: START + 1e6, maxMicros: START + 2e6 },
      expected: "bc",
    },
    {
      name: "a bound, backwards",
      query: { minMicros: START + 1e6, order: "desc" as const },
      expected: "dcb",
    },
  ]
) {
  for (const order of ["processed_at", "appended"] as const) {
    Deno.test(`SimulatedHistory sorted by ${order} reads ${name} as "${expected}"`, () => {
      assertEquals(ids(sample({ order, queued: "last" }), query), expected);
    });
  }
}

Deno.test("SimulatedHistory pages on where it was, though a queued event was stamped in between", () => {
  const log = sample();
  const first = log.read({ order: "asc", limit: 3 });
  assertEquals(first.events.map((e) => e.id).join(""), "abc");
  log.stamp("q", START + 9e6);
  assertEquals(ids(log, { after: first.next }), "dq");
});

Deno.test("SimulatedHistory has no next place at the end, exactly filled or not", () => {
  const log = sample();
  assertEquals(log.read({ order: "asc", limit: 5 }).next, undefined);
  assertEquals(log.read({ order: "asc", limit: 4 }).next === undefined, false);
});

Deno.test("SimulatedHistory gives every event once to a reader that pages while others are added", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 30 }),
    fc.integer({ min: 1, max: 5 }),
    (bursts, limit) => {
      const log = new SimulatedHistory(HOSTED);
      const seen: string[] = [];
      let after: EventQuery["after"];
      let added = 0;
      const readOn = () => {
        const page = log.read({ order: "asc", limit, after });
        if (!page.next) return page.events;
        seen.push(...page.events.map((e) => e.id));
        after = page.next;
        return undefined;
      };
      for (const burst of bursts) {
        for (let i = 0; i < burst; i++) {
          log.append(event(`e${added}`, START + added), START + added);
          added++;
        }
        readOn();
      }
      let rest = readOn();
      while (!rest) rest = readOn();
      seen.push(...rest.map((e) => e.id));
      assertEquals(seen, [...log.events()].map((e) => e.id));
    },
  ));
});

Deno.test("SimulatedHistory changes an event's fields and leaves it in its place", () => {
  for (const order of ["processed_at", "appended"] as const) {
    const log = sample({ order, queued: "last" });
    const before = [...log.events()].map(({ id }) => id);
    log.rewrite("b", { input: 1, id: "z", type: "other" });
    log.rewrite("missing", { input: 1 });
    assertEquals([...log.events()].map(({ id }) => id), before);
    assertEquals([log.find("b")?.input, log.find("b")?.type], [1, "session.status_idle"]);
  }
});

Deno.test("TrailingHistory shows calls later than what came after them", () => {
  let now = 0;
  const log = new TrailingHistory(HOSTED, { listLagMs: 10, callLagMs: 5, now: () => now });
  log.append(event("call", START, "agent.tool_use"), START);
  log.append(event("idle", START + 1), START + 1);
  log.rewrite("call", { input: 2 });
  const shown = () => [...log.now().events()].map(({ id, input }) => [id, input]);
  now = 10;
  assertEquals(shown(), [["idle", undefined]]);
  now = 15;
  assertEquals(shown(), [["call", 2], ["idle", undefined]]);
});
