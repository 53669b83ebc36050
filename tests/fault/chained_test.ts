import { assert, assertEquals } from "@std/assert";
import { Rig } from "./rig.ts";

/** A turn of four and a half minutes that says a word every few seconds and uses tools between. */
function playLongTurn(rig: Rig): string[] {
  const words: string[] = [];
  const calls: string[] = [];
  rig.pastTurn();
  rig.user("a long question");
  rig.running();
  for (let second = 5, n = 0; second < 270; second += 7, n++) {
    const word = `word${n}`;
    words.push(word);
    rig.at(second * 1_000, () => rig.text(word));
    if (n % 3 === 0) {
      rig.at(second * 1_000 + 500, () => {
        calls.push(rig.emit("agent.tool_use", { name: "bash", input: {} }));
      });
    }
  }
  rig.at(269_000, () => {
    for (const call of calls) rig.emit("agent.tool_result", { tool_use_id: call });
  });
  rig.at(270_000, () => rig.idle());
  return words;
}

Deno.test("a turn of four and a half minutes arrives whole in waits of 45 seconds", async () => {
  const rig = new Rig();
  const words = playLongTurn(rig);
  const heard: string[] = [];
  let cursor: string | undefined;
  const statuses: string[] = [];
  for (let waits = 0; waits < 20; waits++) {
    const { result, elapsedMs, requests, leaked } = await rig.wait(45_000, cursor);
    statuses.push(result.status);
    heard.push(...result.reply.split("\n\n").filter((text) => text !== ""));
    cursor = result.last_event_id;
    assert(elapsedMs <= 45_000);
    assert(requests <= 3, `${requests} requests`);
    assertEquals(leaked, []);
    if (result.status !== "timeout") break;
    assert(result.next?.includes(`after_id "${cursor}"`), result.next);
  }
  assertEquals(heard, words);
  assertEquals(statuses, [...Array(5).fill("timeout"), "timeout", "idle"].slice(-statuses.length));
  assertEquals(statuses.at(-1), "idle");
  assertEquals(statuses.length, 6);
  rig.close();
  assertEquals(rig.clock.pendingTimers, 0);
});

Deno.test("text between two waits is neither lost nor repeated", async () => {
  const rig = new Rig();
  const words = playLongTurn(rig);
  const heard: string[] = [];
  let cursor: string | undefined;
  for (let waits = 0; waits < 40; waits++) {
    const { result } = await rig.wait(10_000, cursor);
    heard.push(...result.reply.split("\n\n").filter((text) => text !== ""));
    cursor = result.last_event_id;
    if (result.status !== "timeout") break;
    // The host takes its time before it calls again.
    await rig.clock.advance(13_000);
  }
  assertEquals(heard, words);
  rig.close();
});

Deno.test("a message sent between two waits is answered in the second, with its own reply", async () => {
  const rig = new Rig();
  rig.pastTurn("first answer");
  const first = await rig.wait();
  assertEquals(first.result.reply, "first answer");
  const sent = rig.user("second question", { queued: true });
  rig.at(3_000, () => rig.stamp(sent));
  rig.at(3_100, () => rig.running());
  rig.at(9_000, () => rig.text("second answer"));
  rig.at(9_100, () => rig.idle());
  const second = await rig.wait(45_000, first.result.last_event_id);
  assertEquals([second.result.status, second.result.reply], ["idle", "second answer"]);
  const again = await rig.wait(45_000, second.result.last_event_id);
  assertEquals([again.result.status, again.result.reply], ["idle", ""]);
  assertEquals(again.elapsedMs, 0);
  rig.close();
});
