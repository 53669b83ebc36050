import { assert, assertEquals, assertRejects } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { CONTENT, type WithContent } from "../../../src/tools/content.ts";
import { listEvents } from "../../../src/tools/list_events.ts";
import { entriesOf, events, FakeEvents, harness, httpError, idsOf } from "./support.ts";
import type { SessionEvent } from "../../../src/api/events.ts";

function open(count: number) {
  const list = new FakeEvents(events(count));
  return { list, ...harness({ events: list.api }) };
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `e${from + index}`);
}

Deno.test("list_events starts at the oldest event and says where to read on", async () => {
  const { run, list } = open(10);
  const result = await run(listEvents, { session_id: "sesn_1", limit: 4 });
  assertEquals(idsOf(result), range(1, 4));
  assertEquals(result.last_event_id, "e4");
  assertEquals(result.has_more, true);
  assertEquals(list.requests, [{ order: "asc", limit: 4, types: undefined, page: undefined }]);
});

Deno.test("list_events of no events has neither last_event_id nor more", async () => {
  const { run } = open(0);
  assertEquals(await run(listEvents, { session_id: "sesn_1" }), { events: [], has_more: false });
});

Deno.test("list_events walks all events by after_id, in one or two requests each", async () => {
  const { run, list } = open(95);
  const seen: string[] = [];
  let afterId: string | undefined;
  for (let calls = 0; calls < 20; calls++) {
    list.requests.length = 0;
    const result = await run(listEvents, {
      session_id: "sesn_1",
      limit: 10,
      ...(afterId && { after_id: afterId }),
    });
    assert(list.requests.length <= 2, `${list.requests.length} requests`);
    seen.push(...idsOf(result));
    afterId = String(result.last_event_id);
    if (!result.has_more) break;
  }
  assertEquals(seen, range(1, 95));
});

Deno.test("list_events finds new events at the end of a long list in one request", async () => {
  const { run, list } = open(20_000);
  const result = await run(listEvents, { session_id: "sesn_1", after_id: "e19996" });
  assertEquals(idsOf(result), range(19_997, 20_000));
  assertEquals(result.has_more, false);
  assertEquals(list.requests.length, 1);
});

Deno.test("list_events polls the end of a list in one request each, also as events come", async () => {
  const { run, list } = open(1_000);
  let afterId = "e990";
  for (let round = 0; round < 5; round++) {
    list.requests.length = 0;
    const result = await run(listEvents, { session_id: "sesn_1", after_id: afterId });
    assertEquals(result.last_event_id, list.events.at(-1)?.id);
    assertEquals(list.requests.length, 1);
    afterId = String(result.last_event_id);
    list.events.push(...events(3, list.events.length + 1));
  }
});

Deno.test("list_events reads on from the middle of a list that another process has read", async () => {
  const { run, list } = open(5_000);
  const seen: string[] = [];
  let afterId = "e1200";
  const costs: number[] = [];
  for (let calls = 0; calls < 60; calls++) {
    list.requests.length = 0;
    const result = await run(listEvents, { session_id: "sesn_1", after_id: afterId, limit: 100 });
    costs.push(list.requests.length);
    seen.push(...idsOf(result));
    afterId = String(result.last_event_id);
    if (!result.has_more) break;
    // What comes meanwhile moves the newest page.
    if (calls === 3) list.events.push(...events(70, list.events.length + 1));
  }
  assertEquals(seen, range(1_201, 5_070));
  // The way is found once; then one request a page, and a search back where the newest page begins.
  assertEquals(costs[0], 5);
  assert(costs.slice(1).every((cost) => cost <= 3), costs.join());
  assert(costs.slice(1).filter((cost) => cost > 1).length <= 4, costs.join());
});

