/**
 * Installs the npm package, as a user does, to time how it starts on Node and by npx.
 *
 * @module
 */

import { readManifest } from "../../../scripts/compile/build.ts";
import { run } from "../../../scripts/compile/tools.ts";
import { makePackage, pack } from "../../../scripts/npm/make.ts";
import { cleanEnv } from "../../helpers/child.ts";
import type { Startable } from "./process.ts";

/** How the installed package is started, or why it is not installed. */
export type InstalledPackage =
  | { readonly node: Startable; readonly npx: Startable; readonly version: string }
  | { readonly failure: string };

/**
 * Makes the package, packs it, and installs the archive without a network.
 *
 * @param folder for all that is made; ends without a slash
 */
export async function installPackage(folder: string): Promise<InstalledPackage> {
  const node = await run("node", ["--version"]);
  const npm = await run("npm", ["--version"]);
  if (!node.success || !npm.success) return { failure: "there is no node, or no npm" };
  const { version } = await readManifest();
  await makePackage(`${folder}/npm`, { version, source: { epoch: 1_700_000_000 } });
  const archive = await pack(`${folder}/npm`);
  const user = `${folder}/user`;
  await Deno.mkdir(user);
  await Deno.writeTextFile(`${user}/package.json`, "{}");
  const args = ["install", "--offline", "--no-audit", "--no-fund", "--prefix", user, archive];
  const installed = await run("npm", args, { env: cleanEnv() });
  if (!installed.success) throw new Error(`npm did not install it: ${installed.stderr}`);
  return {
    node: { command: "node", args: [`${user}/node_modules/cma-mcp/bin/cma-mcp.cjs`] },
    npx: { command: "npx", args: ["--offline", "--prefix", user, "cma-mcp"] },
    version: node.stdout.trim(),
  };
}
