// Which fields the official SDK's types give each event, checked by the compiler against the SDK
// and at run time against what every scripted agent of the simulator sends.
import type Anthropic from "@anthropic-ai/sdk";
import { assertEquals } from "@std/assert";
import { type FixtureKey, fixtures } from "../../src/simulator/mod.ts";
import { collect, type SdkBench, sdkBench, userMessage } from "./simulator_client.ts";

type Item<T> = T extends AsyncIterable<infer I> ? I : never;
type SdkEvent = Item<ReturnType<Anthropic["beta"]["sessions"]["events"]["list"]>>;

/** Each field of an event: whether the SDK's type requires it. */
type FieldsOf<Type extends SdkEvent["type"]> = {
  [Field in keyof Extract<SdkEvent, { type: Type }>]-?: undefined extends
    Extract<SdkEvent, { type: Type }>[Field] ? "optional" : "required";
};

type Played = Exclude<
  SdkEvent["type"],
  // What no scripted agent does.
  | "agent.thread_context_compacted"
  | "session.deleted"
  | "workflow_run.error"
  | "workflow_run.status_idle"
>;

const bare = { id: "required", type: "required", processed_at: "required" } as const;
const sent = { ...bare, processed_at: "optional" } as const;
const thread = {
  ...bare,
  session_thread_id: "required",
  agent_name: "required",
} as const;
const evaluation = { ...bare, outcome_id: "required", iteration: "required" } as const;
const run = { ...bare, workflow_run_id: "required" } as const;

const FIELDS: { [Type in Played]: FieldsOf<Type> } = {
  "user.message": { ...sent, content: "required" },
  "user.interrupt": { ...sent, session_thread_id: "optional" },
  "user.tool_confirmation": {
    ...sent,
    tool_use_id: "required",
    result: "required",
    deny_message: "optional",
    session_thread_id: "optional",
  },
  "user.custom_tool_result": {
    ...sent,
    custom_tool_use_id: "required",
    content: "optional",
    is_error: "optional",
    session_thread_id: "optional",
  },
  "user.tool_result": {
    ...sent,
    tool_use_id: "required",
    content: "optional",
    is_error: "optional",
    session_thread_id: "optional",
  },
  "user.define_outcome": {
    ...bare,
    description: "required",
    rubric: "required",
    max_iterations: "required",
    outcome_id: "required",
  },
  "system.message": { ...sent, content: "required" },
  "agent.message": { ...bare, content: "required" },
  "agent.thinking": bare,
  "agent.tool_use": {
    ...bare,
    name: "required",
    input: "required",
    evaluated_permission: "optional",
    evaluation: "optional",
    session_thread_id: "optional",
  },
  "agent.tool_result": {
    ...bare,
    tool_use_id: "required",
    content: "optional",
    is_error: "optional",
  },
  "agent.custom_tool_use": {
    ...bare,
    name: "required",
    input: "required",
    session_thread_id: "optional",
  },
  "agent.mcp_tool_use": {
    ...bare,
    name: "required",
    mcp_server_name: "required",
    input: "required",
    evaluated_permission: "optional",
    evaluation: "optional",
    session_thread_id: "optional",
  },
  "agent.mcp_tool_result": {
    ...bare,
    mcp_tool_use_id: "required",
    content: "optional",
    is_error: "optional",
  },
  "agent.thread_message_sent": {
    ...bare,
    content: "required",
    to_session_thread_id: "required",
    to_agent_name: "optional",
  },
  "agent.thread_message_received": {
    ...bare,
    content: "required",
    from_session_thread_id: "required",
    from_agent_name: "optional",
  },
  "session.status_running": bare,
  "session.status_rescheduled": bare,
  "session.status_terminated": bare,
  "session.status_idle": { ...bare, stop_reason: "required", stop_details: "required" },
  "session.error": { ...bare, error: "required" },
  "session.updated": {
    ...bare,
    agent: "optional",
    budget: "optional",
    metadata: "optional",
    title: "optional",
  },
  "session.usage": { ...bare, usage: "required", budget: "optional" },
  "session.thread_created": { ...thread, workflow_run_id: "required" },
  "session.thread_status_running": thread,
  "session.thread_status_idle": { ...thread, stop_reason: "required", stop_details: "required" },
  "session.thread_status_rescheduled": thread,
  "session.thread_status_terminated": thread,
  "span.outcome_evaluation_start": evaluation,
  "span.outcome_evaluation_ongoing": evaluation,
  "span.outcome_evaluation_end": {
    ...evaluation,
    outcome_evaluation_start_id: "required",
    result: "required",
    explanation: "required",
    usage: "required",
  },
  "span.model_request_start": bare,
  "span.model_request_end": {
    ...bare,
    model_request_start_id: "required",
    is_error: "required",
    model_usage: "required",
  },
  "workflow_run.created": {
    ...run,
    name: "required",
    description: "required",
    phases: "required",
  },
  "workflow_run.status_running": run,
  "workflow_run.status_ended": { ...run, result: "required" },
  "workflow_run.phase_started": { ...run, workflow_run_phase_id: "required" },
  "workflow_run.phase_ended": {
    ...run,
    workflow_run_phase_id: "required",
    phase_started_id: "required",
  },
};

