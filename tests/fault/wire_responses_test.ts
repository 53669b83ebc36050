// What servers and proxies answer that is odd, cut, early or told twice, over real sockets.
import { assertEquals } from "@std/assert";
import type { Fault } from "../helpers/faulty_server.ts";
import {
  nextCall,
  type Operation,
  OPERATIONS,
  outcomeOf,
  type Transport,
  TRANSPORTS,
  WireRig,
} from "./wire_cases.ts";

const BODY = `{"data":[]}`;
const LENGTH = `content-length: ${BODY.length}\r\n`;

function response(head: string, body = ""): string {
  return `HTTP/1.1 ${head}\r\n${body}`;
}

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function bytes(head: string, body: Uint8Array): Uint8Array {
  return new Uint8Array([...new TextEncoder().encode(response(head)), ...body]);
}

const zipped = await gzip(`{"data":[],"filler":"${"abcdefgh".repeat(100)}"}`);
const ZIPPED = "200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ";

interface Case {
  readonly name: string;
  readonly fault: Extract<Fault, { raw: unknown }>;
  /** How a read ends, and how often it is on the wire. */
  readonly read: readonly [outcome: string, requests: number];
  /** How a write ends; it is on the wire once. */
  readonly write: readonly string[];
}

const plain = (name: string, raw: string | Uint8Array, keep = false): Case => ({
  name,
  fault: { raw, keep },
  read: ["ok", 1],
  write: ["ok"],
});
const broken = (name: string, raw: string | Uint8Array): Case => ({
  name,
  fault: { raw },
  read: ["ok", 2],
  write: ["connection_lost"],
});
const refused = (status: number, more = "", tries = 1): Case => ({
  name: `status ${status}${more && ` and ${more.trim()}`}`,
  fault: { raw: response(`${status} \r\n${more}content-length: 0\r\n`), keep: true },
  read: tries === 1 ? [`http ${status}`, 1] : ["ok", tries],
  write: [`http ${status}`],
});

const CASES: readonly Case[] = [
  plain(
    "100 Continue first",
    `HTTP/1.1 100 Continue\r\n\r\n${response(`200 OK\r\n${LENGTH}`, BODY)}`,
  ),
  plain("103 Early Hints first", `HTTP/1.1 103 \r\n\r\n${response(`200 OK\r\n${LENGTH}`, BODY)}`),
  plain("connection: close", response(`200 OK\r\n${LENGTH}connection: close\r\n`, BODY)),
  plain("HTTP/1.0 that ends with its connection", `HTTP/1.0 200 OK\r\n\r\n${BODY}`),
  plain("HTTP/1.0 with a length", `HTTP/1.0 200 OK\r\n${LENGTH}\r\n${BODY}`),
  plain("no length, ended by closing", response("200 OK\r\n", BODY)),
  plain(
    "chunks and trailers",
    response("200 OK\r\ntransfer-encoding: chunked\r\n", `b\r\n${BODY}\r\n0\r\nx-sum: 1\r\n\r\n`),
    true,
  ),
  plain("bytes after the body", response(`200 OK\r\n${LENGTH}`, `${BODY}<garbage>`), true),
  plain(
    "a second response after the first",
    response(`200 OK\r\n${LENGTH}`, BODY) +
      response("200 OK\r\ncontent-length: 26\r\n", `{"data":[{"id":"nobody's"}]}`),
    true,
  ),
  plain("gzip", bytes(`${ZIPPED}${zipped.length}\r\n`, zipped), true),
  broken(
    "gzip that is cut, its length right",
    bytes(`${ZIPPED}${zipped.length >> 1}\r\n`, zipped.subarray(0, zipped.length >> 1)),
  ),
  broken("gzip that is none", bytes(`${ZIPPED}5\r\n`, new TextEncoder().encode("hello"))),
  broken("a body shorter than its length", response("200 OK\r\ncontent-length: 100\r\n", BODY)),
  broken(
    "chunks without an end",
    response("200 OK\r\ntransfer-encoding: chunked\r\n", `b\r\n${BODY}\r\n`),
  ),
  broken("a chunk that is cut", response("200 OK\r\ntransfer-encoding: chunked\r\n", `b\r\n{"da`)),
  broken(
    "a chunk of no size",
    response("200 OK\r\ntransfer-encoding: chunked\r\n", `zz\r\n${BODY}`),
  ),
  broken("JSON cut by closing, without a length", response("200 OK\r\n", `{"data":[{"id":"a`)),
  broken("half a head", "HTTP/1.1 200 OK\r\ncontent-le"),
  broken("a head that is none", "hello\r\n\r\n"),
  broken(
    "a head without end",
    response(`200 OK\r\n${`x-filler: ${"a".repeat(4_000)}\r\n`.repeat(300)}`),
  ),
  broken("100 Continue and no more", "HTTP/1.1 100 Continue\r\n\r\n"),
  refused(307, "location: /v1/agents\r\n"),
  refused(308, "location: /v1/agents\r\n"),
  refused(400),
  refused(401),
  refused(407),
  refused(421),
  refused(408, "connection: close\r\n", 2),
  refused(429, "retry-after: 1\r\n", 2),
  refused(502, "", 2),
  refused(503, "retry-after: 1\r\n", 2),
  {
    name: "an early refusal, the connection then kept",
    fault: { raw: response("413 \r\ncontent-length: 0\r\n"), early: true, blow: "half-closed" },
    read: ["http 413", 1],
    write: ["http 413"],
  },
  {
    name: "an early refusal, the connection then closed",
    fault: { raw: response("413 \r\ncontent-length: 0\r\nconnection: close\r\n"), early: true },
    read: ["http 413", 1],
    // What arrives first: the refusal, or the end of a connection that is still being written to.
    write: ["http 413", "connection_lost"],
  },
  {
    name: "an early reset",
    fault: { raw: "", early: true, blow: "reset" },
    read: ["ok", 2],
    write: ["connection_lost"],
  },
];

