import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../scripts/compile/tools.ts";
import { tarGz } from "../../scripts/release/archive.ts";
import { makeRelease } from "../../scripts/release/make.ts";
import { archiveName, checksums } from "../../scripts/release/names.ts";
import { bytes, releaseInput } from "../scripts/release_support.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { executable, inFolder, NEEDS_EXECUTABLE, ownTarget, runProgram } from "./compiled.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/install.sh", import.meta.url));

/** The script is for systems that have a shell of that kind. */
const NEEDS_SHELL = { ignore: Deno.build.os === "windows" };

/** A program that answers what the script asks of it; its host's file is `$HOME/a folder/host.json`. */
const FAKE = `#!/bin/sh
case "$1 $3" in
  "--version ") echo "9.9.9 (feedbeef)" ;;
  "config --merge")
    echo "This is what to write to $HOME/a folder/host.json" >&2
    printf '{ "servers": { "others": 1, "ours": 2 } }\\r\\n'
    ;;
  "config --remove")
    echo "This is what to write to $HOME/a folder/host.json" >&2
    printf '{ "servers": { "others": 1 } }\\r\\n'
    ;;
  *) exit 3 ;;
esac
`;
/** The same, with the place for a key in the file that it merges. */
const FAKE_WITH_PLACE = FAKE.replace('"ours": 2', '"ours": "<your API key>" ');
const OTHERS = '{ "servers": { "others": 1 } }\r\n';
const MERGED = '{ "servers": { "others": 1, "ours": 2 } }\r\n';

/** Runs a script so that nobody can be asked: in a session of its own it has no terminal. */
const ALONE = 'if command -v setsid >/dev/null; then exec setsid -w sh "$@"; else exec sh "$@"; fi';

interface World {
  readonly home: string;
  readonly program: string;
  readonly hostFile: string;
  readonly requests: string[];
  /** Address of the releases. */
  readonly server: string;
  /** What the server has; a test may change it. */
  readonly files: Files;
  install(...args: string[]): Promise<Ended>;
  /** The same with other variables of the environment. */
  installWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended>;
}

type Ended = Awaited<ReturnType<typeof runProgram>>;

type Files = Map<string, Uint8Array<ArrayBuffer>>;

/** A release with a program for this machine. */
async function releaseOf(program: Uint8Array): Promise<Files> {
  const files: Files = new Map();
  await makeRelease(
    await releaseInput(),
    [ownTarget()],
    () => Promise.resolve(program),
    (name, b) => Promise.resolve(void files.set(name, b)),
  );
  return files;
}

/** A release on a file server, and a person's folder. */
async function withRelease(files: Files, use: (world: World) => Promise<void>): Promise<void> {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    requests.push(pathname);
    const name = /^\/(?:latest\/download|download\/v9\.9\.9)\/(.+)$/.exec(pathname)?.[1] ?? "";
    const content = files.get(name);
    return content ? new Response(content) : new Response(null, { status: 404 });
  });
  try {
    await inFolder(async (home) => {
      const env = {
        HOME: home,
        PATH: Deno.env.get("PATH") ?? "",
        CMA_MCP_BASE_URL: `http://127.0.0.1:${server.addr.port}`,
      };
      const installWith = (more: Readonly<Record<string, string>>, ...args: string[]) =>
        runProgram("sh", ["-c", ALONE, "sh", SCRIPT, ...args], { ...env, ...more });
      await use({
        home,
        program: `${home}/.local/bin/cma-mcp`,
        hostFile: `${home}/a folder/host.json`,
        requests,
        server: env.CMA_MCP_BASE_URL,
        files,
        install: (...args) => installWith({}, ...args),
        installWith,
      });
    });
  } finally {
    await server.shutdown();
  }
}

