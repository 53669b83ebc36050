import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TokenCheck, TrustedIssuer } from "../../../src/access/access_tokens.ts";
import {
  ACCEPTED_MS,
  type Introspection,
  MAX_ASKED,
  MAX_WAITING,
  openIntrospection,
  REFUSED_MS,
  REST_MS,
} from "../../../src/access/introspection.ts";
import { listLogger, RESOURCE } from "../../helpers/fake_issuer.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const SETTINGS = {
  url: "https://login.example.com/introspect",
  clientId: "mcp server:1",
  clientSecret: "p:ä ss",
  secretFile: "/run/secrets/oauth",
};
const TRUSTED: TrustedIssuer = {
  issuer: "https://login.example.com",
  audiences: [RESOURCE],
  tokenTypes: ["at+jwt"],
  introspection: SETTINGS,
};

interface World {
  readonly clock: ManualClock;
  readonly introspection: Introspection;
  readonly lines: string[];
  readonly secrets: string[];
  /** Tokens that the issuer was asked about. */
  readonly asked: string[];
  /** Headers of the requests. */
  readonly headers: Headers[];
  /** How the issuer answers. */
  answer: (token: string, password: string) => unknown;
  /** The file's content. */
  secret: string;
}

/** What an issuer says of a good token. */
function active(world: World, changes: Record<string, unknown> = {}) {
  const now = Math.floor(world.clock.wallTime() / 1_000);
  const claims = { active: true, iss: TRUSTED.issuer, aud: RESOURCE, sub: "alice", exp: now + 600 };
  return { ...claims, scope: "agents:read", token_type: "Bearer", ...changes };
}

async function withWorld(run: (world: World) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const lines: string[] = [];
  const world: Omit<World, "introspection"> & { introspection?: Introspection } = {
    ...{ clock, lines, asked: [], headers: [], secrets: [], secret: "p:ä ss\n" },
    answer: () => active(world as World),
  };
  const introspection = world.introspection = openIntrospection(TRUSTED, SETTINGS, {
    clock,
    log: listLogger(lines),
    readFile: (path) => {
      assertEquals(path, SETTINGS.secretFile);
      return world.secret === ""
        ? Promise.reject(new Error("gone"))
        : Promise.resolve(world.secret);
    },
    onSecret: (secret) => void world.secrets.push(secret),
    async fetch(url, init) {
      assertEquals(url, SETTINGS.url);
      const headers = new Headers(init.headers);
      world.headers.push(headers);
      const form = new URLSearchParams(init.body instanceof Blob ? await init.body.text() : "");
      const token = form.get("token") ?? "";
      world.asked.push(token);
      const password = atob(headers.get("authorization")?.replace("Basic ", "") ?? "");
      const answer = await world.answer(token, password);
      return answer instanceof Response ? answer : Response.json(answer);
    },
  });
  await run(world as World);
  introspection.close();
  await clock.advance(0);
  assertEquals(clock.pendingTimers, 0);
}

/** Returns the kind of a result, and what was wrong. */
function outcomeOf(check: TokenCheck): string {
  if (check.kind !== "rejected") return check.kind;
  assertMatch(check.message, /^The .*\.$/);
  return `${check.problem} ${check.claim}`;
}

Deno.test("an active token tells who has signed in", () =>
  withWorld(async (world) => {
    const check = await world.introspection.check("opaque");
    assert(check.kind === "accepted");
    assertEquals([check.subject, check.method, check.scopes.join()], [
      "alice",
      "introspection",
      "agents:read",
    ]);
    assertEquals(world.asked, ["opaque"]);
    assertEquals(world.secrets, ["p:ä ss"]);
    // RFC 6749, section 2.3.1: both are form-encoded before they are joined.
    const [headers] = world.headers;
    assertEquals(headers?.get("authorization"), `Basic ${btoa("mcp+server%3A1:p%3A%C3%A4+ss")}`);
    assertEquals(headers?.get("x-api-key"), null);
  }));

const REFUSED: readonly [changes: Record<string, unknown>, outcome: string][] = [
  [{ active: false }, "inactive active"],
  [{ active: "true" }, "inactive active"],
  [{ active: 1 }, "inactive active"],
  [{ active: undefined }, "inactive active"],
  [{ iss: undefined }, "missing_claim iss"],
  [{ iss: "https://evil.example.com" }, "unknown_issuer iss"],
  // Refresh tokens of some servers look like this.
  [{ aud: undefined }, "missing_claim aud"],
  [{ aud: "client-1" }, "wrong_audience aud"],
  [{ exp: undefined }, "missing_claim exp"],
  [{ exp: 1 }, "expired exp"],
  [{ nbf: 9_999_999_999 }, "not_yet_valid nbf"],
  [{ sub: undefined }, "missing_claim sub"],
  [{ cnf: { jkt: "x" } }, "sender_constrained cnf"],
  [{ token_type: "DPoP" }, "sender_constrained token_type"],
  [{ token_type: "refresh_token" }, "wrong_type token_type"],
  [{ typ: "Refresh" }, "wrong_type typ"],
  [{ typ: "Offline" }, "wrong_type typ"],
  [{ token_use: "id" }, "wrong_type token_use"],
];

