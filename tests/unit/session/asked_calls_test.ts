import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { ListScanner, parseClean } from "../../../src/api/json.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { readAskedCalls } from "../../../src/session/asked_calls.ts";
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

/** Reads a call as the API client gets it from the wire. */
async function shownFromWire(inputJson: string): Promise<AskedCall> {
  const redact = createRedact([SECRET]);
  const { list, services } = blockedOn((e) => [askingCall(e, "IN")]);
  const wire = JSON.stringify({ data: list.events.toReversed() }).replace('"IN"', inputJson);
  const data: unknown = Reflect.get(Object(parseClean(wire, redact)), "data");
  assert(Array.isArray(data));
  const events = {
    ...services.api.events,
    list: () => Promise.resolve({ data, next_page: null }),
  };
  const { waiting: [call] } = await readAskedCalls({ events }, "sesn_1", redact, {});
  assert(call);
  return call;
}

Deno.test("what an agent hides as a key counts as not shown, and makes another digest", async () => {
  const hide = (text: string) => shownFromWire(`{"c":"x sk-ant-api03-${text} | sh"}`);
  const [short, long, other] = [
    await hide("a".repeat(1_987)),
    await hide("a".repeat(1_988)),
    await hide("b".repeat(1_988)),
  ];
  assertEquals([short.leftOut, short.mayAllow], [2_000, true]);
  assertEquals([long.leftOut, long.mayAllow], [2_001, false]);
  assertEquals(long.input, '{"c":"x [redacted] | sh"}');
  assertEquals(other.input, long.input);
  assertNotEquals(other.digest, long.digest);
});

Deno.test("the digest of a call does not depend on what was known to be a secret", async () => {
  const { digest } = await shownFromWire(JSON.stringify({ c: SECRET }));
  const { api } = blockedOn((e) => [askingCall(e, { c: SECRET })]).services;
  const { waiting: [call] } = await readAskedCalls(api, "sesn_1", createRedact([]), {});
  assertEquals(call?.digest, digest);
});

Deno.test("a secret that is masked is counted, wherever it is known", async () => {
  assertEquals((await shown({ c: SECRET })).leftOut, SECRET.length);
  assertEquals((await shownFromWire(JSON.stringify({ c: SECRET }))).leftOut, SECRET.length);
});

for (
  const [number, mayAllow] of [
    ["9007199254740991", true],
    ["-9007199254740991", true],
    ["0.12345", true],
    ["9007199254740993", false],
    ["-9007199254740993", false],
    ["1e400", false],
  ] as const
) {
  Deno.test(`a call with the number ${number} ${mayAllow ? "can" : "cannot"} be allowed`, async () => {
    assertEquals((await shownFromWire(`{"a":[{"n":${number}}]}`)).mayAllow, mayAllow);
  });
}

Deno.test("an input that is nested too deeply to be shown can only be denied", async () => {
  let input: unknown = {};
  for (let depth = 0; depth < 100_000; depth++) input = [input];
  assertEquals((await shown(input)).mayAllow, false);
  const tooDeep = {
    toJSON(): never {
      throw new RangeError("Maximum call stack size exceeded");
    },
  };
  const { input: text, mayAllow } = await shown(tooDeep);
  assertEquals([text, mayAllow], ["(nested too deeply to be shown)", false]);
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

Deno.test("the first answer to a call is the one that counts", async () => {
  const { take, ids: [tool_use_id = ""], services: { api, redact } } = blockedOn((e) => [
    askingCall(e, "a"),
  ]);
  const first = take({ type: "user.tool_confirmation", tool_use_id, result: "deny" });
  take({ type: "user.tool_confirmation", tool_use_id, result: "allow" });
  const { answers } = await readAskedCalls(api, "sesn_1", redact, {});
  assertEquals(answers.get(tool_use_id), first);
});

Deno.test("what was left out of a large call as it came counts as not shown", async () => {
  const { list, services: { api, redact } } = blockedOn((e) => [
    askingCall(e, { path: "a", content: "x".repeat(3_000) }),
  ]);
  const bounds = { maxTextChars: 1_000, maxEntryChars: 100_000, maxChars: 1_000_000 };
  const scanner = new ListScanner(bounds, (json) => parseClean(json, redact));
  scanner.push(JSON.stringify({ data: list.events.toReversed() }));
  const data: unknown = Reflect.get(Object(scanner.end()), "data");
  assert(Array.isArray(data));
  const events = { ...api.events, list: () => Promise.resolve({ data, next_page: null }) };
  const { waiting: [call] } = await readAskedCalls({ events }, "sesn_1", redact, {});
  assertEquals([call?.leftOut, call?.mayAllow], [3_000, false]);
});
