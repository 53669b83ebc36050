// The official SDK's tool runner, over a real socket, at work in simulated sessions: it answers calls
// of tools that it has, runs those that ask only when they are allowed, and leaves the others alone.
import Anthropic from "@anthropic-ai/sdk";
import { assertEquals } from "@std/assert";
import { createSimulator, type FixtureKey, type Simulator } from "../../src/simulator/mod.ts";
import { fastClock } from "../helpers/fast_clock.ts";
import { collect, userMessage } from "./simulator_client.ts";

type Sessions = Anthropic["beta"]["sessions"];
type Tools = Parameters<Sessions["events"]["toolRunner"]>[1]["tools"];

interface Rig {
  readonly sessions: Sessions;
  readonly simulator: Simulator;
}

/** Runs `use` against a served simulator whose time runs fifty times as fast. */
async function served(use: (rig: Rig) => Promise<void>): Promise<void> {
  const simulator = createSimulator({ clock: fastClock(50), seed: 3 });
  const onError = () => new Response(null, { status: 500 });
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError };
  const server = Deno.serve(options, (request) => simulator.fetch(request));
  const http = Deno.createHttpClient({});
  const client = new Anthropic({
    apiKey: "test-key",
    baseURL: `http://127.0.0.1:${server.addr.port}`,
    maxRetries: 0,
    fetch: (input, init) => fetch(new Request(input, init), { client: http }),
  });
  try {
    await use({ sessions: client.beta.sessions, simulator });
  } finally {
    simulator.close();
    await server.shutdown();
    http.close();
  }
}

/** A tool of the client that remembers the inputs that it was run with. */
function tool(name: string): { readonly runs: unknown[]; readonly tools: Tools } {
  const runs: unknown[] = [];
  const run = (input: unknown) => {
    runs.push(input);
    return "21 °C";
  };
  const definition = { name, description: name, input_schema: { type: "object" } } as const;
  return { runs, tools: [{ type: "custom", ...definition, run, parse: (input) => input }] };
}

interface Told {
  readonly name: string;
  readonly posted: boolean;
  readonly confirmation: string | undefined;
}

/**
 * Plays a turn with a runner beside it, until the turn has ended; each call that asks gets
 * `decision` as soon as it blocks the session.
 */
async function play(
  { sessions, simulator }: Rig,
  agent: FixtureKey,
  text: string,
  tools: Tools,
  decision?: "allow" | "deny",
) {
  const id = simulator.createSession({ agent });
  const told: Told[] = [];
  const runner = sessions.events.toolRunner(id, { tools, maxIdleMs: 1 });
  const running = (async () => {
    for await (const { name, posted, confirmation } of runner) {
      told.push({ name, posted, confirmation });
    }
  })();
  const stream = await sessions.events.stream(id);
  await sessions.events.send(id, { events: [userMessage(text)] });
  for await (const event of stream) {
    if (event.type !== "session.status_idle") continue;
    if (event.stop_reason.type !== "requires_action") break;
    const calls = await collect(sessions.events.list(id));
    const asks = new Set(
      calls.filter((call) => "evaluated_permission" in call && call.evaluated_permission === "ask")
        .map((call) => call.id),
    );
    for (const tool_use_id of event.stop_reason.event_ids) {
      if (!decision || !asks.has(tool_use_id)) continue;
      const type = "user.tool_confirmation";
      await sessions.events.send(id, { events: [{ type, tool_use_id, result: decision }] });
    }
  }
  await running;
  return { told, events: await collect(sessions.events.list(id)) };
}

Deno.test("the SDK's runner answers the custom tool agent, whose reply has the result", async () => {
  await served(async (rig) => {
    const { runs, tools } = tool("get_weather");
    const { told, events } = await play(rig, "custom_tool", "Weather?", tools);
    assertEquals(runs, [{ city: "Lisbon" }]);
    assertEquals(told, [{ name: "get_weather", posted: true, confirmation: undefined }]);
    const reply = events.findLast((event) => event.type === "agent.message");
    assertEquals(JSON.stringify(reply?.content).includes("21 °C"), true);
  });
});

Deno.test("the SDK's runner answers a subagent's custom tool, and a call in its own environment", async () => {
  await served(async (rig) => {
    const { runs, tools } = tool("bash");
    const script = 'as Helper custom bash {"a":1}\nand await bash {"a":2}';
    const { told, events } = await play(rig, "script", script, tools);
    assertEquals(runs, [{ a: 1 }, { a: 2 }]);
    assertEquals(told.map(({ posted }) => posted), [true, true]);
    assertEquals(events.filter((event) => event.type === "user.tool_result").length, 1);
  });
});

for (const decision of ["allow", "deny"] as const) {
  Deno.test(`the SDK's runner holds a call that asks until it is answered: ${decision}`, async () => {
    await served(async (rig) => {
      const { runs, tools } = tool("bash");
      const { told } = await play(rig, "script", 'ask bash {"a":1}', tools, decision);
      const allowed = decision === "allow";
      assertEquals(runs, allowed ? [{ a: 1 }] : []);
      assertEquals(told, [{ name: "bash", posted: allowed, confirmation: decision }]);
    });
  });
}

Deno.test("the SDK's runner leaves calls of MCP servers to those who decide", async () => {
  await served(async (rig) => {
    const { runs, tools } = tool("find");
    const { told, events } = await play(rig, "script", "ask crm/find x", tools, "allow");
    assertEquals([runs, told], [[], []]);
    assertEquals(events.filter((event) => event.type === "agent.mcp_tool_result").length, 1);
  });
});
