// The set `actions` as hosts use it: where no person can be asked while a wait runs, above all over
// stateless HTTP of the 2025 era, a model sends the person's decision by a tool of its own.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { TokenEntry } from "../../src/access/tokens.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import type { Simulator } from "../../src/simulator/mod.ts";
import {
  API_KEY,
  type App,
  type CallResult,
  type ClientKind,
  connectHttp,
  openApp,
  serveHandler,
  type TestClient,
  WAYS,
} from "./support.ts";
import { entry, openTeam, secretOf } from "./tokens_support.ts";

const TOOL_SETS = ["core", "actions"] as const;

type Args = Record<string, unknown>;

/** The whole app, with the set `actions` and a caller that may do all. */
function openActions(): App {
  const app = openApp();
  const factory = createServerFactory(app.services, { version: "1.2.3", toolSets: TOOL_SETS });
  return { ...app, factory };
}

/** The first of the calls that a result says to wait for. */
function pendingIn(
  { structured }: Pick<CallResult, "structured">,
): Readonly<Record<string, unknown>> {
  const actions = structured?.pending_actions;
  assert(Array.isArray(actions) && actions.length > 0, JSON.stringify(structured));
  return actions[0];
}

/** How a tool finishes the turn of an agent that waits for it. */
interface Finish {
  readonly tool: string;
  readonly agent: "approval" | "custom_tool";
  /** Type of the event that it sends. */
  readonly sends: string;
  readonly args: (action: Readonly<Record<string, unknown>>) => Args;
  /** Stands in the agent's reply. */
  readonly reply: string;
}

const FINISHES: Readonly<Record<string, Finish>> = {
  "confirm_tool_use with allow": {
    tool: "confirm_tool_use",
    agent: "approval",
    sends: "user.tool_confirmation",
    args: ({ name }) => ({ tool_name: name, result: "allow" }),
    reply: "The simulated build is gone.",
  },
  "confirm_tool_use with deny": {
    tool: "confirm_tool_use",
    agent: "approval",
    sends: "user.tool_confirmation",
    args: ({ name }) => ({ tool_name: name, result: "deny", deny_message: "Not on a Friday." }),
    reply: "I left it alone, as you decided. Not on a Friday.",
  },
  "submit_tool_result": {
    tool: "submit_tool_result",
    agent: "custom_tool",
    sends: "user.custom_tool_result",
    args: () => ({ text: "Eleven degrees and drizzle." }),
    reply: "Eleven degrees and drizzle.",
  },
};

/** A session whose turn waits for an answer, opened by a client. */
async function blockedTurn(app: App, client: TestClient, agent: Finish["agent"]) {
  const agent_id = app.simulator.agentId(agent);
  const message = "What is it like in Lisbon?";
  const created = await app.until(client.call("create_session", { agent_id, message }));
  const session_id = String(created.structured?.session_id);
  const waited = await app.until(client.call("wait_for_idle", { session_id }));
  assertEquals(waited.structured?.status, "requires_action");
  const action = pendingIn(waited);
  return { session_id, event_id: action.event_id, action };
}

/** The events of a type that a session has. */
async function eventsOf(simulator: Simulator, sessionId: string, type: string) {
  const response = await simulator.fetch(
    new Request(`http://simulator/v1/sessions/${sessionId}/events?types[]=${type}`, {
      headers: { "x-api-key": API_KEY, "anthropic-beta": "managed-agents-2026-04-01" },
    }),
  );
  const { data } = await response.json();
  assert(Array.isArray(data));
  return data;
}

