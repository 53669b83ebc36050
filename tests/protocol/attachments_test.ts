// Images and documents in messages, as hosts send them.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { entry, openTeam, secretOf } from "./tokens_support.ts";
import { API_KEY, connectHttp, openApp, serveHandler, WAYS } from "./support.ts";

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`texts, an image and a document reach the agent, in the first message and later: ${way}`, async () => {
    const app = openApp();
    const { client, close } = await connect(app);
    const call = async (tool: string, args: Record<string, unknown>) => {
      const { isError, text, structured } = await app.until(client.call(tool, args));
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const { session_id } = await call("create_session", {
      agent_id: app.simulator.agentId("quick"),
      document_urls: ["https://example.com/a.pdf"],
    });
    await call("wait_for_idle", { session_id });
    const file = app.simulator.writeFile(String(session_id), "a.png", new Uint8Array([1]));
    const texts = ["It is for the board, so be brief."];
    await call("send_message", { session_id, text: "And this?", texts, image_file_ids: [file] });
    const { reply } = await call("wait_for_idle", { session_id });
    for (const text of ["And this?", ...texts]) assertStringIncludes(String(reply), text);
    const response = await app.simulator.fetch(
      new Request(`http://simulator/v1/sessions/${session_id}/events?types[]=user.message`, {
        headers: { "x-api-key": API_KEY, "anthropic-beta": "managed-agents-2026-04-01" },
      }),
    );
    const { data } = await response.json();
    assert(Array.isArray(data));
    assertEquals(data.map(({ content }) => content), [
      [{ type: "document", source: { type: "url", url: "https://example.com/a.pdf" } }],
      [
        { type: "text", text: "And this?" },
        { type: "text", text: texts[0] },
        { type: "image", source: { type: "file", file_id: file } },
      ],
    ]);
    await close();
    app.close();
  });
}

for (const kind of ["auto", "legacy", "sdk1"] as const) {
  Deno.test(`a file of another caller's session is neither sent nor told from an unknown one: ${kind}`, async () => {
    const team = openTeam([entry("alice"), entry("bob")]);
    const { simulator, until } = team.app;
    const agent_id = simulator.agentId("quick");
    const { result: theirs } = await team.call("alice", "create_session", { agent_id });
    const { result: own } = await team.call("bob", "create_session", { agent_id });
    const file = simulator.writeFile(String(theirs.session_id), "a.png", new Uint8Array([1]));
    const served = serveHandler(team.handler);
    const client = await connectHttp(served.url, kind, secretOf("bob"));
    const posts = () => simulator.requests.filter(({ method }) => method === "POST").length;
    const before = posts();
    for (
      const [tool, args] of [
        ["send_message", { session_id: own.session_id, text: "What is this?" }],
        ["create_session", { agent_id, message: "What is this?" }],
      ] as const
    ) {
      for (const name of ["image_file_ids", "document_file_ids"]) {
        const refusals = [];
        for (const id of [file, "file_unknown"]) {
          refusals.push(await until(client.call(tool, { ...args, [name]: [id] })));
        }
        const [foreign, unknown] = refusals;
        assertStringIncludes(foreign?.text ?? "", "That file does not exist or is not available");
        assertEquals([foreign?.isError, foreign?.text], [true, unknown?.text]);
      }
    }
    assertEquals(posts(), before);
    await client.close();
    await served.close();
    await team.close();
  });
}
