import { type Target, TARGETS } from "../../scripts/compile/targets.ts";
import type { ReleaseInput } from "../../scripts/release/make.ts";

/** A time whose digits tell when it was read in another time zone. */
export const EPOCH = Date.UTC(2026, 1, 3, 4, 5, 6) / 1000;

export function targetNamed(name: string): Target {
  const found = TARGETS.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`There is no target ${name}`);
  return found;
}

export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

export const text = (content: Uint8Array | undefined): string => new TextDecoder().decode(content);

/** A release of version 9.9.9, with the scripts that are shipped. */
export async function releaseInput(overrides: Partial<ReleaseInput> = {}): Promise<ReleaseInput> {
  const script = (name: string) =>
    Deno.readTextFile(new URL(`../../scripts/${name}`, import.meta.url));
  return {
    version: "9.9.9",
    epoch: EPOCH,
    repository: { owner: "Example", name: "cma-mcp" },
    papers: [{ name: "LICENSE", bytes: bytes("MIT License\n") }],
    sbom: { bomFormat: "CycloneDX" },
    notes: "- New.\n",
    installers: new Map([
      ["install.sh", await script("install.sh")],
      ["install.ps1", await script("install.ps1")],
    ]),
    nodePackage: {
      files: [
        {
          name: "package.json",
          bytes: bytes(JSON.stringify({ bin: "main.cjs", engines: { node: ">=20" } })),
        },
        { name: "main.cjs", bytes: bytes("program") },
      ],
      archive: bytes("archive"),
    },
    ...overrides,
  };
}
