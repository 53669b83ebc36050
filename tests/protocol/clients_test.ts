import { assert, assertEquals } from "@std/assert";
import { toolsOf } from "../../src/tools/registry.ts";
import {
  API_KEY,
  type App,
  type CallResult,
  openApp,
  type ProgressSeen,
  type TestClient,
  TOKEN,
  WAYS,
} from "./support.ts";

for (const [way, connect] of Object.entries(WAYS)) {
  const test = (name: string, run: (client: TestClient, app: App) => Promise<void>) => {
    Deno.test(`${way}: ${name}`, async () => {
      const app = openApp();
      const connection = await connect(app);
      try {
        await run(connection.client, app);
      } finally {
        await connection.close();
        app.close();
      }
      assertEquals(app.simulator.openStreams(), 0);
      assertEquals(app.clock.pendingTimers, 0);
    });
  };

  test("the server names itself, its tools and how to use them", async (client) => {
    assertEquals(
      (await client.listTools()).tools.map(({ name }) => name),
      toolsOf().map((t) => t.name),
    );
    assertEquals(client.serverVersion()?.version, "1.2.3");
    const instructions = client.instructions() ?? "";
    assert(instructions.startsWith("SIMULATED"), instructions);
    assert(instructions.length < 2_048);
  });

  test(
    "a whole turn with all nine tools, text and structured content alike",
    async (client, app) => {
      const seen: CallResult[] = [];
      const call = async (name: string, args: Record<string, unknown>) => {
        const result = await app.until(client.call(name, args));
        assertEquals(result.isError, false, result.text);
        assertEquals(JSON.parse(result.text), result.structured);
        seen.push(result);
        return result.structured ?? {};
      };
      const quick = app.simulator.agentId("quick");
      const listed = await call("list_agents", { name_contains: "quick" });
      assert(JSON.stringify(listed).includes(quick));
      await call("get_agent", { agent_id: quick });
      const created = await call("create_session", { agent_id: quick, message: "How are you?" });
      const session_id = String(created.session_id);
      const first = await call("wait_for_idle", { session_id });
      assertEquals(first.status, "idle");
      assert(String(first.reply).includes("How are you?"));
      const sent = await call("send_message", { session_id, text: "And now?" });
      assertEquals(sent.queued, true);
      const second = await call("wait_for_idle", { session_id });
      assert(String(second.reply).includes("And now?"));
      assert(!String(second.reply).includes("How are you?"));
      const log = await call("list_events", { session_id, types: ["agent.message"] });
      assertEquals(Array.isArray(log.events) && log.events.length, 2);
      await call("interrupt", { session_id });
      const state = await call("get_session", { session_id });
      assertEquals(state.session_id, session_id);
      assertEquals((await call("archive_session", { session_id })).archived, true);
      assertEquals(seen.length, 10);
      const everything = JSON.stringify(seen) + app.log.join("\n");
      assert(!everything.includes(TOKEN) && !everything.includes(API_KEY));
    },
  );

  test("progress rises strictly and ends with the call", async (client, app) => {
    const session_id = app.simulator.createSession({ agent: "slow" });
    await app.until(client.call("send_message", { session_id, text: "Look it up" }));
    const progress: ProgressSeen[] = [];
    let over = false;
    const result = await app.until(
      client.call("wait_for_idle", { session_id }, {
        onProgress: (update) => {
          assert(!over, "progress after the result");
          progress.push(update);
        },
      }),
    );
    over = true;
    assertEquals(result.structured?.status, "idle");
    assert(progress.length >= 2, JSON.stringify(progress));
    for (const [index, update] of progress.entries()) {
      assert(Number.isInteger(update.progress));
      assert(index === 0 || update.progress > (progress[index - 1]?.progress ?? 0));
      assert(/\(\d+ s\)$/.test(update.message ?? ""), update.message);
    }
    assert(progress.some(({ message }) => message?.includes("bash")), JSON.stringify(progress));
    await app.until(Promise.resolve());
  });

  test("cancelling a wait frees the stream to the API at once", async (client, app) => {
    const session_id = app.simulator.createSession({ agent: "long", scripted: false });
    await app.until(client.call("send_message", { session_id, text: "Take your time" }));
    const controller = new AbortController();
    const waiting = client.call("wait_for_idle", { session_id, timeout_sec: 600 }, {
      signal: controller.signal,
    });
    const outcome = waiting.then(() => "answered", () => "cancelled");
    await app.until(poll(() => app.simulator.openStreams() === 1));
    const before = app.clock.now();
    controller.abort(new Error("changed my mind"));
    assertEquals(await outcome, "cancelled");
    await app.until(poll(() => app.simulator.openStreams() === 0));
    assert(app.clock.now() - before < 5_000);
    // Other calls are not affected.
    const state = await app.until(client.call("get_session", { session_id }));
    assertEquals(state.isError, false);
  });

  test("arguments are taken as hosts fill them in", async (client, app) => {
    const call = async (name: string, args: Record<string, unknown>) => {
      const result = await app.until(client.call(name, args));
      assertEquals(result.isError, false, result.text);
      return result.structured ?? {};
    };
    const agent_id = app.simulator.agentId("quick");
    // OpenAI's strict mode fills in null, other hosts "", or numbers in quotes.
    const optional = [
      ...["title", "message", "environment_id", "agent_version"],
      ...["metadata", "max_cost_usd"],
    ];
    for (const nothing of [null, ""]) {
      const filled = Object.fromEntries(optional.map((name) => [name, nothing]));
      const created = await call("create_session", { agent_id, ...filled });
      const session_id = String(created.session_id);
      const cursor = { after_id: nothing };
      const waited = await call("wait_for_idle", { session_id, ...cursor, timeout_sec: "5" });
      assertEquals(waited.status, "not_started");
      const types = nothing === null ? null : [];
      const listed = await call("list_events", {
        session_id,
        ...cursor,
        limit: "5",
        types,
        order: null,
      });
      assertEquals(listed.has_more, false);
    }
    const page = { name_contains: "", limit: "200", cursor: null, wait_for_previous: true };
    const agents = await call("list_agents", page);
    assertEquals(agents.ignored_arguments, ["wait_for_previous"]);
    assert(Array.isArray(agents.agents) && agents.agents.length > 1);
    const meant = await app.until(client.call("get_session", { sessionId: "sesn_1" }));
    assert(meant.isError && meant.text.includes("did you mean session_id?"), meant.text);
  });

  test("a session has its caller's metadata and budget, and no marks", async (client, app) => {
    const make = async (args: Record<string, unknown>) =>
      await app.until(client.call("create_session", args));
    const agent_id = app.simulator.agentId("quick");
    const metadata = { ticket: "OPS-7" };
    const made = await make({ agent_id, metadata, max_cost_usd: "2.509", message: "Hello" });
    assertEquals([made.isError, made.structured?.max_cost_usd], [false, 2.5], made.text);
    const { session_id } = made.structured ?? {};
    const waited = await app.until(client.call("wait_for_idle", { session_id }));
    const state = await app.until(client.call("get_session", { session_id }));
    assertEquals(state.structured?.budget, { type: "limit", max_cost_usd: 2.5 });
    const stored = await app.until(app.services.api.sessions.retrieve(String(session_id)));
    assertEquals(stored.metadata?.ticket, "OPS-7");
    const events = await app.until(client.call("list_events", { session_id }));
    const texts = [made, waited, state, events].map(({ text }) => text).join("");
    assert(!texts.includes("cma_mcp_"), texts);
    const marked = await make({ agent_id, metadata: { cma_mcp_owner: "x" } });
    assert(marked.isError && marked.text.includes("do not begin with cma_mcp_"), marked.text);
    const unpriced = await make({ agent_id: await unpricedAgent(app), max_cost_usd: 1 });
    assert(unpriced.isError && unpriced.text.includes("has no list price"), unpriced.text);
    assertEquals(
      app.simulator.requests.filter(({ method, path }) =>
        method === "POST" && path === "/v1/sessions"
      ).length,
      2,
    );
  });

  test("a wait tells what the turn and the session have cost", async (client, app) => {
    const call = async (name: string, args: Record<string, unknown>) =>
      (await app.until(client.call(name, args))).structured ?? {};
    const agent_id = app.simulator.agentId("quick");
    const { session_id } = await call("create_session", { agent_id, message: "One" });
    const first = await call("wait_for_idle", { session_id });
    assertEquals([first.cost_usd, first.turn_cost_usd], [0.01, undefined]);
    await call("send_message", { session_id, text: "Two" });
    const second = await call("wait_for_idle", { session_id });
    assertEquals([second.reply !== first.reply, second.cost_usd, second.turn_cost_usd], [
      ...[true, 0.02, 0.01],
    ]);
    assertEquals((await call("get_session", { session_id })).cost_usd, 0.02);
  });

  test("failures are results that say what to do", async (client, app) => {
    const unknown = await app.until(client.call("get_session", { session_id: "sesn_nope" }));
    assertEquals(unknown.isError, true);
    assert(unknown.text.includes("404") && unknown.text.includes("request id"), unknown.text);
    const wrong = await app.until(client.call("list_agents", { limit: 0, colour: "red" }));
    assertEquals(wrong.isError, true);
    assert(wrong.text.includes("limit must be an integer from 1 to 200"), wrong.text);
    assert(wrong.text.includes('"colour"'), wrong.text);
    app.simulator.faults.add({
      match: { method: "POST" },
      fault: { kind: "status", status: 429, type: "rate_limit_error", retryAfter: 7 },
    });
    const quick = app.simulator.agentId("quick");
    const limited = await app.until(client.call("create_session", { agent_id: quick }));
    assert(limited.isError && limited.text.includes("Try again in 7 s."), limited.text);
  });
}

/** Makes an agent of a model without a list price. */
async function unpricedAgent({ simulator }: App): Promise<string> {
  const response = await simulator.fetch(
    new Request("http://simulator/v1/agents", {
      method: "POST",
      headers: { "x-api-key": API_KEY, "anthropic-beta": "managed-agents-2026-04-01" },
      body: JSON.stringify({ name: "Local", model: "unpriced-model" }),
    }),
  );
  return String((await response.json()).id);
}

/** Resolves once the condition holds; time passes in between. */
async function poll(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 0));
}
