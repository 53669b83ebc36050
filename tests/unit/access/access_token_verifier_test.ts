import { assert, assertEquals, assertMatch } from "@std/assert";
import { exportSPKI, importJWK, SignJWT } from "jose";
import type { RejectedToken, TokenCheck } from "../../../src/access/access_tokens.ts";
import { createAccessTokenVerifier } from "../../../src/access/access_token_verifier.ts";
import { sha256 } from "../../../src/core/sha256.ts";
import {
  FakeIssuer,
  issuerKey,
  rawToken,
  RESOURCE,
  type VerifierWorld,
  verifierWorld,
  type VerifierWorldOptions,
} from "../../helpers/fake_issuer.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

/** Runs a test with a verifier, which leaves no timer behind. */
async function withWorld(
  options: VerifierWorldOptions,
  run: (world: VerifierWorld) => Promise<void>,
): Promise<void> {
  const world = verifierWorld(options);
  try {
    await run(world);
  } finally {
    world.verifier.close();
    await world.clock.advance(0);
  }
  assertEquals(world.clock.pendingTimers, 0);
}

function rejectedOf(check: TokenCheck): RejectedToken {
  if (check.kind !== "rejected") throw new Error(`It is not rejected: ${JSON.stringify(check)}`);
  return check;
}

/** Checks a token, and returns the problem and the claim. */
async function problemOf({ verifier }: VerifierWorld, token: string): Promise<string> {
  const { problem, claim, message } = rejectedOf(await verifier.verify(token));
  assertMatch(message, /^The .{10,}\.$/);
  return claim === undefined ? problem : `${problem} ${claim}`;
}

Deno.test("a good access token tells who has signed in, and their scopes", () =>
  withWorld({}, async ({ verifier, issuer, clock }) => {
    const check = await verifier.verify(await issuer.token({ groups: ["a"] }));
    assert(check.kind === "accepted");
    assertEquals({ ...check, claims: undefined }, {
      kind: "accepted",
      issuer: "https://login.example.com",
      subject: "alice",
      scopes: ["agents:read", "sessions:read"],
      claims: undefined,
      expiresAtMs: Math.floor(clock.wallTime() / 1_000 + 600) * 1_000,
      method: "jwt",
    });
    assertEquals(check.claims.groups, ["a"]);
  }));

/** Tokens whose claims or header differ from a good one's, and what is wrong with each. */
const CHANGED: readonly [
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
  problem: string,
][] = [
  [{ iss: "https://evil.example.com" }, {}, "unknown_issuer iss"],
  // Issuers are compared as they are written.
  [{ iss: "https://login.example.com/" }, {}, "unknown_issuer iss"],
  [{ iss: "https://LOGIN.example.com" }, {}, "unknown_issuer iss"],
  [{ iss: ["https://login.example.com"] }, {}, "missing_claim iss"],
  [{ iss: undefined }, {}, "missing_claim iss"],
  [{ aud: undefined }, {}, "missing_claim aud"],
  [{ aud: "" }, {}, "missing_claim aud"],
  [{ aud: [] }, {}, "missing_claim aud"],
  [{ aud: "https://other.example.com/mcp" }, {}, "wrong_audience aud"],
  [{ aud: `${RESOURCE}/` }, {}, "wrong_audience aud"],
  [{ aud: ["https://other.example.com/mcp", "x"] }, {}, "wrong_audience aud"],
  [{ aud: { 0: RESOURCE } }, {}, "missing_claim aud"],
  [{ sub: undefined }, {}, "missing_claim sub"],
  [{ sub: "" }, {}, "missing_claim sub"],
  [{ sub: 7 }, {}, "missing_claim sub"],
  [{ sub: "a".repeat(256) }, {}, "malformed sub"],
  [{ sub: "alice\nadmin" }, {}, "malformed sub"],
  [{ sub: "alice\ud800" }, {}, "malformed sub"],
  [{ exp: undefined }, {}, "missing_claim exp"],
  [{ exp: "9999999999" }, {}, "malformed exp"],
  [{ exp: 1e300 }, {}, "malformed exp"],
  [{ exp: 1_000 }, {}, "expired exp"],
  [{ nbf: 9_999_999_999 }, {}, "not_yet_valid nbf"],
  [{ nbf: "soon" }, {}, "malformed nbf"],
  [{ iat: 9_999_999_999 }, {}, "not_yet_valid iat"],
  [{ cnf: { jkt: "x" } }, {}, "sender_constrained cnf"],
  [{}, { typ: "JWT" }, "wrong_type typ"],
  [{}, { typ: undefined }, "wrong_type typ"],
  [{}, { typ: "id+jwt" }, "wrong_type typ"],
  [{}, { typ: "text/at+jwt" }, "wrong_type typ"],
  [{}, { typ: ["at+jwt"] }, "wrong_type typ"],
  [{}, { crit: ["urn:example:must"], "urn:example:must": true }, "malformed crit"],
  [{}, { kid: "key-2" }, "unknown_key kid"],
  [{}, { kid: 1 }, "unknown_key kid"],
];

