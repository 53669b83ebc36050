import { assert, assertEquals } from "@std/assert";
import { SHELLS } from "../../src/config/commands.ts";
import { Spawned } from "../helpers/spawned.ts";

/** Runs a shell that is on this machine; undefined where it is not. */
function run(shell: string, args: readonly string[]): { code: number; out: string } | undefined {
  try {
    const { code, stdout, stderr } = new Deno.Command(shell, {
      args: [...args],
      stdin: "null",
    }).outputSync();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const isHere = (shell: string) => run(shell, ["-c", "true"]) !== undefined;

async function scriptFor(shell: string): Promise<string> {
  const program = new Spawned(["completions", shell]);
  assertEquals((await program.ending()).code, 0);
  return program.stdout.join("\n");
}

for (const shell of SHELLS) {
  Deno.test({
    name: `the program's script for ${shell} is read by it without a complaint`,
    ignore: !isHere(shell),
    fn: async () => {
      const script = await scriptFor(shell);
      const text = shell === "zsh" ? `compdef() { :; }\n${script}` : script;
      assertEquals(run(shell, ["-c", text]), { code: 0, out: "" });
    },
  });
}

const typed: readonly [string, string[], string[]][] = [
  ["a", ["agents", "ask"], ["demo"]],
  ["", ["agents", "doctor", "help"], ["--http"]],
  ["--l", ["--log-level", "--log-format"], ["--limit"]],
  ["agents --l", ["--limit", "--log-level"], ["--http"]],
  ["agents ", ["--json", "--limit"], ["agents", "--merge"]],
  ["config v", ["vscode"], ["claude-code"]],
  ["config --name config ", ["cursor"], ["agents"]],
  ["token ", ["new"], ["--json"]],
  ["help c", ["config", "completions"], ["demo"]],
  ["--log-level ", ["debug", "warn"], ["--http"]],
  ["sessions --status r", ["running", "rescheduling"], ["idle"]],
  ["doctor --host cl", ["claude-desktop"], ["codex"]],
  ["--host ", [], ["claude-desktop", "--http"]],
  ["--tls-cert deno.js", ["deno.json"], []],
  ["ask --session ", [], ["--json"]],
];
Deno.test({
  name: "the program's script for bash completes commands, flags and values",
  ignore: !isHere("bash"),
  fn: async () => {
    const script = await scriptFor("bash");
    for (const [line, offered, others] of typed) {
      const words = ["cma-mcp", ...line.split(" ")].map((word) => `'${word}'`).join(" ");
      const ask = `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _cma_mcp
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const given = run("bash", ["-c", `${script}\n${ask}`])?.out.trim().split("\n") ?? [];
      for (const word of offered) assert(given.includes(word), `'${line}': no ${word}, ${given}`);
      for (const word of others) assert(!given.includes(word), `'${line}': ${word} in ${given}`);
      if (offered.length === 0) assertEquals(given, [""], line);
    }
  },
});
