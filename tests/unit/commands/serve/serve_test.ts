import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { ServeConfig } from "../../../../src/config/config.ts";
import { resolveConfig } from "../../../../src/config/resolve.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { callServedTool } from "../../../../src/commands/mcp_call.ts";
import { serve } from "../../../../src/commands/serve/serve.ts";
import { recordProgram } from "../../../helpers/program.ts";
import { makeCertificate } from "../../../helpers/certificate.ts";

const TOKEN = "t".repeat(32);

async function httpConfig(...args: string[]): Promise<ServeConfig> {
  const config = await resolveConfig(
    ["--http", "--simulate", "--port=0", ...args],
    (name) => name === "CMA_MCP_TOKEN" ? TOKEN : undefined,
    () => Promise.resolve(""),
  );
  assert(config.command === "serve");
  return config;
}

async function serveHttp(...args: string[]) {
  const program = recordProgram();
  const done = serve(await httpConfig(...args), program);
  const [, url = ""] = await program.loggedMatch(/clients at (\S+?),/);
  const endpoint = {
    token: TOKEN,
    fetch: (request: Request) =>
      fetch(url, { method: "POST", headers: request.headers, body: request.body }),
  };
  return { program, done, url, endpoint };
}

Deno.test("serve() announces the address, answers calls there, and ends when told to", async () => {
  const { program, done, endpoint } = await serveHttp();
  const { agents } = await callServedTool(endpoint, "list_agents", { limit: 3 });
  assert(Array.isArray(agents) && agents.length === 3);
  program.stop();
  await done;
  assertMatch(program.logged.join("\n"), /SIMULATOR/);
});

Deno.test("serve() warns over HTTP once when answers count in its own process only", async () => {
  const env: Record<string, string> = {
    CMA_MCP_TOKEN: TOKEN,
    ANTHROPIC_API_KEY: "sk-ant-a-key-for-tests",
    ALLOWED_AGENT_IDS: "agent_1",
  };
  const key = "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8";
  const logged = async (...args: string[]) => {
    const config = await resolveConfig(
      ["--port=0", "--http", ...args],
      (name) => env[name],
      () => Promise.resolve(key),
    );
    assert(config.command === "serve");
    const program = recordProgram();
    const done = serve(config, program);
    await program.loggedMatch(/clients at/);
    program.stop();
    await done;
    return program.logged.filter((line) => /sealing/i.test(line));
  };
  const [line = "", ...more] = await logged();
  assertEquals(more, []);
  assertMatch(line, /warn.* not at another replica: make one with 'cma-mcp token sealing-key/i);
  assertEquals(await logged("--sealing-key-file=k"), []);
  assertEquals(await logged("--simulate"), []);
});

Deno.test("serve() lets an open wait answer with what it has when it is told to end", async () => {
  const { program, done, endpoint } = await serveHttp();
  const { agents } = await callServedTool(endpoint, "list_agents", { name_contains: "long" });
  assert(Array.isArray(agents));
  const { session_id } = await callServedTool(endpoint, "create_session", {
    agent_id: agents[0].id,
    message: "Take your time.",
  });
  const open = Promise.withResolvers<void>();
  const waiting = {
    ...endpoint,
    fetch: async (request: Request) => {
      const response = await endpoint.fetch(request);
      open.resolve();
      return response;
    },
  };
  const wait = callServedTool(waiting, "wait_for_idle", { session_id, timeout_sec: 600 });
  await open.promise;
  const start = program.clock.now();
  program.stop();
  assertEquals((await wait).status, "timeout");
  await done;
  assert(program.clock.now() - start < 1_000);
  assertMatch(program.logged.join("\n"), /Draining: calls that run get their answers.*calls.*1/);
});

Deno.test("serve() lets people in who sign in at the authorization server, without any token", async () => {
  const issuer = "https://login.example.com";
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const answers: Record<string, unknown> = {
    "/.well-known/oauth-authorization-server": { issuer, jwks_uri: `${issuer}/keys` },
    "/keys": { keys: [{ ...await exportJWK(publicKey), kid: "1", alg: "ES256", use: "sig" }] },
  };
  let closed = 0;
  const program = recordProgram({
    openHttpClient: () => ({
      fetch: (url) => Promise.resolve(Response.json(answers[new URL(url).pathname] ?? null)),
      close: () => closed++,
    }),
  });
  const resource = "https://mcp.example.com/agents/mcp";
  const config = await resolveConfig(
    [
      ...["--http", "--simulate", "--port=0", `--oauth-issuer=${issuer}`],
      "--public-url=https://mcp.example.com/agents",
    ],
    () => undefined,
    () => Promise.resolve(""),
  );
  assert(config.command === "serve");
  const done = serve(config, program);
  const [, url = "", known] = await program.loggedMatch(
    /It listens at (\S+?); point clients at (\S+?), where people sign in/,
  );
  assertEquals(known, resource);
  const token = await new SignJWT({ scope: "agents:read" })
    .setProtectedHeader({ alg: "ES256", kid: "1", typ: "at+jwt" })
    .setIssuer(issuer).setAudience(resource).setSubject("alice").setIssuedAt()
    .setExpirationTime("5m").sign(privateKey);
  const endpoint = {
    token,
    fetch: (request: Request) =>
      fetch(url, { method: "POST", headers: request.headers, body: request.body }),
  };
  const { agents } = await callServedTool(endpoint, "list_agents", { limit: 1 });
  assert(Array.isArray(agents) && agents.length === 1);
  await assertRejects(
    () => callServedTool(endpoint, "create_session", { agent_id: agents[0].id }),
    Error,
    "does not have the scope sessions:write",
  );
  // What people see differs, so that no shared cache may keep their lists.
  const listed = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/list",
    },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/list" },
      params: {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "test", version: "0" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    }),
  });
  assertMatch(await listed.text(), /"cacheScope":"private"/);
  const refused = await endpoint.fetch(new Request(url, { method: "POST", body: "{}" }));
  await refused.body?.cancel();
  assertEquals([refused.status, refused.headers.get("www-authenticate")], [
    401,
    'Bearer realm="cma-mcp", resource_metadata=' +
    '"https://mcp.example.com/.well-known/oauth-protected-resource/agents/mcp", ' +
    'scope="agents:read sessions:read sessions:write actions"',
  ]);
  program.stop();
  await done;
  const log = program.logged.join("\n");
  assertMatch(log, /People can sign in.*resource=https:\S+\/agents\/mcp.*rules=none/);
  assertMatch(log, /Signed in issuer=https:\/\/login\.example\.com subject=alice/);
  assertEquals([log.includes(token), closed > 0], [false, true]);
  assertEquals(program.redact(token), "[redacted]");
});

