import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { TrustedIssuer } from "../../../../src/access/access_tokens.ts";
import { checkIssuers } from "../../../../src/commands/doctor/issuers.ts";
import type { Finding } from "../../../../src/commands/doctor/finding.ts";
import { FakeIssuer, issuerKey, RESOURCE } from "../../../helpers/fake_issuer.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";
import { recordProgram } from "../../../helpers/program.ts";

const KEY = await issuerKey("key-1");
const ISSUER = "https://login.example.com";

/** What an issuer says that suits every client. */
const SOUND = {
  code_challenge_methods_supported: ["plain", "S256"],
  registration_endpoint: `${ISSUER}/reg`,
  client_id_metadata_document_supported: true,
  token_endpoint_auth_methods_supported: ["client_secret_post", "none"],
};
const INTROSPECTION = {
  url: `${ISSUER}/introspect`,
  clientId: "mcp",
  clientSecret: "s3cret",
  secretFile: "/run/secrets/oauth",
};

/** Checks an issuer that was made different. */
async function check(
  change: (issuer: FakeIssuer) => void = () => {},
  trusted: Partial<TrustedIssuer> = {},
): Promise<{ readonly found: readonly Finding[]; readonly issuer: FakeIssuer }> {
  const clock = new ManualClock();
  const issuer = new FakeIssuer(ISSUER, clock, [KEY]);
  issuer.metadata = SOUND;
  change(issuer);
  let isClosed = false;
  const program = recordProgram({
    clock,
    openHttpClient: ({ maxIdle }) => {
      assertEquals(maxIdle, 0);
      return { fetch: issuer.fetch, close: () => isClosed = true };
    },
    readFile: () => Promise.resolve("s3cret"),
  });
  const settings = { issuer: ISSUER, audiences: [RESOURCE], tokenTypes: ["at+jwt"], ...trusted };
  const all = Array.fromAsync(checkIssuers({ issuers: [settings] }, program));
  const found = await clock.runUntil(all);
  assert(isClosed);
  assertEquals(clock.pendingTimers, 0);
  assertEquals(program.noted, [`Asking ${ISSUER} …`]);
  for (const { check, message, cure, status } of found) {
    assertEquals(check, "oauth");
    assert(status === "ok" || cure !== undefined, message);
    assert(!`${message}${cure}`.includes("s3cret"), message);
  }
  return { found, issuer };
}

const statesOf = (found: readonly Finding[]) => found.map(({ status }) => status).join(" ");

Deno.test("checkIssuers() finds nothing wrong with a sound authorization server", async () => {
  const { found, issuer } = await check();
  assertEquals(found.map(({ status, message }) => `${status}: ${message}`), [
    `ok: ${ISSUER} describes itself at ${ISSUER}/.well-known/oauth-authorization-server`,
    `ok: ${ISSUER} has 1 key that can be used`,
    `ok: ${ISSUER} supports PKCE with S256`,
    `ok: ${ISSUER} lets clients in by client-id metadata documents and dynamic registration`,
    `ok: ${ISSUER} accepts public clients, which have no secret`,
  ]);
  assertEquals(issuer.asked.length, 2);
});

