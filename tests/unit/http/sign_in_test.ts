import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type AuthInfo, McpServer } from "@modelcontextprotocol/server";
import type { TokenCheck } from "../../../src/access/access_tokens.ts";
import type { AccessRule } from "../../../src/access/rules.ts";
import { createTokenRegistry, tokensOf } from "../../../src/access/tokens.ts";
import { createLogger } from "../../../src/core/logger.ts";
import { createHttpHandler, type HttpOptions } from "../../../src/http/handler.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import {
  accessTokenOf,
  fakeVerifier,
  ISSUER,
  oauthSettings,
  OTHER_ISSUER,
} from "../../helpers/signed_in.ts";

const STATIC = "static-token-0123456789-0123456789";
const ALICE = accessTokenOf({
  sub: "alice",
  claims: { groups: ["staff"], email: "al@example.com" },
});
const STAFF: AccessRule = {
  name: "staff",
  issuer: ISSUER,
  when: { claim: "groups", values: ["staff"] },
};

const METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
const WHERE = `resource_metadata="${METADATA}", scope="agents:read sessions:read sessions:write"`;

interface World {
  readonly rules?: readonly AccessRule[];
  readonly settings?: Parameters<typeof oauthSettings>[0];
  readonly options?: Partial<HttpOptions>;
}

function openWorld({ rules, settings, options }: World = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    redact: (text) => text,
    write: (line) => lines.push(JSON.parse(line)),
    now: () => 0,
  });
  const clock = new ManualClock();
  const verifier = fakeVerifier();
  const registry = createTokenRegistry(tokensOf([STATIC]), rules);
  const callers: AuthInfo[] = [];
  const outcomes: string[] = [];
  const learned: string[] = [];
  const handler = createHttpHandler(({ authInfo }) => {
    if (authInfo) callers.push(authInfo);
    return new McpServer({ name: "test", version: "0" }, { capabilities: { tools: {} } });
  }, {
    tokens: registry,
    allowedHosts: ["mcp.example.com"],
    allowedOrigins: ["https://page.example"],
    ready: () => Promise.resolve(true),
    log,
    clock,
    onAuthenticated: (method, outcome) => outcomes.push(`${method} ${outcome}`),
    oauth: {
      settings: oauthSettings(settings),
      verifier,
      onAccepted: (token) => learned.push(token),
      served: { toolSets: ["core"], publishes: false, asksPeople: false, viewActions: false },
    },
    ...options,
  });
  const send = async (headers: HeadersInit = {}, path = "/mcp", init: RequestInit = {}) => {
    const response = await handler.fetch(
      new Request(`https://mcp.example.com${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...Object.fromEntries(new Headers(headers)),
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
        ...init,
      }),
    );
    const text = await response.text();
    const body = text.startsWith("{") ? JSON.parse(text) : undefined;
    const challenge = response.headers.get("www-authenticate");
    return { status: response.status, challenge, body, text, headers: response.headers };
  };
  const come = (token: string) => send({ authorization: `Bearer ${token}` });
  const linesOf = (message: string) => lines.filter((line) => line.message === message);
  return {
    ...{ handler, send, come, verifier, registry, callers, outcomes, learned, lines, linesOf },
    clock,
  };
}

Deno.test("a person comes in with an access token, and nothing of it reaches the SDK", async () => {
  const { come, callers, verifier, outcomes } = openWorld({ rules: [STAFF] });
  assertEquals((await come(ALICE)).status, 200);
  assertEquals([verifier.asked, outcomes], [[ALICE], ["jwt accepted"]]);
  const [caller] = callers;
  assertEquals(caller?.token, "");
  assertEquals(caller?.extra?.principal, {
    id: JSON.stringify([ISSUER, "alice"]),
    person: { issuer: ISSUER, subject: "alice", rule: "staff" },
    sessions: "own",
    scopes: ["agents:read", "sessions:read", "sessions:write", "actions"],
  });
  assert(!JSON.stringify(caller).includes(ALICE));
  assert(!JSON.stringify(caller).includes("al@example.com"));
});

Deno.test("static tokens come first, and no issuer hears of them", async () => {
  const { send, come, verifier, callers, outcomes } = openWorld();
  assertEquals((await come(STATIC)).status, 200);
  assertEquals((await send({ "x-api-key": STATIC })).status, 200);
  assertEquals((await send({ authorization: "Bearer no", "x-api-key": STATIC })).status, 200);
  assertEquals(callers.map(({ clientId }) => clientId), ["default", "default", "default"]);
  assertEquals([verifier.asked, outcomes.length], [[], 3]);
});

Deno.test("what cannot be an access token is shown to no issuer", async () => {
  const { send, verifier, outcomes } = openWorld();
  const secrets = [`cma_${"a".repeat(43)}`, "sk-ant-api03-0123456789"];
  for (const secret of secrets) {
    const { status, challenge } = await send({ authorization: `Bearer ${secret}` });
    assertEquals(status, 401);
    assertStringIncludes(`${challenge}`, WHERE);
  }
  assertEquals((await send({ "x-api-key": ALICE })).status, 401);
  assertEquals(verifier.asked, []);
  assertEquals(outcomes, Array.from({ length: 3 }, () => "token unknown_token"));
});

Deno.test("an access token in the wrong header is refused for that, and told so", async () => {
  const { send, verifier } = openWorld();
  const jwt = `${btoa('{"alg":"RS256"}')}.${btoa('{"sub":"a"}')}.c2ln`.replaceAll("=", "");
  const where = "counts only as Authorization: Bearer, not as X-API-Key";
  const sayings = async (headers: HeadersInit) => {
    const { status, challenge, body } = await send(headers);
    assertEquals(status, 401);
    return [`${challenge}`.includes(WHERE), `${body.error.message}`.includes(where)];
  };
  assertEquals(await sayings({ "x-api-key": jwt }), [true, true]);
  assertEquals(await sayings({ "x-api-key": "static-token" }), [true, false]);
  assertEquals(await sayings({ authorization: `Bearer cma_${"a".repeat(43)}` }), [true, false]);
  assertEquals(verifier.asked, []);
});

Deno.test("a request without a token learns where to sign in, and of no error", async () => {
  const { send, outcomes, linesOf } = openWorld();
  const { status, challenge, body } = await send();
  assertEquals([status, challenge], [401, `Bearer realm="cma-mcp", ${WHERE}`]);
  assertStringIncludes(body.error.message, "find out where to sign in");
  assertEquals(outcomes, ["none no_token"]);
  assertEquals(linesOf("HTTP error response")[0]?.reason, "no token");
});

Deno.test("a refused access token says why, to the client and in the log", async () => {
  const { come, verifier, linesOf, outcomes } = openWorld();
  const check: TokenCheck = {
    kind: "rejected",
    problem: "wrong_audience",
    claim: "aud",
    message: 'The access token is for another audience ("https://ü.example.com").',
  };
  verifier.instead.set(ALICE, check);
  const { status, challenge, body } = await come(ALICE);
  assertEquals(status, 401);
  assertEquals(body.error.message, check.message);
  assertEquals(
    challenge,
    'Bearer realm="cma-mcp", error="invalid_token", error_description="The access token is for ' +
      `another audience ('https://?.example.com').", ${WHERE}`,
  );
  const [line] = linesOf("HTTP error response");
  assertEquals([line?.reason, line?.claim, line?.problem], [
    "wrong_audience",
    "aud",
    check.message,
  ]);
  assertEquals(outcomes, ["jwt wrong_audience"]);
});

