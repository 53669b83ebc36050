import { assert, assertEquals } from "@std/assert";
import { EventHistory } from "../../../src/session/event_history.ts";
import type { TurnEvent } from "../../../src/session/event_types.ts";

const stamped = (key: string): TurnEvent => ({ kind: "other", key, id: key, queued: false });
const queued = (key: string): TurnEvent => ({ kind: "input", key, id: key, queued: true });
const keys = (log: EventHistory) =>
  log.entries.map((event) => event.queued ? `${event.key}?` : event.key).join(" ");

function logOf(...events: TurnEvent[]): EventHistory {
  const log = new EventHistory();
  for (const event of events) log.add(event);
  return log;
}

Deno.test("EventHistory.add() keeps an event once", () => {
  const log = logOf(stamped("a"), stamped("a"), stamped("b"), stamped("a"));
  assertEquals(keys(log), "a b");
});

Deno.test("EventHistory.add() takes a queued event again when it is stamped, and never back", () => {
  const log = logOf(queued("m"), stamped("a"), stamped("m"), queued("m"), stamped("m"));
  assertEquals(keys(log), "m? a m");
});

const MERGES: [name: string, log: TurnEvent[], history: TurnEvent[], merged: string][] = [
  ["into an empty log", [], [stamped("a"), stamped("b")], "a b"],
  ["that overlaps at the end", [stamped("a"), stamped("b")], [stamped("b"), stamped("c")], "a b c"],
  ["without overlap", [stamped("a")], [stamped("b"), stamped("c")], "a b c"],
  [
    "with what the stream missed in the middle",
    [stamped("a"), stamped("d")],
    [stamped("a"), stamped("b"), stamped("c"), stamped("d"), stamped("e")],
    "a b c d e",
  ],
  [
    "with what came before all that the stream showed",
    [stamped("c")],
    [stamped("a"), stamped("b"), stamped("c")],
    "a b c",
  ],
  [
    "with a queued event, wherever the list puts it",
    [stamped("a")],
    [queued("m"), stamped("a"), stamped("b")],
    "a b m?",
  ],
  [
    "that has an event stamped at its place before what followed it",
    [queued("m"), stamped("r"), stamped("t")],
    [stamped("m"), stamped("r"), stamped("t")],
    "m? m r t",
  ],
];

for (const [name, log, history, merged] of MERGES) {
  Deno.test(`EventHistory.merge() merges history ${name}`, () => {
    const subject = logOf(...log);
    assert(subject.merge(history));
    assertEquals(keys(subject), merged);
    assert(!subject.merge(history));
    assertEquals(keys(subject), merged);
  });
}

Deno.test("EventHistory.merge() changes the epoch only when known events move", () => {
  const log = logOf(stamped("a"), stamped("c"));
  log.merge([stamped("c"), stamped("d")]);
  assertEquals(log.epoch, 0);
  log.merge([stamped("a"), stamped("b"), stamped("c")]);
  assertEquals(log.epoch, 1);
});

Deno.test("EventHistory.prepend() puts older events first and queued ones last", () => {
  const log = logOf(stamped("c"));
  log.prepend([queued("m"), stamped("a"), stamped("b"), stamped("c")]);
  assertEquals(keys(log), "a b c m?");
  assertEquals(log.epoch, 1);
});

const kind = (kind: "running" | "idle", key: string): TurnEvent =>
  kind === "idle"
    ? { kind, key, id: key, queued: false, eventIds: [] }
    : { kind, key, id: key, queued: false };

Deno.test("EventHistory.merge() puts an input that is never stamped before the turn that it began", () => {
  const log = new EventHistory();
  log.merge([queued("m"), queued("i"), kind("running", "r"), kind("idle", "e")]);
  assertEquals(keys(log), "m? i? r e");
});

Deno.test("EventHistory.merge() moves a queued input to where a later list has it", () => {
  const log = new EventHistory();
  // The stream showed the turn, a list that trails it nothing but the input.
  log.add(kind("running", "r"));
  log.add(stamped("a"));
  log.merge([queued("m")]);
  assertEquals(keys(log), "r a m?");
  log.merge([queued("m"), kind("running", "r"), stamped("a"), stamped("b")]);
  assertEquals(keys(log), "m? r a b");
});

Deno.test("EventHistory.prepend() leaves an old input that was never stamped in its place", () => {
  const log = logOf(stamped("x"));
  log.prepend([stamped("a"), queued("m"), kind("running", "r"), kind("idle", "e")]);
  assertEquals(keys(log), "a m? r e x");
});

Deno.test("EventHistory.merge() does not take for queued again what the stream has shown stamped", () => {
  const log = logOf(queued("m"), stamped("m"), kind("running", "r"));
  log.merge([queued("m"), kind("running", "r"), stamped("a")]);
  log.add(stamped("m"));
  assertEquals(keys(log).split(" ").filter((key) => key === "m").length, 1);
});

