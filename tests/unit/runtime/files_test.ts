import { assertEquals, assertRejects } from "@std/assert";
import { createFileReaders } from "../../../src/runtime/files.ts";
import { steadyClock } from "../../helpers/fast_clock.ts";

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
      assertEquals(await createFileReaders(steadyClock()).readFile(`${folder}/file`), text);
    });
  });
}

Deno.test("a file reader rejects with the system's error for a file that cannot be read", async () => {
  await withFolder(async (folder) => {
    const { readFile: read } = createFileReaders(steadyClock());
    const error = await assertRejects(() => read(`${folder}/none`), Error);
    assertEquals("code" in error && error.code, "ENOENT");
    await Deno.writeTextFile(`${folder}/none`, "now");
    assertEquals(await read(`${folder}/none`), "now");
  });
});

Deno.test({
  name: "a file reader reads the permission bits of a file, where there is one",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFolder(async (folder) => {
      const { modeOf } = createFileReaders(steadyClock());
      await Deno.writeTextFile(`${folder}/file`, "");
      for (const mode of [0o600, 0o644]) {
        await Deno.chmod(`${folder}/file`, mode);
        assertEquals(await modeOf(`${folder}/file`), mode);
      }
      assertEquals(await modeOf(`${folder}/none`), undefined);
    });
  },
});

Deno.test("a file reader gives up a file without end", async () => {
  await withFolder(async (folder) => {
    // A file of zeros that takes no room.
    using file = await Deno.open(`${folder}/zeros`, { create: true, write: true });
    await file.truncate(2 ** 34);
    const error = await assertRejects(
      () => createFileReaders(steadyClock()).readFile(`${folder}/zeros`),
      Error,
    );
    assertEquals("code" in error && error.code, "EFBIG");
  });
});

Deno.test("readText() keeps a byte order mark and line ends, and takes nothing but UTF-8", async () => {
  await withFolder(async (folder) => {
    const { readText } = createFileReaders(steadyClock());
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "\uFEFF{\r\n}");
    assertEquals(await readText(path), "\uFEFF{\r\n}");
    await Deno.writeFile(path, new Uint8Array([0xff, 0xfe, 0x7b, 0x00]));
    await assertRejects(() => readText(path), TypeError);
  });
});

Deno.test("readText() and exists() tell a missing file from one that cannot be read", async () => {
  await withFolder(async (folder) => {
    const { readText, exists } = createFileReaders(steadyClock());
    await Deno.writeTextFile(`${folder}/file`, "text");
    assertEquals([await readText(`${folder}/file`), await exists(`${folder}/file`)], [
      "text",
      true,
    ]);
    for (const missing of [`${folder}/no/such/file`, `${folder}/file/below`]) {
      assertEquals([await readText(missing), await exists(missing)], [undefined, false]);
    }
    // A folder is there, but is no text.
    assertEquals(await exists(folder), true);
    await assertRejects(() => readText(folder));
  });
});

Deno.test("listFolder() names what is in a folder, and nothing where there is none", async () => {
  await withFolder(async (folder) => {
    const { listFolder } = createFileReaders(steadyClock());
    await Deno.writeTextFile(`${folder}/file`, "text");
    assertEquals(await listFolder(folder), ["file"]);
    assertEquals(await listFolder(`${folder}/none`), []);
    assertEquals(await listFolder(`${folder}/file`), []);
  });
});