Deno.test("a refusal counts for how the token would be checked: JWTs are never asked about", async () => {
  const introspection = { url: `${ISSUER}/i`, clientId: "a", clientSecret: "b", secretFile: "c" };
  const { issuers } = oauthSettings();
  const asking = issuers.map((issuer) => ({ ...issuer, introspection }));
  const { come, outcomes } = openWorld({ settings: { issuers: asking } });
  for (const token of ["opaque", "a.b.c", "eyJhbGciOiJkaXIifQ..a.b.c"]) await come(token);
  assertEquals(outcomes, ["introspection malformed", "jwt malformed", "jwt malformed"]);
});

Deno.test("an issuer that cannot be asked is 503, so that nobody is sent to sign in again", async () => {
  const { come, verifier, linesOf, outcomes } = openWorld();
  verifier.instead.set(ALICE, { kind: "unavailable", issuer: ISSUER, message: "It is down" });
  const { status, challenge, headers, body } = await come(ALICE);
  assertEquals([status, challenge, headers.get("retry-after")], [503, null, "5"]);
  assertStringIncludes(body.error.message, "cannot be asked now");
  const [line] = linesOf("HTTP error response");
  assertEquals([line?.level, line?.reason, line?.issuer, line?.problem], [
    "info",
    "unavailable",
    ISSUER,
    "It is down",
  ]);
  assertEquals(outcomes, ["jwt unavailable"]);
});

