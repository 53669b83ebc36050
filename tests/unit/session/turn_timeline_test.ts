import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { jsonLength } from "../../../src/core/text.ts";
import { EventHistory } from "../../../src/session/event_history.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { TurnTimeline } from "../../../src/session/turn_timeline.ts";
import type { Timeline } from "../../../src/session/watched_session.ts";
import { eventMaker } from "../../helpers/events.ts";

const ROOM = 30_000;

/** A timeline of events that come by stream, or by list. */
class World {
  readonly e = eventMaker();
  readonly history = new EventHistory();
  readonly timeline: TurnTimeline;

  constructor(id = "a1") {
    this.timeline = new TurnTimeline(this.history, id);
  }

  add(...events: SessionEvent[]): void {
    for (const event of events) this.history.addLive(readEvent(event));
  }

  since(cursor?: string, room = ROOM): Timeline {
    this.timeline.read();
    this.timeline.settle({ isAtRest: false, waiting: [] });
    return this.timeline.since(cursor, room);
  }
}

function inShort({ entries, is_whole, left_out }: Timeline): unknown[] {
  const texts = entries.map((entry) => entry.kind === "message" ? entry.text : entry.kind);
  return [is_whole, texts, ...(left_out === undefined ? [] : [left_out])];
}

function begun(...texts: readonly string[]): World {
  const world = new World();
  const { e } = world;
  world.add(e.user("q"), e.running(), ...texts.map((text) => e.text(text)));
  return world;
}

Deno.test("without a cursor all entries come, with one only what is new or has changed", () => {
  const world = begun("a");
  const { e } = world;
  const all = world.since();
  assertEquals(inShort(all), [true, ["a"]]);
  assertEquals(inShort(world.since(all.cursor)), [false, []]);
  const tool = e.tool("bash");
  world.add(tool, e.text("b"));
  const next = world.since(all.cursor);
  assertEquals(inShort(next), [false, ["tool", "b"]]);
  world.add(e.toolResult(tool.id ?? ""));
  assertEquals(inShort(world.since(next.cursor)), [false, ["tool"]]);
  assertEquals(inShort(world.since(all.cursor)), [false, ["tool", "b"]]);
  // A cursor may be passed twice.
  assertEquals(inShort(world.since(all.cursor)), [false, ["tool", "b"]]);
});

Deno.test("a cursor of another timeline, or of none, gives all", () => {
  const world = begun("a", "b");
  const { cursor } = world.since();
  const [id, ...rest] = cursor.split(".");
  const others = [
    "",
    "x",
    ["zz", ...rest].join("."),
    `${cursor}9`,
    [id, "9999", "0", "2"].join("."),
    [id, "1", "3", "2"].join("."),
    [id, "-1", "0", "2"].join("."),
    [id, "1e1", "0", "2"].join("."),
    [id, "1", "0", ""].join("."),
    [id, "1", "0"].join("."),
  ];
  for (const other of others) assertEquals(inShort(world.since(other)), [true, ["a", "b"]], other);
});

Deno.test("a new turn gives all that it has", () => {
  const world = begun("a");
  const { e } = world;
  const { cursor } = world.since();
  world.add(e.endTurn(), e.user("q2"));
  const empty = world.since(cursor);
  assertEquals(inShort(empty), [true, []]);
  world.add(e.running(), e.text("b"));
  assertEquals(inShort(world.since(empty.cursor)), [false, ["b"]]);
  assertEquals(inShort(world.since(cursor)), [true, ["b"]]);
});

Deno.test("a rearranged history gives only what changed where known entries stay in their places", () => {
  const world = begun();
  const { e } = world;
  const short = e.text("b");
  world.add(e.text("a"), short);
  const { cursor } = world.since();
  world.add({ ...short, content: "b and more" }, e.text("c"));
  assertEquals(inShort(world.since(cursor)), [false, ["b and more", "c"]]);
});

Deno.test("a rearranged history gives all where an entry comes between others", () => {
  const world = new World();
  const { e } = world;
  const all = [e.user("q"), e.running(), e.text("a"), e.text("b"), e.text("c")];
  world.add(...all.filter((_, index) => index !== 3));
  const { cursor } = world.since();
  world.history.merge(all.map(readEvent));
  assertEquals(inShort(world.since(cursor)), [true, ["a", "b", "c"]]);
});

Deno.test("older events that are read later give all", () => {
  const world = new World();
  const { e } = world;
  const older = [e.user("q"), e.running(), e.text("a")];
  world.add(e.text("b"), e.text("c"));
  const { cursor } = world.since();
  world.history.prepend(older.map(readEvent));
  const all = world.since(cursor);
  assertEquals(inShort(all), [true, ["a", "b", "c"]]);
});

Deno.test("only the newest entries that find room come; changes of the others do not", () => {
  const world = begun();
  const { e } = world;
  const tool = e.tool("bash");
  world.add(tool, ...["a", "b", "c", "d"].map((letter) => e.text(letter.repeat(100))));
  const room = 450;
  const some = world.since(undefined, room);
  assertEquals(inShort(some), [true, ["c", "d"].map((letter) => letter.repeat(100)), 3]);
  assert(jsonLength(some.entries) <= room);
  world.add(e.toolResult(tool.id ?? ""), e.text("e"));
  assertEquals(inShort(world.since(some.cursor, room)), [false, ["e"]]);
});

Deno.test("news that finds no room gives the newest of all", () => {
  const world = begun("a");
  const { e } = world;
  const { cursor } = world.since();
  world.add(...["b", "c", "d"].map((letter) => e.text(letter.repeat(300))));
  const some = world.since(cursor, 800);
  assertEquals(inShort(some), [true, ["c".repeat(300), "d".repeat(300)], 2]);
});

Deno.test("a gap behind the cursor gives all that is kept", () => {
  const world = begun("a");
  const { e } = world;
  const { cursor } = world.since();
  for (let count = 0; count < 500; count++) world.add(e.tool(`t${count}`));
  const all = world.since(cursor, 1_000_000);
  assertEquals([all.is_whole, all.entries.length, all.left_out], [true, 200, 301]);
  world.add(e.text("z"));
  assertEquals(inShort(world.since(all.cursor)), [false, ["z"]]);
});

Deno.test("of a long message the end comes, and the count of what is missing", () => {
  for (const text of ["x".repeat(50_000), "\n".repeat(50_000), "😀".repeat(25_000)]) {
    const world = begun("before", text);
    const { entries, left_out } = world.since(undefined, 37_000);
    assertEquals([entries.length, left_out], [2, undefined]);
    const message = entries[1];
    assert(message?.kind === "message");
    assert(text.endsWith(message.text));
    assertEquals(message.text.length + (message.left_out ?? 0), text.length);
    assert(jsonLength(message.text) <= 30_002 && message.text.length > 10_000);
  }
});

Deno.test("a room that is too small for anything gives nothing, and counts it", () => {
  const world = begun("a".repeat(400), "b".repeat(400));
  for (const room of [-1, 0, 10, 100]) {
    assertEquals(inShort(world.since(undefined, room)), [true, [], 2]);
  }
});
