import { assert, assertEquals, assertMatch } from "@std/assert";
import { McpServer } from "@modelcontextprotocol/server";
import type { TokenEntry } from "../../../src/access/tokens.ts";
import { createLogger } from "../../../src/core/logger.ts";
import { createHttpHandler } from "../../../src/http/handler.ts";
import { createTokenRegistry } from "../../../src/access/tokens.ts";
import { sha256 } from "../../../src/core/sha256.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const SECRET = "a-secret-of-a-token-0123456789";
const PAGE = "https://page.example";

/** A server with one token, named `ci`. */
function opened(fields: (clock: ManualClock) => Partial<TokenEntry>) {
  const clock = new ManualClock();
  const hashes = [sha256(SECRET)];
  const ci: TokenEntry = {
    name: "ci",
    hashes,
    readOnly: false,
    sessions: "own",
    ...fields(clock),
  };
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => clock.now(),
  });
  const tokens = createTokenRegistry([ci]);
  const handler = createHttpHandler(
    () => new McpServer({ name: "test", version: "0" }, { capabilities: { tools: {} } }),
    { tokens, allowedOrigins: [PAGE], ready: () => Promise.resolve(true), log, clock },
  );
  const post = async (messages = 1, secret = SECRET, headers: Record<string, string> = {}) => {
    const ping = { jsonrpc: "2.0", method: "ping" };
    const batch = Array.from({ length: messages }, (_, index) => ({ ...ping, id: index + 1 }));
    const response = await handler.fetch(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: {
          host: "localhost",
          authorization: `Bearer ${secret}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        },
        body: JSON.stringify(messages === 1 ? batch[0] : batch),
      }),
    );
    return { response, status: response.status, text: await response.text() };
  };
  return { clock, tokens, lines, post, entry: ci, close: () => handler.close() };
}

Deno.test("HTTP answers 401 to an expired token, says when that was, and logs whose it is", async () => {
  const { clock, post, lines, close } = opened((now) => ({ expiresAtMs: now.now() + 1_000 }));
  assertEquals((await post()).status, 200);
  await clock.advance(1_000);
  const { response, status, text } = await post();
  assertEquals(status, 401);
  assertEquals(
    response.headers.get("www-authenticate"),
    'Bearer realm="cma-mcp", error="invalid_token", error_description="The token has expired"',
  );
  const { jsonrpc, error } = JSON.parse(text);
  assertEquals(jsonrpc, "2.0");
  assertMatch(error.message, /"ci" expired on 2026-11-23T09:00:01.000Z. Ask the operator/);
  const told = /error response method=POST status=401 .*reason=expired token token=ci/;
  assert(lines.some((line) => told.test(line)), lines.join());
  assert(!lines.join().includes(SECRET));
  await close();
});

Deno.test("HTTP says that a token has expired only to its bearer", async () => {
  const { post, close } = opened((clock) => ({ expiresAtMs: clock.now() }));
  const { response, status, text } = await post(1, `${SECRET}x`);
  assertEquals([status, response.headers.get("www-authenticate")], [
    401,
    'Bearer realm="cma-mcp", error="invalid_token"',
  ]);
  assert(!text.includes("ci") && !text.includes("expired"), text);
  await close();
});

Deno.test("HTTP answers 429 beyond the token's rate, and 200 after the time that it names", async () => {
  const { clock, post, lines, close } = opened(() => ({ ratePerMinute: 20 }));
  for (let i = 0; i < 20; i++) assertEquals((await post()).status, 200);
  const { response, status, text } = await post(1, SECRET, { origin: PAGE });
  assertEquals([status, response.headers.get("retry-after")], [429, "3"]);
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
  assertMatch(JSON.parse(text).error.message, /20 requests a minute: try again in 3 s/);
  assert(lines.some((line) => /reached its rate limit token=ci/.test(line)), lines.join());
  await clock.advance(3_000);
  assertEquals([(await post()).status, (await post()).status], [200, 429]);
  await close();
});

Deno.test("HTTP counts every message of a batch", async () => {
  const { clock, post, close } = opened(() => ({ ratePerMinute: 10 }));
  assertEquals((await post(6)).status, 200);
  assertEquals((await post(6)).status, 429);
  await clock.advance(60_000);
  assertEquals([(await post(10)).status, (await post()).status], [200, 429]);
  await close();
});

Deno.test("HTTP refuses a batch that is larger than the token's rate", async () => {
  const { clock, post, close } = opened(() => ({ ratePerMinute: 10 }));
  for (let i = 0; i < 3; i++) {
    const { response, status, text } = await post(11);
    assertEquals([status, response.headers.get("retry-after")], [429, null]);
    assertMatch(JSON.parse(text).error.message, /10 requests a minute: send fewer in one batch/);
    await clock.advance(60_000);
  }
  assertEquals((await post(10)).status, 200);
  await close();
});

Deno.test("HTTP answers at most a minute's messages a minute, in batches of any size", async () => {
  for (const size of [1, 2, 3, 5, 9, 10]) {
    const { clock, post, close } = opened(() => ({ ratePerMinute: 10 }));
    await clock.advance(60_000);
    let answered = 0;
    for (let sent = 0; sent < 50; sent += size) {
      const { status } = await post(size);
      if (status === 200) answered += size;
    }
    assert(answered <= 10, `${answered} in batches of ${size}`);
    await close();
  }
});

Deno.test("HTTP does not count what carries a wrong token", async () => {
  const { post, close } = opened(() => ({ ratePerMinute: 1 }));
  for (let i = 0; i < 5; i++) assertEquals((await post(1, "wrong")).status, 401);
  assertEquals([(await post()).status, (await post()).status], [200, 429]);
  await close();
});

Deno.test("HTTP lets a token without a rate call as often as it likes", async () => {
  const { post, close } = opened(() => ({}));
  for (let i = 0; i < 50; i++) assertEquals((await post()).status, 200);
  await close();
});

Deno.test("HTTP refuses a token that was taken out, and takes one that was put in", async () => {
  const { post, tokens, entry, close } = opened(() => ({}));
  assertEquals((await post()).status, 200);
  const next = "another-secret-of-a-token-01234";
  tokens.replace([{ ...entry, hashes: [...entry.hashes, sha256(next)] }]);
  assertEquals([(await post()).status, (await post(1, next)).status], [200, 200]);
  tokens.replace([{ ...entry, hashes: [sha256(next)] }]);
  assertEquals([(await post()).status, (await post(1, next)).status], [401, 200]);
  tokens.replace([]);
  assertEquals((await post(1, next)).status, 401);
  await close();
});