Deno.test("a person whom no rule fits gets 403 that says so, and no call to sign in again", async () => {
  const { send, linesOf, outcomes, callers } = openWorld({ rules: [STAFF] });
  const guest = accessTokenOf({ sub: "guest", claims: { email: "g@example.com" } });
  const { status, challenge, body, headers } = await send({
    authorization: `Bearer ${guest}`,
    origin: "https://page.example",
  });
  assertEquals([status, challenge], [403, null]);
  assertStringIncludes(body.error.message, "no rule of this server lets you use it");
  assertStringIncludes(body.error.message, "Ask the operator");
  assertEquals(headers.get("access-control-allow-origin"), "https://page.example");
  const [line] = linesOf("HTTP error response");
  assertEquals([line?.reason, line?.issuer, line?.subject], ["no_rule", ISSUER, "guest"]);
  assertEquals([outcomes, callers], [["jwt no_rule"], []]);
});

Deno.test("rules count as they are now, also for a token that is remembered", async () => {
  const { come, registry, callers } = openWorld({ rules: [STAFF] });
  assertEquals((await come(ALICE)).status, 200);
  registry.replace(registry.current(), [{ ...STAFF, readOnly: true }]);
  assertEquals((await come(ALICE)).status, 200);
  registry.replace(registry.current(), []);
  assertEquals((await come(ALICE)).status, 403);
  registry.replace(registry.current());
  assertEquals((await come(ALICE)).status, 200);
  assertEquals(callers.map(({ extra }) => Reflect.get(Object(extra?.principal), "readOnly")), [
    undefined,
    true,
    undefined,
  ]);
});

Deno.test("a subject that can name nobody is refused", async () => {
  const { come, linesOf } = openWorld();
  const { status, challenge } = await come(accessTokenOf({ sub: "x".repeat(256) }));
  assertEquals(status, 401);
  assertStringIncludes(`${challenge}`, "subject (sub) cannot be used");
  assertEquals(linesOf("HTTP error response")[0]?.reason, "bad_subject");
});

Deno.test("each person has the rate of the rule, however many access tokens they bring", async () => {
  const { come, linesOf, clock } = openWorld({ rules: [{ ...STAFF, ratePerMinute: 2 }] });
  const token = (sub: string, jti: number) =>
    accessTokenOf({ sub, claims: { groups: ["staff"], jti } });
  const statuses: number[] = [];
  for (const jti of [1, 2, 3]) statuses.push((await come(token("alice", jti))).status);
  statuses.push((await come(token("bob", 4))).status);
  assertEquals(statuses, [200, 200, 429, 200]);
  assertStringIncludes((await come(token("alice", 5))).text, "You may make 2 requests a minute");
  const [line] = linesOf("A person reached its rate limit");
  assertEquals([line?.issuer, line?.subject, line?.rule, line?.token], [
    ISSUER,
    "alice",
    "staff",
    undefined,
  ]);
  await clock.advance(60_000);
  assertEquals((await come(token("alice", 6))).status, 200);
});

Deno.test("the log says who signs in, once in ten minutes, and no claim beside", async () => {
  const { come, linesOf, lines, clock } = openWorld({ rules: [STAFF] });
  const bob = accessTokenOf({ sub: "bob", scopes: ["agents:read"], claims: { groups: ["staff"] } });
  for (const token of [ALICE, bob, ALICE, bob]) await come(token);
  assertEquals(
    linesOf("Signed in").map(({ subject, scopes, rule, method, issuer }) => [
      subject,
      scopes,
      rule,
      method,
      issuer,
    ]),
    [
      [
        "alice",
        ["agents:read", "sessions:read", "sessions:write", "actions"],
        "staff",
        "jwt",
        ISSUER,
      ],
      ["bob", ["agents:read"], "staff", "jwt", ISSUER],
    ],
  );
  await clock.advance(600_000);
  await come(ALICE);
  assertEquals(linesOf("Signed in").length, 3);
  const text = JSON.stringify(lines);
  assert(!text.includes("al@example.com") && !text.includes(ALICE) && !text.includes("groups"));
});

Deno.test("with hashed subjects no line has one, of those who come in and of others", async () => {
  const { come, lines, linesOf } = openWorld({
    rules: [{ ...STAFF, ratePerMinute: 1 }],
    settings: { hashSubjects: true },
  });
  const hidden = ["alice", "guest-person"];
  await come(ALICE);
  await come(ALICE);
  await come(accessTokenOf({ sub: "guest-person" }));
  const hash = linesOf("Signed in")[0]?.subject_hash;
  assert(typeof hash === "string" && /^[\w-]{22}$/.test(hash));
  assertEquals(linesOf("A person reached its rate limit")[0]?.subject_hash, hash);
  assertEquals(typeof linesOf("HTTP error response").at(-1)?.subject_hash, "string");
  for (const name of hidden) assert(!JSON.stringify(lines).includes(name), name);
});

