import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { executable, inFolder, NEEDS_EXECUTABLE, NEEDS_ROOT, runProgram } from "./compiled.ts";
import { type Instruction, single, stagesOf, variablesOf, wordsOf } from "./dockerfile.ts";

const ROOT = new URL("../../", import.meta.url);
const [builder = [], image = []] = stagesOf(
  await Deno.readTextFile(new URL("Dockerfile", ROOT)),
);

/** The user of distroless images with the tag `nonroot`. */
const NONROOT = "65532:65532";

const DECODER = new TextDecoder();

async function sh(script: string, cwd: string, env: Record<string, string>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", script],
    cwd,
    env,
    stdin: "null",
  }).output();
  const output = DECODER.decode(stdout) + DECODER.decode(stderr);
  if (!success) throw new Error(output.slice(-4_000));
  return output;
}

/** Copies what a COPY names from the project into the builder's folder. */
async function copy({ text }: Instruction, folder: string): Promise<void> {
  const words = text.split(" ");
  const target = words.pop() ?? ".";
  const sources = words.map((word) => fileURLToPath(new URL(word, ROOT)));
  const into = target.endsWith("/") ? `${folder}/${target}` : dirname(`${folder}/${target}`);
  await Deno.mkdir(into, { recursive: true });
  const args = ["-R", ...sources, `${folder}/${target}`];
  const { success, stderr } = await new Deno.Command("cp", { args }).output();
  assert(success, DECODER.decode(stderr));
}

Deno.test("the image is built from exact versions, holds one file, and runs without rights", () => {
  // A tag can be moved; what a digest names cannot.
  assertMatch(
    single(builder, "FROM"),
    /denoland\/deno:\d+\.\d+\.\d+@sha256:[0-9a-f]{64} AS builder$/,
  );
  assertMatch(
    single(image, "FROM"),
    /^gcr\.io\/distroless\/cc-debian12:nonroot@sha256:[0-9a-f]{64}$/,
  );
  assertEquals(single(image, "USER"), "nonroot");
  assertMatch(
    single(image, "COPY"),
    /^--from=builder \/build\/dist\/cma-mcp \/usr\/local\/bin\/cma-mcp$/,
  );
  assertEquals(image.filter(({ name }) => name === "RUN"), []);
});

Deno.test("the image's builder has the Deno that the project is tested with", async () => {
  const ci = await Deno.readTextFile(new URL(".ci/run", ROOT));
  const version = /denoland\/deno:([^\s@]+)/.exec(single(builder, "FROM"))?.[1] ?? "none";
  assert(ci.includes(`deno@${version}`), version);
});

Deno.test("the image makes traces only where it was built to", () => {
  assertEquals(variablesOf(image).OTEL_DENO, "");
  assertMatch(single(image, "ENV"), / OTEL_DENO=\$TRACES$/);
  const arguments_ = builder.filter(({ name }) => name === "ARG").map(({ text }) => text);
  assert(arguments_.includes('TRACES=""'));
});

Deno.test("the image says what it is, also to the MCP registry", () => {
  const labels = single(image, "LABEL");
  for (const name of ["title", "description", "licenses", "version", "revision", "source"]) {
    assert(labels.includes(`org.opencontainers.image.${name}=`), name);
  }
  assert(labels.includes("io.modelcontextprotocol.server.name="));
});

