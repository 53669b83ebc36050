// What clients send, of whatever shape, never fails the reading of what they declare, and no session id
// but one that the server made for a client that shows the view says that it does.
import { assert, assertEquals } from "@std/assert";
import { createSealer } from "../../src/access/sealing.ts";
import { createMcpSessionIds } from "../../src/http/mcp_session_id.ts";
import { declaredView, PAGE_URI, readsPage } from "../../src/mcp/session_view.ts";
import { assertAsync, fc } from "../helpers/fuzz.ts";

const NAMES = [
  ...["method", "params", "_meta", "capabilities", "extensions", "mimeTypes", "uri"],
  ...["io.modelcontextprotocol/ui", "io.modelcontextprotocol/clientCapabilities"],
  "io.modelcontextprotocol/protocolVersion",
];
const VALUES = [
  "initialize",
  "resources/read",
  "text/html;profile=mcp-app",
  PAGE_URI,
  "2026-07-28",
];

/** Any JSON value, of the names and values that mean something here more than of others. */
const { message } = fc.letrec((tie) => ({
  message: fc.oneof(
    { depthSize: "large", withCrossShrink: true },
    fc.constantFrom<unknown>(...VALUES, null, true, 7),
    fc.array(tie("message"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie("message"), { maxKeys: 4 }),
    fc.jsonValue(),
  ),
}));

/** A value under a name, or anything in its place. */
const under = (name: string, value: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 4, arbitrary: fc.record({ [name]: value }) }, message);

/** The capabilities of a client that shows the view, more or less. */
const capabilities = under(
  "extensions",
  under(
    "io.modelcontextprotocol/ui",
    under("mimeTypes", fc.array(fc.constantFrom(...VALUES), { maxLength: 2 })),
  ),
);

/** A message that declares them, in either way. */
const declaring = fc.oneof(
  fc.record({
    method: fc.constantFrom("initialize", "tools/list"),
    params: fc.record({ capabilities }),
  }),
  fc.record({
    params: fc.record({
      _meta: fc.record({
        "io.modelcontextprotocol/protocolVersion": fc.constantFrom(...VALUES),
        "io.modelcontextprotocol/clientCapabilities": capabilities,
      }),
    }),
  }),
);

Deno.test("property: whatever a message holds, it says that its client shows the view, or not, or nothing", () => {
  const seen = new Set<unknown>();
  fc.assert(
    fc.property(fc.oneof(message, declaring, fc.array(declaring)), (value) => {
      const declared = declaredView(value);
      seen.add(declared);
      if (declared) {
        const text = JSON.stringify(value);
        for (const part of ["io.modelcontextprotocol/ui", "text/html;profile=mcp-app"]) {
          assert(text.includes(part), text);
        }
      }
      if (readsPage(value)) assert(JSON.stringify(value).includes(PAGE_URI));
    }),
    { numRuns: 3_000 },
  );
  assertEquals(seen.size, 3, `of messages there were only ${[...seen]}`);
});

Deno.test("property: a session id that was changed anywhere says nothing", async () => {
  const ids = createMcpSessionIds(createSealer());
  const made = await ids.make(true);
  const sign = fc.constantFrom(..."ABCDEFabcdef0123456789-_.".split(""));
  await assertAsync(
    fc.asyncProperty(fc.nat(made.length - 1), sign, async (at, other) => {
      const changed = made.slice(0, at) + other + made.slice(at + 1);
      assertEquals(await ids.showsView(changed), changed === made);
    }),
    { numRuns: 500 },
  );
  await assertAsync(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 300 }), async (text) => {
      assertEquals(await ids.showsView(text), false);
      assertEquals(await ids.showsView(`${made.split(".")[0]}.${text}`), false);
    }),
    { numRuns: 500 },
  );
});