function test(name: string, use: (world: World) => Promise<void>, needs = NEEDS_SHELL): void {
  Deno.test({
    ...needs,
    name,
    fn: async () => await withRelease(await releaseOf(bytes(FAKE)), use),
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

test("install.sh installs the latest, for this machine, and says what to do next", async (world) => {
  const { code, stdout, stderr } = await world.install();
  assertEquals([code, stderr], [0, ""]);
  const { mode } = await Deno.stat(world.program);
  assertEquals((mode ?? 0) & 0o777, 0o755);
  assertEquals(await Deno.readTextFile(world.program), FAKE);
  assertStringIncludes(stdout, "version 9.9.9 (feedbeef); its SHA-256 is that of the release");
  assertStringIncludes(stdout, "is not on your PATH");
  assertStringIncludes(stdout, "cma-mcp config claude-desktop");
  assert(world.requests.every((path) => path.startsWith("/latest/download/")));
});

test("install.sh takes another version and another folder", async (world) => {
  const { code } = await world.install("--version", "v9.9.9", "--dir", `${world.home}/my tools`);
  assertEquals(code, 0);
  assert(await exists(`${world.home}/my tools/cma-mcp`));
  assert(world.requests.every((path) => path.startsWith("/download/v9.9.9/")));
});

test("install.sh names the flag for a folder that it cannot make", async (world) => {
  await Deno.writeTextFile(`${world.home}/taken`, "");
  const { code, stderr } = await world.install("--dir", `${world.home}/taken/below`);
  assertEquals(code, 1);
  assertMatch(stderr, /^install: cannot make .*below: name another folder with --dir$/m);
});

test("install.sh replaces an older one, also while that runs", async (world) => {
  await world.install();
  await Deno.writeTextFile(world.program, "#!/bin/sh\nexec sleep 30\n");
  const running = new Deno.Command(world.program, { stdin: "null", stdout: "null" }).spawn();
  assertEquals((await world.install()).code, 0);
  assertEquals(await Deno.readTextFile(world.program), FAKE);
  running.kill("SIGKILL");
  await running.status;
});

test("install.sh installs nothing that is not what was released", async (world) => {
  const [name = ""] = [...world.files.keys()].filter((file) => file.endsWith(".tar.gz"));
  const archive = new Uint8Array(world.files.get(name) ?? []);
  archive[archive.length - 1] = (archive.at(-1) ?? 0) ^ 1;
  world.files.set(name, archive);
  const { code, stderr } = await world.install();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^install: .* is not what was released \(SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}\)/,
  );
  assert(!await exists(world.program));
});

/** Everything in the folder of the program. */
async function besides(world: World): Promise<string[]> {
  const folder = `${world.home}/.local/bin`;
  return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
}

/** Puts another program into the release. */
async function release(world: World, program: string): Promise<void> {
  for (const [name, content] of await releaseOf(bytes(program))) world.files.set(name, content);
}

test("install.sh tries the new program before it replaces the old one", async (world) => {
  assertEquals((await world.install()).code, 0);
  await release(world, "#!/bin/sh\necho 'no such library' >&2\nexit 127\n");
  const { code, stderr } = await world.install();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /no such library\ninstall: cma-mcp-.* does not run here: nothing was installed/,
  );
  assertEquals(await Deno.readTextFile(world.program), FAKE);
  assertEquals(await besides(world), ["cma-mcp"]);
});

test("install.sh writes under no name that somebody could know before", async (world) => {
  const victim = `${world.home}/victim`;
  await Deno.writeTextFile(victim, "precious");
  await Deno.mkdir(`${world.home}/.local/bin`, { recursive: true });
  for (const name of [".cma-mcp.new", "cma-mcp"]) {
    await Deno.symlink(victim, `${world.home}/.local/bin/${name}`);
  }
  assertEquals((await world.install()).code, 0);
  assertEquals(await Deno.readTextFile(victim), "precious");
  assertEquals((await besides(world)).sort(), [".cma-mcp.new", "cma-mcp"]);
  assert((await Deno.lstat(world.program)).isFile);
});

test("install.sh does not put a program into a folder of its name", async (world) => {
  await Deno.mkdir(world.program, { recursive: true });
  const { code, stderr } = await world.install();
  assertEquals(code, 1);
  assertMatch(stderr, /cma-mcp is a folder/);
  assertEquals(await Array.fromAsync(Deno.readDir(world.program)), []);
});

