// Whoever reads on from last_event_id as long as has_more says so reads every event, and a text that
// is shown in parts whole, each character once.
import { assert, assertEquals } from "@std/assert";
import { listEvents } from "../../src/tools/list_events.ts";
import { assertAsync, fc, fuzzRuns } from "../helpers/fuzz.ts";
import { entriesOf, events, FakeEvents, harness } from "../unit/tools/support.ts";

const MAX_CALLS = 80;

const walks = fc.record({
  lengths: fc.array(
    fc.oneof(fc.nat({ max: 20 }), fc.integer({ min: 3_000, max: 100_000 })),
    { maxLength: 6 },
  ),
  queued: fc.nat({ max: 2 }),
  isFiltered: fc.boolean(),
  /** Used in turn, call by call: on another replica nothing is remembered. */
  calls: fc.array(
    fc.record({
      limit: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 7 })),
      moves: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

Deno.test("list_events shows every event and every part of a text once, whatever the limits", async () => {
  await assertAsync(
    fc.asyncProperty(walks, async ({ lengths, queued, isFiltered, calls }) => {
      const happened = events(lengths.length).map((event, index) => ({
        ...event,
        content: `${index}`.repeat(lengths[index] ?? 0),
      }));
      const waiting = Array.from({ length: queued }, (_, index) => ({
        id: `q${index}`,
        type: "user.message",
        processed_at: null,
        content: "later",
      }));
      const list = new FakeEvents([...happened, ...waiting]);
      const types = isFiltered ? ["agent.message"] : undefined;
      const texts = new Map<string, string>();
      const clipped = new Set<string>();
      let { run } = harness({ events: list.api });
      let afterId: unknown;
      for (let count = 0;; count++) {
        assert(count < MAX_CALLS, "the walk does not end");
        const { limit, moves } = calls[count % calls.length] ?? { limit: 1, moves: false };
        if (moves) run = harness({ events: list.api }).run;
        const page = await run(listEvents, {
          session_id: "sesn_1",
          limit,
          ...(types && { types }),
          ...(afterId !== undefined && { after_id: afterId }),
        });
        for (const { id, text = "", text_part: part, queued } of entriesOf(page, "events")) {
          if (queued === true) continue;
          const known = texts.get(String(id));
          if (String(text).endsWith("more characters]")) clipped.add(String(id));
          const from = typeof part === "object" && part && "from" in part ? part.from : 0;
          assertEquals(from, known?.length ?? 0, `${id} goes on elsewhere`);
          assert(known === undefined || from !== 0, `${id} comes again`);
          texts.set(String(id), (known ?? "") + text);
        }
        if (page.has_more !== true) break;
        assert(page.last_event_id !== afterId, "has_more, but nowhere to go on from");
        afterId = page.last_event_id;
      }
      const wanted = happened.filter(({ type }) => !types || types.includes(type));
      assertEquals([...texts.keys()], wanted.map(({ id }) => id));
      for (const { id, content } of wanted) {
        if (!clipped.has(String(id))) assertEquals(texts.get(String(id)), content);
      }
    }),
    fuzzRuns(150),
  );
});
