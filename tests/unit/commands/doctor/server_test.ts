import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openFilesProblem } from "../../../../src/commands/open_files.ts";
import { checkSealing, checkServer } from "../../../../src/commands/doctor/server.ts";
import { listen } from "../../../../src/runtime/deno_listener.ts";
import type { HttpConfig } from "../../../../src/config/config.ts";
import type { TokenEntry } from "../../../../src/access/tokens.ts";
import { type ListenAddress, ListenError } from "../../../../src/runtime/runtime.ts";
import { silentLogger } from "../../../../src/core/logger.ts";
import { makeCertificate } from "../../../helpers/certificate.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";
import { recordProgram } from "../../../helpers/program.ts";

const CONFIG: HttpConfig = {
  listenAddress: "127.0.0.1",
  port: 0,
  token: "t".repeat(32),
  allowedHosts: ["mcp.example.com"],
  allowedOrigins: [],
};
const HOUR = 60 * 60 * 1_000;
const DAY = 24 * HOUR;
const NOW = new ManualClock().now();

async function check(
  config: Partial<HttpConfig> = {},
  { files = {}, nowMs = NOW }: { files?: Record<string, string>; nowMs?: number } = {},
) {
  const readFile = (path: string) => {
    const content = files[path];
    return content === undefined ? Promise.reject(new Error("no")) : Promise.resolve(content);
  };
  const program = recordProgram({ clock: new ManualClock(nowMs), readFile });
  const found = await checkServer({ ...CONFIG, ...config }, program);
  return {
    states: found.map(({ check, status }) => `${check}:${status}`),
    words: found.map(({ message, cure }) => `${message}: ${cure ?? ""}`).join("\n"),
  };
}

function entry(name: string, expiresInMs?: number): TokenEntry {
  return {
    name,
    hashes: ["0".repeat(64)],
    readOnly: false,
    sessions: "own",
    ...(expiresInMs !== undefined && { expiresAtMs: NOW + expiresInMs }),
  };
}

Deno.test("checkServer() finds nothing wrong with sound settings", async () => {
  const { states, words } = await check();
  assertEquals(states, ["token:ok", "http:ok", "port:ok"]);
  assertStringIncludes(words, "32 characters");
  assertStringIncludes(words, "answers to localhost, 127.0.0.1, [::1], mcp.example.com");
});

Deno.test("checkServer() does not show a token", async () => {
  const { words } = await check();
  assertEquals(words.includes("tttt"), false);
});

const tokenCases: readonly [string, readonly TokenEntry[], string, string][] = [
  ["a token without end", [entry("a")], "ok", "lists 1 token:"],
  ["two tokens for long", [entry("a"), entry("b", 30 * DAY)], "ok", "lists 2 tokens"],
  ["a token that ends soon", [entry("a"), entry("ci", DAY)], "warn", "within 14 days: ci"],
  ["a token that has expired", [entry("a"), entry("old", -1)], "warn", "Expired in 't.json': old"],
  ["only expired tokens", [entry("a", -DAY), entry("b", 0)], "fail", "Every token of 't.json'"],
];
for (const [name, entries, status, words] of tokenCases) {
  Deno.test(`checkServer() checks a file with ${name}`, async () => {
    const found = await check({ token: undefined, accessFile: { path: "t.json", entries } });
    assertEquals(found.states[0], `token:${status}`);
    assertStringIncludes(found.words, words);
  });
}

Deno.test("checkServer() takes a file of rules alone for what it is", async () => {
  const rules = [{ name: "everybody", issuer: "https://login.example.com" }];
  const accessFile = { path: "t.json", entries: [], rules };
  const found = await check({ token: undefined, accessFile });
  assertEquals(found.states[0], "token:ok");
  assertStringIncludes(found.words, "'t.json' lists 1 rule for people who sign in, and no token");
  const both = await check({
    token: undefined,
    accessFile: { ...accessFile, entries: [entry("a")] },
  });
  assertStringIncludes(both.words, "lists 1 token, and 1 rule for people who sign in");
});

Deno.test("checkServer() reports that a port is taken, also that of the metrics", async () => {
  const taken = listen({ host: "127.0.0.1", port: 0 }, () => Promise.reject(), silentLogger);
  const { port } = taken.addr;
  const main = await check({ port });
  assertEquals(main.states.at(-1), "port:fail");
  assertStringIncludes(main.words, `Port ${port} is taken: end what listens there`);
  const metrics = await check({ metricsPort: port });
  assertEquals(metrics.states.slice(-2), ["port:ok", "port:fail"]);
  await taken.shutdown();
  const free = await check({ port });
  assertStringIncludes(free.words, `127.0.0.1:${port} is free`);
});

Deno.test("checkServer() reports that an address is not this machine's", async () => {
  const { states, words } = await check({ listenAddress: "192.0.2.1" });
  assertEquals(states.at(-1), "port:fail");
  assertStringIncludes(words, "Cannot listen on 192.0.2.1:0: type a --host");
});

