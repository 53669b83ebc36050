import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { FileLinks, LinkedFile } from "../../../src/access/file_links.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import {
  CONTENT,
  type ContentBlock,
  MAX_CONTENT_CHARS,
  type WithContent,
} from "../../../src/tools/content.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { readSessionFile } from "../../../src/tools/read_session_file.ts";
import { callTool } from "../../helpers/call_tool.ts";
import { fakeFile, type FilesWorld, filesWorld, SESSION_ID } from "./files_support.ts";

function read(
  world: FilesWorld,
  args: Record<string, unknown>,
  overrides: Partial<ToolCall> = {},
) {
  return world.run(readSessionFile, { session_id: SESSION_ID, ...args }, overrides);
}

/** The blocks that stand beside a result. */
function blocksOf(result: Record<string, unknown> & WithContent): readonly ContentBlock[] {
  return result[CONTENT] ?? [];
}

async function refusal(world: FilesWorld, args: Record<string, unknown>): Promise<ToolError> {
  const failing = assertRejects(() => read(world, args), ToolError);
  await world.clock.advance(40_000);
  return await failing;
}

/** An image of so many bytes. */
function png(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return bytes;
}

Deno.test("read_session_file shows a text by its id and by its name", async () => {
  const world = filesWorld([
    fakeFile("file_1", "\ufeffa,b\n1,2\n", { filename: "out/data.csv", mime_type: "text/csv" }),
  ]);
  const expected = {
    file_id: "file_1",
    filename: "data.csv",
    mime_type: "text/csv",
    size_bytes: 11,
    created_at: "2026-11-23T09:00:00.000Z",
    text: "a,b\n1,2\n",
  };
  assertEquals(await read(world, { file_id: "file_1" }), expected);
  assertEquals(world.requests, ["file", "content"]);
  for (const filename of ["out/data.csv", "data.csv", "/mnt/session/outputs/out/data.csv"]) {
    assertEquals(await read(world, { filename }), expected);
  }
  assertEquals(world.requests.slice(2, 4), ["list", "content"]);
  assertEquals(world.closed, 4);
});

Deno.test("read_session_file takes the newest file of a name, also where the list trails the agent", async () => {
  const older = fakeFile("file_1", "older", { filename: "a.txt" }, 1);
  const world = filesWorld([older, fakeFile("file_2", "newer", { filename: "a.txt" }, 2)]);
  assertEquals((await read(world, { filename: "a.txt" })).text, "newer");
  world.files = [older];
  world.age = 1;
  const running = read(world, { filename: "b.txt" });
  await world.clock.advance(500);
  world.files = [older, fakeFile("file_3", "new", { filename: "b.txt" })];
  await world.clock.advance(1_000);
  assertEquals((await running).text, "new");
});

Deno.test("read_session_file refuses every file but the session's own alike", async () => {
  const world = filesWorld([
    fakeFile("file_theirs", "x", { scope: { id: "sesn_2", type: "session" } }),
    fakeFile("file_loose", "x", { scope: null }),
  ]);
  for (const id of ["file_theirs", "file_loose", "file_unknown"]) {
    const { code, message } = await refusal(world, { file_id: id });
    assertEquals(code, "not_available");
    assertStringIncludes(message, "That file does not exist or is not available");
  }
  for (const filename of ["file_theirs.txt", "file_loose.txt", "unknown.txt"]) {
    const error = await refusal(world, { filename });
    assertEquals(
      error.message,
      "The session's agent has written no file of that name to its outputs. list_session_files " +
        "lists those that it wrote.",
    );
    assert(!error.messageFor(() => false).includes("list_session_files"));
  }
  assertEquals(world.requests.includes("content"), false);
  assertStringIncludes((await refusal(world, {})).message, "Pass file_id or filename.");
});

Deno.test("read_session_file reads a long text in parts that fit, each line whole", async () => {
  const line = (n: number) => `${n},"ünï ""quoted""",${"x".repeat(n % 50)}\n`;
  const text = Array.from({ length: 10_000 }, (_, n) => line(n)).join("");
  const world = filesWorld([fakeFile("file_1", text)]);
  let whole = "";
  for (let offset: unknown = 0, parts = 0; offset !== undefined; parts++) {
    assert(parts < 40);
    const result = await read(world, { file_id: "file_1", offset });
    assert(JSON.stringify(result).length <= MAX_RESULT_CHARS);
    assert(String(result.text).endsWith("\n"));
    whole += result.text;
    offset = result.next_offset;
  }
  assertEquals(whole, text);
});

