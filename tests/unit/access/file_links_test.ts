import { assert, assertEquals, assertMatch } from "@std/assert";
import { createFileLinks, LINK_MS, openFileLink } from "../../../src/access/file_links.ts";
import { createSealer, type Purpose } from "../../../src/access/sealing.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);
const FILE = { principalId: "team", sessionId: "sesn_1", fileId: "file_1" };
const BASE = "https://mcp.example.com/agents";

/** A link to {@linkcode FILE}, and its sealed end. */
async function linkBy(sealer = createSealer([key(1)]), clock = new ManualClock()) {
  const link = await createFileLinks({ sealer, publicUrl: BASE, clock }).make(FILE);
  return { ...link, sealed: link.url.slice(`${BASE}/files/`.length) };
}

Deno.test("a link stands below the public address, says when it ends, and shows no id", async () => {
  const clock = new ManualClock();
  const sealer = createSealer([key(1)]);
  const { url, expires_at, sealed } = await linkBy(sealer, clock);
  assert(url.startsWith(`${BASE}/files/`));
  assertMatch(sealed, /^[\w-]{50,300}$/);
  assertEquals(Date.parse(expires_at), clock.wallTime() + LINK_MS);
  for (const id of Object.values(FILE)) {
    assert(!atob(sealed.replaceAll("-", "+").replaceAll("_", "/")).includes(id));
  }
  assertEquals(await openFileLink(sealer, sealed, clock.wallTime()), FILE);
});

Deno.test("a link opens until its end by the wall clock, and not at it", async () => {
  const clock = new ManualClock();
  const sealer = createSealer([key(1)]);
  const { sealed } = await linkBy(sealer, clock);
  const endsAt = clock.wallTime() + LINK_MS;
  assertEquals(await openFileLink(sealer, sealed, endsAt - 1), FILE);
  assertEquals(await openFileLink(sealer, sealed, endsAt), undefined);
});

Deno.test("a link opens by every key of the list, and by no other", async () => {
  const { sealed } = await linkBy();
  const now = new ManualClock().wallTime();
  assertEquals(await openFileLink(createSealer([key(2), key(1)]), sealed, now), FILE);
  assertEquals(await openFileLink(createSealer([key(2)]), sealed, now), undefined);
  assertEquals(await openFileLink(createSealer(), sealed, now), undefined);
});

Deno.test("what was changed, sealed for another purpose or as another value opens nothing", async () => {
  const sealer = createSealer([key(1)]);
  const { sealed } = await linkBy(sealer);
  const now = new ManualClock().wallTime();
  const end = now + LINK_MS;
  const open = (text: string) => openFileLink(sealer, text, now);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "Q" : "A") + sealed.slice(at + 1);
    assertEquals(await open(changed), undefined, `character ${at}`);
  }
  for (const text of ["", "A", "%2e", `${sealed}A`, sealed.slice(1), "A".repeat(100_000)]) {
    assertEquals(await open(text), undefined, text.slice(0, 20));
  }
  const right = ["team", "sesn_1", "file_1", end];
  assertEquals(await open(await sealer.seal("file link", right)), FILE);
  for (const purpose of ["approval state", "session list", "session page"] as const) {
    const other: Purpose = purpose;
    assertEquals(await open(await sealer.seal(other, right)), undefined, purpose);
  }
  const values = [
    null,
    { ...FILE, endsAt: end },
    ["team", "sesn_1", "file_1"],
    ["team", "sesn_1", "file_1", String(end)],
    ["", "sesn_1", "file_1", end],
    ["team", "", "file_1", end],
    ["team", "sesn_1", 1, end],
  ];
  for (const value of values) {
    assertEquals(await open(await sealer.seal("file link", value)), undefined, String(value));
  }
});

Deno.test("a text longer than any link is not even decrypted", async () => {
  const sealer = {
    ...createSealer([key(1)]),
    open: () => Promise.reject(new Error("It was opened")),
  };
  assertEquals(await openFileLink(sealer, "A".repeat(3_073), 0), undefined);
});
