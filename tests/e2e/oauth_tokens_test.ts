// Access tokens that must not count, sent over the wire: each is refused with its reason, to the
// client as to the operator.
import { createHmac, createPublicKey } from "node:crypto";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EncryptJWT, exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { AuthorizationServer } from "../helpers/authorization_server.ts";
import { type IssuedTokens, signIn } from "../helpers/sign_in.ts";
import { callTool, lineAbout, send } from "./oauth_requests.ts";
import { ALL_SCOPES, type ResourceServer, startResourceServer } from "./oauth_world.ts";

/** What a test has to make tokens of. */
interface Forge {
  readonly server: AuthorizationServer;
  readonly other: AuthorizationServer;
  /** What a real sign-in brings. */
  readonly issued: IssuedTokens;
  readonly resource: string;
  /** Claims of a token that counts. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A token that must not count. */
interface Attack {
  readonly token: (forge: Forge) => string | Promise<string>;
  /** The reason in the log. */
  readonly reason: string;
  readonly claim?: string;
  /** What the sentence for the client says. */
  readonly says: RegExp;
}

const seconds = () => Math.floor(Date.now() / 1000);

const base64Url = (value: unknown) =>
  btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Makes a token with a signature of the caller's own. */
function unsigned(header: object, claims: object, sign: (input: string) => string): string {
  const input = `${base64Url(header)}.${base64Url(claims)}`;
  return `${input}.${sign(input)}`;
}

const without = (claims: Readonly<Record<string, unknown>>, name: string) =>
  Object.fromEntries(Object.entries(claims).filter(([each]) => each !== name));

const ATTACKS: Readonly<Record<string, Attack>> = {
  "of another issuer": {
    token: async ({ other, resource }) =>
      (await signIn(other, "alice", { resource, scope: ALL_SCOPES })).access_token,
    reason: "unknown_issuer",
    claim: "iss",
    says: /another authorization server/,
  },
  "that another issuer signs in this one's name": {
    token: ({ other, claims }) => other.sign(claims),
    reason: "unknown_key",
    claim: "kid",
    says: /does not have/,
  },
  "that another issuer signs in this one's name, with its key's name": {
    token: ({ server, other, claims }) => other.sign(claims, { kid: server.publicKey().kid }),
    reason: "bad_signature",
    says: /signature/,
  },
  "that brings its own key": {
    token: async ({ server, claims }) => {
      const { privateKey, publicKey } = await generateKeyPair("RS256");
      const jwk = await exportJWK(publicKey);
      return await new SignJWT({ ...claims }).setProtectedHeader({
        alg: "RS256",
        typ: "at+jwt",
        kid: server.publicKey().kid,
        jwk,
      }).sign(privateKey);
    },
    reason: "bad_signature",
    says: /signature/,
  },
  "that says where its key is": {
    token: ({ server, other, claims }) =>
      other.sign(claims, { jku: `${other.issuer}/jwks`, kid: server.publicKey().kid }),
    reason: "bad_signature",
    says: /signature/,
  },
  "for another audience": {
    token: async ({ server }) => {
      const request = { resource: "https://elsewhere.example.com/mcp", scope: ALL_SCOPES };
      return (await signIn(server, "alice", request)).access_token;
    },
    reason: "wrong_audience",
    claim: "aud",
    says: /another audience.*'https:\/\/elsewhere\.example\.com\/mcp'.*127\.0\.0\.1/,
  },
  "for a resource that only begins like this one": {
    token: ({ server, claims, resource }) => server.sign({ ...claims, aud: `${resource}/more` }),
    reason: "wrong_audience",
    claim: "aud",
    says: /another audience/,
  },
  "without an audience": {
    token: ({ server, claims }) => server.sign(without(claims, "aud")),
    reason: "missing_claim",
    claim: "aud",
    says: /lacks the claim aud/,
  },
  "without an end": {
    token: ({ server, claims }) => server.sign(without(claims, "exp")),
    reason: "missing_claim",
    claim: "exp",
    says: /lacks the claim exp/,
  },
  "without a subject": {
    token: ({ server, claims }) => server.sign(without(claims, "sub")),
    reason: "missing_claim",
    claim: "sub",
    says: /lacks the claim sub/,
  },
  "without an issuer": {
    token: ({ server, claims }) => server.sign(without(claims, "iss")),
    reason: "missing_claim",
    claim: "iss",
    says: /lacks the claim iss/,
  },
  "that has expired": {
    token: ({ server, claims }) => server.sign({ ...claims, exp: seconds() - 60 }),
    reason: "expired",
    claim: "exp",
    says: /expired/,
  },
  "that is not valid yet": {
    token: ({ server, claims }) => server.sign({ ...claims, nbf: seconds() + 120 }),
    reason: "not_yet_valid",
    claim: "nbf",
    says: /valid from/,
  },
  "that was issued in the future": {
    token: ({ server, claims }) => server.sign({ ...claims, iat: seconds() + 120 }),
    reason: "not_yet_valid",
    claim: "iat",
    says: /valid from/,
  },
  "without a signature": {
    token: ({ claims }) => unsigned({ alg: "none", typ: "at+jwt" }, claims, () => ""),
    reason: "wrong_algorithm",
    claim: "alg",
    says: /algorithm.*'none'/,
  },
  "signed with the public key as a secret (PEM)": {
    token: async ({ server, claims }) => {
      const { kid, ...jwk } = server.publicKey();
      const secret = await exportSPKI(createPublicKey({ key: { ...jwk }, format: "jwk" }));
      return unsigned(
        { alg: "HS256", typ: "at+jwt", kid },
        claims,
        (input) => createHmac("sha256", secret).update(input).digest("base64url"),
      );
    },
    reason: "wrong_algorithm",
    claim: "alg",
    says: /algorithm.*'HS256'/,
  },
  "signed with the public key as a secret (JWK)": {
    token: ({ server, claims }) => {
      const jwk = server.publicKey();
      return unsigned(
        { alg: "HS256", typ: "at+jwt", kid: jwk.kid },
        claims,
        (input) => createHmac("sha256", JSON.stringify(jwk)).update(input).digest("base64url"),
      );
    },
    reason: "wrong_algorithm",
    claim: "alg",
    says: /algorithm/,
  },
  "signed by the issuer with an algorithm that does not count": {
    token: ({ server, claims }) => server.sign(claims, { alg: "RS512" }),
    reason: "wrong_algorithm",
    claim: "alg",
    says: /algorithm.*'RS512'/,
  },
  "whose header wants to be understood": {
    token: ({ server, claims }) => server.sign(claims, { crit: ["exp"], exp: 1 }),
    reason: "malformed",
    claim: "crit",
    says: /crit/,
  },
  "that is bound to a key of its sender": {
    token: ({ server, claims }) => server.sign({ ...claims, cnf: { jkt: "abc" } }),
    reason: "sender_constrained",
    claim: "cnf",
    says: /bound to its sender's key/,
  },
  "that is encrypted": {
    token: async ({ claims }) => {
      const { publicKey } = await generateKeyPair("RSA-OAEP-256");
      return await new EncryptJWT({ ...claims })
        .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM", typ: "at+jwt" })
        .encrypt(publicKey);
    },
    reason: "malformed",
    says: /encrypted/,
  },
  "that is an ID token": {
    token: ({ issued }) => issued.id_token ?? "",
    reason: "wrong_type",
    claim: "typ",
    says: /type \(typ\)/,
  },
  "that is an ID token by another type, for this server": {
    token: ({ server, claims }) => server.sign({ ...claims, nonce: "n" }, { typ: "JWT" }),
    reason: "wrong_type",
    claim: "typ",
    says: /type \(typ\)/,
  },
  "that is a refresh token": {
    token: ({ issued }) => issued.refresh_token ?? "",
    reason: "malformed",
    says: /no JWT/,
  },
  "whose claims were changed": {
    token: ({ issued, claims }) => {
      const [header, , signature] = issued.access_token.split(".");
      return [header, base64Url({ ...claims, sub: "bob" }), signature].join(".");
    },
    reason: "bad_signature",
    says: /signature/,
  },
  "whose end was cut off": {
    token: ({ issued }) => issued.access_token.slice(0, -42),
    reason: "bad_signature",
    says: /signature/,
  },
  "of nothing but dots": { token: () => "..", reason: "malformed", says: /JWT/ },
  "of three words": { token: () => "not.a.token", reason: "malformed", says: /JWT/ },
  "with a long claim": {
    token: ({ server, claims }) =>
      server.sign({ ...claims, padding: "x".repeat(8_000) }, {
        alg: "ES256",
        kid: "gone",
      }, "ES256"),
    reason: "unknown_key",
    claim: "kid",
    says: /'gone'/,
  },
  "whose subject could forge a line": {
    token: ({ server, claims }) => server.sign({ ...claims, sub: "alice\ncma-mcp info: forged" }),
    reason: "malformed",
    claim: "sub",
    says: /claim sub/,
  },
  "whose issuer could forge a header": {
    token: ({ server, claims }) =>
      server.sign({ ...claims, iss: 'https://x.example.com/"\r\nset-cookie: a=b' }),
    reason: "unknown_issuer",
    claim: "iss",
    says: /another authorization server/,
  },
};

async function withForge(run: (forge: Forge, target: ResourceServer) => Promise<void>) {
  await using server = await AuthorizationServer.start();
  await using other = await AuthorizationServer.start();
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--simulate", "--log-level=debug", "--log-format=json"],
  });
  const resource = target.url;
  const issued = await signIn(server, "alice", { resource, scope: `openid ${ALL_SCOPES}` });
  const claims = {
    ...{ iss: server.issuer, sub: "alice", aud: resource, scope: ALL_SCOPES },
    ...{ iat: seconds(), exp: seconds() + 600 },
  };
  await run({ server, other, issued, resource, claims }, target);
}

