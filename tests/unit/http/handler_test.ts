import { assert, assertEquals, assertThrows } from "@std/assert";
import { McpServer } from "@modelcontextprotocol/server";
import { createLogger, silentLogger } from "../../../src/core/logger.ts";
import { createHttpHandler, createReadiness, type HttpOptions } from "../../../src/http/handler.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { createServerFactory } from "../../../src/mcp/server.ts";
import { openApp } from "../../protocol/support.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const PAGE = "https://page.example";
const HEADERS = {
  host: "127.0.0.1:3000",
  authorization: `Bearer ${TOKEN}`,
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};
const EXTENSION = "chrome-extension://abcdefghijklmnop";
const PING = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

function handler(options: Partial<HttpOptions> = {}) {
  return createHttpHandler(
    () => new McpServer({ name: "test", version: "0" }, { capabilities: { tools: {} } }),
    {
      tokens: [TOKEN],
      allowedOrigins: [PAGE, EXTENSION],
      ready: () => Promise.resolve(true),
      log: silentLogger,
      clock: new ManualClock(),
      ...options,
    },
  );
}

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: string;
}

function request({ path = "/mcp", method = "POST", headers = {}, body }: Sent): Request {
  const merged = new Headers();
  for (const [name, value] of Object.entries({ ...HEADERS, ...headers })) {
    if (value !== undefined) merged.set(name, value);
  }
  const hasBody = method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
  return new Request(`http://127.0.0.1:3000${path}`, {
    method,
    headers: merged,
    ...(hasBody && { body: body ?? PING }),
  });
}

const none = undefined;

function pings(count: number): string {
  const ping = { jsonrpc: "2.0", method: "ping" };
  return JSON.stringify(Array.from({ length: count }, (_, id) => ({ ...ping, id })));
}

