import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as z from "zod";
import { personId, type Principal } from "../../../src/access/principal.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { defineTool, type ToolDefinition } from "../../../src/tools/define.ts";
import { TOOL_SETS } from "../../../src/tools/registry.ts";
import { type ApiParts, harness, httpError, session } from "./support.ts";

function counted() {
  const made = { input: 0, output: 0 };
  const tool = defineTool({
    name: "probe",
    title: "Probe",
    description: "Probes.",
    scope: "agents:read",
    kind: "call",
    reaches: { result: "list" },
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: () => {
      made.input++;
      return z.strictObject({ count: z.int() });
    },
    output: () => {
      made.output++;
      return z.object({ count: z.int() });
    },
    run: ({ count }) => Promise.resolve({ count: count + 1 }),
  });
  return { made, tool };
}

Deno.test("defineTool() makes no schema before one is needed: a start waits for none", () => {
  const { made, tool } = counted();
  assertEquals(tool.name, "probe");
  assertEquals(made, { input: 0, output: 0 });
});

Deno.test("defineTool() makes each schema once, whether it is listed or called first", async () => {
  const { made, tool } = counted();
  const { run } = harness({});
  assertEquals(await run(tool, { count: 1 }), { count: 2 });
  assertEquals(await run(tool, { count: 2 }), { count: 3 });
  assertEquals(made, { input: 1, output: 0 });
  assertStrictEquals(tool.input, tool.input);
  assertStrictEquals(tool.output, tool.output);
  assertEquals(made, { input: 1, output: 1 });
});

Deno.test("run() names the scope that a caller lacks; a reader has those that read", async () => {
  const { tool } = counted();
  const { run } = harness({});
  const refusal = async (principal: Principal) => {
    const { code, message } = await assertRejects(
      () => run(tool, { count: 1 }, { principal }),
      ToolError,
    );
    return `${code}: ${message}`;
  };
  assertEquals(
    await refusal({ id: "ci", scopes: ["sessions:read", "actions"] }),
    "missing_scope: Your token does not have the scope agents:read, which probe needs. Ask the " +
      "operator for a token that has it.",
  );
  assertEquals(await run(tool, { count: 1 }, { principal: { id: "ci", readOnly: true } }), {
    count: 2,
  });
});

Deno.test("run() tells a person whether a sign-in, or only the operator, can bring a scope", async () => {
  const { tool } = counted();
  const { run } = harness({});
  const writes = defineTool({
    ...{ ...SPEC, scope: "sessions:write" },
    input: () => z.object({ count: z.int() }),
    reaches: { result: "list" },
  });
  const person = { issuer: "https://login.example.com", subject: "alice" };
  const alice: Principal = { id: personId(person), person, scopes: ["sessions:read"] };
  const refusal = async (called: ToolDefinition, principal: Principal) => {
    const { code, message } = await assertRejects(
      () => run(called, { count: 1 }, { principal }),
      ToolError,
    );
    return `${code}: ${message}`;
  };
  assertEquals(
    await refusal(tool, { ...alice, missingScopes: ["agents:read"] }),
    "missing_scope: Your access token does not have the scope agents:read, which probe needs. Sign " +
      "in again, and agree to it.",
  );
  assertEquals(
    await refusal(tool, alice),
    "missing_scope: You may not use the scope agents:read, which probe needs. Ask the operator of " +
      "this server for it.",
  );
  assertEquals(
    await refusal(writes, { ...alice, readOnly: true }),
    "read_only: You may only read, so probe is not for you. Ask the operator of this server for more.",
  );
});

const SPEC = {
  name: "probe",
  title: "Probe",
  description: "Probes.",
  scope: "sessions:read",
  kind: "call",
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  output: () => z.looseObject({}),
  run: () => Promise.resolve({}),
} as const;