for (const [claims, header, problem] of CHANGED) {
  const change = JSON.stringify({ ...claims, ...header }, (_, value) => value ?? null).slice(0, 60);
  Deno.test(`a signed token with ${change} is rejected: ${problem}`, () =>
    withWorld({}, async (world) => {
      const token = await world.issuer.token(claims, header).catch(() =>
        // What the library does not sign.
        rawToken({ alg: "ES256", typ: "at+jwt", kid: "key-1", ...header }, world.issuer.claims())
      );
      assertEquals(await problemOf(world, token), problem);
    }));
}

Deno.test("clocks may differ by half a minute", () =>
  withWorld({}, async (world) => {
    const { issuer, verifier, clock } = world;
    const now = Math.floor(clock.wallTime() / 1_000);
    const kindOf = async (claims: Record<string, number>) =>
      (await verifier.verify(await issuer.token(claims))).kind;
    assertEquals(await kindOf({ exp: now - 29 }), "accepted");
    assertEquals(await kindOf({ exp: now - 30 }), "rejected");
    for (const claim of ["nbf", "iat"]) {
      assertEquals(await kindOf({ [claim]: now + 30 }), "accepted");
      assertEquals(await kindOf({ [claim]: now + 31 }), "rejected");
    }
  }));

Deno.test("one of several audiences is enough, on either side", () =>
  withWorld({ trusted: { audiences: [RESOURCE, "client-7"] } }, async ({ issuer, verifier }) => {
    for (const aud of ["client-7", ["x", "client-7"], [RESOURCE]]) {
      assertEquals((await verifier.verify(await issuer.token({ aud }))).kind, "accepted");
    }
  }));

Deno.test("scopes come from scope or scp, as a text or a list, and only those of this server", () =>
  withWorld({}, async ({ issuer, verifier }) => {
    const scopesOf = async (claims: Record<string, unknown>) => {
      const check = await verifier.verify(await issuer.token({ scope: undefined, ...claims }));
      return check.kind === "accepted" ? check.scopes.join(" ") : check.kind;
    };
    assertEquals(await scopesOf({}), "");
    assertEquals(await scopesOf({ scp: "actions agents:read x" }), "agents:read actions");
    assertEquals(await scopesOf({ scp: ["sessions:write", 7] }), "sessions:write");
    assertEquals(await scopesOf({ scope: ["actions"] }), "actions");
    assertEquals(await scopesOf({ scope: "AGENTS:READ agents:read,actions" }), "");
    assertEquals(await scopesOf({ scope: { "agents:read": true }, scp: null }), "");
  }));

Deno.test("a type counts in any case, and with the prefix of media types", () =>
  withWorld({}, async ({ issuer, verifier }) => {
    for (const typ of ["AT+JWT", "application/at+jwt", "Application/AT+jwt"]) {
      assertEquals((await verifier.verify(await issuer.token({}, { typ }))).kind, "accepted");
    }
  }));

