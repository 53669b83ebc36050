import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHost, HANDSHAKE_MS, HostError, type HostListener } from "../../../src/view/host.ts";
import { isJsonObject } from "../../../src/view/read.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

/** A host of a test: it keeps what the page sends, and says what the test lets it say. */
function world() {
  const sent: Record<string, unknown>[] = [];
  const heard: unknown[] = [];
  let listener = (_message: unknown) => {};
  const clock = new ManualClock();
  const hear = (what: string) => (...args: unknown[]) => void heard.push([what, ...args]);
  const events: HostListener = {
    input: hear("input"),
    result: hear("result"),
    cancelled: hear("cancelled"),
    changed: hear("changed"),
    teardown: hear("teardown"),
  };
  const host = createHost(
    {
      post: (message) => void (isJsonObject(message) && sent.push(message)),
      onMessage: (given) => listener = given,
    },
    clock,
    events,
  );
  const say = (message: unknown) => listener(message);
  return {
    host,
    clock,
    sent,
    heard,
    say,
    notify: (method: string, params?: unknown) => say({ jsonrpc: "2.0", method, params }),
    answer: (id: unknown, result: unknown) => say({ jsonrpc: "2.0", id, result }),
    methods: () => sent.map(({ method }) => method),
    /** Answers the handshake. */
    begin(result: Record<string, unknown> = {}) {
      host.connect();
      say({
        jsonrpc: "2.0",
        id: sent[0]?.id,
        result: { hostCapabilities: { message: {} }, hostContext: { theme: "dark" }, ...result },
      });
    },
  };
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, HostError);
  return error.kind;
}

Deno.test("the page shakes hands, says that it is there, and knows the host", () => {
  const { host, sent, heard, begin, clock } = world();
  begin();
  assertEquals(sent, [
    {
      jsonrpc: "2.0",
      id: 1,
      method: "ui/initialize",
      params: {
        protocolVersion: "2026-01-26",
        appInfo: { name: "cma-mcp session view", version: "1.0.0" },
        appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      },
    },
    { jsonrpc: "2.0", method: "ui/notifications/initialized", params: {} },
  ]);
  assertEquals(host.capabilities, { message: {} });
  assertEquals(host.context, { theme: "dark" });
  assertEquals(heard, [["changed"]]);
  assert(host.isReady);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a handshake without an answer is tried again, and any answer counts, once", async () => {
  const { host, sent, answer, clock, methods } = world();
  host.connect();
  await clock.advance(2 * HANDSHAKE_MS);
  assertEquals(methods(), ["ui/initialize", "ui/initialize", "ui/initialize"]);
  answer(sent[0]?.id, { hostContext: { theme: "light" } });
  answer(sent[1]?.id, { hostContext: { theme: "dark" } });
  assertEquals(host.context, { theme: "light" });
  await clock.advance(10 * HANDSHAKE_MS);
  assertEquals(methods().slice(3), ["ui/notifications/initialized"]);
});

Deno.test("a host that rejects the handshake is used all the same", () => {
  const { host, say, methods } = world();
  host.connect();
  say({ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "Method not found" } });
  assert(host.isReady);
  assertEquals(host.capabilities, {});
  assertEquals(methods(), ["ui/initialize", "ui/notifications/initialized"]);
});

Deno.test("what comes before the handshake is over is heard", () => {
  const { heard, begin, notify, host } = world();
  host.connect();
  notify("ui/notifications/tool-input", { arguments: { session_id: "s" } });
  notify("ui/notifications/host-context-changed", { locale: "de", theme: "light" });
  assertEquals(heard, [["input", { session_id: "s" }, true], ["changed"]]);
  begin();
  // The answer of the handshake came later.
  assertEquals(host.context, { locale: "de", theme: "dark" });
});

Deno.test("requests are held back until the handshake is over", async () => {
  const { host, sent, begin, answer, methods } = world();
  const asked = host.request("ui/open-link", { url: "https://example.com" }, 1_000);
  assertEquals(sent, []);
  host.reportHeight(99.2);
  begin();
  // The request took the first id.
  answer(2, {});
  assertEquals(methods(), [
    "ui/initialize",
    "ui/notifications/initialized",
    "ui/notifications/size-changed",
    "ui/open-link",
  ]);
  answer(1, { isError: false });
  assertEquals(await asked, { isError: false });
});

Deno.test("a request whose time is up before the handshake never leaves", async () => {
  const { host, begin, clock, methods, answer } = world();
  const asked = kindOf(host.request("ui/open-link", { url: "https://example.com" }, 1_000));
  await clock.advance(1_000);
  assertEquals(await asked, "timeout");
  begin();
  answer(2, {});
  assertEquals(methods(), ["ui/initialize", "ui/notifications/initialized"]);
});