/** Request, status, and headers of the answer. */
const ANSWERS: readonly [string, Sent, number, Record<string, string | null>?][] = [
  ["a call", {}, 200],
  ["a call with X-API-Key", { headers: { authorization: none, "x-api-key": TOKEN } }, 200],
  ["localhost", { headers: { host: "localhost:8080" } }, 200],
  ["an IPv6 host", { headers: { host: "[::1]:3000" } }, 200],
  ["another path", { path: "/" }, 404],
  ["a path below", { path: "/mcp/x" }, 404],
  ["another path with a bad host", { path: "/x", headers: { host: "evil.example" } }, 404],
  ["GET", { method: "GET" }, 405, { allow: "POST, OPTIONS" }],
  ["DELETE", { method: "DELETE" }, 405, { allow: "POST, OPTIONS" }],
  ["PUT before host", { method: "PUT", headers: { host: "evil.example" } }, 405],
  ["GET of an allowed page", { method: "GET", headers: { origin: PAGE } }, 405, {
    "access-control-allow-origin": PAGE,
  }],
  ["GET of another page", { method: "GET", headers: { origin: "https://evil.example" } }, 405, {
    "access-control-allow-origin": null,
  }],
  [
    "GET of a page under another host",
    {
      method: "GET",
      headers: { host: "evil.example", origin: "http://evil.example" },
    },
    405,
    { "access-control-allow-origin": null },
  ],
  ["OPTIONS of no page", { method: "OPTIONS" }, 405],
  ["another host", { headers: { host: "evil.example" } }, 421],
  ["a host with credentials", { headers: { host: "a@localhost" } }, 421],
  ["a broken host", { headers: { host: "::::" } }, 421],
  [
    "host before origin",
    { headers: { host: "evil.example", origin: "https://evil.example" } },
    421,
  ],
  ["another origin", { headers: { origin: "https://evil.example" } }, 403, {
    "access-control-allow-origin": null,
  }],
  ["the server's own origin", { headers: { origin: "http://127.0.0.1:3000" } }, 200, {
    "access-control-allow-origin": "http://127.0.0.1:3000",
  }],
  ["another port of the own host", { headers: { origin: "http://127.0.0.1:3001" } }, 403],
  ["an own origin under another host", {
    headers: { host: "evil.example", origin: "http://evil.example" },
  }, 421],
  ["an extension named like the own host", {
    headers: { origin: "chrome-extension://127.0.0.1:3000" },
  }, 403],
  ["an opaque origin", { headers: { origin: "null" } }, 403],
  ["another scheme of the origin", { headers: { origin: "http://page.example" } }, 403],
  ["origin before token", {
    headers: { origin: "https://evil.example", authorization: none },
  }, 403],
  ["the allowed origin", { headers: { origin: PAGE } }, 200, {
    "access-control-allow-origin": PAGE,
    vary: "Origin",
  }],
  ["a large body", { headers: { "content-length": "9999" } }, 413],
  ["size before token", { headers: { "content-length": "9999", authorization: none } }, 413],
  ["no token", { headers: { authorization: none } }, 401, {
    "www-authenticate": 'Bearer realm="cma-mcp"',
  }],
  ["a wrong token", { headers: { authorization: "Bearer wrong" } }, 401, {
    "www-authenticate": 'Bearer realm="cma-mcp", error="invalid_token"',
  }],
  ["a page without a token", { headers: { authorization: none, origin: PAGE } }, 401, {
    "access-control-allow-origin": PAGE,
  }],
  ["a long header of a page", { headers: { origin: PAGE, "x-long": "v".repeat(17_000) } }, 431, {
    "access-control-allow-origin": PAGE,
  }],
  ["host before header", { headers: { host: "evil.example", "x-long": "v".repeat(17_000) } }, 421],
  ["header before token", { headers: { authorization: none, "x-long": "v".repeat(17_000) } }, 431],
  ["a long URL", { path: `/mcp?${"q".repeat(5_000)}` }, 414],
  ["a long URL elsewhere", { path: `/${"q".repeat(5_000)}` }, 404],
  ["a page's deep JSON", { headers: { origin: PAGE }, body: "[".repeat(65) }, 400, {
    "access-control-allow-origin": PAGE,
  }],
  ["JSON that is not deep", { body: "[".repeat(64) }, 400],
  ["token before JSON", { headers: { authorization: none }, body: "[".repeat(65) }, 401],
  ["a batch of 50", { body: pings(50) }, 200],
  ["a batch of 51", { body: pings(51) }, 400],
  ["a batch with an id twice", { body: `[${PING},${PING}]` }, 400],
  ["a batch with what is no message", { body: `[${PING},7]` }, 400],
  ["the path with a slash at its end", { path: "/mcp/" }, 200],
  ["the path with two slashes at its end", { path: "/mcp//" }, 404],
  ["a probe's path with a slash at its end", { path: "/health/", method: "GET" }, 200],
  ["no Accept header", { headers: { accept: none } }, 200],
  ["Accept of anything", { headers: { accept: "*/*" } }, 200],
  ["Accept in other cases", {
    headers: { accept: "Application/JSON, Text/Event-Stream;q=0.5" },
  }, 200],
  ["Accept by range", { headers: { accept: "application/*, text/*;q=0.1" } }, 200],
  ["an empty Accept", { headers: { accept: "" } }, 200],
  ["Accept of some type of an application", { headers: { accept: "application/*" } }, 406],
  ["a body in gzip", { headers: { "content-encoding": "gzip" } }, 415, {
    "accept-encoding": "identity",
  }],
  ["a body as it is, said so", { headers: { "content-encoding": "identity" } }, 200],
  ["Accept without streams", { headers: { accept: "application/json" } }, 406],
  ["Accept that refuses streams", { headers: { accept: "*/*, text/event-stream;q=0" } }, 406],
  ["a media type in capitals", { headers: { "content-type": "APPLICATION/JSON" } }, 200],
  ["an extension", { headers: { origin: EXTENSION } }, 200, {
    "access-control-allow-origin": EXTENSION,
  }],
  ["another extension", { headers: { origin: "chrome-extension://other" } }, 403],
  ["an empty batch", { body: "[]" }, 400],
  ["the wrong content type", { headers: { "content-type": "text/plain" } }, 415],
  ["no JSON", { body: "{" }, 400],
];

