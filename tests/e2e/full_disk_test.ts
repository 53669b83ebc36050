// What was printed into a file on a full disk is not there: the program has to say so.
import { assertEquals, assertMatch } from "@std/assert";
import { inFolder, runProgram } from "./compiled.ts";
import { EXECUTABLE, SOURCE_ARGS } from "../helpers/spawned.ts";

/** A file may have one block, as on a disk that has no more. The signal for that is ignored. */
const ONE_BLOCK = 'trap \'\' XFSZ; ulimit -f 1; out=$1; shift; exec "$@" >"$out"';

/** Runs the program with its output in a file that takes one block, 512 or 1,024 bytes. */
async function printInto(out: string, home: string, args: readonly string[]) {
  const command = EXECUTABLE ? [EXECUTABLE] : [Deno.execPath(), ...SOURCE_ARGS];
  return await runProgram("sh", ["-c", ONE_BLOCK, "sh", out, ...command, ...args], {
    HOME: home,
    PATH: Deno.env.get("PATH") ?? "",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
  });
}

for (const args of [["--help"], ["config", "claude-desktop", "--merge"]]) {
  Deno.test({
    name: `${args.join(" ")} into a file that cannot be written whole ends with 1, and says why`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      inFolder(async (home) => {
        const folder = Deno.build.os === "darwin"
          ? `${home}/Library/Application Support/Claude`
          : `${home}/.config/Claude`;
        await Deno.mkdir(folder, { recursive: true });
        const others = JSON.stringify({ mcpServers: { others: { args: ["x".repeat(4_000)] } } });
        await Deno.writeTextFile(`${folder}/claude_desktop_config.json`, others);
        const { code, stderr } = await printInto(`${home}/out`, home, args);
        assertEquals(code, 1, stderr);
        assertMatch(stderr, /cma-mcp: Cannot write to stdout: /);
      }),
  });
}
