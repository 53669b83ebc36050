import { assertEquals } from "@std/assert";
import { SimulatedFiles } from "../../../src/simulator/files.ts";

function filesAt(start: number) {
  let now = start;
  let count = 0;
  const files = new SimulatedFiles("sesn_1", {
    makeId: (prefix) => `${prefix}_${++count}`,
    now: () => now,
    micros: () => now * 1_000 + count,
  });
  return { files, pass: (ms: number) => now += ms };
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("SimulatedFiles shows a file to lists some time after it was written", () => {
  const { files, pass } = filesAt(Date.parse("2026-11-23T09:00:00Z"));
  files.write("notes.md", bytes("# Notes\n"));
  assertEquals([files.all.length, files.listed.length], [1, 0]);
  pass(1_500);
  const [file] = files.listed.items;
  assertEquals(file?.wire, {
    id: "file_1",
    type: "file",
    filename: "notes.md",
    mime_type: "text/markdown",
    size_bytes: 8,
    created_at: "2026-11-23T09:00:00.000000Z",
    downloadable: true,
    scope: { id: "sesn_1", type: "session" },
  });
});

Deno.test("SimulatedFiles keeps two files of one name", () => {
  const { files } = filesAt(0);
  files.write("data.bin", bytes("1"));
  files.write("data.bin", bytes("2"));
  assertEquals(files.all.map(({ id, wire }) => [id, wire.mime_type]), [
    ["file_1", "application/octet-stream"],
    ["file_2", "application/octet-stream"],
  ]);
});

Deno.test("SimulatedFiles without a session has files without scope, which nobody downloads", () => {
  const files = new SimulatedFiles(null, { makeId: () => "file_1", now: () => 0, micros: () => 0 });
  const wire = files.find(files.write("in.csv", bytes("1,2")))?.wire;
  assertEquals([wire?.scope, wire?.downloadable], [null, false]);
  assertEquals(files.find("file_2"), undefined);
});
