// A client that does not declare the extension of the session view gets every byte that it got before
// there was one: the snapshot holds a digest of each response in a whole dialogue, recorded with the
// program of that time.
import { assertEquals } from "@std/assert";
import { isFields } from "../../src/api/read.ts";
import { TOOL_SET_NAMES, type ToolSetName } from "../../src/access/tool_sets.ts";
import { sha256 } from "../../src/core/sha256.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { type App, openApp } from "./support.ts";
import {
  type Capabilities,
  type Era,
  inEra,
  initialize,
  rawHttp,
  type RawMessage,
  type RawResponse,
  rawStdio,
  resultIn,
} from "./raw_dialogue.ts";

/** By its own path, because the runtime looks beside the file that it was told to run. */
const SNAPSHOT = `${import.meta.dirname}/__snapshots__/undeclared_test.ts.snap`;

const TRANSPORTS = { stdio: rawStdio, HTTP: (app: App) => rawHttp(app) };

/** What clients declare that show no page of ours. */
const DECLARED_ELSE: readonly Capabilities[] = [
  { extensions: { "com.example/other": { mimeTypes: ["text/html;profile=mcp-app"] } } },
  { extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html"], elicitation: {} } } },
];

/** Messages that need nothing of what came before. */
const PLAIN: readonly RawMessage[] = [
  { id: 2, method: "ping" },
  { id: 3, method: "tools/list" },
  { id: 4, method: "resources/list" },
  { id: 5, method: "resources/templates/list" },
  { id: 6, method: "resources/read", params: { uri: "ui://cma-mcp/other.html" } },
  { id: 7, method: "resources/read", params: { uri: "cma://agents/agent_none" } },
  { id: 8, method: "resources/read", params: {} },
  { id: 9, method: "prompts/list" },
  { id: 10, method: "no/such_method", params: { a: 1 } },
  { id: 11, method: "tools/call", params: { name: "watch_session", arguments: {} } },
  { id: 12, method: "tools/call", params: { name: "answer_tool_use", arguments: {} } },
  { id: 13, method: "tools/call", params: { name: "watch_sesion", arguments: {} } },
  { id: 14, method: "tools/call", params: { name: "get_agents", arguments: {} } },
  { id: 15, method: "tools/call", params: { name: "list_agents", arguments: {} } },
];

/** Sends a whole dialogue, and returns every response under the name of what was asked. */
async function dialogue(
  era: Era,
  transport: keyof typeof TRANSPORTS,
  toolSets: readonly ToolSetName[],
  capabilities: Capabilities,
): Promise<[string, RawResponse][]> {
  const base = openApp();
  const factory = createServerFactory(base.services, { version: "1.2.3", toolSets });
  const app = { ...base, factory };
  const client = TRANSPORTS[transport](app);
  const responses: [string, RawResponse][] = [];
  const ask = async (message: RawMessage, what = `${message.id} ${message.method}`) => {
    const response = await client.send(inEra(era, message, capabilities));
    responses.push([what, response]);
    return response;
  };
  if (era === "2025") {
    responses.push(["initialize", await client.send(initialize(capabilities))]);
    const initialized = await client.send({ method: "notifications/initialized" });
    responses.push(["initialized", initialized]);
  } else {
    await ask({ id: 1, method: "server/discover" });
  }
  for (const message of PLAIN) await ask(message);
  const broken = {
    id: 20,
    method: "prompts/list",
    params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
  };
  if (era === "2026") responses.push(["broken envelope", await client.send(broken)]);
  const call = async (id: number, name: string, args: Record<string, unknown>) => {
    const params = { name, arguments: args };
    const response = await ask({ id, method: "tools/call", params }, `${id} ${name}`);
    const { structuredContent } = resultIn(response);
    return isFields(structuredContent) ? structuredContent : {};
  };
  const agent_id = app.simulator.agentId("approval");
  const { session_id } = await call(30, "create_session", { agent_id, message: "Clean up." });
  const { pending_actions } = await call(31, "wait_for_idle", { session_id });
  await call(32, "get_session", { session_id });
  if (toolSets.includes("actions") && Array.isArray(pending_actions)) {
    const { event_id, name: tool_name } = pending_actions[0];
    await call(33, "confirm_tool_use", { session_id, event_id, tool_name, result: "allow" });
    await call(34, "wait_for_idle", { session_id, after_id: event_id });
    await call(35, "ask_agent", { session_id, message: "Once more." });
  }
  if (era === "2025" && transport === "HTTP") {
    const batch = [{ id: 40, method: "ping" }, { id: 41, method: "tools/list" }];
    responses.push(["batch", await client.send(batch)]);
  }
  await client.close();
  app.close();
  return responses;
}

/** Times, and ids that are made of them: the speed of the machine has a part in both. */
const OF_TIME =
  /"(?:elapsed_sec|active_sec|duration_sec)\\?":[\d.]+|\d{4}-\d\d-\d\dT[\d:.]+Z|(?:sesn|sevt|sthr)_\w+/g;

/** Returns a line for each response: what was asked, the response's head, its length, its digest. */
async function digestsOf(...asked: Parameters<typeof dialogue>): Promise<string[]> {
  return (await dialogue(...asked)).map(([what, { head, body }]) => {
    const lasting = body.replaceAll(OF_TIME, "");
    const digest = sha256(lasting).slice(0, 16);
    return [what, head, lasting.length, digest].filter((part) => part !== "").join(" | ");
  });
}

for (const transport of ["stdio", "HTTP"] as const) {
  for (const era of ["2025", "2026"] as const) {
    for (const [sets, toolSets] of [["core", ["core"]], ["all", TOOL_SET_NAMES]] as const) {
      const name = `${transport}, ${era}, ${sets} tools`;
      Deno.test(`${name}: who does not declare the extension gets the bytes of before`, async (t) => {
        const digests = await digestsOf(era, transport, toolSets, {});
        await t.assertSnapshot(digests, { path: SNAPSHOT, name });
        for (const capabilities of DECLARED_ELSE) {
          assertEquals(await digestsOf(era, transport, toolSets, capabilities), digests);
        }
      });
    }
  }
}