test("install.sh that broke off on its way does nothing", async (world) => {
  const script = await Deno.readTextFile(SCRIPT);
  for (let part = 1; part < 12; part++) {
    const path = `${world.home}/part.sh`;
    await Deno.writeTextFile(path, script.slice(0, Math.floor((script.length * part) / 12)));
    const { code } = await runProgram("sh", ["-c", ALONE, "sh", path], {
      HOME: world.home,
      PATH: Deno.env.get("PATH") ?? "",
      CMA_MCP_BASE_URL: world.server,
    });
    assertEquals([await exists(`${world.home}/.local`), world.requests], [false, []]);
    // What ends within the first comments has nothing to complain of.
    assert(code !== 0 || !script.slice(0, (script.length * part) / 12).includes("\n{\n"));
  }
});

test("install.sh says what it cannot download", async (world) => {
  assertStringIncludes(
    (await world.install("--version", "0.0.1")).stderr,
    "/download/v0.0.1/SHA256SUMS",
  );
  const sums = world.files.get("SHA256SUMS");
  world.files.set("SHA256SUMS", bytes("nothing for anybody\n"));
  assertMatch((await world.install()).stderr, /has nothing for (linux|macos) (x64|arm64)\n$/);
  world.files.clear();
  world.files.set("SHA256SUMS", sums ?? bytes(""));
  assertMatch((await world.install()).stderr, /cannot download .*\.tar\.gz\n$/);
  assert(!await exists(world.program));
});

for (const args of [["--color"], ["--version"], ["extra"]]) {
  test(`install.sh refuses ${args.join(" ")} in one line`, async (world) => {
    const { code, stderr } = await world.install(...args);
    assertEquals(code, 1);
    assertMatch(stderr, /^install: [^\n]+\n$/);
    assertEquals(world.requests, []);
  });
}

test("install.sh shows what would change in a host, and writes nothing unasked", async (world) => {
  await Deno.mkdir(`${world.home}/a folder`);
  await Deno.writeTextFile(world.hostFile, OTHERS);
  const { code, stdout } = await world.install("--host", "cursor");
  assertEquals(code, 0);
  assertStringIncludes(stdout, '+{ "servers": { "others": 1, "ours": 2 } }');
  assertStringIncludes(stdout, "Nobody can be asked here");
  assertEquals(await Deno.readTextFile(world.hostFile), OTHERS);
});

test("install.sh writes a host's file on request, byte for byte, beside a backup", async (world) => {
  await Deno.mkdir(`${world.home}/a folder`);
  await Deno.writeTextFile(world.hostFile, OTHERS, { mode: 0o640 });
  const { code, stdout } = await world.install("--host", "cursor", "--yes");
  assertEquals(code, 0);
  assertEquals(await Deno.readTextFile(world.hostFile), MERGED);
  assertEquals(((await Deno.stat(world.hostFile)).mode ?? 0) & 0o777, 0o640);
  const backup = /^The old file is kept as (.+)\.$/m.exec(stdout)?.[1] ?? "";
  assertEquals(await Deno.readTextFile(backup), OTHERS);
  const again = await world.install("--host", "cursor", "--yes");
  assertStringIncludes(again.stdout, "already as it should be");
});

test("install.sh keeps a host's file that is a link, and writes what it leads to", async (world) => {
  await Deno.mkdir(`${world.home}/a folder`);
  await Deno.mkdir(`${world.home}/dotfiles`);
  await Deno.writeTextFile(`${world.home}/dotfiles/real.json`, OTHERS, { mode: 0o640 });
  await Deno.symlink("../dotfiles/real.json", world.hostFile);
  assertEquals((await world.install("--host", "cursor", "--yes")).code, 0);
  assert((await Deno.lstat(world.hostFile)).isSymlink);
  const { mode } = await Deno.stat(`${world.home}/dotfiles/real.json`);
  assertEquals((mode ?? 0) & 0o777, 0o640);
  assertEquals(await Deno.readTextFile(`${world.home}/dotfiles/real.json`), MERGED);
});

