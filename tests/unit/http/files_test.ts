import { assert, assertEquals, assertMatch } from "@std/assert";
import { LINK_MS } from "../../../src/access/file_links.ts";
import { createTokenRegistry, type TokenEntry } from "../../../src/access/tokens.ts";
import type { ToolSetName } from "../../../src/access/tool_sets.ts";
import { ApiError } from "../../../src/api/errors.ts";
import type { Session, SessionFile } from "../../../src/api/resources.ts";
import { createLogger } from "../../../src/core/logger.ts";
import {
  type DownloadReport,
  MAX_SKIPPED_BYTES,
  sealedIn,
  servesFiles,
} from "../../../src/http/files.ts";
import { STALL_MS } from "../../../src/http/file_response.ts";
import { createHttpHandler } from "../../../src/http/handler.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { type ApiParts, harness } from "../tools/support.ts";

const BASE = "https://mcp.example.com/agents";
const TEXT = "name,sum\nApril,3\n";

const SESSION: Session = { id: "sesn_1", status: "idle", agent: "agent_1" };
const FILE: SessionFile = {
  id: "file_1",
  filename: "März.csv",
  size_bytes: TEXT.length,
  downloadable: true,
  scope: { id: "sesn_1", type: "session" },
};

interface World {
  readonly token?: Partial<TokenEntry>;
  readonly session?: Session;
  readonly file?: Partial<SessionFile>;
  readonly pieces?: readonly Uint8Array[];
  readonly toolSets?: readonly ToolSetName[];
  readonly api?: ApiParts;
  readonly maxCalls?: number;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A server with a link to a file, whose caller has the token `team`. */
async function openWorld(world: World = {}) {
  const { pieces = [bytesOf(TEXT)], toolSets = ["core", "files"] } = world;
  const lines: string[] = [];
  const reports: DownloadReport[] = [];
  const asked: string[] = [];
  let openContents = 0;
  let reads = 0;
  const log = createLogger({
    level: "debug",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const { services, clock } = harness({
    sessions: {
      retrieve: (id) => {
        asked.push(`session ${id}`);
        return Promise.resolve(world.session ?? SESSION);
      },
      ...world.api?.sessions,
    },
    files: {
      retrieve: (id) => {
        asked.push(`file ${id}`);
        return Promise.resolve({ ...FILE, ...world.file });
      },
      content: (id, { signal } = {}) => {
        asked.push(`content ${id}`);
        openContents++;
        let isOpen = true;
        const close = () => {
          if (isOpen) openContents--;
          isOpen = false;
        };
        signal?.addEventListener("abort", close);
        const iterator = (async function* () {
          for (const piece of pieces) {
            reads++;
            yield await Promise.resolve(piece);
            signal?.throwIfAborted();
          }
        })();
        return Promise.resolve({ [Symbol.asyncIterator]: () => iterator, close });
      },
      ...world.api?.files,
    },
  }, { publicUrl: BASE, log, maxCalls: world.maxCalls });
  const entry: TokenEntry = { name: "team", hashes: ["0".repeat(64)], ...world.token };
  const tokens = createTokenRegistry([entry]);
  let running = 0;
  const handler = createHttpHandler(() => Promise.reject(new Error("No MCP here")), {
    tokens,
    allowedHosts: ["mcp.example.com"],
    allowedOrigins: ["https://claude.ai"],
    ready: () => Promise.resolve(true),
    log,
    clock,
    files: {
      services,
      toolSets,
      basePath: "/agents",
      onEnded: (report) => reports.push(report),
      track: async (run) => {
        running++;
        await run().finally(() => running--);
      },
    },
  });
  const linkTo = async (fileId = "file_1", sessionId = "sesn_1", principalId = "team") => {
    const { url = "" } = await services.fileLinks?.make({ fileId, sessionId, principalId }) ?? {};
    return url;
  };
  const url = await linkTo();
  return {
    ...{ services, clock, handler, tokens, entry, url, linkTo, reports, lines, asked },
    running: () => running,
    openContents: () => openContents,
    reads: () => reads,
    get(headers: Record<string, string> = {}, to = url, init: RequestInit = {}) {
      const host = { host: "mcp.example.com", ...headers };
      return handler.fetch(new Request(to, { headers: host, ...init }), "192.0.2.1");
    },
  };
}

type Opened = Awaited<ReturnType<typeof openWorld>>;

const GONE =
  "This link is invalid or has ended: it opens a file for 10 minutes. Ask for a new one where you " +
  "got it.\n";

async function assertGone(response: Response, why: string): Promise<void> {
  assertEquals([response.status, await response.text()], [404, GONE], why);
  assertEquals(response.headers.get("referrer-policy"), "no-referrer");
}

Deno.test("a link opens its file, without a token, and whatever the proxy does with its path", async () => {
  const world = await openWorld();
  for (const url of [world.url, world.url.replace("/agents", "")]) {
    const response = await world.get({}, url);
    assertEquals([response.status, await response.text()], [200, TEXT]);
    assertEquals(response.headers.get("content-length"), String(TEXT.length));
    assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assertMatch(
      response.headers.get("content-disposition") ?? "",
      /^attachment; .*M%C3%A4rz\.csv$/,
    );
    assertEquals(response.headers.get("access-control-allow-origin"), null);
  }
  assertEquals(world.asked, ["file file_1", "content file_1", "file file_1", "content file_1"]);
  assertEquals(world.reports, Array(2).fill({ outcome: "ok", bytes: TEXT.length }));
  assertEquals([world.running(), world.openContents(), world.clock.pendingTimers], [0, 0, 0]);
});

Deno.test("HEAD says what GET would, and reads nothing of the file", async () => {
  const world = await openWorld();
  const response = await world.get({ range: "bytes=0-1" }, world.url, { method: "HEAD" });
  assertEquals([response.status, response.body], [200, null]);
  assertEquals(response.headers.get("content-length"), String(TEXT.length));
  assertEquals(response.headers.get("accept-ranges"), "bytes");
  assertEquals([world.asked, world.running()], [["file file_1"], 0]);
});

const RANGES: readonly [string, number, string][] = [
  ["bytes=0-3", 206, TEXT.slice(0, 4)],
  ["bytes=-3", 206, TEXT.slice(-3)],
  ["bytes=5-", 206, TEXT.slice(5)],
  ["bytes=0-1,3-4", 200, TEXT],
  ["bytes=500-", 416, `The file has ${TEXT.length} bytes: ask for a range within them.\n`],
];
for (const [range, status, text] of RANGES) {
  Deno.test(`a link with the range ${range} is answered with ${status}`, async () => {
    const world = await openWorld({ pieces: TEXT.split("").map(bytesOf) });
    const response = await world.get({ range });
    assertEquals([response.status, await response.text()], [status, text]);
    assertEquals([world.running(), world.openContents()], [0, 0]);
  });
}

Deno.test("a range that begins far behind is passed over, and so is one of a file without a size", async () => {
  const far = await openWorld({ file: { size_bytes: MAX_SKIPPED_BYTES + 10 } });
  const response = await far.get({ range: `bytes=${MAX_SKIPPED_BYTES + 1}-` });
  assertEquals(response.status, 200);
  await response.body?.cancel();
  const unknown = await openWorld({ file: { size_bytes: undefined } });
  const whole = await unknown.get({ range: "bytes=0-1" });
  assertEquals([whole.status, await whole.text()], [200, TEXT]);
  assertEquals(whole.headers.get("content-length"), null);
});

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]);
const SNIFFED: readonly [string, Uint8Array, Partial<SessionFile>, string][] = [
  ["a PNG", PNG, { mime_type: "text/html" }, "image/png"],
  ["a PNG, byte by byte", PNG, {}, "image/png"],
  ["HTML", bytesOf("<html><script>"), { mime_type: "text/html", filename: "a.html" }, "text/plain"],
  ["SVG", bytesOf("<svg onload='x'>"), { mime_type: "image/svg+xml" }, "text/plain"],
  ["bytes", new Uint8Array([0, 1, 2]), { mime_type: "image/png" }, "application/octet-stream"],
];
for (const [name, content, file, type] of SNIFFED) {
  Deno.test(`${name} is sent as ${type}, as an attachment`, async () => {
    const pieces = name.includes("byte by byte")
      ? Array.from(content, (_, at) => content.slice(at, at + 1))
      : [content];
    const world = await openWorld({ pieces, file: { ...file, size_bytes: content.byteLength } });
    const response = await world.get();
    assertEquals(response.headers.get("content-type")?.split(";")[0], type);
    assertMatch(response.headers.get("content-disposition") ?? "", /^attachment; /);
    assertEquals(response.headers.get("content-security-policy"), "sandbox");
    assertEquals(new Uint8Array(await response.arrayBuffer()), content);
  });
}

/** Ways in which a link opens nothing: what happens to it, or the world in which it is opened. */
const GONE_CASES: readonly [
  string,
  World,
  ((world: Opened) => unknown)?,
][] = [
  ["has ended", {}, ({ clock }) => clock.correct(LINK_MS)],
  ["was changed", {}, ({ url }) => `${url.slice(0, -2)}${url.endsWith("AA") ? "QQ" : "AA"}`],
  ["is no link", {}, () => `${BASE}/files/x`],
  ["is very long", {}, () => `${BASE}/files/${"A".repeat(3_000)}`],
  ["has another path behind it", {}, ({ url }) => `${url}/x`],
  ["has a token that is gone", {}, ({ tokens }) => tokens.replace([])],
  [
    "has a token that got another name",
    {},
    ({ tokens, entry }) => tokens.replace([{ ...entry, name: "other" }]),
  ],
  ["is of nobody known", {}, ({ linkTo }) => linkTo("file_1", "sesn_1", "somebody")],
  [
    "has a token that has expired",
    {},
    ({ tokens, entry, clock }) => tokens.replace([{ ...entry, expiresAtMs: clock.wallTime() }]),
  ],
  [
    "has a token without sessions:read",
    {},
    ({ tokens, entry }) => tokens.replace([{ ...entry, scopes: ["agents:read"] }]),
  ],
  [
    "has a token that is held to other sets",
    {},
    ({ tokens, entry }) => tokens.replace([{ ...entry, tools: ["core", "resources"] }]),
  ],
  [
    "has a token that may reach other agents only",
    {},
    ({ tokens, entry }) => tokens.replace([{ ...entry, agents: ["agent_2"] }]),
  ],
  [
    "has a token that reaches only sessions of its own",
    {},
    ({ tokens, entry }) => tokens.replace([{ ...entry, sessions: "own" }]),
  ],
  ["is of another session's file", { file: { scope: { id: "sesn_2", type: "session" } } }],
  ["is of a file of no session", { file: { scope: undefined } }],
  ["is of a file that was uploaded", { file: { downloadable: false } }],
  ["is of a file that is gone", {
    api: { files: { retrieve: () => Promise.reject(httpError(404)) } },
  }],
  ["is of a file whose content is gone", {
    api: { files: { content: () => Promise.reject(httpError(404)) } },
  }],
  ["is of a file that cannot be downloaded", {
    api: { files: { content: () => Promise.reject(httpError(400)) } },
  }],
];

function httpError(status: number): ApiError {
  return new ApiError("file_1 has SECRET", { kind: "http", status, type: "some_error" });
}

for (const [why, setting, change] of GONE_CASES) {
  Deno.test(`a link that ${why} opens nothing, and tells nothing`, async () => {
    const world = await openWorld(setting);
    const changed = await change?.(world);
    const url = typeof changed === "string" ? changed : world.url;
    await assertGone(await world.get({}, url), why);
    assertEquals([world.running(), world.openContents(), world.clock.pendingTimers], [0, 0, 0]);
    assert(!world.lines.some((line) => line.includes("SECRET")));
  });
}

Deno.test("a file that breaks off in its beginning is closed", async () => {
  let closed = 0;
  const content = () =>
    Promise.resolve({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("Broken")) }),
      close: () => void closed++,
    });
  const { get } = await openWorld({ api: { files: { content } } });
  const response = await get();
  await response.text();
  assertEquals([response.status, closed], [502, 1]);
});

