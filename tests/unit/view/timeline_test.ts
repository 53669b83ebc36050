import { assertEquals, assertStrictEquals } from "@std/assert";
import type { TimelineEntry } from "../../../src/session/watched_session.ts";
import { KnownTimeline, lacksWords, MAX_KEPT, replyOf } from "../../../src/view/timeline.ts";

const tool = (key: string, state: "running" | "done"): TimelineEntry => ({
  key,
  kind: "tool",
  name: "bash",
  state,
});

const add = (
  timeline: KnownTimeline,
  entries: readonly TimelineEntry[],
  isWhole = false,
  leftOut?: number,
) => timeline.add({ entries, is_whole: isWhole, cursor: `c${entries.length}`, left_out: leftOut });

Deno.test("what comes again takes its place, and what is new comes last", () => {
  const timeline = new KnownTimeline();
  add(timeline, [tool("a", "running"), tool("b", "running")], true, 4);
  add(timeline, [tool("a", "done"), tool("c", "running")]);
  assertEquals(timeline.entries, [tool("a", "done"), tool("b", "running"), tool("c", "running")]);
  assertEquals([timeline.leftOut, timeline.cursor], [4, "c2"]);
});

Deno.test("a whole timeline replaces all", () => {
  const timeline = new KnownTimeline();
  add(timeline, [tool("a", "running")], true, 4);
  add(timeline, [tool("b", "done")], true);
  assertEquals(timeline.entries, [tool("b", "done")]);
  assertEquals(timeline.leftOut, 0);
});

Deno.test("without news the list stays the same one", () => {
  const timeline = new KnownTimeline();
  add(timeline, [tool("a", "done")], true);
  const before = timeline.entries;
  add(timeline, []);
  assertStrictEquals(timeline.entries, before);
});

Deno.test("the newest entries are kept, and the others counted", () => {
  const timeline = new KnownTimeline();
  for (let at = 0; at < MAX_KEPT + 5; at++) add(timeline, [tool(`t${at}`, "done")]);
  assertEquals(timeline.entries.length, MAX_KEPT);
  assertEquals(timeline.entries[0]?.key, "t5");
  assertEquals(timeline.leftOut, 5);
});

Deno.test("the reply is what the session's own agent says", () => {
  const entries: TimelineEntry[] = [
    { key: "1", kind: "message", text: "One" },
    { key: "2", kind: "message", text: "Helper's", subagent: "Helper" },
    tool("3", "done"),
    { key: "4", kind: "message", text: "Two" },
  ];
  assertEquals(replyOf(entries), "One\n\nTwo");
  assertEquals(lacksWords(entries, 0), false);
  assertEquals(lacksWords(entries, 1), true);
  assertEquals(lacksWords([{ key: "1", kind: "message", text: "e", left_out: 3 }], 0), true);
});
