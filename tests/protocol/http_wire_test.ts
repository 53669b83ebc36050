import { assert, assertEquals } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { type App, openApp, type Served, serveHttp, TOKEN } from "./support.ts";

type Era = "2026-07-28" | "2025-11-25";
const ERAS: readonly Era[] = ["2026-07-28", "2025-11-25"];

/** A `tools/call` as a client of the era puts it on the wire. */
function callRequest(era: Era, name: string, args: unknown, signal?: AbortSignal): RequestInit {
  const modern = era === "2026-07-28";
  const meta = modern && {
    "io.modelcontextprotocol/protocolVersion": era,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return {
    method: "POST",
    signal,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": era,
      ...(modern && { "mcp-method": "tools/call", "mcp-name": name }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: { name, arguments: args, ...(meta && { _meta: meta }) },
    }),
  };
}

function test(name: string, run: (served: Served, app: App) => Promise<void>) {
  Deno.test(name, async () => {
    const app = openApp();
    const served = serveHttp(app);
    try {
      await run(served, app);
    } finally {
      app.close();
      await served.close();
    }
    assertEquals(app.simulator.openStreams(), 0);
  });
}

function runningSession(app: App): string {
  const session_id = app.simulator.createSession({ agent: "quick", scripted: false });
  app.simulator.emit(session_id, { type: "session.status_running" });
  return session_id;
}

async function untilTrue(app: App, condition: () => boolean): Promise<void> {
  await app.until((async () => {
    while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  })());
}

for (const era of ERAS) {
  test(
    `${era}: the headers of an answer go out before the result is known`,
    async (served, app) => {
      const session_id = runningSession(app);
      const started = app.clock.now();
      // Nothing lets time pass here: the answer has to begin by itself.
      const response = await fetch(served.url, callRequest(era, "wait_for_idle", { session_id }));
      assertEquals(response.status, 200);
      assertEquals(response.headers.get("content-type"), "text/event-stream");
      assertEquals(app.clock.now(), started);
      app.simulator.emit(session_id, {
        type: "agent.message",
        content: [{ type: "text", text: "Here." }],
      });
      app.simulator.emit(session_id, {
        type: "session.status_idle",
        stop_reason: { type: "end_turn" },
      });
      const body = await app.until(response.text());
      assert(body.includes("Here.") && body.includes('"id":7'), body);
    },
  );

  test(`${era}: a client that goes away ends the stream to the API`, async (served, app) => {
    const session_id = runningSession(app);
    const controller = new AbortController();
    const response = await fetch(
      served.url,
      callRequest(era, "wait_for_idle", { session_id, timeout_sec: 600 }, controller.signal),
    );
    await untilTrue(app, () => app.simulator.openStreams() === 1);
    controller.abort();
    await response.text().catch(() => {});
    await untilTrue(app, () => app.simulator.openStreams() === 0);
  });

  test(`${era}: a tool that does not exist is an error that names it`, async (served, app) => {
    const response = await fetch(served.url, callRequest(era, "delete_agent", {}));
    const body = await app.until(response.text());
    assert(body.includes("delete_agent") && body.includes("-32602"), body);
    assert(app.log.includes("cma-mcp info: A client called an unknown tool tool=delete_agent"));
  });
}

test("a cancel notification reaches only the call of its own client", async (served, app) => {
  const session_id = runningSession(app);
  const as = (client: string, init: RequestInit): RequestInit => {
    const headers = new Headers(init.headers);
    headers.set("mcp-session-id", client);
    return { ...init, headers };
  };
  const wait = (client: string) =>
    fetch(served.url, as(client, callRequest("2025-11-25", "wait_for_idle", { session_id })));
  const cancel = async (client: string) => {
    const init = callRequest("2025-11-25", "x", {});
    const body = JSON.stringify({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 7, reason: "enough" },
    });
    const response = await fetch(served.url, as(client, { ...init, body }));
    await response.body?.cancel();
    return response.status;
  };
  const responses = [await wait("one"), await wait("two")];
  await untilTrue(app, () => app.simulator.openStreams() === 1);
  const [one, two] = responses.map((response) => response.text());
  assert(one && two);
  assertEquals(await cancel("stranger"), 202);
  assertEquals(await cancel("one"), 202);
  assert((await app.until(one)).includes('"isError":true'));
  app.simulator.emit(session_id, {
    type: "session.status_idle",
    stop_reason: { type: "end_turn" },
  });
  assert((await app.until(two)).includes('"status":"idle"'));
});

test(
  "only the opening request of an older client is given a session id",
  async (served, app) => {
    const post = async (headers: Record<string, string>) => {
      const init = callRequest("2025-11-25", "list_agents", {});
      const merged = new Headers(init.headers);
      merged.delete("mcp-protocol-version");
      for (const [name, value] of Object.entries(headers)) merged.set(name, value);
      const body = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: {
          protocolVersion: "2025-11-25",
          capabilities: {},
          clientInfo: { name: "raw", version: "0" },
        },
      });
      const response = await fetch(served.url, { ...init, headers: merged, body });
      await app.until(response.text());
      return response.headers.get("mcp-session-id");
    };
    const [first, second] = [await post({}), await post({})];
    assert(first && second && first !== second && /^[\x21-\x7e]+$/.test(first));
    assertEquals(await post({ "mcp-session-id": first }), null);
    assertEquals(await post({ "mcp-protocol-version": "2025-11-25" }), null);
  },
);

