/**
 * Streams of Node as streams of the web.
 *
 * @module
 */

import type { Readable } from "node:stream";

/**
 * Returns a stream of the same bytes, which are read as far as they are asked for.
 *
 * @param cancel called when no more of them are wanted
 */
export function webStream(
  from: Readable,
  cancel: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isOver = false;
  let isReading = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const end = (error?: Error) => {
        if (isOver) return;
        isOver = true;
        if (error) controller.error(error);
        else controller.close();
      };
      from.on("end", () => end());
      from.on("error", end);
      from.on("close", () => end(new Error("The body broke off")));
    },
    pull(controller) {
      if (isReading) return void from.resume();
      isReading = true;
      from.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
        if (isOver) return;
        // A `Buffer` slices without making a copy, which nobody expects of bytes.
        controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        from.pause();
      });
    },
    cancel() {
      isOver = true;
      cancel();
    },
  }, { highWaterMark: 0 });
}
