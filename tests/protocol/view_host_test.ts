// The page's side of MCP Apps, against the official host's side in the same process.
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  AppBridge,
  type McpUiHostCapabilities,
  type McpUiHostContext,
  McpUiInitializeRequestSchema,
  McpUiSizeChangedNotificationSchema,
} from "@modelcontextprotocol/ext-apps/app-bridge";
import { systemClock } from "../../src/core/clock.ts";
import { createHost, HostError, type HostListener, type Port } from "../../src/view/host.ts";
import { createSessionView } from "../../src/view/session.ts";
import type { ViewState } from "../../src/view/state.ts";
import { pendingCall, SESSION, toolResult, waitResult, watched } from "../helpers/view_world.ts";

type Transport = Parameters<AppBridge["connect"]>[0];

/** Joins a page and a bridge as two windows are joined: messages are copied, and come later. */
function joined() {
  let toPage = (_message: unknown) => {};
  const posted: unknown[] = [];
  const transport: Transport = {
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
    send: (message) => {
      const copy = structuredClone(message);
      queueMicrotask(() => toPage(copy));
      return Promise.resolve();
    },
  };
  const port: Port = {
    post: (message) => {
      posted.push(message);
      const copy = structuredClone(message);
      queueMicrotask(() => transport.onmessage?.(copy as never));
    },
    onMessage: (listener) => toPage = listener,
  };
  return { port, transport, posted };
}

async function bridgeTo(
  transport: Transport,
  capabilities: McpUiHostCapabilities,
  hostContext: McpUiHostContext = {},
) {
  const info = { name: "test host", version: "1" };
  const bridge = new AppBridge(null, info, capabilities, { hostContext });
  const initialized = new Promise<void>((resolve) => bridge.oninitialized = () => resolve());
  await bridge.connect(transport);
  return { bridge, initialized };
}

/** A page that keeps what it hears, and a bridge, after the handshake. */
async function world(capabilities: McpUiHostCapabilities = {}, context: McpUiHostContext = {}) {
  const { port, transport, posted } = joined();
  const { bridge, initialized } = await bridgeTo(transport, capabilities, context);
  const heard: unknown[] = [];
  const hear = (what: string) => (...args: unknown[]) => void heard.push([what, ...args]);
  const listener: HostListener = {
    input: hear("input"),
    result: hear("result"),
    cancelled: hear("cancelled"),
    changed: hear("changed"),
    teardown: hear("teardown"),
  };
  const host = createHost(port, systemClock, listener);
  host.connect();
  await initialized;
  return { host, bridge, heard, posted };
}

Deno.test("the official host takes the handshake, and its schemas what is sent", async () => {
  const { host, bridge, posted, heard } = await world({ openLinks: {} }, { theme: "dark" });
  assertEquals(host.capabilities, { openLinks: {} });
  assertEquals(host.context, { theme: "dark" });
  assertEquals(heard, [["changed"]]);
  assertEquals(bridge.getAppVersion()?.name, "cma-mcp session view");
  assertEquals(bridge.getAppCapabilities(), { availableDisplayModes: ["inline", "fullscreen"] });
  McpUiInitializeRequestSchema.parse(posted[0]);
  const sized = new Promise((resolve) => bridge.onsizechange = resolve);
  host.reportHeight(120.5);
  assertEquals(await sized, { height: 121 });
  McpUiSizeChangedNotificationSchema.parse(posted.at(-1));
});

Deno.test("what the official host tells of a call arrives", async () => {
  const { host, bridge, heard } = await world();
  heard.length = 0;
  await bridge.sendToolInputPartial({ arguments: { session_id: "ses" } });
  await bridge.sendToolInput({ arguments: { session_id: SESSION } });
  await bridge.sendToolResult({ content: [{ type: "text", text: "{}" }] });
  await bridge.sendToolCancelled({ reason: "user" });
  bridge.setHostContext({ theme: "light", locale: "de-DE" });
  // The answer to this comes last.
  await bridge.teardownResource({});
  assertEquals(heard, [
    ["input", { session_id: "ses" }, false],
    ["input", { session_id: SESSION }, true],
    ["result", { content: [{ type: "text", text: "{}" }] }],
    ["cancelled"],
    ["changed"],
    ["teardown"],
  ]);
  assertEquals(host.context, { theme: "light", locale: "de-DE" });
});

