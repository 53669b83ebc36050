import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { checkSecret } from "../../../src/config/checks.ts";
import { resolveConfig, resolveStart } from "../../../src/config/resolve.ts";
import { checkFilledIn } from "../../../src/core/filled_in.ts";
import { UsageError } from "../../../src/core/errors.ts";

/** Stands in where no file is to be read. */
const noFile = () => Promise.reject(new Error("No file is named here"));

const KEY = "sk-ant-api03-0123456789abcdefABCDEF";

/** What people, shells, hosts and pastes make of a key. */
const KEYS: readonly [string, RegExp][] = [
  [`"${KEY}"`, /has quotes around it: leave them out/],
  [`'${KEY}'`, /quotes/],
  [`\`${KEY}\``, /quotes/],
  [`\u201c${KEY}\u201d`, /quotes/],
  [`${KEY}"`, /quotes/],
  [`["${KEY}"]`, /brackets and quotes/],
  [`ANTHROPIC_API_KEY=${KEY}`, /begins with 'ANTHROPIC_API_KEY=': leave that out/],
  [`export ANTHROPIC_API_KEY=${KEY}`, /begins with 'ANTHROPIC_API_KEY='/],
  [`ANTHROPIC_API_KEY = ${KEY}`, /begins with/],
  [`$env:ANTHROPIC_API_KEY="${KEY}"`, /begins with/],
  [`ANTHROPIC_API_KEY: ${KEY}`, /begins with 'ANTHROPIC_API_KEY:'/],
  [`PRIVATE_NAME: ${KEY}`, /begins with a name and ':'/],
  [`PRIVATE_NAME=${KEY}`, /begins with a name and '='/],
  ["$ANTHROPIC_API_KEY", /not filled in/],
  ["${ANTHROPIC_API_KEY}", /not filled in/],
  ["${ANTHROPIC_API_KEY:-}", /not filled in/],
  ["${user_config.api_key}", /not filled in/],
  ["${input:managed-agents-api-key}", /not filled in/],
  ["$(cat key)", /not filled in/],
  ["%ANTHROPIC_API_KEY%", /not filled in/],
  ["{{ api_key }}", /not filled in/],
  ["${{ secrets.KEY }}", /not filled in/],
  ["op://vault/item/field", /not filled in/],
  ["undefined", /is the word 'undefined'.*or leave it out/],
  ["null", /is the word 'null'/],
  ["None", /is the word/],
  ["[object Object]", /is the word/],
  ["sk-ant-your-key", /placeholder/],
  ["sk-ant-...", /placeholder/],
  ["sk-ant-api03-…", /placeholder/],
  ["sk-ant-api03-xxxxxxxx", /placeholder/],
  ["sk-ant-api03-AbCd...WxYz", /placeholder/],
  ["sk-ant-***", /placeholder/],
  ["<your API key>", /placeholder/],
  ["YOUR_API_KEY", /placeholder/],
  ["your-api-key-here", /placeholder/],
  ["changeme", /placeholder/],
  ["xxxxx", /placeholder/],
  ["API_KEY", /placeholder/],
  [`Bearer ${KEY}`, /begins with 'Bearer': leave that out/],
  [`x-api-key: ${KEY}`, /begins with 'x-api-key:'/],
  [`${KEY.slice(0, 20)}\n${KEY.slice(20)}`, /spaces, line breaks.*in one piece/],
  [`${KEY.slice(0, 20)} ${KEY.slice(20)}`, /spaces/],
  [`${KEY.slice(0, 20)}\u200b${KEY.slice(20)}`, /cannot be seen \(U\+200B\), 20 characters/],
  [`${KEY.slice(0, 20)}\u00a0${KEY.slice(20)}`, /cannot be seen \(U\+00A0\)/],
  [`\u2060${KEY}`, /cannot be seen \(U\+2060\)/],
  [`${KEY.slice(0, 3)}\ufeff${KEY.slice(3)}`, /cannot be seen \(U\+FEFF\)/],
  [`${KEY}\u202e`, /cannot be seen \(U\+202E\)/],
  [KEY.replace("-", "\u2013"), /other characters that no key has \(U\+2013\)/],
];
for (const [value, expected] of KEYS) {
  Deno.test(`a key such as ${JSON.stringify(value)} is refused at once, with what to do`, async () => {
    for (
      const refuse of [
        () => Promise.try(checkSecret, value, "THE_SOURCE"),
        () => resolveConfig([], (name) => name === "ANTHROPIC_API_KEY" ? value : undefined, noFile),
        () =>
          resolveConfig(
            ["--api-key-file", "k"],
            () => undefined,
            () => Promise.resolve(`\ufeff ${value}\r\n`),
          ),
      ]
    ) {
      const { message } = await assertRejects(refuse, UsageError);
      assertMatch(message, expected);
      assertMatch(message, /^(THE_SOURCE|ANTHROPIC_API_KEY|'k' \(--api-key-file\)) /);
      assert(!/\n/.test(message) && !message.includes("0123456"), message);
    }
  });
}

