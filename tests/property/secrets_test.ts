import { assert, assertEquals } from "@std/assert";
import { InMemoryTransport } from "@modelcontextprotocol/server";
import { createApi } from "../../src/api/client.ts";
import { createLogger, type LogFields } from "../../src/core/logger.ts";
import { createRedact } from "../../src/core/redact.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createServices } from "../../src/tools/services.ts";
import { anyCharacter, assertAsync, fc } from "../helpers/fuzz.ts";
import { ManualClock } from "../helpers/manual_clock.ts";

const KEY = "key-for-Zq7/Kd9Lw2Pf_R8vXm3TcHy6BnQz";
/** Put together here: nothing in the tree may look like a real one. */
const UNKNOWN_KEY = [
  "sk",
  "ant",
  "api03",
  "qSyY3v6ysjB6f2RsD_LHZg8RakGnRAxPcTM-82aLz4EJqqeJ",
  "JA8AP2PL8LUWNk9urPMvN_aVBZcLKSEXV5poApuwXEVY5Vgv",
].join("-");
/** So much of a secret must never be seen. */
const TELLING_CHARS = 8;

/** An API that says `words` wherever it can say something, and `last` in messages of their own. */
function world(words: string, status: number, last: readonly string[]) {
  const fail = () =>
    Response.json({
      type: "error",
      error: { type: words, message: words, details: { error_code: words } },
    }, {
      status,
      headers: { "request-id": "req_1" },
    });
  const event = (index: number, fields: Record<string, unknown>) => ({
    id: `sevt_${index}`,
    processed_at: new Date(Date.parse("2026-11-23T09:00:00Z") + index * 1_000).toISOString(),
    ...fields,
  });
  const content = [{ type: "text", text: words }];
  const half = Math.floor(words.length / 2);
  const halves = [words.slice(0, half), words.slice(half)].map((text) => ({ type: "text", text }));
  const events = [
    event(1, { type: "user.message", content }),
    event(2, { type: "session.status_running" }),
    event(3, { type: words, [words]: words, other: words }),
    event(4, { type: "agent.tool_use", name: words, input: { [words]: words, command: words } }),
    event(5, { type: "agent.mcp_tool_use", name: words, mcp_server_name: words, input: words }),
    event(6, { type: "agent.tool_result", tool_use_id: "sevt_4", content }),
    event(7, {
      type: "session.error",
      error: { type: words, message: words, retry_status: { type: words } },
    }),
    event(8, { type: "session.thread_created", agent_name: words }),
    event(9, {
      type: "workflow_run.created",
      workflow_run_id: words,
      name: words,
      description: words,
    }),
    event(10, {
      type: "workflow_run.status_ended",
      workflow_run_id: words,
      result: { error: { message: words } },
    }),
    event(11, { type: "agent.message", content }),
    event(12, { type: "agent.message", content: halves }),
    ...last.map((text, index) =>
      event(13 + index, { type: "agent.message", content: [{ type: "text", text }] })
    ),
    event(13 + last.length, {
      type: "session.status_idle",
      stop_reason: { type: "end_turn" },
      stop_details: { category: words, explanation: words },
    }),
  ];
  const agent = {
    type: "agent",
    id: "agent_1",
    name: words,
    description: words,
    system: words,
    version: 1,
    model: { id: words },
    tools: [{ type: "custom", name: words, description: words }],
    mcp_servers: [{ type: "url", name: words, url: `https://${words}` }],
  };
  const session = {
    type: "session",
    id: "sesn_1",
    status: "idle",
    title: words,
    agent,
    metadata: { [words]: words },
  };
  const answers: readonly [RegExp, () => Response][] = [
    [
      /\/stream$/,
      () => new Response(": hello\n\n", { headers: { "content-type": "text/event-stream" } }),
    ],
    [/\/events\?.*order=desc/, () => Response.json({ data: events.toReversed(), next_page: null })],
    [/\/events/, () => Response.json({ data: events, next_page: null })],
    [/\/sessions\/[^/]+$/, () => Response.json(session)],
    [/\/agents\/[^/]+$/, () => Response.json(agent)],
    [/\/agents/, () => Response.json({ data: [agent], next_page: null })],
    [
      /\/environments/,
      () => Response.json({ data: [1, 2].map((n) => ({ id: `env_${n}`, name: words })) }),
    ],
  ];
  return (request: Request): Response => {
    if (status !== 200 || request.method !== "GET") return fail();
    return answers.find(([path]) => path.test(request.url))?.[1]() ?? fail();
  };
}

