import { assertEquals, assertThrows } from "@std/assert";
import { bench, dataOf, dig, message } from "../helpers.ts";

/** A session whose agent has written two files, which lists show. */
async function withFiles() {
  const { simulator, clock, call, send } = bench();
  const id = simulator.createSession({ agent: "script" });
  await send(id, message("file one.txt First\nfile two.png Second"));
  await clock.advance(5_000);
  return { simulator, call, id };
}

Deno.test("GET /v1/files lists the files of a session, newest first, in pages", async () => {
  const { call, id } = await withFiles();
  const first = await call("GET", `/v1/files?scope_id=${id}&limit=1`);
  assertEquals(dataOf(first).map(({ filename }) => filename), ["two.png"]);
  const next = await call(
    "GET",
    `/v1/files?scope_id=${id}&limit=1&page=${dig(first.body, "next_page")}`,
  );
  assertEquals(dataOf(next).map(({ filename }) => filename), ["one.txt"]);
  assertEquals(dig(next.body, "next_page"), null);
});

Deno.test("GET /v1/files/{id} shows a file, and /content its bytes", async () => {
  const { simulator, call, id } = await withFiles();
  const [file] = dataOf(await call("GET", `/v1/files?scope_id=${id}`));
  assertEquals((await call("GET", `/v1/files/${file?.id}`)).body, file);
  const response = await simulator.fetch(
    new Request(`http://simulator/v1/files/${file?.id}/content`, {
      headers: { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" },
    }),
  );
  assertEquals(response.headers.get("content-type"), "image/png");
  assertEquals(await response.text(), "Second\n");
});

Deno.test("the files of an unknown session, and an unknown file, get 404", async () => {
  const { call } = bench();
  for (
    const path of ["/v1/files?scope_id=sesn_x", "/v1/files/file_x", "/v1/files/file_x/content"]
  ) {
    assertEquals((await call("GET", path)).status, 404);
  }
  assertEquals((await call("GET", "/v1/files")).status, 400);
});

Deno.test("a file that was uploaded has no scope, is in no session's list, and is not downloaded", async () => {
  const { simulator, call, id } = await withFiles();
  const fileId = simulator.uploadFile("in.csv", new TextEncoder().encode("1,2"));
  const { status, body } = await call("GET", `/v1/files/${fileId}`);
  assertEquals([status, dig(body, "filename"), dig(body, "scope")], [200, "in.csv", null]);
  const content = await call("GET", `/v1/files/${fileId}/content`);
  assertEquals([content.status, dig(content.body, "error", "details", "error_code")], [
    400,
    "file_not_downloadable",
  ]);
  assertEquals(dataOf(await call("GET", `/v1/files?scope_id=${id}`)).length, 2);
});

Deno.test("a file that has expired is in no list, and gets 404 with its error code", async () => {
  const { simulator, call, id } = await withFiles();
  const [file] = dataOf(await call("GET", `/v1/files?scope_id=${id}`));
  simulator.expireFile(String(file?.id));
  assertThrows(() => simulator.expireFile("file_x"), RangeError, "There is no file file_x");
  for (const path of [`/v1/files/${file?.id}`, `/v1/files/${file?.id}/content`]) {
    const { status, body } = await call("GET", path);
    assertEquals([status, dig(body, "error", "details", "error_code")], [404, "file_expired"]);
  }
  const listed = dataOf(await call("GET", `/v1/files?scope_id=${id}`));
  assertEquals(listed.map(({ filename }) => filename), ["one.txt"]);
});