Deno.test("no request of a download waits for long until the file begins", async () => {
  const waits: (number | undefined)[] = [];
  const { get } = await openWorld({
    token: { agents: ["agent_1"] },
    api: {
      sessions: {
        retrieve: (_, { timeoutMs } = {}) => {
          waits.push(timeoutMs);
          return Promise.resolve(SESSION);
        },
      },
      files: {
        retrieve: (_, { timeoutMs } = {}) => {
          waits.push(timeoutMs);
          return Promise.resolve(FILE);
        },
        content: (_, { timeoutMs } = {}) => {
          waits.push(timeoutMs);
          return Promise.reject(httpError(500));
        },
      },
    },
  });
  await (await get()).text();
  assertEquals(waits, [30_000, 30_000, 30_000]);
});

Deno.test("a new secret for the token's name keeps its links", async () => {
  const { tokens, entry, get } = await openWorld();
  tokens.replace([{ ...entry, hashes: ["1".repeat(64)] }]);
  assertEquals((await get()).status, 200);
});

Deno.test("a link opens with the rights that remain to its token", async () => {
  const { tokens, entry, get } = await openWorld();
  tokens.replace([{ ...entry, readOnly: true, agents: ["agent_1"], tools: ["files"] }]);
  assertEquals((await get()).status, 200);
});

