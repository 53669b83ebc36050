import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { compileInto, inFolder, NEEDS_EXECUTABLE, runProgram } from "./compiled.ts";

const attemptSchema = z.object({ attempt: z.string(), error: z.string().nullable() });

type Errors = Record<string, string | null>;

function errorsOf(output: string): Errors {
  const lines = output.split(/\r?\n/).filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => {
    const { attempt, error } = attemptSchema.parse(JSON.parse(line));
    return [attempt, error];
  }));
}

/** What the program may do, and what it may only when an option names a file. */
const GRANTED = ["read a named variable", "listen on a port"];
const READING = ["read a file", "read through node:fs", "list a folder"];

async function withProbe(use: (probe: string, place: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const probe = await compileInto(folder, "tests/e2e/probe.ts");
    const place = `${folder}/place`;
    await Deno.mkdir(place);
    await Deno.writeTextFile(`${place}/file`, "a-key-in-a-file");
    await use(probe, place);
    // Nothing was written, made or removed.
    const left = [...Deno.readDirSync(place)].map(({ name }) => name);
    assertEquals(left, ["file"]);
  });
}

function assertRefused(errors: Errors, granted: readonly string[]): void {
  assert(Object.keys(errors).length > 15);
  for (const [attempt, error] of Object.entries(errors)) {
    if (granted.includes(attempt)) assertEquals(error, null, attempt);
    // Of imports, the runtime says no more than that they failed.
    else if (attempt.startsWith("import")) assertEquals(error, "TypeError", attempt);
    else assertEquals(error, "NotCapable", attempt);
  }
}

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the executable can't write, run, load, import, read files or other variables, nor ask to",
  fn: () =>
    withProbe(async (probe, place) => {
      const { stdout, stderr } = await runProgram(probe, [place, "--simulate"], { PATH: "/bin" });
      assertRefused(errorsOf(stdout), GRANTED);
      assertEquals(stderr, "");
    }),
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the executable keeps reading, and nothing else, when an option names a file",
  fn: () =>
    withProbe(async (probe, place) => {
      const { stdout } = await runProgram(probe, [place, "--api-key-file", `${place}/file`], {
        PATH: "/bin",
      });
      assertRefused(errorsOf(stdout), [...GRANTED, ...READING, "ask for permission to read"]);
    }),
});

Deno.test({
  ignore: NEEDS_EXECUTABLE.ignore || Deno.build.os !== "linux",
  name: "the executable is refused the same on a terminal, and nothing asks there",
  fn: () =>
    withProbe(async (probe, place) => {
      const env = { PATH: "/usr/bin:/bin", TERM: "xterm" };
      // A pseudo terminal for stdin, stdout and stderr; a question would wait for an answer.
      const command = `stty -echo; ${probe} ${place} --simulate`;
      const { code, stdout } = await runProgram("script", ["-qec", command, "/dev/null"], env);
      assertEquals(code, 0);
      assertRefused(errorsOf(stdout), GRANTED);
    }),
});