Deno.test("access tokens that must not count get 401 with the reason, which the log has too", async () => {
  await withForge(async (forge, target) => {
    const { issued, server, other, claims } = forge;
    assertEquals((await callTool(target.url, issued.access_token, "list_agents")).status, 200);
    // The forge itself is right: what it signs counts, also some seconds after its end.
    for (const counts of [claims, { ...claims, exp: seconds() - 10 }]) {
      const seen = await callTool(target.url, await server.sign(counts), "list_agents");
      assertEquals([seen.status, seen.message], [200, ""]);
    }
    const sent: string[] = [issued.access_token];
    for (const [name, { token, reason, claim, says }] of Object.entries(ATTACKS)) {
      const text = await token(forge);
      sent.push(text);
      other.takePaths();
      const seen = await callTool(target.url, text, "list_agents");
      assertEquals(seen.status, 401, `a token ${name}: ${seen.message}`);
      assertEquals(seen.fields, {}, name);
      assertMatch(seen.message, says, name);
      assertEquals(seen.challenge.error, "invalid_token", name);
      assertMatch(seen.challenge.error_description ?? "", says, name);
      assertEquals(
        seen.challenge.resource_metadata,
        target.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp"),
      );
      assertEquals(seen.challenge.scope, ALL_SCOPES, name);
      assertEquals(seen.headers.get("set-cookie"), null);
      const line = await lineAbout(target, seen);
      assertEquals([line.status, line.reason, line.claim], [401, reason, claim], name);
      assertMatch(String(line.problem), says, name);
      assertEquals(other.takePaths(), [], `a stranger was asked about a token ${name}`);
    }
    assertEquals((await callTool(target.url, issued.access_token, "list_agents")).status, 200);
    assertEquals(await target.stop(), 0);
    const log = target.program.stderr.join("\n");
    for (const text of sent.filter(({ length }) => length > 20)) {
      for (const part of text.split(".").filter(({ length }) => length > 40)) {
        assert(!log.includes(part.slice(0, 40)), `the log has ${part.slice(0, 40)}`);
      }
    }
    assert(!/^cma-mcp info: forged/m.test(log));
  });
});