Deno.test("read_session_file takes no more of a large text than it shows", async () => {
  const content = new Uint8Array(20 * 1024 * 1024).fill(97);
  const world = filesWorld([fakeFile("file_1", content)]);
  const first = await read(world, { file_id: "file_1" });
  assert(typeof first.next_offset === "number" && world.taken < 200_000, String(world.taken));
  assertEquals(world.closed, 1);
  const { text, next, next_offset } = await read(world, {
    file_id: "file_1",
    offset: 16 * 1024 * 1024 - 1_000,
  });
  assertEquals([String(text).length, next_offset], [30_000, undefined]);
  assertEquals(
    next,
    "Only the first 16777216 bytes of a file can be read here. The user can save it with: " +
      "cma-mcp files sesn_1 file_1 > file_1.txt",
  );
  const { message } = await refusal(world, { file_id: "file_1", offset: 17 * 1024 * 1024 });
  assertStringIncludes(message, "offset must be");
});

Deno.test("read_session_file shows no part of a secret at the border of two parts", async () => {
  const secret = "sk-ant-api03-" + "AbC1_-".repeat(15);
  for (const before of [29_900, 29_940, 29_980, 30_000]) {
    const text = `${"x".repeat(before)}=${secret} end`;
    const world = filesWorld([fakeFile("file_1", text)], { redact: createRedact([]) });
    const first = await read(world, { file_id: "file_1" });
    const second = await read(world, { file_id: "file_1", offset: first.next_offset });
    const { redact } = world.services;
    const shown = redact.thorough(String(first.text)) + redact.thorough(String(second.text));
    assertEquals(shown, `${"x".repeat(before)}=[redacted] end`);
  }
});

Deno.test("read_session_file loses nothing where marks are longer than the secrets", async () => {
  const secret = "Pa55w0rd";
  const text = `${secret}\n`.repeat(8_000);
  const world = filesWorld([fakeFile("file_1", text)], { redact: createRedact([secret]) });
  let lines = 0;
  for (let offset: unknown = 0; offset !== undefined;) {
    const args = { session_id: SESSION_ID, file_id: "file_1", offset };
    const { structuredContent } = await callTool(readSessionFile, args, world.call());
    const fields: Record<string, unknown> = { ...Object(structuredContent) };
    assertEquals(fields.truncated, undefined);
    lines += String(fields.text).split("\n").length - 1;
    offset = fields.next_offset;
  }
  assertEquals(lines, 8_000);
});

Deno.test("read_session_file shows an image, and a PDF, as content beside the result", async () => {
  const world = filesWorld([
    fakeFile("file_1", png(300_000), { filename: "my chart;rm.png", mime_type: "text/html" }),
    fakeFile("file_2", "%PDF-1.7 body", { filename: "report.pdf" }),
  ]);
  const image = await read(world, { file_id: "file_1" });
  const [block] = blocksOf(image);
  assert(block?.type === "image");
  assertEquals([image.mime_type, block.mimeType, image.text], [
    "image/png",
    "image/png",
    undefined,
  ]);
  assertEquals(Uint8Array.from(atob(block.data), (char) => char.charCodeAt(0)), png(300_000));
  assertEquals(
    image.next,
    "The image stands beside this result. The user can save it with: cma-mcp files sesn_1 " +
      "file_1 > my_chart_rm.png",
  );
  const pdf = await read(world, { file_id: "file_2" });
  assertEquals(blocksOf(pdf), [{
    type: "resource",
    resource: {
      uri: "cma://sessions/sesn_1/files/file_2",
      mimeType: "application/pdf",
      blob: btoa("%PDF-1.7 body"),
    },
  }]);
  assertStringIncludes(String(pdf.next), "The PDF document stands beside this result.");
});

Deno.test("read_session_file names no file that a shell would take for something else", async () => {
  const names = [["-rf.png", "rf.png"], [".bashrc", "bashrc"], ["$(id)`id`.png", "_id_id_.png"]];
  for (const [filename, saved = ""] of [...names, ["--", "file_1"], ["..", "file_1"]]) {
    const world = filesWorld([fakeFile("file_1", png(100), { filename })]);
    const { next } = await read(world, { file_id: "file_1" });
    assert(String(next).endsWith(` file_1 > ${saved}`), String(next));
  }
});

Deno.test("read_session_file names the command only to those whom it helps", async () => {
  const files = [fakeFile("file_1", png(100))];
  const alice = { principal: { id: "alice" } };
  const overHttp = await read(filesWorld(files), { file_id: "file_1" }, alice);
  assertEquals(
    overHttp.next,
    "The image stands beside this result. Whoever has the API key can save it with: cma-mcp files " +
      "sesn_1 file_1 > file_1.txt",
  );
  const simulated = await read(filesWorld(files, { simulated: true }), { file_id: "file_1" });
  assertEquals(simulated.next, "The image stands beside this result.");
});

Deno.test("read_session_file says how to get an image that is too large, without reading it", async () => {
  const limit = MAX_CONTENT_CHARS / 4 * 3;
  const world = filesWorld([fakeFile("file_1", png(limit)), fakeFile("file_2", png(limit + 1))]);
  assertEquals(blocksOf(await read(world, { file_id: "file_1" })).length, 1);
  const large = await read(world, { file_id: "file_2" });
  assertEquals(blocksOf(large), []);
  assertStringIncludes(
    String(large.next),
    `It has more than the ${limit} bytes that can be shown. Ask the agent with send_message for ` +
      "another form of it. The user can save it with: cma-mcp files sesn_1 file_2 > file_2.txt",
  );
});