test("install.sh leaves a host's file whole when the new one cannot be written", async (world) => {
  await Deno.mkdir(`${world.home}/a folder`);
  await Deno.writeTextFile(world.hostFile, OTHERS);
  // A disk that is full, as the script sees it.
  await Deno.mkdir(`${world.home}/full`);
  const cat = `${world.home}/full/cat`;
  await Deno.writeTextFile(cat, "#!/bin/sh\necho 'No space left on device' >&2\nexit 1\n", {
    mode: 0o755,
  });
  const env = { PATH: `${world.home}/full:${Deno.env.get("PATH")}` };
  const { code, stderr } = await world.installWith(env, "--host", "cursor", "--yes");
  assertEquals(code, 1);
  assertMatch(stderr, /No space left on device\ninstall: cannot write .*host\.json stays as it is/);
  assertEquals(await Deno.readTextFile(world.hostFile), OTHERS);
  const left = await Array.fromAsync(Deno.readDir(`${world.home}/a folder`), ({ name }) => name);
  assertEquals(left.filter((name) => !/^host\.json(\.backup-.*)?$/.test(name)), []);
});

test("install.sh shows no secret of a host's file, neither ours nor a neighbour's", async (world) => {
  await Deno.mkdir(`${world.home}/a folder`);
  const env = '"env": { "ANTHROPIC_API_KEY": "sk-ant-ours-0123", "X_TOKEN": "ghp_theirs0123" }';
  await Deno.writeTextFile(world.hostFile, `{ ${env} }\n{ "args": ["sk-ant-bare-0123"] }\n`);
  const { code, stdout } = await world.install("--host", "cursor", "--yes");
  assertEquals(code, 0);
  assertStringIncludes(stdout, '"ANTHROPIC_API_KEY": "…"');
  for (const secret of ["ours-0123", "theirs0123", "bare-0123"]) {
    assert(!stdout.includes(secret), stdout);
  }
});

test("install.sh takes a host's file that needs no change, or is not there, for done", async (world) => {
  const unchanged = FAKE
    .replace(
      '"This is what to write to $HOME/a folder/host.json" >&2\n    printf \'{ "servers": { "others": 1, "ours"',
      '"Nothing to change in $HOME/a folder/host.json" >&2\n    printf \'{ "servers": { "others": 1, "ours"',
    )
    .replace(
      '"config --remove")\n',
      '"config --remove")\n    echo "There is no file: nothing has to be removed" >&2; exit 2\n',
    );
  for (const [name, content] of await releaseOf(bytes(unchanged))) world.files.set(name, content);
  const installed = await world.install("--host", "cursor", "--yes");
  assertEquals(installed.code, 0, installed.stderr);
  assertStringIncludes(installed.stdout, "host.json is already as it should be");
  const removed = await world.install("--uninstall", "--host", "cursor", "--yes");
  assertEquals(removed.code, 0, removed.stderr);
  assert(!await exists(world.program));
});

test("install.sh makes a host's file that nobody else can read", async (world) => {
  assertEquals((await world.install("--host", "cursor", "--yes")).code, 0);
  assertEquals(await Deno.readTextFile(world.hostFile), MERGED);
  assertEquals(((await Deno.stat(world.hostFile)).mode ?? 0) & 0o077, 0);
});

test("install.sh leaves a host alone that it cannot configure", async (world) => {
  const release = await releaseOf(bytes(FAKE.replace("config --merge", "config --never")));
  for (const [name, content] of release) world.files.set(name, content);
  const { code, stderr } = await world.install("--host", "cursor", "--yes");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "the configuration of cursor stays as it is");
  assert(!await exists(world.hostFile));
});

test("install.sh removes the program, and on request its part of a host's file", async (world) => {
  await world.install("--host", "cursor", "--yes");
  const { code } = await world.install("--uninstall", "--host", "cursor", "--yes");
  assertEquals(code, 0);
  assert(!await exists(world.program));
  assertEquals(await Deno.readTextFile(world.hostFile), OTHERS);
  assertStringIncludes((await world.install("--uninstall")).stderr, "there is no");
});