for (const [name, sent, status, headers = {}] of ANSWERS) {
  Deno.test(`HTTP answers ${status} to ${name}`, async () => {
    const http = handler({ maxBodyBytes: 4_000 });
    const response = await http.fetch(request(sent));
    const body = await response.text();
    assertEquals(response.status, status, body);
    for (const [header, value] of Object.entries(headers)) {
      assertEquals(response.headers.get(header), value, header);
    }
    assert(!body.includes(TOKEN) && !body.includes("wrong"));
    await http.close();
  });
}

Deno.test("HTTP stops reading a body that grows too large", async () => {
  const http = handler({ maxBodyBytes: 1_000 });
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 500;
      controller.enqueue(new Uint8Array(500).fill(32));
      if (sent > 100_000) controller.close();
    },
  });
  const response = await http.fetch(
    new Request("http://127.0.0.1:3000/mcp", { method: "POST", headers: HEADERS, body }),
  );
  assertEquals(response.status, 413);
  await response.body?.cancel();
  assert(sent < 20_000, `${sent} bytes were read`);
  await http.close();
});

for (
  const [body, words] of [
    ["[".repeat(65), "at most 64 levels"],
    [`[${Array.from({ length: 51 }, () => PING)}]`, "1 to 50 messages"],
    ["{", "not JSON"],
  ] as const
) {
  Deno.test(`HTTP says what is wrong with a body: ${words}`, async () => {
    const http = handler();
    const { error } = await (await http.fetch(request({ body }))).json();
    assert(error.message.includes(words), error.message);
    await http.close();
  });
}

Deno.test("HTTP answers 408 to a body that does not arrive within 30 seconds", async () => {
  const clock = new ManualClock();
  const http = handler({ clock });
  const reading = Promise.withResolvers<void>();
  const strategy = { highWaterMark: 0 };
  const body = new ReadableStream<Uint8Array>({ pull: () => reading.resolve() }, strategy);
  const init = { method: "POST", headers: { ...HEADERS, origin: PAGE }, body };
  const answer = http.fetch(new Request("http://127.0.0.1:3000/mcp", init));
  await reading.promise;
  await clock.advance(29_999);
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(1);
  const response = await answer;
  assertEquals(response.status, 408);
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
  await response.body?.cancel();
  assertEquals(clock.pendingTimers, 0);
  await http.close();
});

Deno.test("HTTP takes the host of HTTP/2, which has no such header, from the URL", async () => {
  const http = handler({ allowedHosts: ["mcp.example"], allowedOrigins: [] });
  const post = async (url: string, origin?: string) => {
    const { host: _host, ...headers } = HEADERS;
    const init = { method: "POST", headers: { ...headers, ...(origin && { origin }) }, body: PING };
    const response = await http.fetch(new Request(url, init));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await post("https://mcp.example/mcp"), 200);
  assertEquals(await post("https://evil.example/mcp"), 421);
  assertEquals(await post("https://mcp.example/mcp", "https://mcp.example"), 200);
  assertEquals(await post("https://mcp.example/mcp", "https://evil.example"), 403);
  await http.close();
});

Deno.test("HTTP answers without failing where the target of a request is no URL", async () => {
  const http = handler();
  for (
    const [url, host, status] of [
      ["http://a b/mcp", "a b", 421],
      ["http://[::bad/mcp", "localhost", 200],
      // A request for an absolute URL: its host counts as much.
      ["http://evil.example/mcp", "localhost", 421],
      ["http://::::/nowhere", "::::", 404],
      ["*", "localhost", 404],
    ] as const
  ) {
    const broken = request({ headers: { host: "localhost" } });
    broken.headers.set("host", host);
    const response = await http.fetch(Object.defineProperty(broken, "url", { value: url }));
    await response.body?.cancel();
    assertEquals(response.status, status, url);
  }
  await http.close();
});

