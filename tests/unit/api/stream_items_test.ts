import { assertEquals, assertThrows } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import type { StreamItem } from "../../../src/api/types.ts";
import { createItemDecoder } from "../../../src/api/stream.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { recordingLogger, type Setup } from "./support.ts";

function decoder(logs: Setup["logs"] = [], maxFrameChars = 100_000) {
  const redact = createRedact(["hush-hush"]);
  return createItemDecoder({ maxFrameChars, log: recordingLogger(logs), redact });
}

/** What each chunk gives: event types, `lost`, or `-` for activity. */
function itemsOf(chunks: readonly (string | Uint8Array)[], logs: Setup["logs"] = []): string[][] {
  const { push } = decoder(logs);
  return chunks.map((chunk) => {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    const names = { activity: "-", unreadable: "?" };
    return [...push(bytes)].map((item) =>
      item.kind === "event" ? item.event.type : names[item.kind]
    );
  });
}

function eventsOf(chunks: readonly Uint8Array[]) {
  const { push } = decoder();
  const items = chunks.flatMap((chunk): StreamItem[] => [...push(chunk)]);
  return items.flatMap((item) => item.kind === "event" ? [item.event] : []);
}

const FRAME = `event: agent.message\ndata: {"type":"agent.message","id":"sevt_1"}\n\n`;

const CASES: readonly [string, readonly string[], string[][]][] = [
  ["a frame in one chunk", [FRAME], [["agent.message"]]],
  ["two frames in one chunk", [FRAME + FRAME], [["agent.message", "agent.message"]]],
  ["a frame in two chunks", [FRAME.slice(0, 30), FRAME.slice(30)], [["-"], ["agent.message"]]],
  ["a slow drip", [...FRAME.slice(-4)].map((c) => c), [["-"], ["-"], ["-"], ["-"]]],
  ["a comment", [": keep-alive\n\n"], [["-"]]],
  ["an unfinished comment", [":"], [["-"]]],
  ["a ping", [`event: ping\ndata: {"type":"ping"}\n\n`], [["-"]]],
  ["a ping without a name", [`data: {"type":"ping"}\n\n`], [["-"]]],
  ["a heartbeat with empty data", ["event: heartbeat\ndata:\n\n"], [["-"]]],
  ["a retry field", ["retry: 1000\n\n"], [["-"]]],
  ["empty data", ["data:\n\n"], [["-"]]],
  ["a ping beside an event", [`event: ping\ndata: {}\n\n${FRAME}`], [["agent.message"]]],
  ["an event without a name", [`data: {"type":"session.usage"}\n\n`], [["session.usage"]]],
  ["a name that differs", [`event: message\ndata: {"type":"a.b"}\n\n`], [["a.b"]]],
  ["a name instead of a type", [`event: a.b\ndata: {"id":"x"}\n\n`], [["a.b"]]],
  ["an event nobody knows", [`event: x.y\ndata: {"type":"x.y"}\n\n`], [["x.y"]]],
  ["data in several lines", [`data: {"type":\ndata: "a.b"}\n\n`], [["a.b"]]],
  ["an id line", [`id: 7\ndata: {"type":"a.b"}\n\n`], [["a.b"]]],
  ["malformed JSON, then an event", [`data: {"type":\n\n${FRAME}`], [["agent.message", "?"]]],
  ["malformed JSON alone", ["data: {\n\n"], [["?"]]],
  ["JSON that is no object", [`data: [1]\n\ndata: "x"\n\ndata: null\n\n`], [["-"]]],
  ["an object without a type", [`data: {"a":"x"}\n\n`], [["-"]]],
  ["an object with an id and no type", [`data: {"id":"x","type":null}\n\n`], [["?"]]],
  ["a byte order mark", ["\ufeff" + FRAME], [["agent.message"]]],
  ["an end without a blank line", [`data: {"type":"a.b"}\n`], [["-"]]],
];

for (const [name, chunks, expected] of CASES) {
  Deno.test(`createItemDecoder() reads ${name}`, () => assertEquals(itemsOf(chunks), expected));
}

Deno.test("createItemDecoder() keeps every field of an event", () => {
  const event = { type: "a.b", id: "sevt_1", processed_at: null, content: [{ x: "é🙂" }] };
  const bytes = new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`);
  assertEquals(eventsOf([bytes]), [event]);
});

Deno.test("createItemDecoder() logs what it skips, without its text", () => {
  const logs: Setup["logs"] = [];
  itemsOf(["event: ping\ndata: 09:30\n\n"], logs);
  assertEquals(logs, []);
  itemsOf(
    [`event: a.b\ndata: {"private\n\n`, `data: ["private"]\n\n`, ": x\n\n", "data:\n\n"],
    logs,
  );
  assertEquals(logs.map(({ level, message }) => [level, message]), [
    ["debug", "Skipped a frame that is not JSON"],
    ["debug", "Skipped a frame that is no event"],
  ]);
  assertEquals(JSON.stringify(logs).includes("private"), false);
});