const SOUND_SECRETS = [
  KEY,
  "a-key-for-tests",
  "sk-ant-oat01-yourself",
  "0123456789abcdef0123456789abcdef",
  "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ====",
  "p$ssw0rd-with-$igns-and-%percents%x",
  "aGVyZSBpcyBhIHRva2VuIHdpdGggcGFkZGluZw==",
];
for (const value of SOUND_SECRETS) {
  Deno.test(`a credential such as ${value} is taken as it is`, () => {
    assertEquals(checkSecret(value, "THE_SOURCE"), value);
  });
}

/** The same kinds of fault in the other settings, by flag and by variable. */
const SETTINGS: readonly [readonly string[], Readonly<Record<string, string>>, RegExp][] = [
  [[], { CMA_BASE_URL: "undefined" }, /CMA_BASE_URL is the word 'undefined'/],
  [[], { CMA_BASE_URL: "'https://api.test'" }, /CMA_BASE_URL has quotes/],
  [[], { CMA_BASE_URL: "CMA_BASE_URL=https://api.test" }, /begins with 'CMA_BASE_URL='/],
  [[], { ANTHROPIC_BASE_URL: "$ANTHROPIC_BASE_URL" }, /ANTHROPIC_BASE_URL holds a reference/],
  [[], { ANTHROPIC_BASE_URL: "https://${HOST}/cma" }, /holds a reference/],
  [["--base-url=https://api\u200b.test"], {}, /--base-url has a character that cannot be seen/],
  [["--base-url=https://platform.claude.com/x"], {}, /is no API/],
  [[], { CLAUDE_ENVIRONMENT_ID: "null" }, /CLAUDE_ENVIRONMENT_ID is the word/],
  [[], { CLAUDE_ENVIRONMENT_ID: "production" }, /is a name; give an environment's id/],
  [[], { CLAUDE_ENVIRONMENT_ID: "agent_01Demo" }, /holds an agent's id: give an environment's id/],
  [[], { CLAUDE_ENVIRONMENT_ID: KEY }, /holds a key: give an environment's id/],
  [[], { CLAUDE_ENVIRONMENT_ID: "env_xxx" }, /placeholder/],
  [[], { CLAUDE_ENVIRONMENT_ID: "env_01,env_02" }, /give one id/],
  [[], { ALLOWED_AGENT_IDS: "agent_01;agent_02" }, /put commas between/],
  [[], { ALLOWED_AGENT_IDS: "*" }, /for all, leave it out/],
  [[], { ALLOWED_AGENT_IDS: "all" }, /for all, leave it out/],
  [[], { CLAUDE_ENVIRONMENT_ID: "your-environment-id" }, /placeholder/],
  [[], { ALLOWED_AGENT_IDS: '["agent_01","agent_02"]' }, /brackets and quotes/],
  [
    [],
    { ALLOWED_AGENT_IDS: "agent_01, Support" },
    /'Support' in ALLOWED_AGENT_IDS: that is a name/,
  ],
  [[], { ALLOWED_AGENT_IDS: "env_01Demo" }, /holds an environment's id: give an agent's id/],
  [[], { ALLOWED_AGENT_IDS: "sesn_01Demo" }, /holds a session's id/],
  [["--allowed-agents", "agent_…"], {}, /placeholder/],
  [["--api-key-file", "${HOME}/key"], {}, /--api-key-file holds a reference.*'\$\{HOME\}\/key'/],
  [["--api-key-file", "%APPDATA%\\key"], {}, /--api-key-file holds a reference/],
  [["--api-key-file", "'key'"], {}, /--api-key-file has quotes/],
  [["--log-level", "$LEVEL"], {}, /--log-level holds a reference/],
  [["--http", "--host", "0.0.0.0:3000"], {}, /type 0\.0\.0\.0, and the port as --port 3000/],
  [["--http"], { PORT: "undefined" }, /PORT is the word/],
  [["--http"], { ALLOWED_HOSTS: "https://mcp.test/mcp" }, /type a host such as mcp\.test/],
  [["--http"], { MANAGED_AGENTS_MCP_TOKEN: '"0123456789abcdef0123456789abcdef"' }, /quotes/],
  [["--http"], { MANAGED_AGENTS_MCP_TOKEN: "Bearer 0123456789abcdef0123456789" }, /'Bearer'/],
  [["--http"], { MANAGED_AGENTS_MCP_TOKEN: "your-token-of-32-characters-or-more" }, /placeholder/],
];
for (const [args, env, expected] of SETTINGS) {
  Deno.test(`${args.join(" ")} ${JSON.stringify(env)} is refused with what to do`, async () => {
    const all: Readonly<Record<string, string>> = {
      ANTHROPIC_API_KEY: KEY,
      CMA_MCP_TOKEN: "0123456789abcdef0123456789abcdef",
      ...env,
    };
    const { message } = await assertRejects(
      () => resolveConfig(args, (name) => all[name], () => Promise.resolve(KEY)),
      UsageError,
    );
    assertMatch(message, expected);
    assert(!message.includes(KEY) && !message.includes("0123456789abcdef"), message);
  });
}

Deno.test("checkFilledIn() accepts names and paths of all kinds", () => {
  const paths = ["C:\\Users\\your name\\key.txt", "/srv/your/key", "./...", "/run/secrets/key"];
  for (const path of paths) checkFilledIn(path, "--api-key-file", { isPath: true });
  const others = [
    ...["static.1.2.3.4.clients.your-server.de", "my-gateway:8080", "[::1]", "true", "none.test"],
    ...["https://gw.test/a%20b", "here.example", "xx", "token"],
  ];
  for (const value of others) checkFilledIn(value, "ALLOWED_HOSTS");
});

Deno.test("a setting that names a folder says so, with a real one", async () => {
  const folder = await Deno.makeTempDir();
  for (const flag of ["--api-key-file", "--token-file"]) {
    const env: Readonly<Record<string, string>> = { ANTHROPIC_API_KEY: KEY };
    await assertRejects(
      () => resolveConfig(["--http", flag, folder], (name) => env[name], Deno.readTextFile),
      UsageError,
      flag === "--token-file" ? "it is a folder" : "bearer token",
    );
    await assertRejects(
      () => resolveConfig(["--api-key-file", folder], () => undefined, Deno.readTextFile),
      UsageError,
      "it is a folder: name the file in it",
    );
    await assertRejects(
      () => resolveConfig(["--api-key-file", `${folder}/x`], () => "", Deno.readTextFile),
      UsageError,
      "there is no such file",
    );
  }
  await Deno.remove(folder);
});

const MISPLACED: readonly [Readonly<Record<string, string>>, RegExp | undefined][] = [
  [{ ANTHROPIC_API_KEY: "sk-ant-oat01-abcdef" }, /set it as ANTHROPIC_AUTH_TOKEN/],
  [{ ANTHROPIC_AUTH_TOKEN: "sk-ant-oat01-abcdef" }, undefined],
  [{ ANTHROPIC_AUTH_TOKEN: "sk-ant-api03-abcdef" }, /set it as ANTHROPIC_API_KEY/],
  [{ ANTHROPIC_API_KEY: "sk-ant-admin01-abcdef" }, /is a key for administration/],
  [{ ANTHROPIC_API_KEY: "sk-proj-abcdef" }, /another service's key/],
  [{ ANTHROPIC_API_KEY: "ghp_abcdef" }, /another service's key/],
  [{ ANTHROPIC_API_KEY: "https://abcdef.test/keys" }, /is an address/],
  [{ ANTHROPIC_API_KEY: "/run/secrets/abcdef" }, /is a path: name the file with --api-key-file/],
  [{ ANTHROPIC_API_KEY: "C:\\keys\\abcdef" }, /is a path/],
  [{ ANTHROPIC_API_KEY: '{"key":"abcdef"}' }, /is a JSON object/],
  [{ ANTHROPIC_API_KEY: "agent_01abcdef" }, /is an id/],
  [{ ANTHROPIC_API_KEY: "sk-ant-api03-abcdef;" }, /ends with a sign that no key has/],
  [{ ANTHROPIC_API_KEY: "sk-ant-api03-abcdef," }, /ends with a sign/],
  [{ ANTHROPIC_API_KEY: `${KEY}${KEY}` }, /more than one key/],
  [{ ANTHROPIC_API_KEY: `${KEY},${KEY}` }, /more than one key/],
  [{ ANTHROPIC_API_KEY: `${KEY},sk-ant-api03-other` }, /more than one key/],
  [{ ANTHROPIC_AUTH_TOKEN: "0123456789abcdefghij0123456789abcdefghij" }, /more than one key/],
  [{ ANTHROPIC_API_KEY: `${KEY}\\n` }, /as two characters: leave that out/],
  [{ ANTHROPIC_API_KEY: "true" }, /is no key: put/],
  [{ ANTHROPIC_API_KEY: "1" }, /is no key: put/],
  [{ ANTHROPIC_API_KEY: "{env:ANTHROPIC_KEY}" }, /reference that was not filled in/],
  [{ ANTHROPIC_API_KEY: "{file:~/.key}" }, /reference that was not filled in/],
  [{ ANTHROPIC_API_KEY: "https://api.anthropic.com" }, /is an address/],
  [{ ANTHROPIC_API_KEY: "sk-proj-abcdef", CMA_BASE_URL: "https://cma.test" }, undefined],
  [{ ANTHROPIC_API_KEY: "sk-ant-oat01-abcdef", CMA_BASE_URL: "https://cma.test" }, undefined],
];
for (const [env, expected] of MISPLACED) {
  Deno.test(`${JSON.stringify(env)} is ${expected ? "refused" : "taken"}`, async () => {
    const resolve = () => resolveConfig([], (name) => env[name], noFile);
    if (!expected) return void await resolve();
    const { message } = await assertRejects(resolve, UsageError);
    assertMatch(message, expected);
    assert(!message.includes("abcdef"), message);
  });
}

Deno.test("resolveStart() keeps an error to one bounded line without known secrets", async () => {
  const secret = "a-secret-that-looks-like-none";
  const env: Readonly<Record<string, string>> = {
    ANTHROPIC_API_KEY: secret,
    CMA_BASE_URL: `x\r\n${secret}${"y".repeat(5_000)}`,
  };
  const config = await resolveStart([], (name) => env[name], noFile);
  assert(config.command === "unready");
  assert(!/[\r\n]/.test(config.message) && config.message.length <= 600, config.message);
  assert(!config.message.includes(secret), config.message);
  const http = await assertRejects(
    () => resolveStart(["--http", `--port=${secret}`], (name) => env[name], noFile),
    UsageError,
  );
  assert(!http.message.includes(secret), http.message);
});

for (
  const word of [
    ...["undefined", "[object Object]", "[object Promise]", "UNDEFINED", "anthropic", "password"],
    ...["ANTHROPIC_API_KEY", "${API_KEY}", "your-api-key"],
  ]
) {
  for (
    const variable of ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "MANAGED_AGENTS_MCP_TOKEN"]
  ) {
    Deno.test(`the error about ${variable}=${word} does not redact its own words`, async () => {
      const read = (name: string) => name === variable ? word : undefined;
      const http = await assertRejects(() => resolveStart(["--http"], read, noFile), UsageError);
      const stdio = await resolveStart([], read, noFile);
      assert(stdio.command === "unready" || stdio.command === "serve");
      const message = stdio.command === "unready" ? stdio.message : "";
      assert(!/redacted/.test(http.message + message), `${http.message} ${message}`);
    });
  }
}

Deno.test("the error about a placeholder does not repeat what may be part of a key", async () => {
  const part = "sk-ant-api03-0123456789abcdef...";
  const env: Readonly<Record<string, string>> = { ANTHROPIC_API_KEY: part, CMA_BASE_URL: part };
  const start = () => resolveStart(["--http"], (name) => env[name], noFile);
  const { message } = await assertRejects(start, UsageError);
  assert(!message.includes("0123456789"), message);
});

const STARTS: readonly [readonly string[], "unready" | "refused"][] = [
  [[], "unready"],
  [["--simulat"], "unready"],
  [["--http=false"], "unready"],
  [["--log-level", "loud"], "unready"],
  [["--http"], "refused"],
  [["--http=true"], "refused"],
  [["--simulat", "--HTTP"], "refused"],
  [["docter"], "refused"],
  [["demo", "--port=1"], "refused"],
  [["--port=1", "simulator", "--http"], "refused"],
  [["config", "nohost"], "refused"],
];
for (const [args, expected] of STARTS) {
  Deno.test(`resolveStart() of '${args.join(" ")}' without settings is ${expected}`, async () => {
    const resolve = () => resolveStart(args, () => undefined, noFile);
    if (expected === "refused") await assertRejects(resolve, UsageError);
    else assertEquals((await resolve()).command, "unready");
  });
}
