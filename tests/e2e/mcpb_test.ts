import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { unzipSync } from "fflate";
import { TARGETS } from "../../scripts/compile/targets.ts";
import { bundle } from "../../scripts/release/make.ts";
import { binaryServer, bundleManifest, nodeServer } from "../../scripts/release/mcpb_manifest.ts";
import { readNodePackage } from "../../scripts/release/node_package.ts";
import { bytes, releaseInput } from "../scripts/release_support.ts";
import { executable, inFolder, NEEDS_EXECUTABLE, ownTarget } from "./compiled.ts";
import { runPackage } from "../helpers/run_deno.ts";
import { IS_PACKAGE, Spawned } from "../helpers/spawned.ts";

/** The tool that Claude Desktop's own bundles are made with. */
const MCPB = "npm:@anthropic-ai/mcpb@2.1.2";

async function validate(manifest: string): Promise<{ code: number; output: string }> {
  return await inFolder(async (folder) => {
    const path = `${folder}/manifest.json`;
    await Deno.writeTextFile(path, manifest);
    const { code, stdout, stderr } = await runPackage(MCPB, ["validate", path], folder);
    return { code, output: stdout + stderr };
  });
}

for (const target of TARGETS) {
  Deno.test(`the manifest of the bundle for ${target.name} passes the publisher's check`, async () => {
    const repository = { owner: "example", name: "cma-mcp" };
    const manifest = JSON.stringify(
      bundleManifest("1.2.3", binaryServer(target, bytes("")), repository),
    );
    const { code, output } = await validate(manifest);
    assertEquals(code, 0, output);
    assertStringIncludes(output, "passes");
  });
}

const PACKAGE = [
  {
    name: "package.json",
    bytes: bytes(JSON.stringify({ bin: "main.mjs", engines: { node: ">=20.18.1" } })),
  },
  { name: "main.mjs", bytes: bytes("") },
];

Deno.test("the manifest of the bundle for Node passes the publisher's check", async () => {
  const manifest = JSON.stringify(bundleManifest("1.2.3", nodeServer(PACKAGE), undefined));
  const { code, output } = await validate(manifest);
  assertEquals(code, 0, output);
  assertStringIncludes(output, "passes");
});

Deno.test("the publisher's check refuses a manifest that is wrong", async () => {
  const good = bundleManifest("1.2.3", binaryServer(ownTarget(), bytes("")), undefined);
  const manifest = { ...good, server: { type: "exe" } };
  const { code, output } = await validate(JSON.stringify(manifest));
  assert(code !== 0, output);
});

/** Unpacks a bundle as a host does, starts its server as the manifest says, and asks it. */
async function startUnpacked(bundled: Uint8Array): Promise<void> {
  await inFolder(async (folder) => {
    const files = unzipSync(bundled);
    const manifest = JSON.parse(new TextDecoder().decode(files["manifest.json"] ?? bytes("")));
    const { entry_point, mcp_config } = manifest.server;
    for (const [name, content] of Object.entries(files)) {
      const path = `${folder}/${name}`;
      await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(path, content, { mode: name === entry_point ? 0o755 : 0o644 });
    }
    const placed = (text: string) => text.replace("${__dirname}", folder);
    // As a host fills it in: what the user left empty is empty.
    const values: Record<string, string> = { api_key: "sk-ant-e2e-0123456789" };
    const env = Object.fromEntries(
      Object.entries<string>(mcp_config.env).map(([name, value]) => [
        name,
        value.replace(/\$\{user_config\.(\w+)\}/, (_, key: string) => values[key] ?? ""),
      ]),
    );
    const server = new Spawned(mcp_config.args.map(placed), env, placed(mcp_config.command));
    const { result } = await server.initialize();
    assertStringIncludes(JSON.stringify(result), "cma-mcp");
    assert(!JSON.stringify(result).includes("NOT SET UP"), JSON.stringify(result));
    const { result: listed } = await server.request("tools/list");
    for (const { name } of manifest.tools) assertStringIncludes(JSON.stringify(listed), name);
    await server.closeStdin();
    assertEquals((await server.ending()).code, 0);
  });
}

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the server in a bundle starts where it was unpacked, as the manifest says, and answers",
  fn: async () => {
    const program = await Deno.readFile(executable());
    await startUnpacked(bundle(await releaseInput(), binaryServer(ownTarget(), program)));
  },
});

/** The folder of the npm package whose script is under test. */
async function packageFolder(): Promise<string> {
  for (let folder = executable(); folder !== "";) {
    folder = folder.replace(/[/\\][^/\\]*$/, "");
    if (await Deno.stat(`${folder}/package.json`).then(() => true, () => false)) return folder;
  }
  throw new Error("The script is in no package");
}

Deno.test({
  ignore: !IS_PACKAGE,
  name: "the npm package in a bundle starts with Node where it was unpacked, and answers",
  fn: async () => {
    const files = await readNodePackage(await packageFolder());
    await startUnpacked(bundle(await releaseInput(), nodeServer(files)));
  },
});
