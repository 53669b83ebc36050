// The page of the session view, without its looks, against the whole program over the simulator: what
// the server tells is what the page reads.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { isJsonObject, type JsonObject } from "../../src/view/read.ts";
import { createSessionView } from "../../src/view/session.ts";
import type { ViewState } from "../../src/view/state.ts";
import { TOOL_SET_NAMES } from "../../src/access/tool_sets.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { inEra, type RawClient, rawHttp, rawStdio, resultIn } from "./raw_dialogue.ts";
import { settle } from "../helpers/manual_clock.ts";
import { type App, openApp } from "./support.ts";

const SHOWS_VIEW = {
  extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } },
};

/** Calls tools one after the other: a raw client takes the next response for its own. */
function caller(client: RawClient) {
  let id = 0;
  let last: Promise<unknown> | undefined;
  const call = (name: string, args: unknown): Promise<JsonObject> => {
    const message = { id: ++id, method: "tools/call", params: { name, arguments: args } };
    const called = Promise.resolve(last).then(async () =>
      resultIn(await client.send(inEra("2026", message, SHOWS_VIEW)))
    );
    const over = called.catch(() => {}).then(() => {
      if (last === over) last = undefined;
    });
    last = over;
    return called;
  };
  /** The end of the calls that are made; undefined where there are none. */
  return Object.assign(call, { running: () => last });
}

/** A host that passes the page's calls on to the program, and the page. */
function hosted(app: App, call: ReturnType<typeof caller>) {
  let toPage = (_message: unknown) => {};
  const told: unknown[] = [];
  const resultOf = async (method: unknown, params: JsonObject): Promise<unknown> => {
    if (method === "tools/call") return await call(String(params.name), params.arguments);
    if (method === "ui/message") told.push(params.content);
    return method === "ui/initialize" ? { hostCapabilities: { message: {} } } : {};
  };
  const page = createSessionView({
    clock: app.clock,
    locale: "en",
    show: () => {},
    port: {
      onMessage: (listener) => toPage = listener,
      async post(message) {
        if (!isJsonObject(message) || message.id === undefined) return;
        const params = isJsonObject(message.params) ? message.params : {};
        const result = await resultOf(message.method, params);
        toPage({ jsonrpc: "2.0", id: message.id, result });
      },
    },
  });
  page.start();
  return {
    page,
    told,
    notify: (name: string, params: unknown) =>
      toPage({ jsonrpc: "2.0", method: `ui/notifications/${name}`, params }),
    /** Lets time pass until the page shows it, for at most two minutes. */
    async until(what: string, is: (state: ViewState) => boolean): Promise<ViewState> {
      const end = app.clock.now() + 120_000;
      while (!is(page.state) && app.clock.now() < end) {
        // A call has time pass by itself. Beside it, the page's bounds would be over before it is.
        await (call.running() ?? app.clock.advance(250));
        await settle();
      }
      assert(is(page.state), `${what}: ${JSON.stringify(page.state)}`);
      return page.state;
    },
    end: () => toPage({ jsonrpc: "2.0", id: "end", method: "ui/resource-teardown" }),
  };
}

function open(): App {
  const base = openApp();
  const factory = createServerFactory(base.services, {
    version: "1.2.3",
    toolSets: TOOL_SET_NAMES,
  });
  return { ...base, factory };
}

