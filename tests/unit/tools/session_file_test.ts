import { assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { findFile, readPart } from "../../../src/tools/session_file.ts";
import { fakeFile, filesWorld, SESSION_ID } from "./files_support.ts";
import { httpError } from "./support.ts";

const BOUNDS = { maxBytes: 100, maxChars: 100 };

Deno.test("findFile() finds a file of the session, and passes on that the API is down", async () => {
  const world = filesWorld([fakeFile("file_1", "x")]);
  assertEquals((await findFile(SESSION_ID, "file_1", world.call())).id, "file_1");
  await assertRejects(() => findFile("sesn_2", "file_1", world.call()), ToolError, "That file");
  const down = filesWorld([], {}, { retrieve: () => Promise.reject(httpError(503)) });
  await assertRejects(() => findFile(SESSION_ID, "file_1", down.call()), ApiError);
});

Deno.test("readPart() tries a second time where less comes than the file has, and then fails", async () => {
  const file = fakeFile("file_1", "short", { size_bytes: 6 });
  const world = filesWorld([file]);
  const failing = assertRejects(
    () => readPart(file, BOUNDS, world.call()),
    ToolError,
    "The API sent only a part of the file: try again.",
  );
  await world.clock.advance(500);
  await failing;
  assertEquals([world.requests, world.closed], [["content", "content"], 2]);
});

/** A file whose content fails some times in a way. */
function failing(error: Error, times: number) {
  const file = fakeFile("file_1", "text");
  let tries = 0;
  const world = filesWorld([file], {}, {
    content: () =>
      ++tries <= times ? Promise.reject(error) : Promise.resolve({
        async *[Symbol.asyncIterator]() {
          yield await Promise.resolve(file.content);
        },
        close() {},
      }),
  });
  return { run: () => readPart(file, BOUNDS, world.call()), tries: () => tries, world };
}

Deno.test("readPart() tries a second time where a connection breaks", async () => {
  const lost = new ApiError("reset", { kind: "connection_lost" });
  const once = failing(lost, 1);
  const running = once.run();
  await once.world.clock.advance(500);
  assertEquals([(await running).page?.text, once.tries()], ["text", 2]);
  const twice = failing(lost, 2);
  const broken = assertRejects(() => twice.run(), ApiError, "reset");
  await twice.world.clock.advance(500);
  await broken;
  assertEquals([twice.tries(), twice.world.clock.pendingTimers], [2, 0]);
  const refused = failing(httpError(404, "Expired.", "not_found_error"), 2);
  await assertRejects(() => refused.run(), ApiError, "Expired");
  assertEquals(refused.tries(), 1);
});

Deno.test("readPart() gives up a file that does not come in time, and one that nobody waits for", async () => {
  let signal: AbortSignal | undefined;
  const file = fakeFile("file_1", "x");
  const world = filesWorld([file], {}, {
    content: (_, options) => {
      signal = options?.signal;
      return new Promise((_, reject) =>
        signal?.addEventListener("abort", () => reject(signal?.reason))
      );
    },
  });
  const slow = assertRejects(
    () => readPart(file, BOUNDS, world.call()),
    ToolError,
    "The file did not come within 30 s: try again.",
  );
  await world.clock.advance(30_000);
  await slow;
  const cancelling = new AbortController();
  const cancelled = assertRejects(
    () => readPart(file, BOUNDS, world.call({ signal: cancelling.signal })),
    Error,
    "gone",
  );
  cancelling.abort(new Error("gone"));
  await cancelled;
  assertEquals(world.clock.pendingTimers, 0);
});
