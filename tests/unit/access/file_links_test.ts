import { assert, assertEquals, assertMatch } from "@std/assert";
import { createFileLinks, LINK_MS, openFileLink } from "../../../src/access/file_links.ts";
import { personId } from "../../../src/access/principal.ts";
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

const PERSON = { issuer: "https://login.example.com", subject: "alice" };

Deno.test("a person's link names issuer, subject and rule, and nothing else of them", async () => {
  const sealer = createSealer([key(1)]);
  const links = createFileLinks({ sealer, publicUrl: BASE, clock: new ManualClock() });
  const now = new ManualClock().wallTime();
  for (const person of [PERSON, { ...PERSON, rule: "staff" }]) {
    const file = { ...FILE, principalId: personId(person) };
    const { url } = await links.make({ ...file, person: { ...person, subjectHash: "h" } });
    const opened = await openFileLink(sealer, url.slice(`${BASE}/files/`.length), now);
    assertEquals(opened, { ...file, person });
  }
});

Deno.test("a link for the longest subject and the longest ids opens, in every script", async () => {
  const sealer = createSealer([key(1)]);
  const publicUrl = `https://${"m".repeat(200)}.example/agents`;
  const links = createFileLinks({ sealer, publicUrl, clock: new ManualClock() });
  for (const letter of ["x", '"', "\\", "ü", "字"]) {
    const person = {
      issuer: `https://${"i".repeat(200)}.example/tenant`,
      subject: letter.repeat(255),
      rule: "r".repeat(64),
    };
    const file = { sessionId: "s".repeat(128), fileId: "f".repeat(128) };
    const { url } = await links.make({ ...file, person, principalId: personId(person) });
    assert(url.length < 4_000, String(url.length));
    const sealed = url.slice(`${publicUrl}/files/`.length);
    const opened = await openFileLink(sealer, sealed, new ManualClock().wallTime());
    assertEquals(opened?.person, person, letter);
  }
});

Deno.test("what names a person only half opens nothing", async () => {
  const sealer = createSealer([key(1)]);
  const now = new ManualClock().wallTime();
  for (const whose of [[], ["i"], ["", "s"], ["i", ""], [1, 2], [["i"], "s"], null, {}]) {
    const sealed = await sealer.seal("file link", [whose, "sesn_1", "file_1", now + 1]);
    assertEquals(await openFileLink(sealer, sealed, now), undefined, JSON.stringify(whose));
  }
});