Deno.test("a token of which the issuer tells something else does not count", () =>
  withWorld(async (world) => {
    for (const [index, [changes, outcome]] of REFUSED.entries()) {
      world.answer = () => active(world, changes);
      assertEquals(outcomeOf(await world.introspection.check(`token-${index}`)), outcome);
    }
  }));

Deno.test("an answer holds for half a minute, and never beyond the token's end", () =>
  withWorld(async (world) => {
    const { clock, introspection, asked } = world;
    const first = await introspection.check("a");
    await clock.advance(ACCEPTED_MS - 1);
    assert(first === await introspection.check("a"));
    assertEquals(asked.length, 1);
    // Revoked meanwhile.
    world.answer = () => ({ active: false });
    await clock.advance(1);
    assertEquals(outcomeOf(await introspection.check("a")), "inactive active");
    assertEquals(asked.length, 2);
    world.answer = () => active(world, { exp: Math.floor(clock.wallTime() / 1_000) + 5 });
    assertEquals(outcomeOf(await introspection.check("b")), "accepted");
    await clock.advance(5_000);
    await introspection.check("b");
    assertEquals(asked.length, 4);
  }));

Deno.test("a refusal holds for ten seconds", () =>
  withWorld(async (world) => {
    world.answer = () => ({ active: false });
    for (let second = 0; second < 20; second++) {
      assertEquals(outcomeOf(await world.introspection.check("a")), "inactive active");
      await world.clock.advance(1_000);
    }
    assertEquals(world.asked.length, 20_000 / REFUSED_MS);
  }));

Deno.test("calls with the same token share a request", () =>
  withWorld(async (world) => {
    const checks = Array.from({ length: 50 }, () => world.introspection.check("a"));
    assertEquals(new Set((await Promise.all(checks)).map(outcomeOf)), new Set(["accepted"]));
    assertEquals(world.asked.length, 1);
  }));

Deno.test("an issuer that cannot be asked makes no token wrong, and rests a little", () =>
  withWorld(async (world) => {
    const { clock, introspection, asked, lines } = world;
    const failures: (() => unknown)[] = [
      () => new Response("s3cret", { status: 500 }),
      () =>
        new Response("s3cret", { status: 302, headers: { location: "https://evil.example.com" } }),
      () => new Response("<html>s3cret"),
      () => new Response("[]"),
      () => new Response("x".repeat(600_000)),
      () => Promise.reject(new TypeError("client error (Connect)")),
      () => new Promise(() => {}),
    ];
    for (const [index, fail] of failures.entries()) {
      world.answer = fail;
      const check = await clock.runUntil(introspection.check(`token-${index}`));
      assert(check.kind === "unavailable", `failure ${index}`);
      assert(!/s3cret|token-/.test(check.message), check.message);
      // Nobody else is asked about meanwhile.
      const { length } = asked;
      assertEquals((await introspection.check(`other-${index}`)).kind, "unavailable");
      assertEquals(asked.length, length);
      await clock.advance(REST_MS);
    }
    assertEquals(lines.length, 1);
    assertMatch(lines[0] ?? "", /^warn: An authorization server tells nothing about tokens/);
    world.answer = () => active(world);
    assertEquals((await introspection.check("token-0")).kind, "accepted");
    assertMatch(lines[1] ?? "", /^info: An authorization server tells about tokens/);
  }));

