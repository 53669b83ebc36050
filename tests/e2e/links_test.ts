import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createFileLinks, LINK_MS } from "../../src/access/file_links.ts";
import { newSealingKey, parseSealingKeys } from "../../src/access/sealing_keys.ts";
import { createSealer } from "../../src/access/sealing.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { listen } from "../../src/runtime/deno_listener.ts";
import { apiAt, type HttpProgram, startHttp } from "../helpers/http_program.ts";
import { replaceFile } from "../helpers/replace_file.ts";

const KEY = newSealingKey();
const [SMALL, LARGE, BROKEN] = ["file_small", "file_large", "file_broken"];
const TEXT = "name,sum\nApril,3\n";
const PIECE = new Uint8Array(64 * 1024).fill(65);
const PIECES = 3_200;
const LARGE_BYTES = PIECE.byteLength * PIECES;

/**
 * An API of one session with a short file, one of 200 MB, and one that ends too early, after a piece
 * and when the test says so. It counts the pieces of the large one
 * that were taken from it, and the connections on which it is being read.
 */
function openApi() {
  const seen = { pieces: 0, open: 0 };
  const scope = { id: "sesn_1", type: "session" };
  const file = (id: string, filename: string, size_bytes: number) => ({
    ...{ id, type: "file", filename, size_bytes, downloadable: true, scope },
  });
  const large = () => {
    let left = PIECES;
    seen.open++;
    return new ReadableStream({
      pull(controller) {
        if (left-- === 0) {
          seen.open--;
          return controller.close();
        }
        seen.pieces++;
        controller.enqueue(PIECE);
      },
      cancel() {
        seen.open--;
      },
    }, { highWaterMark: 0 });
  };
  const breakingOff = Promise.withResolvers<void>();
  const broken = async function* () {
    yield PIECE;
    await breakingOff.promise;
  };
  const server = listen({ host: "127.0.0.1", port: 0 }, (request) => {
    const { pathname } = new URL(request.url);
    const found: Record<string, () => Response> = {
      "/v1/sessions/sesn_1": () => Response.json({ id: "sesn_1", agent: "agent_1" }),
      [`/v1/files/${SMALL}`]: () => Response.json(file(SMALL, "März.csv", TEXT.length)),
      [`/v1/files/${LARGE}`]: () => Response.json(file(LARGE, "large.txt", LARGE_BYTES)),
      [`/v1/files/${SMALL}/content`]: () => new Response(TEXT),
      [`/v1/files/${LARGE}/content`]: () => new Response(large()),
      [`/v1/files/${BROKEN}`]: () => Response.json(file(BROKEN, "broken.txt", LARGE_BYTES)),
      [`/v1/files/${BROKEN}/content`]: () => new Response(ReadableStream.from(broken())),
    };
    const respond = found[pathname] ?? (() => Response.json({}, { status: 404 }));
    return Promise.resolve(respond());
  }, silentLogger);
  return {
    seen,
    breakOff: () => breakingOff.resolve(),
    env: apiAt(`http://127.0.0.1:${server.addr.port}`),
    /** Resolves when the API's side of the world is as it should be. */
    async until(isSo: (now: typeof seen) => boolean) {
      for (let tries = 0; !isSo(seen); tries++) {
        assert(tries < 500, JSON.stringify(seen));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    close: () => server.shutdown(),
  };
}

type Api = ReturnType<typeof openApi>;

/** Runs a test with the API, and with a file that has the sealing key. */
async function withWorld(run: (api: Api, keyFile: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".key" });
  await Deno.writeTextFile(path, KEY);
  const api = openApi();
  try {
    await run(api, path);
  } finally {
    await api.close();
    await Deno.remove(path);
  }
}

const PUBLIC = "https://mcp.example.com/agents";

function start({ env }: Api, args: readonly string[]): Promise<HttpProgram> {
  const links = ["--tools=files", `--public-url=${PUBLIC}`, "--log-level=debug"];
  return startHttp([...links, ...args], env);
}

/** Makes a link as a replica with the key does, and returns it at another address. */
async function linkAt(
  { url }: HttpProgram,
  fileId: string,
  { key = KEY, ageMs = 0, principalId = "default" } = {},
): Promise<string> {
  const [parsed] = parseSealingKeys(key, "the key");
  const sealer = createSealer(parsed && [parsed.bytes]);
  const clock = { wallTime: () => Date.now() - ageMs };
  const links = createFileLinks({ sealer, publicUrl: PUBLIC, clock });
  const made = await links.make({ fileId, sessionId: "sesn_1", principalId });
  return made.url.replace(PUBLIC, new URL(url).origin);
}

async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

Deno.test("a link opens at every replica that has the sealing key, and at no other", async () => {
  await withWorld(async (api, keyFile) => {
    await using sealed = await start(api, ["--sealing-key-file", keyFile]);
    await using other = await start(api, []);
    const url = await linkAt(sealed, SMALL);
    const response = await fetch(url);
    assertEquals([response.status, await response.text()], [200, TEXT]);
    assertEquals(response.headers.get("content-length"), String(TEXT.length));
    assertMatch(
      response.headers.get("content-disposition") ?? "",
      /^attachment; .*M%C3%A4rz\.csv$/,
    );
    assertEquals(response.headers.get("content-security-policy"), "sandbox");
    assertEquals(await statusOf(url, { headers: { range: "bytes=0-3" } }), 206);
    assertEquals(await statusOf(url, { headers: { range: "bytes=99-" } }), 416);
    const head = await fetch(url, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    assertEquals(head.headers.get("content-length"), String(TEXT.length));
    assertEquals(await statusOf(url, { method: "POST" }), 405);
    const nothing = [
      await linkAt(other, SMALL),
      await linkAt(sealed, SMALL, { ageMs: LINK_MS }),
      await linkAt(sealed, SMALL, { key: newSealingKey() }),
      await linkAt(sealed, SMALL, { principalId: "somebody" }),
      await linkAt(sealed, "file_unknown"),
    ];
    assertEquals(await Promise.all(nothing.map((link) => statusOf(link))), Array(5).fill(404));
    assertEquals([await sealed.stop(), await other.stop()], [0, 0]);
    for (const { program } of [sealed, other]) {
      const said = [...program.stdout, ...program.stderr].join("\n");
      for (const link of [url, ...nothing]) assert(!said.includes(link.slice(-40)), said);
    }
    assert(sealed.program.stderr.some((line) => line.includes("Download")));
  });
});

Deno.test("a file is read as fast as its client takes it, and no longer than the client is there", async () => {
  await withWorld(async (api, keyFile) => {
    await using server = await start(api, ["--sealing-key-file", keyFile]);
    const url = await linkAt(server, LARGE);
    const client = new AbortController();
    const response = await fetch(url, { signal: client.signal });
    assertEquals(response.headers.get("content-length"), String(LARGE_BYTES));
    const reader = response.body?.getReader();
    await reader?.read();
    await api.until(({ open }) => open === 1);
    // What the sockets and their buffers hold: far less than the file.
    let before = -1;
    while (before !== api.seen.pieces) {
      before = api.seen.pieces;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert(before * PIECE.byteLength < 32 * 1024 * 1024, `${before} pieces were read ahead`);
    client.abort();
    await assertRejects(async () => await reader?.read());
    await api.until(({ open }) => open === 0);
    assert(api.seen.pieces < PIECES / 2);
  });
});

Deno.test("a whole file of 200 MB comes through, and parts of it", async () => {
  await withWorld(async (api, keyFile) => {
    await using server = await start(api, ["--sealing-key-file", keyFile]);
    const url = await linkAt(server, LARGE);
    let bytes = 0;
    for await (const chunk of (await fetch(url)).body ?? []) bytes += chunk.byteLength;
    assertEquals(bytes, LARGE_BYTES);
    const range = "bytes=1000000-1000009";
    const part = await fetch(url, { headers: { range } });
    assertEquals([part.status, await part.text()], [206, "A".repeat(10)]);
    await api.until(({ open }) => open === 0);
    assert(api.seen.pieces < PIECES + 200, "the API was read on behind the part");
  });
});

Deno.test("a text comes as it is, also to a client that would take it compressed", async () => {
  await withWorld(async (api, keyFile) => {
    await using server = await start(api, ["--sealing-key-file", keyFile]);
    for (const coding of ["gzip", "br", "gzip, deflate, br, zstd"]) {
      const response = await fetch(await linkAt(server, LARGE), {
        headers: { "accept-encoding": coding },
      });
      const { headers } = response;
      assertEquals(headers.get("content-encoding"), null, coding);
      assertEquals(headers.get("content-length"), String(LARGE_BYTES), coding);
      await response.body?.cancel();
    }
    await api.until(({ open }) => open === 0);
  });
});

Deno.test("a file that breaks off at the API breaks off at the client, which notices", async () => {
  await withWorld(async (api, keyFile) => {
    await using server = await start(api, ["--sealing-key-file", keyFile]);
    const response = await fetch(await linkAt(server, BROKEN));
    assertEquals(response.headers.get("content-length"), String(LARGE_BYTES));
    assert(response.body);
    const reader = response.body.getReader();
    let bytes = 0;
    // What the client has not taken when the file breaks off is lost with the connection.
    while (bytes < PIECE.byteLength) {
      const { value } = await reader.read();
      assert(value, "the file ended before it broke off");
      bytes += value.byteLength;
    }
    api.breakOff();
    await assertRejects(() => reader.read());
    assertEquals(bytes, PIECE.byteLength);
    assertEquals(await statusOf(await linkAt(server, SMALL)), 200);
    await server.stop();
    assert(server.program.stderr.some((line) => line.includes("The file is not whole")));
  });
});

Deno.test("a server that ends finishes the download that runs, and opens no other", async () => {
  await withWorld(async (api, keyFile) => {
    const server = await start(api, ["--sealing-key-file", keyFile, "--drain-seconds=1"]);
    const url = await linkAt(server, LARGE);
    const response = await fetch(url);
    const reader = response.body?.getReader();
    let bytes = (await reader?.read())?.value?.byteLength ?? 0;
    server.program.kill("SIGTERM");
    await server.program.logged("Draining");
    assertEquals(await statusOf(url), 503);
    for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
      bytes += next.value.byteLength;
    }
    assertEquals(bytes, LARGE_BYTES);
    assertEquals((await server.program.ending()).code, 0);
    assert(!server.program.stderr.some((line) => line.includes("cut off")));
  });
});

Deno.test("a server that ends does not wait for a client that takes nothing", async () => {
  await withWorld(async (api, keyFile) => {
    const server = await start(api, ["--sealing-key-file", keyFile]);
    const response = await fetch(await linkAt(server, LARGE));
    const reader = response.body?.getReader();
    await reader?.read();
    server.program.kill("SIGTERM");
    const { code, ms } = await server.program.ending();
    assertEquals(code, 0);
    assert(ms < 15_000, `${ms} ms`);
    await api.until(({ open }) => open === 0);
    await reader?.cancel().catch(() => {});
  });
});

Deno.test("links end with the rights of a token that the file takes away", async () => {
  await withWorld(async (api, keyFile) => {
    const tokenFile = await Deno.makeTempFile({ suffix: ".json" });
    const write = (...entries: object[]) =>
      replaceFile(tokenFile, JSON.stringify({ tokens: entries }));
    const entry = (name: string, fields = {}) => ({ name, sha256: "0".repeat(64), ...fields });
    await write(entry("team", { sessions: "all" }));
    try {
      await using server = await start(api, [
        ...["--sealing-key-file", keyFile, "--token-file", tokenFile],
      ]);
      const url = await linkAt(server, SMALL, { principalId: "team" });
      assertEquals(await statusOf(url), 200);
      await write(entry("team", { sessions: "all", agents: ["agent_2"] }));
      server.program.kill("SIGHUP");
      await server.program.logged("was read again");
      assertEquals(await statusOf(url), 404);
    } finally {
      await Deno.remove(tokenFile);
    }
  });
});
