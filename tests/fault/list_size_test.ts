import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import type { ListManners } from "../helpers/list_server.ts";
import { listRig, turnsOf } from "./list_rig.ts";

const MIB = 1024 * 1024;
/** The bound of an answer's size in these tests. */
const MAX_BODY_BYTES = 4 * MIB;

/** A turn with screenshots, after some turns without. */
function screenshots(count: number, chars: number): SessionEvent[] {
  const before = turnsOf(40);
  const at = (n: number) => new Date(Date.parse("2026-11-24T09:00:00Z") + n * 1_000).toISOString();
  const data = "A".repeat(chars);
  const text = (value: string) => ({ content: [{ type: "text", text: value }] });
  const shots = Array.from({ length: count }, (_, index) => [
    {
      id: `u${index}`,
      type: "agent.tool_use",
      processed_at: at(index),
      name: "screenshot",
      input: {},
    },
    {
      id: `r${index}`,
      type: "agent.tool_result",
      processed_at: at(index),
      tool_use_id: `u${index}`,
      content: [{ type: "image", source: { type: "base64", media_type: "image/png", data } }],
    },
  ]).flat();
  return [
    ...before,
    { id: "q", type: "user.message", processed_at: at(-2), ...text("look") },
    { id: "s", type: "session.status_running", processed_at: at(-1) },
    ...shots,
    { id: "a", type: "agent.message", processed_at: at(count), ...text("All is well.") },
    {
      id: "i",
      type: "session.status_idle",
      processed_at: at(count + 1),
      stop_reason: { type: "end_turn" },
    },
  ];
}

const idsOf = ({ events }: Record<string, unknown>) =>
  Array.isArray(events) ? events.map(({ id }) => String(id)) : [];

const SERVERS: readonly [string, ListManners][] = [
  ["as documented", {}],
  ["order ignored", { order: "asc" }],
  ["order and types ignored", { order: "asc", types: false }],
];

for (const [name, manners] of SERVERS) {
  Deno.test(`a session with pages far beyond the bound is waited on and read (${name})`, async () => {
    const events = screenshots(60, MIB);
    await using rig = listRig(events, manners, { maxBodyBytes: MAX_BODY_BYTES });
    const result = await rig.wait();
    assertEquals([result.status, result.reply], ["idle", "All is well."]);
    assertEquals((await rig.session()).status, "idle");

    const newest = await rig.list({ order: "desc", limit: 4 });
    assertEquals(idsOf(newest), ["i", "a", "r59", "u59"]);

    const seen: string[] = [];
    let afterId: unknown = "e190";
    for (let calls = 0; calls < 60; calls++) {
      const page = await rig.list({ after_id: afterId });
      seen.push(...idsOf(page));
      afterId = page.last_event_id;
      if (page.has_more !== true) break;
    }
    assertEquals(seen, events.slice(190).map(({ id }) => id));
    // What was asked for first is not asked for again and again.
    const refused = rig.server.queries.length;
    assert(refused < 300, `${refused} requests`);
  });
}

Deno.test("an event that is too large is skipped and marked, and the others are shown", async () => {
  const events = screenshots(2, 100);
  const [giant] = screenshots(1, 6 * MIB).filter(({ id }) => id === "r0");
  assert(giant);
  events.splice(events.length - 3, 0, { ...giant, id: "giant" });
  const floats = { id: "floats", type: "agent.tool_result", processed_at: giant.processed_at };
  events.splice(events.length - 3, 0, {
    ...floats,
    tool_use_id: "u1",
    content: Array.from({ length: 700_000 }, (_, index) => index + 0.5),
  });
  await using rig = listRig(events, {}, { maxBodyBytes: MAX_BODY_BYTES });

  const result = await rig.wait();
  assertEquals([result.status, result.reply], ["idle", "All is well."]);
  assertEquals((await rig.session()).status, "idle");
  const since = await rig.wait({ after_id: "u1" });
  assertEquals(since.reply, "All is well.");

  const shown: Record<string, unknown>[] = [];
  let afterId: unknown = "s";
  for (let calls = 0; calls < 20; calls++) {
    const page = await rig.list({ after_id: afterId });
    if (Array.isArray(page.events)) shown.push(...page.events);
    afterId = page.last_event_id;
    if (page.has_more !== true) break;
  }
  assertEquals(shown.map(({ id }) => id), ["u0", "r0", "u1", "giant", "floats", "r1", "a", "i"]);
  const marked = shown.filter(({ omitted_characters }) => Number(omitted_characters) > MIB);
  assertEquals(marked.map(({ id, type }) => [id, type]), [
    ["giant", "agent.tool_result"],
    ["floats", "agent.tool_result"],
  ]);
});

Deno.test("a wait reads the list when a frame of the stream is too large", async () => {
  const events = screenshots(3, 100).filter(({ id }) => id !== "i" && id !== "a");
  await using rig = listRig(events, {}, { maxBodyBytes: MAX_BODY_BYTES });
  rig.server.status = "running";
  const waiting = rig.wait();
  await rig.server.streaming();
  const at = new Date().toISOString();
  const big = "x".repeat(9 * MIB);
  rig.server.emit(
    { id: "big", type: "agent.tool_result", processed_at: at, content: big },
    { id: "a", type: "agent.message", processed_at: at, content: "Done." },
    { id: "i", type: "session.status_idle", processed_at: at, stop_reason: { type: "end_turn" } },
  );
  rig.server.status = "idle";
  const result = await waiting;
  assertEquals([result.status, result.reply], ["idle", "Done."]);
});

Deno.test("the same event again with fuller text is kept fuller, once", async () => {
  const at = (n: number) => new Date(Date.parse("2026-11-24T09:00:00Z") + n * 1_000).toISOString();
  const events: SessionEvent[] = [
    { id: "q", type: "user.message", processed_at: at(0), content: "go" },
    { id: "s", type: "session.status_running", processed_at: at(1) },
    { id: "m", type: "agent.message", processed_at: at(2), content: "The beg" },
    { id: "m", type: "agent.message", processed_at: at(2), content: "The beginning." },
    { id: "m", type: "agent.message", processed_at: at(2), content: "The" },
  ];
  await using rig = listRig(events, { overlap: true });
  rig.server.status = "running";
  const waiting = rig.wait();
  await rig.server.streaming();
  rig.server.emit(
    { id: "n", type: "agent.message", processed_at: at(3), content: "The e" },
    { id: "n", type: "agent.message", processed_at: at(3), content: "The end." },
    {
      id: "i",
      type: "session.status_idle",
      processed_at: at(4),
      stop_reason: { type: "end_turn" },
    },
  );
  rig.server.status = "idle";
  assertEquals((await waiting).reply, "The beginning.\n\nThe end.");
  // A wait that was given words does not get them again.
  assertEquals((await rig.wait({ after_id: "m" })).reply, "The end.");
  assertEquals((await rig.wait({ after_id: "n" })).reply, "");
  for (const args of [{}, { order: "desc" }, { after_id: "s" }]) {
    const { events: listed } = await rig.list(args);
    const texts = Array.isArray(listed) ? listed.flatMap(({ text }) => text ?? []) : [];
    const ordered = "order" in args ? texts.toReversed() : texts;
    assertEquals(ordered.slice(-2), ["The beginning.", "The end."], JSON.stringify(args));
    assertEquals(new Set(ordered).size, ordered.length);
  }
});
