// What a turn had beside words: subagents, evaluations of its outcome, images and documents.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { openApp, type ProgressSeen, WAYS } from "./support.ts";

const LINES = [
  "as Researcher say The numbers are in.",
  "image charts/draw",
  "document charts/report",
  "image charts/draw https://charts.example/2.png",
  "evaluate needs_revision The title is missing.",
  "sleep 6s",
  "say The chart has a title now.",
  "evaluate satisfied It has one.",
];

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`a result names subagents, evaluations and attachments, and shows these: ${way}`, async () => {
    const app = openApp();
    const { client, close } = await connect(app);
    const seen: ProgressSeen[] = [];
    const call = async (tool: string, args: Record<string, unknown>) => {
      const onProgress = (progress: ProgressSeen) => void seen.push(progress);
      const result = await app.until(client.call(tool, args, { onProgress }));
      assertEquals(result.isError, false, result.text);
      return result;
    };
    const agent_id = app.simulator.agentId("script");
    const made = await call("create_session", { agent_id, message: LINES.join("\n") });
    const session_id = String(made.structured?.session_id);
    // The outcome is to be revised by then.
    const begun = await call("wait_for_idle", { session_id, timeout_sec: 1 });
    assertEquals([begun.structured?.status, begun.blocks], ["timeout", []]);
    assertEquals("attachments" in { ...begun.structured }, false);
    const requests = app.simulator.requests.length;
    const after_id = begun.structured?.last_event_id;
    const { structured = {}, blocks } = await call("wait_for_idle", { session_id, after_id });
    assertEquals(structured.reply, "The chart has a title now.");
    const { subagents, outcome_evaluations, attachments } = structured;
    assert(Array.isArray(subagents) && Array.isArray(outcome_evaluations));
    assertEquals(subagents.map(({ name, status }) => [name, status]), [["Researcher", "idle"]]);
    assertEquals(
      outcome_evaluations.map(({ iteration, result, explanation }) => [
        iteration,
        result,
        explanation,
      ]),
      [[0, "needs_revision", "The title is missing."], [1, "satisfied", "It has one."]],
    );
    assert(Array.isArray(attachments));
    assertEquals(
      attachments.map(({ type, tool, url, shown }) => [type, tool, url, shown]),
      [
        ["image", "draw", undefined, true],
        ["document", "report", undefined, true],
        ["image", "draw", "https://charts.example/2.png", undefined],
      ],
    );
    const [image, document] = blocks.map((block) => ({ ...Object(block) }));
    assertEquals([image.type, image.mimeType, blocks.length], ["image", "image/png", 2]);
    assertEquals(atob(image.data).slice(1, 4), "PNG");
    assertEquals(document.resource.mimeType, "application/pdf");
    assertStringIncludes(document.resource.uri, `cma://sessions/${session_id}/events/sevt_`);
    assertEquals(atob(document.resource.blob).slice(0, 5), "%PDF-");
    const lists = app.simulator.requests.slice(requests).filter(({ path }) =>
      path.endsWith("/events")
    );
    assert(lists.length <= 3, JSON.stringify(lists));
    const told = seen.map(({ message }) => message).join("\n");
    assertStringIncludes(told, "the outcome is being evaluated");
    const { structured: session } = await call("get_session", { session_id });
    const judged = session?.outcome_evaluations;
    assertEquals(Array.isArray(judged) && judged.map(({ result }) => result), ["satisfied"]);
    const alone = { session_id, types: ["agent.mcp_tool_result"], limit: 1 };
    const listed = await call("list_events", alone);
    assertEquals(listed.blocks, [blocks[0]]);
    // What was shown once is not shown again.
    const rest = { session_id, after_id: structured.last_event_id };
    const again = await call("wait_for_idle", rest);
    assertEquals([again.structured?.attachments, again.blocks], [undefined, []]);
    await close();
    app.close();
  });
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`the cost of a turn has what its subagents cost: ${way}`, async () => {
    const app = openApp();
    const toolSets = ["core", "threads"] as const;
    const factory = createServerFactory(app.services, { version: "1.2.3", toolSets });
    const { client, close } = await connect({ ...app, factory });
    const call = async (tool: string, args: Record<string, unknown>) => ({
      ...(await app.until(client.call(tool, args))).structured,
    });
    const agent_id = app.simulator.agentId("script");
    const { session_id } = await call("create_session", { agent_id, message: "say Hello." });
    await call("wait_for_idle", { session_id });
    const text = "as Researcher say One.\nas Critic say Two.\nsay Done.";
    await call("send_message", { session_id, text });
    const { cost_usd, turn_cost_usd } = await call("wait_for_idle", { session_id });
    assertEquals([cost_usd, turn_cost_usd], [0.12, 0.12]);
    assertEquals((await call("get_session", { session_id })).cost_usd, 0.12);
    const { threads } = await call("list_threads", { session_id });
    assert(Array.isArray(threads));
    assertEquals(threads.map((thread) => thread.cost_usd), [undefined, 0.06, 0.06]);
    await close();
    app.close();
  });
}

for (const [way, connect] of Object.entries(WAYS).slice(-1)) {
  Deno.test(`the bytes of a large image are no part of a reply, which keeps the words around it: ${way}`, async () => {
    const app = openApp();
    const session_id = app.simulator.createSession({ agent: "script", scripted: false });
    const text = (text: string) => ({ type: "text", text });
    const data = `iVBORw0KGgo${"A".repeat(2_000_001)}`;
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data } };
    app.simulator.emit(session_id, { type: "session.status_running" });
    for (const content of [[text("First.")], [text("Before."), image], [text("Last.")]]) {
      app.simulator.emit(session_id, { type: "agent.message", content });
    }
    const stop_reason = { type: "end_turn" };
    app.simulator.emit(session_id, { type: "session.status_idle", stop_reason });
    const { client, close } = await connect(app);
    const { structured } = await app.until(client.call("wait_for_idle", { session_id }));
    const { reply, omitted, attachments } = { ...structured };
    assertEquals([reply, omitted], ["First.\n\nBefore.\n\nLast.", undefined]);
    assert(Array.isArray(attachments) && attachments[0]?.shown === false);
    await close();
    app.close();
  });
}
