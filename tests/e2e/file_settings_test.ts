import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { sha256 } from "../../src/core/sha256.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemCode } from "../../src/core/errors.ts";
import { createFileReaders } from "../../src/runtime/files.ts";
import { ManualClock } from "../helpers/manual_clock.ts";
import { replaceFile } from "../helpers/replace_file.ts";
import { Spawned } from "../helpers/spawned.ts";
import { until } from "../helpers/until.ts";

const SECRET = "file-settings-token-0123456789abcdef";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function pipe(path: string): Promise<string> {
  await new Deno.Command("mkfifo", { args: [path] }).output();
  return path;
}

/** Returns true as long as somebody has a pipe open to read. */
async function isBeingRead(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_WRONLY | constants.O_NONBLOCK)).close();
    return true;
  } catch (error) {
    // No such device or address: the pipe has no other end.
    if (systemCode(error) === "ENXIO") return false;
    throw error;
  }
}

function list(...names: string[]): string {
  const tokens = names.map((name) => ({ name, sha256: sha256(`${SECRET}-${name}`) }));
  return JSON.stringify({ tokens });
}

async function statusOf(url: string, name: string): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${SECRET}-${name}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  await response.body?.cancel();
  return response.status;
}

const ignore = Deno.build.os === "windows";

for (const flag of ["--token-file", "--api-key-file"]) {
  Deno.test({
    name: `the program ends with one line when ${flag} names a pipe without a writer`,
    ignore,
    async fn() {
      await withFolder(async (folder) => {
        const path = await pipe(`${folder}/pipe`);
        const simulate = flag === "--token-file" ? ["--simulate"] : [];
        const env = { MANAGED_AGENTS_MCP_TOKEN: flag === "--token-file" ? "" : SECRET };
        const program = new Spawned(["--http", "--port=0", ...simulate, flag, path], env);
        assertEquals((await program.ending()).code, 2);
        assertMatch(program.stderr.join("\n"), /Cannot read .*: nothing came of it in time/);
        // The program's read has ended with it; this one's has not begun.
      });
    },
  });
}

Deno.test({
  name: "the program keeps its tokens when the token file becomes a pipe without a writer",
  ignore,
  async fn() {
    await withFolder(async (folder) => {
      const path = `${folder}/tokens.json`;
      await Deno.writeTextFile(path, list("first"));
      const program = new Spawned(["--http", "--port=0", "--simulate", "--token-file", path]);
      const url = await program.listening();
      assertEquals(await statusOf(url, "first"), 200);
      await Deno.remove(path);
      await pipe(path);
      program.kill("SIGHUP");
      await program.logged("nothing came of it");
      assertEquals(await statusOf(url, "first"), 200);
      program.kill("SIGTERM");
      assertEquals((await program.ending()).code, 0);
    });
  },
});

Deno.test("a token file with a byte order mark can be changed while the program runs", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/tokens.json`;
    await Deno.writeTextFile(path, `\ufeff${list("first", "second")}`);
    const program = new Spawned(["--http", "--port=0", "--simulate", "--token-file", path]);
    const url = await program.listening();
    assertEquals([await statusOf(url, "first"), await statusOf(url, "second")], [200, 200]);
    await replaceFile(path, `\ufeff${list("first")}`);
    await program.logged("was read again");
    assertEquals([await statusOf(url, "first"), await statusOf(url, "second")], [200, 401]);
    assert(!program.stderr.join().includes("cannot be used"));
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
  });
});

Deno.test({
  name: "a file reader gives up a pipe without a writer, and reads one whose writer is late",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFolder(async (folder) => {
      const path = await pipe(`${folder}/pipe`);
      const clock = new ManualClock();
      const given = assertRejects(
        () => createFileReaders(clock).readFile(path),
        Error,
        "No end of it in 5 s",
      );
      // A pipe opens for its writer when its reader has opened it: only then does time pass.
      (await Deno.open(path, { write: true })).close();
      await clock.runUntil(given);
      // The reader must be gone before another comes, from which it would take what is written.
      await until(async () => {
        await clock.advance(5_000);
        return !await isBeingRead(path);
      });
      assertEquals(clock.pendingTimers, 0);
      // However busy the machine is, five seconds do not pass here.
      const patient = { ...systemClock, now: () => 0, after: () => () => {} };
      const again = createFileReaders(patient).readFile(path);
      await Deno.writeTextFile(path, "the secret\n");
      assertEquals(await again, "the secret\n");
    });
  },
});