Deno.test("a secret that was replaced is read again, and a wrong one is the operator's to mend", () =>
  withWorld(async (world) => {
    const { introspection, clock, lines } = world;
    world.answer = (_, password) =>
      password.endsWith(":new") ? active(world) : new Response("", { status: 401 });
    const check = await introspection.check("a");
    assert(check.kind === "unavailable");
    assertMatch(check.message, /refuses this server's client \(401\): check --oauth-client-id/);
    assert(!lines.join().includes("p:ä"));
    await clock.advance(REST_MS);
    world.secret = "new";
    assertEquals((await introspection.check("a")).kind, "accepted");
    assertEquals(world.secrets.at(-1), "new");
    world.secret = "newer";
    world.answer = () => new Response("", { status: 401 });
    const { length } = world.asked;
    assertEquals((await introspection.check("b")).kind, "unavailable");
    assertEquals(world.asked.length, length + 2);
    await clock.advance(REST_MS);
    // A file that is being written.
    world.secret = " \n";
    assertEquals((await introspection.check("c")).kind, "unavailable");
    assertEquals(world.asked.length, length + 3);
  }));

Deno.test("a secret that cannot be read is said, and read again later", () =>
  withWorld(async (world) => {
    world.secret = "";
    world.answer = (_, password) =>
      password.endsWith(":new") ? active(world) : new Response("", { status: 403 });
    const check = await world.introspection.check("a");
    assert(check.kind === "unavailable");
    assertMatch(
      check.message,
      /^Cannot read '\/run\/secrets\/oauth' \(--oauth-client-secret-file\)/,
    );
    world.secret = "new";
    await world.clock.advance(REST_MS);
    assertEquals((await world.introspection.check("a")).kind, "accepted");
  }));

Deno.test("a flood asks about a few tokens at once, and those that counted do not wait behind it", () =>
  withWorld(async (world) => {
    const { introspection, clock, asked } = world;
    assertEquals((await introspection.check("mine")).kind, "accepted");
    await clock.advance(ACCEPTED_MS);
    const open: (() => void)[] = [];
    world.answer = (token) =>
      token === "mine"
        ? active(world)
        : new Promise((resolve) => open.push(() => resolve({ active: false })));
    const flood = Array.from(
      { length: 1_000 },
      (_, index) => introspection.check(`garbage-${index}`),
    );
    await clock.advance(0);
    assertEquals(asked.length, 1 + MAX_ASKED);
    assertEquals((await introspection.check("mine")).kind, "accepted");
    while (open.length > 0) {
      open.shift()?.();
      await clock.advance(0);
    }
    const kinds = (await Promise.all(flood)).map(({ kind }) => kind);
    assertEquals(kinds.filter((kind) => kind === "rejected").length, MAX_ASKED + MAX_WAITING);
    assertEquals(
      kinds.filter((kind) => kind === "unavailable").length,
      1_000 - MAX_ASKED - MAX_WAITING,
    );
    // The issuer was slow for nobody: it does not rest.
    assertEquals(outcomeOf(await introspection.check("garbage-0")), "inactive active");
  }));

Deno.test("what the issuer answers about odd tokens keeps nobody else out", () =>
  withWorld(async (world) => {
    const { introspection, clock, lines } = world;
    assertEquals((await introspection.check("mine")).kind, "accepted");
    await clock.advance(ACCEPTED_MS);
    for (const status of [400, 413, 414, 422, 431]) {
      world.answer = (token) =>
        token.startsWith("odd") ? new Response("", { status }) : active(world);
      assertEquals((await introspection.check(`odd-${status}`)).kind, "unavailable");
      assertEquals((await introspection.check(`new-${status}`)).kind, "accepted");
    }
    assertEquals(lines.length, 2, "one failure and its end");
    // By another failure, those that have counted are asked about, unless it was about one of them.
    world.answer = (token) => token === "mine" ? active(world) : new Response("", { status: 500 });
    assertEquals((await introspection.check("odd")).kind, "unavailable");
    assertEquals((await introspection.check("mine")).kind, "accepted");
    world.answer = () => active(world);
    assertEquals((await introspection.check("new")).kind, "unavailable");
    await clock.advance(ACCEPTED_MS);
    world.answer = () => new Response("", { status: 500 });
    assertEquals((await introspection.check("mine")).kind, "unavailable");
    world.answer = () => active(world);
    for (const token of ["mine", "new"]) {
      assertEquals((await introspection.check(token)).kind, "unavailable");
    }
    await clock.advance(REST_MS);
    for (const token of ["mine", "new"]) {
      assertEquals((await introspection.check(token)).kind, "accepted");
    }
  }));

Deno.test("nobody waits more than five seconds for a place", () =>
  withWorld(async (world) => {
    const { introspection, clock } = world;
    world.answer = () => new Promise(() => {});
    const flood = Array.from({ length: 50 }, (_, index) => introspection.check(`garbage-${index}`));
    await clock.advance(5_000);
    assertEquals(
      new Set((await Promise.all(flood)).map(({ kind }) => kind)),
      new Set(["unavailable"]),
    );
    assertEquals(world.asked.length, MAX_ASKED);
  }));

Deno.test("closing ends what runs and what waits", () =>
  withWorld(async (world) => {
    world.answer = () => new Promise(() => {});
    const checks = Array.from({ length: 20 }, (_, index) => world.introspection.check(`${index}`));
    await world.clock.advance(0);
    world.introspection.close();
    assertEquals(
      new Set((await Promise.all(checks)).map(({ kind }) => kind)),
      new Set(["unavailable"]),
    );
  }));