Deno.test("there are no links on a server that serves none of their sets", async () => {
  assertEquals(
    [["core"], ["core", "resources"], ["files"]].map((sets) => servesFiles(sets as ToolSetName[])),
    [false, true, true],
  );
  const { get } = await openWorld({ toolSets: ["core", "sessions"] });
  const response = await get();
  assertEquals(response.status, 404);
  assertMatch(await response.text(), /the MCP endpoint is/);
});

Deno.test("sealedIn() finds the end of a link, below the public path or not", () => {
  const found = [
    ...["/files/x", "/agents/files/x", "/agents/files/", "/files/a/b"],
    ...["/agents/x", "/other/files/x", "/files", "/agentsfiles/x", "/mcp"],
  ].map((path) => sealedIn(path, "/agents"));
  assertEquals(found, ["x", "x", "", "a/b", ...Array(5).fill(undefined)]);
  assertEquals(sealedIn("/files/x", ""), "x");
});

/** Requests that are refused before the link is looked at. */
const REFUSED: readonly [string, RequestInit, number][] = [
  ["POST", { method: "POST", body: "x" }, 405],
  ["OPTIONS", { method: "OPTIONS", headers: { origin: "https://claude.ai" } }, 405],
  ["another host", { headers: { host: "evil.example" } }, 421],
  ["a page of another origin", { headers: { origin: "https://evil.example" } }, 403],
  ["a head that is too large", { headers: { "x-large": "x".repeat(20_000) } }, 431],
];
for (const [name, init, status] of REFUSED) {
  Deno.test(`a link is refused for ${name} with ${status}`, async () => {
    const { handler, url, asked } = await openWorld();
    const headers = { host: "mcp.example.com", ...init.headers as Record<string, string> };
    const response = await handler.fetch(new Request(url, { ...init, headers }));
    assertEquals([response.status, asked], [status, []]);
    assertEquals(response.headers.get("access-control-allow-origin"), null);
    if (status === 405) assertEquals(response.headers.get("allow"), "GET, HEAD");
  });
}