Deno.test("where plain JWTs count, ID and refresh tokens do not", () =>
  withWorld({ trusted: { tokenTypes: ["at+jwt", "JWT"] } }, async (world) => {
    const { issuer, verifier } = world;
    for (const typ of ["JWT", "jwt", undefined, "at+jwt"]) {
      assertEquals((await verifier.verify(await issuer.token({}, { typ }))).kind, "accepted");
    }
    for (
      const claims of [
        { nonce: "n" },
        { at_hash: "h" },
        { c_hash: "h" },
        { s_hash: "h" },
        { token_use: "id" },
        { typ: "ID" },
        { typ: "Refresh" },
        { typ: "Offline" },
        { typ: "Logout" },
        { events: { "http://schemas.openid.net/event/backchannel-logout": {} } },
      ]
    ) {
      const token = await issuer.token(claims, { typ: "JWT" });
      assertEquals(await problemOf(world, token), `wrong_type ${Object.keys(claims)[0]}`);
    }
    const access = await issuer.token({ token_use: "access", typ: "Bearer" }, { typ: "JWT" });
    assertEquals((await verifier.verify(access)).kind, "accepted");
  }));

Deno.test("a token that names no key is checked by the first ten, and is what its key says", async () => {
  const keys = await Promise.all(Array.from({ length: 11 }, () => issuerKey(undefined)));
  await withWorld({ keys }, async (world) => {
    const { issuer, verifier } = world;
    await world.clock.advance(0);
    for (const key of [keys[0], keys[9]]) {
      assertEquals((await verifier.verify(await issuer.token({}, {}, key))).kind, "accepted");
      assertEquals(await problemOf(world, await issuer.token({ exp: 1 }, {}, key)), "expired exp");
    }
    assertEquals(await problemOf(world, await issuer.token({}, {}, keys[10])), "bad_signature");
  });
});

Deno.test("an unsigned token is rejected", () =>
  withWorld({}, async (world) => {
    for (const alg of ["none", "None", "NONE", "", undefined, 0]) {
      const token = rawToken({ alg, typ: "at+jwt", kid: "key-1" }, world.issuer.claims());
      assertMatch(await problemOf(world, token), /^(wrong_algorithm alg|malformed)$/);
    }
    const [header, claims] = (await world.issuer.token()).split(".");
    assertEquals(await problemOf(world, `${header}.${claims}.`), "bad_signature");
  }));

Deno.test("a token that is signed with the public key as a shared secret is rejected", () =>
  withWorld({}, async (world) => {
    const { issuer } = world;
    const { jwk } = issuer.keys[0] ?? {};
    assert(jwk);
    const pem = await exportSPKI(await importJWK(jwk, "ES256") as CryptoKey);
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk), jwk.x ?? ""]) {
      for (const alg of ["HS256", "HS384", "HS512"]) {
        const token = await new SignJWT(issuer.claims())
          .setProtectedHeader({ alg, typ: "at+jwt", kid: "key-1" })
          .sign(new TextEncoder().encode(secret.padEnd(64, " ")));
        assertEquals(await problemOf(world, token), "wrong_algorithm alg");
      }
    }
  }));

Deno.test("a shared secret among the keys is none", async () => {
  const secret = new Uint8Array(32).fill(7);
  const shared = await importJWK(
    { kty: "oct", k: "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc" },
    "HS256",
  );
  await withWorld({
    prepare: (issuer) =>
      issuer.answer = (url) =>
        url === issuer.jwksUri
          ? Response.json({ keys: [{ kty: "oct", kid: "key-1", k: secret.toBase64() }] })
          : undefined,
  }, async (world) => {
    const token = await new SignJWT(world.issuer.claims())
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid: "key-1" }).sign(shared);
    assertEquals(await problemOf(world, token), "wrong_algorithm alg");
    assertEquals(await problemOf(world, await world.issuer.token()), "unknown_key kid");
  });
});

Deno.test("the keys that a token brings or names are neither used nor fetched", () =>
  withWorld({}, async (world) => {
    const { issuer } = world;
    const own = await issuerKey("key-1");
    for (
      const header of [
        { jwk: own.jwk },
        { jku: "https://evil.example.com/keys" },
        { x5u: "https://evil.example.com/cert" },
        { x5c: ["AAAA"] },
      ]
    ) {
      const token = await issuer.token({}, header, own);
      assertEquals(await problemOf(world, token), "bad_signature");
    }
    assert(issuer.asked.every((url) => url.startsWith("https://login.example.com/")));
  }));

