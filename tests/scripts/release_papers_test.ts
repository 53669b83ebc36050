import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { licencesText, readLicence } from "../../scripts/release/licences.ts";
import {
  binaryServer,
  bundleEntries,
  bundleManifest,
  nodeServer,
} from "../../scripts/release/mcpb_manifest.ts";
import { packagesBehind, parseGraph, parseLock } from "../../scripts/release/packages.ts";
import { cycloneDx } from "../../scripts/release/sbom.ts";
import { serverJson, serverJsonSchema } from "../../scripts/release/server_json.ts";
import { toolsOf } from "../../src/tools/registry.ts";
import { bytes, EPOCH, targetNamed, text } from "./release_support.ts";

const INTEGRITY = `sha512-${bytes("x".repeat(64)).toBase64()}`;
const LOCK = parseLock(JSON.stringify({
  version: "5",
  npm: {
    "@scope/a@1.0.0_b@2.0.0": { integrity: INTEGRITY, dependencies: ["b@2.0.0", "c"] },
    "b@1.0.0": { integrity: INTEGRITY },
    "b@2.0.0": { integrity: INTEGRITY, dependencies: ["@scope/a"] },
    "c@3.0.0": { integrity: INTEGRITY },
    "unused@1.0.0": { integrity: INTEGRITY },
  },
}));

Deno.test("packagesBehind() follows names, versions and circles, and takes nothing else", () => {
  const packages = packagesBehind(LOCK, ["@scope/a@1.0.0"]);
  assertEquals(packages.map(({ id }) => id), ["@scope/a@1.0.0_b@2.0.0", "b@2.0.0", "c@3.0.0"]);
  assertEquals(packages[0], {
    id: "@scope/a@1.0.0_b@2.0.0",
    name: "@scope/a",
    version: "1.0.0",
    integrity: INTEGRITY,
    needs: ["b@2.0.0", "c@3.0.0"],
  });
});

Deno.test("packagesBehind() fails for what the lock file does not have", () => {
  assertThrows(() => packagesBehind(LOCK, ["d@1.0.0"]), Error, "has no d@1.0.0");
});

Deno.test("parseGraph() takes the packages that modules import, each once, and no types", () => {
  const runs = (specifier: string) => ({ specifier, code: { specifier } });
  const graph = parseGraph(JSON.stringify({
    modules: [
      { specifier: "npm:/b@1", npmPackage: "b@1" },
      {
        specifier: "file:///main.ts",
        dependencies: [runs("npm:b@1"), runs("npm:a@1"), runs("npm:b@1/part")],
      },
      { specifier: "npm:/a@1", npmPackage: "a@1" },
      { specifier: "npm:/b@1/part", npmPackage: "b@1" },
      {
        specifier: "file:///other.ts",
        dependencies: [{ specifier: "types", type: { specifier: "npm:types@1" } }],
      },
      { specifier: "npm:/types@1", npmPackage: "types@1" },
    ],
    redirects: {
      "npm:a@1": "npm:/a@1",
      "npm:b@1": "npm:/b@1",
      "npm:b@1/part": "npm:/b@1/part",
      "npm:types@1": "npm:/types@1",
    },
    npmPackages: { "a@1": { localPath: "/a" } },
  }));
  assertEquals(graph.roots, ["a@1", "b@1"]);
  assertEquals(graph.folders.get("a@1"), "/a");
});

function sbom() {
  const packages = packagesBehind(LOCK, ["@scope/a@1.0.0"]);
  return cycloneDx({
    version: "9.9.9",
    epoch: EPOCH,
    packages,
    roots: ["@scope/a@1.0.0_b@2.0.0"],
    licences: new Map([["c@3.0.0", "MIT"]]),
    denoVersion: "2.9.6",
  });
}

Deno.test("cycloneDx() lists the runtime and every package, with hash, licence and place", () => {
  const { components, bomFormat, specVersion } = sbom();
  assertEquals([bomFormat, specVersion], ["CycloneDX", "1.6"]);
  assert(Array.isArray(components));
  assertEquals(components.map(({ purl, name }) => purl ?? name), [
    "deno",
    "pkg:npm/%40scope/a@1.0.0",
    "pkg:npm/b@2.0.0",
    "pkg:npm/c@3.0.0",
  ]);
  assertEquals(components[3], {
    type: "library",
    "bom-ref": "pkg:npm/c@3.0.0",
    name: "c",
    version: "3.0.0",
    purl: "pkg:npm/c@3.0.0",
    hashes: [{ alg: "SHA-512", content: "78".repeat(64) }],
    licenses: [{ expression: "MIT" }],
  });
});

