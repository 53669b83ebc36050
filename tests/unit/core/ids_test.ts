import { assertEquals } from "@std/assert";
import { ID, isIdOf, isKey, kindOfId } from "../../../src/core/ids.ts";

const KINDS: readonly [string, ReturnType<typeof kindOfId>][] = [
  ["agent_01abc", "agent"],
  ["AGENT-x", "agent"],
  ["env_01abc", "environment"],
  ["sesn_01abc", "session"],
  ["session-1", "session"],
  ["sthr_01abc", "thread"],
  ["sevt_01abc", "event"],
  ["event_1", "event"],
  ["file_01abc", "file"],
  ["agentless", undefined],
  ["01abc", undefined],
];
for (const [id, kind] of KINDS) {
  Deno.test(`kindOfId() of ${id} is ${kind}`, () => assertEquals(kindOfId(id), kind));
}

const AGENT_IDS: readonly [string, boolean][] = [
  ["agent_01abc", true],
  ["my-agent-7", true],
  ["my-agent", false],
  ["sesn_01abc", false],
  ["sk-ant-0123456789", false],
  ["agent_1/../x", false],
  ["", false],
];
for (const [value, expected] of AGENT_IDS) {
  Deno.test(`isIdOf() ${expected ? "takes" : "does not take"} '${value}' for an agent's id`, () => {
    assertEquals(isIdOf("agent", value), expected);
  });
}

Deno.test("ID matches only what is safe as a path segment, of at most 128 characters", () => {
  assertEquals(["a", "A-b_9", "x".repeat(128)].map((id) => ID.test(id)), [true, true, true]);
  const unsafe = ["", ".", "a/b", "a b", "a%2Fb", "é", "a\n", "x".repeat(129)];
  assertEquals(unsafe.filter((id) => ID.test(id)), []);
});

Deno.test("isKey() recognises a key by how it begins, in any case", () => {
  assertEquals(["sk-ant-1", "SK-x", "task-1", "agent_sk-"].map(isKey), [true, true, false, false]);
});
