import { gunzipSync } from "node:zlib";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { unzipSync } from "fflate";
import { parseTarGzip } from "nanotar";
import { TARGETS } from "../../scripts/compile/targets.ts";
import { sha256 } from "../../scripts/compile/tools.ts";
import { tarGz, zip } from "../../scripts/release/archive.ts";
import { findRepository } from "../../scripts/release/input.ts";
import { makeRelease, placeRepository } from "../../scripts/release/make.ts";
import {
  archiveName,
  bundleName,
  checksums,
  downloadUrl,
  imageName,
  parseRepository,
  registryName,
} from "../../scripts/release/names.ts";
import { readNodePackage } from "../../scripts/release/node_package.ts";
import { releaseNotes } from "../../scripts/release/notes.ts";
import { bytes, EPOCH, releaseInput, targetNamed, text } from "./release_support.ts";

const ENTRIES = [
  { name: "cma-mcp", bytes: bytes("program"), executable: true },
  { name: "LICENSE", bytes: bytes("MIT") },
];

/** Permissions and times of a zip's entries, from its central directory (APPNOTE 4.3.12). */
function zipEntries(archive: Uint8Array): { name: string; mode: number; dosTime: number }[] {
  const view = new DataView(archive.buffer, archive.byteOffset);
  const entries = [];
  for (let at = 0; at + 46 <= archive.length; at++) {
    if (view.getUint32(at, true) !== 0x02014b50) continue;
    const name = text(archive.slice(at + 46, at + 46 + view.getUint16(at + 28, true)));
    const mode = view.getUint32(at + 38, true) >>> 16;
    entries.push({ name, mode, dosTime: view.getUint32(at + 12, true) });
  }
  return entries;
}

Deno.test("tarGz() keeps names, contents and the right to run, with one time and no owner", async () => {
  const files = await parseTarGzip(tarGz(ENTRIES, EPOCH));
  assertEquals(files.map(({ name }) => name), ["cma-mcp", "LICENSE"]);
  assertEquals(files.map(({ data }) => text(data)), ["program", "MIT"]);
  assertEquals(files.map(({ attrs }) => parseInt(attrs?.mode ?? "", 8) & 0o777), [0o755, 0o644]);
  for (const { attrs } of files) assertEquals([attrs?.uid, attrs?.gid], [0, 0]);
});

Deno.test("tarGz() ends with two zero blocks or more, wherever the files end in a record", () => {
  for (let blocks = 0; blocks <= 20; blocks++) {
    const full = new Uint8Array(blocks * 512).fill(1);
    const tar = gunzipSync(tarGz([{ name: "cma-mcp", bytes: full }], EPOCH));
    assertEquals(tar.length % 10_240, 0);
    const end = (1 + blocks) * 512;
    assert(tar.length - end >= 2 * 512, `${blocks} blocks: ${tar.length - end} bytes follow`);
    assert(tar.subarray(end).every((byte) => byte === 0));
  }
});

Deno.test("zip() keeps names, contents and the right to run, and the time in UTC", () => {
  const archive = zip(ENTRIES, EPOCH);
  assertEquals(text(unzipSync(archive)["cma-mcp"]), "program");
  const dosTime = ((2026 - 1980) << 25 | 2 << 21 | 3 << 16 | 4 << 11 | 5 << 5 | 3) >>> 0;
  assertEquals(zipEntries(archive), [
    { name: "cma-mcp", mode: 0o100755, dosTime },
    { name: "LICENSE", mode: 0o100644, dosTime },
  ]);
});

Deno.test("zip() takes a time from before there were zips", () => {
  assertEquals(text(unzipSync(zip(ENTRIES, 0)).LICENSE), "MIT");
});

Deno.test("archives of the same files are the same bytes", () => {
  assertEquals(tarGz(ENTRIES, EPOCH), tarGz(ENTRIES, EPOCH));
  assertEquals(zip(ENTRIES, EPOCH), zip(ENTRIES, EPOCH));
});

