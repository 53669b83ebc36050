import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { AskedCall } from "../../../src/session/person.ts";
import { askingCall, blockedOn, SECRET } from "./asked_support.ts";

async function shown(input: unknown, fields: Record<string, unknown> = {}): Promise<AskedCall> {
  const [call] = await blockedOn((e) => [askingCall(e, input, fields)]).waiting();
  assert(call);
  return call;
}

Deno.test("a call shows tool, MCP server and the whole input as one JSON text", async () => {
  const { kind, tool, server, subagent, input, leftOut, mayAllow } = await shown(
    { query: 'a "b"\n', all: true },
    { type: "agent.mcp_tool_use", name: "search", mcp_server_name: "github" },
  );
  assertEquals([kind, tool, server, subagent, leftOut, mayAllow], [
    "tool_confirmation",
    "search",
    "github",
    undefined,
    0,
    true,
  ]);
  assertEquals(input, '{"query":"a \\"b\\"\\n","all":true}');
  assertEquals((await shown(undefined)).input, "{}");
});

Deno.test("a call escapes what nobody would see, and drops none of it", async () => {
  const hidden = "\x1b[2J\x9b\u202e\u2066\u200b\u200d\ufeff\u2028\ufe0f\u{e0041}\u3164\u00a0\ud800";
  const { input, tool } = await shown({ c: `rm${hidden}x` }, { name: "ba\u202esh\n" });
  assert(/^[\x20-\x7e]+$/.test(input + tool), input);
  assertEquals(JSON.parse(input), { c: `rm${hidden}x` });
  assertEquals(tool, "ba\\u202esh\\u000a");
});

Deno.test("a call masks known secrets, also across the cut of a long input", async () => {
  const { input } = await shown({ c: `${"x".repeat(1_480)}${SECRET}${"y".repeat(3_000)}` });
  assertEquals(input.includes(SECRET.slice(0, 8)), false);
  assertStringIncludes(input, "[redacted]");
  assertStringIncludes((await shown({ c: SECRET })).input, "[redacted]");
});

const LENGTHS: readonly (readonly [length: number, leftOut: number, mayAllow: boolean])[] = [
  [2_000, 0, true],
  [2_001, 1, true],
  [4_000, 2_000, true],
  [4_001, 2_001, false],
];
for (const [length, leftOut, mayAllow] of LENGTHS) {
  Deno.test(`an input of ${length} characters leaves out ${leftOut}, and ${mayAllow ? "can" : "cannot"} be allowed`, async () => {
    const call = await shown("x".repeat(length - 2));
    assertEquals([call.leftOut, call.mayAllow], [leftOut, mayAllow]);
    const [head, note, tail] = call.input.split("\n");
    if (leftOut === 0) return assertEquals(note, undefined);
    assertEquals([head?.length, note, tail?.length], [
      1_500,
      `[${leftOut} characters left out]`,
      500,
    ]);
  });
}

Deno.test("an input that is nested too deeply to be shown can only be denied", async () => {
  let input: unknown = {};
  for (let depth = 0; depth < 100_000; depth++) input = [input];
  assertEquals((await shown(input)).mayAllow, false);
});

Deno.test("only calls whose policy asks wait, and custom tools", async () => {
  const { waiting } = blockedOn((e) => [
    askingCall(e, "a", { evaluated_permission: "allow" }),
    askingCall(e, "b", { evaluated_permission: undefined }),
    e.make("agent.custom_tool_use", { name: "custom", input: "c" }),
    askingCall(e, "d"),
  ]);
  assertEquals((await waiting()).map(({ kind, input }) => [kind, input]), [
    ["custom_tool_result", '"c"'],
    ["tool_confirmation", '"d"'],
  ]);
});

Deno.test("a call of a subagent names it, by its thread where its name is not known", async () => {
  const session_thread_id = "sthr_2";
  const { waiting, list, e } = blockedOn((e) => [askingCall(e, "a", { session_thread_id })]);
  assertEquals((await waiting())[0]?.subagent, "sthr_2");
  list.events.unshift(
    e.make("session.thread_created", { session_thread_id, agent_name: "Researcher" }),
  );
  assertEquals((await waiting())[0]?.subagent, "Researcher");
});

Deno.test("another tool, server, thread or input makes another digest, also where it is not shown", async () => {
  const long = (middle: string) => `${"x".repeat(1_600)}${middle}${"y".repeat(600)}`;
  const digestOf = async (...given: Parameters<typeof shown>) => (await shown(...given)).digest;
  const digests = await Promise.all([
    digestOf("ls"),
    digestOf("rm"),
    digestOf("ls", { name: "other" }),
    digestOf("ls", { mcp_server_name: "other" }),
    digestOf("ls", { session_thread_id: "sthr_2" }),
    digestOf("ls", { type: "agent.mcp_tool_use" }),
    digestOf(long("ls")),
    digestOf(long("rm")),
  ]);
  assertEquals(new Set(digests).size, digests.length);
  assertEquals(await digestOf("ls"), digests[0]);
  assertNotEquals((await shown({ a: 1, b: 2 })).digest, (await shown({ b: 2, a: 1 })).digest);
});

Deno.test("a call that is answered waits no longer", async () => {
  const { waiting, list, e, ids } = blockedOn((e) => [askingCall(e, "a"), askingCall(e, "b")]);
  list.events.push(e.make("user.tool_confirmation", { tool_use_id: ids[0], result: "deny" }));
  assertEquals((await waiting()).map(({ eventId }) => eventId), [ids[1]]);
});
