import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { startHttp } from "../helpers/http_program.ts";
import { IS_PACKAGE, Spawned } from "../helpers/spawned.ts";

const KEY = { ANTHROPIC_API_KEY: "a-key-for-tests" };

/** What the program says when it lists agents on stdio, with the environment's settings. */
async function firstError(env: Readonly<Record<string, string>>): Promise<string> {
  const program = new Spawned([], { ...KEY, ...env });
  await program.initialize();
  const answer = await program.request("tools/call", { name: "list_agents", arguments: {} });
  const { content, isError } = answer.result as { isError: boolean; content: { text: string }[] };
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  assert(isError, JSON.stringify(answer));
  return content[0]?.text ?? "";
}

/** Serves one response to everything, on loopback. */
function serve(body: string, init: ResponseInit) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(body, init),
  );
  return { url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

const HTML = { "content-type": "text/html" };
const JSON_TYPE = { "content-type": "application/json" };
const envelope = (error: object) => JSON.stringify({ type: "error", error });

const RESPONSES: readonly [string, string, ResponseInit, RegExp][] = [
  [
    "a filter's page",
    "<html><title>Web Page Blocked</title></html>",
    { status: 403, headers: HTML },
    /filter or proxy before the API .*403: Web Page Blocked/,
  ],
  [
    "a gateway for models",
    '{"detail":"Not Found"}',
    { status: 404, headers: JSON_TYPE },
    /does not serve Managed Agents.*Set CMA_BASE_URL=https:\/\/api\.anthropic\.com/,
  ],
  [
    "a gateway that speaks as the API does",
    envelope({ type: "not_found_error", message: "Not Found" }),
    { status: 404, headers: JSON_TYPE },
    /does not serve Managed Agents.*ANTHROPIC_BASE_URL/,
  ],
  [
    "a sign-in page",
    "<html><title>Hotel</title></html>",
    { status: 200, headers: HTML },
    /not a Managed Agents API\. See whether this network wants a sign-in in a browser/,
  ],
  [
    "a redirect to a sign-in page",
    "",
    { status: 302, headers: { location: "https://login.invalid/x?key=1" } },
    /redirects requests.*sign-in in a browser.*https:\/\/login\.invalid/,
  ],
  [
    "a gateway's error page",
    "<html><h1>502</h1></html>",
    { status: 502, headers: { ...HTML, "x-should-retry": "false" } },
    /A proxy or gateway before the API .* failed\. Try again later\./,
  ],
  [
    "credit that is used up",
    envelope({ type: "invalid_request_error", message: "Your credit balance is too low to …" }),
    { status: 400, headers: JSON_TYPE },
    /billing reasons\. Add credit or raise the limit in the Claude Console/,
  ],
  [
    "a limit of spending",
    envelope({
      type: "rate_limit_error",
      message: "Limit",
      details: { error_code: "enforced_spend_limit_reached" },
    }),
    { status: 429, headers: JSON_TYPE },
    /spend limit is reached\. Raise the limit/,
  ],
  [
    "a key that is refused",
    envelope({ type: "authentication_error", message: "invalid x-api-key" }),
    { status: 401, headers: JSON_TYPE },
    /does not accept this server's key\. Set ANTHROPIC_API_KEY, .* valid at http:\/\/127/,
  ],
];

for (const [name, body, init, expected] of RESPONSES) {
  Deno.test(`on stdio the first call reports ${name} and what to change`, async () => {
    const server = serve(body, init);
    const text = await firstError({ ANTHROPIC_BASE_URL: server.url });
    assertMatch(text, expected);
    assertMatch(text, /'cma-mcp doctor' checks it\./);
    assert(!/operator|check the id|Change what it objects to/i.test(text), text);
    await server.close();
  });
}

Deno.test("over HTTP the first call reports what is wrong and who can change it", async () => {
  const server = serve("<title>No</title>", { status: 403, headers: HTML });
  const { program, endpoint } = await startHttp([], { ...KEY, CMA_BASE_URL: server.url });
  const error = await callServedTool(endpoint, "list_agents", {}).then(
    () => undefined,
    (error) => error,
  );
  assertMatch(String(error?.message), /Tell the operator of this server: have the API's address/);
  program.kill("SIGTERM");
  await program.ending();
  await server.close();
});

Deno.test("on stdio the first call reports an unknown certificate authority", async () => {
  const { cert, key } = await makeCertificate();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} },
    () => new Response(),
  );
  const text = await firstError({ CMA_BASE_URL: `https://127.0.0.1:${server.addr.port}` });
  const remedy = IS_PACKAGE
    ? "Name the authority's file with NODE_EXTRA_CA_CERTS"
    : "Trust this machine's certificates with DENO_TLS_CA_STORE";
  assertStringIncludes(text, `nothing was done. ${remedy}`);
  assertMatch(text, /company's proxy or a virus scanner/);
  assert(!/Try again/.test(text), text);
  await server.shutdown();
});

Deno.test({
  name: "on stdio the first call reports a file and a store of certificates that do not exist",
  // Node ignores such a file, and warns on stderr.
  ignore: IS_PACKAGE,
  async fn() {
    const missing = await firstError({ DENO_CERT: "/nowhere/authority.pem" });
    assertMatch(missing, /nothing was done\. Correct the path in DENO_CERT, or take it out/);
    const unknown = await firstError({ DENO_TLS_CA_STORE: "sytem" });
    assertMatch(unknown, /nothing was done\. Set DENO_TLS_CA_STORE to system/);
  },
});

Deno.test("on stdio the first call reports a proxy that refuses, and one that wants a password", async () => {
  for (
    const [status, expected] of [
      ["403 Forbidden", /The proxy 127\S+ \(\w+\) refuses a tunnel to https:\/\/api\.invalid/],
      [
        "407 Proxy Authentication Required",
        /The proxy 127\S+ \(\w+\) wants a user name and a password/,
      ],
    ] as const
  ) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      for await (const connection of listener) {
        await connection.read(new Uint8Array(1_024));
        const answer = `HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`;
        await connection.write(new TextEncoder().encode(answer));
        connection.close();
      }
    })();
    const text = await firstError({
      CMA_BASE_URL: "https://api.invalid",
      HTTPS_PROXY: `http://me:hunter2@127.0.0.1:${listener.addr.port}`,
    });
    assertMatch(text, expected);
    assertMatch(text, /Correct HTTPS_PROXY, or add api\.invalid to NO_PROXY/);
    assert(!text.includes("hunter2"));
    listener.close();
    await serving;
  }
});

Deno.test("on stdio the first call reports a name that does not resolve", async () => {
  const text = await firstError({ CMA_BASE_URL: "https://api.invalid" });
  assertMatch(
    text,
    /could not be reached.*Check --base-url, this machine's connection and its DNS/,
  );
  assertMatch(text, /api\.invalid has no known address \(DNS\)/);
});