Deno.test("names have version, system and processor, and an archive that the system opens", () => {
  assertEquals(TARGETS.map((target) => archiveName("1.2.3", target)), [
    "cma-mcp-1.2.3-linux-x64.tar.gz",
    "cma-mcp-1.2.3-linux-arm64.tar.gz",
    "cma-mcp-1.2.3-macos-x64.tar.gz",
    "cma-mcp-1.2.3-macos-arm64.tar.gz",
    "cma-mcp-1.2.3-windows-x64.zip",
    "cma-mcp-1.2.3-windows-arm64.zip",
  ]);
  assertEquals(bundleName("1.2.3", targetNamed("macos-x64")), "cma-mcp-1.2.3-macos-x64.mcpb");
});

const repositories: readonly [string, string][] = [
  ["example/cma-mcp", "example/cma-mcp"],
  ["https://github.com/example/cma-mcp.git\n", "example/cma-mcp"],
  ["https://github.com/example/cma-mcp", "example/cma-mcp"],
  ["git@github.com:Example-2/cma.mcp.git", "Example-2/cma.mcp"],
  ["ssh://git@github.com/example/cma-mcp", "example/cma-mcp"],
];
for (const [given, expected] of repositories) {
  Deno.test(`parseRepository() reads ${JSON.stringify(given)}`, () => {
    const { owner, name } = parseRepository(given);
    assertEquals(`${owner}/${name}`, expected);
  });
}

for (const given of ["", "cma-mcp", "https://example.com/a/b", "a/b/c", "a/b; rm -rf"]) {
  Deno.test(`parseRepository() refuses ${JSON.stringify(given)}`, () => {
    assertThrows(() => parseRepository(given), Error, "names no repository");
  });
}

Deno.test("addresses are those that GitHub and its registries use", () => {
  const repository = { owner: "Example", name: "cma-mcp" };
  assertEquals(
    downloadUrl(repository, "1.2.3", "a.zip"),
    "https://github.com/Example/cma-mcp/releases/download/v1.2.3/a.zip",
  );
  assertEquals(registryName(repository), "io.github.Example/cma-mcp");
  // Names of images have no capitals.
  assertEquals(imageName(repository, "1.2.3"), "ghcr.io/example/cma-mcp:1.2.3");
});

Deno.test("findRepository() takes the named one, the workflow's, then git's, or none", async () => {
  const git = (stdout: string) => () => Promise.resolve({ success: true, stdout, stderr: "" });
  const env = (name: string) => name === "GITHUB_REPOSITORY" ? "of/workflow" : undefined;
  const none = () => undefined;
  const find = async (...args: Parameters<typeof findRepository>) =>
    (await findRepository(...args))?.owner;
  assertEquals(await find("given/name", env, git("")), "given");
  assertEquals(await find(undefined, env, git("")), "of");
  assertEquals(await find(undefined, none, git("git@github.com:origin/name.git\n")), "origin");
  assertEquals(await find(undefined, none, git("/srv/git/name\n")), undefined);
  await assertRejects(() => findRepository("nothing", none), Error, "--repository");
});

Deno.test("checksums() are sorted lines that sha256sum reads", () => {
  const hashes = new Map([["b", "2".repeat(64)], ["a", "1".repeat(64)]]);
  assertEquals(checksums(hashes), `${"1".repeat(64)}  a\n${"2".repeat(64)}  b\n`);
});

const CHANGELOG = "# Changelog\n\n## 1.2.3 (2026-01-01)\n\n- New.\n- Newer.\n\n## 1.2\n\n- Old.\n";

Deno.test("releaseNotes() are the section of the version, and of no other", () => {
  assertEquals(releaseNotes(CHANGELOG, "1.2.3"), "- New.\n- Newer.\n");
  assertEquals(releaseNotes(CHANGELOG, "1.2"), "- Old.\n");
});

Deno.test("releaseNotes() fail for a version that the changelog does not know", () => {
  assertThrows(() => releaseNotes(CHANGELOG, "1.2.4"), Error, "says nothing of 1.2.4");
  assertThrows(() => releaseNotes("## 1.0.0\n\n## 0.9.0\n\n- Old.\n", "1.0.0"), Error, "1.0.0");
});

Deno.test("the changelog has a section for the version that deno.json states", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  const { version } = JSON.parse(await read("deno.json"));
  assert(releaseNotes(await read("CHANGELOG.md"), version).length > 0);
});

