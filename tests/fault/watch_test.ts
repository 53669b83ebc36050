// Watches of sessions on servers that differ: they say what a wait says, and leave nothing behind.
import { assert, assertEquals } from "@std/assert";
import { HABIT_NAMES, HabitWorld, wordsOf } from "../helpers/habit_world.ts";
import { LOOK_ROOM, Watcher } from "../helpers/watcher.ts";

async function ended(world: HabitWorld): Promise<void> {
  await world.clock.advance(21_000);
  assertEquals(await world.close(), []);
}

for (const name of HABIT_NAMES) {
  Deno.test(`a watch says what a wait says of a turn, on a server with ${name}`, async () => {
    const world = new HabitWorld([name], 2);
    await world.say("say one\nsleep 3s\ntool bash ls\nsleep 20s\nsay two");
    const watchers = [new Watcher(world), new Watcher(world, 1)];
    for (const watcher of watchers) await watcher.untilRest();
    const result = await world.wait(60_000);
    for (const { latest, words, known } of watchers) {
      assertEquals([latest?.status, words], [result.status, wordsOf(result)]);
      assertEquals(words, ["one", "two"]);
      const tools = known.entries.flatMap((one) => one.kind === "tool" ? [one.state] : []);
      assertEquals(tools, ["done"]);
    }
    await ended(world);
  });

  Deno.test(`a watch follows a second message, on a server with ${name}`, async () => {
    const world = new HabitWorld([name]);
    const watcher = new Watcher(world);
    await world.say("say one\nsleep 10s\nsay two");
    await watcher.look();
    await world.clock.advance(4_000);
    await watcher.look();
    await world.say("say three");
    await watcher.untilRest();
    const result = await world.wait(60_000);
    assertEquals([watcher.latest?.status, watcher.words], [result.status, wordsOf(result)]);
    assertEquals(watcher.words.at(-1), "three");
    await ended(world);
  });

  Deno.test(`a watch shows the call that waits, on a server with ${name}`, async () => {
    const world = new HabitWorld([name]);
    const watcher = new Watcher(world);
    await world.say("say one\nask bash ls\nsay two");
    await watcher.untilRest();
    const result = await world.wait(60_000);
    assertEquals(watcher.latest?.status, result.status);
    const states = watcher.known.entries.flatMap((one) => one.kind === "tool" ? [one.state] : []);
    assertEquals([result.status, states], ["requires_action", ["waiting"]]);
    await ended(world);
  });
}

Deno.test("a minute of looks costs as few requests as a minute of waiting, on any server", async () => {
  for (const name of HABIT_NAMES) {
    const [watched, waited] = [new HabitWorld([name]), new HabitWorld([name])];
    for (const world of [watched, waited]) await world.say("say one\nsleep 200s\nsay two");
    const before = [watched.requests, waited.requests];
    const watcher = new Watcher(watched);
    for (let second = 0; second < 60; second++) {
      await watcher.look();
      await watched.clock.advance(1_000);
    }
    await waited.wait(60_000);
    const [looks = 0, wait = 0] = [watched, waited].map(({ requests }, index) =>
      requests - (before[index] ?? 0)
    );
    // One read more is that of the session's name and title.
    assert(looks <= wait + 1, `${name}: ${looks} requests for looks, ${wait} for a wait`);
    watched.simulator.close();
    waited.simulator.close();
  }
});

Deno.test("a turn of 10,000 events is watched in few requests, and within its room", async () => {
  const world = new HabitWorld([]);
  await world.say(Array.from({ length: 5_000 }, (_, at) => `tool bash ${at}`).join("\n"));
  await world.clock.advance(600_000);
  const before = world.requests;
  const watcher = new Watcher(world);
  await watcher.look();
  assert(world.requests - before <= 12, `${world.requests - before} requests`);
  assertEquals(watcher.latest?.status, "idle");
  assertEquals(watcher.latest?.turn?.task?.startsWith("tool bash 0\n"), true);
  const { entries, leftOut } = watcher.known;
  assert(entries.length <= 200 && JSON.stringify(entries).length <= LOOK_ROOM);
  assert(leftOut > 1_000, `${leftOut}`);
  await ended(world);
});
