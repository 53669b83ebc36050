import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { files } from "../../../src/commands/files.ts";
import type { FilesConfig } from "../../../src/config/config.ts";
import { UsageError } from "../../../src/core/errors.ts";
import type { RecordedProgram } from "../../helpers/program.ts";
import { openTerminal, type Terminal } from "../../helpers/terminal.ts";

const HEADERS = { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" };

/** A session whose agent has done what the lines say. */
async function withSession(...lines: string[]) {
  const terminal = openTerminal();
  const session = terminal.simulator.createSession({ agent: "script" });
  const message = { type: "user.message", content: [{ type: "text", text: lines.join("\n") }] };
  await terminal.simulator.fetch(
    new Request(`http://api.invalid/v1/sessions/${session}/events`, {
      method: "POST",
      headers: HEADERS,
      body: JSON.stringify({ events: [message] }),
    }),
  );
  await terminal.clock.advance(500);
  return { terminal, session };
}

async function run(
  terminal: Terminal,
  config: Pick<FilesConfig, "session"> & Partial<FilesConfig>,
  overrides: Partial<RecordedProgram> = {},
) {
  const bytes: number[] = [];
  const writeOut = (chunk: Uint8Array) => {
    // As little as a writer may take.
    bytes.push(...chunk.subarray(0, 1));
    return Promise.resolve(1);
  };
  const program = terminal.program({ writeOut, ...overrides });
  const log = { level: "info", format: "text" } as const;
  const defaults = { command: "files", limit: 50, json: false, log } as const;
  const code = await terminal.run(files({ ...terminal.access, ...defaults, ...config }, program));
  return { code, out: new TextDecoder().decode(Uint8Array.from(bytes)), program };
}

Deno.test("files() lists what a session made, also where the list trails the agent", async () => {
  const { terminal, session } = await withSession("file notes.md # Notes", "file data.csv 1,2");
  const { code, program } = await run(terminal, { session });
  assertEquals(code, 0);
  assertEquals(program.printed.map((line) => line.split(/ {2,}/).slice(1)), [
    ["4", "3s", "data.csv"],
    ["8", "3s", "notes.md"],
  ]);
  assertEquals(program.shown.includes("waiting for the list of files"), true);
  const { program: { printed } } = await run(terminal, { session, json: true, limit: 1 });
  const [file] = JSON.parse(printed.join("\n"));
  assertEquals(
    Object.keys(file),
    ["id", "filename", "mime_type", "size_bytes", "created_at"],
  );
});

Deno.test("files() does not wait for files of a session that has long been at rest", async () => {
  const { terminal, session } = await withSession("say Nothing");
  await terminal.clock.advance(60_000);
  const startedAt = terminal.clock.now();
  const { program } = await run(terminal, { session });
  assertEquals([program.printed, program.noted], [[], ["The session has made no file"]]);
  assertEquals(terminal.clock.now() - startedAt < 1_000, true);
});

Deno.test("files() writes a file to stdout byte for byte, by name or id", async () => {
  const { terminal, session } = await withSession("file notes.md \u001b[31mred\u202e");
  const { out } = await run(terminal, { session, file: "notes.md" });
  assertEquals(out, "\u001b[31mred\u202e\n");
  const { program } = await run(terminal, { session, json: true });
  const [{ id }] = JSON.parse(program.printed.join("\n"));
  assertEquals((await run(terminal, { session, file: id })).out, out);
  const onTerminal = { stdoutIsTerminal: true };
  assertEquals((await run(terminal, { session, file: id }, onTerminal)).out, "red\n");
});

Deno.test("files() writes the newest of the files that have one name, and says so", async () => {
  const { terminal, session } = await withSession("file a.txt old", "file a.txt new");
  await terminal.clock.advance(3_000);
  const { out, program } = await run(terminal, { session, file: "a.txt" });
  assertEquals(out, "new\n");
  assertStringIncludes(program.noted[0] ?? "", "2 files have this name: this is the newest, file_");
});

Deno.test("files() knows a file by the name that lists and tools show", async () => {
  const { terminal, session } = await withSession("say Nothing");
  const { simulator, clock } = terminal;
  for (const name of ["out/a.csv", "tab\tname.csv", "b.csv", "out/b.csv"]) {
    simulator.writeFile(session, name, new TextEncoder().encode(name));
    await clock.advance(3_000);
  }
  for (const file of ["a.csv", "out/a.csv"]) {
    assertEquals((await run(terminal, { session, file })).out, "out/a.csv");
  }
  assertEquals((await run(terminal, { session, file: "tab name.csv" })).out, "tab\tname.csv");
  // The name as it is comes first.
  const { out, program } = await run(terminal, { session, file: "b.csv" });
  assertEquals([out, program.noted], ["b.csv", []]);
});

Deno.test("files() refuses what is not there, and what a terminal cannot show", async () => {
  const { terminal, session } = await withSession("file chart.png bytes");
  const missing = () => run(terminal, { session, file: "other.png" });
  await assertRejects(missing, UsageError, "The session has no file 'other.png'");
  const shown = () => run(terminal, { session, file: "chart.png" }, { stdoutIsTerminal: true });
  await assertRejects(shown, UsageError, "is image/png, which a terminal cannot show");
  const unknown = () => run(terminal, { session: "sesn_1" });
  await assertRejects(unknown, Error, "The API knows no such id");
});

Deno.test("files() says that each command has a simulator of its own", async () => {
  const { terminal } = await withSession("say Nothing");
  const unknown = () => run(terminal, { session: "sesn_1", simulate: true });
  await assertRejects(unknown, Error, "each command has a simulator of its own");
});

Deno.test("files() reaches no file of another session", async () => {
  const { terminal, session } = await withSession("file a.txt secret");
  await terminal.clock.advance(3_000);
  const { program } = await run(terminal, { session, json: true });
  const [{ id }] = JSON.parse(program.printed.join("\n"));
  const other = terminal.simulator.createSession({ agent: "script" });
  await assertRejects(() => run(terminal, { session: other, file: id }), UsageError, "has no file");
});

Deno.test("files() ends quietly when its reader wants no more, and loudly on a full disk", async () => {
  const { terminal, session } = await withSession("file a.txt text");
  await terminal.clock.advance(3_000);
  const failing = (error: Error) => ({ writeOut: () => Promise.reject(error) });
  const gone = failing(Object.assign(new Error("gone"), { code: "EPIPE" }));
  assertEquals((await run(terminal, { session, file: "a.txt" }, gone)).code, 0);
  const full = () => run(terminal, { session, file: "a.txt" }, failing(new Error("No space left")));
  await assertRejects(full, Error, "Cannot write to stdout: No space left");
});
