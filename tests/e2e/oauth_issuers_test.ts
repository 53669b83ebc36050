// Authorization servers that change, fall ill and go down while the program runs.
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  AuthorizationServer,
  type AuthorizationServerOptions,
  INTROSPECTOR,
} from "../helpers/authorization_server.ts";
import { freePort } from "../helpers/free_port.ts";
import { signIn } from "../helpers/sign_in.ts";
import { EXECUTABLE, Spawned } from "../helpers/spawned.ts";
import { callTool, lineAbout, linesOf, type Seen } from "./oauth_requests.ts";
import { ALL_SCOPES, type ResourceServer, startResourceServer } from "./oauth_world.ts";

const scope = ALL_SCOPES;

/** An authorization server, the program that trusts it, and somebody at both. */
class Pair implements AsyncDisposable {
  readonly server: AuthorizationServer;
  readonly target: ResourceServer;
  readonly #secretFile: string;

  private constructor(server: AuthorizationServer, target: ResourceServer, secretFile: string) {
    this.server = server;
    this.target = target;
    this.#secretFile = secretFile;
  }

  static async open(
    options: AuthorizationServerOptions = {},
    prepare: (server: AuthorizationServer) => Promise<void> | void = () => {},
  ): Promise<Pair> {
    const server = await AuthorizationServer.start(options);
    const secretFile = await Deno.makeTempFile({ suffix: ".secret" });
    await Deno.writeTextFile(secretFile, `${INTROSPECTOR.secret}\n`);
    await prepare(server);
    const introspection = [
      `--oauth-introspection-url=${server.issuer}/token/introspection`,
      `--oauth-client-id=${INTROSPECTOR.clientId}`,
      `--oauth-client-secret-file=${secretFile}`,
    ];
    const target = await startResourceServer({
      issuers: [server],
      args: [
        ...["--simulate", "--log-level=debug", "--log-format=json"],
        ...options.tokens === "opaque" ? introspection : [],
      ],
    });
    return new Pair(server, target, secretFile);
  }

  async signIn(account = "alice"): Promise<string> {
    const request = { resource: this.target.url, scope };
    return (await signIn(this.server, account, request)).access_token;
  }

  call(token: string): Promise<Seen> {
    return callTool(this.target.url, token, "list_agents");
  }

