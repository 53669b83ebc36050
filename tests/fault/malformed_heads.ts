import type { Random } from "../helpers/random.ts";
import { bytesOf, type RawOutcome } from "../helpers/raw_http.ts";

/** A request that no client should send, and every answer to it that is right. */
export interface Malformed {
  readonly kind: string;
  readonly bytes: Uint8Array;
  /** Whether the client says that nothing more will come. */
  readonly halfClose?: boolean;
  readonly expected: readonly RawOutcome[];
}

/** What a good request is made of. */
export interface Good {
  readonly host: string;
  readonly token: string;
}

type Make = (random: Random, good: Good) => Omit<Malformed, "kind">;

const CLOSED: readonly RawOutcome[] = [400, "closed"];

const int = (random: Random, from: number, to: number) => Math.floor(random.between(from, to));
const many = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));
const word = (random: Random, length: number) =>
  many(length, () => String.fromCharCode(int(random, 97, 123))).join("");

/** The head of a good request, with more lines. */
function head({ host, token }: Good, ...lines: readonly string[]): string {
  return [
    "POST /mcp HTTP/1.1",
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    ...lines,
    "",
    "",
  ].join("\r\n");
}

const text = (expected: readonly RawOutcome[], value: string, halfClose = false) => ({
  bytes: bytesOf(value),
  expected,
  halfClose,
});