for (const era of ERAS) {
  test(`${era}: keep-alive comments follow while a wait is quiet`, async (served, app) => {
    // The SDK's timer is real, so the test lets it tick.
    const ticks: (() => void)[] = [];
    const original = globalThis.setInterval;
    globalThis.setInterval = Object.assign(
      (...args: Parameters<typeof original>) => {
        const [tick, ms = 0] = args;
        if (ms === 10_000 && typeof tick === "function") ticks.push(() => tick());
        return original(...args);
      },
    );
    try {
      const session_id = runningSession(app);
      const response = await fetch(served.url, callRequest(era, "wait_for_idle", { session_id }));
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      ticks.forEach((tick) => tick());
      assertEquals((await reader?.read())?.value, ": keepalive\n\n");
      await reader?.cancel();
    } finally {
      globalThis.setInterval = original;
    }
  });

  test(`${era}: close() ends the calls that run, and their responses`, async (served, app) => {
    const session_id = runningSession(app);
    const response = await fetch(served.url, callRequest(era, "wait_for_idle", { session_id }));
    await untilTrue(app, () => app.simulator.openStreams() === 1);
    await served.handler.close();
    await response.text();
    await untilTrue(app, () => app.simulator.openStreams() === 0);
  });

  test(
    `${era}: an event is one line also for readers that split at U+2028`,
    async (served, app) => {
      const text = "a\u2028b\u2029c\u0085d";
      const session_id = runningSession(app);
      app.simulator.emit(session_id, { type: "agent.message", content: [{ type: "text", text }] });
      app.simulator.emit(session_id, {
        type: "session.status_idle",
        stop_reason: { type: "end_turn" },
      });
      const response = await app.until(
        fetch(served.url, callRequest(era, "wait_for_idle", { session_id })),
      );
      const body = await app.until(response.text());
      assertEquals(/[\u0085\u2028\u2029]/.test(body), false);
      const data = body.split("\n").find((line) => line.startsWith("data: ")) ?? "";
      assertEquals(JSON.parse(data.slice(6)).result.structuredContent.reply, text);
    },
  );

  test(
    `${era}: a fault around a call is told without details, and logged with them`,
    async (_, app) => {
      const watch = {
        ended: () => {
          throw new TypeError("boom over a private word");
        },
      };
      const factory = createServerFactory(app.services, { version: "1.2.3", watch });
      const faulty = serveHttp({ ...app, factory });
      const args = { name_contains: "private word" };
      const response = await app.until(fetch(faulty.url, callRequest(era, "list_agents", args)));
      const body = await app.until(response.text());
      assert(body.includes('"code":-32603,"message":"Internal error"'), body);
      const line = app.log.find((text) => text.includes("Tool call failed")) ?? "";
      assert(line.includes("error: Tool call failed tool=list_agents error=TypeError: boom"), line);
      assert(!app.log.join().includes("private word"), line);
      await faulty.close();
    },
  );
}

for (
  const [name, era, type] of [
    ["list_agents", "2026-07-28", "application/json"],
    ["wait_for_idle", "2026-07-28", "text/event-stream"],
    ["list_agents", "2025-11-25", "application/json"],
    ["wait_for_idle", "2025-11-25", "text/event-stream"],
  ] as const
) {
  test(`${era}: a response to ${name} is ${type}`, async (served, app) => {
    const args = name === "wait_for_idle" ? { session_id: runningSession(app) } : {};
    const response = await fetch(served.url, callRequest(era, name, args));
    assertEquals(response.headers.get("content-type"), type);
    await response.body?.cancel();
  });
}

for (const era of ERAS) {
  test(`${era}: a client that goes away cancels a short call as well`, async (served, app) => {
    app.simulator.faults.add({ fault: { kind: "hang" } });
    const gone = new AbortController();
    const request = new Request(served.url, callRequest(era, "list_agents", {}, gone.signal));
    request.headers.set("host", "localhost");
    const response = served.handler.fetch(request);
    // No time passes meanwhile: only the client ends this call.
    const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
    while (app.simulator.requests.length === 0) await turn();
    gone.abort();
    while (!app.log.some((line) => line.includes("outcome=cancelled"))) await turn();
    await (await response).body?.cancel();
  });
}

for (const era of ERAS) {
  test(`${era}: a short call ends when its client hangs up`, async (served, app) => {
    app.simulator.faults.add({ fault: { kind: "hang" } });
    const gone = new AbortController();
    const call = fetch(served.url, callRequest(era, "list_agents", {}, gone.signal))
      .then((response) => response.text());
    await untilTrue(app, () => app.simulator.requests.length > 0);
    gone.abort();
    await call.catch(() => {});
    await untilTrue(app, () => app.log.some((line) => line.includes("outcome=cancelled")));
  });
}

