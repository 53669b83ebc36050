// The doctor, and with it the server's way to authorization servers, over sockets and in a process of
// its own: on each runtime, and in the executable.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  AuthorizationServer,
  type Illness,
  INTROSPECTOR,
} from "../helpers/authorization_server.ts";
import { Spawned } from "../helpers/spawned.ts";

interface Row {
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly cure?: string;
}

/** Returns the rows about authorization servers. */
async function rowsOf(args: readonly string[]): Promise<readonly Row[]> {
  const program = new Spawned([
    ...["doctor", "--json", "--http", "--simulate", "--port=0"],
    ...["--public-url=https://mcp.example.com", ...args],
  ]);
  await program.ending();
  const report: { readonly checks: readonly Row[] } = JSON.parse(program.stdout.join("\n"));
  return report.checks.filter(({ check }) => check === "oauth");
}

Deno.test("the doctor finds a sound authorization server sound, and asks it as its client", async () => {
  await using server = await AuthorizationServer.start({ tokens: "opaque", path: "/tenant" });
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, INTROSPECTOR.secret);
    const rows = await rowsOf([
      `--oauth-issuer=${server.issuer}`,
      `--oauth-introspection-url=${server.issuer}/token/introspection`,
      `--oauth-client-id=${INTROSPECTOR.clientId}`,
      `--oauth-client-secret-file=${file}`,
    ]);
    assertEquals(rows.map(({ status, message }) => `${status}: ${message}`), [
      `ok: ${server.issuer} describes itself at ` +
      `${new URL(server.issuer).origin}/.well-known/oauth-authorization-server/tenant`,
      `ok: ${server.issuer} has 3 keys that can be used`,
      `ok: ${server.issuer} supports PKCE with S256`,
      `ok: ${server.issuer} lets clients in by client-id metadata documents and dynamic registration`,
      `ok: ${server.issuer} accepts public clients, which have no secret`,
      `ok: ${server.issuer}/token/introspection tells this server's client about tokens`,
    ]);
    const [asked] = server.requests.filter(({ method }) => method === "POST");
    assertMatch(asked?.body ?? "", /^token=[\w-]{43}&token_type_hint=access_token$/);
    assertEquals(asked?.headers["x-api-key"], undefined);
    await Deno.writeTextFile(file, "another-secret-of-some-length");
    const refused = (await rowsOf([
      `--oauth-issuer=${server.issuer}`,
      `--oauth-introspection-url=${server.issuer}/token/introspection`,
      `--oauth-client-id=${INTROSPECTOR.clientId}`,
      `--oauth-client-secret-file=${file}`,
    ])).at(-1);
    assertEquals(refused?.status, "fail");
    assertStringIncludes(refused?.message ?? "", "refuses this server's client (401)");
  } finally {
    await Deno.remove(file);
  }
});

const ILL: readonly [Illness | "down", RegExp][] = [
  ["down", /^(Cannot connect to|.* refuses connections)/],
  ["failing", /answers with status 500$/],
  ["garbage", /does not answer with a JSON object$/],
  ["huge", /answers with more than 512 KB$/],
  ["redirecting", /redirects to 'http:\/\/127\.0\.0\.1:9\/elsewhere', which is not followed$/],
];

Deno.test("the doctor says what is wrong with a sick authorization server", async () => {
  await using server = await AuthorizationServer.start();
  const all = await Promise.all(ILL.map(async ([illness, words]) => {
    await using sick = await AuthorizationServer.start();
    if (illness === "down") await sick.goDown();
    else sick.fallIll(illness);
    const rows = await rowsOf([`--oauth-issuer=${sick.issuer}`]);
    if (illness === "down") await sick.comeBack();
    return { illness, rows, words };
  }));
  for (const { illness, rows, words } of all) {
    const [row, ...others] = rows;
    assert(row && others.length === 0, `${illness}: ${JSON.stringify(rows)}`);
    assertEquals(row.status, "fail");
    assertMatch(row.message, words);
    assert(row.cure);
  }
  const [other] = await rowsOf([`--oauth-issuer=${server.issuer}/`]);
  assertEquals(other?.status, "fail");
  assertStringIncludes(other?.cure ?? "", "exactly what the authorization server calls itself");
});
