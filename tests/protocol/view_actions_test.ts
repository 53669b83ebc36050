// What a person decides in the session view, on every way to the server: the proof comes beside the
// result of a wait, answer_tool_use brings it back, and the turn goes on.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isFields } from "../../src/api/read.ts";
import type { Scope } from "../../src/access/scopes.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { openPublishing } from "../../src/tools/publishing.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { type App, type Extensions, openApp, type TestClient, WAYS } from "./support.ts";
import {
  type Capabilities,
  type Era,
  inEra,
  initialize,
  type RawClient,
  rawHttp,
  type RawMessage,
  rawStdio,
  resultIn,
} from "./raw_dialogue.ts";
import { entry, openTeam, secretOf, type Team } from "./tokens_support.ts";

const TRANSPORTS: Readonly<Record<string, (app: App) => RawClient>> = {
  stdio: rawStdio,
  HTTP: (app) => rawHttp(app),
};
const ERAS: readonly Era[] = ["2025", "2026"];
const EXTENSIONS: Extensions = {
  "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] },
};
const SHOWS_VIEW: Capabilities = { extensions: EXTENSIONS };

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** A client of an era that has begun, as one that shows the view unless told otherwise. */
async function begin(client: RawClient, era: Era, capabilities = SHOWS_VIEW) {
  let id = 1;
  const ask = async (message: RawMessage): Promise<Fields> =>
    resultIn(await client.send(inEra(era, { id: ++id, ...message }, capabilities)));
  if (era === "2025") {
    await client.send(initialize(capabilities));
    await client.send({ method: "notifications/initialized" });
  }
  return {
    ask,
    call: (name: string, args: Fields) =>
      ask({ method: "tools/call", params: { name, arguments: args } }),
    close: () => client.close(),
  };
}

type Caller = Awaited<ReturnType<typeof begin>>;

/** What a result gives to the view: calls that wait, and their proofs. */
function viewPartOf({ _meta: meta }: Fields) {
  const { pending, proofs, ...others } = fieldsOf(fieldsOf(meta)["cma-mcp/view"]);
  assertEquals(others, {});
  return {
    pending: Array.isArray(pending) ? pending.map(fieldsOf) : undefined,
    proofs: proofs === undefined ? undefined : fieldsOf(proofs),
  };
}

/** Opens a session whose turn waits for a decision, and waits for it. */
async function blockedTurn({ call }: Caller, app: App) {
  const agent_id = app.simulator.agentId("approval");
  const opened = await call("create_session", { agent_id, message: "Clean up." });
  const { session_id } = fieldsOf(opened.structuredContent);
  const waited = await call("wait_for_idle", { session_id });
  return { session_id, waited, fields: fieldsOf(waited.structuredContent) };
}

/** The arguments that bring the decision on the first call that waits. */
function decisionOn({ session_id, waited }: { session_id: unknown; waited: Fields }) {
  const { pending: [first] = [], proofs = {} } = viewPartOf(waited);
  const event_id = String(first?.event_id);
  return { session_id, event_id, proof: proofs[event_id] };
}

/** Decisions that the session has got. */
async function decisionsIn({ call }: Caller, session_id: unknown): Promise<unknown[]> {
  const { structuredContent } = await call("list_events", {
    session_id,
    types: ["user.tool_confirmation"],
  });
  const { events } = fieldsOf(structuredContent);
  return Array.isArray(events) ? events : [];
}