Deno.test("HTTP logs the address of the connection, whatever headers say", async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const http = handler({ log });
  const headers = { authorization: none, "x-forwarded-for": "1.2.3.4" };
  await (await http.fetch(request({ headers }), "198.51.100.1")).text();
  assertEquals(/client=(\S+)/.exec(lines.at(-1) ?? "")?.[1], "198.51.100.1");
  await http.close();
});

Deno.test("HTTP answers the preflight of an allowed page, and of no other", async () => {
  const http = handler();
  const preflight = (origin: string, host = HEADERS.host) =>
    http.fetch(request({
      method: "OPTIONS",
      headers: {
        authorization: none,
        origin,
        host,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,mcp-protocol-version",
      },
    }));
  const answer = await preflight(PAGE);
  assertEquals(answer.status, 204);
  assertEquals(answer.headers.get("access-control-allow-origin"), PAGE);
  assertEquals(answer.headers.get("access-control-allow-methods"), "POST, GET, DELETE, OPTIONS");
  const allowed = answer.headers.get("access-control-allow-headers") ?? "";
  const sent = ["authorization", "x-api-key", "content-type", "accept", "mcp-protocol-version"];
  const modern = ["mcp-method", "mcp-name", "mcp-session-id", "last-event-id", "traceparent"];
  for (const name of [...sent, ...modern]) assert(allowed.split(", ").includes(name), name);
  assertEquals((await preflight("https://evil.example")).status, 403);
  assertEquals((await preflight(PAGE, "evil.example")).status, 421);
  await http.close();
});

Deno.test("HTTP takes hosts with and without a port, in any case", async () => {
  const http = handler({ allowedHosts: ["MCP.example", "other.example:8443"] });
  const status = async (host: string) => {
    const response = await http.fetch(request({ headers: { host } }));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status("mcp.example"), 200);
  assertEquals(await status("Mcp.Example:9000"), 200);
  assertEquals(await status("other.example:8443"), 200);
  assertEquals(await status("other.example"), 421);
  // A second time it might be taken for one that was accepted.
  for (const _ of ["first", "second"]) assertEquals(await status("localhost"), 421);
  await http.close();
});

Deno.test("HTTP answers probes whether it is alive and whether the API can be reached", async () => {
  const clock = new ManualClock();
  let ready: () => Promise<boolean> = () => Promise.resolve(true);
  const http = handler({ ready: () => ready(), clock });
  const probe = async (path: string, method = "GET") => {
    const bare = { host: "10.0.0.7", authorization: none };
    const response = await http.fetch(request({ path, method, headers: bare }));
    return [response.status, await response.text()];
  };
  assertEquals(await probe("/health"), [200, '{"status":"ok"}']);
  assertEquals(await probe("/ready"), [200, '{"status":"ok"}']);
  assertEquals((await probe("/health", "POST"))[0], 405);
  ready = () => Promise.reject(new Error("secret detail"));
  assertEquals((await probe("/ready"))[0], 200);
  await clock.advance(10_000);
  assertEquals(await probe("/ready"), [503, '{"status":"unavailable"}']);
  await http.close();
});

Deno.test("HTTP that drains takes no more calls, and is not ready", async () => {
  const http = handler();
  http.drain();
  const call = await http.fetch(request({}));
  assertEquals([call.status, call.headers.get("retry-after")], [503, "5"]);
  const ready = await http.fetch(request({ path: "/ready", method: "GET" }));
  assertEquals(ready.status, 503);
  const health = await http.fetch(request({ path: "/health", method: "GET" }));
  assertEquals(health.status, 200);
  await http.close();
});

