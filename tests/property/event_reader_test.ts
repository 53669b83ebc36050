import { assertEquals } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import { EventReader } from "../../src/session/event_reader.ts";
import { createRandom, type Random } from "../helpers/random.ts";
import { events, fakeApi, FakeEvents } from "../unit/tools/support.ts";

const RARE = "session.status_idle";

/** What a stretch must be, from all events at once. */
function expectedStretch(
  all: readonly SessionEvent[],
  query: { readonly afterId: string; readonly limit: number; readonly types?: readonly string[] },
) {
  const after = all.slice(all.findIndex(({ id }) => id === query.afterId) + 1);
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

function randomEvents(random: Random): SessionEvent[] {
  const rarity = random.pick([2, 30, 700]);
  return events(Math.floor(random.between(2, 3_500))).map((event) => ({
    ...event,
    type: random.next() < 1 / rarity ? RARE : random.pick(["agent.message", "agent.thinking"]),
  }));
}

Deno.test("EventReader.read() returns what a filter over all events gives, and where to read on", async () => {
  const random = createRandom(20_261_123);
  for (let round = 0; round < 60; round++) {
    const list = new FakeEvents(randomEvents(random));
    const reader = new EventReader(fakeApi({ events: list.api }));
    const types = random.pick([[RARE], [RARE, "agent.thinking"], ["unseen"], undefined]);
    const limit = random.pick([1, 3, 100, 500]);
    let afterId = `e${1 + Math.floor(random.between(0, list.events.length))}`;
    for (let calls = 0; calls < 5; calls++) {
      const query = { sessionId: "sesn_1", afterId, limit, types };
      const expected = expectedStretch(list.events, query);
      // Each call searches back anew: no position is remembered.
      const stretch = await reader.read(query);
      const lastId = stretch.tailId ?? stretch.events.at(-1)?.id ?? afterId;
      assertEquals(
        { ids: stretch.events.map(({ id }) => id), hasMore: stretch.hasMore, onFrom: lastId },
        expected,
        JSON.stringify({ round, query, events: list.events.length }),
      );
      afterId = lastId;
    }
  }
});