Deno.test("serve() is ready when the API can be reached", async () => {
  const { program, done, url } = await serveHttp();
  for (const probe of ["health", "ready"]) {
    const response = await fetch(new URL(probe, url));
    assertEquals([response.status, await response.json()], [200, { status: "ok" }]);
  }
  program.stop();
  await done;
});

Deno.test("serve() refuses a port that is taken, in words", async () => {
  const { program, done, url } = await serveHttp();
  const { port } = new URL(url);
  const second = await httpConfig(`--port=${port}`);
  await assertRejects(() => serve(second, recordProgram()), UsageError, `Port ${port} is taken`);
  program.stop();
  await done;
});

const TLS = ["--tls-cert=cert.pem", "--tls-key=key.pem"];

for (const http2 of [true, false]) {
  Deno.test(`serve() answers calls over TLS and HTTP/${http2 ? 2 : 1}`, async () => {
    const { cert, key } = await makeCertificate();
    const readFile = (path: string) => Promise.resolve(path === "cert.pem" ? cert : key);
    const program = recordProgram({ readFile });
    const done = serve(await httpConfig(...TLS), program);
    const [, url = ""] = await program.loggedMatch(/clients at (https:\S+?),/);
    using client = Deno.createHttpClient({ caCerts: [cert], http2, http1: !http2 });
    const endpoint = {
      token: TOKEN,
      fetch: async (request: Request) => {
        // The host is the client's to name: as a header in HTTP/1.1, without one in HTTP/2.
        const headers = new Headers(request.headers);
        headers.delete("host");
        const body = await request.text();
        return await fetch(url, { method: "POST", headers, body, client });
      },
    };
    const { agents } = await callServedTool(endpoint, "list_agents", { name_contains: "quick" });
    assert(Array.isArray(agents) && agents.length === 1);
    const ready = await fetch(new URL("/ready", url), { client });
    assertEquals(await ready.json(), { status: "ok" });
    program.stop();
    await done;
  });
}

Deno.test("serve() does not start with a certificate that cannot be read", async () => {
  const done = serve(await httpConfig(...TLS), recordProgram());
  await assertRejects(() => done, UsageError, "Cannot read 'cert.pem' (--tls-cert)");
});
