import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { listSessionFiles } from "../../../src/tools/list_session_files.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { fakeFile, type FilesWorld, filesWorld, SESSION_ID } from "./files_support.ts";
import { entriesOf } from "./support.ts";

async function list(
  world: FilesWorld,
  args: Record<string, unknown> = {},
  overrides: Partial<ToolCall> = {},
) {
  const running = world.run(listSessionFiles, { session_id: SESSION_ID, ...args }, overrides);
  await world.clock.advance(10_000);
  return await running;
}

const namesOf = (result: Record<string, unknown>) =>
  entriesOf(result, "files").map(({ filename }) => filename);

Deno.test("list_session_files shows what the agent wrote, newest first, with one request", async () => {
  const world = filesWorld([
    fakeFile("file_1", "1,2\n", { filename: "out/data.csv", mime_type: "text/csv" }, 1),
    fakeFile("file_2", "x", { filename: "chart.png", mime_type: "image/png", size_bytes: 7 }, 2),
    fakeFile("file_3", "theirs", { scope: { id: "sesn_2", type: "session" } }),
    fakeFile("file_4", "upload", { scope: null, downloadable: false }),
    fakeFile("file_5", "input", { downloadable: false }),
    fakeFile("file_6", "loose", { scope: null }),
  ]);
  assertEquals(await list(world), {
    files: [
      {
        file_id: "file_2",
        filename: "chart.png",
        mime_type: "image/png",
        size_bytes: 7,
        created_at: "2026-11-23T09:00:02.000Z",
      },
      {
        file_id: "file_1",
        filename: "data.csv",
        mime_type: "text/csv",
        size_bytes: 4,
        created_at: "2026-11-23T09:00:01.000Z",
      },
    ],
  });
  assertEquals(world.requests, ["list"]);
});

Deno.test("list_session_files reads page by page", async () => {
  const files = Array.from({ length: 25 }, (_, n) => fakeFile(`file_${n}`, "x", {}, 30 - n));
  const world = filesWorld(files);
  const seen: unknown[] = [];
  for (let cursor: unknown, pages = 0; pages < 3; pages++) {
    const page = await list(world, { limit: 10, ...(cursor !== undefined && { cursor }) });
    seen.push(...namesOf(page));
    cursor = page.next_cursor;
    assertEquals(cursor === undefined, pages === 2);
  }
  assertEquals(seen, files.map(({ filename }) => filename));
});

Deno.test("list_session_files gives its cursor back to nobody else", async () => {
  const world = filesWorld([fakeFile("file_1", "x"), fakeFile("file_2", "x")]);
  const { next_cursor: cursor } = await list(world, { limit: 1 });
  for (const principal of [{ id: "another" }, { id: "" }]) {
    const args = { session_id: principal.id === "" ? "sesn_2" : SESSION_ID, cursor };
    await assertRejects(
      () => world.run(listSessionFiles, args, { principal }),
      ToolError,
      "cursor must be the next_cursor",
    );
  }
});

Deno.test("list_session_files stays within the size budget, whatever names agents choose", async () => {
  const names = '\u0000\u202e"\\'.repeat(500);
  const world = filesWorld(
    Array.from(
      { length: 100 },
      (_, n) =>
        fakeFile(`file_${n}`, "x", { filename: names + "\\\"'".repeat(400), mime_type: names }),
    ),
  );
  const result = await list(world, { limit: 100 });
  assert(JSON.stringify(result).length <= MAX_RESULT_CHARS);
  const [first] = entriesOf(result, "files");
  assertEquals(first?.mime_type, undefined);
});

Deno.test("list_session_files looks again where the list trails the agent", async () => {
  const world = filesWorld();
  world.age = 1;
  const told: string[] = [];
  const progress = (message: string) => told.push(message);
  const running = world.run(listSessionFiles, { session_id: SESSION_ID }, { progress });
  await world.clock.advance(500);
  world.files = [fakeFile("file_1", "x")];
  await world.clock.advance(1_000);
  assertEquals(namesOf(await running), ["file_1.txt"]);
  assertEquals([world.requests, told], [
    ["list", "session", "list"],
    ["waiting for the list of files"],
  ]);
});

Deno.test("list_session_files waits for nothing behind a cursor", async () => {
  const world = filesWorld([fakeFile("file_1", "x"), fakeFile("file_2", "x")]);
  const { next_cursor: cursor } = await list(world, { limit: 1 });
  // The rest has expired meanwhile.
  [world.files, world.age, world.requests.length] = [[], 1, 0];
  assertEquals([await list(world, { cursor }), world.requests], [{ files: [] }, ["list"]]);
});

Deno.test("list_session_files says what to do while nothing is listed", async () => {
  const world = filesWorld();
  world.age = 1;
  assertStringIncludes(String((await list(world)).next), "call list_session_files again in 10");
  assertEquals(world.requests.filter((name) => name === "list").length, 4);
  world.age = 60;
  world.requests.length = 0;
  const old = await list(world);
  assertEquals(
    old.next,
    "The agent has written no file to /mnt/session/outputs/: ask it with send_message to write " +
      "there what is wanted.",
  );
  assertEquals(world.requests, ["list", "session"]);
  const reader = await list(world, {}, { has: (tool) => tool !== "send_message" });
  assertEquals(reader.next, "The agent has written no file to /mnt/session/outputs/.");
});

Deno.test("list_session_files does not wait long while the agent still works", async () => {
  const world = filesWorld();
  for (const status of ["running", "rescheduling"]) {
    [world.status, world.age] = [status, 1];
    world.requests.length = 0;
    const { next } = await list(world);
    assertEquals(
      next,
      "The agent is still working: call wait_for_idle, and then list_session_files again.",
    );
    assertEquals(world.requests, ["list", "session", "list", "session"]);
  }
  const { next } = await list(world, {}, { has: (tool) => tool !== "wait_for_idle" });
  assert(!String(next).includes("wait_for_idle"));
});

Deno.test("list_session_files looks again where the status trails the end of the turn", async () => {
  const world = filesWorld();
  [world.status, world.age] = ["running", 1];
  const running = world.run(listSessionFiles, { session_id: SESSION_ID });
  await world.clock.advance(500);
  world.status = "idle";
  await world.clock.advance(1_000);
  world.files = [fakeFile("file_1", "x")];
  await world.clock.advance(2_000);
  assertEquals(namesOf(await running), ["file_1.txt"]);
});

Deno.test("list_session_files looks no further than the caller's rate allows", async () => {
  const world = filesWorld();
  world.age = 1;
  const principal = { id: "ci", charge: () => 1_000 };
  await list(world, {}, { principal });
  assertEquals(world.requests, ["list", "session"]);
});
