// Messages too long for one result: every character of them can be had, by the calls that results name.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import { type ListRig, listRig } from "./list_rig.ts";

const at = (n: number) => new Date(Date.parse("2026-11-24T09:00:00Z") + n * 1_000).toISOString();

function turn(texts: readonly string[]): SessionEvent[] {
  return [
    { id: "q", type: "user.message", processed_at: at(0), content: "go" },
    { id: "r", type: "session.status_running", processed_at: at(1) },
    ...texts.map((text, index) => ({
      id: `m${index}`,
      type: "agent.message",
      processed_at: at(2 + index),
      content: [{ type: "text", text }],
    })),
    {
      id: "i",
      type: "session.status_idle",
      processed_at: at(900),
      stop_reason: { type: "end_turn" },
    },
  ];
}

/** Follows last_event_id as long as there is more. */
async function readAll(rig: ListRig, args: Record<string, unknown>) {
  const texts = new Map<string, string>();
  let afterId = args.after_id;
  for (let calls = 0; calls < 500; calls++) {
    const page = await rig.list({ ...args, ...(afterId !== undefined && { after_id: afterId }) });
    assert(JSON.stringify(page).length <= 40_000, `${JSON.stringify(page).length} characters`);
    for (const { id, text, text_part } of Array.isArray(page.events) ? page.events : []) {
      const known = texts.get(id) ?? "";
      assertEquals(text_part?.from ?? 0, known.length);
      texts.set(id, known + (text ?? ""));
    }
    if (page.has_more !== true) return texts;
    assert(page.last_event_id !== afterId, "no progress");
    afterId = page.last_event_id;
  }
  throw new Error("The walk does not end");
}

/** The arguments that an advice names. */
function argumentsIn(next: unknown): Record<string, unknown> {
  const [, afterId, types, limit] =
    /after_id = "([^"]+)", types = (\[[^\]]*\]) and limit = (\d+)/.exec(String(next)) ?? [];
  return { after_id: afterId, types: JSON.parse(types ?? "[]"), limit: Number(limit) };
}

const words = (length: number) =>
  Array.from({ length: Math.ceil(length / 8) }, (_, n) => `w${n}`.padEnd(8)).join("").slice(
    0,
    length,
  );

const TEXTS: readonly [string, string][] = [
  ...[35_000, 61_000, 300_000, 1_200_000].map((
    n,
  ): [string, string] => [`${n} characters`, words(n)]),
  ["quotes and controls", '"\u0001\\'.repeat(20_000)],
  ["emoji", "🙂".repeat(40_000)],
  ["half an emoji", `${"x".repeat(50_000)}\ud83d${"y".repeat(50_000)}`],
];

for (const [name, text] of TEXTS) {
  Deno.test(`a message of ${name} can be read whole by the call that the wait names`, async () => {
    await using rig = listRig(turn([text]));
    const result = await rig.wait();
    assert(text.endsWith(String(result.reply).slice(-500)), String(result.reply).slice(-500));
    const args = argumentsIn(result.next);
    assertEquals((await readAll(rig, args)).get("m0"), text);
    // The same without a filter, and from the newest event on.
    assertEquals((await readAll(rig, { limit: 1 })).get("m0"), text);
    const newest = await rig.list({ order: "desc", limit: 1, types: ["agent.message"] });
    const [begin] = Array.isArray(newest.events) ? newest.events : [];
    const rest = await readAll(rig, { after_id: newest.last_event_id, limit: 1 }).catch(() => null);
    assertEquals(rest, null, "a part does not begin at 0");
    assertEquals(begin.text, text.slice(0, begin.text_part.to));
  });
}

Deno.test("several long messages, and short ones between, are read one after the other", async () => {
  const texts = [words(70_000), "short", words(45_000).toUpperCase(), "end"];
  await using rig = listRig(turn(texts));
  const result = await rig.wait();
  const known = await readAll(rig, argumentsIn(result.next));
  assertEquals([...known.values()], texts);
});

Deno.test("wait_for_idle and list_events accept a cursor into a text, with and without a counter", async () => {
  await using rig = listRig(turn([words(70_000), "more"]));
  for (const cursor of ["m0@30000", "m0@30000w2"]) {
    assertEquals((await rig.wait({ after_id: cursor })).reply, "more");
    const page = await rig.list({ after_id: cursor, limit: 1 });
    assertEquals(page.last_event_id, "m0@60000");
  }
  // Behind the end of a text the next event comes.
  const page = await rig.list({ after_id: "m0@70000", types: ["agent.message"] });
  assertEquals(Array.isArray(page.events) && page.events.map(({ id }) => id), ["m1"]);
});

Deno.test("an event id in the form of a text cursor is taken for an id", async () => {
  const events = turn([words(70_000), "more"]).map((event) =>
    event.id === "m0" ? { ...event, id: "m0@30000" } : event
  );
  await using rig = listRig(events);
  const page = await rig.list({ after_id: "m0@30000", types: ["agent.message"] });
  assertEquals(Array.isArray(page.events) && page.events.map(({ id }) => id), ["m1"]);
});

for (
  const [name, filler] of [
    ["words", "some words that an agent wrote, "],
    ["no blank", "abcdefgh"],
    ["escapes", '\u00e9"\\\n'],
  ] as const
) {
  Deno.test(`a message too long to be kept shows its end and how much is missing (${name})`, async () => {
    const text = `START${filler.repeat(Math.ceil(10e6 / filler.length))}END`;
    await using rig = listRig(turn([text]));
    const result = await rig.wait();
    assert(
      String(result.reply).endsWith(`${filler.slice(-4)}END`),
      String(result.reply).slice(-50),
    );
    assert(String(result.reply).length > 10_000, String(String(result.reply).length));
    const page = await rig.list({ order: "desc", limit: 3 });
    const shown = JSON.stringify(page);
    assertStringIncludes(shown, "omitted_characters");
    const whole = await readAll(rig, argumentsIn(result.next));
    assert(whole.get("m0")?.endsWith("END"));
  });
}

Deno.test("a text that is cut inside a secret shows no part of it", async () => {
  // The end of a text that is too long begins 64 Ki characters before its own end.
  for (const behind of ["zz", "zz and more words"]) {
    for (let shift = 0; shift < 40; shift += 7) {
      const end = behind.padEnd(64 * 1024 - 20 + shift, "z");
      const text = `${"word ".repeat(2e6)}test-key${end}`;
      await using rig = listRig(turn([text]));
      const all = JSON.stringify(await rig.wait()) + JSON.stringify(await rig.list());
      for (const part of ["test-key", "est-key", "t-keyz", "-keyzz"]) {
        assert(!all.includes(part), part);
      }
    }
  }
});