Deno.test("createItemDecoder() throws at a frame that is too large, after the events before it", () => {
  const logs: Setup["logs"] = [];
  const { push } = decoder(logs, 100);
  const encode = (text: string) => new TextEncoder().encode(text);
  const huge = `data: {"type":"a.b","x":"${"y".repeat(300)}"}\n\n`;
  const items: StreamItem[] = [];
  const read = () => {
    items.push(...push(encode(huge.slice(0, 90))));
    for (const item of push(encode(huge.slice(90)))) items.push(item);
  };
  const before = [...push(encode(`data: {"type":"c.d"}\n\n`))];
  const error = assertThrows(read, ApiError);
  assertEquals([error.kind, error.retryable], ["connection_lost", true]);
  assertEquals([...before, ...items].map(({ kind }) => kind), ["event", "activity"]);
  assertEquals(logs.map(({ level }) => level), ["warn"]);
});

const ERROR_FRAMES: readonly [string, string, string | undefined][] = [
  [
    "with the envelope",
    `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}`,
    "overloaded_error",
  ],
  ["without a type", `event: error\ndata: {"error":{"type":"api_error"}}`, "api_error"],
  ["without a name", `data: {"type":"error","error":{"type":"api_error"}}`, "api_error"],
  ["that is no JSON", "event: error\ndata: overloaded", undefined],
  ["that is no object", "event: error\ndata: [1]", undefined],
  ["without data", "event: error\ndata:", undefined],
];

for (const [name, frame, type] of ERROR_FRAMES) {
  Deno.test(`createItemDecoder() throws an error frame ${name}, after the events before it`, () => {
    const bytes = new TextEncoder().encode(`${FRAME}${frame}\n\n${FRAME}`);
    const items = decoder().push(bytes);
    assertEquals(items.next().value?.kind, "event");
    const error = assertThrows(() => items.next(), ApiError);
    assertEquals([error.kind, error.type], ["http", type]);
  });
}

Deno.test("createItemDecoder() takes session.error for an event, whatever its frame is called", () => {
  const data = `data: {"type":"session.error","error":{"type":"billing_error"}}\n\n`;
  assertEquals(itemsOf([data, `event: session.error\n${data}`, `event: error\n${data}`]), [
    ["session.error"],
    ["session.error"],
    ["session.error"],
  ]);
});

Deno.test("createItemDecoder() hides credentials in an error frame", () => {
  const data = JSON.stringify({ type: "error", error: { message: "Key hush-hush expired" } });
  const items = decoder().push(new TextEncoder().encode(`event: error\ndata: ${data}\n\n`));
  assertThrows(() => items.next(), ApiError, "Key [redacted] expired");
});

Deno.test("createItemDecoder() gives the same events however the bytes are cut", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const noise = fc.constantFrom(": note", "event: ping\ndata: {}", "data: {bad", "id: 7", "");
  const part = fc.oneof(
    text.map((value) => ({ event: { type: "agent.message", id: "sevt_1", content: value } })),
    noise.map((value) => ({ noise: value })),
  );
  const end = fc.constantFrom("\n", "\r\n", "\r");
  fc.assert(fc.property(
    fc.array(part, { maxLength: 12 }),
    end,
    fc.boolean(),
    fc.array(fc.nat(), { maxLength: 40 }),
    (parts, end, bom, cuts) => {
      const frames = parts.map((part) =>
        "event" in part ? `data: ${JSON.stringify(part.event)}` : part.noise.replaceAll("\n", end)
      );
      const source = (bom ? "\ufeff" : "") + frames.map((frame) => frame + end + end).join("") +
        `: end${end}`;
      const bytes = new TextEncoder().encode(source);
      const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) =>
        a - b
      );
      const chunks = [0, ...places].map((start, index) => bytes.slice(start, places[index]));
      const expected = parts.flatMap((part) => "event" in part ? [part.event] : []);
      assertEquals(eventsOf(chunks), expected);
      assertEquals(eventsOf(Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
    },
  ));
});

Deno.test("createItemDecoder() gives at least one item for every chunk", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
    assertEquals([...decoder().push(bytes)].length > 0, true);
  }));
});
