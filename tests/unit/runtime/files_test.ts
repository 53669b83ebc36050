import { assert, assertEquals, assertRejects } from "@std/assert";
import { createFileReader, resolveWithFiles } from "../../../src/runtime/files.ts";
import { systemClock } from "../../../src/core/clock.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const UTF16 = [0xff, 0xfe, 0x68, 0x00, 0x69, 0x00, 0x0a, 0x00];
const encodings: readonly [string, Uint8Array, string][] = [
  ["UTF-8", new TextEncoder().encode("hi ☃\n"), "hi ☃\n"],
  ["UTF-8 with a byte order mark", new TextEncoder().encode("\ufeffhi\n"), "hi\n"],
  ["UTF-16 of Windows", Uint8Array.from(UTF16), "hi\n"],
  ["UTF-16 of network order", Uint8Array.of(0xfe, 0xff, 0x00, 0x68, 0x00, 0x69), "hi"],
  ["nothing", new Uint8Array(), ""],
];
for (const [name, bytes, text] of encodings) {
  Deno.test(`a file reader reads ${name}`, async () => {
    await withFolder(async (folder) => {
      await Deno.writeFile(`${folder}/file`, bytes);
      assertEquals(await createFileReader(systemClock)(`${folder}/file`), text);
    });
  });
}

Deno.test("a file reader says what the system says of files that cannot be read", async () => {
  await withFolder(async (folder) => {
    const read = createFileReader(systemClock);
    const error = await assertRejects(() => read(`${folder}/none`), Error);
    assertEquals("code" in error && error.code, "ENOENT");
    await Deno.writeTextFile(`${folder}/none`, "now");
    assertEquals(await read(`${folder}/none`), "now");
  });
});

Deno.test("a file reader gives up a file without end", async () => {
  await withFolder(async (folder) => {
    // A file of zeros that takes no room.
    using file = await Deno.open(`${folder}/zeros`, { create: true, write: true });
    await file.truncate(2 ** 34);
    const error = await assertRejects(
      () => createFileReader(systemClock)(`${folder}/zeros`),
      Error,
    );
    assertEquals("code" in error && error.code, "EFBIG");
  });
});

Deno.test("resolveWithFiles() reads what is asked for, each once, and then resolves", async () => {
  const reads: string[] = [];
  const readFile = (path: string) => {
    reads.push(path);
    return path === "none"
      ? Promise.reject(new Error("no such file"))
      : Promise.resolve(`<${path}>`);
  };
  const resolve = (readNow: (path: string) => string) => {
    let third = "";
    try {
      third = readNow("none");
    } catch (error) {
      third = String(error);
    }
    return [readNow("a"), readNow("b"), readNow("a"), third];
  };
  assertEquals(await resolveWithFiles(resolve, readFile), [
    "<a>",
    "<b>",
    "<a>",
    "Error: no such file",
  ]);
  assertEquals(reads.toSorted(), ["a", "b", "none"]);
  const refusal = new Error("wrong");
  const failing = resolveWithFiles((readNow) => {
    readNow("a");
    throw refusal;
  }, readFile);
  assert(await failing.catch((error) => error === refusal));
});