/** Sends a request whose response may end with its head. */
async function statusOf(url: string, headers: Record<string, string>): Promise<number | string> {
  try {
    const response = await fetch(url, { method: "POST", headers, body: "{}" });
    await response.body?.cancel();
    return response.status;
  } catch {
    return "cut off";
  }
}

Deno.test("an access token counts only as a bearer token of reasonable length", async () => {
  await withForge(async ({ issued, server, claims }, target) => {
    const { access_token } = issued;
    const call = (headers: Record<string, string>, url = target.url) =>
      callTool(url, headers, "list_agents");
    assertEquals((await call({ authorization: `bearer  ${access_token}` })).status, 200);
    const nowhere: [string, Record<string, string>, string?][] = [
      ["no header", {}],
      ["an empty header", { authorization: "Bearer " }],
      ["a parameter of the URL", {}, `${target.url}?access_token=${access_token}`],
      ["another scheme", { authorization: `DPoP ${access_token}` }],
    ];
    for (const [name, headers, url] of nowhere) {
      const seen = await call(headers, url);
      assertEquals([seen.status, seen.challenge.error], [401, undefined], name);
      assertMatch(seen.message, /bearer token is needed/, name);
      assertEquals((await lineAbout(target, seen)).reason, "no token", name);
    }
    const key = await call({ "x-api-key": access_token });
    assertEquals([key.status, (await lineAbout(target, key)).reason], [401, "unknown token"]);
    for (const length of [20_000, 200_000]) {
      const long = await server.sign({ ...claims, padding: "x".repeat(length) });
      const outcome = await statusOf(target.url, { authorization: `Bearer ${long}` });
      // The guard's own limit, or that of the runtime's server, which may not wait for the rest.
      assert([400, 431, "cut off"].includes(outcome), `${length}: ${outcome}`);
    }
    assertEquals((await call({ authorization: `Bearer ${access_token}` })).status, 200);
  });
});

