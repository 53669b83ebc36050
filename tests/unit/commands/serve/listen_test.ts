import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serve } from "../../../../src/commands/serve/serve.ts";
import { resolveConfig } from "../../../../src/config/resolve.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { silentLogger } from "../../../../src/core/logger.ts";
import { acceptedHosts, checkAddress } from "../../../../src/commands/serve/listen.ts";
import { listen } from "../../../../src/runtime/deno_listener.ts";
import { type ListenAddress, ListenError } from "../../../../src/runtime/runtime.ts";
import { type Certificate, makeCertificate } from "../../../helpers/certificate.ts";
import { recordProgram } from "../../../helpers/program.ts";

/** Serves with files in memory; one that is undefined cannot be read. */
async function serveTls(files: Partial<Certificate>, ...args: string[]) {
  const program = recordProgram({
    readFile: (path) => {
      const content = path === "cert.pem" ? files.cert : files.key;
      return content === undefined
        ? Promise.reject(new Error("no such file"))
        : Promise.resolve(content);
    },
  });
  const config = await resolveConfig(
    ["--http", "--simulate", "--tls-cert=cert.pem", "--tls-key=key.pem", "--port=0", ...args],
    (name) => name === "CMA_MCP_TOKEN" ? "t".repeat(32) : undefined,
    () => Promise.resolve(""),
  );
  assert(config.command === "serve");
  return { program, done: serve(config, program) };
}

async function isAlive(url: string, { cert }: Certificate): Promise<boolean> {
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const response = await fetch(new URL("/health", url), { client });
  await response.body?.cancel();
  return response.ok;
}

Deno.test("serve() takes up a changed certificate only when it starts again", async () => {
  const [first, second] = [await makeCertificate(), await makeCertificate()];
  const files = { ...first };
  const { program, done } = await serveTls(files);
  const [, url = ""] = await program.loggedMatch(/clients at (https:\S+?),/);
  Object.assign(files, second);
  program.reload();
  await program.loggedMatch(/Nothing was read again/);
  assert(await isAlive(url, first));
  await assertRejects(() => isAlive(url, second), TypeError);
  program.stop();
  await done;
  const again = await serveTls(files);
  const [, next = ""] = await again.program.loggedMatch(/clients at (https:\S+?),/);
  assert(await isAlive(next, second));
  again.program.stop();
  await again.done;
});

const refused: readonly [string, (good: Certificate) => Promise<Partial<Certificate>>, RegExp][] = [
  ["no certificate file", (good) => Promise.resolve({ key: good.key }), /'cert.pem' \(--tls-cert/],
  ["no key file", (good) => Promise.resolve({ cert: good.cert }), /'key.pem' \(--tls-key\)/],
  ["a key in place of the certificate", ({ key }) => Promise.resolve({ key, cert: key }), /chain/],
  [
    "a certificate in place of the key",
    ({ cert }) => Promise.resolve({ cert, key: cert }),
    /priva/,
  ],
  ["a key of another certificate", async ({ cert }) => {
    return { cert, key: (await makeCertificate()).key };
  }, /cannot be used together/],
  ["a damaged certificate", ({ cert, key }) => {
    return Promise.resolve({ key, cert: cert.replace(/\n.{20}/, "\n") });
  }, /cannot be used together/],
  ["an encrypted key", ({ cert, key }) => {
    return Promise.resolve({ cert, key: key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE") });
  }, /is encrypted/],
  ["an old encrypted key", ({ cert }) => {
    const key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
    return Promise.resolve({ cert, key });
  }, /is encrypted/],
];
for (const [name, spoil, words] of refused) {
  Deno.test(`serve() refuses ${name} in one line`, async () => {
    const { done } = await serveTls(await spoil(await makeCertificate()));
    const { message } = await assertRejects(() => done, UsageError);
    assertMatch(message, words);
    assert(!message.includes("\n") && !message.includes("-----"));
  });
}

Deno.test("serve() reports the address, not the certificate, when the address cannot be used", async () => {
  const certificate = await makeCertificate();
  const taken = listen(
    { host: "127.0.0.1", port: 0 },
    () => Promise.reject(new Error("Nobody asks")),
    silentLogger,
  );
  const busy = await serveTls(certificate, `--port=${taken.addr.port}`);
  await assertRejects(() => busy.done, UsageError, "taken");
  for (const host of ["192.0.2.1", "no-such-host.invalid"]) {
    const foreign = await serveTls(certificate, `--host=${host}`, "--allowed-hosts=x.example");
    await assertRejects(() => foreign.done, UsageError, "another --host");
  }
  await taken.shutdown();
});

Deno.test("a client that does not trust the certificate of serve() gets no response", async () => {
  const { program, done } = await serveTls(await makeCertificate());
  const [, url = ""] = await program.loggedMatch(/clients at (https:\S+?),/);
  const stranger = await makeCertificate();
  await assertRejects(() => isAlive(url, stranger), TypeError);
  program.stop();
  await done;
  assertEquals(program.logged.filter((line) => line.startsWith("error")), []);
});

/** Checks an address on a machine that knows no name. */
function check(listenAddress: string, ...allowedHosts: string[]): Promise<void> {
  const tryListen = (address: ListenAddress) =>
    Promise.resolve(
      /[a-z]/.test(address.host) ? new ListenError("unresolved", address) : undefined,
    );
  return checkAddress({ listenAddress, allowedHosts }, { tryListen });
}

Deno.test("checkAddress() lets a server listen beyond this machine only with names for it", async () => {
  await check("127.0.0.1");
  await check("0.0.0.0", "mcp.example.com");
  // A name that the platform gives is not known before the first deployment.
  await check("0.0.0.0", "*.run.app");
  const { message } = await assertRejects(() => check("0.0.0.0"), UsageError);
  assertMatch(message, /^Listening on '0\.0\.0\.0' needs --allowed-hosts.* \*\.run\.app until/);
});

Deno.test("checkAddress() says of a name without an address just that", async () => {
  const { message } = await assertRejects(() => check("not_a_host"), UsageError);
  assertEquals(
    message,
    "The name 'not_a_host' has no address: type another --host, such as 127.0.0.1",
  );
});

Deno.test("the public address names the server, to whoever calls it", async () => {
  const publicUrl = "https://mcp.example.com:8443/agents";
  const address = { listenAddress: "0.0.0.0", allowedHosts: ["other.example"], publicUrl };
  assertEquals(acceptedHosts(address).slice(-2), ["other.example", "mcp.example.com"]);
  const tryListen = () => Promise.reject(new Error("It was tried"));
  await checkAddress({ ...address, allowedHosts: [] }, { tryListen });
});