Deno.test("defineTool() does not compile where an id argument's kind is missing or wrong", () => {
  const session = () => z.object({ session_id: z.string(), after_id: z.string() });
  // @ts-expect-error: says nothing of what it reaches
  defineTool({ ...SPEC, input: session });
  // @ts-expect-error: does not say what session_id names
  defineTool({ ...SPEC, input: session, reaches: { result: "list" } });
  // @ts-expect-error: a session is no environment
  defineTool({ ...SPEC, input: session, reaches: { session_id: "environment" } });
  // @ts-expect-error: has no such argument
  defineTool({ ...SPEC, input: session, reaches: { session_id: "session", agent_id: "agent" } });
  // @ts-expect-error: a tool that takes no id lists something
  defineTool({ ...SPEC, input: () => z.object({ limit: z.int() }), reaches: {} });
  defineTool({ ...SPEC, input: session, reaches: { session_id: "session" } });
  defineTool({
    ...SPEC,
    input: () => z.object({ session_ids: z.array(z.string()), files: z.array(z.string()) }),
    reaches: { session_ids: "session", files: "file", result: "list" },
  });
});

/** A caller of agent_1 alone, over sessions of agent_1 and of others. */
function bound(parts: ApiParts = {}) {
  const opened = harness({
    ...parts,
    sessions: {
      retrieve: (id) => {
        const agent = id === "sesn_1" ? "agent_1" : "agent_2";
        return Promise.resolve(session({ id, agent, environment_id: "env_1" }));
      },
    },
  });
  const principal = { id: "ci", agents: ["agent_1"], environments: ["env_1"] };
  return { ...opened, principal };
}

Deno.test("a tool runs only when every id of every argument is within the caller's reach", async () => {
  const ran: unknown[] = [];
  const tool = defineTool({
    ...SPEC,
    input: () =>
      z.object({
        session_ids: z.array(z.string()),
        agent_id: z.string().optional(),
        environment_id: z.string().optional(),
      }),
    reaches: { session_ids: "session", agent_id: "agent", environment_id: "environment" },
    run: (args) => {
      ran.push(args);
      return Promise.resolve({});
    },
  });
  const { run, principal } = bound();
  const own = { session_ids: ["sesn_1"], agent_id: "agent_1", environment_id: "env_1" };
  for (
    const foreign of [
      { session_ids: ["sesn_1", "sesn_2"] },
      { agent_id: "agent_2" },
      { environment_id: "env_2" },
    ]
  ) {
    const { code } = await assertRejects(
      () => run(tool, { ...own, ...foreign }, { principal }),
      ToolError,
    );
    assertEquals(code, "not_available");
  }
  assertEquals(ran, []);
  await run(tool, own, { principal });
  assertEquals(ran, [own]);
});

Deno.test("a tool whose ids stand in objects does not run: nobody could check them", async () => {
  let ran = false;
  const tool = defineTool({
    ...SPEC,
    input: () => z.object({ sessions: z.array(z.object({ id: z.string() })) }),
    reaches: { sessions: "session", result: "list" },
    run: () => {
      ran = true;
      return Promise.resolve({});
    },
  });
  const { run, principal } = bound();
  await assertRejects(() => run(tool, { sessions: [{ id: "sesn_2" }] }, { principal }), TypeError);
  assertEquals(ran, false);
});

Deno.test("a file of a session that the call names is within reach, whatever stands first", async () => {
  const FILES: Readonly<Record<string, string>> = { file_1: "sesn_1", file_2: "sesn_2" };
  const { services, principal, call } = bound({
    files: {
      retrieve: (id) => Promise.resolve({ id, scope: { id: FILES[id], type: "session" } }),
    },
  });
  const asked: unknown[] = [];
  const access: typeof services.access = {
    ...services.access,
    checkFile(id, caller, named) {
      asked.push([id, named]);
      return services.access.checkFile(id, caller, named);
    },
  };
  const tool = defineTool({
    ...SPEC,
    input: () => z.object({ file_ids: z.array(z.string()), session_id: z.string() }),
    reaches: { file_ids: "file", session_id: "session" },
  });
  const run = (args: unknown) =>
    tool.run(args, call({ principal, services: { ...services, access } }));
  await run({ file_ids: ["file_1"], session_id: "sesn_1" });
  await assertRejects(
    () => run({ file_ids: ["file_1", "file_2"], session_id: "sesn_1" }),
    ToolError,
    "That file does not exist or is not available",
  );
  assertEquals(asked, [
    ["file_1", ["sesn_1"]],
    ["file_1", ["sesn_1"]],
    ["file_2", ["sesn_1"]],
  ]);
});

