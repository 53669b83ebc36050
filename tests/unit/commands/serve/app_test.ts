import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type AppConfig, createApp } from "../../../../src/commands/serve/app.ts";
import { listen } from "../../../../src/runtime/deno_listener.ts";
import { ApiError } from "../../../../src/api/errors.ts";
import { HOSTED, HOSTED_CONSOLE } from "../../../../src/core/addresses.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { silentLogger } from "../../../../src/core/logger.ts";
import { createSimulator } from "../../../../src/simulator/mod.ts";
import { toolsOf } from "../../../../src/tools/registry.ts";
import { steadyClock } from "../../../helpers/fast_clock.ts";
import { resultFor } from "../../../helpers/call_tool.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";
import { recordProgram } from "../../../helpers/program.ts";

const BASE: AppConfig = {
  simulate: false,
  server: { baseUrl: "http://127.0.0.1:1", maxWaits: 2 },
};

/** A simulated API on loopback that accepts one key. */
function serveApi(apiKey: string) {
  const simulator = createSimulator({ clock: steadyClock(), apiKey });
  const address = { host: "127.0.0.1", port: 0 };
  const server = listen(address, (request) => simulator.fetch(request), silentLogger);
  return {
    simulator,
    baseUrl: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      simulator.close();
    },
  };
}

Deno.test("createApp() calls the API that it is told, with the key and its own name", async () => {
  await using api = serveApi("the-right-key");
  const app = await createApp({
    ...BASE,
    server: { ...BASE.server, baseUrl: api.baseUrl },
    credential: { kind: "api_key", value: "the-right-key" },
  }, recordProgram());
  const { data } = await app.api.agents.list({ limit: 2 });
  assertEquals(data.length, 2);
  assertEquals(app.target, api.baseUrl);
  app.close();
});

Deno.test("createApp() reads a key file again when the key is refused", async () => {
  await using api = serveApi("the-second-key");
  const keys = ["the-first-key\n", "the-second-key\n"];
  const read: string[] = [];
  const program = recordProgram({
    readFile: (path) => Promise.resolve(keys[read.push(path) - 1] ?? "none"),
  });
  const app = await createApp({
    ...BASE,
    server: { ...BASE.server, baseUrl: api.baseUrl },
    credential: { kind: "api_key", value: "the-first-key", file: "key.txt" },
  }, program);
  assertEquals((await app.api.agents.list({ limit: 1 })).data.length, 1);
  assertEquals(read, ["key.txt", "key.txt"]);
  // The old one may still be valid, and still be quoted.
  assertEquals(program.redact("the-first-key the-second-key"), "[redacted] [redacted]");
  program.log.info("A key", { quoted: "the-second-key" });
  assertEquals(program.logged.at(-1), "cma-mcp info: A key quoted=[redacted]");
  app.close();
});

Deno.test("createApp() does not read anything again for a key that is no file", async () => {
  await using api = serveApi("the-right-key");
  const app = await createApp({
    ...BASE,
    server: { ...BASE.server, baseUrl: api.baseUrl },
    credential: { kind: "auth_token", value: "a-wrong-one" },
  }, recordProgram());
  const error = await assertRejects(() => app.api.agents.list({}), ApiError);
  assertEquals(error.status, 401);
  app.close();
});

Deno.test("createApp() passes on whether people decide in the session view, as they do by default", async () => {
  const credential = { kind: "api_key", value: "a-key" } as const;
  for (const [settings, decides] of [[{}, true], [{ viewActions: false }, false]] as const) {
    const server = { ...BASE.server, ...settings };
    const app = await createApp({ ...BASE, server, credential }, recordProgram());
    assertEquals(app.services.viewActions, decides);
    app.close();
  }
});

Deno.test("createApp() keeps a stream open on a connection of its own until it is closed", async () => {
  await using api = serveApi("the-right-key");
  const app = await createApp({
    ...BASE,
    server: { ...BASE.server, baseUrl: api.baseUrl },
    credential: { kind: "api_key", value: "the-right-key" },
  }, recordProgram());
  const stream = await app.api.events.stream(api.simulator.createSession());
  assertEquals(api.simulator.openStreams(), 1);
  stream.close();
  app.close();
});

Deno.test("createApp() counts people's decisions, and names pages of the console", async () => {
  const consoleUrl = "https://console.example/sessions";
  const app = await createApp({
    ...BASE,
    server: { ...BASE.server, consoleUrl },
    simulate: true,
    http: {
      listenAddress: "127.0.0.1",
      port: 0,
      metricsPort: 0,
      allowedHosts: [],
      allowedOrigins: [],
    },
  }, recordProgram());
  assertEquals(app.services.consoleUrl, consoleUrl);
  const by = { channel: "form", mayAct: () => true };
  app.services.answers.drop({ kind: "invalid", why: "expired" }, by);
  const page = await app.telemetry.metrics?.render() ?? "";
  const counted = 'cma_mcp_decisions_total{decision="unread",outcome="dropped",channel="form"} 1';
  assertEquals(page.includes(counted), true, page);
  app.close();
});