for (const [transport, connect] of Object.entries(TRANSPORTS)) {
  for (const era of ERAS) {
    for (const [result, reply] of [["allow", /is gone/], ["deny", /left it alone/]] as const) {
      Deno.test(`${transport}, ${era}: a person says ${result} in the view, and the turn goes on`, async () => {
        const app = openApp();
        const caller = await begin(connect(app), era);
        const turn = await blockedTurn(caller, app);
        assertEquals(turn.fields.status, "requires_action");
        const { pending, proofs } = viewPartOf(turn.waited);
        assertEquals([pending?.length, Object.keys(proofs ?? {})], [1, [pending?.[0]?.event_id]]);
        assertMatch(String(pending?.[0]?.input), /^\{.*\}$/);
        // The model gets nothing of it, but that the person decides there.
        assertMatch(String(turn.fields.next), /a person gives in the session view beside this/);
        assertMatch(JSON.stringify(turn.fields.pending_actions), /decides, in the session view/);
        const { _meta: _, ...forModel } = turn.waited;
        for (const proof of Object.values(proofs ?? {})) {
          assert(!JSON.stringify(forModel).includes(String(proof)));
        }
        const args = { ...decisionOn(turn), result };
        const { structuredContent } = await caller.call("answer_tool_use", args);
        const { session_id, event_id } = args;
        assertEquals(structuredContent, { session_id, event_id, result, outcome: "sent" });
        const after = await caller.call("wait_for_idle", { session_id, after_id: event_id });
        assertMatch(String(fieldsOf(after.structuredContent).reply), reply);
        assertEquals("_meta" in after && "cma-mcp/view" in fieldsOf(after._meta), false);
        const again = await caller.call("answer_tool_use", args);
        assertEquals(fieldsOf(again.structuredContent).outcome, "repeated");
        assertEquals((await decisionsIn(caller, session_id)).length, 1);
        await caller.close();
        app.close();
      });
    }

    Deno.test(`${transport}, ${era}: with --view-actions off the view shows calls, and nobody decides`, async () => {
      const app = openApp({ viewActions: false });
      const caller = await begin(connect(app), era);
      const turn = await blockedTurn(caller, app);
      const { pending, proofs } = viewPartOf(turn.waited);
      assertEquals([pending?.length, proofs], [1, undefined]);
      assert(!JSON.stringify(turn.fields).includes("session view"));
      const { tools } = await caller.ask({ method: "tools/list" });
      assert(Array.isArray(tools) && tools.length > 0);
      assertEquals(tools.filter(({ name }) => name === "answer_tool_use"), []);
      const args = { ...decisionOn(turn), proof: "x", result: "allow" };
      const unknown = await caller.call("answer_tool_usage", args);
      const off = await caller.call("answer_tool_use", args);
      assertEquals(JSON.parse(JSON.stringify(off).replaceAll("_use", "_usage")), unknown);
      assertEquals(await decisionsIn(caller, turn.session_id), []);
      await caller.close();
      app.close();
    });

    Deno.test(`${transport}, ${era}: a client without the view gets no call and no proof beside results`, async () => {
      const app = openApp();
      const caller = await begin(connect(app), era, {});
      const { waited, fields } = await blockedTurn(caller, app);
      assertEquals(fields.status, "requires_action");
      assert(!JSON.stringify(waited).includes("cma-mcp/view"));
      assert(!JSON.stringify(waited).includes("session view"));
      await caller.close();
      app.close();
    });
  }
}

Deno.test("ask_agent and an agent that is a tool give the view the calls that wait", async () => {
  const app = openApp();
  const agent_id = app.simulator.agentId("approval");
  const publishing = openPublishing({
    services: app.services,
    publish: [agent_id],
    onReload: () => () => {},
  });
  const factory = createServerFactory(app.services, {
    version: "1.2.3",
    toolSets: ["ask"],
    publishing,
  });
  const caller = await begin(rawHttp({ ...app, factory }), "2026");
  const { tools } = await caller.ask({ method: "tools/list" });
  assert(Array.isArray(tools));
  const published = tools.map(({ name }) => String(name)).find((name) => name.startsWith("agent_"));
  for (const [name, args] of [["ask_agent", { agent_id }], [String(published), {}]] as const) {
    const waited = await caller.call(name, { ...args, message: "Clean up." });
    const { session_id } = fieldsOf(waited.structuredContent);
    const decision = { ...decisionOn({ session_id, waited }), result: "allow" };
    const { structuredContent } = await caller.call("answer_tool_use", decision);
    assertEquals(fieldsOf(structuredContent).outcome, "sent", name);
  }
  await caller.close();
  publishing.close();
  app.close();
});

const SEALED: Partial<ServicesOptions> = { sealingKeys: [new Uint8Array(32).fill(7)] };

/** A client of one of a team's tokens, whose view is shown. */
function member(team: Team, token: string): Promise<Caller> {
  const headers = { authorization: `Bearer ${secretOf(token)}` };
  return begin(rawHttp(team.app, { headers, handler: team.handler }), "2026");
}

Deno.test("a proof opens on every replica with the sealing key, and a decision is sent once by all", async () => {
  const team = openTeam([entry("team")], SEALED);
  const replica = team.replica(SEALED);
  const [here, there] = [await member(team, "team"), await member(replica, "team")];
  const turn = await blockedTurn(here, team.app);
  const args = decisionOn(turn);
  const answers = await Promise.all([
    here.call("answer_tool_use", { ...args, result: "allow" }),
    there.call("answer_tool_use", { ...args, result: "deny" }),
  ]);
  const outcomes = answers.map(({ structuredContent }) => fieldsOf(structuredContent).outcome);
  assertEquals(outcomes.map(String).sort(), ["answered_elsewhere", "sent"]);
  assertEquals((await decisionsIn(here, turn.session_id)).length, 1);
  await replica.handler.close();
  await team.close();
});

