import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Decision, QuestionRecord } from "../../../src/session/person.ts";
import {
  AttendedWorld,
  decides,
  neverAnswers,
  type WorldOptions,
} from "../../helpers/attended_world.ts";

const ALLOW: Decision = { result: "allow" };

async function blocked(lines: readonly string[], options?: WorldOptions): Promise<AttendedWorld> {
  const world = new AttendedWorld(options);
  await world.begin(...lines);
  return world;
}

Deno.test("what an earlier question of the call has settled is not asked about again", async () => {
  const world = await blocked(["ask bash one", "and ask bash two"]);
  const ends = new Error("the call ends with a question");
  const first = world.person(() => {
    throw ends;
  });
  await assertRejects(() => world.wait(first), Error, ends.message);
  const [asked] = world.asked;
  assert(asked);
  const [one, two] = asked.calls;
  assert(one && two);
  const carried = {
    kind: "valid",
    sessionId: world.sessionId,
    calls: [one],
    round: { number: 2, remainingMs: 30_000, settled: [`${two.eventId} ${two.digest}`] },
    answer: decides(ALLOW)({ calls: [one] }),
  } as const;
  const result = await world.wait(world.person(decides(ALLOW), carried));
  assertEquals([result.status, world.asked.length], ["requires_action", 1]);
  assertEquals(world.posted.map(({ id }) => id), [one.eventId]);
});

Deno.test("a caller who loses the right in a call is asked nothing more", async () => {
  const world = await blocked(["ask bash one", "ask bash two"]);
  world.before = ({ method }) => {
    if (method === "POST") world.mayAct = false;
  };
  const result = await world.wait(world.person(decides(ALLOW)));
  assertEquals([result.status, world.asked.length, world.posted.length], [
    "requires_action",
    1,
    1,
  ]);
});

Deno.test("a call whose answer may have arrived is not asked about again", async () => {
  const world = await blocked(["ask bash one"]);
  const path = /\/events$/;
  world.simulator.faults.add({ match: { method: "POST", path }, fault: { kind: "hang" } });
  const lost = await world.wait(world.person(decides(ALLOW)));
  assertEquals([lost.status, lost.decisions?.[0]?.outcome], ["requires_action", "unknown"]);
  const again = await world.wait(world.person(decides(ALLOW)));
  assertEquals([again.status, world.asked.length, world.posted.length], ["requires_action", 1, 1]);
});

Deno.test("a result names no question about a custom tool where nobody asks it", async () => {
  const world = await blocked(["ask bash one", "and custom weather Lisbon"]);
  const { pending_actions } = await world.wait(world.person(decides(undefined)));
  assertEquals(pending_actions.map(({ answer }) => answer), [
    "a person decides, when wait_for_idle asks or in the Claude Console",
    "the program that provides the tool",
  ]);
});

Deno.test("a question that ends with its call was not answered in any way", async () => {
  const records: QuestionRecord[] = [];
  const services = { onAsked: (record: QuestionRecord) => records.push(record) };
  const world = await blocked(["ask bash one"], { services });
  world.clock.after(2_000, () => world.controller.abort(new Error("cancelled")));
  const person = world.person((_question, _round, signal) => neverAnswers(signal));
  await assertRejects(() => world.wait(person), Error, "cancelled");
  assertEquals([world.asked.length, records, world.posted], [1, [], []]);
});

Deno.test("a result shows the beginning of a tool's name", async () => {
  const name = "n".repeat(100);
  const world = await blocked([`ask ${name} one`]);
  const { decisions } = await world.wait(world.person(decides(ALLOW)));
  assertEquals(decisions?.map(({ name }) => name), [name.slice(0, 60)]);
});