test("install.sh says what an uninstall leaves in hosts' files, and keeps it", async (world) => {
  const left = "/home/you/.cursor/mcp.json (Cursor) starts cma-mcp";
  const answer = `[ "$1 $2" != "config all" ] || { echo '${left}'; exit 0; }`;
  await release(world, FAKE.replace("\n", `\n${answer}\n`));
  assertEquals((await world.install("--host", "cursor", "--yes")).code, 0);
  const { code, stdout } = await world.install("--uninstall");
  assertEquals(code, 0);
  assertStringIncludes(stdout, `Left as they are:\n  ${left}\nRemoved `);
  assertEquals(await Deno.readTextFile(world.hostFile), MERGED);
  assert(!await exists(world.program));
});

test("install.sh removes a program that does not run, and says what it could not do", async (world) => {
  await Deno.mkdir(`${world.home}/.local/bin`, { recursive: true });
  await Deno.writeTextFile(world.program, "#!/bin/sh\necho broken >&2\nexit 127\n", {
    mode: 0o755,
  });
  const { code, stdout } = await world.install("--uninstall");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "hosts' files were not looked through: broken");
  assert(!await exists(world.program));
});

/** Tests on a terminal need a program that makes one. */
const NEEDS_TERMINAL = { ignore: Deno.build.os !== "linux" || !await exists("/usr/bin/script") };

/**
 * Runs the script on a terminal of its own, and types each answer when its question has come.
 *
 * @returns what the terminal showed
 */
async function onTerminal(
  world: World,
  answers: readonly (readonly [question: string, answer: string])[],
  ...args: string[]
): Promise<string> {
  const child = new Deno.Command("/usr/bin/script", {
    args: ["-qefc", `sh '${SCRIPT}' ${args.join(" ")}`, `${world.home}/typescript`],
    clearEnv: true,
    env: {
      HOME: world.home,
      PATH: Deno.env.get("PATH") ?? "",
      SHELL: "/bin/sh",
      CMA_MCP_BASE_URL: world.server,
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const writer = child.stdin.getWriter();
  const open = [...answers];
  let shown = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += text;
    const [next] = open;
    if (next === undefined || !shown.includes(next[0])) continue;
    open.shift();
    await writer.write(new TextEncoder().encode(`${next[1]}\n`));
  }
  await writer.close().catch(() => {});
  await child.status;
  assertEquals(open, [], shown);
  return shown;
}

const KEY = "sk-ant-typed-0123456789";

test("install.sh asks for the key on a terminal, and does not show it", async (world) => {
  await release(world, FAKE_WITH_PLACE);
  const answers = [["Your API key for cursor", KEY], ["Write it?", "y"]] as const;
  const shown = await onTerminal(world, answers, "--host", "cursor");
  assert(!shown.includes("typed-0123"), shown);
  assert(!shown.includes("Now put your key"), shown);
  assertStringIncludes(shown, "doctor --host cursor' checks it");
  const file = await Deno.readTextFile(world.hostFile);
  assertEquals(file, `{ "servers": { "others": 1, "ours": "${KEY}"  } }\r\n`);
  assertEquals(((await Deno.stat(world.hostFile)).mode ?? 0) & 0o077, 0);
}, NEEDS_TERMINAL);

test("install.sh goes on without a key, and refuses what is none", async (world) => {
  await release(world, FAKE_WITH_PLACE);
  const place = '{ "servers": { "others": 1, "ours": "<your API key>"  } }\r\n';
  const without = [["Your API key for cursor", ""], ["Write it?", "y"]] as const;
  const shown = await onTerminal(world, without, "--host", "cursor");
  assertStringIncludes(shown, "Now put your key into it");
  assertEquals(await Deno.readTextFile(world.hostFile), place);
  const wrong = [["Your API key for cursor", 'a"b']] as const;
  assertStringIncludes(await onTerminal(world, wrong, "--host", "cursor"), "that is no API key");
  assertEquals(await Deno.readTextFile(world.hostFile), place);
}, NEEDS_TERMINAL);

const PATH_FOLDERS = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");

/** A folder with all programs of the path but those of these names. */
async function pathWithout(folder: string, ...without: string[]): Promise<string> {
  await Deno.mkdir(folder);
  for (const from of PATH_FOLDERS.toReversed()) {
    const names = await Array.fromAsync(Deno.readDir(from), ({ name }) => name).catch(() => []);
    for (const name of names.filter((name) => !without.includes(name))) {
      // What stands first on the path wins, as it does for a shell.
      await Deno.remove(`${folder}/${name}`).catch(() => {});
      await Deno.symlink(`${from}/${name}`, `${folder}/${name}`);
    }
  }
  return folder;
}

/** Programs that can download, and what hides them from the script. */
const DOWNLOADERS = [["curl", "wget"], ["wget", "curl"]] as const;

for (const [downloader, other] of DOWNLOADERS) {
  const found = await Promise.all(PATH_FOLDERS.map((from) => exists(`${from}/${downloader}`)));
  const name = `install.sh with ${downloader} follows from https to https, and never to http`;
  // Not every system has wget.
  const needs = { ignore: NEEDS_SHELL.ignore || !found.includes(true) };
  test(name, async (world) => {
    const PATH = await pathWithout(`${world.home}/path`, other);
    const certificate = await makeCertificate();
    const ca = `${world.home}/ca.pem`;
    await Deno.writeTextFile(ca, certificate.cert);
    await Deno.writeTextFile(`${world.home}/wgetrc`, `ca_certificate = ${ca}\n`);
    let goOn = "";
    const front = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...certificate },
      ({ url }) => {
        const { pathname } = new URL(url);
        if (!pathname.startsWith("/named/")) {
          const content = world.files.get(pathname.slice("/latest/download/".length));
          return content ? new Response(content) : new Response(null, { status: 404 });
        }
        return Response.redirect(`${goOn}${pathname.slice("/named".length)}`, 302);
      },
    );
    const own = `https://127.0.0.1:${front.addr.port}`;
    const env = {
      PATH,
      CURL_CA_BUNDLE: ca,
      WGETRC: `${world.home}/wgetrc`,
      CMA_MCP_BASE_URL: `${own}/named`,
    };
    goOn = world.server;
    const down = await world.installWith(env);
    assertEquals([down.code, world.requests], [1, []], down.stderr);
    assertMatch(down.stderr, /cannot download .*SHA256SUMS/);
    assert(!await exists(world.program));
    goOn = own;
    const kept = await world.installWith(env);
    assertEquals([kept.code, world.requests], [0, []], kept.stderr);
    assertEquals(await Deno.readTextFile(world.program), FAKE);
    await front.shutdown();
  }, needs);
}

