/**
 * The program at rest with everything configured: every set of tools, people who sign in, rules, the
 * session view, metrics.
 *
 * @module
 */

import { apiAt } from "../../helpers/http_program.ts";
import { residentBytes } from "../../helpers/process_cost.ts";
import { Spawned } from "../../helpers/spawned.ts";

/** A server at rest. */
export interface Resting {
  residentBytes(): Promise<number | undefined>;
  end(): Promise<void>;
}

/**
 * Starts it over HTTP, with nothing behind it; resolves when it listens.
 *
 * @param executable undefined for the program from source
 * @param folder for its files; ends without a slash
 */
export async function startConfigured(
  executable: string | undefined,
  folder: string,
): Promise<Resting> {
  const issuer = "https://login.example.com";
  const accessFile = `${folder}/access.json`;
  const claim = { claim: "groups", values: ["agents"] };
  await Deno.writeTextFile(
    accessFile,
    JSON.stringify({
      tokens: [{ name: "ci", sha256: "a".repeat(64) }],
      rules: [{ name: "team", issuer, ...claim, read_only: true }],
    }),
  );
  const program = new Spawned(
    [
      ...["--http", "--port=0", "--metrics-port=0", "--tools=all", `--access-file=${accessFile}`],
      ...[`--oauth-issuer=${issuer}`, "--public-url=https://mcp.example.com"],
    ],
    apiAt("http://127.0.0.1:9"),
    executable,
  );
  await program.listening();
  return {
    residentBytes: () => residentBytes(program.pid),
    async end() {
      program.kill("SIGTERM");
      const { code } = await program.ending();
      if (code !== 0) throw new Error(`It did not end well: ${code}`);
    },
  };
}
