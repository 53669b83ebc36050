import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { createOwnerMarks } from "../../../src/access/policy.ts";
import { createSealer } from "../../../src/access/sealing.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);
const VALUE = { session: "sesn_1", calls: ["sevt_1"] };

Deno.test("open() returns what seal() sealed, and two seals of one value differ", async () => {
  const sealer = createSealer([key(1)]);
  const sealed = await sealer.seal("approval state", VALUE);
  assertEquals(await sealer.open("approval state", sealed), VALUE);
  assertNotEquals(await sealer.seal("approval state", VALUE), sealed);
  assert(!atob(sealed.replaceAll("-", "+").replaceAll("_", "/")).includes("sesn_1"));
});

Deno.test("open() opens nothing of another purpose, another key, or that was changed", async () => {
  const sealer = createSealer([key(1)]);
  const sealed = await sealer.seal("approval state", VALUE);
  assertEquals(await sealer.open("session owner", sealed), undefined);
  assertEquals(await createSealer([key(2)]).open("approval state", sealed), undefined);
  assertEquals(await createSealer().open("approval state", sealed), undefined);
  for (let at = 0; at < sealed.length; at++) {
    const char = sealed[at] === "A" ? "Q" : "A";
    const changed = sealed.slice(0, at) + char + sealed.slice(at + 1);
    assertEquals(await sealer.open("approval state", changed), undefined, `character ${at}`);
  }
  for (const text of ["", "A", "%", sealed.slice(0, -4), sealed + "AAAA"]) {
    assertEquals(await sealer.open("approval state", text), undefined, text);
  }
});

Deno.test("of several keys the first seals, and all open", async () => {
  const old = createSealer([key(1)]);
  const both = createSealer([key(2), key(1)]);
  const fromOld = await old.seal("approval state", VALUE);
  assertEquals(await both.open("approval state", fromOld), VALUE);
  const fromBoth = await both.seal("approval state", VALUE);
  assertEquals(await createSealer([key(2)]).open("approval state", fromBoth), VALUE);
  assertEquals(await old.open("approval state", fromBoth), undefined);
});

Deno.test("a sealer without keys has one of its own, which no other has", async () => {
  const sealed = await createSealer().seal("approval state", VALUE);
  const others = [createSealer(), createSealer([key(0)])];
  for (const other of others) assertEquals(await other.open("approval state", sealed), undefined);
});

Deno.test("replicas of every version derive the same keys", async () => {
  // By node:crypto: HKDF of the key with `cma-mcp <purpose> <use> v1`, then AES-GCM, or HMAC.
  const sealer = createSealer([key(1)]);
  const sealed = "BwcHBwcHBwcHBwcHAv0HfgTzbSH3AY8nRiP_Ymc1ueHPAvA";
  assertEquals(await sealer.open("approval state", sealed), { a: 1 });
  const marks = createOwnerMarks({ sealed: () => sealer.macKeys("session owner") });
  assertEquals(await marks.markOf("ci"), "hHFwef6pzX-0ZaFuT8O_FF20FHu_0mi3G7P93IDzkUY");
});