Deno.test("HTTP does not start without a token", () => {
  assertThrows(() => handler({ tokens: [] }), TypeError);
  assertThrows(() => handler({ tokens: [TOKEN, ""] }), TypeError);
});

Deno.test("HTTP logs why it refuses, without the headers of the request", async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const refused: number[] = [];
  const http = handler({ log, onRefused: (status) => refused.push(status) });
  const send = async (sent: Sent) => {
    const headers = { "x-request-id": "req-1", ...sent.headers };
    await (await http.fetch(request({ ...sent, headers }))).text();
  };
  await send({ headers: { authorization: "Bearer wrong-token" } });
  await send({ headers: { authorization: none } });
  await send({ headers: { host: "Mcp.Example.com:8080" } });
  await send({ headers: { host: `${"x".repeat(1_000)}` } });
  // What SDK clients try first says nothing about anybody.
  await send({ method: "GET" });
  await send({ method: "DELETE" });
  await send({ method: "GET", path: "/.well-known/oauth-protected-resource/mcp" });
  await send({ method: "GET", path: "/mcp/.well-known/openid-configuration" });
  await send({ method: "PUT" });
  await send({ method: "GET", path: "/other" });
  const line = (text: string, method = "POST") =>
    `cma-mcp info: HTTP error response method=${method} ${text}`;
  assertEquals(lines, [
    line("status=401 request_id=req-1 reason=unknown token"),
    line("status=401 request_id=req-1 reason=no token"),
    line("status=421 request_id=req-1 host=mcp.example.com:8080"),
    line(`status=421 request_id=req-1 host=${"x".repeat(260)}`),
    line("status=405 request_id=req-1", "PUT"),
    line("status=404 request_id=req-1", "GET"),
  ]);
  assertEquals(refused, [401, 401, 421, 421, 405, 404]);
  await http.close();
});

Deno.test("createReadiness() asks once for many who ask at the same time", async () => {
  const clock = new ManualClock();
  let asked = 0;
  const ready = createReadiness(clock, async () => {
    asked++;
    await clock.sleep(50);
    return true;
  });
  const answers = Promise.all([ready(), ready(), ready()]);
  await clock.advance(50);
  assertEquals(await answers, [true, true, true]);
  assertEquals(asked, 1);
  await clock.advance(10_000);
  const again = ready();
  await clock.advance(50);
  assertEquals([await again, asked], [true, 2]);
});

// A request whose body comes while the server is asked to end: nothing is begun for it, and its
// sender is told to try elsewhere.

const encoder = new TextEncoder();

