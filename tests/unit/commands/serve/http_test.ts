import { assertEquals, assertRejects } from "@std/assert";
import { openMetricsServer } from "../../../../src/commands/serve/http.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { recordProgram } from "../../../helpers/program.ts";

const PAGE = { contentType: "text/x-test", render: () => Promise.resolve("m 1") };

Deno.test("openMetricsServer() serves the metrics and nothing else, and says where", async () => {
  const program = recordProgram();
  const server = await openMetricsServer({ host: "127.0.0.1", port: 0 }, PAGE, program);
  const [, url = ""] = await program.loggedMatch(/Metrics are at (\S+\/metrics),/);
  const page = await fetch(url);
  assertEquals([page.status, page.headers.get("content-type"), await page.text()], [
    200,
    "text/x-test",
    "m 1",
  ]);
  for (const [path, method, status] of [["/", "GET", 404], ["/metrics", "POST", 405]] as const) {
    const response = await fetch(new URL(path, url), { method });
    await response.body?.cancel();
    assertEquals(response.status, status);
  }
  const { port } = new URL(url);
  await assertRejects(
    async () => {
      const taken = await openMetricsServer(
        { host: "127.0.0.1", port: Number(port) },
        PAGE,
        program,
      );
      await taken.shutdown();
    },
    UsageError,
    "another --metrics-port",
  );
  await server.shutdown();
});
