/**
 * The operating systems and processors that executables are built for.
 *
 * @module
 */

/** An operating system and a kind of processor. */
export interface Target {
  /** In file names. */
  readonly name: string;
  readonly os: "linux" | "macos" | "windows";
  readonly arch: "x64" | "arm64";
  /** As `deno compile --target` calls it. */
  readonly triple: string;
  /** As Node and the bundles of Claude Desktop call the operating system. */
  readonly platform: "linux" | "darwin" | "win32";
  /** Extension of an executable. */
  readonly extension: "" | ".exe";
}

const LINUX = { os: "linux", platform: "linux", extension: "" } as const;
const MACOS = { os: "macos", platform: "darwin", extension: "" } as const;
const WINDOWS = { os: "windows", platform: "win32", extension: ".exe" } as const;

/** All targets: those that Deno 2.9 has a runtime base for. */
export const TARGETS: readonly Target[] = [
  { name: "linux-x64", arch: "x64", triple: "x86_64-unknown-linux-gnu", ...LINUX },
  { name: "linux-arm64", arch: "arm64", triple: "aarch64-unknown-linux-gnu", ...LINUX },
  { name: "macos-x64", arch: "x64", triple: "x86_64-apple-darwin", ...MACOS },
  { name: "macos-arm64", arch: "arm64", triple: "aarch64-apple-darwin", ...MACOS },
  { name: "windows-x64", arch: "x64", triple: "x86_64-pc-windows-msvc", ...WINDOWS },
  { name: "windows-arm64", arch: "arm64", triple: "aarch64-pc-windows-msvc", ...WINDOWS },
];

/**
 * Returns the targets that words name: `all`, or names, separated by commas; without words, the
 * machine's own.
 *
 * @param hostTriple as in `Deno.build.target`
 * @throws Error for a name that is not in the table
 */
export function selectTargets(words: readonly string[], hostTriple: string): readonly Target[] {
  const names = words.flatMap((word) => word.split(",")).filter((name) => name !== "");
  if (names.includes("all")) return TARGETS;
  if (names.length === 0) {
    const own = TARGETS.find(({ triple }) => triple === hostTriple);
    if (own) return [own];
    throw new Error(`There is no target for ${hostTriple}: type --target <name> or --target all`);
  }
  return [...new Set(names)].map((name) => {
    const target = TARGETS.find((candidate) => candidate.name === name);
    if (target) return target;
    const known = TARGETS.map((candidate) => candidate.name).join(", ");
    throw new Error(`Unknown target '${name}': type all, or one of ${known}`);
  });
}
