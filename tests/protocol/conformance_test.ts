import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { runPackage } from "../helpers/run_deno.ts";
import { openApp, serveHttp, TOKEN } from "./support.ts";

/** Exactly this version: its scenarios are what the lists of expected failures name. */
const SUITE = "npm:@modelcontextprotocol/conformance@0.2.0-alpha.12";

interface Run {
  readonly code: number;
  readonly output: string;
}

/** Runs the suite against the server; the suite knows no tokens, so a proxy puts one in. */
async function conformance(args: readonly string[]): Promise<Run> {
  const app = openApp();
  const served = serveHttp(app);
  const proxy = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { method, url, signal } = request;
      const headers = new Headers(request.headers);
      headers.set("authorization", `Bearer ${TOKEN}`);
      const body = method === "POST" ? await request.arrayBuffer() : undefined;
      return await served.handler.fetch(new Request(url, { method, headers, body, signal }));
    },
  );
  const directory = await Deno.makeTempDir();
  try {
    const url = `http://127.0.0.1:${proxy.addr.port}/mcp`;
    const suiteArgs = ["server", "--url", url, ...args];
    const { code, stdout, stderr } = await runPackage(SUITE, suiteArgs, directory);
    return { code, output: stdout + stderr };
  } finally {
    await Deno.remove(directory, { recursive: true });
    app.close();
    await proxy.shutdown();
    await served.close();
  }
}

function expectedFailures(revision: string): string {
  return fileURLToPath(new URL(`./conformance/${revision}.yml`, import.meta.url));
}

for (const revision of ["2025-11-25", "2026-07-28"]) {
  Deno.test(`conformance: ${revision} fails where it is expected to, and nowhere else`, async () => {
    const { code, output } = await conformance([
      "--requirements",
      revision,
      "--expected-failures",
      expectedFailures(revision),
    ]);
    assertEquals(code, 0, output.slice(-4_000));
    assert(/✓ tools-list: \d+ passed, 0 failed/.test(output), output.slice(-4_000));
  });
}

Deno.test("conformance: an expected failure that passes is a failure", async () => {
  const stale = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    await Deno.writeTextFile(stale, "server:\n  - tools-list\n");
    const args = ["--scenario", "tools-list", "--expected-failures", stale];
    const { code, output } = await conformance(args);
    assertEquals(code, 1, output);
    assert(/stale/i.test(output), output);
  } finally {
    await Deno.remove(stale);
  }
});
