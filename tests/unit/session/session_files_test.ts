import { assertEquals, assertRejects } from "@std/assert";
import type { SessionFile } from "../../../src/api/resources.ts";
import {
  belongsTo,
  isOutputOf,
  isSameName,
  listMayTrail,
  nameOf,
  readOutputs,
  readTrailing,
} from "../../../src/session/session_files.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { fakeApi, pageOf } from "../tools/support.ts";

const OURS = { id: "sesn_1", type: "session" };

function file(id: string, fields: Partial<SessionFile> = {}): SessionFile {
  return { id, filename: `${id}.txt`, scope: OURS, downloadable: true, ...fields };
}

Deno.test("isOutputOf() takes what the session's agent wrote, and no upload or file of others", () => {
  assertEquals(isOutputOf(file("a"), "sesn_1"), true);
  assertEquals(isOutputOf(file("a", { downloadable: undefined }), "sesn_1"), true);
  assertEquals(isOutputOf(file("a", { scope: { id: "sesn_1" } }), "sesn_1"), true);
  assertEquals(isOutputOf(file("a", { downloadable: false }), "sesn_1"), false);
  assertEquals(belongsTo(file("a", { downloadable: false }), "sesn_1"), true);
  for (const scope of [null, undefined, {}, { id: "sesn_2" }, { id: "sesn_1", type: "vault" }]) {
    assertEquals(isOutputOf(file("a", { scope }), "sesn_1"), false, JSON.stringify(scope));
  }
});

Deno.test("listMayTrail() is true for half a minute, and where the time is not known", () => {
  const clock = new ManualClock();
  const updated_at = new Date(clock.wallTime()).toISOString();
  assertEquals(listMayTrail({ updated_at }, clock), true);
  assertEquals(listMayTrail({}, clock), true);
  const later = { wallTime: () => clock.wallTime() + 30_001 };
  assertEquals(listMayTrail({ updated_at }, later), false);
});

Deno.test("readTrailing() reads again while the list may trail and is not enough", async () => {
  const clock = new ManualClock();
  const startedAt = clock.now();
  let reads = 0;
  let pauses = 0;
  const trailing = { clock, mayTrail: () => true, onPause: () => void pauses++ };
  const run = (enough: number, mayTrail = true) => {
    reads = 0;
    return readTrailing(
      () => Promise.resolve(++reads),
      (read) => read >= enough,
      { ...trailing, mayTrail: () => mayTrail },
    );
  };
  assertEquals(await run(1), 1);
  assertEquals(await run(2, false), 1);
  assertEquals(pauses, 0);
  const second = run(2);
  await clock.advance(1_000);
  assertEquals([await second, pauses], [2, 1]);
  const never = run(9);
  await clock.advance(6_000);
  assertEquals([await never, clock.now() - startedAt], [4, 7_000]);
  const aborting = new AbortController();
  const aborted = readTrailing(() => Promise.resolve(0), () => false, {
    ...trailing,
    signal: aborting.signal,
  });
  aborting.abort(new Error("gone"));
  await assertRejects(() => aborted, Error, "gone");
});

Deno.test("readOutputs() reads every page, the newest first, and leaves out what is foreign", async () => {
  const all = [
    ...Array.from(
      { length: 150 },
      (_, n) => file(`file_${n}`, { created_at: new Date(n * 1_000).toISOString() }),
    ),
    file("file_theirs", { scope: { id: "sesn_2", type: "session" } }),
    file("file_loose", { scope: undefined }),
    file("file_upload", { scope: undefined, downloadable: false }),
  ];
  const requests: unknown[] = [];
  const api = fakeApi({
    files: {
      list(session, params) {
        requests.push([session, params.limit]);
        return Promise.resolve(pageOf(all, params));
      },
    },
  });
  const { found, complete } = await readOutputs(api, "sesn_1");
  assertEquals([found.length, complete, found[0]?.id, found[149]?.id], [
    150,
    true,
    "file_149",
    "file_0",
  ]);
  assertEquals(requests, [["sesn_1", 100], ["sesn_1", 100]]);
  const loose = await readOutputs(api, "sesn_1", { withUnscoped: true });
  assertEquals([loose.found.length, loose.found.at(-1)?.id], [151, "file_loose"]);
  const bounded = await readOutputs(api, "sesn_1", { mayReadPage: () => false });
  assertEquals([bounded.found.length, bounded.complete], [100, false]);
});

Deno.test("nameOf() shows a name as one line without folders, and an id where there is none", () => {
  const cases: readonly [string | undefined, string][] = [
    ["chart.png", "chart.png"],
    ["../../etc/pass wd", "pass wd"],
    ["C:\\temp\\a.txt", "a.txt"],
    ["a\n\u001b[31m\u202egnp.exe\u200b", "a gnp.exe"],
    ["日本語 ✅.md", "日本語 ✅.md"],
    ["a".repeat(300), `${"a".repeat(200)}…`],
    ["..", "file_1"],
    ["folder/", "file_1"],
    [" \u200b ", "file_1"],
    [undefined, "file_1"],
  ];
  for (const [filename, shown] of cases) {
    assertEquals(nameOf({ id: "file_1", ...(filename !== undefined && { filename }) }), shown);
  }
});

Deno.test("isSameName() knows a file by its name as the API has it, and as it was shown", () => {
  const odd = file("file_1", { filename: "out/a\u202e.txt" });
  for (const name of ["out/a\u202e.txt", "a.txt", "a\u202e.txt", "/mnt/session/outputs/a.txt"]) {
    assertEquals(isSameName(odd, name), true, name);
  }
  assertEquals(isSameName(odd, "b.txt"), false);
  assertEquals(isSameName({ id: "file_1" }, ".."), false);
  assertEquals(isSameName({ id: "file_1" }, "file_1"), true);
});
