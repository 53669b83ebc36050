import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { createSealer } from "../../../src/access/sealing.ts";
import { createMcpSessionIds } from "../../../src/http/mcp_session_id.ts";

const KEY = new Uint8Array(32).fill(1);
const OTHER_KEY = new Uint8Array(32).fill(2);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

Deno.test("the id of a client that shows no view is a UUID, which says so", async () => {
  const ids = createMcpSessionIds(createSealer());
  const id = await ids.make(false);
  assertMatch(id, UUID);
  assertNotEquals(await ids.make(false), id);
  assertEquals(await ids.showsView(id), false);
});

Deno.test("every replica with the sealing key knows a client that shows the view, and no other does", async () => {
  const id = await createMcpSessionIds(createSealer([KEY])).make(true);
  // A header field holds visible ASCII (MCP 2025-11-25, Streamable HTTP).
  assertMatch(id, /^[0-9a-f-]{36}\.[\w-]+$/);
  assert(id.length <= 200, `${id.length} characters`);
  const knows = (...keys: Uint8Array<ArrayBuffer>[]) =>
    createMcpSessionIds(createSealer(keys)).showsView(id);
  assertEquals(await knows(KEY), true);
  assertEquals(await knows(OTHER_KEY, KEY), true);
  assertEquals(await knows(OTHER_KEY), false);
  assertEquals(await createMcpSessionIds(createSealer()).showsView(id), false);
});

Deno.test("the sealed end belongs to one id, and to its purpose", async () => {
  const sealer = createSealer([KEY]);
  const ids = createMcpSessionIds(sealer);
  const [one, other] = [await ids.make(true), await ids.make(true)];
  const [uuid, sealed] = one.split(".");
  const elsewhere = await sealer.seal("file link", uuid);
  for (
    const forged of [
      `${other.split(".")[0]}.${sealed}`,
      `.${sealed}`,
      `${uuid}.`,
      `${uuid}.${elsewhere}`,
      `${uuid}.${sealed}.${sealed}`,
      `${uuid}.${sealed?.slice(0, -2)}`,
      `${uuid}.%`,
      ".",
      "",
    ]
  ) {
    assertEquals(await ids.showsView(forged), false, forged);
  }
});

Deno.test("an id that is too long is not opened", async () => {
  let opened = 0;
  const sealer = createSealer([KEY]);
  const ids = createMcpSessionIds({
    ...sealer,
    open: (purpose, text) => {
      opened++;
      return sealer.open(purpose, text);
    },
  });
  assertEquals(await ids.showsView(`${"a".repeat(36)}.${"b".repeat(10_000)}`), false);
  assertEquals(opened, 0);
  assertEquals(await ids.showsView(await ids.make(true)), true);
  assertEquals(opened, 1);
});
