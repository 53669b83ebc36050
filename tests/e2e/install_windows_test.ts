import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../scripts/compile/tools.ts";
import { zip } from "../../scripts/release/archive.ts";
import { archiveName, checksums } from "../../scripts/release/names.ts";
import { bytes } from "../scripts/release_support.ts";
import { type Ended, executable, inFolder, ownTarget, runProgram } from "./compiled.ts";
import { EXECUTABLE } from "../helpers/spawned.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/install.ps1", import.meta.url));

/** A program of Windows can't be made up: this needs the executable. */
const NEEDS = { ignore: Deno.build.os !== "windows" || EXECUTABLE === undefined };

/** The files of a release with this program, by name. */
async function releaseOf(program: Uint8Array<ArrayBuffer>) {
  const name = archiveName("9.9.9", ownTarget());
  const archive = new Uint8Array(zip([{ name: "cma-mcp.exe", bytes: program }], 0));
  const sums = checksums(new Map([[name, await sha256(archive)]]));
  return new Map([[name, archive], ["SHA256SUMS", bytes(sums)]]);
}

/** Runs the script against a release; the folder is where it installs. */
async function install(program: Uint8Array<ArrayBuffer>, folder: string): Promise<Ended> {
  const files = await releaseOf(program);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const content = files.get(new URL(url).pathname.slice("/latest/download/".length));
    return content ? new Response(content) : new Response(null, { status: 404 });
  });
  const env = {
    ...Deno.env.toObject(),
    CMA_MCP_BASE_URL: `http://127.0.0.1:${server.addr.port}`,
  };
  const args = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", SCRIPT];
  try {
    return await runProgram("powershell", [...args, "-Dir", folder], env);
  } finally {
    await server.shutdown();
  }
}

Deno.test({
  ...NEEDS,
  name: "install.ps1 installs the executable, and keeps it when a newer one does not run",
  fn: () =>
    inFolder(async (folder) => {
      const program = await Deno.readFile(executable());
      const first = await install(program, folder);
      assertEquals(first.code, 0, first.stderr);
      assertStringIncludes(first.stdout, "its SHA-256 is that of the release");
      const broken = await install(bytes("not a program"), folder);
      assert(broken.code !== 0, broken.stdout);
      assertStringIncludes(broken.stderr.replace(/\s+/g, " "), "does not run here");
      const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
      assertEquals(left, ["cma-mcp.exe"]);
      assertEquals((await Deno.stat(`${folder}/cma-mcp.exe`)).size, program.length);
      assertEquals((await install(program, folder)).code, 0);
    }),
});