for (const era of ERAS) {
  test(`${era}: a response that takes long begins as a stream`, async (served, app) => {
    app.simulator.faults.add({ fault: { kind: "hang" }, times: 1 });
    const startedAt = app.clock.now();
    const response = fetch(served.url, callRequest(era, "list_agents", {}));
    const { headers, body } = await app.until(response);
    assertEquals(headers.get("content-type"), "text/event-stream");
    assert(app.clock.now() - startedAt < 2_000);
    // The client of the API gives a request up that hangs, and asks again.
    const text = await app.until(new Response(body).text());
    const [event, data] = text.trim().split("\n");
    assertEquals(event, "event: message");
    const { id, result } = JSON.parse(data?.replace("data: ", "") ?? "");
    assertEquals([id, result.isError], [7, undefined]);
  });

  test(`${era}: keep-alive comments follow while a short call is quiet`, async (served, app) => {
    app.simulator.faults.add({ fault: { kind: "hang" } });
    const response = await app.until(fetch(served.url, callRequest(era, "list_agents", {})));
    const [message, ...comments] = (await app.until(response.text())).trim().split("\n\n")
      .toReversed();
    assert(message?.startsWith("event: message\n"), message);
    assertEquals(new Set(comments), new Set([": keepalive"]));
  });

  test(`${era}: close() ends a short call, and its response`, async (served, app) => {
    app.simulator.faults.add({ fault: { kind: "hang" } });
    const request = new Request(served.url, callRequest(era, "list_agents", {}));
    request.headers.set("host", "localhost");
    const response = served.handler.fetch(request);
    await untilTrue(app, () => app.simulator.requests.length > 0);
    await served.handler.close();
    assertEquals(await (await response).text(), "");
    await untilTrue(app, () => app.log.some((line) => line.includes("outcome=cancelled")));
  });
}

test("2025-11-25: a short call that asks for progress is answered by a stream", async (served) => {
  const init = callRequest("2025-11-25", "list_agents", {});
  const message = JSON.parse(String(init.body));
  message.params._meta = { progressToken: 1 };
  const response = await fetch(served.url, { ...init, body: JSON.stringify(message) });
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  await response.body?.cancel();
});

test("bodies of more than 64 MiB together get 503, until some are in", async ({ url }) => {
  const bytes = 2 * 1024 * 1024;
  const head = `POST /mcp HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${TOKEN}\r\n` +
    `content-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`;
  const most = new Uint8Array(bytes - 1).fill(0x20);
  const open = async () => {
    const connection = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    await connection.write(new TextEncoder().encode(head));
    // A refused one is closed before all of it is written.
    for (let at = 0; at < most.length;) {
      const written = await connection.write(most.subarray(at)).catch(() => most.length);
      at += written;
    }
    return connection;
  };
  const connections: Deno.TcpConn[] = [];
  for (let i = 0; i < 32; i++) connections.push(await open());
  const list = () => fetch(url, callRequest("2026-07-28", "list_agents", {}));
  // What was written may not have been read yet.
  const until = async (status: number) => {
    for (;;) {
      const response = await list();
      await response.body?.cancel();
      if (response.status === status) return response;
      assertEquals([200, 503].includes(response.status), true);
    }
  };
  const refused = await until(503);
  assertEquals(refused.headers.get("retry-after"), "5");
  for (const connection of connections) connection.close();
  await until(200);
});

for (const method of ["GET", "DELETE"]) {
  test(`${method} answers 405 with and without a token`, async (served) => {
    for (const authorization of [`Bearer ${TOKEN}`, "Bearer no"]) {
      const response = await fetch(served.url, {
        method,
        headers: { authorization, accept: "text/event-stream" },
      });
      await response.body?.cancel();
      assertEquals([response.status, response.headers.get("allow")], [405, "POST, OPTIONS"]);
    }
  });
}

test(
  "no answer to a request without the right token carries anything of the API",
  async (served, app) => {
    for (const authorization of ["", "Bearer wrong", `Basic ${TOKEN}`]) {
      const init = callRequest("2026-07-28", "list_agents", {});
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      if (authorization) headers.set("authorization", authorization);
      const response = await fetch(served.url, { ...init, headers });
      const body = await response.text();
      assertEquals(response.status, 401);
      assert(response.headers.get("www-authenticate")?.startsWith("Bearer"));
      assert(!body.includes("Simulated") && !body.includes(TOKEN));
    }
    assertEquals(app.simulator.requests.length, 0);
  },
);

for (const era of ERAS) {
  test(
    `${era}: null in place of all arguments means that there are none`,
    async (served, app) => {
      const response = await app.until(
        fetch(served.url, callRequest(era, "list_agents", null)),
      );
      const text = await app.until(response.text());
      assertEquals(response.status, 200, text);
      assert(text.includes("agent_") && !text.includes('"error"'), text);
    },
  );
}
