import { assert, assertEquals } from "@std/assert";
import { inputRequired } from "@modelcontextprotocol/server";
import { z } from "zod";
import { ApiError } from "../../../src/api/errors.ts";
import { PartlyDoneError, ToolError } from "../../../src/core/errors.ts";
import { createLogger } from "../../../src/core/logger.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { CONTENT, META } from "../../../src/tools/content.ts";
import { callTool as callToolOrAsk } from "../../../src/mcp/boundary.ts";
import { InputNeeded } from "../../../src/mcp/person.ts";
import { defineTool, type ToolCall } from "../../../src/tools/define.ts";
import { callTool } from "../../helpers/call_tool.ts";
import { harness, httpError } from "../tools/support.ts";

const SECRET = "sk-ant-very-secret-value";

function tool(run: () => Record<string, unknown> | Promise<Record<string, unknown>>) {
  return defineTool({
    name: "probe",
    title: "Probe",
    description: "Probes.",
    scope: "sessions:read",
    kind: "call",
    reaches: { session_id: "session" },
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: () => z.strictObject({ session_id: z.string().optional() }),
    output: () => z.looseObject({}),
    run: async () => await run(),
  });
}

async function call(
  run: () => Record<string, unknown> | Promise<Record<string, unknown>>,
  args: unknown = {},
  overrides: Partial<ToolCall> = {},
) {
  const lines: string[] = [];
  const redact = createRedact([SECRET]);
  const opened = harness({}, {
    redact,
    log: createLogger({
      level: "debug",
      format: "text",
      redact: redact.loose,
      write: (line) => lines.push(line),
      now: () => 0,
    }),
  });
  const result = await callTool(tool(run), args, opened.call(overrides));
  const [content] = result.content;
  assert(content?.type === "text");
  return { result, text: content.text, log: lines.join("\n") };
}

Deno.test("callTool() gives the same object as structured content and as text", async () => {
  const { result, text } = await call(() => ({ a: 1, b: { c: ["d"] } }));
  assertEquals(result.structuredContent, { a: 1, b: { c: ["d"] } });
  assertEquals(text, '{"a":1,"b":{"c":["d"]}}');
  assertEquals(result.isError, undefined);
});

Deno.test("callTool() redacts the process's secrets in a result", async () => {
  const { result, text } = await call(() => ({ text: `key ${SECRET}`, [SECRET]: 1 }));
  assert(!JSON.stringify(result).includes(SECRET));
  assertEquals(text, JSON.stringify(result.structuredContent));
});

Deno.test("callTool() gives the view its part as _meta, redacted, and nobody else", async () => {
  const given = { view: { texts: [`a ${SECRET}`], proof: "A_-9" }, [SECRET]: 1 };
  const { result, text, log } = await call(() => ({ a: 1, [META]: given }));
  assertEquals(result._meta, {
    view: { texts: ["a [redacted]"], proof: "A_-9" },
    "[redacted]": 1,
  });
  assertEquals([result.structuredContent, text], [{ a: 1 }, '{"a":1}']);
  assert(!log.includes("A_-9"));
  // The budget of what the model reads counts without it.
  const long = await call(() => ({ text: "x".repeat(39_000), [META]: { y: "y".repeat(39_000) } }));
  assertEquals(Object(long.result.structuredContent).truncated, undefined);
  assertEquals("_meta" in (await call(() => ({ a: 1 }))).result, false);
});

Deno.test("callTool() redacts the blocks beside a result", async () => {
  const resource = { uri: "cma://sessions/s/files/f", mimeType: "text/plain", text: SECRET };
  const { result } = await call(() => ({ [CONTENT]: [{ type: "resource", resource }] }));
  assertEquals(result.content.at(1), {
    type: "resource",
    resource: { ...resource, text: "[redacted]" },
  });
});

Deno.test("callTool() redacts a result before it is cut: no part of a secret is left at its end", async () => {
  // Texts of a result that is too long are cut after 20,000 characters.
  for (let left = 1; left < SECRET.length; left++) {
    const cut = "x".repeat(20_000 - left) + SECRET + "y".repeat(30_000);
    const { text } = await call(() => ({ text: cut }));
    assert(text.endsWith('"truncated":true}'));
    assert(!text.includes(`x${SECRET[0]}`), `${left} characters of the secret are left`);
  }
});

Deno.test("callTool() redacts fields of a result that hold credentials by their name", async () => {
  const { result } = await call(() => ({ config: { Authorization: "plain-words", more: "x" } }));
  assertEquals(result.structuredContent, { config: { Authorization: "[redacted]", more: "x" } });
});

Deno.test("callTool() keeps a result within its budget and marks what was cut", async () => {
  const { result, text } = await call(() => ({ text: "x".repeat(90_000) }));
  assert(text.length <= 40_100);
  assertEquals(text, JSON.stringify(result.structuredContent));
  assert(text.endsWith(`"truncated":true}`));
});