/** Requests whose HTTP itself is broken, or that end within limits of the head. */
export const HEADS: Readonly<Record<string, Make>> = {
  "no HTTP at all": (random) => {
    const noise = many(int(random, 1, 200), () => int(random, 1, 256))
      .filter((byte) => byte !== 10 && byte !== 13);
    return { bytes: bytesOf("\u0001", noise, "\r\n\r\n"), expected: CLOSED, halfClose: true };
  },
  "a strange version": (random, { host }) => {
    const version = random.pick([
      "HTTP/2.9",
      "HTTP/0.9",
      "HTTP/1.2",
      "HTPP/1.1",
      "http/1.1",
      "",
      "1.1",
    ]);
    return text(CLOSED, `POST /mcp ${version}\r\nHost: ${host}\r\n\r\n`, true);
  },
  "a broken header line": (random, good) => {
    const line = random.pick([
      word(random, 5),
      `${word(random, 5)} : x`,
      ` ${word(random, 5)}: x`,
      `: ${word(random, 5)}`,
      `x: a\u0000${word(random, 3)}`,
      `x(${word(random, 2)}): y`,
      `x: a\u0001b`,
      "x: y\r\n folded",
    ]);
    return text(CLOSED, head(good, line, "Content-Length: 2") + "{}");
  },
  "two hosts": (random, good) => text(CLOSED, head(good, `Host: ${word(random, 5)}`)),
  "a broken length": (random, good) => {
    const length = random.pick([
      "abc",
      "-1",
      "1e3",
      "0x10",
      "3, 4",
      "+2",
      "",
      "99999999999999999999999",
    ]);
    return text(CLOSED, head(good, `Content-Length: ${length}`) + word(random, 3));
  },
  "two lengths": (random, good) => {
    const length = int(random, 3, 100);
    return text(CLOSED, head(good, "Content-Length: 2", `Content-Length: ${length}`) + "{}");
  },
  "length and chunks": (random, good) => {
    const lines = ["Transfer-Encoding: chunked", `Content-Length: ${int(random, 1, 50)}`];
    return text(CLOSED, head(good, ...lines) + "2\r\n{}\r\n0\r\n\r\n");
  },
  "a strange transfer encoding": (random, good) => {
    const coding = random.pick([
      "gzip",
      "chunked, gzip",
      "identity, x",
      "xchunked",
      word(random, 6),
    ]);
    return text(CLOSED, head(good, `Transfer-Encoding: ${coding}`) + "0\r\n\r\n");
  },
  "broken chunks": (random, good) => {
    const chunk = random.pick([
      "zz\r\n{}",
      "-1\r\n{}",
      "fffffffffffffffff\r\n{}",
      "2{}",
      "\r\n\r\n",
      "2\r\n{}0",
    ]);
    return text(CLOSED, head(good, "Transfer-Encoding: chunked") + `${chunk}\r\n0\r\n\r\n`, true);
  },
  "a body that breaks off": (random, good) => {
    const length = int(random, 10, 5_000);
    const sent = word(random, int(random, 0, 10));
    return text(CLOSED, head(good, `Content-Length: ${length}`) + sent, true);
  },
  "a head that breaks off": (random, good) => {
    const whole = head(good, "Content-Length: 2");
    return text(CLOSED, whole.slice(0, int(random, 1, whole.length - 3)), true);
  },
  "too many fields": (random, good) => {
    const lines = many(int(random, 100, 400), (i) => `x-${i}: ${word(random, 2)}`);
    return text([400, 431, "closed"], head(good, ...lines, "Content-Length: 2") + "{}");
  },
  "too long fields": (random, good) => {
    const line = `x: ${"v".repeat(int(random, 16_384, 60_000))}`;
    return text([431], head(good, line, "Content-Length: 2") + "{}");
  },
  "endless fields": (random, good) => {
    const line = `x: ${"v".repeat(int(random, 70_000, 300_000))}`;
    return text(CLOSED, head(good, line, "Content-Length: 2") + "{}");
  },
  "a long URL": (random, good) => {
    const query = word(random, int(random, 4_200, 30_000));
    return text([414], head(good, "Content-Length: 2").replace("/mcp", `/mcp?${query}`) + "{}");
  },
  "a broken target": (random, { host }) => {
    const target = random.pick([
      "mcp",
      "\u0001",
      "/mcp x",
      "http://",
      "[::1",
      `?${word(random, 3)}`,
    ]);
    return text([400, 404, "closed"], `POST ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  },
  "another path": (random, good) => {
    const path = random.pick([
      "/",
      "//mcp",
      "/mcp/",
      "/mcp%00",
      "/%2e%2e/mcp",
      "/../mcp",
      "/MCP",
      "*",
      `/${word(random, 9)}`,
    ]);
    return text([400, 404], head(good, "Content-Length: 2").replace("/mcp", path) + "{}");
  },
  "another method": (random, good) => {
    const method = random.pick([
      "GET",
      "DELETE",
      "PUT",
      "PATCH",
      "TRACE",
      "HEAD",
      "OPTIONS",
      "post",
      "PO!ST",
    ]);
    return text([405], head(good).replace("POST", method));
  },
  "another host in its URL": (random, { host, token }) => {
    const url = `http://${random.pick(["evil.example", "localhost.evil.example", "evil:80"])}/mcp`;
    return text(
      [421],
      `POST ${url} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
        "Content-Length: 2\r\n\r\n{}",
    );
  },
  "another host": (random, good) => {
    const host = random.pick([
      "evil.example",
      "a b",
      "::::",
      "localhost@evil",
      "[::1",
      "\u00ff",
      "127.0.0.1.evil.example",
      word(random, 8),
    ]);
    return text([421], head({ ...good, host }, "Content-Length: 2") + "{}");
  },
  "another protocol": (random) => {
    const [start] = [random.pick([
      [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0],
      [0x05, 1, 0],
      [0x00, 0x0e, 0x38, 0xa1],
      [0xff, 0xf4, 0xff, 0xfd, 0x06],
    ])];
    const rest = many(int(random, 0, 40), () => int(random, 128, 256));
    return { bytes: bytesOf(start, rest, "\r\n\r\n"), expected: CLOSED, halfClose: true };
  },
  "broken HTTP/2": (random) => {
    const frames = many(int(random, 9, 60), () => int(random, 0, 256));
    const bytes = bytesOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frames);
    return { bytes, expected: CLOSED, halfClose: true };
  },
  "a good head and then noise": (random, good) => {
    const noise = many(int(random, 1, 60), () => int(random, 1, 32));
    const bytes = bytesOf(head(good, "Content-Length: 2"), "{}", noise, "\r\n\r\n");
    return { bytes, expected: CLOSED, halfClose: true };
  },
};
