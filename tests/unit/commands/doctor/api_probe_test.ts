import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { withoutConnections } from "../../../../src/api/connections.ts";
import type { FetchLike } from "../../../../src/api/types.ts";
import { probe, type ProbeOptions } from "../../../../src/commands/doctor/api.ts";
import { listen } from "../../../../src/runtime/deno_listener.ts";
import type { CredentialConfig } from "../../../../src/config/config.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { silentLogger } from "../../../../src/core/logger.ts";
import { createSimulator } from "../../../../src/simulator/mod.ts";
import { makeCertificate } from "../../../helpers/certificate.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";

const KEY = "sk-ant-a-key-for-tests";
const CREDENTIAL: CredentialConfig = { kind: "api_key", value: KEY };
const PROXY = { variable: "HTTPS_PROXY", address: "proxy.corp:8080" };

function optionsWith(fetch: FetchLike, overrides: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    baseUrl: "https://api.example.com",
    credential: CREDENTIAL,
    connections: withoutConnections(fetch),
    clock: new ManualClock(),
    signal: new AbortController().signal,
    ...overrides,
  };
}

/** `network:fail` and the like, and all words. */
async function probed(fetch: FetchLike, overrides: Partial<ProbeOptions> = {}) {
  const { findings, api } = await probe(optionsWith(fetch, overrides));
  const states = findings.map(({ check, status }) => `${check}:${status}`);
  const words = findings.map(({ message, cure }) => `${message}: ${cure ?? ""}`).join("\n");
  assert(!words.includes(KEY), "The key is told");
  return { states, words, accepted: api !== undefined };
}

function answering(status: number, body: unknown, headers: Record<string, string> = {}): FetchLike {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "text/html" : "application/json";
  return () =>
    Promise.resolve(
      new Response(text, { status, headers: { "content-type": type, ...headers } }),
    );
}

function refusal(type: string, message: string) {
  return { type: "error", error: { type, message }, request_id: "req_1" };
}

Deno.test("probe() asks for one agent, as the API wants to be asked, and follows no redirect", async () => {
  const requests: Request[] = [];
  const simulator = createSimulator({ clock: new ManualClock(), apiKey: KEY });
  const { states, accepted } = await probed((request) => {
    requests.push(request);
    return simulator.fetch(request);
  });
  assertEquals(states, ["network:ok", "key:ok", "clock:skip"]);
  assertEquals([accepted, requests.length], [true, 1]);
  const [request] = requests;
  assertEquals(request?.url, "https://api.example.com/v1/agents?limit=1");
  assertEquals([request?.redirect, request?.headers.get("x-api-key")], ["manual", KEY]);
  simulator.close();
});

Deno.test("probe() looks at the way there without a key, too", async () => {
  const simulator = createSimulator({ clock: new ManualClock() });
  let headers: Headers | undefined;
  const { states, accepted } = await probed((request) => {
    headers = request.headers;
    return simulator.fetch(request);
  }, { credential: undefined });
  assertEquals([states, accepted], [["network:ok", "clock:skip"], false]);
  assertEquals([headers?.get("x-api-key"), headers?.get("authorization")], [null, null]);
  simulator.close();
});

Deno.test("probe() says through which proxy the way goes", async () => {
  const { words } = await probed(answering(200, { data: [] }), { proxy: PROXY });
  assertStringIncludes(words, "through the proxy proxy.corp:8080 (HTTPS_PROXY)");
});

const keys: readonly [string, number, unknown, CredentialConfig, string, string][] = [
  [
    "a wrong key",
    401,
    refusal("authentication_error", "invalid x-api-key"),
    CREDENTIAL,
    "ANTHROPIC_API_KEY is refused (401): invalid x-api-key",
    "make a key in the Claude Console",
  ],
  [
    "a wrong key that comes from a file",
    401,
    refusal("authentication_error", "invalid x-api-key"),
    { ...CREDENTIAL, file: "key.txt" },
    "The key of --api-key-file is refused",
    "make a key",
  ],
  [
    "a token in the place of a key",
    401,
    refusal("authentication_error", "invalid x-api-key"),
    { kind: "api_key", value: "sk-ant-oat-something" },
    "ANTHROPIC_API_KEY is refused",
    "set it as ANTHROPIC_AUTH_TOKEN",
  ],
  [
    "a wrong token",
    401,
    refusal("authentication_error", "no"),
    { kind: "auth_token", value: "a-token-of-somebody" },
    "ANTHROPIC_AUTH_TOKEN is refused",
    "make a key",
  ],
  [
    "no credit",
    402,
    refusal("billing_error", "low"),
    CREDENTIAL,
    "may not list agents (402)",
    "settle that under Billing",
  ],
  [
    "no access",
    403,
    refusal("permission_error", "not here"),
    CREDENTIAL,
    "may not list agents (403)",
    "a workspace that may use Managed Agents",
  ],
  [
    "a request that is not understood",
    400,
    refusal("invalid_request_error", "anthropic-beta: unknown"),
    CREDENTIAL,
    "may not list agents (400)",
    "up to date",
  ],
];
for (const [name, status, body, credential, message, cure] of keys) {
  Deno.test(`probe() reaches the API with ${name}, and says what to do`, async () => {
    const { states, words, accepted } = await probed(answering(status, body), { credential });
    assertEquals(states, ["network:ok", "key:fail", "clock:skip"]);
    assertStringIncludes(words, message);
    assertStringIncludes(words, cure);
    assertEquals(accepted, false);
  });
}