Deno.test("checkServer() asks for the hosts that clients of a public address call", async () => {
  const { states, words } = await check({ listenAddress: "0.0.0.0", allowedHosts: [] });
  assertEquals(states.slice(0, 2), ["token:ok", "http:fail"]);
  assertStringIncludes(words, "Listening on '0.0.0.0' needs --allowed-hosts");
});

Deno.test("checkServer() says of a name without an address just that", async () => {
  const tryListen = (address: ListenAddress) =>
    Promise.resolve(new ListenError("unresolved", address));
  const config = { ...CONFIG, listenAddress: "not_a_host", allowedHosts: [] };
  const found = await checkServer(config, recordProgram({ clock: new ManualClock(), tryListen }));
  const words = found.map(({ check, status, message }) => `${check}:${status} ${message}`);
  assertEquals(words.slice(1), [
    "http:fail The name 'not_a_host' has no address: type another --host, such as 127.0.0.1",
    "port:fail The name 'not_a_host' has no address",
  ]);
});

const tls = { certFile: "cert.pem", keyFile: "key.pem" };

Deno.test("checkServer() finds a certificate in order, and for how long", async () => {
  const { cert, key } = await makeCertificate();
  const files = { "cert.pem": cert, "key.pem": key };
  // It is valid for an hour from when it was made, which is now by the real clock.
  const real = Date.now();
  const soon = await check({ tls }, { files, nowMs: real });
  assertEquals(soon.states, ["token:ok", "http:ok", "tls:warn", "port:ok"]);
  assertStringIncludes(soon.words, "renew the certificate");
  const long = await makeCertificate(30 * DAY);
  const sound = await check({ tls }, {
    files: { "cert.pem": long.cert, "key.pem": long.key },
    nowMs: real,
  });
  assertEquals(sound.states[2], "tls:ok");
  assertStringIncludes(sound.words, "go together, until");
  const over = await check({ tls }, { files, nowMs: real + 2 * HOUR });
  assertEquals(over.states[2], "tls:fail");
  assertStringIncludes(over.words, "The certificate expired on");
  const early = await check({ tls }, { files, nowMs: real - DAY });
  assertStringIncludes(early.words, "on only: set the clock");
});

const tlsCases: readonly [
  string,
  (made: Record<string, string>) => Record<string, string>,
  string,
][] = [
  ["is missing", () => ({}), "Cannot read 'cert.pem' (--tls-cert)"],
  ["has no key beside it", ({ cert = "" }) => ({ "cert.pem": cert }), "Cannot read 'key.pem'"],
  [
    "is no certificate",
    ({ key = "" }) => ({ "cert.pem": key, "key.pem": key }),
    "holds no certificate",
  ],
  [
    "does not belong to its key",
    ({ cert = "", other = "" }) => ({ "cert.pem": cert, "key.pem": other }),
    "cannot be used together",
  ],
];
for (const [name, pick, words] of tlsCases) {
  Deno.test(`checkServer() reports that a certificate ${name}`, async () => {
    const made = { ...await makeCertificate(), other: (await makeCertificate()).key };
    const found = await check({ tls }, { files: pick(made) });
    assertEquals(found.states[2], "tls:fail");
    assertStringIncludes(found.words, words);
  });
}

Deno.test("checkServer() reports that waits need more open files than there are", async () => {
  const checked = async (openableFiles: number | undefined) => {
    const problem = openFilesProblem(400, () => openableFiles);
    const program = recordProgram({ clock: new ManualClock(), openFilesProblem: problem });
    const found = await checkServer(CONFIG, program);
    return found.filter(({ message }) => message.includes("open files"));
  };
  assertEquals(await checked(undefined), []);
  assertEquals(await checked(864), []);
  const [found] = await checked(478);
  assertEquals(found?.status, "warn");
  assertEquals(found?.cure, "raise the limit (ulimit -n 1024), or type --max-waits 207");
});

const KEY = { text: "a-sealing-key", bytes: new Uint8Array(32) };

const sealings: readonly [
  string,
  number,
  "linux" | "windows",
  number | undefined,
  string,
  RegExp,
][] = [
  [
    "no key",
    0,
    "linux",
    undefined,
    "warn",
    /not at another replica: make one with 'cma-mcp token seal/,
  ],
  ["a key of the server's own", 1, "linux", 0o600, "ok", /'k' has 1 sealing key:/],
  ["keys that a group may read", 2, "linux", 0o640, "ok", /'k' has 2 sealing keys:/],
  ["a key that everybody may read", 1, "linux", 0o644, "warn", /can read 'k': type chmod 600 'k'/],
  ["a file whose mode it cannot read", 1, "linux", undefined, "ok", /has 1/],
  ["a mode that means nothing", 1, "windows", 0o666, "ok", /has 1/],
];
for (const [name, count, os, mode, status, words] of sealings) {
  Deno.test(`checkSealing() checks ${name}`, async () => {
    const config = count > 0 ? { path: "k", keys: Array(count).fill(KEY) } : undefined;
    const finding = await checkSealing(config, { os, modeOf: () => Promise.resolve(mode) });
    assertEquals([finding.check, finding.status], ["sealing", status]);
    const text = `${finding.message}: ${finding.cure ?? ""}`;
    assertMatch(text, words);
    assertEquals(text.includes(KEY.text), false);
  });
}
