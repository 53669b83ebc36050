// A listing always comes to its end: whoever is told has_more and reads on from last_event_id sees
// something new, also where the page held nothing but queued events, which are no place to go on
// from.
import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { listEvents } from "../../../src/tools/list_events.ts";
import { events, FakeLog, harness, idsOf } from "./support.ts";

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
          const log = place === "behind" ? [...happened, ...waits] : [...waits, ...happened];
          const { run } = harness({ events: new FakeLog(log).api });
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
  const cut = harness({ events: new FakeLog(long(60)).api });
  assertEquals((await cut.run(listEvents, { session_id: "sesn_1" })).has_more, true);
  const nowhere = harness({ events: new FakeLog(queued(60, 3_900)).api });
  const result = await nowhere.run(listEvents, { session_id: "sesn_1" });
  assert(idsOf(result).length < 60);
  assertEquals([result.has_more, result.last_event_id], [false, undefined]);
});
