// Pages of events, each asked for with the cursor of the one before, of servers with other manners.
import { assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { steadyClock } from "../helpers/fast_clock.ts";
import { type ListManners, ListServer } from "../helpers/list_server.ts";
import { turnsOf } from "./list_rig.ts";

const SIZE = 12;
const events = turnsOf(30);

const SERVERS: readonly ListManners[] = (["asc", "desc"] as const).flatMap((order) =>
  ([true, false, "late"] as const).flatMap((types) =>
    ([7, "ignored"] as const).flatMap((limit) =>
      (["cursor", "after_id", "gaps"] as const).flatMap((paging) =>
        // What goes on after an event cannot begin with it.
        (paging === "after_id" ? [false] : [false, true])
          .map((overlap) => ({ order, types, limit, paging, overlap }))
      )
    )
  )
);

for (const manners of SERVERS) {
  Deno.test(`pages have every event once, in order, from a server with ${JSON.stringify(manners)}`, async () => {
    await using server = new ListServer(events, manners);
    using client = Deno.createHttpClient({});
    const api = createApi({
      baseUrl: server.url,
      credential: undefined,
      fetch: (request) => fetch(request, { client }),
      clock: steadyClock(),
    });
    for (const order of ["asc", "desc"] as const) {
      for (const types of [undefined, ["agent.message"]]) {
        const wanted = events.filter(({ type }) => !types || types.includes(type));
        const expected = wanted.map(({ id }) => String(id));
        const seen: string[] = [];
        let next: string | null | undefined;
        for (let count = 0; count === 0 || (next && count < 100); count++) {
          const page = next ? { page: next } : {};
          const read = await api.events.list("sesn_1", { order, types, limit: SIZE, ...page });
          seen.push(...read.data.map(({ id }) => String(id)));
          next = read.next_page;
        }
        // Each page by itself cannot tell what pages of an overlapping server had before.
        const found = manners.overlap && order === manners.order ? [...new Set(seen)] : seen;
        assertEquals(found, order === "asc" ? expected : expected.toReversed());
      }
    }
  });
}