  /** Calls until the status is the one; it must be for a call that is sent after so many seconds. */
  async until(token: string, status: number, maxSeconds: number): Promise<Seen> {
    for (const end = performance.now() + maxSeconds * 1_000;;) {
      const sentAt = performance.now();
      const seen = await this.call(token);
      if (seen.status === status) return seen;
      assert(sentAt < end, `still ${seen.status}: ${seen.message}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.target[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.#secretFile);
  }
}

/** Asserts that nobody is sent to a browser, since the issuer has the trouble. */
async function assertUnavailable({ target, server }: Pair, seen: Seen): Promise<void> {
  assertEquals([seen.status, seen.headers.get("www-authenticate")], [503, null], seen.message);
  assertMatch(seen.headers.get("retry-after") ?? "", /^[1-9]\d?$/);
  assertMatch(seen.message, /authorization server .*cannot be asked/);
  const line = await lineAbout(target, seen);
  assertEquals([line.reason, line.issuer], ["unavailable", server.issuer]);
  assert(String(line.problem).length > 0);
}

for (const algorithm of ["RS256", "ES256", "EdDSA"] as const) {
  Deno.test(`tokens of an authorization server with a path count, signed by ${algorithm}`, async () => {
    await using pair = await Pair.open({ algorithm, path: "/tenant" });
    const seen = await pair.call(await pair.signIn());
    assertEquals([seen.status, Array.isArray(seen.fields.agents)], [200, true], seen.message);
  });
}

Deno.test("opaque tokens count as long as their authorization server says so", async () => {
  await using pair = await Pair.open({ tokens: "opaque" });
  const { server, target } = pair;
  const { access_token, refresh_token = "" } = await signIn(server, "alice", {
    ...{ resource: target.url, scope },
  });
  assertEquals((await pair.call(access_token)).status, 200);
  const refusals: [string, string, string | undefined, RegExp][] = [
    ["a refresh token", refresh_token, "aud", /lacks the claim aud/],
    [
      "one without a resource",
      (await signIn(server, "alice", { scope: `openid ${scope}` })).access_token,
      "aud",
      /lacks the claim aud/,
    ],
    [
      "one for another resource",
      (await signIn(server, "alice", { scope, resource: "https://elsewhere.example.com/mcp" }))
        .access_token,
      "aud",
      /another audience/,
    ],
    ["one that was never issued", "never-issued-never-issued", "active", /was revoked, or is none/],
  ];
  for (const [name, token, claim, says] of refusals) {
    const seen = await pair.call(token);
    assertEquals([seen.status, seen.challenge.error], [401, "invalid_token"], name);
    assertMatch(seen.message, says, name);
    assertEquals((await lineAbout(target, seen)).claim, claim, name);
  }
  // Asked once for each token, and never about a JWT.
  server.takePaths();
  for (let calls = 0; calls < 5; calls++) await pair.call(access_token);
  await pair.call(await server.sign({ iss: server.issuer, sub: "alice", aud: target.url }));
  assertEquals(server.takePaths(), []);
  assert(!target.program.stderr.join("\n").includes(INTROSPECTOR.secret));
});

/** Waits for the end of all, so that none goes on alone, and throws what the first that failed did. */
async function toEnd(all: readonly Promise<unknown>[]): Promise<void> {
  for (const ended of await Promise.allSettled(all)) {
    if (ended.status === "rejected") throw ended.reason;
  }
}

/** Half a minute in which nothing but time passes: the build of the program makes no difference. */
const WAITS = { ignore: EXECUTABLE !== undefined };

Deno.test({
  ...WAITS,
  name: EXECUTABLE === undefined
    ? "known keys outlive their issuer, and every change of it counts within half a minute"
    : "SKIPPED except from source, for its time: every change of an issuer counts in half a minute",
  fn: async () => {
    const slow = async (pair: Pair) => {
      const { server, target } = pair;
      const claims = { iss: server.issuer, sub: "alice", aud: target.url, scope };
      const token = await server.sign({ ...claims, exp: Math.floor(Date.now() / 1000) + 600 });
      const began = performance.now();
      await assertUnavailable(pair, await pair.call(token));
      const seconds = (performance.now() - began) / 1_000;
      assert(seconds < 7, `a slow issuer holds a call for ${seconds} s`);
      for (const illness of ["garbage", "huge", "failing", "redirecting"] as const) {
        server.fallIll(illness);
        await assertUnavailable(pair, await pair.call(token));
      }
    };
    const downAtStart = async (pair: Pair) => {
      const { server, target } = pair;
      const claims = { iss: server.issuer, sub: "alice", aud: target.url, scope };
      const token = await server.sign({ ...claims, exp: Math.floor(Date.now() / 1000) + 600 });
      await assertUnavailable(pair, await pair.call(token));
      await server.comeBack();
      await pair.until(token, 200, 40);
    };
    const downLater = async (pair: Pair) => {
      const { server } = pair;
      const before = await pair.signIn();
      assertEquals((await pair.call(before)).status, 200);
      await server.replaceKeys("kept");
      const after = await pair.signIn("bob");
      await server.goDown();
      // For half a minute the keys that were just read are the issuer's word.
      await assertUnavailable(pair, await pair.until(after, 503, 40));
      assertEquals((await pair.call(before)).status, 200, "known keys go on");
      assertEquals((await pair.call(await server.sign({}))).status, 401);
    };
    const replaced = async (pair: Pair) => {
      const { server, target } = pair;
      const before = await pair.signIn();
      assertEquals((await pair.call(before)).status, 200);
      await server.replaceKeys("gone");
      const after = await pair.signIn();
      await pair.until(after, 200, 40);
      const seen = await pair.call(before);
      assertEquals([seen.status, seen.challenge.error], [401, "invalid_token"]);
      assertEquals((await lineAbout(target, seen)).reason, "unknown_key");
      assertEquals((await pair.call(after)).status, 200);
    };
    const revoked = async (pair: Pair) => {
      const { server, target } = pair;
      const token = await pair.signIn();
      assertEquals((await pair.call(token)).status, 200);
      server.revokeAccessTokens();
      const seen = await pair.until(token, 401, 31);
      assertEquals((await lineAbout(target, seen)).reason, "inactive");
      const other = await pair.signIn("bob");
      assertEquals((await pair.call(other)).status, 200);
      await server.goDown();
      // What was just asked about goes on; what was not cannot be asked about now.
      assertEquals((await pair.call(other)).status, 200);
      await assertUnavailable(pair, await pair.call("never-asked-about-never-asked-about"));
    };
    // All programs run before anything is measured: a machine that starts five has time for nothing.
    await using pairs = new AsyncDisposableStack();
    const open = async (...how: Parameters<typeof Pair.open>) => pairs.use(await Pair.open(...how));
    const opened = [
      open({}, (server) => server.fallIll("slow")),
      open({}, (server) => server.goDown()),
      open(),
      open(),
      open({ tokens: "opaque" }),
    ];
    const plays = [slow, downAtStart, downLater, replaced, revoked];
    await toEnd(opened);
    await toEnd(plays.map(async (play, at) => await play(await opened[at]!)));
  },
});

Deno.test("a client's secret that its authorization server refuses is the operator's trouble: 503", async () => {
  const secretFile = await Deno.makeTempFile();
  await Deno.writeTextFile(secretFile, "not-the-secret");
  await using server = await AuthorizationServer.start({ tokens: "opaque" });
  await using target = await startResourceServer({
    issuers: [server],
    args: [
      ...["--simulate", "--log-format=json"],
      `--oauth-introspection-url=${server.issuer}/token/introspection`,
      `--oauth-client-id=${INTROSPECTOR.clientId}`,
      `--oauth-client-secret-file=${secretFile}`,
    ],
  });
  const { access_token } = await signIn(server, "alice", { resource: target.url, scope });
  const seen = await callTool(target.url, access_token, "list_agents");
  assertEquals([seen.status, seen.headers.get("www-authenticate")], [503, null]);
  const line = await lineAbout(target, seen);
  assertMatch(String(line.problem), /secret|client/i);
  // The file is read again when it was refused.
  await Deno.writeTextFile(secretFile, INTROSPECTOR.secret);
  const again = await signIn(server, "bob", { resource: target.url, scope });
  const pair = { status: 0 };
  for (let tries = 0; tries < 100 && pair.status !== 200; tries++) {
    pair.status = (await callTool(target.url, again.access_token, "list_agents")).status;
    if (pair.status !== 200) await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assertEquals(pair.status, 200);
  const log = JSON.stringify(linesOf(target));
  assert(!log.includes("not-the-secret") && !log.includes(INTROSPECTOR.secret));
  await Deno.remove(secretFile);
});

/** Lets the doctor look at a server. @returns its exit code, and its lines about authorization servers */
async function examine(...args: readonly string[]) {
  const program = new Spawned([
    ...["doctor", "--http", "--simulate", `--port=${freePort()}`],
    ...["--public-url=https://mcp.example.com", ...args],
  ]);
  const { code } = await program.ending();
  return { code, lines: program.stdout.filter((line) => /^\w+ +oauth /.test(line)) };
}

Deno.test("the doctor says what an authorization server has, and what it lacks", async () => {
  await using server = await AuthorizationServer.start({ tokens: "opaque" });
  const secretFile = await Deno.makeTempFile();
  await Deno.writeTextFile(secretFile, INTROSPECTOR.secret);
  const args = [
    `--oauth-issuer=${server.issuer}`,
    `--oauth-introspection-url=${server.issuer}/token/introspection`,
    `--oauth-client-id=${INTROSPECTOR.clientId}`,
    `--oauth-client-secret-file=${secretFile}`,
  ];
  const well = await examine(...args);
  assertEquals(well.code, 0, well.lines.join("\n"));
  assert(well.lines.length > 4 && well.lines.every((line) => line.startsWith("ok ")));
  await Deno.writeTextFile(secretFile, "not-the-secret");
  const refused = await examine(...args);
  assertEquals(refused.code, 1);
  assertMatch(refused.lines.join("\n"), /^fail oauth .*introspection/m);
  const slash = await examine(`--oauth-issuer=${server.issuer}/`);
  assertEquals(slash.code, 1);
  assertMatch(slash.lines.join("\n"), /with or without a slash at the end/);
  await server.goDown();
  const down = await examine(`--oauth-issuer=${server.issuer}`);
  assertEquals(down.code, 1);
  assertMatch(down.lines.join("\n"), /refuses connections/);
  await Deno.remove(secretFile);
});

Deno.test("what 'access check' says of a person's token is what the server does", async () => {
  await using server = await AuthorizationServer.start();
  const { issuer } = server;
  const access = {
    rules: [{ name: "analysts", issuer, claim: "groups", values: ["analysts"], read_only: true }],
  };
  await using target = await startResourceServer({
    issuers: [server],
    args: ["--simulate", "--log-format=json"],
    access,
  });
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(access));
  for (const [account, fits] of [["alice", true], ["bob", false]] as const) {
    const { access_token } = await signIn(server, account, { resource: target.url, scope });
    const args = ["access", "check", "--json", `--access-file=${file}`, "--token-claims=-"];
    const program = new Spawned(args);
    await program.sendText(access_token);
    await program.closeStdin();
    assertEquals((await program.ending()).code, fits ? 0 : 1, program.stderr.join());
    const said = JSON.parse(program.stdout.join("\n"));
    const seen = await callTool(target.url, access_token, "list_agents");
    assertEquals([said.fits, said.subject, seen.status], [fits, account, fits ? 200 : 403]);
    if (!fits) continue;
    const line = JSON.parse(await target.logged('"Signed in"'));
    assertEquals([line.rule, line.scopes], [said.rule, said.scopes]);
  }
  await Deno.remove(file);
});
