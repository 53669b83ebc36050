import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ServeConfig } from "../../../src/config/config.ts";
import { readsFiles, resolveConfig } from "../../../src/config/resolve.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { sha256 } from "../../../src/core/sha256.ts";

const KEY = "sk-ant-api03-not-a-real-key";
const TOKEN = "0123456789abcdef0123456789abcdef";
const SECRET = "secret-of-the-client";
const SEALING_KEY = "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8";
const LOGIN = "https://login.example.com/tenant/v2.0";
const OTHER = "https://other.example.com/";
const PUBLIC_URL = "--public-url=https://mcp.example.com/agents";
const RESOURCE = "https://mcp.example.com/agents/mcp";

interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

async function serving({ args = [], env = {}, files = {} }: Given): Promise<ServeConfig> {
  const all: Readonly<Record<string, string>> = { ANTHROPIC_API_KEY: KEY, ...env };
  const config = await resolveConfig(["--http", ...args], (name) => all[name], (path) => {
    const content = { s: SECRET, ...files }[path];
    return content === undefined
      ? Promise.reject(new Error("no such file"))
      : Promise.resolve(content);
  });
  assert(config.command === "serve");
  return config;
}

Deno.test("makeOAuthSettings() serves people alone, for the URL that they type", async () => {
  const { http } = await serving({ args: [`--oauth-issuer=${LOGIN}`, PUBLIC_URL] });
  assertEquals([http?.token, http?.accessFile], [undefined, undefined]);
  assertEquals(http?.oauth, {
    resource: RESOURCE,
    hashSubjects: false,
    issuers: [{ issuer: LOGIN, audiences: [RESOURCE], tokenTypes: ["at+jwt"] }],
  });
});

Deno.test("makeOAuthSettings() has one resource, with or without the endpoint in the public URL", async () => {
  for (const url of [PUBLIC_URL, `${PUBLIC_URL}/`, `${PUBLIC_URL}/mcp`, `${PUBLIC_URL}/mcp/`]) {
    const { http } = await serving({ args: [`--oauth-issuer=${LOGIN}`, url] });
    assertEquals(http?.oauth?.resource, RESOURCE);
    // Links begin with it.
    assertEquals(http?.publicUrl, "https://mcp.example.com/agents");
  }
});

Deno.test("makeOAuthSettings() lets people in beside tokens, and has no part without an issuer", async () => {
  const env = { CMA_MCP_TOKEN: TOKEN };
  const beside = await serving({ args: [`--oauth-issuer=${LOGIN}`, PUBLIC_URL], env });
  assertEquals([beside.http?.token, beside.http?.oauth?.issuers.length], [TOKEN, 1]);
  const { http } = await serving({ args: [PUBLIC_URL], env });
  assertEquals(http && "oauth" in http, false);
});

Deno.test("makeOAuthSettings() gives each issuer its own entries and those for all", async () => {
  const { http } = await serving({
    args: [
      PUBLIC_URL,
      ...["--oauth-issuer", `${LOGIN},${OTHER}`, "--oauth-issuer=http://127.0.0.1:4001"],
      ...["--oauth-audience", "api://all?a=b", `--oauth-audience=${LOGIN}=guid=1 ${OTHER}=o`],
      ...["--oauth-token-type", `${OTHER}=jwt`],
    ],
  });
  assertEquals(http?.oauth?.issuers, [
    { issuer: LOGIN, audiences: ["api://all?a=b", "guid=1"], tokenTypes: ["at+jwt"] },
    { issuer: OTHER, audiences: ["api://all?a=b", "o"], tokenTypes: ["JWT"] },
    { issuer: "http://127.0.0.1:4001", audiences: ["api://all?a=b"], tokenTypes: ["at+jwt"] },
  ]);
});

Deno.test("makeOAuthSettings() keeps an issuer as it was typed, with or without a slash", async () => {
  const typed = ["https://Login.Example.com", "https://Login.Example.com/", "HTTPS://a.example/b/"];
  const { http } = await serving({ args: [PUBLIC_URL, `--oauth-issuer=${typed.join(",")}`] });
  assertEquals(http?.oauth?.issuers.map(({ issuer }) => issuer), typed);
});

Deno.test("makeOAuthSettings() finds the longest issuer before a '='", async () => {
  const [short, long] = ["https://a.example", "https://a.example=b"];
  const args = [PUBLIC_URL, `--oauth-issuer=${short},${long}`, `--oauth-audience=${long}=c`];
  const { http } = await serving({ args });
  assertEquals(http?.oauth?.issuers.map(({ audiences }) => audiences), [[RESOURCE], ["c"]]);
});