Deno.test("every request has a timer, and a late answer is nobody's", async () => {
  const { host, begin, clock, answer, sent } = world();
  begin();
  const call = { name: "watch_session", arguments: { session_id: "s" } };
  const late = kindOf(host.request("tools/call", call, 1_000));
  const other = host.request("tools/call", call, 2_000);
  const [, , first, second] = sent;
  await clock.advance(1_000);
  assertEquals(await late, "timeout");
  answer(first?.id, { content: ["late"] });
  answer(second?.id, { content: ["in time"] });
  assertEquals(await other, { content: ["in time"] });
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a failure says whether the host has no such method, or refuses", async () => {
  const { host, begin, say, answer, sent } = world();
  begin();
  const ask = () => {
    const failed = kindOf(host.request("ui/message", { role: "user", content: [] }, 1_000));
    return { failed, id: sent.at(-1)?.id };
  };
  const unknown = ask();
  say({ jsonrpc: "2.0", id: unknown.id, error: { code: -32601, message: "Method not found" } });
  assertEquals(await unknown.failed, "unsupported");
  const refused = ask();
  say({ jsonrpc: "2.0", id: refused.id, error: { code: -32000, message: "Not now" } });
  assertEquals(await refused.failed, "refused");
  const goose = ask();
  answer(goose.id, { status: "error", message: "Unhandled UI message type" });
  assertEquals(await goose.failed, "unsupported");
  // A tool's result may have a field of that name.
  const call = host.request("tools/call", { name: "t", arguments: {} }, 1_000);
  answer(sent.at(-1)?.id, { status: "error", content: [] });
  assertEquals(await call, { status: "error", content: [] });
});

Deno.test("the host's own requests are answered", () => {
  const { begin, say, sent } = world();
  begin();
  const from = sent.length;
  say({ jsonrpc: "2.0", id: "p", method: "ping" });
  say({ jsonrpc: "2.0", id: 7, method: "tools/list", params: {} });
  say({ jsonrpc: "2.0", id: null, method: "tools/list" });
  assertEquals(sent.slice(from), [
    { jsonrpc: "2.0", id: "p", result: {} },
    { jsonrpc: "2.0", id: 7, error: { code: -32601, message: "Method not found" } },
  ]);
});

Deno.test("what tells of the call arrives, and the context is merged", () => {
  const { host, begin, notify, heard } = world();
  begin();
  heard.length = 0;
  notify("ui/notifications/tool-input-partial", { arguments: { session_id: "se" } });
  notify("ui/notifications/tool-input", {});
  notify("ui/notifications/tool-result", { content: [] });
  notify("ui/notifications/tool-cancelled", { reason: "user" });
  notify("ui/notifications/host-context-changed", { displayMode: "fullscreen" });
  notify("ui/notifications/of-tomorrow", {});
  assertEquals(heard, [
    ["input", { session_id: "se" }, false],
    ["input", {}, true],
    ["result", { content: [] }],
    ["cancelled"],
    ["changed"],
  ]);
  assertEquals(host.context, { theme: "dark", displayMode: "fullscreen" });
});

Deno.test("messages of another shape do nothing", () => {
  const { begin, say, sent, heard } = world();
  begin();
  const [before, known] = [sent.length, heard.length];
  const odd = [null, 1, "a", [], {}, [{ jsonrpc: "2.0", id: 1, method: "ping" }]];
  const wrong = [
    { jsonrpc: "1.0", id: 1, method: "ping" },
    { jsonrpc: "2.0", id: {}, method: "ping" },
    { jsonrpc: "2.0", id: 99, result: {} },
    { jsonrpc: "2.0", id: "1", result: {} },
    { jsonrpc: "2.0", method: 7 },
  ];
  for (const message of [...odd, ...wrong]) say(message);
  assertEquals([sent.length, heard.length], [before, known]);
});

Deno.test("a page that is taken away answers, fails what it waits for, and is still", async () => {
  const { host, begin, say, sent, heard, notify, clock, methods } = world();
  begin();
  const asked = kindOf(host.request("ui/open-link", { url: "https://example.com" }, 1_000));
  say({ jsonrpc: "2.0", id: 5, method: "ui/resource-teardown", params: {} });
  assertEquals(sent.at(-1), { jsonrpc: "2.0", id: 5, result: {} });
  assertEquals(await asked, "closed");
  assertEquals(heard.at(-1), ["teardown"]);
  assertEquals(clock.pendingTimers, 0);
  const [count, known] = [sent.length, heard.length];
  notify("ui/notifications/tool-result", { content: [] });
  host.reportHeight(5);
  const late = host.request("ui/open-link", { url: "https://example.com" }, 1_000);
  assertEquals(await kindOf(late), "closed");
  assertEquals([sent.length, heard.length], [count, known], String(methods()));
});

Deno.test("the height goes out when it has changed, and the width never", async () => {
  const { host, begin, sent } = world();
  begin();
  const from = sent.length;
  for (const height of [300.4, 300.9, 301, 280]) host.reportHeight(height);
  await settle();
  assertEquals(sent.slice(from).map(({ params }) => params), [{ height: 301 }, { height: 280 }]);
});