Deno.test("cycloneDx() says what needs what, only in references that exist", () => {
  const { components, dependencies, metadata } = sbom();
  assert(Array.isArray(components) && Array.isArray(dependencies));
  const known = new Set(components.map((component) => component["bom-ref"]));
  for (const { dependsOn } of dependencies) {
    for (const ref of dependsOn) assert(known.has(ref), ref);
  }
  assertEquals(dependencies[0], {
    ref: "pkg:generic/cma-mcp@9.9.9",
    dependsOn: ["pkg:generic/deno@2.9.6", "pkg:npm/%40scope/a@1.0.0"],
  });
  assertEquals(JSON.stringify(metadata).includes("2026-02-03T04:05:06.000Z"), true);
});

async function withPackage(
  files: Record<string, string>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, content);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const name of ["LICENSE", "license.md", "LICENCE.txt"]) {
  Deno.test(`readLicence() finds ${name}`, async () => {
    const files = { "package.json": '{"license":"ISC"}', [name]: "The text\r\nof it\n" };
    await withPackage(files, async (folder) => {
      assertEquals(await readLicence(folder), { expression: "ISC", text: "The text\nof it" });
    });
  });
}

Deno.test("readLicence() fails for a package without a licence or its text", async () => {
  await withPackage({ "package.json": '{"license":"MIT"}' }, async (folder) => {
    await assertRejects(() => readLicence(folder), Error, "no file with its licence");
  });
  await withPackage({ "package.json": "{}", LICENSE: "text" }, async (folder) => {
    await assertRejects(() => readLicence(folder));
  });
});

Deno.test("licencesText() has the text of every package, and none is left out", () => {
  const [a] = packagesBehind(LOCK, ["c@3.0.0"]);
  assert(a);
  const licences = new Map([["c@3.0.0", { expression: "MIT", text: "Do as you like" }]]);
  const all = licencesText([a], licences);
  assert(all.includes("c 3.0.0 (MIT)\n\nDo as you like"));
  assert(all.includes("Deno"));
  assertThrows(() => licencesText([a], new Map()), Error, "c@3.0.0 has no licence");
});

const repository = { owner: "example", name: "cma-mcp" };

const platforms = [
  ["linux-x64", "linux", "server/cma-mcp"],
  ["macos-arm64", "darwin", "server/cma-mcp"],
  ["windows-x64", "win32", "server/cma-mcp.exe"],
] as const;
for (const [name, platform, entryPoint] of platforms) {
  Deno.test(`bundleManifest() for ${name} starts what is in the bundle, there only`, () => {
    const server = binaryServer(targetNamed(name), bytes(""));
    const manifest = JSON.parse(JSON.stringify(bundleManifest("9.9.9", server, repository)));
    assertEquals(manifest.compatibility.platforms, [platform]);
    assertEquals(manifest.server.entry_point, entryPoint);
    assertEquals(manifest.server.mcp_config.command, "${__dirname}/" + entryPoint);
    const names = bundleEntries(manifest, server, []).map((entry) => entry.name);
    assertEquals(names, ["manifest.json", entryPoint]);
  });
}

Deno.test("bundleManifest() keeps the key secret, and asks for nothing that is not passed on", () => {
  const server = binaryServer(targetNamed("linux-x64"), bytes(""));
  const manifest = JSON.parse(JSON.stringify(bundleManifest("9.9.9", server, undefined)));
  const { api_key, ...others } = manifest.user_config;
  assertEquals([api_key.sensitive, api_key.required], [true, true]);
  // A setting that stays empty would otherwise reach the program as the text of its placeholder.
  for (const { required, default: value } of Object.values<Record<string, unknown>>(others)) {
    assertEquals([required, value], [false, ""]);
  }
  const { env } = manifest.server.mcp_config;
  assertEquals(env.ANTHROPIC_API_KEY, "${user_config.api_key}");
  const passed = Object.values(env).map((value) => /\.(\w+)\}$/.exec(String(value))?.[1]);
  assertEquals(passed.sort(), Object.keys(manifest.user_config).sort());
  assertEquals(manifest.repository, undefined);
});

Deno.test("bundleManifest() lists the tools that the program has", () => {
  const server = binaryServer(targetNamed("linux-x64"), bytes(""));
  const { tools } = bundleManifest("9.9.9", server, repository);
  assert(Array.isArray(tools));
  assertEquals(tools.map(({ name }) => name), toolsOf().map(({ name }) => name));
});

Deno.test("bundleEntries() can be run where it has to be", () => {
  const papers = [{ name: "LICENSE", bytes: bytes("MIT") }];
  const server = binaryServer(targetNamed("linux-x64"), bytes("program"));
  const entries = bundleEntries({ a: 1 }, server, papers);
  assertEquals(entries.map(({ executable }) => executable ?? false), [false, true, false]);
  assertEquals(text(entries[0]?.bytes), '{\n  "a": 1\n}\n');
});