function named(name: string): Operation {
  const found = OPERATIONS.find((operation) => operation.name === name);
  if (!found) throw new Error(`No operation ${name}`);
  return found;
}

const READ = named("agents.list");
const content = [{ type: "text" as const, text: "x".repeat(2_000_000) }];
/** Larger than what the system takes off the program's hands. */
const WRITE: Operation = {
  ...named("events.send, a message"),
  call: ({ api, sessionId }, options) =>
    api.events.send(sessionId, [{ type: "user.message", content }], options),
};

async function play(operation: Operation, { fault }: Case, transport: Transport) {
  const rig = await WireRig.start(transport, 2);
  try {
    rig.server.strikeNext(operation.fits, fault);
    const outcome = await outcomeOf(rig, operation.call(rig, { timeoutMs: 20_000 }));
    const requests = rig.server.requests.filter(operation.fits).length;
    return { outcome, requests, next: await nextCall(rig) };
  } finally {
    await rig.close();
  }
}

for (const transport of TRANSPORTS) {
  // What comes whole does so over TLS as well; what is cut or early may end differently.
  const isOdd = ({ fault }: Case) => fault.early || !fault.keep;
  for (const wireCase of transport === "tls" ? CASES.filter(isOdd) : CASES) {
    Deno.test(`${transport}: ${wireCase.name}`, async () => {
      const [outcome, requests] = wireCase.read;
      const [read, write] = await Promise.all(
        [READ, WRITE].map((operation) => play(operation, wireCase, transport)),
      );
      assertEquals(read, { outcome, requests, next: "at once" });
      assertEquals([write?.requests, write?.next], [1, "at once"]);
      assertEquals(wireCase.write.includes(write?.outcome ?? ""), true, write?.outcome);
    });
  }
}

Deno.test("a second response to one request is ignored", async () => {
  const rig = await WireRig.start("plain", 2);
  const raw = response(`200 OK\r\n${LENGTH}`, BODY) +
    response("200 OK\r\ncontent-length: 29\r\n", `{"data":[{"id":"a","name":""}]}`);
  rig.server.strikeNext(READ.fits, { raw, keep: true });
  assertEquals((await rig.api.agents.list({})).data, []);
  const ids = (await rig.api.agents.list({})).data.map(({ id }) => id);
  assertEquals(ids.includes(rig.agentId), true);
  await rig.close();
});
