// The habits combine: whichever are on together, a turn ends, each message is answered once, and
// nothing is left behind.
import { assert, assertEquals } from "@std/assert";
import { assertAsync, fc } from "../helpers/fuzz.ts";
import { HABIT_NAMES, HABIT_VALUES, habits, oddHabits, SERVERS } from "../helpers/habits.ts";
import { settle } from "../helpers/manual_clock.ts";
import type { Habits } from "../../src/simulator/mod.ts";
import {
  type Bench,
  bench,
  dataOf,
  message,
  type Reply,
  type Wire,
} from "../unit/simulator/helpers.ts";

type Action =
  | { readonly do: "message"; readonly lines: string }
  | { readonly do: "interrupt" }
  | { readonly do: "wait"; readonly ms: number };

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant("message" as const),
      lines: fc.constantFrom(
        ...["", "\nsleep 1s", "\nask bash x", "\ntool bash x"],
        "\nask bash x\nand as Helper ask crm/y",
      ),
    }),
    fc.record({ do: fc.constant("interrupt" as const) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 60, 400, 5_000) }),
  ),
  { minLength: 1, maxLength: 8 },
);

function ok(reply: Reply): boolean {
  assert(reply.status < 500, `${reply.status}`);
  return reply.status < 300;
}

/** Calls that ask and have neither a result nor an answer yet. */
function openCalls(events: readonly Wire[]): unknown[] {
  const answers = events.filter((event) => event.tool_use_id ?? event.mcp_tool_use_id);
  const closed = new Set(answers.map((event) => event.tool_use_id ?? event.mcp_tool_use_id));
  return events
    .filter((event) => event.evaluated_permission === "ask" && !closed.has(event.id))
    .map((event) => event.id);
}

interface Played {
  readonly tools: Bench;
  readonly id: string;
  /** Texts of the messages that were accepted. */
  readonly said: string[];
  readonly events: Wire[];
}

async function play(settings: Partial<Habits>, plan: readonly Action[]): Promise<Played> {
  const tools = bench(settings);
  const id = tools.simulator.createSession({ agent: "script" });
  await tools.open(id);
  const all = async () => dataOf(await tools.call("GET", `/v1/sessions/${id}/events?limit=1000`));
  const said: string[] = [];
  for (const [index, action] of plan.entries()) {
    if (action.do === "wait") await tools.clock.advance(action.ms);
    else if (action.do === "interrupt") ok(await tools.send(id, { type: "user.interrupt" }));
    else {
      const text = `word-${index}.`;
      if (ok(await tools.send(id, message(`say ${text}${action.lines}`)))) said.push(text);
    }
  }
  for (let round = 0; round < 20; round++) {
    await tools.clock.advance(30_000);
    const open = openCalls(await all());
    if (settings.eventsWithoutIds || open.length === 0) break;
    for (const tool_use_id of open) {
      ok(await tools.send(id, { type: "user.tool_confirmation", tool_use_id, result: "allow" }));
    }
  }
  return { tools, id, said, events: await all() };
}

async function check(settings: Partial<Habits>, plan: readonly Action[]): Promise<void> {
  const { tools, id, said, events } = await play(settings, plan);
  const replies = JSON.stringify(events.filter((event) => event.type === "agent.message"));
  const interrupted = plan.some((action) => action.do === "interrupt");
  const blocked = openCalls(events).length > 0;
  for (const text of said) {
    const count = replies.split(text).length - 1;
    assert(count <= 1, `${text} was answered ${count} times`);
    if (!interrupted && !blocked) assertEquals(count, 1, text);
  }
  if (!blocked) assertEquals(await tools.status(id), "idle");
  tools.simulator.close();
  await settle();
  assertEquals([tools.clock.pendingTimers, tools.simulator.openStreams()], [0, 0]);
}

Deno.test("under any combination of habits turns end and messages are answered once", async () => {
  await assertAsync(fc.asyncProperty(habits(), actions, check), { numRuns: 150 });
});

Deno.test("under every pair of odd habits a plain turn ends", async () => {
  const odd = oddHabits();
  for (const [index, one] of odd.entries()) {
    for (const other of odd.slice(index)) {
      await check({ ...one, ...other }, [{ do: "message", lines: "\nsleep 1s" }]);
    }
  }
});

for (const [name, settings] of Object.entries(SERVERS)) {
  Deno.test(`a server like ${name} plays turns to their end`, async () => {
    await assertAsync(fc.asyncProperty(actions, (plan) => check(settings, plan)), { numRuns: 30 });
  });
}

Deno.test("the table of habits has each, the hosted API's value first", () => {
  const { simulator } = bench();
  assertEquals(HABIT_NAMES.map((name) => [name, HABIT_VALUES[name][0]]), [
    ...Object.entries(simulator.habits),
  ]);
});