const CLIENT = { CMA_MCP_OAUTH_CLIENT_ID: "us", CMA_MCP_OAUTH_CLIENT_SECRET_FILE: "s" };

Deno.test("makeOAuthSettings() reads everything from the environment", async () => {
  const config = await serving({
    env: {
      ...CLIENT,
      CMA_MCP_PUBLIC_URL: "http://127.0.0.1:3000",
      CMA_MCP_OAUTH_ISSUER: LOGIN,
      CMA_MCP_OAUTH_AUDIENCE: "one two",
      CMA_MCP_OAUTH_TOKEN_TYPE: "JWT,AT+JWT",
      CMA_MCP_OAUTH_INTROSPECTION_URL: "https://login.example.com/introspect",
      CMA_MCP_HASH_SUBJECTS: "yes",
      CMA_MCP_SEALING_KEY_FILE: "k",
    },
    files: { s: `${SECRET}\n`, k: SEALING_KEY },
  });
  assertEquals(config.http?.oauth, {
    resource: "http://127.0.0.1:3000/mcp",
    hashSubjects: true,
    issuers: [{
      issuer: LOGIN,
      audiences: ["one", "two"],
      tokenTypes: ["JWT", "at+jwt"],
      introspection: {
        url: "https://login.example.com/introspect",
        clientId: "us",
        clientSecret: SECRET,
        secretFile: "s",
      },
    }],
  });
  // The secret is read again when the endpoint refuses it.
  assertEquals(readsFiles(config), true);
});

Deno.test("makeOAuthSettings() gives introspection to the issuer that it names", async () => {
  const args = [
    PUBLIC_URL,
    `--oauth-issuer=${LOGIN},${OTHER}`,
    `--oauth-introspection-url=${OTHER}=https://other.example.com/check?a=b`,
  ];
  const { http } = await serving({ args, env: CLIENT });
  assertEquals(http?.oauth?.issuers.map(({ introspection }) => introspection?.url), [
    undefined,
    "https://other.example.com/check?a=b",
  ]);
  const plain = await serving({ args: [PUBLIC_URL, `--oauth-issuer=${LOGIN}`] });
  assertEquals(readsFiles(plain), false);
});