for (const place of ["end", "beginning"] as const) {
  for (const limit of [1, 2, 3, 10]) {
    Deno.test(`list_events ends with limit ${limit} when queued messages stand at the ${place} of the list`, async () => {
      const { run, list } = open(5);
      const queued = ["q1", "q2", "q3"].map((id) => ({
        id,
        type: "user.message",
        processed_at: null,
        content: "later",
      }));
      if (place === "end") list.events.push(...queued);
      else list.events.unshift(...queued);
      const seen: string[] = [];
      let afterId: string | undefined;
      for (let calls = 0;; calls++) {
        assert(calls < 12, "the walk does not end");
        const result = await run(listEvents, {
          session_id: "sesn_1",
          limit,
          ...(afterId && { after_id: afterId }),
        });
        seen.push(...idsOf(result));
        afterId = String(result.last_event_id);
        if (!result.has_more) break;
      }
      assertEquals(seen.filter((id) => id.startsWith("e")), range(1, 5));
      assertEquals(afterId, "e5");
      assertEquals(new Set(seen).size, seen.length, seen.join());
      if (place === "end") assertEquals(seen.slice(5), ["q1", "q2", "q3"].slice(0, limit));
    });
  }
}

Deno.test("list_events refuses an after_id that is not in the list", async () => {
  const { run } = open(250);
  const error = await assertRejects(
    () => run(listEvents, { session_id: "sesn_1", after_id: "sevt_other" }),
    ToolError,
    "is not an event of this session",
  );
  assertEquals(error.code, "unknown_event");
});

for (const status of [400, 422]) {
  Deno.test(`list_events searches again when a remembered cursor is refused with ${status}`, async () => {
    const list = new FakeEvents(events(300));
    let refuse = false;
    const { run } = harness({
      events: {
        list: async (id, params) => {
          if (refuse && params.order === "asc") throw httpError(status, "Cursor expired.");
          const listPage = list.api.list;
          if (!listPage) throw new Error("no list");
          return await listPage(id, params);
        },
      },
    });
    const first = await run(listEvents, { session_id: "sesn_1", limit: 10 });
    refuse = true;
    const second = await run(listEvents, {
      session_id: "sesn_1",
      limit: 10,
      after_id: first.last_event_id,
    });
    assertEquals(idsOf(second), range(11, 20));
  });
}

Deno.test("list_events with types shows only those, and reads on past what it left out", async () => {
  const { run, list } = open(50);
  const types = ["user.message"];
  const first = await run(listEvents, { session_id: "sesn_1", types, limit: 3 });
  assertEquals(idsOf(first), ["e5", "e10", "e15"]);
  assertEquals(list.requests[0]?.types, types);
  const rest = await run(listEvents, { session_id: "sesn_1", types, after_id: "e15" });
  assertEquals(idsOf(rest), ["e20", "e25", "e30", "e35", "e40", "e45", "e50"]);
  // An event of another type serves as a place as well.
  list.events.push(...events(4, 51));
  const later = await run(listEvents, { session_id: "sesn_1", types, after_id: "e47" });
  assertEquals(idsOf(later), ["e50"]);
  assertEquals(later.last_event_id, "e54");
});

Deno.test("list_events with order desc shows the newest first", async () => {
  const { run, list } = open(30);
  const result = await run(listEvents, { session_id: "sesn_1", order: "desc", limit: 3 });
  assertEquals(idsOf(result), ["e30", "e29", "e28"]);
  assertEquals(result.last_event_id, "e30");
  assertEquals(result.has_more, true);
  assertEquals(list.requests.length, 1);
});

Deno.test("list_events with order desc says that there is more when a server sent more than asked", async () => {
  const all = events(5).reverse();
  const list = () => Promise.resolve({ data: all, next_page: null });
  const { run } = harness({ events: { list } });
  for (const [limit, hasMore] of [[3, true], [4, true], [5, false], [20, false]] as const) {
    const result = await run(listEvents, { session_id: "sesn_1", order: "desc", limit });
    assertEquals(idsOf(result), range(1, 5).reverse().slice(0, limit));
    assertEquals(result.has_more, hasMore, `limit ${limit}`);
  }
});

Deno.test("list_events refuses after_id together with order desc", async () => {
  const { run } = open(3);
  await assertRejects(
    () => run(listEvents, { session_id: "sesn_1", order: "desc", after_id: "e1" }),
    ToolError,
    "after_id goes with order",
  );
});

