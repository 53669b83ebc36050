const ROOT = new URL("../../", import.meta.url);

/** How a run of Deno ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Deno to its end, by default in the project. */
export async function runDeno(args: readonly string[], cwd: string | URL = ROOT): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program from npm to its end, without the project's configuration. */
export function runPackage(
  specifier: string,
  args: readonly string[],
  cwd?: string,
): Promise<Ended> {
  return runDeno(["run", "-A", "-q", "--no-config", "--no-lock", specifier, ...args], cwd);
}
