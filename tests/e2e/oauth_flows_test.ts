// The whole sign-in of real clients, against a real authorization server, in a real browser where there
// is one.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { decodeJwt } from "jose";
import manifest from "../../deno.json" with { type: "json" };
import { SKIPPED } from "../browser/chromium.ts";
import { AuthorizationServer } from "../helpers/authorization_server.ts";
import { freePort } from "../helpers/free_port.ts";
import { FormBrowser, signIn } from "../helpers/sign_in.ts";
import { Spawned } from "../helpers/spawned.ts";
import { CALLBACK_PATH, type HostKind, type HostOptions, SigningInHost } from "./oauth_host.ts";
import { callTool } from "./oauth_requests.ts";
import {
  ALL_SCOPES,
  openChromium,
  redirects,
  type ResourceServer,
  startResourceServer,
  type Visitor,
} from "./oauth_world.ts";

/** Scopes of somebody who has agreed to less than all. */
const NARROW = "agents:read sessions:read sessions:write";

/** The id of a client that has a metadata document. */
const DOCUMENT_URL = "https://client.example.com/oauth/metadata.json";

let browser: Promise<Visitor> | undefined;

/** Returns the browser of all tests where there is one, else what does the same without. */
function visitors(): Promise<Visitor> {
  return browser ??= SKIPPED === undefined ? openChromium() : Promise.resolve(redirects);
}

const shown = SKIPPED === undefined ? "in Chromium" : `${SKIPPED}, so by following redirects`;

// The browser's process and sockets belong to none of the tests.
const SHARED = { sanitizeOps: false, sanitizeResources: false };

Deno.test.afterAll(async () => await (await browser)?.[Symbol.asyncDispose]());

/** An authorization server that knows the metadata document of a client at a port. */
function startServer(port: number, options = {}): Promise<AuthorizationServer> {
  const document = {
    client_name: "A host under test",
    redirect_uris: [`http://127.0.0.1:${port}${CALLBACK_PATH}`],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  };
  return AuthorizationServer.start({ clientDocuments: { [DOCUMENT_URL]: document }, ...options });
}

/** Plays a whole turn. @returns the agent's reply */
async function playTurn(host: SigningInHost): Promise<unknown> {
  const { fields } = await host.call("list_agents", { name_contains: "script" });
  const [agent] = Object(fields.agents);
  const made = await host.call("create_session", { agent_id: agent.id, message: "say Signed in." });
  assertEquals(made.isError, false, made.text);
  const { session_id } = made.fields;
  return (await host.call("wait_for_idle", { session_id })).fields.reply;
}

/** Takes the requests of a host to the program's and the server's documents and endpoints. */
const documents = (requests: readonly string[]) =>
  requests.filter((line) => !line.startsWith("POST /mcp 2") && !line.startsWith("GET /mcp"));

const KINDS: Readonly<Record<HostKind, string>> = {
  auto: "the client of SDK 2, 2026-07-28",
  legacy: "the client of SDK 2, 2025-11-25",
  sdk1: "the client of SDK 1",
};

for (const kind of ["auto", "legacy", "sdk1"] as const) {
  Deno.test(
    `${KINDS[kind]} registers itself, signs in ${shown}, plays a turn and refreshes`,
    SHARED,
    async () => {
      await using server = await startServer(0);
      await using target = await startResourceServer({ issuers: [server], args: ["--simulate"] });
      const visitor = await visitors();
      await using host = new SigningInHost(target.url, { kind, visitor, account: "alice" });
      await host.connect();
      assertEquals(documents(host.requests), [
        "POST /mcp 401",
        "GET /.well-known/oauth-protected-resource/mcp 200",
        "GET /.well-known/oauth-authorization-server 200",
        "POST /reg 201",
        "POST /token 200",
      ]);
      const [asked] = host.opened;
      const { resource, scope, code_challenge_method } = Object.fromEntries(
        asked?.searchParams ?? [],
      );
      assertEquals([resource, code_challenge_method], [target.url, "S256"]);
      assertEquals(scope, kind === "sdk1" ? ALL_SCOPES : `${ALL_SCOPES} offline_access`);
      const { aud, sub, iss } = decodeJwt(host.tokens?.access_token ?? "");
      assertEquals([aud, sub, iss], [target.url, "alice", server.issuer]);
      assertEquals(await playTurn(host), "Signed in.");
      await target.logged("Signed in", "alice");

      // The access token has expired meanwhile.
      const { access_token = "", ...others } = host.tokens ?? {};
      const expired = await server.sign({ ...decodeJwt(access_token), exp: 1_000_000_000 });
      host.tokens = { token_type: "Bearer", ...others, access_token: expired };
      host.requests.length = 0;
      assertEquals((await host.call("list_agents")).isError, false);
      assertEquals(host.requests, ["POST /mcp 401", "POST /token 200", "POST /mcp 200"]);
      assertEquals(host.opened.length, 1, "the person is not asked again");
      await target.logged("reason=expired", "claim=exp");
    },
  );
}