Deno.test("a refused token counts by how it was checked", async () => {
  const [first, second] = oauthSettings().issuers;
  assert(first && second);
  const introspection = { url: "", clientId: "", clientSecret: "", secretFile: "" };
  const { come, outcomes, verifier } = openWorld({
    settings: { issuers: [{ ...first, introspection }, second] },
  });
  // Signed, encrypted, garbled, and no JWT at all.
  const tokens = [
    "a.b.c",
    "eyJhbGciOiJkaXIifQ..iv.text.tag",
    "eyJhbGciOiJFUzI1NiJ9",
    "opaque.token",
  ];
  for (const token of tokens) {
    verifier.instead.set(token, { kind: "rejected", problem: "malformed", message: "No." });
    await come(token);
  }
  const methods = ["jwt", "jwt", "jwt", "introspection"];
  assertEquals(outcomes, methods.map((method) => `${method} malformed`));
});

Deno.test("an access token that counts is hidden from then on, also one of a person who may not come in", async () => {
  const { come, learned, verifier } = openWorld({ rules: [STAFF] });
  await come(ALICE);
  await come(ALICE);
  assertEquals(learned, [ALICE]);
  const guest = accessTokenOf({ sub: "guest" });
  await come(guest);
  verifier.instead.set("garbage", { kind: "rejected", problem: "malformed", message: "No." });
  await come("garbage");
  assertEquals(learned, [ALICE, guest]);
});

Deno.test("the same subject at two issuers is two callers", async () => {
  const { come, callers } = openWorld();
  await come(accessTokenOf({ sub: "alice" }));
  await come(accessTokenOf({ sub: "alice", iss: OTHER_ISSUER }));
  assertEquals(new Set(callers.map(({ clientId }) => clientId)).size, 2);
});

Deno.test("the endpoint and its metadata are found with and without the public path", async () => {
  const { send } = openWorld({ settings: { basePath: "/agents" } });
  const authorization = `Bearer ${ALICE}`;
  for (const path of ["/mcp", "/agents/mcp", "/agents/mcp/"]) {
    assertEquals((await send({ authorization }, path)).status, 200, path);
  }
  const { challenge } = await send({}, "/mcp");
  const url = "https://mcp.example.com/.well-known/oauth-protected-resource/agents/mcp";
  assertStringIncludes(`${challenge}`, `resource_metadata="${url}"`);
  const get = { method: "GET", body: null };
  const { body } = await send({ origin: "https://any.example" }, new URL(url).pathname, get);
  assertEquals(body.resource, "https://mcp.example.com/agents/mcp");
  assertEquals((await send({ authorization }, "/other/mcp")).status, 404);
});

Deno.test("the metadata is there while the server ends, and for any host and origin", async () => {
  const { send, handler } = openWorld();
  handler.drain();
  const path = "/.well-known/oauth-protected-resource";
  const headers = { origin: "https://any.example", host: "10.0.0.1" };
  const { status, body } = await send(headers, path, { method: "GET", body: null });
  assertEquals([status, body.authorization_servers], [200, [ISSUER, OTHER_ISSUER]]);
});

Deno.test("a request for the metadata has the bounds of every other", async () => {
  const { send } = openWorld();
  const path = "/.well-known/oauth-protected-resource";
  const get = { method: "GET", body: null };
  assertEquals((await send({ "x-long": "a".repeat(20_000) }, path, get)).status, 431);
  assertEquals((await send({}, `${path}?${"a".repeat(5_000)}`, get)).status, 414);
});

Deno.test("without OAuth there is no metadata, and the challenge names none", async () => {
  const { send } = openWorld({ options: { oauth: undefined } });
  const path = "/.well-known/oauth-protected-resource/mcp";
  assertEquals((await send({}, path, { method: "GET", body: null })).status, 404);
  assertEquals((await send()).challenge, 'Bearer realm="cma-mcp"');
  const { challenge, text } = await send({ authorization: `Bearer ${ALICE}` });
  assertEquals(challenge, 'Bearer realm="cma-mcp", error="invalid_token"');
  assertStringIncludes(text, "The bearer token is not accepted.");
});
