// What only real sockets show. Deadlines are generous: every test ends by an event, not by time.
import { assertEquals, assertRejects } from "@std/assert";
import type { ManagedAgentsApi, StreamItem } from "../../../src/api/types.ts";
import { createApi } from "../../../src/api/client.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { steadyClock } from "../../helpers/fast_clock.ts";
import { KEY } from "./support.ts";

/** Real deadlines, no pauses between tries. */
function impatientClock(): Clock {
  const clock = steadyClock();
  return { ...clock, sleep: (_ms, signal) => clock.sleep(0, signal) };
}

function clientOf(port: number, client?: Deno.HttpClient): ManagedAgentsApi {
  return createApi({
    baseUrl: `http://127.0.0.1:${port}/`,
    credential: () => ({ kind: "api_key", value: KEY }),
    fetch: (request) => fetch(request, { client }),
    clock: impatientClock(),
  });
}

const INTERRUPT = [{ type: "user.interrupt" }] as const;
const STREAM_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const FRAME = `data: {"type":"agent.message","id":"sevt_1"}\n\n`;

function chunked(text: string): string {
  return `${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`;
}

/** Reads one request, up to its body's end, so that closing the connection does not reset it. */
async function readRequest(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4_096);
  let text = "";
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, length));
    const [head, body] = text.split("\r\n\r\n");
    if (body === undefined) continue;
    const expected = Number(head?.match(/content-length: (\d+)/i)?.[1] ?? 0);
    if (body.length >= expected) return text;
  }
}

/**
 * A server that answers each connection's first request with raw text and closes it.
 *
 * @param replies one per connection
 * @param hold settles before a connection is closed
 */
async function withRawServer(
  replies: readonly string[],
  test: (api: ManagedAgentsApi, requests: string[]) => Promise<void>,
  hold: Promise<void> = Promise.resolve(),
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const requests: string[] = [];
  const serving = (async () => {
    for (const reply of replies) {
      using connection = await listener.accept();
      requests.push(await readRequest(connection));
      await connection.write(new TextEncoder().encode(reply));
      await hold;
    }
  })();
  await test(clientOf(listener.addr.port, client), requests);
  await serving;
}

Deno.test("a refused connection is not_sent: nothing was delivered", async () => {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  // Nothing listens there; any other free port may be somebody's a moment later.
  const call = clientOf(2, client).events.send("sesn_1", INTERRUPT);
  const error = await assertRejects(() => call, ApiError, "127.0.0.1:2 refuses connections");
  assertEquals(error.kind, "not_sent");
});

Deno.test("plain text where TLS is expected is not_sent", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1_024));
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  })();
  const api = createApi({
    baseUrl: `https://127.0.0.1:${listener.addr.port}`,
    credential: () => ({ kind: "api_key", value: KEY }),
    fetch: (request) => fetch(request, { client }),
    clock: steadyClock(),
  });
  const call = api.events.send("sesn_1", INTERRUPT);
  const error = await assertRejects(() => call, ApiError, "does not speak TLS");
  assertEquals(error.kind, "not_sent");
  await serving;
});