Deno.test("the official host takes every request of the page", async () => {
  const { host, bridge } = await world();
  const taken: unknown[] = [];
  const take = (name: string) => (params: unknown) => {
    taken.push([name, params]);
    return Promise.resolve({});
  };
  bridge.onopenlink = take("link");
  bridge.onmessage = take("message");
  bridge.onupdatemodelcontext = take("context");
  bridge.ondownloadfile = take("download");
  bridge.onrequestdisplaymode = ({ mode }) => Promise.resolve({ mode });
  bridge.oncalltool = ({ name }) => Promise.resolve({ content: [{ type: "text", text: name }] });
  const content = [{ type: "text" as const, text: "Told." }];
  const file = { uri: "file:///a.txt", mimeType: "text/plain", text: "a" };
  const link = { uri: "https://a.example/f", name: "f" };
  const contents = [
    { type: "resource" as const, resource: file },
    { type: "resource_link" as const, ...link },
  ];
  await host.request("ui/open-link", { url: "https://a.example/" }, 5_000);
  await host.request("ui/message", { role: "user", content }, 5_000);
  await host.request("ui/update-model-context", { content }, 5_000);
  await host.request("ui/download-file", { contents }, 5_000);
  assertEquals(taken, [
    ["link", { url: "https://a.example/" }],
    ["message", { role: "user", content }],
    ["context", { content }],
    ["download", { contents }],
  ]);
  const mode = await host.request("ui/request-display-mode", { mode: "fullscreen" }, 5_000);
  assertEquals(mode, { mode: "fullscreen" });
  const call = { name: "watch_session", arguments: { session_id: SESSION } };
  const result = await host.request("tools/call", call, 5_000);
  assertEquals(result, { content: [{ type: "text", text: "watch_session" }] });
});

Deno.test("what the official host has no handler for is unsupported", async () => {
  const { host } = await world();
  const content = [{ type: "text" as const, text: "x" }];
  const asked = () => host.request("ui/message", { role: "user", content }, 5_000);
  assertEquals((await assertRejects(asked, HostError)).kind, "unsupported");
});

Deno.test("a whole turn with a decision plays between the page and the official host", async () => {
  const { port, transport } = joined();
  const { bridge, initialized } = await bridgeTo(transport, { message: {}, serverTools: {} });
  let session = watched({
    status: "requires_action",
    pending: [pendingCall("sevt_1")],
    proofs: { sevt_1: "proof" },
  });
  const calls: unknown[] = [];
  const told: unknown[] = [];
  bridge.oncalltool = ({ name, arguments: args = {} }) => {
    if (name === "watch_session") return Promise.resolve(toolResult({ ...session }) as never);
    calls.push(args);
    session = watched({ status: "running" });
    return Promise.resolve(toolResult({ ...args, outcome: "sent" }) as never);
  };
  bridge.onmessage = ({ content }) => {
    told.push(content);
    return Promise.resolve({});
  };
  let state: ViewState | undefined;
  const seen = async (is: (state: ViewState) => boolean) => {
    while (!state || !is(state)) await new Promise((resolve) => onShow = () => resolve(undefined));
    return state;
  };
  let onShow = () => {};
  const show = (given: ViewState) => {
    state = given;
    onShow();
  };
  const view = createSessionView({ port, clock: systemClock, locale: "en", show });
  view.start();
  await initialized;
  await bridge.sendToolInput({ arguments: { session_id: SESSION } });
  await bridge.sendToolResult(
    toolResult(waitResult({ status: "requires_action", reply: "" })) as never,
  );
  await seen(({ pending }) => pending[0]?.state === "waits");
  view.actions.allow("sevt_1");
  const { pending: [decided] } = await seen(({ tell }) => tell?.state === "sent");
  assertEquals(decided?.outcome, "sent");
  assertEquals(calls, [
    { session_id: SESSION, event_id: "sevt_1", proof: "proof", result: "allow" },
  ]);
  assertEquals(told.length, 1);
  assert(JSON.stringify(told).includes("I allowed 1 tool call"));
  await bridge.teardownResource({});
});