const NAMES = Object.keys(fixtures).filter((name): name is FixtureKey => name in fixtures);

/** Name of the tool whose result the client sends. */
const AWAITED = "client_bash";

/** Every event of one turn of an agent, whose questions are answered. */
async function play(
  { client, clock, simulator }: SdkBench,
  agent: string,
  text = "Look after the report",
) {
  const { events } = client.beta.sessions;
  const id = simulator.createSession({ agent });
  await events.send(id, { events: [userMessage(text)] });
  await clock.advance(3_000);
  for await (const event of events.list(id)) {
    if (event.type === "agent.custom_tool_use") {
      const type = "user.custom_tool_result";
      await events.send(id, { events: [{ type, custom_tool_use_id: event.id }] });
    } else if (event.type === "agent.tool_use" && event.name === AWAITED) {
      await events.send(id, { events: [{ type: "user.tool_result", tool_use_id: event.id }] });
    } else if (
      (event.type === "agent.tool_use" || event.type === "agent.mcp_tool_use") &&
      event.evaluated_permission === "ask"
    ) {
      const type = "user.tool_confirmation";
      await events.send(id, { events: [{ type, tool_use_id: event.id, result: "allow" }] });
    }
  }
  await clock.advance(120_000);
  return await collect(events.list(id));
}

function checkFields(event: SdkEvent): void {
  const fields = Object.entries(FIELDS).find(([type]) => type === event.type)?.[1];
  if (!fields) throw new Error(`unexpected ${event.type}`);
  const required = Object.entries(fields).filter(([, need]) => need === "required");
  const missing = required.map(([name]) => name).filter((name) => !(name in event));
  const unknown = Object.keys(event).filter((name) => !(name in fields));
  assertEquals({ type: event.type, missing, unknown }, {
    type: event.type,
    missing: [],
    unknown: [],
  });
}

for (const agent of NAMES) {
  Deno.test(`every event of the ${agent} agent has the SDK's fields and no others`, async () => {
    const bench = sdkBench();
    const events = await play(bench, agent);
    assertEquals(events.length > 5, true);
    for (const event of events) checkFields(event);
    bench.simulator.close();
  });
}

Deno.test("every event of an agent that the SDK created has the SDK's fields and no others", async () => {
  const bench = sdkBench();
  const agent = await bench.client.beta.agents.create({
    name: "Analyst",
    model: "claude-opus-4-8",
    mcp_servers: [{ type: "url", name: "crm", url: "https://crm.example/mcp" }],
    tools: [
      {
        type: "agent_toolset_20260401",
        configs: [
          { name: "bash", permission_policy: { type: "always_ask" } },
          { name: "read", permission_policy: { type: "auto" } },
        ],
      },
      { type: "mcp_toolset", mcp_server_name: "crm" },
      { type: "custom", name: "get_weather", description: "d", input_schema: { type: "object" } },
    ],
  });
  const events = await play(bench, agent.id);
  const kinds = new Set(events.map((event) => event.type));
  for (
    const type of ["agent.mcp_tool_result", "agent.tool_result", "agent.custom_tool_use"] as const
  ) {
    assertEquals(kinds.has(type), true);
  }
  assertEquals(events.at(-1)?.type, "session.status_idle");
  for (const event of events) checkFields(event);
  bench.simulator.close();
});

/** A turn of the Script agent with a line of each kind. */
const EVERY_LINE = `say On it.
sleep 1s
tool bash ls
ask bash rm -r build
and ask crm/find {"id":7}
and await ${AWAITED} ls
and custom get_weather {"city":"Lisbon"}
and as "Code Reviewer" ask bash git push
and as "Code Reviewer" custom ticket
as Critic say It is fine.
image charts/draw
document charts/report https://charts.example/report.pdf
evaluate needs_revision The title is missing.
evaluate satisfied
file notes.txt Hello
mounts
fail
fail mcp_connection_failed_error
end refusal cyber No.`;

Deno.test("every event of every line of the script agent has the SDK's fields and no others", async () => {
  const bench = sdkBench();
  const events = await play(bench, "script", EVERY_LINE);
  for (const event of events) checkFields(event);
  const kinds = new Set<string>(events.map((event) => event.type));
  for (
    const type of [
      ...["agent.tool_use", "agent.mcp_tool_result", "agent.custom_tool_use", "user.tool_result"],
      ...["session.thread_created", "agent.thread_message_received", "session.error"],
      ...["span.outcome_evaluation_start", "span.outcome_evaluation_end"],
    ]
  ) assertEquals([type, kinds.has(type)], [type, true]);
  const idle = events.at(-1);
  assertEquals(idle?.type === "session.status_idle" && idle.stop_reason.type, "refusal");
  bench.simulator.close();
});