const PACKAGE = { bin: { "cma-mcp": "./bin/cma-mcp.mjs" }, engines: { node: ">=20.18.1" } };

/** A package with this `package.json`. */
function packageOf(manifest: unknown) {
  return [
    { name: "package.json", bytes: bytes(JSON.stringify(manifest)) },
    { name: "bin/cma-mcp.mjs", bytes: bytes("program") },
  ];
}

Deno.test("nodeServer() starts the package with the host's Node, on every system", () => {
  const server = nodeServer(packageOf(PACKAGE));
  const manifest = JSON.parse(JSON.stringify(bundleManifest("9.9.9", server, repository)));
  assertEquals(manifest.compatibility, {
    platforms: ["darwin", "win32", "linux"],
    runtimes: { node: ">=20.18.1" },
  });
  const { type, entry_point, mcp_config: { command, args } } = manifest.server;
  assertEquals([type, entry_point, command], ["node", "server/bin/cma-mcp.mjs", "node"]);
  assertEquals(args, ["${__dirname}/server/bin/cma-mcp.mjs"]);
  const names = bundleEntries(manifest, server, []).map((entry) => entry.name);
  assertEquals(names, ["manifest.json", "server/package.json", "server/bin/cma-mcp.mjs"]);
});

for (const [what, manifest] of [["starts nothing", {}], ["starts what it has not", { bin: "x" }]]) {
  Deno.test(`nodeServer() refuses a package that ${what}`, () => {
    assertThrows(() => nodeServer(packageOf(manifest)), Error, "no file to start");
  });
}

Deno.test("nodeServer() refuses a package that does not say which Node it needs", () => {
  assertThrows(() => nodeServer(packageOf({ bin: PACKAGE.bin })), Error, "which Node");
  assertThrows(() => nodeServer([]), Error, "no file to start");
});

const HASH = "0123456789abcdef".repeat(4);

Deno.test("serverJson() lists every bundle with its hash, and the image", () => {
  const bundles = new Map([["cma-mcp-9.9.9-linux-x64.mcpb", HASH]]);
  const { name, version, packages } = serverJson(repository, "9.9.9", bundles);
  assertEquals([name, version], ["io.github.example/cma-mcp", "9.9.9"]);
  const [bundle, image] = packages;
  assert(bundle?.registryType === "mcpb" && image?.registryType === "oci");
  assertEquals(bundle.fileSha256, HASH);
  assertEquals(
    bundle.identifier,
    "https://github.com/example/cma-mcp/releases/download/v9.9.9/cma-mcp-9.9.9-linux-x64.mcpb",
  );
  assertEquals(image.identifier, "ghcr.io/example/cma-mcp:9.9.9");
});

Deno.test("serverJson() marks secrets, and only what is needed as needed", () => {
  const { packages } = serverJson(repository, "9.9.9", new Map([["a-mcp.mcpb", HASH]]));
  const inputs = packages.flatMap(({ environmentVariables }) => environmentVariables ?? []);
  const secret = inputs.filter(({ isSecret }) => isSecret).map(({ name }) => name);
  assertEquals([...new Set(secret)], ["ANTHROPIC_API_KEY", "MANAGED_AGENTS_MCP_TOKEN"]);
  const needed = inputs.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  assertEquals(new Set(needed), new Set([...secret, "ALLOWED_HOSTS"]));
});

const broken: readonly [string, (json: Record<string, unknown>) => void][] = [
  ["a description that is too long", (json) => json.description = "x".repeat(101)],
  ["a name without a namespace", (json) => json.name = "cma-mcp"],
  ["a range for a version", (json) => json.version = "^1.2.3"],
  ["another schema", (json) => json.$schema = "https://example.com/schema.json"],
  ["a field that there is not", (json) => json.status = "active"],
  ["no package", (json) => json.packages = []],
  ["a bundle without a hash", (json) => {
    json.packages = [{ registryType: "mcpb", identifier: "https://github.com/a/releases/mcp" }];
  }],
  ["an image called latest", (json) => {
    const transport = { type: "stdio" };
    json.packages = [{ registryType: "oci", identifier: "ghcr.io/a/b:latest", transport }];
  }],
];
for (const [what, breakIt] of broken) {
  Deno.test(`serverJsonSchema refuses ${what}`, () => {
    const bundles = new Map([["a-mcp.mcpb", HASH]]);
    const json: Record<string, unknown> = structuredClone(serverJson(repository, "9.9.9", bundles));
    assert(serverJsonSchema.safeParse(json).success);
    breakIt(json);
    assert(!serverJsonSchema.safeParse(json).success);
  });
}
