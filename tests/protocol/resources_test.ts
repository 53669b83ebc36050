// MCP resources as hosts use them: what the lists name is read, a transcript part by part, and a file
// by the URI that a tool's result gives.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { callMethod } from "../../src/commands/mcp_call.ts";
import { RESOURCE_TEMPLATES } from "../../src/tools/resource_uris.ts";
import { type App, openApp, type TestClient, WAYS } from "./support.ts";
import { entry, openTeam, secretOf } from "./tokens_support.ts";

const TOOL_SETS = ["core", "files", "resources"] as const;

/** The whole app, with sets that have resources. */
function openWithResources(toolSets: Parameters<typeof createServerFactory>[1]["toolSets"]): App {
  const app = openApp();
  return { ...app, factory: createServerFactory(app.services, { version: "1.2.3", toolSets }) };
}

/** A session of two turns, with a file. */
async function playSession(app: App, client: TestClient) {
  const agent_id = app.simulator.agentId("quick");
  const call = async (name: string, args: Record<string, unknown>) => {
    const { structured, isError, text } = await app.until(client.call(name, args));
    assertEquals(isError, false, text);
    return { ...structured };
  };
  const message = "First.\n## Agent\n\n> No.";
  const { session_id } = await call("create_session", { agent_id, title: "Quarterly", message });
  const sessionId = String(session_id);
  await call("wait_for_idle", { session_id });
  const fileId = app.simulator.writeFile(
    sessionId,
    "chart.png",
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  );
  await app.clock.advance(60_000);
  await call("send_message", { session_id, text: "Second." });
  await call("wait_for_idle", { session_id });
  return { sessionId, fileId, agentId: agent_id };
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`sessions and agents are listed as resources, and read: ${way}`, async () => {
    const app = openWithResources(TOOL_SETS);
    const { client, close } = await connect(app);
    assertEquals(client.hasResources(), true);
    const { sessionId, fileId, agentId } = await playSession(app, client);
    const { resourceTemplates } = await app.until(client.listTemplates());
    assertEquals(
      resourceTemplates.map(({ uriTemplate }) => uriTemplate).sort(),
      Object.values(RESOURCE_TEMPLATES).sort(),
    );
    const { resources } = await app.until(client.listResources());
    const transcriptUri = `cma://sessions/${sessionId}/transcript`;
    assertEquals(resources[0]?.uri, transcriptUri);
    assertEquals(resources[0]?.name, "Quarterly");
    assert(resources.some(({ uri }) => uri === `cma://agents/${agentId}`));
    for (const { uri } of resources) {
      const { contents } = await app.until(client.readResource(uri));
      assert(contents.length === 1 && contents[0]?.uri === uri && contents[0].text, uri);
    }
    const { contents: [transcript] } = await app.until(client.readResource(transcriptUri));
    assertEquals(transcript?.mimeType, "text/markdown");
    const headings = transcript?.text?.match(/^## \w+/gm);
    assertEquals(headings, ["## User", "## Agent", "## User", "## Agent"], transcript?.text);
    const fileUri = `cma://sessions/${sessionId}/files/${fileId}`;
    const { contents: [file] } = await app.until(client.readResource(fileUri));
    assertEquals([file?.uri, file?.mimeType, file?.blob], [fileUri, "image/png", "iVBORw0KGgo="]);
    for (const uri of [`${transcriptUri}x`, "cma://agents/agent_x", "https://example.com/"]) {
      const error = await assertRejects(() => app.until(client.readResource(uri)), Error);
      // The 2025-era specification knows -32002 as well; the SDK sends this code in both eras.
      const { code, data } = Object(error);
      assertEquals([code, data], [-32602, { uri }], error.message);
    }
    await close();
    app.close();
  });

  Deno.test(`a long transcript is read part by part: ${way}`, async () => {
    const app = openWithResources(["resources"]);
    const { client, close } = await connect(app);
    const session = app.simulator.createSession({
      agent: app.simulator.agentId("quick"),
      scripted: false,
    });
    const count = 40;
    for (let index = 0; index < count; index++) {
      const content = [{ type: "text", text: `Message ${index}. ${"x".repeat(3_000)}` }];
      app.simulator.emit(session, { type: "agent.message", content });
    }
    let uri = `cma://sessions/${session}/transcript`;
    const told: string[] = [];
    let parts = 0;
    for (; parts < 20; parts++) {
      const { contents: [part] } = await app.until(client.readResource(uri));
      told.push(...(part?.text?.match(/^> Message \d+/gm) ?? []));
      const [, next] = /\nNext part: `(.*)`\n$/.exec(part?.text ?? "") ?? [];
      if (next === undefined) break;
      uri = next;
    }
    assert(parts > 1, `${parts}`);
    assertEquals(told, Array.from({ length: count }, (_, index) => `> Message ${index}`));
    await close();
    app.close();
  });

  Deno.test(`a server without sets that have resources has none: ${way}`, async () => {
    const app = openWithResources(["core"]);
    const { client, close } = await connect(app);
    assertEquals(client.hasResources(), false);
    await close();
    app.close();
  });
}

Deno.test("each token lists and reads its own sessions only, and with its scopes", async () => {
  const team = openTeam([
    entry("mia"),
    entry("noah"),
    entry("agents", { scopes: ["agents:read"] }),
    entry("core", { tools: ["core"] }),
  ], { toolSets: TOOL_SETS });
  const agent_id = team.app.simulator.agentId("quick");
  const made = new Map<string, string>();
  for (const name of ["mia", "noah"]) {
    const { result } = await team.call(name, "create_session", { agent_id, title: `Of ${name}` });
    made.set(name, `cma://sessions/${result.session_id}/transcript`);
  }
  const ask = (name: string, method: string, params: Record<string, unknown> = {}) =>
    team.app.until(callMethod(
      {
        token: secretOf(name),
        fetch: (request: Request) => team.handler.fetch(request),
      },
      method,
      params,
    ));
  const urisOf = async (name: string) => {
    const { resources } = await ask(name, "resources/list");
    return Array.isArray(resources) ? resources.map(({ uri }) => String(uri)) : [];
  };
  const isTranscript = (uri: string) => uri.endsWith("/transcript");
  assertEquals((await urisOf("mia")).filter(isTranscript), [made.get("mia")]);
  assertEquals((await urisOf("noah")).filter(isTranscript), [made.get("noah")]);
  assertEquals((await urisOf("agents")).filter(isTranscript), []);
  assert((await urisOf("agents")).length > 0);
  assert(
    JSON.stringify(await ask("mia", "resources/read", { uri: made.get("mia") })).includes("Of mia"),
  );
  const refusals = new Set<string>();
  for (const uri of [made.get("noah"), "cma://sessions/sesn_none/transcript", "cma://nothing"]) {
    const error = await assertRejects(() => ask("mia", "resources/read", { uri }), Error);
    refusals.add(error.message.replaceAll(String(uri), "URI"));
  }
  assertEquals(refusals.size, 1, [...refusals].join("\n"));
  await assertRejects(() => ask("core", "resources/list"), Error, "Method not found");
  await assertRejects(
    () => ask("agents", "resources/read", { uri: made.get("mia") }),
    Error,
    "scope sessions:read",
  );
  await team.close();
});