const with1 = [PUBLIC_URL, `--oauth-issuer=${LOGIN}`];
const with2 = [PUBLIC_URL, `--oauth-issuer=${LOGIN},${OTHER}`];
const asking = "--oauth-introspection-url=https://login.example.com/introspect";
const refusals: readonly [string, Given, RegExp][] = [
  [
    "neither token nor issuer",
    {},
    /set MANAGED_AGENTS_MCP_TOKEN.*or let people sign in, with --oauth-issuer$/,
  ],
  ["no public URL", { args: [`--oauth-issuer=${LOGIN}`] }, /^--oauth-issuer needs .* --public-url/],
  ["no public URL, by variable", {
    env: { CMA_MCP_OAUTH_ISSUER: LOGIN },
  }, /^CMA_MCP_OAUTH_ISSUER needs the address/],
  ["a public URL that is not secure", {
    args: [`--oauth-issuer=${LOGIN}`, "--public-url=http://mcp.example.com"],
  }, /unencrypted: type https:\/\/mcp.example.com/],
  ["an issuer without a scheme", {
    args: [PUBLIC_URL, "--oauth-issuer=login.example.com"],
  }, /'login.example.com' in --oauth-issuer: type an issuer such as https/],
  ["an issuer that is not secure", {
    args: [PUBLIC_URL, "--oauth-issuer=http://login.example.com"],
  }, /type an issuer such as https/],
  ["an issuer with a query", {
    args: [PUBLIC_URL, "--oauth-issuer=https://login.example.com?a"],
  }, /without '\?' and '#'/],
  ["an issuer with a fragment", {
    args: [PUBLIC_URL, "--oauth-issuer=https://login.example.com#"],
  }, /without '\?' and '#'/],
  ["an issuer with a password", {
    args: [PUBLIC_URL, "--oauth-issuer=https://me:pass@login.example.com"],
  }, /Cannot use that in --oauth-issuer/],
  ["the address of metadata as issuer", {
    args: [PUBLIC_URL, "--oauth-issuer=https://a.example/.well-known/openid-configuration"],
  }, /that is the address of its metadata: type the 'issuer'/],
  ["an audience of nobody", {
    args: [PUBLIC_URL, "--oauth-audience=a"],
    env: { CMA_MCP_TOKEN: TOKEN },
  }, /^--oauth-audience goes with --oauth-issuer/],
  ["hashes of nobody", {
    env: { CMA_MCP_TOKEN: TOKEN, CMA_MCP_HASH_SUBJECTS: "on" },
  }, /^CMA_MCP_HASH_SUBJECTS goes with --oauth-issuer/],
  ["an audience of an unknown issuer", {
    args: [...with1, "--oauth-audience=https://login.example.com=a"],
  }, /--oauth-issuer names no 'https:\/\/login.example.com', so write/],
  ["an empty audience", {
    args: [...with1, `--oauth-audience=${LOGIN}=`],
  }, /nothing stands after its '='/],
  ["a made-up type", { args: [...with1, "--oauth-token-type=id"] }, /type one of at\+jwt, JWT/],
  [
    "a URL of introspection alone",
    { args: [...with1, asking] },
    /^--oauth-introspection-url is not enough/,
  ],
  [
    "a client alone",
    { args: with1, env: CLIENT },
    /^CMA_MCP_OAUTH_CLIENT_ID is not enough.*all three/,
  ],
  ["introspection at one of several", {
    args: [...with2, asking],
    env: CLIENT,
  }, /must say whose it is where there are several issuers: type https:\/\/login/],
  ["introspection that is not secure", {
    args: [...with1, "--oauth-introspection-url=http://login.example.com/i"],
    env: CLIENT,
  }, /type a URL with https/],
  ["a missing secret file", {
    args: [...with1, asking, "--oauth-client-secret-file=no"],
    env: CLIENT,
  }, /Cannot read 'no' \(--oauth-client-secret-file\)/],
  ["an empty secret file", {
    args: [...with1, asking],
    env: CLIENT,
    files: { s: "\n" },
  }, /'s' \(CMA_MCP_OAUTH_CLIENT_SECRET_FILE\) is empty/],
  ["the bearer token as the client's secret", {
    args: [...with1, asking],
    env: { ...CLIENT, CMA_MCP_TOKEN: TOKEN },
    files: { s: TOKEN },
  }, /holds a bearer token, which the authorization server must not see/],
  ["a token of a list as the client's secret", {
    args: [...with1, asking, "--token-file=t"],
    env: CLIENT,
    files: {
      s: TOKEN,
      t: JSON.stringify({ tokens: [{ name: "a", sha256: sha256(TOKEN) }] }),
    },
  }, /holds a bearer token/],
  ["the API key as the client's secret", {
    args: [...with1, asking],
    env: CLIENT,
    files: { s: KEY },
  }, /holds the key for the API/],
  ["the binding key as the client's secret", {
    args: [...with1, asking],
    env: { ...CLIENT, CMA_MCP_BINDING_KEY: `${TOKEN}-binds` },
    files: { s: `${TOKEN}-binds` },
  }, /holds the key that ties sessions to tokens/],
  ["a sealing key as the client's secret", {
    args: [...with1, asking, "--sealing-key-file=k"],
    env: CLIENT,
    files: { s: SEALING_KEY, k: SEALING_KEY },
  }, /holds a sealing key/],
];
for (const [name, given, expected] of refusals) {
  Deno.test(`makeOAuthSettings() refuses ${name} in one line without a secret`, async () => {
    const { message } = await assertRejects(() => serving(given), UsageError);
    assertMatch(message, expected);
    assert(!message.includes("\n"));
    for (const secret of [KEY, TOKEN, SECRET, SEALING_KEY, "pass"]) {
      assert(!message.includes(secret), message);
    }
  });
}

Deno.test("resolveConfig() warns of hashes that differ at each replica", async () => {
  const args = [...with1, "--hash-subjects", "--allowed-agents=agent_1", "--token-file=r"];
  const r = JSON.stringify({ rules: [{ name: "all", issuer: LOGIN }] });
  const { warnings } = await serving({ args, files: { r } });
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0] ?? "", /hashes of subjects .* one --sealing-key-file$/);
  const keyed = await serving({
    args: [...args, "--sealing-key-file=k"],
    files: { k: SEALING_KEY, r },
  });
  assertEquals(keyed.warnings, []);
});
