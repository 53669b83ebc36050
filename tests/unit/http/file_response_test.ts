import { assert, assertEquals, assertRejects } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import {
  type ByteRange,
  contentDisposition,
  contentTypeOf,
  fileResponse,
  rangeOf,
  savedName,
  sentenceResponse,
  STALL_MS,
  streamOf,
  unsatisfiableResponse,
} from "../../../src/http/file_response.ts";
import type { FileContent } from "../../../src/api/types.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const SAFE = {
  "cache-control": "no-store, no-transform",
  "content-security-policy": "sandbox",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
};

Deno.test("a file's response has it saved, and shown as nothing", () => {
  const head = { filename: "chart.png", id: "file_1", size: 4, contentType: "image/png" };
  const { status, headers } = fileResponse(head, null);
  assertEquals(status, 200);
  assertEquals(Object.fromEntries(headers), {
    ...SAFE,
    "accept-ranges": "bytes",
    "content-disposition": 'attachment; filename="chart.png"',
    "content-length": "4",
    "content-type": "image/png",
  });
});

Deno.test("the response of a range says which it is, and no length is said that is not known", () => {
  const head = { filename: "a", id: "file_1" };
  const part = fileResponse({ ...head, size: 10, range: { first: 2, last: 4 } }, null);
  assertEquals(part.status, 206);
  assertEquals(part.headers.get("content-range"), "bytes 2-4/10");
  assertEquals(part.headers.get("content-length"), "3");
  const unknown = fileResponse(head, null);
  for (const name of ["content-length", "accept-ranges", "content-range", "content-type"]) {
    assertEquals(unknown.headers.get(name), null, name);
  }
});

Deno.test("sentences for people have the same headers, and end with a line end", async () => {
  const response = sentenceResponse(404, "No.", { "retry-after": "5" });
  const { "content-type": type, "retry-after": after, ...rest } = Object.fromEntries(
    response.headers,
  );
  assertEquals([response.status, type, after], [404, "text/plain; charset=utf-8", "5"]);
  assertEquals(rest, SAFE);
  assertEquals(await response.text(), "No.\n");
  const { status, headers } = unsatisfiableResponse(7);
  assertEquals([status, headers.get("content-range")], [416, "bytes */7"]);
});

/** Ranges of a file of ten bytes; `-` for the whole, `!` for 416. */
const RANGES: readonly [string, string][] = [
  ["bytes=0-0", "0-0"],
  ["bytes=0-99", "0-9"],
  ["bytes=9-9", "9-9"],
  ["bytes=3-", "3-9"],
  ["BYTES= 3 - 5 ", "3-5"],
  ["bytes=-3", "7-9"],
  ["bytes=-99", "0-9"],
  ["bytes=-0", "!"],
  ["bytes=10-", "!"],
  ["bytes=10-20", "!"],
  ["bytes=99999999999999999999999-", "!"],
  ["bytes=0-99999999999999999999999", "0-9"],
  ["bytes=5-3", "-"],
  ["bytes=-", "-"],
  ["bytes=", "-"],
  ["bytes=0-1,3-4", "-"],
  ["bytes=a-b", "-"],
  ["bytes=1.5-2", "-"],
  ["bytes=0x1-2", "-"],
  ["lines=0-1", "-"],
  ["", "-"],
];
for (const [range, expected] of RANGES) {
  Deno.test(`rangeOf() reads '${range}' of ten bytes as ${expected}`, () => {
    const found = rangeOf(new Headers({ range }), 10);
    const shown = found === "unsatisfiable" ? "!" : found ? `${found.first}-${found.last}` : "-";
    assertEquals(shown, expected);
  });
}

Deno.test("rangeOf() sends the whole file beside If-Range, and nothing of an empty one", () => {
  const headers = new Headers({ range: "bytes=0-1", "if-range": '"x"' });
  assertEquals(rangeOf(headers, 10), undefined);
  assertEquals(rangeOf(new Headers(), 10), undefined);
  assertEquals(rangeOf(new Headers({ range: "bytes=0-" }), 0), "unsatisfiable");
  assertEquals(rangeOf(new Headers({ range: "bytes=-1" }), 0), "unsatisfiable");
});