Deno.test("createApp() knows the console of the hosted API alone", async () => {
  const credential = { kind: "api_key", value: "k" } as const;
  const consoleFor = async (baseUrl: string, simulate: boolean) => {
    const config = { ...BASE, simulate, credential, server: { ...BASE.server, baseUrl } };
    const app = await createApp(config, recordProgram());
    app.close();
    return app.services.consoleUrl;
  };
  assertEquals(await consoleFor(HOSTED, false), HOSTED_CONSOLE);
  assertEquals(await consoleFor(HOSTED, true), undefined);
  assertEquals(await consoleFor("https://other.example", false), undefined);
});

Deno.test("createApp() serves the sets of the settings, for no shared cache where tokens may differ", async () => {
  const http = {
    ...{ listenAddress: "127.0.0.1", port: 0 },
    ...{ allowedHosts: [], allowedOrigins: [] },
  };
  const listFor = async (accessFile?: { path: string; entries: [] }) => {
    const app = await createApp({
      ...BASE,
      simulate: true,
      server: { ...BASE.server, toolSets: ["actions"] },
      http: { ...http, ...(accessFile && { accessFile }) },
    }, recordProgram());
    const { tools, cacheScope } = await resultFor(app.factory, { id: "a" }, "tools/list");
    app.close();
    assert(Array.isArray(tools));
    return [tools.map(({ name }) => name), cacheScope];
  };
  const names = toolsOf(["actions"]).map(({ name }) => name);
  assertEquals(await listFor(), [names, "public"]);
  assertEquals(await listFor({ path: "tokens.json", entries: [] }), [names, "private"]);
});

Deno.test("createApp() publishes the agents of the settings, and reads them again when asked to", async () => {
  const program = recordProgram({ clock: new ManualClock() });
  const config = { ...BASE, simulate: true };
  const app = await createApp({
    ...config,
    server: { ...BASE.server, publish: "all", publishDescriptions: true },
  }, program);
  assert(app.publishing);
  await app.publishing.ready();
  const { tools, cacheScope } = await resultFor(app.factory, { id: "a" }, "tools/list");
  assert(Array.isArray(tools));
  const published = tools.filter(({ name }) => /^agent_/.test(name));
  assertEquals([published.length > 10, cacheScope], [true, "private"]);
  assert(published.every(({ description }) => / in its words "/.test(description)));
  const read = () => program.logged.filter((line) => line.includes("are published")).length;
  assertEquals(read(), 1);
  program.reload();
  await program.loggedMatch(/are published/);
  await app.publishing.ready();
  app.close();
  app.close();
  const plain = await createApp(config, recordProgram({ clock: new ManualClock() }));
  assertEquals(plain.publishing, undefined);
  plain.close();
});

Deno.test("createApp() simulates without a key, without network, and says so", async () => {
  const clock = new ManualClock();
  const app = await createApp({ ...BASE, simulate: true }, recordProgram({ clock }));
  const { data: [agent] } = await app.api.agents.list({ limit: 1 });
  assertMatch(agent?.name ?? "", /^Simulated/);
  assertMatch(app.target, /SIMULATOR/);
  app.close();
  app.close();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("createApp() refuses to be built without a key for a real API", async () => {
  const error = await assertRejects(() => createApp(BASE, recordProgram()));
  assert(error.message.includes("credential"));
});

Deno.test("createApp() refuses a key file that was rotated wrongly, with what to do", async () => {
  const texts: readonly [string | Error, RegExp][] = [
    ['"sk-ant-0123456789"', /'key\.txt' \(--api-key-file\) has quotes/],
    ["ANTHROPIC_API_KEY=sk-ant-0123456789", /begins with 'ANTHROPIC_API_KEY='/],
    [Object.assign(new Error("os error"), { code: "EISDIR" }), /it is a folder/],
    [Object.assign(new Error("os error"), { code: "ENOENT" }), /there is no such file/],
  ];
  for (const [text, expected] of texts) {
    const app = await createApp(
      { ...BASE, credential: { kind: "api_key", value: "a-key", file: "key.txt" } },
      recordProgram({
        readFile: () => text instanceof Error ? Promise.reject(text) : Promise.resolve(text),
      }),
    );
    const error = await assertRejects(() => app.api.agents.list({}), UsageError);
    assertMatch(error.message, expected);
    assert(!error.message.includes("0123456789"));
    app.close();
  }
});
