// The program against a server whose connections fail, over real sockets.
import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { FaultyServer, type WireRequest } from "../helpers/faulty_server.ts";
import { Spawned } from "../helpers/spawned.ts";

const toolAnswer = z.object({
  result: z.object({
    isError: z.boolean().optional(),
    structuredContent: z.record(z.string(), z.unknown()).optional(),
    content: z.array(z.object({ text: z.string() })),
  }),
});

async function call(program: Spawned, name: string, args: object) {
  const answer = await program.request("tools/call", { name, arguments: args });
  const { isError, structuredContent = {}, content } = toolAnswer.parse(answer).result;
  if (isError) throw new Error(content.map(({ text }) => text).join(" "));
  return structuredContent;
}

/** What a model is told of a call that fails. */
async function failure(program: Spawned, name: string, args: object): Promise<string> {
  return await call(program, name, args).then(() => "none", (error) => error.message);
}

interface Parts {
  readonly server: FaultyServer;
  readonly program: Spawned;
  /** How often this was posted since the test began. */
  readonly posts: (path: RegExp) => number;
  /** An agent, and a session with it. */
  readonly agentId: string;
  readonly sessionId: string;
}

/** @param env of the program, by the address of the server */
async function withProgram(
  tls: boolean,
  test: (parts: Parts) => Promise<void>,
  envAt: (url: string) => Record<string, string> = (url) => ({ CMA_BASE_URL: url }),
): Promise<void> {
  const certificate = tls ? await makeCertificate() : undefined;
  const simulator = createSimulator({ clock: systemClock, seed: 1 });
  const server = await FaultyServer.start((request) => simulator.fetch(request), certificate);
  const folder = await Deno.makeTempDir();
  const env: Record<string, string> = { ...envAt(server.url), ANTHROPIC_API_KEY: "test-key" };
  if (certificate) {
    env.DENO_CERT = env.NODE_EXTRA_CA_CERTS = `${folder}/ca.pem`;
    await Deno.writeTextFile(env.DENO_CERT, certificate.cert);
  }
  const program = new Spawned([], env);
  try {
    await program.initialize();
    const agents = z.array(z.object({ id: z.string() }))
      .parse((await call(program, "list_agents", {})).agents);
    const agentId = agents[0]?.id ?? "";
    const created = await call(program, "create_session", { agent_id: agentId });
    const sessionId = z.string().parse(created.session_id);
    const posts = (path: RegExp) =>
      server.requests.filter((seen) => seen.method === "POST" && path.test(seen.path)).length;
    await test({ server, program, posts, agentId, sessionId });
  } finally {
    await program.closeStdin();
    await program.ending();
    await server.close();
    simulator.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const isPost = ({ method }: WireRequest) => method === "POST";

for (const tls of [false, true]) {
  const over = tls ? "TLS that offers HTTP/2" : "plain HTTP";
  for (const blow of ["closed", "reset"] as const) {
    Deno.test(`over ${over}, a write whose connection is ${blow} after it is read is sent once`, async () => {
      await withProgram(tls, async ({ server, program, posts, agentId, sessionId }) => {
        const lose = () => server.strikeNext(isPost, { moment: "after it is read", blow });
        // Each after a read, so that there is a connection that could be used again.
        lose();
        // The first that the program sends: nothing tells its age.
        const args = { session_id: sessionId, text: "Hi" };
        const words = await failure(program, "send_message", args);
        assert(/event sevt_\w+ with the same content/.test(words), words);
        assertEquals(posts(/\/events$/), 1);
        const { events } = await call(program, "list_events", {
          session_id: sessionId,
          types: ["user.message"],
        });
        assertEquals(z.array(z.unknown()).parse(events).length, 1);
        lose();
        await failure(program, "interrupt", { session_id: sessionId });
        assertEquals(posts(/\/events$/), 2);
        lose();
        const before = posts(/^\/v1\/sessions$/);
        const made = await call(program, "create_session", { agent_id: agentId, title: "once" });
        assertEquals(posts(/^\/v1\/sessions$/), before + 1);
        lose();
        // At rest from its beginning, so that nothing but the connection is in the way.
        await call(program, "archive_session", { session_id: made.session_id });
        assertEquals(posts(/\/archive$/), 1);
        assertEquals([...server.protocols].filter((protocol) => protocol === "h2"), []);
      });
    });
  }
}

const BODY = `{"data":[]}`;

/** Responses that clients of HTTP take for a reason to send the request again. */
for (const status of ["407 Proxy Authentication Required", "421 Misdirected Request"]) {
  Deno.test(`a write that gets ${status} is sent once, and its status told`, async () => {
    await withProgram(false, async ({ server, program, posts, sessionId }) => {
      const raw = `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`;
      server.strikeNext(isPost, { raw, keep: true });
      const args = { session_id: sessionId, text: "Hi" };
      const words = await failure(program, "send_message", args);
      assert(words.includes(status.slice(0, 3)), words);
      assertEquals(posts(/\/events$/), 1);
    });
  });
}

/** Bodies that end before they are whole. */
const CUT: Readonly<Record<string, string>> = {
  "shorter than its length": `content-length: 100\r\n\r\n${BODY}`,
  "a chunk that is cut": `transfer-encoding: chunked\r\n\r\nff\r\n${BODY}`,
  "no gzip": `content-encoding: gzip\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
};

for (const [how, rest] of Object.entries(CUT)) {
  Deno.test(`a read whose body is ${how} is sent once more, at once`, async () => {
    await withProgram(false, async ({ server, program }) => {
      server.strikeNext(({ path }) => path.startsWith("/v1/agents"), {
        raw: `HTTP/1.1 200 OK\r\n${rest}`,
      });
      const startedAt = performance.now();
      assert((await call(program, "list_agents", {})).agents);
      assert(performance.now() - startedAt < 5_000);
    });
  });
}

Deno.test("over TLS that offers HTTP/2, a connection that stops responding delays one call only", async () => {
  await withProgram(true, async ({ server, program, sessionId }) => {
    server.strikeOpen("mute", "all");
    const startedAt = performance.now();
    assert((await call(program, "list_agents", {})).agents);
    // The bound is the program's own, by its own clock.
    assert(performance.now() - startedAt >= 9_000);
    const seen = server.requests.length;
    for (let i = 0; i < 3; i++) await call(program, "get_session", { session_id: sessionId });
    assertEquals(
      server.requests.slice(seen).filter(({ earlier }) => earlier === 0).length <= 1,
      true,
    );
  });
});

Deno.test("through a proxy of plain HTTP, a write whose connection is closed is sent once", async () => {
  await withProgram(false, async ({ server, program, posts, sessionId }) => {
    server.strikeNext(isPost, { moment: "after it is read", blow: "closed" });
    const args = { session_id: sessionId, text: "Hi" };
    const words = await failure(program, "send_message", args);
    assert(/event sevt_\w+ with the same content/.test(words), words);
    assertEquals(posts(/^http:\/\/api\.invalid\/v1\/sessions\/.*\/events$/), 1);
  }, (url) => ({ CMA_BASE_URL: "http://api.invalid", HTTP_PROXY: url }));
});

Deno.test("an address that NO_PROXY names is reached without the proxy", async () => {
  await withProgram(false, async ({ program, sessionId }) => {
    await call(program, "send_message", { session_id: sessionId, text: "Hi" });
  }, (url) => ({ CMA_BASE_URL: url, ALL_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.1" }));
});

const TUNNELS: readonly [string, string][] = [
  ["wants a password", "HTTP/1.1 407 \r\ncontent-length: 0\r\n\r\n"],
  ["cannot reach the API", "HTTP/1.1 502 \r\ncontent-length: 0\r\n\r\n"],
  ["hangs up before its answer", ""],
  ["hangs up in the middle of its answer", "HTTP/1.1 200"],
  ["hangs up after it has opened the tunnel", "HTTP/1.1 200 \r\n\r\n"],
];

for (const [how, raw] of TUNNELS) {
  Deno.test(`through a proxy that ${how}, a write is known not to be sent`, async () => {
    const server = await FaultyServer.start(() => Promise.resolve(new Response()));
    server.faultOf = () => ({ raw, early: true });
    const program = new Spawned([], {
      CMA_BASE_URL: "https://api.invalid",
      ANTHROPIC_API_KEY: "test-key",
      HTTPS_PROXY: server.url,
    });
    await program.initialize();
    const session = { agent_id: "agent_1", environment_id: "env_1" };
    for (
      const [name, args] of [
        ["create_session", session],
        ["archive_session", { session_id: "sesn_1" }],
      ] as const
    ) {
      const words = await failure(program, name, args);
      assertEquals(/not known|none/.test(words), false, words);
    }
    const methods = new Set(server.requests.map(({ method }) => method));
    assertEquals([...methods], ["CONNECT"]);
    await program.closeStdin();
    await program.ending();
    await server.close();
  });
}