Deno.test("a page that may call the server gets the file, and may not read it", async () => {
  const { get } = await openWorld();
  const response = await get({ origin: "https://claude.ai" });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("access-control-allow-origin"), null);
  assertEquals(response.headers.get("cross-origin-resource-policy"), "same-origin");
});

Deno.test("downloads count against the rate of the caller's token", async () => {
  const world = await openWorld({ token: { ratePerMinute: 2 } });
  const statuses: number[] = [];
  for (let count = 0; count < 3; count++) {
    const response = await world.get({}, world.url, { method: "HEAD" });
    statuses.push(response.status);
    if (count === 2) assertEquals(response.headers.get("retry-after"), "30");
  }
  assertEquals([statuses, world.asked.length], [[200, 200, 429], 2]);
});

Deno.test("downloads count among the caller's running calls, and those of all, until they end", async () => {
  for (
    const world of [await openWorld({ token: { maxCalls: 1 } }), await openWorld({ maxCalls: 1 })]
  ) {
    const first = await world.get();
    const second = await world.get();
    assertEquals([second.status, second.headers.get("retry-after")], [503, "5"]);
    assertMatch(await second.text(), /^Whoever made this link has too many requests/);
    assertEquals(world.running(), 1);
    assertEquals(await first.text(), TEXT);
    assertEquals((await world.get()).status, 200);
    assertEquals(world.reports.map(({ outcome }) => outcome), ["too_many_calls", "ok"]);
  }
});

Deno.test("one caller has at most 16 downloads at once", async () => {
  const world = await openWorld();
  const open = await Promise.all(Array.from({ length: 17 }, () => world.get()));
  assertEquals(open.map(({ status }) => status).sort(), [...Array(16).fill(200), 503]);
  await Promise.all(open.map((response) => response.body?.cancel()));
  assertEquals((await world.get()).status, 200);
});