const TYPES: readonly [string, string, string][] = [
  ["image", "image/png", "image/png"],
  ["image", "image/jpeg", "image/jpeg"],
  ["image", "image/gif", "image/gif"],
  ["image", "image/webp", "image/webp"],
  ["pdf", "application/pdf", "application/pdf"],
  ["text", "text/plain", "text/plain; charset=utf-8"],
  ["text", "text/html", "application/octet-stream"],
  ["text", "image/svg+xml", "application/octet-stream"],
  ["text", "application/javascript", "application/octet-stream"],
  ["binary", "application/zip", "application/octet-stream"],
  ["binary", "text/plain", "application/octet-stream"],
];
for (const [kind, mimeType, expected] of TYPES) {
  Deno.test(`contentTypeOf() of ${kind} ${mimeType} is ${expected}`, () => {
    assertEquals(contentTypeOf({ kind, mimeType }), expected);
  });
}

const NAMES: readonly [string, string][] = [
  ["report.csv", "report.csv"],
  ["../../etc/passwd", "passwd"],
  ["C:\\Windows\\system32\\a.dll", "a.dll"],
  [".bashrc", "bashrc"],
  ["..", "file_1"],
  ["", "file_1"],
  ["  a.txt . ", "a.txt"],
  ['a"b<c>|d?*.txt', "a_b_c__d__.txt"],
  ["CON", "_CON"],
  ["nul.txt", "_nul.txt"],
  ["console.txt", "console.txt"],
  ["exe\u202Egpj.txt", "exegpj.txt"],
  ["a\u200Bb\r\nset-cookie: x", "ab set-cookie_ x"],
  ["\ud800.txt", "txt"],
  ["Übersicht – März.pdf", "Übersicht – März.pdf"],
];
for (const [given, expected] of NAMES) {
  Deno.test(`savedName() of ${JSON.stringify(given)} is '${expected}'`, () => {
    assertEquals(savedName(given, "file_1"), expected);
  });
}

Deno.test("savedName() keeps the end of a long name, in 200 bytes of whole characters", () => {
  const name = savedName(`${"ü".repeat(300)}.tar.gz`, "file_1");
  assert(name.endsWith("ü.gz") && new TextEncoder().encode(name).byteLength <= 200, name);
  assertEquals(savedName(`a.${"b".repeat(300)}`, "file_1"), `a.${"b".repeat(198)}`);
  const emoji = savedName("📈".repeat(100), "file_1");
  assertEquals(emoji, "📈".repeat(50));
});

Deno.test("contentDisposition() gives the name in ASCII, and as it is where that differs", () => {
  assertEquals(contentDisposition("a b.csv", "x"), 'attachment; filename="a b.csv"');
  assertEquals(
    contentDisposition("März's (1).csv", "x"),
    "attachment; filename=\"M_rz's (1).csv\"; filename*=UTF-8''M%C3%A4rz%27s%20%281%29.csv",
  );
  assertEquals(
    contentDisposition("50%.csv", "x"),
    "attachment; filename=\"50_.csv\"; filename*=UTF-8''50%25.csv",
  );
});