Deno.test("a replica with another key sends nothing for a proof, and the proof still opens on its own", async () => {
  const team = openTeam([entry("team", { sessions: "all" })], SEALED);
  const replica = team.replica({ sealingKeys: [new Uint8Array(32).fill(8)] });
  const [here, there] = [await member(team, "team"), await member(replica, "team")];
  const turn = await blockedTurn(here, team.app);
  const args = { ...decisionOn(turn), result: "allow" };
  const wrong = await there.call("answer_tool_use", args);
  assertEquals(wrong.isError, true);
  assertStringIncludes(JSON.stringify(wrong), "This proof is not one for this tool call");
  assertEquals(await decisionsIn(here, turn.session_id), []);
  const right = await here.call("answer_tool_use", args);
  assertEquals(fieldsOf(right.structuredContent).outcome, "sent");
  await replica.handler.close();
  await team.close();
});

Deno.test("a proof is its caller's alone, and ends with the caller's right to act", async () => {
  const scopes: readonly Scope[] = ["agents:read", "sessions:read", "sessions:write"];
  const team = openTeam(
    [entry("team", { sessions: "all" }), entry("other", { sessions: "all" })],
    SEALED,
  );
  const [mine, theirs] = [await member(team, "team"), await member(team, "other")];
  const turn = await blockedTurn(mine, team.app);
  const args = { ...decisionOn(turn), result: "allow" };
  const wrong = await theirs.call("answer_tool_use", args);
  assertStringIncludes(JSON.stringify(wrong), "This proof is not one for this tool call");
  // The same token has fewer rights by now.
  const refusals = [
    [{ scopes }, "does not have the scope actions"],
    [{ readOnly: true }, "may only read"],
  ] as const;
  for (const [limits, refusal] of refusals) {
    team.tokens.replace([entry("team", { sessions: "all", ...limits })]);
    assertStringIncludes(JSON.stringify(await mine.call("answer_tool_use", args)), refusal);
  }
  assertEquals(await decisionsIn(mine, turn.session_id), []);
  await team.close();
});

/** What the page does: reads the session, and answers the first call that waits. */
async function answerInView(client: TestClient, session_id: string, result: string) {
  const { structured, meta } = await client.call("watch_session", { session_id });
  const { pending, can } = fieldsOf(structured);
  const [first] = Array.isArray(pending) ? pending.map(fieldsOf) : [];
  const event_id = String(first?.event_id);
  const proof = viewPartOf({ _meta: meta }).proofs?.[event_id];
  const answered = await client.call("answer_tool_use", { session_id, event_id, proof, result });
  return { can: fieldsOf(can), outcome: answered.structured?.outcome };
}

for (const [way, connect] of Object.entries(WAYS)) {
  // Over stateless HTTP of the older era nobody can be asked while a call runs.
  const asks = !["HTTP, SDK 2, 2025-11-25", "HTTP, SDK 1"].includes(way);
  if (!asks) continue;
  Deno.test(`${way}: who answers in the view while the host asks by a form sends one decision`, async () => {
    const app = openApp();
    const seen: Awaited<ReturnType<typeof answerInView>>[] = [];
    const session_id = app.simulator.createSession({ agent: "approval" });
    const person = {
      async answer(form: unknown, signal: AbortSignal) {
        seen.push(await answerInView(connection.client, session_id, "deny"));
        // On stdio of the older era the form is withdrawn; else it is answered too late.
        if (way.startsWith("stdio") && !way.endsWith("2026-07-28")) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          return { action: "cancel" as const };
        }
        const { requestedSchema } = fieldsOf(form);
        const { required } = fieldsOf(requestedSchema);
        const keys: unknown[] = Array.isArray(required) ? required : [];
        const content = Object.fromEntries(keys.map((key) => [String(key), "allow"]));
        return { action: "accept" as const, content };
      },
    };
    const connection = await connect(app, undefined, person, EXTENSIONS);
    const { client } = connection;
    await app.until(client.call("send_message", { session_id, text: "Clean up." }));
    const { structured, meta } = await app.until(client.call("wait_for_idle", { session_id }));
    assertEquals(structured?.status, "idle");
    assertMatch(String(structured?.reply), /left it alone/);
    assertEquals("cma-mcp/view" in meta, false);
    assertEquals(seen.map(({ outcome }) => outcome), ["sent"]);
    assertEquals([seen[0]?.can.decide, seen[0]?.can.asks_by_form], [true, true]);
    const types = ["user.tool_confirmation"];
    const { data } = await app.until(app.services.api.events.list(session_id, { types }));
    assertEquals(data.map(({ result }) => result), ["deny"]);
    await connection.close();
    app.close();
  });
}