for (const kind of ["auto", "legacy"] as const) {
  Deno.test(
    `${
      KINDS[kind]
    } with a metadata document signs in ${shown}, and again for a scope that it lacks`,
    SHARED,
    async () => {
      const port = freePort();
      await using server = await startServer(port, { clients: ["metadata_documents"] });
      await using target = await startResourceServer({
        issuers: [server],
        args: ["--simulate", "--tools=core,actions"],
      });
      const visitor = await visitors();
      const options: HostOptions = { kind, visitor, account: "bob", port };
      await using host = new SigningInHost(target.url, {
        ...options,
        clientMetadataUrl: DOCUMENT_URL,
      });
      await host.connect();
      assertEquals(host.requests.filter((line) => line.includes("/reg")), []);
      assertEquals(host.opened[0]?.searchParams.get("client_id"), DOCUMENT_URL);
      assertEquals(host.opened[0]?.searchParams.get("scope"), `${ALL_SCOPES} offline_access`);

      // Somebody who has agreed to less.
      const { client_id: _, ...claims } = decodeJwt(host.tokens?.access_token ?? "");
      const narrow = await server.sign({ ...claims, scope: NARROW });
      host.tokens = { token_type: "Bearer", ...host.tokens, access_token: narrow, scope: NARROW };
      host.requests.length = 0;
      const action = { session_id: "sesn_x", event_id: "sevt_x", tool_name: "x", result: "allow" };
      const acted = await host.call("confirm_tool_use", action);
      assertMatch(acted.text, /does not exist or is not available/, "the tool was reached");
      assertEquals(host.requests.filter((line) => line.startsWith("POST /mcp")), [
        "POST /mcp 403",
        "POST /mcp 200",
      ]);
      assertEquals(host.opened.length, 2);
      const union = new Set(host.opened[1]?.searchParams.get("scope")?.split(" "));
      assertEquals([...union].filter((scope) => scope !== "offline_access"), ALL_SCOPES.split(" "));
      assertEquals(decodeJwt(host.tokens?.access_token ?? "").scope, ALL_SCOPES);
    },
  );
}

const MCP_REMOTE = manifest.imports["mcp-remote"];