Deno.test("a key counts for tokens of its own issuer only", async () => {
  const clock = new ManualClock();
  const key = await issuerKey("other");
  const other = new FakeIssuer("https://other.example.com", clock, [key]);
  await withWorld({ clock, others: [{ server: other }] }, async (world) => {
    assertEquals((await world.verifier.verify(await other.token())).kind, "accepted");
    const crossed = await other.token({ iss: world.issuer.issuer });
    assertEquals(await problemOf(world, crossed), "unknown_key kid");
    const named = await other.token({ iss: world.issuer.issuer }, { kid: "key-1" });
    assertEquals(await problemOf(world, named), "bad_signature");
  });
});

Deno.test("an encrypted token is told apart", () =>
  withWorld({}, async (world) => {
    const { message, problem } = rejectedOf(
      await world.verifier.verify("eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc"),
    );
    assertEquals(problem, "malformed");
    assertMatch(message, /encrypted \(JWE\).*registered there/);
  }));

Deno.test("text that is no token is rejected, and nobody is asked about it", () =>
  withWorld({}, async (world) => {
    await world.clock.advance(0);
    const { length } = world.issuer.asked;
    const good = await world.issuer.token();
    for (
      const token of [
        "",
        "a",
        "..",
        "a.b.c",
        "eyJ",
        "eyJ.eyJ.eyJ",
        `${good}.`,
        `.${good}`,
        `${good} `,
        good.slice(0, -1),
        // The same bytes in another form.
        good.replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1)),
        good.replace(".", ".."),
        rawToken("[]", "{}"),
        rawToken('{"alg":"ES256","alg":"none"}', world.issuer.claims()),
        rawToken({ alg: "ES256" }, "7"),
        rawToken({ alg: "ES256" }, "null"),
        "\ud800.\udfff.x",
        "x".repeat(20_000),
        `eyJ${"A".repeat(1_000_000)}`,
      ]
    ) {
      assertMatch(
        await problemOf(world, token),
        /^(malformed|missing_claim iss|bad_signature|wrong_(type typ|algorithm alg))$/,
      );
    }
    assertEquals(world.issuer.asked.length, length);
  }));

Deno.test("an issuer with introspection is asked about tokens that are no JWT, and about no other", () => {
  const asked: string[] = [];
  return withWorld({
    trusted: {
      introspection: {
        url: "https://login.example.com/introspect",
        clientId: "mcp",
        clientSecret: "s3cret",
        secretFile: "/run/secrets/oauth",
      },
    },
    prepare: (issuer) =>
      issuer.answer = async (url, { body }) => {
        if (!url.endsWith("/introspect")) return undefined;
        asked.push(new URLSearchParams(await new Response(body).text()).get("token") ?? "");
        return Response.json({ active: true, ...issuer.claims({ sub: "bob" }) });
      },
  }, async (world) => {
    const { verifier, issuer } = world;
    const check = await verifier.verify("opaque-token.1~2");
    assert(check.kind === "accepted");
    assertEquals([check.subject, check.method], ["bob", "introspection"]);
    assertEquals(asked, ["opaque-token.1~2"]);
    const good = await issuer.token();
    for (
      const token of [
        // Secrets of this server and of the API.
        "cma_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sk-ant-api03-AAAA",
        // JWTs, whole or not, which may be another issuer's.
        good.slice(0, 40),
        good.slice(0, -5),
        good.slice(3),
        await issuer.token({ iss: "https://other.example.com" }),
        "eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc",
        // What no token is.
        "two words",
        "tökén",
        "a&token=b",
        "x".repeat(20_000),
      ]
    ) {
      assertEquals((await verifier.verify(token)).kind, "rejected", token);
    }
    assertEquals(asked.length, 1);
    assertEquals((await verifier.verify(good)).kind, "accepted");
    assertEquals(asked.length, 1);
  });
});