Deno.test("callTool() names no tool that the caller lacks in an error result", async () => {
  const error = new ToolError("x", (has) => has("get_session") ? "See get_session." : "Wait.");
  const fail = () => Promise.reject(error);
  assertEquals((await call(fail)).text, "See get_session.");
  assertEquals((await call(fail, {}, { has: () => false })).text, "Wait.");
});

Deno.test("callTool() makes an API error an error result, with detail for the operator", async () => {
  const cause = new TypeError("dns failed");
  const error = new ApiError(`Bad key ${SECRET}`, {
    kind: "http",
    status: 401,
    type: "authentication_error",
    requestId: "req_1",
  }, { cause });
  const { result, text, log } = await call(() => Promise.reject(error));
  assertEquals(result.isError, true);
  assertEquals(result.structuredContent, undefined);
  assert(text.includes("authentication_error") && text.includes("req_1") && !text.includes("dns"));
  assert(log.includes("dns failed") && log.includes("tool=probe") && log.includes("req_1"));
  assert(!text.includes(SECRET) && !log.includes(SECRET));
});

Deno.test("callTool() hides an unexpected error from the caller and shows it to the operator", async () => {
  const { result, text, log } = await call(() => {
    throw new TypeError("undefined is not a function");
  });
  assertEquals(result.isError, true);
  assert(!text.includes("undefined is not"));
  assert(log.includes("cma-mcp error") && log.includes("undefined is not a function"));
});

Deno.test("callTool() logs a refusal at level info", async () => {
  const { text, log } = await call(() => Promise.reject(new ToolError("too_many_waits", "Later.")));
  assertEquals(text, "Later.");
  assert(log.includes("cma-mcp info") && log.includes("outcome=too_many_waits"));
});

Deno.test("callTool() names what is wrong with the arguments", async () => {
  const { result, text } = await call(() => ({}), { session_id: 3, more: true });
  assertEquals(result.isError, true);
  assert(text.includes("session_id must be") && text.includes('"more"'));
});

for (const status of [400, 404]) {
  Deno.test(`callTool() hints at an id of another kind when the API answers ${status}`, async () => {
    const fail = () => Promise.reject(httpError(status));
    const args = { session_id: "agent_1" };
    assert((await call(fail, args)).text.includes("looks like an agent_id"));
    // A caller whose tools are bound to an agent has no such argument.
    const principal = { id: "team", agent: "agent_1" };
    assert((await call(fail, args, { principal })).text.includes("looks like an agent id."));
    assert(!(await call(fail, { session_id: "sesn_1" })).text.includes("looks like"));
  });
}

Deno.test("callTool() gives no hint where the id is of the right kind", async () => {
  const { text } = await call(() => Promise.reject(httpError(500)), { session_id: "agent_1" });
  assert(!text.includes("looks like"));
});

Deno.test("callTool() logs a cancelled call as cancelled", async () => {
  const lines: string[] = [];
  const controller = new AbortController();
  const opened = harness({}, {
    log: createLogger({
      level: "info",
      format: "text",
      redact: (text) => text,
      write: (line) => lines.push(line),
      now: () => 0,
    }),
  });
  const cancelled = tool(() => {
    controller.abort();
    throw controller.signal.reason;
  });
  const result = await callTool(cancelled, {}, opened.call({ signal: controller.signal }));
  assertEquals(result.isError, true);
  assert(lines[0]?.includes("outcome=cancelled"));
});

Deno.test("callTool() ends a call with a question to the client, which is no failure", async () => {
  const lines: string[] = [];
  const opened = harness({}, {
    maxCalls: 1,
    log: createLogger({
      level: "info",
      format: "text",
      redact: (text) => text,
      write: (line) => lines.push(line),
      now: () => 0,
    }),
  });
  const question = inputRequired({ requestState: "state", inputRequests: {} });
  const asks = tool(() => Promise.reject(new InputNeeded("sesn_asked", question)));
  // The second call gets the only place, which the first has given back.
  for (let call = 0; call < 2; call++) {
    assertEquals(await callToolOrAsk(asks, {}, opened.call()), question);
  }
  assertEquals(lines.length, 2);
  assert(lines.every((line) => line.includes("outcome=input_required")), lines.join());
  assert(lines.every((line) => line.includes("session=sesn_asked")), lines.join());
  assert(!lines.join().includes("state"));
});

Deno.test("callTool() logs the session of what a failed call did", async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const opened = harness({}, { log });
  const cause = new ToolError("too_many_waits", "Too many.");
  const fails = tool(() => Promise.reject(new PartlyDoneError("sesn_made", "Sent.", { cause })));
  await callToolOrAsk(fails, {}, opened.call());
  assert(lines[0]?.includes("session=sesn_made outcome=partly_done"), lines.join());
});

Deno.test("callTool() gives an error as one line that shows what it says", async () => {
  const fail = () => Promise.reject(new ToolError("x", "An agent's\u001b[2J name\u202e\nis odd."));
  assertEquals((await call(fail)).text, "An agent's name is odd.");
});
