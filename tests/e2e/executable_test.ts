import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { listen } from "../../src/runtime/deno_listener.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { readParts } from "../../scripts/compile/build.ts";
import { sha256 } from "../../scripts/compile/tools.ts";
import { compileInto, executable, inFolder, NEEDS_EXECUTABLE, runProgram } from "./compiled.ts";
import { startHttp } from "../helpers/http_program.ts";

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the same source gives the same executable, wherever it is compiled",
  fn: () =>
    inFolder((one) =>
      inFolder(async (other) => {
        const hash = async (folder: string) =>
          await sha256(await Deno.readFile(await compileInto(`${folder}/deeper`)));
        assertEquals(await hash(one), await hash(other));
      })
    ),
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name:
    "the executable holds no path of the machine, no tool of the tests, and imports nothing later",
  fn: () =>
    inFolder(async (folder) => {
      await compileInto(folder);
      const parts = await readParts(`${folder}/build/bundle`);
      const code = [...parts.values()].join("\n");
      for (const place of [Deno.cwd(), Deno.env.get("HOME"), folder]) {
        assert(place === undefined || !code.includes(`${place}/`), place);
      }
      // The compiler of TypeScript alone is many times as large.
      assert(code.length < 2_000_000, `${code.length} characters`);
      assert(!code.includes("createSourceFile"));
      // Of the SDK's two validators of schemas, ajv makes code while it runs.
      assert(!code.includes("new Function("));
      // An executable may import any file that it can name, whatever its permissions say: it must
      // not name any but its own parts, which are inside it.
      const own = new Set([...parts.keys()].map((name) => `"./${name}"`));
      const imports = [...code.matchAll(/\bimport\(([^)]{0,40})/g)].map(([, what]) => what ?? "");
      assertEquals(
        imports.filter((what) => !/^"node:[a-z/_]+"$/.test(what) && !own.has(what)),
        [],
      );
    }),
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the executable plays the demo",
  fn: async () => {
    const { code, stdout } = await runProgram(executable(), ["demo"]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "wait_for_idle");
    assertMatch(stdout, /The reply \(status: idle\)\n\s+\S/);
    assert(!stdout.includes("\x1b"), "No colours where there is no terminal");
  },
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the executable's doctor finds an API well, and one that refuses its key",
  fn: async () => {
    const key = "sk-ant-e2e-0123456789";
    const simulator = createSimulator({ clock: systemClock, apiKey: key });
    const server = listen(
      { host: "127.0.0.1", port: 0 },
      (request) => simulator.fetch(request),
      silentLogger,
    );
    const doctor = (apiKey: string) =>
      runProgram(executable(), ["doctor"], {
        HOME: "/nowhere",
        ANTHROPIC_API_KEY: apiKey,
        CMA_BASE_URL: `http://127.0.0.1:${server.addr.port}`,
      });
    const [well, refused] = [await doctor(key), await doctor("sk-ant-wrong-0123456789")];
    assertEquals(well.code, 0, well.stdout);
    assertEquals(refused.code, 1, refused.stdout);
    assert(!`${well.stdout}${well.stderr}`.includes(key));
    simulator.close();
    await server.shutdown();
  },
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the executable puts itself into a host's configuration",
  fn: async () => {
    const { code, stdout } = await runProgram(executable(), ["config", "cursor"], {
      HOME: "/home/me",
    });
    assertEquals(code, 0);
    const { mcpServers } = JSON.parse(stdout);
    const [server] = Object.values<{ command?: string }>(mcpServers);
    assertEquals(server?.command, executable());
  },
});

Deno.test({
  ...NEEDS_EXECUTABLE,
  name: "the executable's health says whether its server is alive",
  fn: async () => {
    const { program, url } = await startHttp(["--simulate"]);
    const { port } = new URL(url);
    const health = (env: Record<string, string>) => runProgram(executable(), ["health"], env);
    const alive = await health({ HOST: "0.0.0.0", PORT: port });
    assertEquals([alive.code, alive.stdout], [0, "ok\n"]);
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
    assertEquals((await health({ PORT: port })).code, 1);
  },
});