const WAYS = { stdio: rawStdio, HTTP: (app: App) => rawHttp(app) };

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`${way}: the page follows a turn, its person allows, and the model is told`, async () => {
    const app = open();
    const client = connect(app);
    const call = caller(client);
    const { page, told, notify, until, end } = hosted(app, call);
    const agent_id = app.simulator.agentId("approval");
    const opened = await app.until(call("create_session", { agent_id, message: "Clean up." }));
    assert(isJsonObject(opened.structuredContent));
    const { session_id } = opened.structuredContent;
    notify("tool-input", { arguments: { session_id } });
    await until("read", ({ session }) => session !== undefined);
    notify("tool-result", await app.until(call("wait_for_idle", { session_id })));
    const waiting = await until("asked", ({ pending }) => pending[0]?.state === "waits");
    assertEquals(waiting.session?.status, "requires_action");
    assertEquals([waiting.pending.length, waiting.session?.turn?.task], [1, "Clean up."]);
    const { event_id = "" } = waiting.pending[0]?.call ?? {};
    page.actions.allow(event_id);
    const decided = await until("told", ({ tell }) => tell?.state === "sent");
    assertEquals(decided.pending[0]?.outcome, "sent");
    assertMatch(JSON.stringify(told), /I allowed 1 tool call\..*wait_for_idle/);
    const over = await until("over", ({ phase }) => phase === "resting");
    assertEquals([over.session?.status, over.isPast, told.length], ["idle", false, 1]);
    assertMatch(over.reply, /is gone/);
    assert(
      over.entries.some((entry) => entry.kind === "tool" && entry.decision === "allow"),
      JSON.stringify(over.entries),
    );
    end();

    // Mounted again, the page gets the old result, and finds its turn.
    const again = hosted(app, call);
    again.notify("tool-input", { arguments: { session_id } });
    again.notify("tool-result", await app.until(call("wait_for_idle", { session_id })));
    const same = await again.until("found", ({ phase }) => phase === "resting");
    assertEquals([same.isPast, same.reply], [false, over.reply]);
    again.end();

    // Once the conversation has gone on, the old result is shown alone.
    const old = await app.until(call("wait_for_idle", { session_id }));
    await app.until(call("send_message", { session_id, text: "And again." }));
    const later = hosted(app, call);
    later.notify("tool-input", { arguments: { session_id } });
    later.notify("tool-result", old);
    const past = await later.until("past", ({ phase }) => phase === "resting");
    assertEquals([past.isPast, past.session?.status], [true, "idle"]);
    assertEquals(past.reply, over.reply);
    later.end();
    // The page's last call comes to its end.
    await app.until(call("get_session", { session_id }));
    await client.close();
    app.close();
  });

  Deno.test(`${way}: files are listed and read, and an interrupt ends a turn`, async () => {
    const app = open();
    const client = connect(app);
    const call = caller(client);
    const { page, told, notify, until, end } = hosted(app, call);
    const agent_id = app.simulator.agentId("script");
    const opened = await app.until(call("create_session", { agent_id, message: "make report" }));
    assert(isJsonObject(opened.structuredContent));
    const { session_id } = opened.structuredContent;
    notify("tool-input", { arguments: { session_id } });
    notify("tool-result", await app.until(call("wait_for_idle", { session_id })));
    await until("over", ({ phase }) => phase === "resting");
    page.actions.listFiles();
    const { files } = await until("listed", ({ files }) => files.state === "listed");
    const idOf = (name: string) => files.files.find((file) => file.name === name)?.id ?? "";
    const [table, picture] = [idOf("sales.csv"), idOf("chart.png")];
    page.actions.openFile(table);
    page.actions.openFile(picture);
    const find = (state: ViewState, id: string) => state.files.files.find((one) => one.id === id);
    const read = await until(
      "loaded",
      (state) => [table, picture].every((id) => find(state, id)?.state === "loaded"),
    );
    assertMatch(find(read, table)?.text ?? "", /^month,sales\n/);
    assertEquals(find(read, table)?.isPartial, false);
    // The signature of PNG.
    assertEquals([...find(read, picture)?.image?.bytes.slice(1, 4) ?? []], [0x50, 0x4e, 0x47]);
    end();

    const other = hosted(app, call);
    await app.until(call("send_message", { session_id, text: "sleep 60s" }));
    other.notify("tool-input", { arguments: { session_id } });
    const waited = call("wait_for_idle", { session_id, timeout_sec: 2 });
    other.notify("tool-result", await app.until(waited));
    await other.until("offered", ({ interrupt }) => interrupt === "offered");
    other.page.actions.interrupt();
    const over = await other.until("over", ({ phase }) => phase === "resting");
    assertEquals([over.session?.status, over.tell?.state], ["idle", "sent"]);
    assertMatch(JSON.stringify(other.told), /I interrupted the turn/);
    assertEquals(told, []);
    other.end();
    // The page's last call comes to its end.
    await app.until(call("get_session", { session_id }));
    await client.close();
    app.close();
  });
}
