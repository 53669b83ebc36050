import { assertEquals } from "@std/assert";
import { MAX_ENTRIES, withEntry, withKey } from "../../../src/session/recent.ts";
import { initialTurn, reduceTurn, type TurnState } from "../../../src/session/turn.ts";
import { readEvent } from "../../../src/session/log_event.ts";

Deno.test("withEntry() adds to a copy, and keeps the newest of too many", () => {
  const empty: ReadonlyMap<string, number> = new Map();
  let entries = withEntry(empty, "k0", 0);
  for (let index = 1; index < 3 * MAX_ENTRIES; index++) {
    entries = withEntry(entries, `k${index}`, index);
  }
  assertEquals(empty.size, 0);
  assertEquals(entries.size, MAX_ENTRIES);
  assertEquals([...entries.values()].at(0), 2 * MAX_ENTRIES);
  assertEquals([...entries.values()].at(-1), 3 * MAX_ENTRIES - 1);
});

Deno.test("withKey() adds to a copy, and keeps the newest of too many", () => {
  const empty: ReadonlySet<string> = new Set<string>();
  let keys = empty;
  for (let index = 0; index < MAX_ENTRIES + 5; index++) keys = withKey(keys, `k${index}`);
  assertEquals(empty.size, 0);
  assertEquals([keys.size, [...keys][0]], [MAX_ENTRIES, "k5"]);
});

Deno.test("reduceTurn() remembers bounded many tool calls and answers of an endless turn", () => {
  let state: TurnState = initialTurn();
  const take = (event: Record<string, unknown> & { type: string }) =>
    state = reduceTurn(state, readEvent({ processed_at: "2026-11-23T09:00:00Z", ...event }));
  for (let index = 0; index < 2_000; index++) {
    const id = `sevt_${index}`;
    const evaluated_permission = "ask";
    take({ type: "agent.tool_use", id, name: "bash", input: {}, evaluated_permission });
    take({ type: "user.tool_confirmation", id: `${id}a`, tool_use_id: id, result: "allow" });
  }
  assertEquals(state.toolsInFlight.size, MAX_ENTRIES);
  assertEquals(state.asking.size, MAX_ENTRIES);
  assertEquals(state.answered.size, MAX_ENTRIES);
  assertEquals([...state.asking.keys()].at(-1), "sevt_1999");
  assertEquals(state.answered.has("sevt_1999"), true);
});