const answers: readonly [string, FetchLike, string, string, string][] = [
  [
    "a sign-in page",
    answering(200, "<html>Welcome to the hotel</html>"),
    "fail",
    "What answers at https://api.example.com is not a Managed Agents API (200): The API's answer " +
    "is not JSON (text/html)",
    "sign-in",
  ],
  [
    "a page that forbids",
    answering(403, "<html>no</html>"),
    "fail",
    "A filter or proxy before the API at https://api.example.com refused the request (403)",
    "let through",
  ],
  [
    "a redirect",
    answering(302, {}, { location: "https://login.example.com/?next=secret" }),
    "fail",
    "redirect (302) to https://login.example.com, which is not followed",
    "check the base URL",
  ],
  ["a path that is not there", answering(404, {}), "fail", "does not serve Managed", "CMA_BASE"],
  [
    "a gateway that speaks as the API does",
    answering(404, refusal("not_found_error", "Not Found")),
    "fail",
    "https://api.example.com does not serve Managed Agents",
    "CMA_BASE_URL=https://api.anthropic.com",
  ],
  [
    "a proxy that wants a password",
    answering(407, {}),
    "fail",
    "wants a user name",
    "HTTPS_PROXY=",
  ],
  [
    "too many requests",
    answering(429, refusal("rate_limit_error", "slow down"), { "retry-after": "7" }),
    "warn",
    "rate limit is reached (429): slow down",
    "try again in 7 s",
  ],
  [
    "an overloaded API",
    answering(529, refusal("overloaded_error", "Overloaded")),
    "fail",
    "The API failed (529): Overloaded",
    "try again later",
  ],
  [
    "an API that says when it is back",
    answering(503, refusal("api_error", "Restarting"), { "retry-after": "90" }),
    "fail",
    "The API failed (503): Restarting",
    "try again in 90 s",
  ],
  [
    "an API that is back at once",
    answering(503, refusal("api_error", "Restarting"), { "retry-after": "0" }),
    "fail",
    "The API failed (503): Restarting",
    "try again in 1 s",
  ],
  [
    "a gateway's page",
    answering(502, "<h1>Bad</h1>"),
    "fail",
    "A proxy or gateway before the API at https://api.example.com has trouble (502)",
    "which proxy is in between",
  ],
];
for (const [name, fetch, status, message, cure] of answers) {
  Deno.test(`probe() tells ${name} from the API, and does not ask for more`, async () => {
    const { states, words, accepted } = await probed(fetch);
    assertEquals(states, [`network:${status}`, "clock:skip"]);
    assertStringIncludes(words, message);
    assertStringIncludes(words, cure);
    assertEquals(accepted, false);
  });
}

Deno.test("probe() names the variable of the proxy that wants a password, and the proxy", async () => {
  const { words } = await probed(answering(407, {}), {
    baseUrl: "http://api.example.com",
    proxy: { ...PROXY, variable: "HTTP_PROXY" },
  });
  assertStringIncludes(words, "(407), through the proxy proxy.corp:8080 (HTTP_PROXY): ");
  assertStringIncludes(words, "set HTTP_PROXY=http://<user>:<password>@<proxy>");
});

const NOW = new ManualClock().now();
const MINUTE = 60_000;
const skews: readonly [string, number, string, string][] = [
  ["agree", 0, "ok", "agrees"],
  ["are half a minute apart", MINUTE / 2, "ok", "agrees"],
  ["are an hour and more apart", -90 * MINUTE, "warn", "is 90 min fast"],
  ["are minutes apart", 12 * MINUTE, "warn", "is 12 min slow"],
  ["are days apart", 72 * 60 * MINUTE, "warn", "is 72 h slow"],
];
for (const [name, aheadMs, status, message] of skews) {
  Deno.test(`probe() compares the clocks when they ${name}`, async () => {
    const date = new Date(NOW + aheadMs).toUTCString();
    const { states, words } = await probed(answering(200, { data: [] }, { date }));
    assertEquals(states.at(-1), `clock:${status}`);
    assertStringIncludes(words, message);
  });
}

