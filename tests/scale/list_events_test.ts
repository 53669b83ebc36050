import { assert, assertEquals, assertRejects } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import { ToolError } from "../../src/core/errors.ts";
import { EventReader } from "../../src/session/event_reader.ts";
import { listEvents } from "../../src/tools/list_events.ts";
import { liveBytes } from "../helpers/garbage.ts";
import { events, fakeApi, FakeEvents, harness, pageOf } from "../unit/tools/support.ts";

const RARE = "session.status_idle";

/** Events of a session: messages, with a rare event after every so many. */
function messagesWithRare(count: number, every: number): SessionEvent[] {
  return events(count).map((event, index) =>
    index % every === every - 1 ? { ...event, type: RARE } : event
  );
}

/** Counts how often a read that goes all the way back reads the types of the events. */
async function readsOfTypes(
  count: number,
  types: readonly string[],
  expected: number,
): Promise<number> {
  let reads = 0;
  const list = new FakeEvents(
    messagesWithRare(count, count / 2).map(({ type, ...event }) => ({
      ...event,
      get type() {
        reads++;
        return type;
      },
    })),
  );
  const reader = new EventReader(fakeApi({ events: list.api }));
  const stretch = await reader.read({ sessionId: "sesn_1", afterId: "e1", limit: 10, types });
  assertEquals(stretch.events.length, expected);
  return reads;
}

for (
  const { what, types, expected } of [
    { what: "that is rare", types: [RARE], expected: 2 },
    { what: "that is not there", types: ["unseen"], expected: 0 },
    { what: "that is common", types: ["agent.message"], expected: 10 },
  ]
) {
  Deno.test(`EventReader reads each event of a long list once for a type ${what}`, async () => {
    for (const count of [2_000, 20_000]) {
      const reads = await readsOfTypes(count, types, expected);
      assert(reads <= count, `${reads} reads of ${count} events`);
    }
  });
}

Deno.test("EventReader keeps no page of a long list that it only goes past", async () => {
  const pages = 12;
  const all = messagesWithRare(pages * 1_000, 6_000).toReversed();
  const live: number[] = [];
  const reader = new EventReader(fakeApi({
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

Deno.test("list_events stops looking for an after_id after a bounded number of pages", async () => {
  const list = new FakeEvents(events(101_000));
  const { run } = harness({ events: list.api });
  await assertRejects(
    () => run(listEvents, { session_id: "sesn_1", after_id: "e1" }),
    ToolError,
    "newest 100,000 events",
  );
  assertEquals(list.requests.length, 101);
});
