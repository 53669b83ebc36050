import { assertEquals } from "@std/assert";
import { accepts, STATUS_CODE, STATUS_TEXT } from "@std/http";

const both = ["application/json", "text/event-stream"];

const cases: readonly [string | undefined, string | undefined][] = [
  [undefined, "application/json"],
  ["*/*", "application/json"],
  ["text/event-stream", "text/event-stream"],
  ["text/*", "text/event-stream"],
  ["application/json;q=0.5, text/event-stream", "text/event-stream"],
  ["application/json, text/event-stream", "application/json"],
  ["*/*;q=0.1, text/event-stream;q=0", "application/json"],
  ["TEXT/Event-Stream", "text/event-stream"],
  ["image/png", undefined],
  ["", undefined],
];
for (const [header, expected] of cases) {
  Deno.test(`accepts() answers ${expected} for Accept: ${header}`, () => {
    const headers = new Headers(header === undefined ? {} : { accept: header });
    assertEquals(accepts({ headers }, ...both), expected);
  });
}

Deno.test("accepts() lists what is accepted, best first", () => {
  const headers = new Headers({ accept: "a/b;q=0.2, c/d, e/f;q=0" });
  assertEquals(accepts({ headers }), ["c/d", "a/b"]);
  assertEquals(accepts({ headers: new Headers() }), ["*/*"]);
});

Deno.test("STATUS_TEXT names every code of STATUS_CODE", () => {
  assertEquals(
    Object.keys(STATUS_TEXT).map(Number).sort(),
    Object.values(STATUS_CODE).map(Number).sort(),
  );
});