/** Only what the script needs of a release: making bundles of a real program takes long. */
async function archiveOf(program: Uint8Array): Promise<Files> {
  const name = archiveName("9.9.9", ownTarget());
  const archive = new Uint8Array(tarGz([{ name: "cma-mcp", bytes: program }], 0));
  const sums = checksums(new Map([[name, await sha256(archive)]]));
  return new Map([[name, archive], ["SHA256SUMS", bytes(sums)]]);
}

Deno.test({
  ...NEEDS_EXECUTABLE,
  name:
    "install.sh installs the executable and puts it into Claude Desktop, and takes it out again",
  fn: async () =>
    await withRelease(await archiveOf(await Deno.readFile(executable())), async (world) => {
      const folder = Deno.build.os === "darwin"
        ? `${world.home}/Library/Application Support/Claude`
        : `${world.home}/.config/Claude`;
      const file = `${folder}/claude_desktop_config.json`;
      await Deno.mkdir(folder, { recursive: true });
      const others = '{\n\t"mcpServers": {\n\t\t"others": { "command": "x" }, // mine\n\t}\n}\n';
      await Deno.writeTextFile(file, others);
      const { code, stdout, stderr } = await world.install("--host", "claude-desktop", "--yes");
      assertEquals([code, stderr], [0, ""], stdout);
      const merged = await Deno.readTextFile(file);
      assertStringIncludes(merged, world.program);
      assertStringIncludes(merged, '"others": { "command": "x" }, // mine');
      const ended = await world.install("--uninstall", "--host", "claude-desktop", "--yes");
      assertEquals(ended.code, 0, ended.stderr);
      assertMatch(
        ended.stdout,
        /Left as they are:\n.*\.backup-\S+ is an older copy of Claude Desktop's file/,
      );
      assert(!ended.stdout.includes("starts cma-mcp"), ended.stdout);
      assert(!(await Deno.readTextFile(file)).includes(world.program));
    }),
});