const CASES: readonly [
  name: string,
  change: (issuer: FakeIssuer) => void,
  states: string,
  words: string,
][] = [
  [
    "another name",
    (issuer) => issuer.metadata = { issuer: `${ISSUER}/` },
    "fail",
    "give --oauth-issuer exactly what the authorization server calls itself",
  ],
  [
    "no metadata",
    (issuer) => issuer.answer = () => new Response("", { status: 404 }),
    "fail",
    "below that address the authorization server must describe itself",
  ],
  [
    "no connection",
    (issuer) => issuer.answer = () => Promise.reject(new TypeError("client error (Connect)")),
    "fail",
    "that this machine can reach it",
  ],
  [
    "no answer",
    (issuer) => issuer.answer = () => new Promise(() => {}),
    "fail",
    "does not answer within 5 s: check",
  ],
  [
    "no keys named",
    (issuer) => issuer.metadata = { ...SOUND, jwks_uri: undefined },
    "ok fail ok ok ok",
    "names no keys (jwks_uri), so no JWT can be checked",
  ],
  [
    "keys that cannot be read",
    (issuer) =>
      issuer.answer = (url) => url === issuer.jwksUri ? new Response("<html>") : undefined,
    "ok fail ok ok ok",
    "does not answer with a JSON object",
  ],
  [
    "no key of use",
    (issuer) => issuer.keys = [{ ...KEY, jwk: { ...KEY.jwk, alg: "ES384" } }],
    "ok fail ok ok ok",
    "no key that can be used: key-1 (it is for another algorithm)",
  ],
  [
    "a key of no use",
    (issuer) => issuer.keys = [KEY, { ...KEY, jwk: { kty: "oct", kid: "shared", k: "AAAA" } }],
    "ok warn ok ok ok",
    "others that cannot: shared (it is a shared secret)",
  ],
  [
    "no PKCE",
    (issuer) => issuer.metadata = { ...SOUND, code_challenge_methods_supported: ["plain"] },
    "ok ok fail ok ok",
    "turn on PKCE with S256",
  ],
  [
    "PKCE unsaid",
    (issuer) => issuer.metadata = { ...SOUND, code_challenge_methods_supported: undefined },
    "ok ok warn ok ok",
    "does not say that it supports PKCE",
  ],
  [
    "no registration",
    (issuer) =>
      issuer.metadata = {
        ...SOUND,
        registration_endpoint: undefined,
        client_id_metadata_document_supported: "true",
      },
    "ok ok ok warn ok",
    "give people its client id",
  ],
  [
    "no public clients",
    (issuer) =>
      issuer.metadata = {
        ...SOUND,
        token_endpoint_auth_methods_supported: ["client_secret_basic"],
      },
    "ok ok ok ok warn",
    "claude.ai and programs on people's machines have no secret",
  ],
];
for (const [name, change, states, words] of CASES) {
  Deno.test(`checkIssuers() says what to do about ${name}`, async () => {
    const { found } = await check(change);
    assertEquals(statesOf(found), states);
    assertStringIncludes(found.map(({ message, cure }) => `${message}: ${cure}`).join("\n"), words);
  });
}

/** Checks the introspection of an issuer that answers so. */
async function introspected(answer: () => Response): Promise<Finding> {
  const { found } = await check((issuer) => {
    issuer.answer = (url, { headers }) => {
      if (url !== INTROSPECTION.url) return undefined;
      assertEquals(new Headers(headers).get("authorization"), `Basic ${btoa("mcp:s3cret")}`);
      return answer();
    };
  }, { introspection: INTROSPECTION });
  assertEquals(statesOf(found.slice(0, -1)), "ok ok ok ok ok");
  const last = found.at(-1);
  assert(last);
  return last;
}

Deno.test("checkIssuers() asks about a token that nobody has", async () => {
  const good = await introspected(() => Response.json({ active: false }));
  assertEquals(good.status, "ok");
  const refused = await introspected(() => new Response("", { status: 401 }));
  assertEquals(refused.status, "fail");
  assertStringIncludes(refused.message, "refuses this server's client (401)");
  const yes = await introspected(() => Response.json({ active: true }));
  assertEquals(yes.status, "fail");
  assertStringIncludes(yes.message, "says that a token counts which nobody has");
});

Deno.test("checkIssuers() needs no keys where every token is asked about", async () => {
  const { found } = await check((issuer) => {
    issuer.metadata = { ...SOUND, jwks_uri: undefined };
    issuer.answer = (url) =>
      url === INTROSPECTION.url ? Response.json({ active: false }) : undefined;
  }, { introspection: INTROSPECTION });
  assertEquals(statesOf(found), "ok ok ok ok ok ok");
});

Deno.test("checkIssuers() checks introspection also where nothing else can be read", async () => {
  const { found } = await check((issuer) => {
    issuer.answer = (url) =>
      url === INTROSPECTION.url
        ? Response.json({ active: false })
        : new Response("", { status: 500 });
  }, { introspection: INTROSPECTION });
  assertEquals(statesOf(found), "fail ok");
});
