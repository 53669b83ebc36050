import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { describeMounts, mountsOf } from "../../../src/tools/mounts.ts";
import { session } from "./support.ts";

const PATHS: Readonly<Record<string, string>> = {
  "in.csv": "/mnt/session/uploads/in.csv",
  "data/in 2.csv": "/mnt/session/uploads/data/in 2.csv",
  ".env": "/mnt/session/uploads/.env",
  "..a": "/mnt/session/uploads/..a",
  "日本.txt": "/mnt/session/uploads/日本.txt",
  "/workspace/in.csv": "/workspace/in.csv",
};

for (const [name, mountPath] of Object.entries(PATHS)) {
  Deno.test(`a file by the name ${name} is mounted at ${mountPath}`, () => {
    assertEquals(mountsOf({ [name]: "file_1" }), [{ fileId: "file_1", mountPath }]);
  });
}

const NO_PATHS = [
  ...["", "/", "//a", "a/", "a//b", ".", "..", "../a", "a/..", "/a/../b", "/..", "./a", "a/./b"],
  ...["a\nb", "a\0", "a\u202eb", "x".repeat(513)],
];

for (const name of NO_PATHS) {
  Deno.test(`${JSON.stringify(name.slice(0, 20))} is no name of a file to mount`, () => {
    const { code, message } = assertThrows(() => mountsOf({ [name]: "file_1" }), ToolError);
    assertEquals(code, "invalid_argument");
    assertStringIncludes(message, "is no file name");
    assertStringIncludes(message, "of at most 512 characters");
    assert(message.length < 350, message);
  });
}

Deno.test("a session has at most 20 files, each at a path of its own", () => {
  const files = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.csv`, "file_1"]));
  assertEquals(mountsOf(files(20)).length, 20);
  const { message } = assertThrows(() => mountsOf(files(21)), ToolError);
  assertEquals(message, "files holds ids by name: at most 20 files can be mounted.");
  const same = { "in.csv": "file_1", "/mnt/session/uploads/in.csv": "file_2" };
  assertStringIncludes(assertThrows(() => mountsOf(same), ToolError).message, "the same path");
  assertEquals(mountsOf(), []);
});

Deno.test("a session that does not show a file is said to lack it, whatever it shows instead", () => {
  const mounts = mountsOf({ "in.csv": "file_1" });
  const shown = { type: "file", mount_path: "/mnt/session/uploads/in.csv" };
  assertEquals(
    describeMounts(session({ resources: [{ type: "memory_store" }, shown] }), mounts),
    undefined,
  );
  for (const resources of [undefined, null, [], "in.csv", [null], [{ ...shown, mount_path: 7 }]]) {
    const said = describeMounts(session({ resources }), mounts);
    assertStringIncludes(String(said), "does not show all files");
  }
  assertEquals(describeMounts(session({}), []), undefined);
});