/** Starts `mcp-remote` as a host does, whose browser is a program that only notes the address. */
async function startMcpRemote(url: string) {
  const folder = await Deno.makeTempDir();
  const browser = `${folder}/browser`;
  await Deno.writeTextFile(browser, `#!/bin/sh\nprintf '%s' "$1" > "${folder}/opened"\n`);
  await Deno.chmod(browser, 0o755);
  const args = ["run", "-A", "-q", MCP_REMOTE, url, "--allow-http"];
  const env = { MCP_REMOTE_CONFIG_DIR: folder, BROWSER: browser };
  const program = new Spawned(args, env, Deno.execPath());
  return {
    program,
    /** Resolves with the address that its browser has opened. */
    async opened() {
      await program.logged("Browser opened");
      return await Deno.readTextFile(`${folder}/opened`);
    },
    async [Symbol.asyncDispose]() {
      await program.closeStdin().catch(() => {});
      await program.ending();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

// It opens browsers by commands of the system, and only on Linux by one that a test can name.
const isLinux = Deno.build.os === "linux";

Deno.test({
  name: `${
    isLinux ? "" : "SKIPPED except on Linux: "
  }mcp-remote signs in ${shown}, and answers a call`,
  ignore: !isLinux,
  ...SHARED,
  fn: async () => {
    await using server = await startServer(0, { accessTokenSeconds: 20 });
    await using target = await startResourceServer({ issuers: [server], args: ["--simulate"] });
    const visitor = await visitors();
    await using remote = await startMcpRemote(target.url);
    const initialized = remote.program.initialize();
    initialized.catch(() => {});
    const asked = await remote.opened();
    const { resource, scope } = Object.fromEntries(new URL(asked).searchParams);
    assertEquals([resource, scope], [target.url, `${ALL_SCOPES} offline_access`]);
    const page = await visitor.visit(asked, "alice").catch((error) => {
      const said = remote.program.stderr.join("\n");
      throw new Error(`mcp-remote was not called back: ${said}`, { cause: error });
    });
    assertMatch(page, /Authorization successful/);
    assertMatch(JSON.stringify(await initialized), /"serverInfo"/);
    const call = async () => {
      const params = { name: "list_agents", arguments: {} };
      return JSON.stringify(await remote.program.request("tools/call", params));
    };
    assertMatch(await call(), /Simulated Quick Answer/);
    await target.logged("Signed in", "alice");
    assertEquals(server.requests.filter(({ url }) => url === "/reg").length, 1);
    // Its access token is about to expire: it takes another before it calls.
    const refreshes = () =>
      server.requests.filter(({ body }) => body.includes("grant_type=refresh_token")).length;
    const before = refreshes();
    assertMatch(await call(), /Simulated Quick Answer/);
    assert(refreshes() > before, `${before}, ${refreshes()}`);
  },
});

/** Asks for a document as a client without a browser does. */
async function readDocument(url: string | undefined): Promise<Record<string, unknown>> {
  assert(url !== undefined);
  const response = await fetch(url, { headers: { "mcp-protocol-version": "2025-11-25" } });
  assertEquals(response.status, 200, url);
  assertMatch(response.headers.get("content-type") ?? "", /^application\/json/);
  assertEquals(response.headers.get("access-control-allow-origin"), "*");
  return await response.json();
}

Deno.test("the order in which claude.ai finds its way leads to a call", async () => {
  await using server = await AuthorizationServer.start();
  await using target = await startResourceServer({ issuers: [server], args: ["--simulate"] });
  const { origin } = new URL(target.url);
  for (const typed of [target.url, `${target.url}/`]) {
    const first = await callTool(typed, {}, "list_agents");
    assertEquals([first.status, first.challenge.error], [401, undefined]);
    assertEquals(first.challenge.scope, ALL_SCOPES);
    // The metadata at the root, below the path, and where the challenge says, which is the same.
    const named = first.challenge.resource_metadata;
    assertEquals(named, `${origin}/.well-known/oauth-protected-resource/mcp`);
    const atRoot = await readDocument(`${origin}/.well-known/oauth-protected-resource`);
    const metadata = await readDocument(named);
    assertEquals(metadata, atRoot);
    assertEquals(metadata.resource, target.url, "the URL that people type");
    assertEquals(metadata.authorization_servers, [server.issuer]);
    assertEquals(metadata.scopes_supported, ALL_SCOPES.split(" "));
    assertEquals(metadata.bearer_methods_supported, ["header"]);
  }
  const issuer = `${server.issuer}/.well-known/oauth-authorization-server`;
  const { registration_endpoint, authorization_endpoint, token_endpoint } = await (
    await fetch(issuer)
  ).json();
  const redirect_uri = "https://claude.ai/api/mcp/auth_callback";
  const registered = await fetch(registration_endpoint, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "claudeai",
      redirect_uris: [redirect_uri],
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      scope: ALL_SCOPES,
    }),
  });
  const { client_id, client_secret } = await registered.json();
  const request = new URL(authorization_endpoint);
  // The verifier of RFC 7636, appendix B.
  const code_verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  request.search = new URLSearchParams({
    ...{ client_id, redirect_uri, response_type: "code", scope: ALL_SCOPES, resource: target.url },
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
  }).toString();
  const callback = await new FormBrowser().authorize(request, "alice");
  assertEquals(callback.origin + callback.pathname, redirect_uri);
  const issued = await fetch(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      ...{ client_id, client_secret, redirect_uri, code_verifier, resource: target.url },
      grant_type: "authorization_code",
      code: callback.searchParams.get("code") ?? "",
    }),
  });
  const { access_token } = await issued.json();
  for (const typed of [target.url, `${target.url}/`]) {
    const seen = await callTool(typed, access_token, "list_agents");
    assertEquals([seen.status, Array.isArray(seen.fields.agents)], [200, true], seen.message);
  }
});