Deno.test("a client that goes closes the connection to the API, before and after the first byte", async () => {
  const pieces = ["a", "b".repeat(5_000), "c"].map(bytesOf);
  const world = await openWorld({ pieces, file: { size_bytes: 5_002 } });
  const response = await world.get();
  const reader = response.body?.getReader();
  await reader?.read();
  assertEquals([world.running(), world.openContents()], [1, 1]);
  await reader?.cancel();
  await settle();
  assertEquals([world.running(), world.openContents()], [0, 0]);
  const { promise: asked, resolve: markAsked } = Promise.withResolvers<void>();
  const waiting = await openWorld({
    api: {
      files: {
        retrieve(_, { signal } = {}) {
          markAsked();
          return rejectWhen(signal);
        },
      },
    },
  });
  const client = new AbortController();
  const pending = waiting.get({}, waiting.url, { signal: client.signal });
  await asked;
  client.abort();
  await pending;
  assertEquals(waiting.running(), 0);
  for (const { reports } of [world, waiting]) assertEquals(reports[0]?.outcome, "cancelled");
});

function rejectWhen(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

Deno.test("a slow client has one piece read at a time, and one that takes none is given up", async () => {
  const pieces = Array.from({ length: 50 }, () => new Uint8Array(4_096).fill(65));
  const world = await openWorld({ pieces, file: { size_bytes: 50 * 4_096 } });
  const reader = (await world.get()).body?.getReader();
  for (const reads of [1, 2, 3]) {
    await reader?.read();
    await world.clock.advance(30_000);
    assertEquals(world.reads(), reads);
  }
  await world.clock.advance(STALL_MS);
  assertEquals([world.running(), world.openContents()], [0, 0]);
  assertEquals(world.reports, [{ outcome: "cancelled", bytes: 3 * 4_096 }]);
});

Deno.test("a server that drains opens no more links, and close() ends the downloads that run", async () => {
  const world = await openWorld();
  const response = await world.get();
  world.handler.drain();
  const late = await world.get();
  assertEquals([late.status, late.headers.get("connection")], [503, "close"]);
  assertEquals(world.running(), 1);
  await world.handler.close();
  assertEquals(world.openContents(), 0);
  await response.text().catch(() => {});
  await settle();
  assertEquals(world.running(), 0);
});

const FAILURES: readonly [ApiError, number, RegExp][] = [
  [new ApiError("busy", { kind: "http", status: 529, type: "overloaded_error" }), 503, /^5$/],
  [new ApiError("slow", { kind: "timeout" }), 503, /^5$/],
  [new ApiError("no", { kind: "http", status: 401, type: "authentication_error" }), 502, /^$/],
];
for (const [error, status, retryAfter] of FAILURES) {
  Deno.test(`a failure of the API (${error.message}) is answered with ${status}`, async () => {
    const world = await openWorld({ api: { files: { retrieve: () => Promise.reject(error) } } });
    const response = await world.get();
    assertEquals(response.status, status);
    assertEquals(await response.text(), "The file cannot be read now. Try again in a moment.\n");
    assertMatch(response.headers.get("retry-after") ?? "", retryAfter);
    assert(world.lines.some((line) => line.includes("failed at the API")), world.lines.join("\n"));
  });
}

Deno.test("the log has a line for each download, and no line has the link", async () => {
  const world = await openWorld();
  await (await world.get({ "x-request-id": "req-1" })).text();
  world.tokens.replace([]);
  await world.get();
  await world.get({ host: "evil.example" });
  const sealed = world.url.slice(-40);
  assert(!world.lines.join("\n").includes(sealed));
  const [line = ""] = world.lines.filter((line) => line.includes("Download"));
  for (
    const field of [
      ...["token=team", "session=sesn_1", "file=file_1", "outcome=ok", `bytes=${TEXT.length}`],
      ...["upstream_requests=", "request_id=req-1"],
    ]
  ) assert(line.includes(field), line);
});

Deno.test("a name that holds a secret is saved without it", async () => {
  const world = await openWorld({ file: { filename: `sk-ant-api03-${"a1B2".repeat(20)}.txt` } });
  const response = await world.get();
  assertEquals(
    response.headers.get("content-disposition"),
    'attachment; filename="[redacted].txt"',
  );
});
