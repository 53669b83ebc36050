/**
 * Makes the npm package: the program and the library for Node, as one bundle.
 *
 * @module
 */

import { dirname, relative } from "node:path";
import { ROOT } from "../compile/build.ts";
import { type Parts, renameParts, requireApart } from "../compile/parts.ts";
import { bakeCommit, bundleArgs, bundlerEnv } from "../compile/plan.ts";
import { run, type Source } from "../compile/tools.ts";
import { listPackages } from "../release/input.ts";
import { licencesText } from "../release/licences.ts";
import type { Repository } from "../release/names.ts";
import { readmeOutside } from "../release/readme.ts";
import { OLDEST_NODE, packageJson } from "./manifest.ts";
import { declarations } from "./types.ts";

/** What a package is made from. */
export interface PackageInput {
  readonly version: string;
  readonly source: Source;
  readonly repository?: Repository;
}

/** Modules of the bundle that have names, by their path below `src`. */
const ENTRIES: Readonly<Record<string, string>> = {
  "main_node.ts": "main.mjs",
  "mod.ts": "library.mjs",
  "simulator/mod.ts": "library_simulator.mjs",
  "runtime/node_polyfills.ts": "polyfills.mjs",
};

const [MAJOR, MINOR, PATCH] = OLDEST_NODE.split(".");

/** Looks at the version in words that every Node understands, before it loads what not every one does. */
const LAUNCHER = `#!/usr/bin/env node
"use strict";
var version = process.versions.node.split(".").map(Number);
var oldest = [${MAJOR}, ${MINOR}, ${PATCH}];
var at = 0;
while (at < 2 && version[at] === oldest[at]) at++;
if (version[at] < oldest[at]) {
  process.stderr.write(
    "cma-mcp: Node " + process.versions.node + " is too old: install " + oldest.join(".") +
      " or later\\n"
  );
  process.exit(2);
}
import("../lib/main.mjs");
`;

/** An entry of the library, which first supplies what Node 20 lacks. */
const withPolyfills = (module: string) =>
  `import "./polyfills.mjs";\nexport * from "./${module}";\n`;

const LICENCES = "The package contains the packages below.";

/** Makes the folder of the package. */
export async function makePackage(folder: string, input: PackageInput): Promise<void> {
  const parts = bakeCommit(await bundle(`${folder}.build`), input.source.commit);
  const { packages, licences } = await listPackages("src/main_node.ts");
  const { version, repository } = input;
  const paper = (name: string) => Deno.readTextFile(new URL(name, ROOT));
  const readme = await paper("README.md");
  const files = new Map<string, string>([
    ["package.json", packageJson(version, repository)],
    ["README.md", repository ? readmeOutside(readme, version, repository) : readme],
    ["LICENSE", await paper("LICENSE")],
    ["THIRD-PARTY-LICENSES.txt", licencesText(packages, licences, LICENCES)],
    ["bin/cma-mcp.cjs", LAUNCHER],
    ["lib/mod.mjs", withPolyfills("library.mjs")],
    ["lib/simulator.mjs", withPolyfills("library_simulator.mjs")],
  ]);
  for (const [name, text] of parts) files.set(`lib/${name}`, text);
  for (const [path, text] of declarations(["mod.ts", "simulator/mod.ts"])) {
    files.set(`types/${path}`, text);
  }
  await emptyFolder(folder);
  for (const [name, text] of files) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text, { mode: name.startsWith("bin/") ? 0o755 : 0o644 });
  }
}

/**
 * Packs the package, as `npm publish` does.
 *
 * @returns the path of the archive, beside the package's folder
 */
export async function pack(folder: string): Promise<string> {
  const out = dirname(folder);
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", out];
  const { success, stdout, stderr } = await run(npm, args, { cwd: folder });
  if (!success) throw new Error(`Cannot pack the package: ${stderr.trim()}`);
  return `${out}/${stdout.trim()}`;
}

async function bundle(folder: string): Promise<Parts> {
  await emptyFolder(folder);
  const [first = "", ...others] = Object.keys(ENTRIES).map((path) => `src/${path}`);
  const { success, stderr } = await run(
    Deno.execPath(),
    [...bundleArgs(first, folder), ...others],
    { cwd: ROOT, env: bundlerEnv(Deno.env.toObject()) },
  );
  if (!success) throw new Error(`Cannot make the bundle: ${stderr.trim()}`);
  const parts = await readFlat(folder);
  await Deno.remove(folder, { recursive: true });
  return renameParts(
    requireApart(parts),
    new Map(
      Object.entries(ENTRIES).map(([path, name]) => [flat(path.replace(/\.ts$/, ".js")), name]),
    ),
  );
}

const flat = (path: string) => path.replaceAll("/", "_");

/** Reads a folder as if it had no folders in it, with the names that files have for each other. */
async function readFlat(folder: string): Promise<Parts> {
  const paths: string[] = [];
  const visit = async (inside: string) => {
    for await (const { name, isDirectory } of Deno.readDir(inside)) {
      const path = `${inside}/${name}`;
      if (isDirectory) await visit(path);
      else paths.push(relative(folder, path).replaceAll("\\", "/"));
    }
  };
  await visit(folder);
  return new Map(
    await Promise.all(paths.map(async (path) => {
      const text = await Deno.readTextFile(`${folder}/${path}`);
      const named = text.replace(/"(\.\.?\/[\w.\/-]+)"/g, (whole, name: string) => {
        const to = new URL(name, `file:///${path}`).pathname.slice(1);
        return paths.includes(to) ? `"./${flat(to)}"` : whole;
      });
      return [flat(path), named] as const;
    })),
  );
}

async function emptyFolder(folder: string): Promise<void> {
  // Makes it first: removing a folder that does not exist would fail.
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(folder, { recursive: true });
  await Deno.mkdir(folder);
}
