import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { createLogReader } from "../../../src/tools/log_reader.ts";
import { LogWindow } from "../../../src/tools/log_window.ts";
import { liveBytes } from "../../helpers/garbage.ts";
import { createRandom, type Random } from "../../helpers/random.ts";
import { events, fakeApi, FakeLog, pageOf } from "./support.ts";

const RARE = "session.status_idle";

/** A log of messages, with a rare event after every so many. */
function logWithRare(count: number, every: number): SessionEvent[] {
  return events(count).map((event, index) =>
    index % every === every - 1 ? { ...event, type: RARE } : event
  );
}

/** How often the types of a log's events are looked at by a read that goes all the way back. */
async function looksAtTypes(
  count: number,
  types: readonly string[],
  expected: number,
): Promise<number> {
  let looks = 0;
  const log = new FakeLog(
    logWithRare(count, count / 2).map(({ type, ...event }) => ({
      ...event,
      get type() {
        looks++;
        return type;
      },
    })),
  );
  const reader = createLogReader(fakeApi({ events: log.api }));
  const stretch = await reader.read({ sessionId: "sesn_1", afterId: "e1", limit: 10, types });
  assertEquals(stretch.events.length, expected);
  return looks;
}

for (
  const { what, types, expected } of [
    { what: "that is rare", types: [RARE], expected: 2 },
    { what: "that is not there", types: ["unseen"], expected: 0 },
    { what: "that is common", types: ["agent.message"], expected: 10 },
  ]
) {
  Deno.test(`A log reader looks at each event of a long log once for a type ${what}`, async () => {
    for (const count of [2_000, 20_000]) {
      const looks = await looksAtTypes(count, types, expected);
      assert(looks <= count, `${looks} looks at ${count} events`);
    }
  });
}

Deno.test("A log reader keeps no page of a long log that it only goes past", async () => {
  const pages = 12;
  const all = logWithRare(pages * 1_000, 6_000).toReversed();
  const live: number[] = [];
  const reader = createLogReader(fakeApi({
    events: {
      list: (_sessionId, params) => {
        live.push(liveBytes());
        const { data, next_page } = pageOf(all, params);
        const filled = data.map((event) => ({
          ...event,
          content: Array.from({ length: 100 }, () => Math.random()),
        }));
        return Promise.resolve({ data: filled, next_page });
      },
    },
  }));
  const query = { sessionId: "sesn_1", afterId: "e1", limit: 10, types: [RARE] };
  const stretch = await reader.read(query);
  assertEquals(stretch.events.map(({ id }) => id), ["e6000", "e12000"]);
  // The second and third pages have been read by then, and the one that is being left is in use.
  const [early = 0, late = 0] = [live[3], live.at(-1)];
  assertEquals(live.length, pages + 1);
  // Each page takes about 0.9 MB.
  assert(late - early < 2e6, `${(late - early) / 1e6} MB more`);
});

Deno.test("A log's window remembers where shown events stand and its end, not what it went past", () => {
  const window = new LogWindow(3);
  const position = { order: "asc", page: "p", limit: 3 } as const;
  const all = logWithRare(400, 100);
  for (const event of all) {
    if (event.type === RARE) window.add(event, position);
    else window.pass(String(event.id), position);
  }
  const stretch = window.stretch(false);
  const known = all.filter(({ id }) => id && stretch.positionOf(id)).map(({ id }) => id);
  // The fourth is not shown; what stands right before it is where reading goes on.
  assertEquals(known, ["e100", "e200", "e300", "e399"]);
  assertEquals(stretch.tailId, "e399");
  assertEquals(stretch.hasMore, true);
});

/** What a stretch must be, from the whole log at once. */
function expectedStretch(
  log: readonly SessionEvent[],
  query: { readonly afterId: string; readonly limit: number; readonly types?: readonly string[] },
) {
  const after = log.slice(log.findIndex(({ id }) => id === query.afterId) + 1);
  const wanted = after.filter(({ type }) => !query.types || query.types.includes(type));
  const left = wanted[query.limit];
  const before = left ? after.slice(0, after.indexOf(left)) : after;
  return {
    ids: wanted.slice(0, query.limit).map(({ id }) => id),
    hasMore: left !== undefined,
    // Nothing lies between here and what is not shown.
    onFrom: before.at(-1)?.id ?? query.afterId,
  };
}

function randomLog(random: Random): SessionEvent[] {
  const rarity = random.pick([2, 30, 700]);
  return events(Math.floor(random.between(2, 3_500))).map((event) => ({
    ...event,
    type: random.next() < 1 / rarity ? RARE : random.pick(["agent.message", "agent.thinking"]),
  }));
}

Deno.test("A log reader gives what a filter over the whole log gives, and the place right before the rest", async () => {
  const random = createRandom(20_261_123);
  for (let round = 0; round < 60; round++) {
    const log = new FakeLog(randomLog(random));
    const reader = createLogReader(fakeApi({ events: log.api }));
    const types = random.pick([[RARE], [RARE, "agent.thinking"], ["unseen"], undefined]);
    const limit = random.pick([1, 3, 100, 500]);
    let afterId = `e${1 + Math.floor(random.between(0, log.events.length))}`;
    for (let calls = 0; calls < 5; calls++) {
      const query = { sessionId: "sesn_1", afterId, limit, types };
      const expected = expectedStretch(log.events, query);
      // Each call looks back anew: no position is remembered.
      const stretch = await reader.read(query);
      const lastId = stretch.tailId ?? stretch.events.at(-1)?.id ?? afterId;
      assertEquals(
        { ids: stretch.events.map(({ id }) => id), hasMore: stretch.hasMore, onFrom: lastId },
        expected,
        JSON.stringify({ round, query, events: log.events.length }),
      );
      afterId = lastId;
    }
  }
});