Deno.test("list_events marks queued events and never gives them as the place to read on", async () => {
  const queued = { id: "q1", type: "user.message", processed_at: null, content: "later" };
  const list = new FakeEvents([...events(2), queued]);
  const { run } = harness({ events: list.api });
  const result = await run(listEvents, { session_id: "sesn_1" });
  assertEquals(entriesOf(result, "events").at(-1), {
    id: "q1",
    type: "user.message",
    queued: true,
    text: "later",
  });
  assertEquals(result.last_event_id, "e2");
  // Once it is taken up, it comes again.
  list.events.splice(2, 1, { ...queued, processed_at: "2026-11-23T09:10:00Z" });
  const next = await run(listEvents, { session_id: "sesn_1", after_id: "e2" });
  assertEquals(idsOf(next), ["q1"]);
  assertEquals(next.last_event_id, "q1");
});

Deno.test("list_events keeps its place when there is nothing new", async () => {
  const { run } = open(5);
  assertEquals(await run(listEvents, { session_id: "sesn_1", after_id: "e5" }), {
    events: [],
    last_event_id: "e5",
    has_more: false,
  });
});

Deno.test("list_events cuts at the size budget between two events, and goes on from there", async () => {
  const long = events(40).map((event) => ({
    ...event,
    content: [{ type: "text", text: `${event.id} ${"x".repeat(3_000)}` }],
  }));
  const list = new FakeEvents(long);
  const { run } = harness({ events: list.api });
  const seen: string[] = [];
  let afterId: string | undefined;
  for (let calls = 0; calls < 10; calls++) {
    const result = await run(listEvents, {
      session_id: "sesn_1",
      ...(afterId && { after_id: afterId }),
    });
    assert(JSON.stringify(result).length <= 40_000);
    seen.push(...idsOf(result));
    afterId = String(result.last_event_id);
    if (!result.has_more) break;
  }
  assertEquals(seen, range(1, 40));
});

Deno.test("list_events clips a long field, and shows far more of it when asked for one event", async () => {
  const text = "y".repeat(20_000);
  const [first] = events(1);
  const list = new FakeEvents([
    ...(first ? [{ ...first, content: [{ type: "text", text }] }] : []),
    ...events(20, 2),
  ]);
  const { run } = harness({ events: list.api });
  const many = await run(listEvents, { session_id: "sesn_1" });
  assertEquals(
    entriesOf(many, "events")[0]?.text,
    `${"y".repeat(4_000)}… [16000 more characters]`,
  );
  const one = await run(listEvents, { session_id: "sesn_1", limit: 1 });
  assertEquals(entriesOf(one, "events")[0]?.text, text);
});

Deno.test("list_events goes on with a long text also when a message is queued behind it", async () => {
  const text = "y".repeat(70_000);
  const queued = { id: "q1", type: "user.message", processed_at: null, content: "later" };
  const long = events(1).map((event) => ({ ...event, content: [{ type: "text", text }] }));
  const { run } = harness({ events: new FakeEvents([...long, queued]).api });
  const begin = await run(listEvents, { session_id: "sesn_1", limit: 1 });
  assertEquals(begin.last_event_id, "e1@30000");
  const middle = await run(listEvents, { session_id: "sesn_1", after_id: "e1@30000" });
  assertEquals(
    [idsOf(middle), middle.last_event_id, middle.has_more],
    [["e1"], "e1@60000", true],
  );
  const end = await run(listEvents, { session_id: "sesn_1", after_id: "e1@60000" });
  assertEquals([idsOf(end), end.last_event_id, end.has_more], [["e1", "q1"], "e1", false]);
});

Deno.test("list_events tolerates events without ids and more events than it asked for", async () => {
  const { run } = harness({
    events: {
      list: () =>
        Promise.resolve({
          data: [{ type: "agent.message", content: "no id" }, ...events(5)],
          next_page: null,
        }),
    },
  });
  const result = await run(listEvents, { session_id: "sesn_1", limit: 3 });
  assertEquals(entriesOf(result, "events").map(({ id }) => id), [undefined, "e1", "e2"]);
  assertEquals(result.last_event_id, "e2");
  assertEquals(result.has_more, true);
});