Deno.test("placeRepository() fills every place, and wants at least one", () => {
  const repository = { owner: "a", name: "b" };
  assertEquals(placeRepository("x OWNER/REPOSITORY y OWNER/REPOSITORY", repository), "x a/b y a/b");
  assertThrows(() => placeRepository("x", repository), Error, "no OWNER/REPOSITORY");
});

async function release(overrides = {}) {
  const written = new Map<string, Uint8Array>();
  const input = await releaseInput(overrides);
  const targets = ["linux-x64", "windows-x64"].map(targetNamed);
  const hashes = await makeRelease(
    input,
    targets,
    ({ name }) => Promise.resolve(bytes(`program for ${name}`)),
    (name, content) => Promise.resolve(void written.set(name, content)),
  );
  return { written, hashes };
}

Deno.test("makeRelease() writes archives, bundles, papers and sums that are right", async () => {
  const { written } = await release();
  assertEquals([...written.keys()].sort(), [
    "SHA256SUMS",
    "cma-mcp-9.9.9-linux-x64.mcpb",
    "cma-mcp-9.9.9-linux-x64.tar.gz",
    "cma-mcp-9.9.9-node.mcpb",
    "cma-mcp-9.9.9-windows-x64.mcpb",
    "cma-mcp-9.9.9-windows-x64.zip",
    "cma-mcp-9.9.9.cdx.json",
    "cma-mcp-9.9.9.tgz",
    "install.ps1",
    "install.sh",
    "release-notes.md",
    "server.json",
  ]);
  const sums = text(written.get("SHA256SUMS")).trim().split("\n").map((line) => line.split("  "));
  assertEquals(sums.length, written.size - 2);
  for (const [hash, name = ""] of sums) {
    assertEquals(await sha256(new Uint8Array(written.get(name) ?? [])), hash, name);
  }
});

Deno.test("makeRelease() packs the program under its own name, with its papers", async () => {
  const { written } = await release();
  const tar = await parseTarGzip(written.get("cma-mcp-9.9.9-linux-x64.tar.gz") ?? bytes(""));
  assertEquals(tar.map(({ name }) => name), ["cma-mcp", "LICENSE"]);
  const files = unzipSync(written.get("cma-mcp-9.9.9-windows-x64.zip") ?? bytes(""));
  assertEquals(Object.keys(files), ["cma-mcp.exe", "LICENSE"]);
  assertEquals(text(files["cma-mcp.exe"]), "program for windows-x64");
});

Deno.test("makeRelease() tells the install scripts and the registry where the release is", async () => {
  const { written, hashes } = await release();
  for (const name of ["install.sh", "install.ps1"]) {
    const script = text(written.get(name));
    assert(script.includes("https://github.com/Example/cma-mcp/releases"), name);
    assert(!script.includes("OWNER/"), name);
  }
  const { packages } = JSON.parse(text(written.get("server.json")));
  assertEquals(packages[0].fileSha256, hashes.get("cma-mcp-9.9.9-linux-x64.mcpb"));
});

Deno.test("makeRelease() leaves out what needs a repository where there is none", async () => {
  const { written } = await release({ repository: undefined });
  assert(!written.has("server.json") && !written.has("install.sh"));
  assert(written.has("SHA256SUMS"));
});

Deno.test("makeRelease() makes a bundle for Node of the npm package, and keeps its archive", async () => {
  const { written } = await release();
  const files = unzipSync(written.get("cma-mcp-9.9.9-node.mcpb") ?? bytes(""));
  assertEquals(Object.keys(files), ["manifest.json", "server/package.json", "server/main.cjs"]);
  assertEquals(text(written.get("cma-mcp-9.9.9.tgz")), "archive");
});

Deno.test("readNodePackage() reads what runs, in every folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/dist/node_modules`, { recursive: true });
    const names = ["package.json", "LICENSE", "README.md", "cma-mcp-1.0.0.tgz", "dist/main.js"]
      .concat("dist/main.d.ts", "dist/main.js.map", "dist/node_modules/a.js");
    for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, name);
    const files = await readNodePackage(folder);
    assertEquals(files.map(({ name }) => name), ["LICENSE", "dist/main.js", "package.json"]);
    assertEquals(text(files[1]?.bytes), "dist/main.js");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("makeRelease() gives the same bytes for the same input", async () => {
  const [first, second] = [await release(), await release()];
  assertEquals([...first.hashes], [...second.hashes]);
});