Deno.test("people sign in below a path of the public URL, whether a proxy takes it off or not", async () => {
  await using server = await AuthorizationServer.start();
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--simulate"],
    path: "/team",
  });
  const { origin } = new URL(target.url);
  assertEquals(target.url, `${origin}/team/mcp`);
  await using host = new SigningInHost(target.url, {
    ...{ kind: "auto", account: "alice", visitor: redirects },
  });
  await host.connect();
  assertEquals(await playTurn(host), "Signed in.");
  assert(host.requests.includes("GET /.well-known/oauth-protected-resource/team/mcp 200"));
  const { access_token = "" } = host.tokens ?? {};
  assertEquals(decodeJwt(access_token).aud, target.url);
  assertEquals((await callTool(`${origin}/mcp`, access_token, "list_agents")).status, 200);
  // As a client asks, and as it comes here where the path is taken off, before or behind.
  const wellKnown = "/.well-known/oauth-protected-resource";
  for (const path of [`${wellKnown}/team/mcp`, `${wellKnown}/mcp`, wellKnown]) {
    assertEquals((await readDocument(origin + path)).resource, target.url, path);
  }
});

const STATIC = "static-token-static-token-static-token";

/** Counts the documents of OAuth that a server has. */
async function countDocuments({ url }: ResourceServer): Promise<number> {
  const paths = ["", "/mcp"].map((end) => `/.well-known/oauth-protected-resource${end}`);
  const found = await Promise.all(
    [...paths, "/.well-known/oauth-authorization-server"].map(async (path) => {
      const response = await fetch(new URL(path, url));
      await response.body?.cancel();
      return response.ok;
    }),
  );
  return found.filter(Boolean).length;
}

Deno.test("static tokens go on beside OAuth, and without it no client finds a way to sign in", async () => {
  await using server = await AuthorizationServer.start();
  const env = { MANAGED_AGENTS_MCP_TOKEN: STATIC };
  const args = ["--simulate"];
  await using both = await startResourceServer({ issuers: [server], args, env });
  await using tokensOnly = await startResourceServer({ issuers: [], args, env });
  const headers = { authorization: `Bearer ${STATIC}` };
  assertEquals([await countDocuments(both), await countDocuments(tokensOnly)], [2, 0]);
  const scope = ALL_SCOPES;
  const { access_token } = await signIn(server, "alice", { resource: both.url, scope });
  for (const from of [access_token, STATIC, { "x-api-key": STATIC }]) {
    assertEquals((await callTool(both.url, from, "list_agents")).status, 200);
  }
  const refused = await callTool(tokensOnly.url, "wrong-token-wrong-token", "list_agents");
  assertEquals(Object.keys(refused.challenge), ["realm", "error"]);

  server.takePaths();
  for (const kind of ["auto", "sdk1"] as const) {
    await using host = new SigningInHost(both.url, {
      ...{ kind, headers, account: "alice", visitor: redirects },
    });
    await host.connect();
    assertEquals(await playTurn(host), "Signed in.");
    await using wrong = new SigningInHost(tokensOnly.url, {
      ...{ kind, account: "alice", visitor: redirects },
      headers: { authorization: "Bearer wrong-token-wrong-token" },
    });
    await assertRejects(() => wrong.connect());
    assertEquals(wrong.opened, []);
  }
  assertEquals(server.takePaths(), [], "the authorization server hears nothing of static tokens");
});
