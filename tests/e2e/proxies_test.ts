import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { listen } from "../../src/runtime/deno_listener.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { freePort } from "../helpers/free_port.ts";
import { apiAt, TOKEN } from "../helpers/http_program.ts";
import {
  clientOf,
  installedProxies,
  type ProxyClient,
  startProxy,
  startReplica,
  stopReplica,
} from "./proxies.ts";

/** The proxies of this machine. */
const installed = await installedProxies("its file in deploy is not tested");

const HEADERS = {
  authorization: `Bearer ${TOKEN}`,
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
};

/** A call as a client sends it. */
function callOf(name: string, args: object): RequestInit {
  const params = { name, arguments: args, _meta: { progressToken: "progress" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  return { method: "POST", headers: HEADERS, body };
}

const PING: RequestInit = {
  method: "POST",
  headers: HEADERS,
  body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
};

/** Two replicas with a simulated API in this process, whose sessions tests move on. */
async function openReplicas() {
  const simulator = createSimulator({ clock: systemClock });
  const api = listen({ host: "127.0.0.1", port: 0 }, simulator.fetch, silentLogger);
  const ports = [freePort(), freePort()];
  const env = apiAt(`http://127.0.0.1:${api.addr.port}`);
  const programs = await Promise.all(ports.map((port) => startReplica(port, env)));
  const close = async () => {
    for (const program of programs) assertEquals(await stopReplica(program), 0);
    simulator.close();
    await api.shutdown();
  };
  return { simulator, ports, programs, [Symbol.asyncDispose]: close };
}

/** Reads a stream until its text has all of `parts`. @returns the text */
async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  ...parts: readonly string[]
): Promise<string> {
  let text = "";
  while (!parts.every((part) => text.includes(part))) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The stream ends without ${parts}: ${text}`);
    text += value;
  }
  return text;
}

/** Longest time in which a replica may learn through a proxy that a client has gone. */
const GONE_MS = 8_000;

/** Longest time until a proxy has written what it logs, in milliseconds. */
const LOG_MS = 30_000;

/** Resolves when the condition holds. @throws Error when it does not in time */
async function until(condition: () => boolean | Promise<boolean>, ms: number): Promise<void> {
  const giveUpAt = performance.now() + ms;
  while (!await condition()) {
    if (performance.now() > giveUpAt) throw new Error(`Not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (const name of installed) {
  Deno.test(`${name} lets a wait through as it comes, and ends it when its client goes`, async () => {
    await using replicas = await openReplicas();
    await using proxy = await startProxy(name, replicas.ports);
    const { simulator } = replicas;
    // Each by the protocol of clients of today, and by the older one, at the same time: a comment
    // takes ten seconds to come.
    await Promise.all([false, true].map(async (http1) => {
      using client = clientOf(proxy, { http1 });
      const session_id = simulator.createSession({ scripted: false });
      simulator.emit(session_id, { type: "user.message", content: [{ type: "text", text: "Go" }] });
      simulator.emit(session_id, { type: "session.status_running" });
      const leaving = new AbortController();
      const wait = callOf("wait_for_idle", { session_id, timeout_sec: 600 });
      const response = await client.fetch("/mcp", { ...wait, signal: leaving.signal });
      assertEquals(response.status, 200);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      simulator.emit(session_id, {
        type: "agent.tool_use",
        name: "bash",
        input: {},
        evaluated_permission: "allow",
      });
      await readUntil(reader, "notifications/progress", "bash");
      await readUntil(reader, ": keepalive");
      leaving.abort();
      await reader.cancel().catch(() => {});
    }));
    await until(() => simulator.openStreams() === 0, GONE_MS);
  });

  Deno.test(`${name} serves what clients use and nothing else, and logs no secret`, async () => {
    await using replicas = await openReplicas();
    await using proxy = await startProxy(name, replicas.ports);
    using client = clientOf(proxy);
    const statusOf = async (path: string, init?: RequestInit) => {
      const response = await client.fetch(path, init);
      await response.body?.cancel();
      return response.status;
    };
    // 404 comes from the replica as well, where its public URL has no path or no links.
    for (const path of ["/mcp", "/mcp/"]) assertEquals(await statusOf(path, PING), 200, path);
    for (const path of ["/health", "/ready", "/metrics", "/", "/mcp/ready", "/files/"]) {
      const response = await client.fetch(path);
      assertEquals([response.status, response.headers.get("x-request-id")], [404, null], path);
      await response.body?.cancel();
    }
    for (
      const path of [
        "/agents/mcp",
        "/files/c2VhbGVkLWVuZA",
        "/agents/files/c2VhbGVkLWVuZA",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
      ]
    ) {
      const response = await client.fetch(path);
      assert(response.headers.has("x-request-id"), `${path} does not get through`);
      await response.body?.cancel();
    }

    const named = await client.fetch("/mcp", {
      ...PING,
      headers: { ...HEADERS, "x-request-id": "client-chose.this_1" },
    });
    assertEquals(named.headers.get("x-request-id"), "client-chose.this_1");
    await named.body?.cancel();
    const nameless = await client.fetch("/mcp", {
      ...PING,
      headers: { ...HEADERS, "x-request-id": "no id: <script>" },
    });
    assertMatch(nameless.headers.get("x-request-id") ?? "", /^[0-9a-f-]{32,36}$/);
    await nameless.body?.cancel();

    const bodyOf = (length: number) => ({ ...PING, body: `${PING.body}${" ".repeat(length)}` });
    assertEquals(await statusOf("/mcp", bodyOf(2_000_000)), 200);
    assertEquals(await statusOf("/mcp", bodyOf(2 * 1_024 * 1_024)), 413);
    const long = { ...PING, headers: { ...HEADERS, "x-long": "x".repeat(40_000) } };
    const refused = await statusOf("/mcp", long).catch(() => "cut off");
    assert(["cut off", 400, 431, 494].includes(refused), `${refused}`);

    const { authorization: _, ...keyed } = { ...HEADERS, "x-api-key": "k".repeat(40) };
    assertEquals(await statusOf("/mcp", { ...PING, headers: keyed }), 401);
    const last = "client-chose.the_last";
    const headers = { ...HEADERS, "x-request-id": last };
    assertEquals(await statusOf("/mcp", { ...PING, headers }), 200);
    // A proxy writes the line of a request when its response has gone out.
    let log = "";
    const wanted = ["/mcp", "/files/...", "client-chose.this_1", last];
    const isWritten = async () => {
      log = await proxy.log();
      return wanted.every((text) => log.includes(text));
    };
    await until(isWritten, LOG_MS).catch(() => assert(false, log));
    for (const secret of [TOKEN, "k".repeat(40), "c2VhbGVkLWVuZA"]) {
      assert(!log.includes(secret), secret);
    }
  });

  Deno.test(`${name} asks the other replica where one takes no connection`, async () => {
    await using one = new RawReplica(answering(200));
    const port = freePort();
    for (const ports of [[port, one.port], [one.port, port]]) {
      await using proxy = await startProxy(name, ports);
      using client = clientOf(proxy);
      for (let asked = 0; asked < 20; asked++) assertEquals(await posted(client), 200);
    }
    assertEquals(one.taken.length, 40);
  });

  Deno.test(`${name} sends no request twice that a replica may have taken`, async () => {
    // Each takes the whole request and breaks the connection: the first that it has, or the second,
    // which a proxy sends on a connection that it keeps.
    for (const answersFirst of [false, true]) {
      const breaks = () => {
        let requests = 0;
        return () => answersFirst && requests++ === 0 ? answering(200)() : undefined;
      };
      await using one = new RawReplica(breaks());
      await using other = new RawReplica(breaks());
      await using proxy = await startProxy(name, [one.port, other.port]);
      using client = clientOf(proxy);
      const statuses = [];
      for (let sent = 1; sent <= 8; sent++) statuses.push(await posted(client, `sent ${sent}`));
      const taken = [...one.taken, ...other.taken];
      assertEquals(taken.length, new Set(taken).size, `${taken}`);
      assert(taken.length >= 2, `${taken}`);
      assert(statuses.includes(502), `${statuses}`);
    }
  });
}

if (installed.includes("nginx")) {
  Deno.test("nginx asks the other replica where one puts a request off", async () => {
    await using ending = new RawReplica(answering(503));
    await using other = new RawReplica(answering(200));
    await using proxy = await startProxy("nginx", [ending.port, other.port]);
    using client = clientOf(proxy);
    for (let asked = 0; asked < 20; asked++) assertEquals(await posted(client), 200);
    assertEquals(other.taken.length, 20);
    assert(ending.taken.length > 0);
  });
}

/** Sends a request whose body is `text`. @returns the status of its response */
async function posted(client: ProxyClient, text = "{}"): Promise<number> {
  const response = await client.fetch("/mcp", { method: "POST", headers: HEADERS, body: text });
  await response.body?.cancel();
  return response.status;
}

function answering(status: number): () => string {
  return () => `HTTP/1.1 ${status} Fine\r\ncontent-length: 2\r\n\r\n{}`;
}

/** Something at a replica's port that takes whole requests, and answers or breaks the connection. */
class RawReplica implements AsyncDisposable {
  /** The bodies of the POSTs that it took. */
  readonly taken: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;

  /** @param answer returns the response to a POST; the connection breaks when it is undefined */
  constructor(answer: () => string | undefined) {
    this.#serving = this.#serve(answer);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #serve(answer: () => string | undefined): Promise<void> {
    const running = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      running.push(
        this.#talk(connection, answer).catch(() => {}).finally(() => {
          if (this.#connections.delete(connection)) connection.close();
        }),
      );
    }
    await Promise.all(running);
  }

  async #talk(connection: Deno.TcpConn, answer: () => string | undefined): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let unread = "";
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      unread += new TextDecoder().decode(buffer.subarray(0, count));
      const end = unread.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(unread)?.[1] ?? 0);
      if (end < 0 || unread.length < end + 4 + length) continue;
      const isPost = unread.startsWith("POST");
      if (isPost) this.taken.push(unread.slice(end + 4));
      unread = "";
      const response = isPost ? answer() : answering(200)();
      if (response === undefined) return;
      await connection.write(new TextEncoder().encode(response));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
    await this.#serving.catch(() => {});
  }
}
