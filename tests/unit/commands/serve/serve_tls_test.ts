import { assert, assertEquals, assertRejects } from "@std/assert";
import { callServedTool } from "../../../../src/commands/mcp_call.ts";
import { serve } from "../../../../src/commands/serve/serve.ts";
import type { ServeConfig } from "../../../../src/config/config.ts";
import { resolveConfig } from "../../../../src/config/resolve.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { makeCertificate } from "../../../helpers/certificate.ts";
import { recordProgram } from "../../../helpers/program.ts";

const TOKEN = "t".repeat(32);
const TLS = ["--tls-cert=cert.pem", "--tls-key=key.pem"];

function httpConfig(...args: string[]): ServeConfig {
  const config = resolveConfig(
    ["--http", "--simulate", "--port=0", ...args],
    (name) => name === "CMA_MCP_TOKEN" ? TOKEN : undefined,
    () => "",
  );
  assert(config.command === "serve");
  return config;
}

for (const http2 of [true, false]) {
  Deno.test(`serve() answers calls over TLS and HTTP/${http2 ? 2 : 1}`, async () => {
    const { cert, key } = await makeCertificate();
    const readFile = (path: string) => Promise.resolve(path === "cert.pem" ? cert : key);
    const program = recordProgram({ readFile });
    const done = serve(httpConfig(...TLS), program);
    const [, url = ""] = await program.loggedMatch(/clients at (https:\S+?),/);
    using client = Deno.createHttpClient({ caCerts: [cert], http2, http1: !http2 });
    const endpoint = {
      token: TOKEN,
      fetch: async (request: Request) => {
        // The host is the client's to name: as a header in HTTP/1.1, without one in HTTP/2.
        const headers = new Headers(request.headers);
        headers.delete("host");
        const body = await request.text();
        return await fetch(url, { method: "POST", headers, body, client });
      },
    };
    const { agents } = await callServedTool(endpoint, "list_agents", { name_contains: "quick" });
    assert(Array.isArray(agents) && agents.length === 1);
    const ready = await fetch(new URL("/ready", url), { client });
    assertEquals(await ready.json(), { status: "ok" });
    program.stop();
    await done;
  });
}

Deno.test("serve() does not start with a certificate that cannot be read", async () => {
  const done = serve(httpConfig(...TLS), recordProgram());
  await assertRejects(() => done, UsageError, "Cannot read 'cert.pem' (--tls-cert)");
});
