import { assertEquals, assertRejects } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { failure, json, setup } from "./support.ts";

function eventsFrom(first: number, count: number): SessionEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `e${first + index}`,
    type: "agent.message",
    processed_at: new Date(Date.UTC(2026, 10, 23) + (first + index) * 1_000).toISOString(),
  }));
}

const page = (first: number, count: number, next_page: string | null) =>
  json({ data: eventsFrom(first, count), next_page });

/** What a server answers that gives the oldest first, asked for the newest: a page, and the probe. */
const OLDEST_FIRST = [page(1, 2, "p2"), page(1, 2, "p2"), page(1, 2, "p2")];

Deno.test("events.list() fails at once where a server refuses the cursor that it has just given", async () => {
  const refusal = failure(400, "invalid_request_error");
  const { api, requests } = setup([...OLDEST_FIRST, refusal, refusal]);
  const error = await assertRejects(() => api.events.list("sesn_1", { order: "desc" }));
  assertEquals(Object(error).status, 400);
  assertEquals(requests.length, 5);
});

Deno.test("events.list() reads a reversed list again when a remembered cursor is refused", async () => {
  const refusal = failure(400, "invalid_request_error");
  const { api, requests } = setup([
    ...OLDEST_FIRST,
    page(3, 1, null),
    ...[refusal, refusal],
    page(1, 2, "q2"),
    page(3, 2, null),
  ]);
  const before = await api.events.list("sesn_1", { order: "desc", limit: 2 });
  assertEquals(before.data.map(({ id }) => id), ["e3", "e2"]);
  const after = await api.events.list("sesn_1", { order: "desc", limit: 2 });
  assertEquals(after.data.map(({ id }) => id), ["e4", "e3"]);
  const cursors = requests.map(({ url }) => new URL(url).searchParams.get("page"));
  assertEquals(cursors.slice(3), ["p2", "p2", "p2", null, "q2"]);
});

Deno.test("events.list() reads two pages of a reversed list at a time, and mixes nothing", async () => {
  const steps = [...OLDEST_FIRST, page(3, 2, "p3"), page(5, 1, null)];
  const { api } = setup([
    ...steps,
    ...Array.from({ length: 20 }, () => (request: Request) => {
      const cursor = new URL(request.url).searchParams.get("page");
      const [first, count, next] = { p2: [3, 2, "p3"] as const, p3: [5, 1, null] as const }[
        String(cursor)
      ] ?? [1, 2, "p2"] as const;
      return page(first, count, next)(request);
    }),
  ]);
  const list = (page?: string | null) =>
    api.events.list("sesn_1", { order: "desc", limit: 2, ...(page && { page }) });
  const newest = await list();
  const read = await Promise.all([list(newest.next_page), list(), list(newest.next_page)]);
  assertEquals(read.map(({ data }) => data.map(({ id }) => id)), [
    ["e3", "e2"],
    ["e5", "e4"],
    ["e3", "e2"],
  ]);
});

Deno.test("events.list() gives a whole page of a reversed list where no limit is named", async () => {
  const all = page(1, 3, null);
  const { api } = setup([all, all, all]);
  const newest = await api.events.list("sesn_1", { order: "desc" });
  assertEquals(newest.data.map(({ id }) => id), ["e3", "e2", "e1"]);
  assertEquals(newest.next_page, null);
});

Deno.test("events.list() follows empty pages of a filter whose cursors are good for that filter only", async () => {
  const { api, requests } = setup([
    json({ data: [], next_page: "p3" }),
    failure(400, "invalid_request_error"),
    json({ data: [], next_page: "p4" }),
    page(9, 1, null),
  ]);
  const types = ["agent.message"];
  const read = await api.events.list("sesn_1", { limit: 2, types, page: "p2" });
  assertEquals(read.data.map(({ id }) => id), ["e9"]);
  const cursors = requests.map(({ url }) => new URL(url).searchParams.get("page"));
  assertEquals(cursors, ["p2", "p2", "p3", "p4"]);
});