Deno.test("a message quotes no more than an issuer, an audience, a type or a key's name", () =>
  withWorld({}, async (world) => {
    const { issuer, verifier } = world;
    const forged = `https://evil.example.com/\n\u001b[2J\u202e${"x".repeat(1_000)}`;
    for (
      const token of [
        await issuer.token({ iss: forged, sub: "s3cret" }),
        await issuer.token({ aud: [forged, forged, forged, forged], sub: "s3cret" }),
        await issuer.token({ sub: "s3cret" }, { typ: forged }),
        await issuer.token({ sub: "s3cret" }, { kid: forged }),
        rawToken({ alg: forged, typ: "at+jwt" }, issuer.claims({ sub: "s3cret" })),
      ]
    ) {
      const { message } = rejectedOf(await verifier.verify(token));
      assertMatch(message, /\\u000a/);
      // deno-lint-ignore no-control-regex -- control characters are what is looked for
      assert(!/[\x00-\x1f\u202e]|s3cret|x{201}/.test(message), message);
      assert(message.length < 1_200, message);
    }
  }));

Deno.test("an accepted token is not checked again for a minute, and never beyond its end", () =>
  withWorld({}, async ({ issuer, verifier, clock }) => {
    const token = await issuer.token();
    const first = await verifier.verify(token);
    assert(first === await verifier.verify(token));
    await clock.advance(60_000);
    const again = await verifier.verify(token);
    assertEquals(again, first);
    assert(again !== first);
    // A token with the same beginning and another signature is another token.
    const [header, claims] = token.split(".");
    assertEquals((await verifier.verify(`${header}.${claims}.${"A".repeat(86)}`)).kind, "rejected");
    const short = await issuer.token({ exp: Math.floor(clock.wallTime() / 1_000) + 5 });
    const accepted = await verifier.verify(short);
    assertEquals(accepted.kind, "accepted");
    await clock.advance(6_000);
    // The clocks may differ, so it is checked in full, and still counts.
    assert(accepted !== await verifier.verify(short));
    await clock.advance(30_000);
    assertEquals((await verifier.verify(short)).kind, "rejected");
  }));

Deno.test("refused tokens take no place of those that are remembered", () =>
  withWorld({}, async ({ verifier, issuer }) => {
    const good = await issuer.token();
    const first = await verifier.verify(good);
    assertEquals(first.kind, "accepted");
    const [header, claims] = good.split(".");
    const checks = await Promise.all(Array.from({ length: 2_100 }, (_, index) => {
      const signature = sha256(`forged ${index}`).slice(0, 43).padEnd(86, "A");
      return verifier.verify(`${header}.${claims}.${signature}`);
    }));
    assert(checks.every(({ kind }) => kind === "rejected"));
    assert(await verifier.verify(good) === first);
  }));

Deno.test("a remembered token ends with its key", () =>
  withWorld({}, async (world) => {
    const { issuer, verifier, clock } = world;
    const token = await issuer.token({ exp: Math.floor(clock.wallTime() / 1_000) + 3_600 });
    assertEquals((await verifier.verify(token)).kind, "accepted");
    await clock.advance(4 * 60_000 + 50_000);
    assertEquals((await verifier.verify(token)).kind, "accepted");
    issuer.keys = [await issuerKey("key-2")];
    await clock.advance(11_000);
    assertEquals(await problemOf(world, token), "unknown_key kid");
  }));

Deno.test("a new key counts as soon as it is used, and an old one no more when it is gone", () =>
  withWorld({}, async (world) => {
    const { issuer, verifier, clock } = world;
    const [old] = issuer.keys;
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    await clock.advance(30_000);
    issuer.keys = [await issuerKey("key-2")];
    const before = await issuer.token({ jti: "another" }, {}, old);
    assertEquals((await verifier.verify(before)).kind, "accepted");
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    assertEquals(await problemOf(world, before), "unknown_key kid");
    assertEquals(issuer.keyReads, 2);
  }));

