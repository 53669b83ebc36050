import { assertEquals, assertRejects } from "@std/assert";
import type { ListEventsParams, ManagedAgentsApi } from "../../../src/api/types.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { EventHistory } from "../../../src/session/event_history.ts";
import { HistoryReader } from "../../../src/session/history_reader.ts";
import { eventMaker } from "../../helpers/events.ts";

/** A session's list of events, and a reader of it. `maxPage` is the largest page of the server. */
function reading(maxPage = 2) {
  const events: SessionEvent[] = [];
  const requests: ListEventsParams[] = [];
  const server = { fails: false };
  const list = (_sessionId: string, params: ListEventsParams) => {
    requests.push(params);
    if (server.fails) return Promise.reject(new Error("The API is down"));
    const { types } = params;
    const wanted = events.filter(({ type }) => !types || types.includes(type));
    const listed = params.order === "desc" ? wanted.toReversed() : wanted;
    // The page names the event before it, so that later events do not shift it.
    const start = params.page ? listed.findIndex(({ id }) => id === params.page) + 1 : 0;
    const data = listed.slice(start, start + Math.min(params.limit ?? maxPage, maxPage));
    const more = start + data.length < listed.length;
    return Promise.resolve({ data, next_page: more ? data.at(-1)?.id : null });
  };
  const history = new EventHistory();
  const api = { list } as unknown as ManagedAgentsApi["events"];
  const reader = new HistoryReader(api, "sesn_1", history, {});
  const e = eventMaker();
  const texts = (count: number) => {
    const made = Array.from({ length: count }, (_, index) => e.text(`text ${index}`));
    events.push(...made);
    return made.map(({ id }) => id);
  };
  const known = () => history.entries.map(({ id }) => id);
  return { e, events, requests, server, reader, texts, known };
}

Deno.test("readNewest() reads one page at first", async () => {
  const { reader, texts, known, requests } = reading();
  const ids = texts(5);
  assertEquals(await reader.readNewest(), true);
  assertEquals(known(), ids.slice(3));
  assertEquals([requests.length, reader.complete, reader.readsDone], [1, false, 1]);
});

Deno.test("readNewest() later reads back to what is known, and leaves no gap", async () => {
  const { reader, texts, known, requests } = reading();
  const ids = texts(2);
  await reader.readNewest();
  ids.push(...texts(5));
  assertEquals(await reader.readNewest(), true);
  assertEquals(known(), ids);
  assertEquals([requests.length, reader.hasGap], [1 + 3, false]);
  assertEquals(await reader.readNewest(), false);
});

Deno.test("readNewest() gives up after thirty pages, and says that there is a gap", async () => {
  const { reader, texts, known, requests } = reading();
  texts(2);
  await reader.readNewest();
  texts(100);
  await reader.readNewest();
  assertEquals([requests.length, reader.hasGap, known().length], [1 + 30, true, 2 + 60]);
});

Deno.test("readNewest() counts the reads that were begun and those that were done", async () => {
  const { reader, server } = reading();
  server.fails = true;
  await assertRejects(() => reader.readNewest(), Error, "The API is down");
  server.fails = false;
  await reader.readNewest();
  assertEquals([reader.readsTried, reader.readsDone], [2, 1]);
});

Deno.test("loadOlder() reads page by page back to the first event, and then nothing", async () => {
  const { reader, texts, known, requests } = reading();
  const ids = texts(5);
  await reader.readNewest();
  await reader.loadOlder();
  assertEquals([known(), reader.complete], [ids.slice(1), false]);
  await reader.loadOlder();
  await reader.loadOlder();
  assertEquals([known(), reader.complete, requests.length], [ids, true, 3]);
});

Deno.test("readFarEnd() finds a queued message at the far end, with one request", async () => {
  const { reader, e, events, texts, known, requests } = reading();
  const queued = e.queuedUser("later");
  events.push(queued, e.user("first"), e.running());
  texts(3);
  await reader.readNewest();
  await Promise.all([reader.readFarEnd(), reader.readFarEnd()]);
  await reader.readFarEnd();
  assertEquals(known().at(-1), queued.id);
  assertEquals(requests.map(({ order }) => order), ["desc", "asc"]);
});

Deno.test("readFarEnd() asks nothing when a read has reached the far end", async () => {
  const { reader, texts, requests } = reading();
  texts(2);
  await reader.readNewest();
  await reader.readFarEnd();
  assertEquals(requests.length, 1);
});

Deno.test("readFarEnd() asks again after it failed, and after forgetFarEnd()", async () => {
  const { reader, server, texts, requests } = reading();
  texts(3);
  await reader.readNewest();
  server.fails = true;
  await assertRejects(() => reader.readFarEnd(), Error, "The API is down");
  server.fails = false;
  await reader.readFarEnd();
  reader.forgetFarEnd();
  await reader.readFarEnd();
  assertEquals(requests.filter(({ order }) => order === "asc").length, 3);
});

Deno.test("reads run one after the other", async () => {
  const { reader, texts, known } = reading();
  const ids = texts(6);
  await Promise.all([reader.readNewest(), reader.loadOlder(), reader.loadOlder()]);
  assertEquals(known(), ids);
});
