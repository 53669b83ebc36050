import { assert, assertEquals, assertMatch } from "@std/assert";
import { LINK_MS } from "../../src/access/file_links.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { type ClientKind, connectHttp, openApp, serveHandler, TOKEN } from "./support.ts";

const PUBLIC = "https://mcp.example.com/agents";
const CSV = "name,sum\nApril,3\n";
const KINDS: readonly ClientKind[] = ["auto", "legacy", "sdk1"];

for (const kind of KINDS) {
  Deno.test(`the link of a result opens the file, until it has ended (${kind})`, async () => {
    const app = openApp();
    const services = app.servicesWith({ publicUrl: PUBLIC });
    const toolSets = ["core", "files"] as const;
    const served = serveHandler(
      createHttpHandler(createServerFactory(services, { version: "1.2.3", toolSets }), {
        tokens: [TOKEN],
        ready: () => Promise.resolve(true),
        log: services.log,
        clock: app.clock,
        files: { services, toolSets, basePath: "/agents" },
      }),
    );
    const client = await connectHttp(served.url, kind, TOKEN);
    const session_id = app.simulator.createSession();
    app.simulator.writeFile(session_id, "sums.csv", new TextEncoder().encode(CSV));
    await app.clock.advance(10_000);
    const args = { session_id, filename: "sums.csv" };
    const { structured = {}, text } = await app.until(client.call("read_session_file", args));
    const link = String(structured.download_url);
    assert(link.startsWith(`${PUBLIC}/files/`), text);
    const ends = Date.parse(String(structured.expires_at)) - app.clock.wallTime();
    assert(ends > LINK_MS - 60_000 && ends <= LINK_MS, String(ends));
    const get = async (init?: RequestInit) => {
      const url = new URL(link.replace(PUBLIC, served.url.origin));
      const response = await app.until(fetch(url, init));
      return { response, body: await app.until(response.text()) };
    };
    const whole = await get();
    assertEquals([whole.response.status, whole.body], [200, CSV]);
    assertMatch(whole.response.headers.get("content-disposition") ?? "", /="sums\.csv"$/);
    const part = await get({ headers: { range: "bytes=5-7" } });
    assertEquals([part.response.status, part.body], [206, "sum"]);
    const head = await get({ method: "HEAD" });
    assertEquals([head.response.headers.get("content-length"), head.body], [`${CSV.length}`, ""]);
    app.clock.correct(LINK_MS);
    const late = await get();
    assertEquals([late.response.status, late.body.slice(0, 9)], [404, "This link"]);
    assert(!app.log.join("\n").includes(link.slice(-40)));
    await client.close();
    await served.close();
    app.close();
  });
}