Deno.test("the image asks the program itself whether it is healthy", () => {
  const [program] = wordsOf(single(image, "ENTRYPOINT"));
  assertEquals(wordsOf(single(image, "HEALTHCHECK")), [program, "health"]);
  assertEquals(wordsOf(single(image, "CMD")), ["--http"]);
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the builder's steps make the executable in a clean folder",
  fn: () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/bin`);
      await Deno.symlink(Deno.execPath(), `${folder}/bin/deno`);
      const work = `${folder}/build`;
      await Deno.mkdir(work);
      const env = {
        ...variablesOf(builder),
        COMMIT: "0123456789ab",
        TARGETARCH: Deno.build.arch === "x86_64" ? "amd64" : "arm64",
        PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
      };
      for (const instruction of builder) {
        if (instruction.name === "COPY") await copy(instruction, work);
        if (instruction.name === "RUN") await sh(instruction.text, work, env);
      }
      const made = `${work}/dist/cma-mcp`;
      const { code, stdout } = await runProgram(made, ["--version"]);
      assertEquals(code, 0);
      assertMatch(stdout, /^\d+\.\d+\.\d+ \(0123456789ab\)\n$/);
      // Whether it can make traces it says on stdio, which ends at once without a host.
      const warning = /OTEL_DENO has no effect in this executable/;
      const traced = { OTEL_DENO: "true" };
      assertMatch((await runProgram(made, ["--simulate"], traced)).stderr, warning);
      const compile = builder.findLast(({ name }) => name === "RUN");
      await sh(compile?.text ?? "", work, { ...env, TRACES: "true" });
      assert(!warning.test((await runProgram(made, ["--simulate"], traced)).stderr));
    }),
});

/** The libraries that an executable is linked against, by path. */
async function librariesOf(program: string): Promise<string[]> {
  const output = await sh(`ldd '${program}'`, "/", { PATH: Deno.env.get("PATH") ?? "" });
  return [...output.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? "");
}

/** Of glibc and of libgcc, which is what the image's base has beside certificates and zones. */
const IN_BASE = /^(ld-linux.*|lib(c|dl|gcc_s|m|pthread|rt))\.so\.\d+$/;

/**
 * What a container engine does, without one: namespaces of its own, a root that holds the image's
 * files and is read-only, the image's user. In there: start, health check until it is good, an
 * attempt to write, end on SIGTERM.
 */
const CONTAINER = `
ip link set lo up
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -o remount,bind,ro "$ROOT"
inside() { chroot --userspec=${NONROOT} "$ROOT" "$@"; }
(exec chroot --userspec=${NONROOT} "$ROOT" "$@" >"$LOG" 2>&1) &
server=$!
# Whatever happens, nothing is left running.
trap 'kill -KILL "$server" 2>/dev/null || true' EXIT
tries=0
until inside $HEALTH >/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || { cat "$LOG"; exit 1; }
  sleep 0.1
done
echo "health: $(inside $HEALTH)"
grep -q '^Uid:.*65532' "$ROOT/proc/$server/status" && echo "user: nonroot"
touch "$ROOT/written" 2>/dev/null || echo "root: read-only"
kill -TERM "$server"
wait "$server" && echo "end: 0"
inside $HEALTH >/dev/null || echo "health after: $?"
`;

const NAMESPACES = "--mount --net --pid --fork --kill-child";

Deno.test({
  ...NEEDS_ROOT,
  name:
    "the executable serves in a root that holds only what the image holds, and is healthy there",
  fn: () =>
    inFolder(async (folder) => {
      const root = `${folder}/root`;
      const [program = "", ...args] = [
        ...wordsOf(single(image, "ENTRYPOINT")),
        ...wordsOf(single(image, "CMD")),
      ];
      for (const library of await librariesOf(executable())) {
        assertMatch(library.split("/").at(-1) ?? "", IN_BASE);
        await Deno.mkdir(root + dirname(library), { recursive: true });
        await Deno.copyFile(library, root + library);
      }
      await Deno.mkdir(root + dirname(program), { recursive: true });
      await Deno.copyFile(executable(), root + program);
      for (const name of ["proc", "etc", "tmp"]) await Deno.mkdir(`${root}/${name}`);
      await Deno.writeTextFile(`${folder}/container.sh`, CONTAINER);
      const command = [program, ...args, "--simulate"].join(" ");
      const output = await sh(
        `exec unshare ${NAMESPACES} timeout 30 sh -eu container.sh ${command}`,
        folder,
        {
          ...variablesOf(image),
          ROOT: root,
          LOG: `${folder}/log`,
          HEALTH: wordsOf(single(image, "HEALTHCHECK")).join(" "),
          PATH: Deno.env.get("PATH") ?? "",
          MANAGED_AGENTS_MCP_TOKEN: "e2e-token-e2e-token-e2e-token-e2e",
          ALLOWED_HOSTS: "mcp.example.com",
        },
      );
      assertEquals(output.trim().split("\n"), [
        "health: ok",
        "user: nonroot",
        "root: read-only",
        "end: 0",
        "health after: 1",
      ]);
    }),
});