Deno.test("a new key without a name is found as well", async () => {
  await withWorld({ keys: [await issuerKey(undefined)] }, async (world) => {
    const { issuer, verifier, clock } = world;
    const old = await issuer.token();
    assertEquals((await verifier.verify(old)).kind, "accepted");
    await clock.advance(30_000);
    issuer.keys = [await issuerKey(undefined)];
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    assertEquals(await problemOf(world, old), "bad_signature");
    assertEquals(issuer.keyReads, 2);
    issuer.answer = () => new Response("", { status: 503 });
    await clock.advance(60_000);
    assertEquals((await verifier.verify(old)).kind, "unavailable");
  });
});

Deno.test("a flood of forged keys asks the issuer once in half a minute", () =>
  withWorld({}, async (world) => {
    const { issuer, verifier, clock } = world;
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    await clock.advance(30_000);
    const forged = await Promise.all(
      Array.from({ length: 100 }, (_, index) => issuer.token({}, { kid: `forged-${index}` })),
    );
    for (let second = 0; second < 30; second++) {
      const checks = await Promise.all(forged.map((token) => verifier.verify(token)));
      assert(checks.every((check) => rejectedOf(check).problem === "unknown_key"));
      await clock.advance(1_000);
    }
    assertEquals(issuer.keyReads, 2);
  }));

Deno.test("while an issuer is down, known keys go on, and no token of a new one is called wrong", () =>
  withWorld({}, async (world) => {
    const { issuer, verifier, clock } = world;
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    issuer.answer = () => new Response("", { status: 503 });
    await clock.advance(60 * 60_000);
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    const check = await verifier.verify(await issuer.token({}, { kid: "key-2" }));
    assert(check.kind === "unavailable");
    assertEquals(check.issuer, issuer.issuer);
    assertMatch(check.message, /answers with status 503$/);
    // What is wrong by its claims is so all the same.
    assertEquals(await problemOf(world, await issuer.token({ exp: 1 })), "expired exp");
  }));

Deno.test("an issuer that is down from the start makes no token wrong, and counts when it is up", () =>
  withWorld({
    prepare: (issuer) => issuer.answer = () => Promise.reject(new TypeError("refused")),
  }, async ({ issuer, verifier, clock }) => {
    const { kind } = await verifier.verify(await issuer.token());
    assertEquals(kind, "unavailable");
    issuer.answer = undefined;
    await clock.advance(30_000);
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
  }));

Deno.test("nobody waits for a slow issuer longer than five seconds, or for that of others", async () => {
  const clock = new ManualClock();
  const slow = new FakeIssuer("https://slow.example.com", clock, [await issuerKey("slow")]);
  slow.answer = () => new Promise(() => {});
  await withWorld({ clock, others: [{ server: slow }] }, async ({ issuer, verifier }) => {
    await clock.advance(0);
    const late = verifier.verify(await slow.token());
    assertEquals((await verifier.verify(await issuer.token())).kind, "accepted");
    await clock.advance(5_000);
    assertEquals((await late).kind, "unavailable");
  });
});

Deno.test("a failure of its own rejects the token, and says nothing of it", async () => {
  const lines: string[] = [];
  let hasFailed = false;
  const { issuer, clock, verifier: other } = verifierWorld();
  other.close();
  const verifier = createAccessTokenVerifier({
    settings: {
      issuers: [{ issuer: issuer.issuer, audiences: [RESOURCE], tokenTypes: ["at+jwt"] }],
    },
    fetch: issuer.fetch,
    clock: {
      now: () => clock.now(),
      wallTime() {
        if (hasFailed) throw new TypeError("no time for 's3cret'");
        return clock.wallTime();
      },
      sleep: (ms, signal) => clock.sleep(ms, signal),
      after: (ms, run) => clock.after(ms, run),
    },
    log: {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`),
    },
    readFile: () => Promise.reject(new Error("No file is read")),
  });
  await clock.advance(0);
  const token = await issuer.token();
  hasFailed = true;
  assertEquals(rejectedOf(await verifier.verify(token)).problem, "malformed");
  verifier.close();
  assertEquals(lines.length, 1);
  assert(!new RegExp(`s3cret|${token.slice(0, 20)}|${sha256(token)}`).test(lines.join()));
});
