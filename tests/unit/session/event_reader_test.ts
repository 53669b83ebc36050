import { assertEquals, assertRejects } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { EventReader, EventWindow } from "../../../src/session/event_reader.ts";
import { setup } from "../api/support.ts";
import { events, fakeApi, FakeEvents } from "../tools/support.ts";

const RARE = "session.status_idle";

/** Events of a session: messages, with a rare event after every so many. */
function messagesWithRare(count: number, every: number): SessionEvent[] {
  return events(count).map((event, index) =>
    index % every === every - 1 ? { ...event, type: RARE } : event
  );
}

Deno.test("EventWindow remembers the positions of shown events and of its end only", () => {
  const window = new EventWindow(3);
  const position = { order: "asc", page: "p", limit: 3 } as const;
  const all = messagesWithRare(400, 100);
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

Deno.test("EventWindow shows an event once that comes queued and then stamped", () => {
  const position = { order: "asc", page: undefined, limit: 10 } as const;
  const queued = { id: "q1", type: "user.message", processed_at: null };
  const stamped = { ...queued, processed_at: "2026-11-23T09:10:00Z" };
  const [begin, end] = [events(1), events(1, 2)];
  for (const middle of [[queued, stamped, ...end, queued], [queued, ...end, stamped]]) {
    const window = new EventWindow(10);
    for (const event of [...begin, ...middle]) window.add(event, position);
    assertEquals(window.stretch(false).events, [...begin, stamped, ...end]);
  }
});

Deno.test("EventReader uses no page of one session to read another, whose event has the same id", async () => {
  const { api: { list = () => Promise.reject(new Error("no list")) } } = new FakeEvents(events(40));
  const asked: string[] = [];
  const reader = new EventReader(fakeApi({
    events: {
      list: (sessionId, params, options) => {
        asked.push(`${sessionId} ${params.order} ${params.page}`);
        return list(sessionId, params, options);
      },
    },
  }));
  const query = { sessionId: "sesn_1", limit: 10 };
  for (const afterId of [undefined, "e10"]) {
    const stretch = await reader.read({ ...query, afterId });
    reader.remember(query, stretch, String(stretch.events.at(-1)?.id));
  }
  for (const sessionId of ["sesn_1", "sesn_2"]) {
    asked.length = 0;
    await reader.read({ ...query, sessionId, afterId: "e20" });
    const isKnown = sessionId === "sesn_1";
    assertEquals(asked[0], isKnown ? "sesn_1 asc asc//e10" : "sesn_2 desc undefined");
  }
});

Deno.test("EventReader takes a cursor with a suffix for the event that it names", async () => {
  const list = new FakeEvents([
    ...events(20),
    ...events(1, 21).map((event) => ({ ...event, id: "e5w1" })),
  ]);
  const reader = new EventReader(fakeApi({ events: list.api }));
  const read = async (afterId: string) => {
    const { events } = await reader.read({ sessionId: "sesn_1", afterId, limit: 3 });
    return events.map(({ id }) => id);
  };
  assertEquals(await read("e7w1"), ["e8", "e9", "e10"]);
  assertEquals(await read("e7w12"), ["e8", "e9", "e10"]);
  // An id that looks like one with a suffix is an id all the same.
  assertEquals(await read("e5w1"), []);
  assertEquals(await read("e5w1w3"), []);
  // A session that had no event yet.
  assertEquals(await read("startw2"), ["e1", "e2", "e3"]);
});

Deno.test("EventReader asks before each page of a long search, and remembers a search in vain", async () => {
  const list = new FakeEvents(events(9_000));
  const reader = new EventReader(fakeApi({ events: list.api }));
  const query = { sessionId: "sesn_1", afterId: "foreign", limit: 10 };
  let asked = 0;
  const onLongSearch = () => void asked++;
  await assertRejects(() => reader.read(query, { onLongSearch }), ToolError, "foreign");
  assertEquals([list.requests.length, asked], [10, 7]);
  list.events.push(...events(50, 9_001));
  await assertRejects(() => reader.read(query, { onLongSearch }), ToolError, "foreign");
  assertEquals([list.requests.length, asked], [11, 7]);
  // What was in vain may be there later, as lists trail.
  list.events.push(...events(1, 9_051).map((event) => ({ ...event, id: "foreign" })));
  list.events.push(...events(2, 9_052));
  const { events: found } = await reader.read(query, { onLongSearch });
  assertEquals(found.map(({ id }) => id), ["e9052", "e9053"]);

  const refused = new Error("no more");
  const stop = () => {
    throw refused;
  };
  const before = list.requests.length;
  await assertRejects(
    () => reader.read({ ...query, afterId: "other" }, { onLongSearch: stop }),
    Error,
    "no more",
  );
  assertEquals(list.requests.length - before, 3);
});

Deno.test("EventReader reads a stretch again of which a search left texts out", async () => {
  const text = "x".repeat(3_000);
  const all = events(3_000).map((event) => ({ ...event, content: text }));
  const bodies: number[] = [];
  const { api } = setup(
    Array.from({ length: 10 }, () => (request: Request) => {
      const { searchParams } = new URL(request.url);
      const limit = Number(searchParams.get("limit"));
      const from = Number(searchParams.get("page") ?? 0);
      const data = all.toReversed().slice(from, from + limit);
      bodies.push(data.length);
      return Response.json({ data, next_page: from + limit < 3_000 ? String(from + limit) : null });
    }),
  );
  const reader = new EventReader(api);
  const { events: found } = await reader.read({ sessionId: "sesn_1", afterId: "e1500", limit: 3 });
  assertEquals(found.map(({ id, content }) => [id, content]), [
    ["e1501", text],
    ["e1502", text],
    ["e1503", text],
  ]);
  assertEquals(bodies, [100, 1_000, 1_000, 1_000]);
});