Deno.test("probe() does not read a date that is none", async () => {
  const { states } = await probed(answering(200, { data: [] }, { date: "yesterday" }));
  assertEquals(states.at(-1), "clock:skip");
});

Deno.test("probe() gives up on an API that does not answer, after ten seconds", async () => {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock });
  simulator.faults.add({ fault: { kind: "hang" } });
  const start = clock.now();
  const { findings } = await clock.runUntil(probe(optionsWith(simulator.fetch, { clock })));
  assertEquals(clock.now() - start, 10_000);
  assertEquals(findings.map(({ check, status }) => `${check}:${status}`), ["network:fail"]);
  assertStringIncludes(findings[0]?.message ?? "", "within 10 s");
  simulator.close();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("probe() ends at once when the program is asked to end", async () => {
  const controller = new AbortController();
  const fetch: FetchLike = (request) =>
    new Promise((_, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
  const clock = new ManualClock();
  const running = probe(optionsWith(fetch, { clock, signal: controller.signal }));
  controller.abort(new Error("asked to end"));
  await assertRejects(() => running, Error, "asked to end");
  assertEquals(clock.pendingTimers, 0);
});

/** Probes over the real network of this machine, with the runtime's own fetch. */
async function probedFor(baseUrl: string, init: { client?: Deno.HttpClient } = {}) {
  const clock = systemClock;
  return await probed((request) => fetch(request, init), { baseUrl, clock });
}

const answer = () => Promise.resolve(Response.json({ data: [] }));
const ANY = { host: "127.0.0.1", port: 0 };

Deno.test("probe() sees that nothing listens", async () => {
  const server = listen(ANY, answer, silentLogger);
  const { port } = server.addr;
  await server.shutdown();
  const { states, words } = await probedFor(`http://127.0.0.1:${port}`);
  assertEquals(states, ["network:fail"]);
  assertStringIncludes(words, `http://127.0.0.1:${port} refuses connections`);
});

Deno.test("probe() tells a certificate that nobody knows from one that is trusted", async () => {
  const certificate = await makeCertificate();
  const server = listen({ ...ANY, certificate }, answer, silentLogger);
  const url = `https://127.0.0.1:${server.addr.port}`;
  const unknown = await probedFor(url);
  assertEquals(unknown.states, ["network:fail"]);
  assertStringIncludes(unknown.words, "signed by an unknown authority");
  using client = Deno.createHttpClient({ caCerts: [certificate.cert] });
  const trusted = await probedFor(url, { client });
  assertEquals(trusted.states, ["network:ok", "key:ok", "clock:ok"]);
  const other = await probedFor(url.replace("127.0.0.1", "localhost"), { client });
  assertStringIncludes(other.words, "is for another name (TLS)");
  await server.shutdown();
});

Deno.test("probe() tells plain HTTP from TLS, both ways", async () => {
  const plain = listen(ANY, answer, silentLogger);
  const certificate = await makeCertificate();
  const secure = listen({ ...ANY, certificate }, answer, silentLogger);
  const tlsToPlain = await probedFor(`https://127.0.0.1:${plain.addr.port}`);
  assertStringIncludes(tlsToPlain.words, "does not speak TLS");
  const plainToTls = await probedFor(`http://127.0.0.1:${secure.addr.port}`);
  assertStringIncludes(plainToTls.words, "does not speak plain HTTP");
  await plain.shutdown();
  await secure.shutdown();
});

Deno.test("probe() sees a connection that is closed without an answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const { port } = listener.addr;
  const { words } = await probedFor(`http://127.0.0.1:${port}`);
  assertStringIncludes(words, `The connection to http://127.0.0.1:${port} broke: try again`);
  listener.close();
  await closing;
});

Deno.test("probe() does not call an answer one that breaks off, or never ends", async () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
  for (const ends of [true, false]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const clock = new ManualClock();
    const serving = (async () => {
      const connection = await listener.accept();
      await connection.read(new Uint8Array(4_096));
      await connection.write(new TextEncoder().encode(head));
      if (ends) connection.close();
      return connection;
    })();
    const asking = probed((request) => fetch(request, { client }), {
      baseUrl: `http://127.0.0.1:${listener.addr.port}`,
      clock,
    });
    const connection = await serving;
    const { states, accepted } = await (ends ? asking : clock.runUntil(asking));
    assertEquals([states, accepted], [["network:fail"], false]);
    if (!ends) connection.close();
  }
});