/** A call of a tool, half of whose body has come. */
function halfSent() {
  const app = openApp();
  const { services, simulator } = app;
  const { clock, log } = services;
  const session_id = simulator.createSession();
  const ready = () => Promise.resolve(true);
  const factory = createServerFactory(services, { version: "1.2.3" });
  const handler = createHttpHandler(factory, { tokens: [TOKEN], ready, log, clock });
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "send_message", arguments: { session_id, text: "Hello" } },
  });
  const half = Math.floor(body.length / 2);
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(given) {
      controller = given;
      given.enqueue(encoder.encode(body.slice(0, half)));
    },
  });
  const answer = handler.fetch(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        host: "localhost",
        authorization: `Bearer ${TOKEN}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: stream,
    }),
  );
  return {
    handler,
    answer: () => app.until(answer),
    finish() {
      controller?.enqueue(encoder.encode(body.slice(half)));
      controller?.close();
    },
    breakOff: () => controller?.error(new TypeError("connection reset")),
    sends: () => simulator.requests.filter(({ method }) => method === "POST").length,
    async close() {
      await handler.close();
      app.close();
    },
  };
}

Deno.test("a body that arrives whole before a drain is a call", async () => {
  const call = halfSent();
  await settle();
  call.finish();
  const response = await call.answer();
  await response.text();
  assertEquals([response.status, call.sends()], [200, 1]);
  await call.close();
});

for (const end of ["finish", "breakOff"] as const) {
  Deno.test(`a body that arrives during a drain starts no call and gets 503: ${end}`, async () => {
    const call = halfSent();
    await settle();
    call.handler.drain();
    call[end]();
    const response = await call.answer();
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("retry-after")], [503, "5"]);
    assertEquals(call.sends(), 0);
    await call.close();
  });
}

function open(options: Partial<HttpOptions> = {}) {
  let readyAnswer = Promise.resolve(true);
  const refused: number[] = [];
  const handler = createHttpHandler(
    () => new McpServer({ name: "test", version: "0" }, { capabilities: { tools: {} } }),
    {
      tokens: [TOKEN],
      ready: () => readyAnswer,
      log: silentLogger,
      clock: new ManualClock(),
      onRefused: (status) => refused.push(status),
      ...options,
    },
  );
  const send = async (path: string, method = "GET", headers: Record<string, string> = {}) => {
    const response = await handler.fetch(
      new Request(`http://127.0.0.1:3000${path}`, {
        method,
        headers: { host: "127.0.0.1:3000", ...headers },
      }),
    );
    return { response, status: response.status, text: await response.text() };
  };
  const setReady = (ready: Promise<boolean>) => readyAnswer = ready;
  return { handler, send, refused, setReady };
}

const BEARER = { authorization: `Bearer ${TOKEN}` };

Deno.test("every answer carries the request's id, refusals and probes included", async () => {
  const { handler, send } = open();
  for (const path of ["/mcp", "/health", "/ready", "/nowhere"]) {
    const { response } = await send(path, "GET", { "x-request-id": "req-1" });
    assertEquals(response.headers.get("x-request-id"), "req-1", path);
  }
  const made = (await send("/health")).response.headers.get("x-request-id");
  assert(made !== null && made.length === 36);
  await handler.close();
});

Deno.test("onRefused() is called for every error response", async () => {
  const { handler, send, refused } = open();
  await send("/mcp", "POST");
  await send("/mcp");
  await send("/nowhere");
  await send("/health");
  handler.drain();
  await send("/mcp", "POST", BEARER);
  // GET of the endpoint is what clients try first.
  assertEquals(refused, [401, 404, 503]);
  await handler.close();
});

Deno.test("a server that drains is not ready, also for a probe that was asked before", async () => {
  const { handler, send, setReady } = open();
  const look = Promise.withResolvers<boolean>();
  setReady(look.promise);
  const probe = send("/ready");
  handler.drain();
  look.resolve(true);
  const { status, response } = await probe;
  assertEquals([status, response.headers.get("retry-after")], [503, "5"]);
  assertEquals((await send("/health")).status, 200);
  await handler.close();
});

Deno.test("a server that is about to end says so to probes, and serves on until it drains", async () => {
  const { handler, send, setReady } = open();
  const look = Promise.withResolvers<boolean>();
  setReady(look.promise);
  const probe = send("/ready");
  handler.announceEnd();
  look.resolve(true);
  assertEquals((await probe).status, 503);
  assertEquals((await send("/ready")).status, 503);
  assertEquals(handler.isDraining, false);
  // A request of a client that is let in gets as far as its body, which this one has not.
  assertEquals((await send("/mcp", "POST", BEARER)).status, 415);
  handler.drain();
  assertEquals(handler.isDraining, true);
  assertEquals((await send("/mcp", "POST", BEARER)).status, 503);
  await handler.close();
});

Deno.test("a server that cannot reach the API says when to ask again", async () => {
  const { handler, send, setReady } = open();
  setReady(Promise.resolve(false));
  const { status, response } = await send("/ready");
  assertEquals([status, response.headers.get("retry-after")], [503, "5"]);
  await handler.close();
});