Deno.test("read_session_file tells the type of what is no text, and what to do", async () => {
  const latin = Uint8Array.from("caf\xe9", (char) => char.charCodeAt(0));
  const late = Uint8Array.of(...new TextEncoder().encode("x".repeat(5_000)), 0xe9);
  const world = filesWorld([
    fakeFile("file_1", latin, { mime_type: "text/csv" }),
    fakeFile("file_2", late),
    fakeFile("file_3", new Uint8Array(100), { mime_type: "application/zip" }),
  ]);
  const binary = await read(world, { file_id: "file_3" });
  assertEquals([binary.mime_type, binary.size_bytes, binary.text], [
    "application/zip",
    100,
    undefined,
  ]);
  assertStringIncludes(String(binary.next), "It is neither UTF-8 text, nor an image");
  assertEquals(blocksOf(binary), [{
    type: "resource_link",
    uri: "cma://sessions/sesn_1/files/file_3",
    name: "file_3.txt",
    mimeType: "application/zip",
    size: 100,
  }]);
  // What cannot be read as a resource either has no link.
  const large = fakeFile("file_4", new Uint8Array(600_000), { mime_type: "application/zip" });
  world.files = [...world.files, large, { ...large, id: "file_5", size_bytes: undefined }];
  for (const file_id of ["file_4", "file_5"]) {
    assertEquals(blocksOf(await read(world, { file_id })), []);
  }
  const other = await read(world, { file_id: "file_1" });
  assertEquals(other.mime_type, "application/octet-stream");
  const cut = await read(world, { file_id: "file_2" });
  assertEquals([String(cut.text).length, cut.next_offset], [5_000, undefined]);
  assertStringIncludes(String(cut.next), "What follows is no UTF-8 text, and is not shown.");
  const after = await read(world, { file_id: "file_2", offset: 5_000 });
  assertEquals(after.text, undefined);
  assertStringIncludes(String(after.next), "There is no UTF-8 text at this offset.");
  const reader = await read(world, { file_id: "file_3" }, { has: () => false });
  assert(!String(reader.next).includes("send_message"));
});

Deno.test("read_session_file gives a link where the server makes links and knows the caller", async () => {
  const made: LinkedFile[] = [];
  const fileLinks: FileLinks = {
    make(file) {
      made.push(file);
      return Promise.resolve({
        url: "https://x.example/files/1",
        expires_at: "2026-11-23T09:10:00Z",
      });
    },
  };
  const world = filesWorld([fakeFile("file_1", png(100))], { fileLinks });
  const linked = await read(world, { file_id: "file_1" }, { principal: { id: "ci" } });
  assertEquals(made, [{ fileId: "file_1", sessionId: SESSION_ID, principalId: "ci" }]);
  assertEquals([linked.download_url, linked.expires_at], [
    "https://x.example/files/1",
    "2026-11-23T09:10:00Z",
  ]);
  assertEquals(
    linked.next,
    "The image stands beside this result. The user can open download_url in a browser.",
  );
  const without = await read(world, { file_id: "file_1" });
  assertEquals([without.download_url, made.length], [undefined, 1]);
  // What the result has no room for stands beside it as that link, for hosts that show links.
  const size = MAX_CONTENT_CHARS / 4 * 3 + 1;
  const zip = fakeFile("file_3", new Uint8Array(size), { mime_type: "application/zip" });
  world.files = [fakeFile("file_2", png(size)), zip];
  for (const [id, mimeType] of [["file_2", "image/png"], ["file_3", "application/zip"]] as const) {
    const large = await read(world, { file_id: id }, { principal: { id: "ci" } });
    assertEquals(blocksOf(large), [
      {
        type: "resource_link",
        uri: "https://x.example/files/1",
        name: `${id}.txt`,
        mimeType,
        size,
      },
    ]);
    assertStringIncludes(String(large.next), "The user can open download_url in a browser.");
  }
});

Deno.test("read_session_file puts no id into a line for a shell that is none", async () => {
  const world = filesWorld([fakeFile("file;rm -r", png(100), { filename: "a.png" })]);
  const { next } = await read(world, { filename: "a.png" });
  assertEquals(next, "The image stands beside this result.");
});

Deno.test("read_session_file says that an offset is beyond the end", async () => {
  const world = filesWorld([fakeFile("file_1", "text")]);
  const { code, message } = await refusal(world, { file_id: "file_1", offset: 5 });
  assertEquals(code, "invalid_argument");
  assertStringIncludes(message, "offset is beyond the end of the file, which has 4 bytes.");
});
