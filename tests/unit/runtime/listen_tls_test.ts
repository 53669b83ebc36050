import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { listen } from "../../../src/runtime/listen.ts";
import { listenTls } from "../../../src/runtime/listen_tls.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { type Certificate, makeCertificate } from "../../helpers/certificate.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";

const FILES = { certFile: "cert.pem", keyFile: "key.pem" };
const HERE = { host: "127.0.0.1", port: 0 };
const CHECK_MS = 10_000;

/** Files in memory, under the names of `FILES`; one that is undefined cannot be read. */
function storeOf(first: Partial<Certificate>) {
  const store = { ...first };
  const readFile = (path: string) => {
    const content = path === FILES.certFile ? store.cert : store.key;
    return content === undefined
      ? Promise.reject(new Error("no such file"))
      : Promise.resolve(content);
  };
  return { store, readFile };
}

/** Answers at once, or for `/slow` when told to. */
function slowly() {
  const slow = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const handle = async (request: Request) => {
    if (request.url.endsWith("/slow")) {
      started.resolve();
      await slow.promise;
    }
    return new Response("hello");
  };
  return { handle, started: started.promise, answer: () => slow.resolve() };
}

/** Lets time pass, and the system work, until the log has the line. */
async function untilLogged(clock: ManualClock, logged: readonly string[], pattern: RegExp) {
  for (let steps = 0; steps < 2_000; steps++) {
    if (logged.some((line) => pattern.test(line))) return;
    await clock.advance(5);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error(`Not logged: ${pattern}; but ${logged.join(" / ")}`);
}

async function get(url: string, { cert }: Certificate, http2 = true): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [cert], http2, http1: !http2 });
  return await (await fetch(url, { client })).text();
}

Deno.test("listenTls() serves HTTP/1.1 and HTTP/2 with the certificate of the files", async () => {
  const certificate = await makeCertificate();
  const clock = new ManualClock();
  const { readFile } = storeOf(certificate);
  const program = recordProgram({ clock, readFile });
  const server = await listenTls(HERE, FILES, slowly().handle, program);
  const url = `https://127.0.0.1:${server.addr.port}`;
  for (const http2 of [true, false]) assertEquals(await get(url, certificate, http2), "hello");
  const stranger = await makeCertificate();
  await assertRejects(() => get(url, stranger), TypeError);
  await server.shutdown();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("listenTls() takes up a changed certificate while a request under the old one runs", async () => {
  const [first, second] = [await makeCertificate(), await makeCertificate()];
  const clock = new ManualClock();
  const { store, readFile } = storeOf(first);
  const program = recordProgram({ clock, readFile });
  const { handle, started, answer } = slowly();
  const server = await listenTls(HERE, FILES, handle, program);
  const url = `https://127.0.0.1:${server.addr.port}`;
  const running = get(`${url}/slow`, first);
  await started;
  Object.assign(store, second);
  await clock.advance(CHECK_MS);
  await untilLogged(clock, program.logged, /certificate has changed/);
  assertEquals(await get(url, second), "hello");
  await assertRejects(() => get(url, first), TypeError);
  answer();
  assertEquals(await running, "hello");
  await server.shutdown();
});

Deno.test("listenTls() keeps its certificate while the files are no pair, and says so once", async () => {
  const [first, second] = [await makeCertificate(), await makeCertificate()];
  const clock = new ManualClock();
  const { store, readFile } = storeOf(first);
  const program = recordProgram({ clock, readFile });
  const server = await listenTls(HERE, FILES, slowly().handle, program);
  const url = `https://127.0.0.1:${server.addr.port}`;
  const complaints = () => program.logged.filter((line) => line.includes("old certificate stays"));
  store.cert = second.cert;
  for (let i = 0; i < 3; i++) await clock.advance(CHECK_MS);
  assertEquals(complaints().length, 1);
  assertMatch(complaints()[0] ?? "", /error: .*cannot be used together/);
  assertEquals(await get(url, first), "hello");
  store.key = undefined;
  await clock.advance(CHECK_MS);
  assertMatch(complaints()[1] ?? "", /Cannot read 'key.pem' \(--tls-key\)/);
  store.key = second.key;
  await clock.advance(CHECK_MS);
  await untilLogged(clock, program.logged, /certificate has changed/);
  assertEquals(await get(url, second), "hello");
  assert(!program.logged.join("\n").includes(second.key.split("\n")[1] ?? ""));
  await server.shutdown();
});

Deno.test("listenTls() changes its certificate again and again", async () => {
  const clock = new ManualClock();
  const { store, readFile } = storeOf(await makeCertificate());
  const program = recordProgram({ clock, readFile });
  const server = await listenTls(HERE, FILES, slowly().handle, program);
  for (let i = 0; i < 5; i++) {
    const next = await makeCertificate();
    Object.assign(store, next);
    program.logged.length = 0;
    await clock.advance(CHECK_MS);
    await untilLogged(clock, program.logged, /certificate has changed/);
    assertEquals(await get(`https://127.0.0.1:${server.addr.port}`, next), "hello");
  }
  await server.shutdown();
});

Deno.test("listenTls() gets its port back when somebody took it in the middle of a change", async () => {
  const clock = new ManualClock();
  const { store, readFile } = storeOf(await makeCertificate());
  const program = recordProgram({ clock, readFile });
  const server = await listenTls(HERE, FILES, slowly().handle, program);
  assert(server.isAccepting);
  const next = await makeCertificate();
  Object.assign(store, next);
  const { port } = server.addr;
  // The port is free only between the server's last `accept` and its next `listen`.
  let thief: ReturnType<typeof listen> | undefined;
  const { listenTls: openTls } = Deno;
  Deno.listenTls = (options) => {
    if (options.port === port) {
      thief = listen({ ...HERE, port }, slowly().handle, silentLogger);
      Deno.listenTls = openTls;
    }
    return openTls(options);
  };
  await clock.advance(CHECK_MS);
  while (!thief) {
    await clock.advance(5);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  for (let i = 0; i < 5; i++) await clock.advance(CHECK_MS);
  assert(!server.isAccepting);
  await thief.shutdown();
  await untilLogged(clock, program.logged, /certificate has changed/);
  assert(server.isAccepting);
  assertEquals(await get(`https://127.0.0.1:${port}`, next), "hello");
  await server.shutdown();
  assert(!server.isAccepting);
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
  Deno.test(`listenTls() refuses ${name} in one line`, async () => {
    const good = await makeCertificate();
    const { readFile } = storeOf(await spoil(good));
    const program = recordProgram({ clock: new ManualClock(), readFile });
    const error = await assertRejects(
      () => listenTls(HERE, FILES, slowly().handle, program),
      UsageError,
    );
    assertMatch(error.message, words);
    assert(!error.message.includes("\n") && !error.message.includes("-----"));
  });
}

Deno.test("listenTls() says that the port is taken, not that the certificate is wrong", async () => {
  const certificate = await makeCertificate();
  const taken = listen(HERE, slowly().handle, silentLogger);
  const program = recordProgram({ clock: new ManualClock(), ...storeOf(certificate) });
  const address = { ...HERE, port: taken.addr.port };
  await assertRejects(
    () => listenTls(address, FILES, slowly().handle, program),
    UsageError,
    "taken",
  );
  const foreign = { ...HERE, host: "192.0.2.1" };
  await assertRejects(
    () => listenTls(foreign, FILES, slowly().handle, program),
    UsageError,
    "another --host",
  );
  await taken.shutdown();
});