for (const [way, connect] of Object.entries(WAYS)) {
  for (const [name, finish] of Object.entries(FINISHES)) {
    Deno.test(`${name} finishes a turn that waits for it: ${way}`, async () => {
      const { tool } = finish;
      const app = openActions();
      const { client, close } = await connect(app);
      const { session_id, event_id, action } = await blockedTurn(app, client, finish.agent);
      const args = { session_id, event_id, ...finish.args(action) };
      const answered = await app.until(client.call(tool, args));
      assertEquals(answered.isError, false, answered.text);
      assertEquals(answered.structured?.outcome, "sent");
      const again = await app.until(client.call(tool, args));
      assertEquals(again.structured?.outcome, "repeated", again.text);
      const waited = await app.until(client.call("wait_for_idle", { session_id }));
      assertEquals(waited.structured?.status, "idle", waited.text);
      assertStringIncludes(String(waited.structured?.reply), finish.reply);
      assertEquals((await eventsOf(app.simulator, session_id, finish.sends)).length, 1);
      await close();
      app.close();
    });
  }

  Deno.test(`hosts are told to ask the person at every decision: ${way}`, async () => {
    const app = openActions();
    const { client, close } = await connect(app);
    const { tools } = await app.until(client.listTools());
    assertEquals(tools.slice(9).map(({ name }) => name), [
      "confirm_tool_use",
      "submit_tool_result",
    ]);
    assertEquals(
      tools.flatMap((tool) => "_meta" in tool ? [[tool.name, tool._meta]] : []),
      [[
        "confirm_tool_use",
        {
          "anthropic/requiresUserInteraction": true,
          "anthropic/searchHint": "approve or reject",
        },
      ]],
    );
    await close();
    app.close();
  });
}

/** Tokens with which nothing is answered, and what their holder is told. */
const WRONG: Readonly<Record<string, readonly [Partial<TokenEntry>, string]>> = {
  "only reading": [{ sessions: "all", readOnly: true }, "Your token may only read"],
  "no scope actions": [
    { sessions: "all", scopes: ["agents:read", "sessions:read", "sessions:write"] },
    "scope",
  ],
  "another owner": [{}, "does not exist or is not available"],
  "another agent": [{ sessions: "all", agents: ["agent_x"] }, "does not exist or is not available"],
  "other sets of tools": [{ sessions: "all", tools: ["core"] }, "not found"],
};

const ERAS: readonly ClientKind[] = ["auto", "legacy", "sdk1"];

for (const [wrong, [limits, words]] of Object.entries(WRONG)) {
  for (const kind of ERAS) {
    Deno.test(`a token of ${wrong} answers no call: ${kind}`, async () => {
      const entries = [entry("owner"), entry("wrong", limits)];
      const team = openTeam(entries, { toolSets: TOOL_SETS });
      const { app } = team;
      const served = serveHandler(team.handler);
      const owner = await connectHttp(served.url, kind, secretOf("owner"));
      const other = await connectHttp(served.url, kind, secretOf("wrong"));
      for (const finish of Object.values(FINISHES)) {
        const { tool } = finish;
        const { session_id, event_id, action } = await blockedTurn(app, owner, finish.agent);
        const args = { session_id, event_id, ...finish.args(action) };
        const before = app.simulator.requests.filter(({ method }) => method === "POST").length;
        const call = () => app.until(other.call(tool, args));
        const text = wrong === "other sets of tools"
          ? (await assertRejects(call, Error)).message
          : (await call()).text;
        assertStringIncludes(text, words);
        const after = app.simulator.requests.filter(({ method }) => method === "POST").length;
        assertEquals([after, await eventsOf(app.simulator, session_id, finish.sends)], [
          before,
          [],
        ]);
        const answered = await app.until(owner.call(tool, args));
        assertEquals(answered.structured?.outcome, "sent", answered.text);
      }
      await owner.close();
      await other.close();
      await served.close();
      await team.close();
    });
  }
}

Deno.test("a person's decision sent twice on two replicas arrives once", async () => {
  const team = openTeam([entry("owner")], { toolSets: TOOL_SETS });
  const { app } = team;
  const replica = team.replica();
  const agent_id = app.simulator.agentId("approval");
  const made = await team.call("owner", "create_session", { agent_id, message: "Go." });
  const session_id = String(made.result.session_id);
  const waited = await team.call("owner", "wait_for_idle", { session_id });
  const { event_id, name } = pendingIn({ ...waited, structured: waited.result });
  const args = { session_id, event_id, tool_name: name };
  const outcomes = await Promise.all([
    team.call("owner", "confirm_tool_use", { ...args, result: "allow" }),
    replica.call("owner", "confirm_tool_use", { ...args, result: "deny" }),
  ]);
  const told = outcomes.map(({ result }) => String(result.outcome)).sort();
  assertEquals(told, ["answered_elsewhere", "sent"]);
  const sent = await eventsOf(app.simulator, session_id, "user.tool_confirmation");
  assertEquals(sent.length, 1);
  await replica.handler.close();
  await team.close();
});