const LOST: readonly [string, string][] = [
  ["before the answer", ""],
  ["in the middle of the head", "HTTP/1.1 200 OK\r\nconte"],
  ["in the middle of the body", `HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"data":`],
  ["in the middle of a chunk", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"da`],
  ["with an answer that is not HTTP", "hello\r\n\r\n"],
];

for (const [where, reply] of LOST) {
  Deno.test(`a connection lost ${where} is connection_lost: the request may have been delivered`, async () => {
    await withRawServer([reply], async (api, requests) => {
      const call = api.events.send("sesn_1", INTERRUPT);
      const error = await assertRejects(() => call, ApiError);
      assertEquals([error.kind, error.status], ["connection_lost", undefined]);
      assertEquals(requests.length, 1);
      assertEquals(requests[0]?.endsWith(`{"events":[{"type":"user.interrupt"}]}`), true);
    });
  });
}

Deno.test("a read survives two lost connections", async () => {
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{"data":[]}`;
  await withRawServer(["", "HTTP/1.1 200", answer], async (api, requests) => {
    assertEquals((await api.agents.list({})).data, []);
    assertEquals(requests.length, 3);
  });
});

async function itemsOf(api: ManagedAgentsApi, items: StreamItem[]): Promise<void> {
  for await (const item of await api.events.stream("sesn_1")) items.push(item);
}

function kindsOf(items: readonly StreamItem[]): string[] {
  return items.map(({ kind }) => kind).filter((kind) => kind === "event");
}

Deno.test("a stream that the server ends in order just ends", async () => {
  const reply = `${STREAM_HEAD}transfer-encoding: chunked\r\n\r\n${chunked(FRAME)}0\r\n\r\n`;
  await withRawServer([reply], async (api) => {
    const items: StreamItem[] = [];
    await itemsOf(api, items);
    assertEquals(kindsOf(items), ["event"]);
  });
});

Deno.test("a stream that ends with its connection just ends", async () => {
  await withRawServer([`${STREAM_HEAD}connection: close\r\n\r\n${FRAME}`], async (api) => {
    const items: StreamItem[] = [];
    await itemsOf(api, items);
    assertEquals(kindsOf(items), ["event"]);
  });
});

Deno.test("a stream whose connection is lost between chunks throws", async () => {
  const delivered = Promise.withResolvers<void>();
  const reply = `${STREAM_HEAD}transfer-encoding: chunked\r\n\r\n${chunked(FRAME)}`;
  await withRawServer([reply], async (api) => {
    const stream = await api.events.stream("sesn_1");
    const items = stream[Symbol.asyncIterator]();
    assertEquals((await items.next()).value?.kind, "event");
    delivered.resolve();
    const error = await assertRejects(() => items.next(), ApiError);
    assertEquals([error.kind, error.retryable], ["connection_lost", true]);
    assertEquals((await items.next()).done, true);
  }, delivered.promise);
});

/** A server whose stream stays open; tells when the client has dropped it. */
async function withOpenStream(
  test: (api: ManagedAgentsApi) => Promise<void>,
): Promise<void> {
  const dropped = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(FRAME)),
      cancel: () => dropped.resolve(),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  {
    using client = Deno.createHttpClient({ http2: false });
    await test(clientOf(server.addr.port, client));
    await dropped.promise;
  }
  await server.shutdown();
}

Deno.test("close() hangs up, so that the server sees it", async () => {
  await withOpenStream(async (api) => {
    const stream = await api.events.stream("sesn_1");
    const items = stream[Symbol.asyncIterator]();
    assertEquals((await items.next()).value?.kind, "event");
    const pending = items.next();
    stream.close();
    assertEquals((await pending).done, true);
  });
});

Deno.test("leaving the loop hangs up, so that the server sees it", async () => {
  await withOpenStream(async (api) => {
    for await (const _ of await api.events.stream("sesn_1")) break;
  });
});

Deno.test("the caller's abort hangs up, so that the server sees it", async () => {
  await withOpenStream(async (api) => {
    const controller = new AbortController();
    const stream = await api.events.stream("sesn_1", { signal: controller.signal });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    const pending = items.next();
    pending.catch(() => {});
    controller.abort(new Error("stop"));
    await assertRejects(() => pending, Error, "stop");
  });
});

Deno.test("a redirect is not followed", async () => {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    paths.push(new URL(request.url).pathname);
    return Response.redirect(new URL("/elsewhere", request.url), 302);
  });
  {
    using client = Deno.createHttpClient({});
    const call = clientOf(server.addr.port, client).agents.list({});
    const error = await assertRejects(() => call, ApiError, "which is not followed");
    assertEquals([error.status, paths], [302, ["/v1/agents"]]);
  }
  await server.shutdown();
});