/** Everything that leaves the process while every tool is called: results, progress, log lines. */
async function everythingSaid(
  words: string,
  status: number,
  last: readonly string[] = [],
): Promise<string[]> {
  const clock = new ManualClock();
  const said: string[] = [];
  const redact = createRedact([KEY]);
  const formats = ["text", "json"] as const;
  const [log, json] = formats.map((format) =>
    createLogger({
      level: "debug",
      format,
      redact: redact.loose,
      write: (line) => void said.push(line),
      now: () => 0,
    })
  );
  assert(log && json);
  const answer = world(words, status, last);
  const api = createApi({
    baseUrl: "http://api.test",
    credential: () => ({ kind: "api_key", value: KEY }),
    fetch: (request) => Promise.resolve(answer(request)),
    clock,
    log,
    redact,
  });
  const waiter = createWaiter({ api, clock, log: json, random: () => 0.5, exposeToolInputs: true });
  const shown = { exposeToolInputs: true, exposeAgentConfig: true };
  const services = createServices({ api, waiter, clock, log: json, redact, ...shown });
  const factory = createServerFactory(services, { version: "1" });
  const calls: readonly [string, Record<string, unknown>][] = [
    ["list_agents", {}],
    ["get_agent", { agent_id: "agent_1" }],
    ["get_session", { session_id: "sesn_1" }],
    ["list_events", { session_id: "sesn_1" }],
    ["list_events", { session_id: "sesn_1", limit: 1, order: "desc" }],
    ["wait_for_idle", { session_id: "sesn_1", timeout_sec: 20 }],
    ["create_session", { agent_id: "agent_1" }],
    ["send_message", { session_id: "sesn_1", text: "Hello" }],
  ];
  for (const [name, args] of calls) {
    const server = await factory({ era: "legacy" });
    const [client, wire] = InMemoryTransport.createLinkedPair();
    const { promise, resolve } = Promise.withResolvers<void>();
    client.onmessage = (message) => {
      said.push(JSON.stringify("result" in message ? message.result : message));
      if ("id" in message) resolve();
    };
    await server.connect(wire);
    const params = { name, arguments: args, _meta: { progressToken: 1 } };
    await client.send({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
    await clock.runUntil(promise);
    await server.close();
  }
  waiter.close();
  return said;
}

/** Parts of a secret of which one is in any {@linkcode TELLING_CHARS} of it that tell something. */
function tellingParts(secret: string): string[] {
  const stride = TELLING_CHARS / 2;
  const parts: string[] = [];
  for (let at = 0; at + stride < secret.length; at += stride) {
    const part = secret.slice(at, at + stride + 1);
    if (!"sk-ant-api03-key-for-".includes(part)) parts.push(part);
  }
  return parts;
}

/** Bounds in characters at which something is cut, anywhere. */
const BOUNDS = [
  40,
  50,
  60,
  64,
  80,
  100,
  128,
  160,
  200,
  256,
  400,
  500,
  1_000,
  2_000,
  3_000,
  4_000,
  8_000,
  20_000,
  30_000,
];

const places = fc.oneof(
  fc.record({ bound: fc.constantFrom(...BOUNDS), back: fc.nat(60) })
    .map(({ bound, back }) => Math.max(0, bound - back)),
  fc.nat(31_000),
);

Deno.test("no part of a secret is seen in results, progress or logs, wherever texts are cut", async () => {
  const secret = fc.constantFrom(KEY, UNKNOWN_KEY);
  const status = fc.constantFrom(200, 200, 200, 400, 401, 404, 500);
  const tail = fc.constantFrom(0, 10, 40_000);
  const filler = fc.constantFrom("x ", "é ", "😀", "\n- ");
  await assertAsync(
    fc.asyncProperty(
      places,
      secret,
      status,
      tail,
      filler,
      async (place, secret, status, tail, filler) => {
        const pad = (length: number) =>
          filler.repeat(Math.ceil(length / filler.length)).slice(0, length);
        const words = `${pad(place)} ${secret} ${pad(tail)}`;
        const said = await everythingSaid(words, status);
        const leaks = tellingParts(secret).flatMap((part) =>
          said.filter((line) => line.includes(part)).map((line) => {
            const at = line.indexOf(part);
            return line.slice(Math.max(0, at - 200), at + 100);
          })
        );
        assertEquals(leaks.slice(0, 2), [], `at ${place}, status ${status}`);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("a known key that an agent spreads over two messages is seen in neither", async () => {
  // What all keys begin with is no part of the secret.
  for (let at = "key-for-".length + 11; at <= KEY.length - 12; at++) {
    const said = await everythingSaid("Hello", 200, [KEY.slice(0, at), KEY.slice(at)]);
    assert(said.some((line) => line.includes("[redacted]\\n\\n[redacted]")));
    for (const part of tellingParts(KEY)) {
      assertEquals(said.filter((line) => line.includes(part)), [], `${part}, cut at ${at}`);
    }
  }
});

Deno.test("what agents write is never changed where it holds no secret", async () => {
  const prose = fc.constantFrom(
    "authorization: `Bearer ${token}`",
    "Use bearer authentication, or Basic dXNlcjpwYXNz",
    "x-api-key: ${KEY}\nset-cookie: a=b; Path=/",
    "https://user:password@example.com/path",
    "sk-ant-api03-… is how keys begin",
    "a\u2028b\u200dc\u202ed\x1b[31m",
    'curl -H "Authorization: Bearer abcdefgh12345678"',
  );
  const text = fc.array(fc.oneof(prose, fc.string({ unit: anyCharacter, maxLength: 30 })), {
    minLength: 1,
    maxLength: 5,
  })
    .map((parts) => parts.join(" "))
    .filter((text) => text !== "" && !/\p{Cs}/u.test(text));
  await assertAsync(
    fc.asyncProperty(text, async (words) => {
      const said = await everythingSaid(words, 200);
      const results = said.filter((line) => line.startsWith('{"content"')).map((line) =>
        JSON.parse(line)
      );
      const replies = results.flatMap(({ structuredContent: shown }) => shown?.reply ?? []);
      assertEquals(replies, [`${words}\n\n${words}`]);
      const texts = results.flatMap(({ structuredContent: shown }) => shown?.events ?? [])
        .filter(({ type }) => type === "agent.message").map((event) => event.text);
      assertEquals(texts, [words, words]);
    }),
    { numRuns: 30 },
  );
});

const PIECES = [
  KEY,
  KEY.slice(5, 25),
  JSON.stringify(`quoted "${KEY}"`),
  encodeURIComponent(KEY),
  UNKNOWN_KEY,
  `cma_${"aB3".repeat(14)}x`,
  "authorization",
  "Authorization: Bearer abcdef0123",
  "cookie",
  "bearer",
  "Basic dXNlcjpwYXNz",
  "https://user:pass@host/path",
  "x-api-key",
  "abc",
  " a=b ",
  "=",
  '"',
  "\\",
  "\u001b[31m",
  "\n",
  "é\u200b",
];
const words = fc.array(fc.oneof(fc.constantFrom(...PIECES), anyCharacter), { maxLength: 5 })
  .map((parts) => parts.join(""));
const field = fc.oneof(words, fc.nat(), fc.constant(undefined), fc.array(words, { maxLength: 3 }));

for (const format of ["text", "json"] as const) {
  Deno.test(`a log line in ${format} is the same whether it is searched whole or text by text`, () => {
    const redact = createRedact([KEY]);
    const lineWith = (redact: (text: string) => string, message: string, fields: LogFields) => {
      const lines: string[] = [];
      const write = (line: string) => void lines.push(line);
      createLogger({ level: "info", format, redact, write, now: () => 0 }).info(message, fields);
      return lines[0] ?? "";
    };
    /** Calls no whole line clean, so that each of its texts is searched. */
    const textByText = (text: string) =>
      /^(?:cma-mcp info: |\{"time":)/.test(text) ? `${text}!` : redact.loose(text);
    let clean = 0;
    fc.assert(
      fc.property(words, fc.dictionary(words, field, { maxKeys: 5 }), (message, fields) => {
        const line = lineWith(redact.loose, message, fields);
        if (!line.includes("[redacted]")) clean++;
        assertEquals(line, lineWith(textByText, message, fields));
      }),
      { numRuns: 3_000 },
    );
    assert(clean > 500, `${clean} of the lines held nothing to hide`);
  });
}