// A listing always comes to its end: whoever is told has_more and reads on from last_event_id sees
// something new, also where the page held nothing but queued events, which are no place to go on
// from.

/** Queued messages of so many characters each. */
function queued(count: number, chars: number): SessionEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `q${index + 1}`,
    type: "user.message",
    processed_at: null,
    content: [{ type: "text", text: "x".repeat(chars) }],
  }));
}

for (const stamped of [0, 1, 3]) {
  for (const [waiting, chars] of [[1, 10], [6, 10], [6, 3_900], [15, 3_900]] as const) {
    for (const limit of [1, 2, 5, 500]) {
      for (const place of ["behind", "before"]) {
        const what = `${waiting} queued events of ${chars} characters ${place} ${stamped} others`;
        Deno.test(`list_events comes to the end of ${what}, ${limit} at a time`, async () => {
          const happened = events(stamped);
          const waits = queued(waiting, chars);
          const listed = place === "behind" ? [...happened, ...waits] : [...waits, ...happened];
          const { run } = harness({ events: new FakeEvents(listed).api });
          const seen = new Set<string>();
          const pages = new Set<string>();
          for (let after: unknown, more = true; more;) {
            const result = await run(listEvents, {
              session_id: "sesn_1",
              limit,
              ...(after !== undefined && { after_id: after }),
            });
            const page = `${after}: ${idsOf(result).join()}`;
            assert(!pages.has(page), `the page after ${page} comes again`);
            pages.add(page);
            for (const id of idsOf(result)) seen.add(id);
            more = result.has_more === true;
            if (more) assert(result.last_event_id !== after, "has_more, but nowhere to go on from");
            after = result.last_event_id ?? after;
          }
          for (const { id } of happened) assert(seen.has(String(id)), `${id} was never shown`);
        });
      }
    }
  }
}

Deno.test("list_events says has_more of a page that is cut where it can go on, and only there", async () => {
  const long = (count: number) =>
    events(count).map((event) => ({ ...event, content: queued(1, 3_900)[0]?.content }));
  const cut = harness({ events: new FakeEvents(long(60)).api });
  assertEquals((await cut.run(listEvents, { session_id: "sesn_1" })).has_more, true);
  const nowhere = harness({ events: new FakeEvents(queued(60, 3_900)).api });
  const result = await nowhere.run(listEvents, { session_id: "sesn_1" });
  assert(idsOf(result).length < 60);
  assertEquals([result.has_more, result.last_event_id], [false, undefined]);
});

/** Two results of an MCP server's tool, each with an image. */
function drawn(): SessionEvent[] {
  return ["one", "two"].map((word, at) => {
    const data = btoa(`\x89PNG\r\n\x1a\n${word}`);
    const source = { type: "base64", media_type: "image/png", data };
    const content = [{ type: "text", text: word }, { type: "image", source }];
    const processed_at = `2026-11-23T09:00:0${at + 1}.000000Z`;
    return { id: `e${at + 1}`, type: "agent.mcp_tool_result", processed_at, content };
  });
}

for (
  const [args, images] of [
    [{ limit: 1 }, ["one"]],
    [{ limit: 1, after_id: "e1" }, ["two"]],
    [{ limit: 1, order: "desc" }, ["two"]],
    [{ limit: 2 }, []],
    [{ order: "desc" }, []],
    [{}, []],
  ] as const
) {
  Deno.test(`list_events shows images of an event that is asked for alone: ${JSON.stringify(args)}`, async () => {
    const { run } = harness({ events: new FakeEvents(drawn()).api });
    const result: WithContent & Record<string, unknown> = await run(listEvents, {
      session_id: "sesn_1",
      ...args,
    });
    const words = result[CONTENT]?.map((block) =>
      block.type === "image" && atob(block.data).slice(8)
    );
    assertEquals(words ?? [], [...images]);
    assertEquals(entriesOf(result, "events")[0]?.attachments, ["image"]);
  });
}