Deno.test("a call beyond the access token's scopes gets 403 that asks for the union, in every form", async () => {
  await using server = await AuthorizationServer.start();
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--simulate", "--tools=all", "--log-format=json"],
  });
  const resource = target.url;
  const scope = "agents:read sessions:read";
  const { access_token } = await signIn(server, "alice", { resource, scope });
  const { fields } = await callTool(target.url, access_token, "list_agents");
  const [agent] = Object(fields.agents);
  const creation = { name: "create_session", arguments: { agent_id: agent.id } };
  const request = (id: number, params: unknown) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params,
  });
  const seen = await send(target.url, access_token, request(42, creation));
  assertEquals([seen.status, seen.id], [403, 42]);
  assertMatch(seen.message, /sessions:write/);
  assertEquals(seen.challenge.error, "insufficient_scope");
  assertEquals(seen.challenge.scope, "agents:read sessions:read sessions:write");
  assertStringIncludes(seen.challenge.resource_metadata ?? "", "/.well-known/");
  const line = await lineAbout(target, seen);
  assertEquals([line.status, line.subject, line.issuer], [403, "alice", server.issuer]);
  const list = { name: "list_agents", arguments: {} };
  const batch = await send(target.url, access_token, [request(1, list), request(2, creation)]);
  assertEquals([batch.status, batch.challenge.error], [403, "insufficient_scope"]);
  // Nothing of a challenged batch was done.
  const { fields: listed } = await callTool(target.url, access_token, "list_sessions");
  assertEquals(listed.sessions, []);
  const action = { session_id: "sesn_1", event_id: "sevt_1", tool_name: "x", result: "allow" };
  const acting = await callTool(target.url, access_token, "confirm_tool_use", action);
  assertEquals(
    [acting.status, acting.challenge.scope],
    [403, "agents:read sessions:read actions"],
  );
  // A tool that there is not is no matter of scopes.
  const unknown = await callTool(target.url, access_token, "no_such_tool");
  assertEquals(unknown.status, 200);
});

Deno.test("settings admit the audience, the type and the scopes of servers that go their own ways", async () => {
  const audience = "4f6cf0a1-8f1b-4f39-9a5e-0c3a5d7f2b11";
  await using server = await AuthorizationServer.start({ path: "/tenant/v2.0" });
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--simulate", "--log-format=json"],
    env: {
      CMA_MCP_OAUTH_AUDIENCE: `${server.issuer}=${audience}`,
      CMA_MCP_OAUTH_TOKEN_TYPE: "JWT",
    },
  });
  const claims = {
    ...{ iss: server.issuer, sub: "alice", aud: audience, scp: "agents:read sessions:read" },
    ...{ iat: seconds(), exp: seconds() + 600 },
  };
  const call = (token: string, name = "list_agents") => callTool(target.url, token, name);
  const token = await server.sign(claims, { typ: "JWT" });
  assertEquals((await call(token)).status, 200);
  const made = await callTool(target.url, token, "create_session", { agent_id: "agent_x" });
  assertEquals([made.status, made.challenge.error], [403, "insufficient_scope"]);
  const { id_token = "", access_token } = await signIn(server, "alice", {
    resource: target.url,
    scope: `openid ${ALL_SCOPES}`,
  });
  const refusals: [string, string, string, string][] = [
    ["an ID token", id_token, "wrong_audience", "aud"],
    [
      "an ID token for the same audience",
      await server.sign({ ...claims, nonce: "n" }, { typ: "JWT" }),
      "wrong_type",
      "nonce",
    ],
    ["a token for the URL, which the setting replaces", access_token, "wrong_type", "typ"],
    [
      "a token of that type for the URL",
      await server.sign({ ...claims, aud: target.url }, { typ: "JWT" }),
      "wrong_audience",
      "aud",
    ],
  ];
  for (const [name, refused, reason, claim] of refusals) {
    const seen = await call(refused);
    assertEquals([seen.status, seen.challenge.error], [401, "invalid_token"], name);
    const line = await lineAbout(target, seen);
    assertEquals([line.reason, line.claim], [reason, claim], name);
  }
});
