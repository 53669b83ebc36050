/**
 * Makes a CycloneDX bill of materials of the executables.
 *
 * @module
 */

import type { Package } from "./packages.ts";

/** The input of a bill of materials. */
export interface SbomInput {
  readonly version: string;
  /** In seconds since 1970. */
  readonly epoch: number;
  readonly packages: readonly Package[];
  /** Ids of the packages that the program itself imports. */
  readonly roots: readonly string[];
  /** SPDX expressions by id of the package. */
  readonly licences: ReadonlyMap<string, string>;
  /** Version of the Deno whose runtime is inside. */
  readonly denoVersion: string;
}

/** Returns the package URL of an npm package. */
function purl({ name, version }: Pick<Package, "name" | "version">): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

/** Converts an integrity, `sha512-<base64>`, to hexadecimal. */
function hashOf(integrity: string): { alg: "SHA-512"; content: string } {
  const [, base64 = ""] = /^sha512-(.+)$/.exec(integrity) ?? [];
  return { alg: "SHA-512", content: Uint8Array.fromBase64(base64).toHex() };
}

/** Makes a CycloneDX 1.6 document. It has no serial number: the same input gives the same bytes. */
export function cycloneDx(input: SbomInput): Record<string, unknown> {
  const { version, packages, licences, denoVersion } = input;
  const self = `pkg:generic/cma-mcp@${version}`;
  const deno = `pkg:generic/deno@${denoVersion}`;
  const refs = new Map(packages.map((each) => [each.id, purl(each)]));
  const refsOf = (ids: readonly string[]) => ids.map((id) => refs.get(id) ?? id).sort();
  const components = packages.map((each) => {
    const expression = licences.get(each.id);
    return {
      type: "library",
      "bom-ref": purl(each),
      name: each.name,
      version: each.version,
      purl: purl(each),
      hashes: [hashOf(each.integrity)],
      ...(expression && { licenses: [{ expression }] }),
    };
  });
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(input.epoch * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": self,
        name: "cma-mcp",
        version,
        licenses: [{ expression: "MIT" }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": deno,
        name: "deno",
        version: denoVersion,
        licenses: [{ expression: "MIT" }],
      },
      ...components,
    ],
    dependencies: [
      { ref: self, dependsOn: [deno, ...refsOf(input.roots)] },
      { ref: deno, dependsOn: [] },
      ...packages.map((each) => ({ ref: purl(each), dependsOn: refsOf(each.needs) })),
    ],
  };
}
