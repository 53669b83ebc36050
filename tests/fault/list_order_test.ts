import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../src/api/errors.ts";
import type { ListManners } from "../helpers/list_server.ts";
import { type ListRig, listRig, type Stamps, turnsOf } from "./list_rig.ts";

const idsOf = ({ events }: Record<string, unknown>) =>
  Array.isArray(events) ? events.map(({ id }) => String(id)) : [];

const range = (from: number, to: number) =>
  Array.from(
    { length: Math.abs(to - from) + 1 },
    (_, index) => `e${from < to ? from + index : from - index}`,
  );

/** The ids of all calls until there is no more, each reading on from where the one before ended. */
async function walk(rig: ListRig, args: { limit: number; types?: string[] }): Promise<string[]> {
  const seen: string[] = [];
  let afterId: unknown;
  for (let calls = 0; calls < 20; calls++) {
    const page = await rig.list({ ...args, ...(afterId !== undefined && { after_id: afterId }) });
    assert(idsOf(page).length <= args.limit);
    seen.push(...idsOf(page));
    if (page.has_more !== true) return seen;
    afterId = page.last_event_id;
  }
  throw new Error(`The walk does not end: ${seen}`);
}

/** Servers, each with what it does other than documented. */
const SERVERS: readonly [name: string, manners: ListManners][] = [
  ["does as documented", {}],
  ["gives the last page no next_page", { paging: "absent" }],
  ["ends with an empty next_page", { paging: "empty" }],
  ["gives empty pages between", { paging: "gaps" }],
  ["gives empty pages for ever", { paging: "endless" }],
  ["overlaps its pages", { overlap: true }],
  ["ignores order", { order: "asc" }],
  ["ignores order and types", { order: "asc", types: false }],
  ["ignores order and types, pages of 7", { order: "asc", types: false, limit: 7 }],
  ["ignores order, overlapping pages of 7", { order: "asc", limit: 7, overlap: true }],
  ["ignores order, empty pages between", { order: "asc", limit: 50, paging: "gaps" }],
  ["ignores order, types and limit, one page", {
    order: "asc",
    types: false,
    limit: "ignored",
    paging: "none",
  }],
  ["ignores order and types, cuts at limit", { order: "asc", types: false, paging: "none" }],
  ["ignores order and types, has has_more", { order: "asc", types: false, paging: "has_more" }],
  ["ignores order and types, goes on by after_id", {
    order: "asc",
    types: false,
    limit: 40,
    paging: "after_id",
  }],
  ["gives the same cursor for ever, one page", {
    order: "asc",
    limit: "ignored",
    paging: "same",
  }],
  ["names each page itself", { order: "asc", limit: "ignored", paging: "itself" }],
  ["gives the newest first, whatever is asked", { order: "desc" }],
  ["gives the newest first in pages of 7", { order: "desc", limit: 7, types: false }],
];

const STAMPS: readonly Stamps[] = ["plain", "late", "inputs_never", "numbered", "none"];

Deno.test("reads throw when a server never gives the end of the list", async () => {
  const manners = { order: "asc", types: false, limit: 100, paging: "has_more" } as const;
  await using rig = listRig(turnsOf(60), manners);
  const message = "only the beginning";
  await assertRejects(() => rig.wait(), ApiError, message);
  await assertRejects(() => rig.session(), ApiError, message);
  await assertRejects(() => rig.list({ order: "desc", limit: 5 }), ApiError, message);
  const first = await rig.list({ limit: 200 });
  assertEquals(idsOf(first), range(1, 100));
  assertEquals(first.has_more, true);
  await assertRejects(() => rig.list({ after_id: first.last_event_id }), ApiError, message);
});

for (const [name, manners] of SERVERS) {
  for (const stamps of STAMPS) {
    Deno.test(`reads find newest turn, order, filter and end on a server that ${name} (times: ${stamps})`, async () => {
      const turns = 60;
      const events = turnsOf(turns, stamps);
      const last = events.length;
      await using rig = listRig(events, manners);

      const newest = await rig.list({ order: "desc", limit: 12 });
      assertEquals(idsOf(newest), range(last, last - 11), "the newest first");
      assertEquals(newest.has_more, true);

      // Where inputs are never stamped, only status polls tell that a turn is over.
      if (stamps !== "inputs_never") {
        const result = await rig.wait();
        assertEquals([result.status, result.reply], ["idle", `answer ${turns}`]);
        const since = await rig.wait({ after_id: `e${last - 10}` });
        assertEquals(since.reply, `answer ${turns - 1}\n\nanswer ${turns}`);
      }

      const session = await rig.session();
      assertEquals(session.last_stop_reason, { type: "end_turn" });
      assertEquals(session.status, "idle");

      assertEquals(await walk(rig, { limit: 50 }), range(1, last));

      const types = ["session.status_idle"];
      const idle = await rig.list({ types, order: "desc", limit: 3 });
      assertEquals(idsOf(idle), [`e${last}`, `e${last - 5}`, `e${last - 10}`]);
      assertEquals(idle.has_more, true);
      const ends = Array.from({ length: turns }, (_, turn) => `e${turn * 5 + 5}`);
      assertEquals(await walk(rig, { types, limit: 500 }), ends);
    });
  }
}
