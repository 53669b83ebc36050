// Every stop of a wait says a way on, with the tools that its caller has: over HTTP, where callers
// have different ones.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { TokenEntry } from "../../src/access/tokens.ts";
import { TOOLS } from "../../src/tools/registry.ts";
import { entry, openTeam, type Team } from "./tokens_support.ts";

const CONSOLE = "https://console.example/sessions";

/** The callers: one with every tool, one without the scope of decisions, one that may only read. */
const ENTRIES: readonly TokenEntry[] = [
  entry("all", { sessions: "all" }),
  entry("sender", {
    sessions: "all",
    scopes: ["agents:read", "sessions:read", "sessions:write"],
  }),
  entry("reader", { sessions: "all", readOnly: true }),
];

/** The tools that a text of a caller may name. */
function toolsOf(name: string): string[] {
  const { readOnly, scopes } = ENTRIES.find((one) => one.name === name) ?? ENTRIES[0] ?? {};
  return TOOLS.filter(({ scope }) =>
    (!readOnly || scope.endsWith(":read")) && (scopes?.includes(scope) ?? true)
  ).map((tool) => tool.name);
}

function assertNamesOwnTools(caller: string, text: string): void {
  const named = TOOLS.map(({ name }) => name).filter((name) =>
    new RegExp(`\\b${name}\\b`).test(text)
  );
  const own = toolsOf(caller);
  assertEquals(named.filter((name) => !own.includes(name)), [], `${caller}: ${text}`);
}

/** A message to the simulated agent that does what it says, and what the wait then says. */
const STOPS: readonly [message: string, status: string, says: string][] = [
  ["ask bash rm -r build", "requires_action", "a person gives in the Claude Console"],
  ["fail model_overloaded_error exhausted", "retries_exhausted", "The model is overloaded."],
  [
    "fail billing_error exhausted The credit balance is too low.",
    "retries_exhausted",
    "Tell the user what helps: settle that under Billing",
  ],
  ["fail mcp_connection_failed_error exhausted", "retries_exhausted", "could not be reached."],
  ["fail tool_use_limit_reached_error exhausted", "retries_exhausted", "limit of tool use"],
  ["fail unknown_error exhausted", "retries_exhausted", "after repeated errors."],
  ["fail model_request_failed_error terminal", "terminated", "takes no more messages."],
  [
    "end refusal cyber No.",
    "refusal",
    "The model declined to go on (cyber); stop_reason says why.",
  ],
];

async function start(team: Team, message: string): Promise<string> {
  const agent_id = team.app.simulator.agentId("script");
  const { result } = await team.call("all", "create_session", { agent_id, message });
  return String(result.session_id);
}

Deno.test("each stop says a way on, and names only what the caller has", async () => {
  const options = { toolSets: ["core", "actions"], consoleUrl: CONSOLE } as const;
  const team = openTeam(ENTRIES, options);
  for (const [message, status, says] of STOPS) {
    const session_id = await start(team, message);
    for (const { name: caller } of ENTRIES) {
      const { result, text } = await team.call(caller, "wait_for_idle", { session_id });
      assertEquals([message, result.status], [message, status]);
      assertStringIncludes(String(result.next), says);
      assertNamesOwnTools(caller, text);
      const session = await team.call(caller, "get_session", { session_id });
      assertNamesOwnTools(caller, session.text);
      assertEquals(session.result.console_url, `${CONSOLE}/${session_id}`);
    }
  }
  await team.close();
});

Deno.test("who can answer a call depends on the caller", async () => {
  const team = openTeam(ENTRIES, { toolSets: ["core", "actions"], consoleUrl: CONSOLE });
  const session_id = await start(team, "ask bash rm -r build");
  await team.call("all", "wait_for_idle", { session_id });
  const answerFor = async (caller: string) => {
    const { result } = await team.call(caller, "get_session", { session_id });
    const [action] = [result.pending_actions].flat();
    assert(typeof action === "object" && action !== null);
    assertEquals(
      Reflect.get(action, "console_url"),
      `${CONSOLE}/${session_id}?event=${Reflect.get(action, "event_id")}`,
    );
    return Reflect.get(action, "answer");
  };
  const byDefault = "a person decides, in the Claude Console";
  assertEquals([await answerFor("sender"), await answerFor("reader")], [byDefault, byDefault]);
  assertStringIncludes(String(await answerFor("all")), "or confirm_tool_use sends it");
  await team.close();
});

Deno.test("errors name only what the caller has", async () => {
  const team = openTeam(ENTRIES, { toolSets: ["core", "actions"] });
  for (const { name: caller } of ENTRIES) {
    for (const tool of ["wait_for_idle", "get_session", "list_events"]) {
      const { isError, text } = await team.call(caller, tool, { session_id: "sesn_unknown" });
      assert(isError);
      assertStringIncludes(text, "list_agents");
      assertNamesOwnTools(caller, text);
    }
  }
  await team.close();
});
