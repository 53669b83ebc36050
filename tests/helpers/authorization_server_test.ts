import { assert, assertEquals, assertRejects } from "@std/assert";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { AuthorizationServer, INTROSPECTOR, PEOPLE } from "./authorization_server.ts";
import { signIn } from "./sign_in.ts";

const RESOURCE = "https://mcp.example.com/mcp";

const keysOf = ({ issuer }: AuthorizationServer) => createRemoteJWKSet(new URL(`${issuer}/jwks`));

async function read(url: string | URL): Promise<Record<string, unknown>> {
  const response = await fetch(url);
  assertEquals(response.status, 200);
  return await response.json();
}

for (const algorithm of ["RS256", "ES256", "EdDSA"] as const) {
  Deno.test(`an authorization server signs people in, and what it issues, by ${algorithm}`, async () => {
    await using server = await AuthorizationServer.start({ algorithm });
    const scope = "agents:read sessions:read";
    for (const [name, claims] of Object.entries(PEOPLE)) {
      const issued = await signIn(server, name, { resource: RESOURCE, scope });
      const { payload, protectedHeader } = await jwtVerify(issued.access_token, keysOf(server), {
        issuer: server.issuer,
        audience: RESOURCE,
        typ: "at+jwt",
      });
      assertEquals(protectedHeader.alg, algorithm);
      assertEquals(
        [payload.sub, payload.scope, payload.groups, payload.email],
        [name, scope, claims.groups, claims.email],
      );
      assert(issued.refresh_token);
    }
  });
}

Deno.test("an authorization server with a path tells about itself in the three usual places", async () => {
  await using server = await AuthorizationServer.start({ path: "/tenant" });
  const { origin } = new URL(server.issuer);
  const places = [
    "/.well-known/oauth-authorization-server/tenant",
    "/.well-known/openid-configuration/tenant",
    "/tenant/.well-known/openid-configuration",
  ];
  for (const place of places) {
    const metadata = await read(origin + place);
    assertEquals(metadata.issuer, server.issuer);
    assertEquals(metadata.jwks_uri, `${server.issuer}/jwks`);
  }
  const { access_token } = await signIn(server, "bob", { resource: RESOURCE, scope: "actions" });
  assertEquals(decodeJwt(access_token).iss, server.issuer);
});

Deno.test("an authorization server tells what an opaque token is until it is revoked", async () => {
  await using server = await AuthorizationServer.start({ tokens: "opaque" });
  const { access_token } = await signIn(server, "alice", { resource: RESOURCE, scope: "actions" });
  const introspect = async (secret: string = INTROSPECTOR.secret) => {
    const pair = [INTROSPECTOR.clientId, secret].map(encodeURIComponent).join(":");
    const response = await fetch(`${server.issuer}/token/introspection`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(pair)}` },
      body: new URLSearchParams({ token: access_token }),
    });
    return { status: response.status, ...await response.json() };
  };
  const { status, active, sub, aud, iss } = await introspect();
  assertEquals([status, active, sub, aud, iss], [200, true, "alice", RESOURCE, server.issuer]);
  assertEquals((await introspect("wrong")).status, 401);
  server.revokeAccessTokens();
  assertEquals(await introspect(), { status: 200, active: false });
});

Deno.test("an authorization server replaces its keys, and keeps the earlier ones or not", async () => {
  await using server = await AuthorizationServer.start();
  const first = await server.sign({ sub: "alice" });
  await server.replaceKeys("kept");
  const second = await server.sign({ sub: "alice" });
  for (const token of [first, second]) await jwtVerify(token, keysOf(server));
  await server.replaceKeys("gone");
  for (const token of [first, second]) await assertRejects(() => jwtVerify(token, keysOf(server)));
});

Deno.test("an authorization server goes down, comes back with what it knew, and falls ill", async () => {
  await using server = await AuthorizationServer.start();
  const { refresh_token = "", access_token } = await signIn(server, "alice", {
    resource: RESOURCE,
    scope: "actions",
  });
  await server.goDown();
  await assertRejects(() => fetch(`${server.issuer}/jwks`), TypeError);
  await server.comeBack();
  const response = await fetch(`${server.issuer}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "refresh_token",
      client_id: String(decodeJwt(access_token).client_id),
      refresh_token,
    }),
  });
  assertEquals(decodeJwt((await response.json()).access_token).aud, RESOURCE);
  server.fallIll("garbage");
  await assertRejects(() => read(`${server.issuer}/jwks`), SyntaxError);
  server.getWell();
  assertEquals(Object.keys(await read(`${server.issuer}/jwks`)), ["keys"]);
});
