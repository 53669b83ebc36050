import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { readResource } from "../../../src/mcp/resources.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { CONTENT, MAX_CONTENT_CHARS, type WithContent } from "../../../src/tools/content.ts";
import { fileResource } from "../../../src/tools/resource_file.ts";
import { RESOURCES } from "../../../src/tools/resources.ts";
import { fakeFile, type FilesWorld, filesWorld, SESSION_ID } from "./files_support.ts";

const URI = `cma://sessions/${SESSION_ID}/files/file_1`;

async function blockOf(world: FilesWorld) {
  const args = { session_id: SESSION_ID, file_id: "file_1" };
  const result: WithContent = await world.run(fileResource, args);
  const [block, ...more] = result[CONTENT] ?? [];
  assertEquals(more, []);
  assert(block?.type === "resource");
  return block.resource;
}

Deno.test("a text is read whole, as text, beyond the bound of other results", async () => {
  const text = "é,1\n".repeat(40_000);
  const file = fakeFile("file_1", `\ufeff${text}`, { mime_type: "text/csv" });
  assertEquals(await blockOf(filesWorld([file])), { uri: URI, mimeType: "text/csv", text });
  assertEquals(await blockOf(filesWorld([fakeFile("file_1", "")])), {
    ...{ uri: URI, mimeType: "text/plain", text: "" },
  });
});

Deno.test("any other file is read whole, as bytes", async () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => at % 256);
  const file = fakeFile("file_1", bytes, { mime_type: "application/zip" });
  assertEquals(await blockOf(filesWorld([file])), {
    uri: URI,
    mimeType: "application/zip",
    blob: btoa(String.fromCharCode(...bytes)),
  });
});

Deno.test("a file that is too large is not read to its end, and the error says what to do", async () => {
  for (
    const content of [
      "x".repeat(MAX_CONTENT_CHARS * 4),
      new Uint8Array(MAX_CONTENT_CHARS * 2),
      `text${"\n".repeat(5_000)}\0`,
    ]
  ) {
    const world = filesWorld([fakeFile("file_1", content)]);
    const error = await assertRejects(() => blockOf(world), ToolError);
    assertEquals(error.code, "file_too_large");
    assertStringIncludes(error.message, `cma-mcp files ${SESSION_ID} file_1`);
    assert(!error.messageFor(() => false).includes("read_session_file"));
    assert(world.taken < MAX_CONTENT_CHARS * 3.5, `${world.taken}`);
    assertEquals(world.closed, 1);
  }
});

Deno.test("no command is named for a file that only this process has", async () => {
  const world = filesWorld([fakeFile("file_1", new Uint8Array(MAX_CONTENT_CHARS * 2))], {
    simulated: true,
  });
  const { message } = await assertRejects(() => blockOf(world), ToolError);
  assert(message.endsWith("read_session_file reads a text page by page."), message);
});

Deno.test("secrets in a text are hidden, and a file of another session is refused like none", async () => {
  const secret = "a-long-secret-0123456789";
  const world = filesWorld([
    fakeFile("file_1", `It is ${secret}.`),
    fakeFile("file_2", "x", { scope: { type: "session", id: "sesn_2" } }),
  ], { redact: createRedact([secret]) });
  const { contents: [only] } = await readResource(URI, RESOURCES, world.call());
  assertEquals(only, { uri: URI, mimeType: "text/plain", text: "It is [redacted]." });
  const refusals = await Promise.all(["file_2", "file_3"].map(async (id) => {
    const uri = URI.replace("file_1", id);
    const error = await assertRejects(() => readResource(uri, RESOURCES, world.call()), Error);
    return error.message;
  }));
  assertEquals(new Set(refusals).size, 1);
});