/** Each type of error that the SDK knows, with its fields; those that all have are left out. */
type ErrorOf<Type> = Extract<
  Extract<SdkEvent, { type: "session.error" }>["error"],
  { type: Type }
>;
type ErrorType = Extract<SdkEvent, { type: "session.error" }>["error"]["type"];
type OwnFields = {
  [Type in ErrorType]: {
    [Field in Exclude<keyof ErrorOf<Type>, "type" | "message" | "retry_status">]: true;
  };
};

const ERRORS: OwnFields = {
  unknown_error: {},
  model_overloaded_error: {},
  model_rate_limited_error: {},
  model_request_failed_error: {},
  mcp_connection_failed_error: { mcp_server_name: true },
  mcp_authentication_failed_error: { mcp_server_name: true },
  billing_error: {},
  credential_host_unreachable_error: { credential_id: true, vault_id: true },
  tool_use_limit_reached_error: {},
  compaction_limit_reached_error: {},
  repository_authentication_error: { repository_url: true },
  repository_forbidden_error: { repository_url: true },
  repository_not_found_error: { repository_url: true },
  repository_checkout_error: { repository_url: true },
  repository_clone_error: { repository_url: true },
};

for (const [type, own] of Object.entries(ERRORS)) {
  Deno.test(`the script agent's ${type} has the SDK's fields and no others`, async () => {
    const bench = sdkBench();
    const events = await play(bench, "script", `fail ${type}`);
    const failed = events.find((event) => event.type === "session.error");
    const fields = ["message", "retry_status", "type", ...Object.keys(own)];
    assertEquals(Object.keys(failed?.error ?? {}).sort(), fields.sort());
    bench.simulator.close();
  });
}

Deno.test("events that clients send are echoed with the SDK's fields and no others", async () => {
  const { client: { beta: { sessions } }, simulator } = sdkBench();
  const id = simulator.createSession({ scripted: false });
  const tool_use_id = simulator.emit(id, { type: "agent.tool_use", name: "bash", input: {} });
  await sessions.events.send(id, {
    events: [
      { type: "user.interrupt" },
      { type: "user.tool_result", tool_use_id },
      {
        type: "user.define_outcome",
        description: "A clean report",
        rubric: { type: "text", content: "It is clean." },
      },
      userMessage("Hello"),
      { type: "system.message", content: [{ type: "text", text: "Be brief." }] },
    ],
  });
  await sessions.update(id, { title: "New" });
  const events = await collect(sessions.events.list(id));
  assertEquals(events.length, 7);
  for (const event of events) checkFields(event);
});

type ResultBlock = NonNullable<
  Extract<SdkEvent, { type: "agent.mcp_tool_result" }>["content"]
>[number];
type Source<Type> = Extract<ResultBlock, { type: Type; source: object }>["source"];

Deno.test("images and documents in results have the SDK's sources", async () => {
  const bench = sdkBench();
  const address = "https://charts.example/1";
  const lines = ["image charts/draw", `image charts/draw ${address}`, "document charts/report"];
  const events = await play(bench, "script", lines.join("\n"));
  const blocks = events.flatMap((event) =>
    event.type === "agent.mcp_tool_result" ? event.content ?? [] : []
  );
  const sources: (Source<"image"> | Source<"document">)[] = blocks.flatMap((block) =>
    block.type === "image" || block.type === "document" ? [block.source] : []
  );
  assertEquals(sources.map((source) => [source.type, Object.keys(source).sort()]), [
    ["base64", ["data", "media_type", "type"]],
    ["url", ["type", "url"]],
    ["base64", ["data", "media_type", "type"]],
  ]);
  bench.simulator.close();
});

Deno.test("an outcome that is given is evaluated, and the session says how", async () => {
  const { client: { beta: { sessions } }, clock, simulator } = sdkBench();
  const id = simulator.createSession({ agent: "script" });
  const rubric = { type: "text", content: "It has a title." } as const;
  const description = "evaluate needs_revision No title.\nevaluate satisfied";
  await sessions.events.send(id, {
    events: [{ type: "user.define_outcome", description, rubric }],
  });
  const [pending] = (await sessions.retrieve(id)).outcome_evaluations;
  await clock.advance(3_000);
  const [judged, ...others] = (await sessions.retrieve(id)).outcome_evaluations;
  assertEquals([pending?.result, others], ["pending", []]);
  assertEquals(
    [judged?.outcome_id, judged?.description, judged?.result, judged?.iteration],
    [pending?.outcome_id, description, "satisfied", 1],
  );
  assertEquals(typeof judged?.completed_at, "string");
  simulator.close();
});
