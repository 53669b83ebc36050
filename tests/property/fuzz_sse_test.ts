import { assert, assertEquals } from "@std/assert";
import { anyCharacter, fc, fuzzRuns } from "../helpers/fuzz.ts";
import { createItemDecoder } from "../../src/api/stream.ts";
import { ApiError } from "../../src/api/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createRedact } from "../../src/core/redact.ts";

const MAX_FRAME_CHARS = 2_000;

function decoder() {
  const redact = createRedact([]);
  return createItemDecoder({ maxFrameChars: MAX_FRAME_CHARS, log: silentLogger, redact });
}

/** What a stream's bytes come to, whichever way they are cut; the error where one ends it. */
function decode(chunks: readonly Uint8Array[]) {
  const push = decoder().push;
  const events: unknown[] = [];
  try {
    for (const chunk of chunks) {
      let items = 0;
      for (const item of push(chunk)) {
        items++;
        if (item.kind === "event") events.push(item.event);
      }
      assert(items > 0, "a chunk is a sign of life");
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { events, error: error.message };
  }
  return { events };
}

function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))];
  places.sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.slice(from, places[index]));
}

/** Pieces of which streams are made, and pieces of which none should be. */
const piece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("\n", "\n\n", "\r\n", "\r", "data:", "data: ", "event: "),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("id: 1\n", "retry: 5\n", ": ping\n\n", "\u{feff}", "{}"),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'data: {"type":"agent.message","id":"sevt_1"}\n\n',
      'event: ping\ndata: {"type":"ping"}\n\n',
      'event: agent.message\ndata: {"type":"agent.mess\n\n',
      'event: session.error\ndata: {"type":"session.error","error":{"type":"x"}}\n\n',
      "data: null\n\n",
      "data: [1,2]\n\n",
      'data: {"type":7}\n\n',
      'event: error\ndata: {"error":{"type":"overloaded_error"}}\n\n',
    ),
  },
  { weight: 2, arbitrary: fc.json().map((json) => `data: ${json}\n\n`) },
  { weight: 1, arbitrary: fc.string({ unit: anyCharacter, maxLength: 50 }) },
  // On a line of its own: a long line of another field is too large or not by how it is cut.
  { weight: 1, arbitrary: fc.constant(`\n\ndata: ${"x".repeat(MAX_FRAME_CHARS * 2)}\n\n`) },
);
const streamText = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
const cuts = fc.array(fc.nat(100_000), { maxLength: 30 });

Deno.test("any text in the form of a stream reads the same however it is cut", () => {
  fc.assert(
    fc.property(streamText, cuts, (text, places) => {
      const bytes = new TextEncoder().encode(text);
      assertEquals(decode(cut(bytes, places)), decode([bytes]));
    }),
    fuzzRuns(1_500),
  );
});

Deno.test("random bytes end a stream with an ApiError or not at all", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
      decode(chunks);
    }),
    fuzzRuns(1_000),
  );
});

for (const [name, text] of [["a line", "x"], ["lines", "data: xxxxxxxx\n"]] as const) {
  Deno.test(`a frame of ${name} without end is not kept in memory`, () => {
    const push = decoder().push;
    const chunk = new TextEncoder().encode(text.repeat(Math.ceil(100_000 / text.length)));
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) {
      try {
        for (const { kind } of push(chunk)) assertEquals(kind, "activity");
      } catch (error) {
        assert(error instanceof ApiError && error.kind === "connection_lost");
      }
    }
    const grownMb = (Deno.memoryUsage().heapUsed - before) / 1e6;
    assert(grownMb < 40, `${grownMb} MB more after 50 MB`);
  });
}