Deno.test("EventHistory.merge() puts a list that lags behind before what the stream has shown", () => {
  const at = (key: string, at: number) => ({ ...stamped(key), at });
  const history = new EventHistory();
  for (const event of [at("c", 3), at("d", 4)]) history.addLive(event);
  history.merge([at("a", 1), stamped("x"), at("b", 2)]);
  assertEquals(keys(history), "a x b c d");
  history.merge([at("a", 1), stamped("x"), at("b", 2), at("c", 3), at("d", 4), at("e", 5)]);
  assertEquals(keys(history), "a x b c d e");
});

const STREAM_IDS: readonly [string, (key: string) => { key: string; id?: string }][] = [
  ["no ids", (key) => ({ key: `~${key}` })],
  ["other ids", (key) => ({ key: `S${key}`, id: `S${key}` })],
];

for (const [name, identify] of STREAM_IDS) {
  Deno.test(`EventHistory knows events with ${name} on the stream by what they say, whichever comes first`, () => {
    const said = (text: string, at: number) => ({ kind: "text", text, at, queued: false }) as const;
    const live = (key: string, text: string, at: number): TurnEvent => ({
      ...said(text, at),
      ...identify(key),
    });
    const listed = (key: string, text: string, at: number): TurnEvent => ({
      ...said(text, at),
      key,
      id: key,
    });
    const history = new EventHistory();
    history.merge([stamped("r")]);
    assert(history.addLive(live("a", "ok", 1)));
    assert(history.addLive(live("b", "ok", 2)));
    history.merge([
      stamped("r"),
      listed("a", "ok", 1),
      listed("b", "ok", 2),
      listed("c", "end", 3),
    ]);
    assertEquals(keys(history), "r a b c");
    assert(!history.lacksListIds);
    assert(!history.addLive(live("c", "end", 3)), "the list has brought it already");
    assert(history.addLive(live("d", "ok", 4)), "the same words at another time are said again");
    assert(history.lacksListIds, "no later call would find it");
    history.merge([listed("c", "end", 3), listed("d", "ok", 4)]);
    assertEquals(keys(history), "r a b c d");
    assert(!history.lacksListIds);
  });
}

Deno.test("EventHistory keeps the fuller version of an event where the first one stood", () => {
  const says = (text: string): TurnEvent => ({ ...stamped("a"), kind: "text", text });
  for (const take of ["add", "addLive", "merge", "prepend"] as const) {
    const history = logOf(says("on"), stamped("b"));
    const { epoch } = history;
    const takes = (event: TurnEvent) =>
      take === "merge" || take === "prepend" ? history[take]([event]) : history[take](event);
    takes(says("o"));
    assertEquals(history.entries[0], says("on"), take);
    takes(says("one two"));
    assertEquals([keys(history), history.entries[0]], ["a b", says("one two")], take);
    assert(history.epoch > epoch, "whoever reads on must start over");
    assertEquals([history.lengthAt(epoch, "a"), history.chars], [2, 7], take);
    assertEquals(history.lengthAt(history.epoch, "a"), undefined, "it has not grown since");
    takes({ ...stamped("a"), kind: "error", error: { type: "x", message: "much longer words" } });
    assertEquals(history.entries[0], says("one two"), `${take}: another kind is another event`);
  }
});

/** An input without an id: its key is what it says, and differs once it is stamped. */
function input(contentDigest: string, at?: number): TurnEvent {
  const isQueued = at === undefined;
  const key = `~${contentDigest} ${at ?? "queued"}`;
  return { kind: "input", key, queued: isQueued, contentDigest, ...(!isQueued && { at }) };
}

Deno.test("EventHistory.merge() takes out a queued input without an id behind its stamped version", () => {
  const texts = ["a", "b", "c"].map(stamped) as [TurnEvent, TurnEvent, TurnEvent];
  const [a, b, c] = texts;
  const log = logOf(a, input("hello"), b, c);
  log.merge([a, input("hello", 5), b, c]);
  assertEquals(keys(log), "a ~hello 5 b c");
  // It comes no second time, in whichever version.
  log.add(input("hello"));
  log.merge([a, input("hello", 5), b, c]);
  assertEquals(keys(log), "a ~hello 5 b c");
});

Deno.test("EventHistory.merge() keeps queued inputs that say something else, or the same again", () => {
  const [a, b] = [stamped("a"), stamped("b")];
  const other = logOf(a, input("hello"), b);
  other.merge([a, input("good morning", 5), b]);
  assertEquals(keys(other), "a ~good morning 5 ~hello queued? b");
  // A second message of the same words, of which nothing says that it is taken up.
  const again = logOf(a, input("hello"), b, { ...input("hello"), key: "~again" });
  again.merge([a, input("hello", 5), b]);
  assertEquals(keys(again), "a ~hello 5 b ~again?");
  const known = logOf(a, input("hello", 3), b, input("hello"));
  known.merge([a, input("hello", 3), stamped("c"), b]);
  assertEquals(keys(known), "a ~hello 3 c b ~hello queued?");
});