Deno.test("an id of a kind that nobody can check is refused", async () => {
  const tool = defineTool({
    ...SPEC,
    input: () => z.object({ limit: z.string() }),
    reaches: { result: "list", limit: undefined },
  });
  const { code } = await assertRejects(
    () => harness({}).run(tool, { limit: "1" }),
    ToolError,
  );
  assertEquals(code, "not_available");
});

Deno.test("a tool that runs beside its access check returns nothing unless that passes", async () => {
  let outcome: Promise<Record<string, unknown>> = Promise.resolve({ text: "secret" });
  const tool = defineTool({
    ...SPEC,
    runsBesideCheck: true,
    input: () => z.object({ session_id: z.string() }),
    reaches: { session_id: "session" },
    run: (_, { progress }) => {
      progress?.("secret");
      return outcome;
    },
  });
  const { run, principal } = bound();
  const told: string[] = [];
  const call = { principal, progress: (message: string) => told.push(message) };
  const refused = { session_id: "sesn_2" };
  await assertRejects(() => run(tool, refused, call), ToolError, "does not exist or is not");
  outcome = Promise.reject(httpError(404, "Not found: secret."));
  await assertRejects(() => run(tool, refused, call), ToolError, "does not exist or is not");
  assertEquals(told, []);
  outcome = Promise.resolve({ text: "own" });
  assertEquals(await run(tool, { session_id: "sesn_1" }, call), { text: "own" });
});

/** These take the answer up; their own tests show that they then create and send nothing. */
const ASKING: readonly string[] = ["ask_agent"];
/** Every tool of every set that changes something, and that asks nobody. */
const CHANGING = Object.values(TOOL_SETS).flat().filter(({ name, annotations }) =>
  !annotations.readOnlyHint && !ASKING.includes(name)
);
for (const tool of CHANGING) {
  Deno.test(`${tool.name} does nothing for a call that carries an answer, whatever its arguments`, async () => {
    const person = {
      channel: "form",
      carried: () => Promise.reject(new Error("The answer is not even read")),
      ask: () => Promise.reject(new Error("Nobody is asked")),
    };
    const opened = harness({});
    const args = { session_id: "sesn_1", agent_id: "agent_1", event_id: "sevt_1", text: "Once" };
    const error = await assertRejects(() => opened.run(tool, args, { person }), ToolError);
    assertEquals(error.code, "unexpected_answer");
  });
}

Deno.test("a tool that asks a person takes up the answer of a call, also where it changes something", async () => {
  const person = {
    channel: "form",
    carried: () => Promise.resolve({ kind: "invalid", why: "expired" } as const),
    ask: () => Promise.reject(new Error("Nobody is asked")),
  };
  const asking = defineTool({
    name: "asking",
    title: "Asking",
    description: "Asks.",
    scope: "sessions:write",
    kind: "call",
    reaches: { result: "list" },
    annotations: {
      readOnlyHint: false,
      destructiveHint: false,
      idempotentHint: false,
      openWorldHint: false,
    },
    asksPerson: true,
    input: () => z.strictObject({}),
    output: () => z.object({ kind: z.string().optional() }),
    run: async (_args, { person }) => ({ kind: (await person?.carried?.())?.kind }),
  });
  assertEquals(await harness({}).run(asking, {}, { person }), { kind: "invalid" });
});
