import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeCertificate } from "../helpers/certificate.ts";
import { freePort } from "../helpers/free_port.ts";
import { apiAt, startHttp, TOKEN } from "../helpers/http_program.ts";
import { IS_PACKAGE, Spawned } from "../helpers/spawned.ts";
import { inFolder } from "./compiled.ts";

/** Reads the values of a program's metrics by name and labels. */
async function metricsOf(program: Spawned): Promise<Readonly<Record<string, number>>> {
  const address = () => /Metrics are at (\S+\/metrics),/.exec(program.stderr.join("\n"))?.[1];
  const response = await fetch(await program.until(address));
  const lines = (await response.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return Object.fromEntries(lines.map((line) => {
    const space = line.lastIndexOf(" ");
    return [line.slice(0, space), Number(line.slice(space + 1))];
  }));
}

async function probe(
  url: string,
  path: string,
  init: RequestInit & { readonly client?: Deno.HttpClient } = {},
): Promise<number> {
  const response = await fetch(new URL(path, url), init);
  await response.body?.cancel();
  return response.status;
}

Deno.test("the program's metrics show limits, readiness, its certificate and its process", () =>
  inFolder(async (folder) => {
    const certificate = await makeCertificate();
    await Deno.writeTextFile(`${folder}/cert.pem`, certificate.cert);
    await Deno.writeTextFile(`${folder}/key.pem`, certificate.key);
    const files = [`--tls-cert=${folder}/cert.pem`, `--tls-key=${folder}/key.pem`];
    const limits = ["--max-waits=7", "--max-calls=9"];
    const startedAt = Date.now() / 1_000;
    await using server = await startHttp([
      "--simulate",
      "--metrics-port=0",
      ...files,
      ...limits,
    ]);
    const { program, url } = server;
    const before = await metricsOf(program);
    assertEquals([before.cma_mcp_max_waits, before.cma_mcp_max_calls], [7, 9]);
    assertEquals([before.cma_mcp_tokens, before.cma_mcp_rules, before.cma_mcp_draining], [1, 0, 0]);
    // Nobody has asked yet, and a scrape asks the API nothing.
    assertEquals(before.cma_mcp_ready, undefined);
    assert(!Object.keys(before).some((name) => name.startsWith("cma_mcp_upstream_requests")));
    using client = Deno.createHttpClient({ caCerts: [certificate.cert] });
    assertEquals(await probe(url, "/ready", { client }), 200);
    const after = await metricsOf(program);
    assertEquals([after.cma_mcp_ready, after.cma_mcp_connections], [1, 1]);
    const endsInSec = (after.cma_mcp_certificate_end_time_seconds ?? 0) - startedAt;
    assert(endsInSec > 0, String(endsInSec));
    const { process_start_time_seconds, process_resident_memory_bytes } = after;
    assert(Math.abs((process_start_time_seconds ?? 0) - startedAt) < 30);
    assert((process_resident_memory_bytes ?? 0) > 1e7);
    assert((after.process_cpu_seconds_total ?? 0) > 0);
    // Deno lets nobody count open files without every permission.
    const counts = [after.process_open_fds, after.process_max_fds];
    if (IS_PACKAGE && Deno.build.os === "linux") {
      assert(counts.every((count) => (count ?? 0) > 10), String(counts));
      assert((counts[0] ?? 0) < (counts[1] ?? 0), String(counts));
    } else assertEquals(counts, [undefined, undefined]);
  }));

/**
 * Makes a request that the log tells of, and waits for its line. @returns the number of lines up to it
 */
async function markLog(program: Spawned, url: string, mark: string): Promise<number> {
  const headers = { "x-request-id": mark };
  assertEquals(await probe(url, "/nothing", { headers }), 404);
  return program.stderr.indexOf(await program.logged("404", `request_id=${mark}`)) + 1;
}

Deno.test("probes write nothing to the log as long as all is well", async () => {
  await using server = await startHttp(["--simulate"]);
  const { program, url } = server;
  const before = await markLog(program, url, "before");
  for (const path of ["/health", "/ready", "/health", "/ready", "/ready"]) {
    assertEquals(await probe(url, path), 200, path);
  }
  const after = await markLog(program, url, "after");
  assertEquals(after, before + 1, program.stderr.join("\n"));
});

Deno.test("probes of a server whose API cannot be reached write one line, with the reason", async () => {
  const port = freePort();
  const api = apiAt(`http://127.0.0.1:${port}`);
  await using server = await startHttp(["--metrics-port=0"], api);
  const { program, url } = server;
  const before = await markLog(program, url, "before");
  for (let i = 0; i < 6; i++) assertEquals(await probe(url, "/ready"), 503);
  assertEquals(await probe(url, "/health"), 200);
  const after = await markLog(program, url, "after");
  const [lost = "", ...more] = program.stderr.slice(before, after - 1);
  assertMatch(lost, /warn: The API is not reached: \/ready answers 503 until it is error=\S/);
  assert(lost.includes(String(port)), lost);
  assertEquals(more, []);
  assertEquals((await metricsOf(program)).cma_mcp_ready, 0);
});

Deno.test({
  name: "the program's metrics count the connections that it closed for want of files",
  // There a process cannot be given fewer files.
  ignore: Deno.build.os === "windows",
  async fn() {
    const program = new Spawned(
      ["--http", "--port=0", "--simulate", "--metrics-port=0"],
      { MANAGED_AGENTS_MCP_TOKEN: TOKEN },
      undefined,
      [],
      256,
    );
    const url = new URL(await program.listening());
    const address = { hostname: url.hostname, port: Number(url.port) };
    const connections = await Promise.all(Array.from({ length: 300 }, () => Deno.connect(address)));
    const closed = async () =>
      (await metricsOf(program)).cma_mcp_connections_closed_for_room_total ?? 0;
    try {
      while (await closed() === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      for (const connection of connections) connection.close();
      program.kill("SIGTERM");
      assertEquals((await program.ending()).code, 0);
    }
  },
});
