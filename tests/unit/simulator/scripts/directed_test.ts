import { assertEquals } from "@std/assert";
import { askedFor, confirm, dig, play, replies, story, type Wire } from "../helpers.ts";

const OPENING = ["user.message", "session.status_running"];

function errors(events: readonly Wire[]): unknown[] {
  return events.filter((event) => event.type === "session.error").map((event) => event.error);
}

const failures: readonly [line: string, error: Wire, stop: string][] = [
  ["fail billing_error", {
    type: "billing_error",
    message: "Simulated billing_error.",
    retry_status: { type: "retrying" },
  }, "session.status_idle end_turn"],
  ["fail billing_error exhausted The credit balance is too low.", {
    type: "billing_error",
    message: "The credit balance is too low.",
    retry_status: { type: "exhausted" },
  }, "session.status_idle retries_exhausted"],
  ["fail mcp_authentication_failed_error terminal", {
    type: "mcp_authentication_failed_error",
    message: "Simulated mcp_authentication_failed_error.",
    mcp_server_name: "simulated",
    retry_status: { type: "terminal" },
  }, "session.status_terminated"],
  ["fail repository_clone_error exhausted", {
    type: "repository_clone_error",
    message: "Simulated repository_clone_error.",
    repository_url: null,
    retry_status: { type: "exhausted" },
  }, "session.status_idle retries_exhausted"],
  ["fail credential_host_unreachable_error", {
    type: "credential_host_unreachable_error",
    message: "Simulated credential_host_unreachable_error.",
    credential_id: "vcrd_simulated",
    vault_id: "vlt_simulated",
    retry_status: { type: "retrying" },
  }, "session.status_idle end_turn"],
];
for (const [line, error, stop] of failures) {
  Deno.test(`the script agent follows "${line}"`, async () => {
    const { simulator, events, id } = await play("script", `${line}\nsay On.`, 500);
    const listed = await events(id);
    assertEquals(errors(listed), [error]);
    assertEquals(story(listed).at(-1), stop);
    assertEquals(replies(listed), stop.endsWith("end_turn") ? "On." : "");
    simulator.close();
  });
}

Deno.test("a model's failure is one of a model request", async () => {
  const { simulator, events, id } = await play("script", "fail model_request_failed_error", 500);
  const end = (await events(id)).find((event) => event.type === "span.model_request_end");
  assertEquals(end?.is_error, true);
  simulator.close();
});

for (
  const [line, type, details] of [
    ["end refusal", "refusal", null],
    ["end refusal cyber", "refusal", { type: "refusal", category: "cyber", explanation: null }],
    ["end refusal bio Not this.", "refusal", {
      type: "refusal",
      category: "bio",
      explanation: "Not this.",
    }],
    ["end budget_reached", "budget_reached", null],
    ["end model_moved", "model_moved", null],
  ] as const
) {
  Deno.test(`the script agent ends its turn by "${line}"`, async () => {
    const { simulator, events, id } = await play("script", `${line}\nsay Never.`, 500);
    const idle = (await events(id)).at(-1);
    assertEquals([dig(idle, "stop_reason", "type"), idle?.stop_details], [type, details]);
    simulator.close();
  });
}

Deno.test("the script agent says lines that only begin like others", async () => {
  const lines = "end of story\nfail safely\nfile\nsleep well\nsay";
  const { simulator, events, id } = await play("script", lines, 500);
  assertEquals(replies(await events(id)), lines);
  simulator.close();
});

Deno.test("the script agent follows the message line by line", async () => {
  const text = [
    "say Working on it.",
    "sleep 60s",
    "tool bash ls -1",
    "",
    "fail",
    "sleep 250ms",
    "tell me more",
    "end refusal",
    "say never reached",
  ].join("\n");
  const { clock, simulator, events, id } = await play("script", text, 60_000);
  assertEquals(story(await events(id)), [...OPENING, "agent.message"]);
  await clock.advance(1_000);
  const listed = await events(id);
  assertEquals(story(listed).slice(2), [
    "agent.message",
    ...["agent.tool_use", "agent.tool_result"],
    "session.error retrying",
    "agent.message",
    "session.status_idle refusal",
  ]);
  assertEquals(replies(listed), "Working on it.\ntell me more");
  simulator.close();
});

Deno.test("the script agent asks when told to, and takes words it does not know as speech", async () => {
  const tools = await play("script", "ask bash rm -r build\nsleep well\nsay", 500);
  const { clock, simulator, send, events, id } = tools;
  const [call] = await askedFor(tools, id);
  await send(id, confirm(call, "deny"));
  await clock.advance(500);
  const listed = await events(id);
  assertEquals(listed.find((event) => event.type === "agent.tool_result")?.is_error, true);
  assertEquals(replies(listed), "sleep well\nsay");
  simulator.close();
});

Deno.test("an empty script ends its turn at once", async () => {
  const { simulator, events, id } = await play("script", " ", 500);
  assertEquals(story(await events(id)), [...OPENING, "session.status_idle end_turn"]);
  simulator.close();
});

Deno.test("the script agent says that nothing is mounted where nothing is", async () => {
  const { simulator, events, id } = await play("script", "mounts", 500);
  assertEquals(replies(await events(id)), "Nothing is mounted.");
  simulator.close();
});

Deno.test("the script agent evaluates its outcome, revision by revision", async () => {
  const text = "evaluate needs_revision No title.\nsay Better.\nevaluate satisfied";
  const { simulator, events, id } = await play("script", text, 500);
  const listed = await events(id);
  assertEquals(story(listed).slice(2), ["agent.message", "session.status_idle end_turn"]);
  const ends = listed.filter(({ type }) => type === "span.outcome_evaluation_end");
  assertEquals(ends.map(({ iteration, result, explanation }) => [iteration, result, explanation]), [
    [0, "needs_revision", "No title."],
    [1, "satisfied", "Simulated satisfied."],
  ]);
  assertEquals(new Set(ends.map(({ outcome_id }) => outcome_id)).size, 1);
  simulator.close();
});