Deno.test("contentDisposition() of any name is one header of one file in one folder", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (filename) => {
      const header = contentDisposition(filename, "file_1");
      new Headers({ "content-disposition": header });
      const [, ascii = "", encoded] =
        /^attachment; filename="([\x20-\x7e]+)"(?:; filename\*=UTF-8''([\w.~!$&+^`|%#-]+))?$/
          .exec(header) ?? [];
      assert(ascii !== "" && !/["\\/%]/.test(ascii), header);
      const name = encoded === undefined ? ascii : decodeURIComponent(encoded);
      assert(name.isWellFormed() && !/[/\\\p{Cc}\u202e]/u.test(name), header);
      assert(!/^[. ]|[. ]$/.test(name) && new TextEncoder().encode(name).byteLength <= 200, name);
    }),
  );
});

/** Content of these pieces that reuses its buffer, as the API's client does. */
function contentOf(pieces: readonly string[], fails?: Error) {
  const buffer = new Uint8Array(64);
  const seen = { reads: 0, closed: 0 };
  async function* chunks() {
    for (const piece of pieces) {
      seen.reads++;
      const { written } = new TextEncoder().encodeInto(piece, buffer.fill(0));
      yield await Promise.resolve(buffer.subarray(0, written));
    }
    if (fails) throw fails;
  }
  const iterator = chunks();
  const content: FileContent = {
    [Symbol.asyncIterator]: () => iterator,
    close: () => seen.closed++,
  };
  return { content, seen };
}

interface Streamed {
  readonly pieces: readonly string[];
  readonly head?: string;
  readonly range?: ByteRange;
  readonly size?: number;
  readonly fails?: Error;
}

function open({ pieces, head = "", range, size, fails }: Streamed) {
  const clock = new ManualClock();
  const { content, seen } = contentOf(pieces, fails);
  const ended: [number, unknown][] = [];
  const stream = streamOf({
    content,
    head: new TextEncoder().encode(head),
    range,
    size,
    clock,
    onEnd: (bytes, error) => ended.push([bytes, error]),
  });
  return { clock, seen, ended, stream };
}

Deno.test("streamOf() sends head and rest, as one file, and ends once", async () => {
  for (const size of [6, undefined]) {
    const { stream, ended, seen, clock } = open({ head: "ab", pieces: ["cd", "", "ef"], size });
    assertEquals(await new Response(stream).text(), "abcdef");
    assertEquals([ended, seen.closed, clock.pendingTimers], [[[6, undefined]], 1, 0]);
  }
});

Deno.test("streamOf() sends any range of any pieces, and reads no piece behind it", async () => {
  const text = "abcdefghij";
  for (let first = 0; first < 10; first++) {
    for (let last = first; last < 10; last++) {
      for (const at of [1, 3, 10]) {
        const pieces = text.match(new RegExp(`.{1,${at}}`, "g")) ?? [];
        const [head, ...rest] = pieces;
        const { stream, ended, seen } = open({ head, pieces: rest, range: { first, last } });
        const wanted = text.slice(first, last + 1);
        assertEquals(await new Response(stream).text(), wanted);
        assertEquals(ended, [[wanted.length, undefined]]);
        assertEquals(seen.reads, Math.floor(last / at), `${first}-${last} by ${at}`);
      }
    }
  }
});

Deno.test("streamOf() sends an empty file, and no more bytes than were said", async () => {
  const empty = open({ pieces: [], size: 0 });
  assertEquals(await new Response(empty.stream).text(), "");
  assertEquals([empty.ended, empty.seen.closed], [[[0, undefined]], 1]);
  const long = open({ head: "abc", pieces: ["def"], size: 2 });
  assertEquals(await new Response(long.stream).text(), "ab");
  assertEquals(long.ended, [[2, undefined]]);
});

Deno.test("streamOf() reads one piece when one is wanted, and none ahead", async () => {
  const { stream, seen, clock } = open({ pieces: ["a", "b", "c", "d"], size: 4 });
  await clock.advance(1_000);
  assertEquals(seen.reads, 0);
  const reader = stream.getReader();
  for (const reads of [1, 2, 3]) {
    await reader.read();
    await clock.advance(1_000);
    assertEquals(seen.reads, reads);
  }
  await reader.cancel();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("streamOf() closes the content at once when its reader goes", async () => {
  const { stream, seen, ended } = open({ pieces: ["a", "b"], size: 2 });
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals([seen.closed, ended.length, ended[0]?.[0]], [1, 1, 1]);
  assertEquals(ended[0]?.[1] instanceof Error && ended[0][1].name, "ClientGoneError");
});

Deno.test("streamOf() breaks off where the content does, or is not whole", async () => {
  const broken = open({ pieces: ["a"], size: 3, fails: new Error("broke") });
  await assertRejects(() => new Response(broken.stream).text(), Error, "broke");
  const short = open({ pieces: ["a"], size: 3 });
  await assertRejects(() => new Response(short.stream).text(), Error, "2 bytes are missing");
  for (const { seen, ended, clock } of [broken, short]) {
    assertEquals([seen.closed, ended.length, clock.pendingTimers], [1, 1, 0]);
  }
});

Deno.test("streamOf() gives up a client that takes nothing for long, not one that is slow", async () => {
  const { stream, seen, ended, clock } = open({ pieces: ["a", "b", "c"], size: 3 });
  const reader = stream.getReader();
  await clock.advance(STALL_MS - 1);
  await reader.read();
  await clock.advance(STALL_MS - 1);
  await reader.read();
  assertEquals([seen.closed, ended], [0, []]);
  await clock.advance(STALL_MS);
  assertEquals([seen.closed, ended.length, ended[0]?.[0]], [1, 1, 2]);
  await assertRejects(() => reader.read(), Error, "took no byte for 120 s");
  const never = open({ pieces: ["a"], size: 1 });
  await never.clock.advance(STALL_MS);
  assertEquals([never.seen.closed, never.ended.length], [1, 1]);
});
