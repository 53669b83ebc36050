import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  makeProof,
  MAX_PROOF_CHARS,
  openProof,
  PROOF_MS,
  type ProofTools,
  type ProvenCall,
} from "../../../src/access/proofs.ts";
import type { Principal } from "../../../src/access/principal.ts";
import { createSealer, type Purpose } from "../../../src/access/sealing.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);

const CALL: ProvenCall = {
  kind: "tool_confirmation",
  eventId: "sevt_1",
  digest: "d".repeat(64),
  mayAllow: true,
};
const NAMED = { sessionId: "sesn_1", eventId: "sevt_1" };
const CALLER: Principal = { id: "team" };
const VALID = { kind: "valid", call: CALL } as const;

function tools(overrides: Partial<ProofTools> = {}): ProofTools & { readonly clock: ManualClock } {
  const clock = new ManualClock();
  return { sealer: createSealer([key(1)]), redact: createRedact([]), ...overrides, clock };
}

/** The proof of {@linkcode CALL}, for {@linkcode CALLER} unless told otherwise. */
async function proofBy(
  given: ProofTools,
  principal: Principal | undefined = CALLER,
  sessionId = NAMED.sessionId,
  call = CALL,
): Promise<string> {
  const proof = await makeProof(given, { principal }, sessionId, call);
  assert(proof !== undefined);
  return proof;
}

Deno.test("a proof opens for its caller, session and event, and shows none of them", async () => {
  const given = tools();
  const proof = await proofBy(given);
  assertMatch(proof, /^[\w-]{200,400}$/);
  const plain = atob(proof.replaceAll("-", "+").replaceAll("_", "/"));
  for (const id of ["team", "sesn_1", "sevt_1", CALL.digest]) assert(!plain.includes(id));
  assertEquals(await openProof(given, { principal: CALLER }, NAMED, proof), VALID);
  // It uses nothing up.
  assertEquals(await openProof(given, { principal: CALLER }, NAMED, proof), VALID);
});

Deno.test("a proof carries the call as it was shown", async () => {
  const given = tools();
  for (
    const call of [
      { ...CALL, kind: "custom_tool_result" as const },
      { ...CALL, digest: "e".repeat(64) },
      { ...CALL, mayAllow: false },
    ]
  ) {
    const proof = await proofBy(given, CALLER, "sesn_1", call);
    assertEquals(await openProof(given, { principal: CALLER }, NAMED, proof), {
      kind: "valid",
      call,
    });
  }
});

/** Callers and calls that differ from those of the proof in one field. */
const OTHERS: Readonly<
  Record<string, { principal?: Principal | undefined; sessionId?: string; eventId?: string }>
> = {
  "another caller": { principal: { id: "teams" } },
  "a caller whom nobody identifies": { principal: undefined },
  "another session": { sessionId: "sesn_2" },
  "another event": { eventId: "sevt_2" },
};

for (const [what, other] of Object.entries(OTHERS)) {
  Deno.test(`a proof does not open for ${what}, and opens for its own afterwards`, async () => {
    const given = tools();
    const proof = await proofBy(given);
    const { principal = undefined, ...named } = { principal: CALLER, ...other };
    assertEquals(await openProof(given, { principal }, { ...NAMED, ...named }, proof), {
      kind: "invalid",
      why: "foreign",
    });
    assertEquals(await openProof(given, { principal: CALLER }, NAMED, proof), VALID);
  });
}

Deno.test("the proof of the only caller on stdio opens for no caller with a name", async () => {
  const given = tools();
  const proof = await makeProof(given, {}, "sesn_1", CALL);
  assert(proof !== undefined);
  assertEquals(await openProof(given, {}, NAMED, proof), VALID);
  for (const id of ["team", "null", ""]) {
    const opened = await openProof(given, { principal: { id } }, NAMED, proof);
    assertEquals(opened, { kind: "invalid", why: "foreign" }, id);
  }
});

Deno.test("a proof opens for ten minutes by the wall clock, and not at their end", async () => {
  const given = tools();
  assertEquals(PROOF_MS, 10 * 60_000);
  const endsAt = given.clock.wallTime() + PROOF_MS;
  const proof = await proofBy(given);
  const openAt = (time: number) =>
    openProof(
      { ...given, clock: { wallTime: () => time } },
      { principal: CALLER },
      NAMED,
      proof,
    );
  assertEquals(await openAt(endsAt - 1), VALID);
  assertEquals(await openAt(endsAt), { kind: "invalid", why: "expired" });
  assertEquals(await openAt(endsAt + 86_400_000), { kind: "invalid", why: "expired" });
});

Deno.test("a proof opens by every key of the list, and by no other", async () => {
  const given = tools();
  const proof = await proofBy(given);
  const openBy = (sealer: ProofTools["sealer"]) =>
    openProof({ ...given, sealer }, { principal: CALLER }, NAMED, proof);
  assertEquals(await openBy(createSealer([key(2), key(1)])), VALID);
  for (const sealer of [createSealer([key(2)]), createSealer()]) {
    assertEquals(await openBy(sealer), { kind: "invalid", why: "unreadable" });
  }
});

Deno.test("what was changed, sealed for another purpose or as another value is no proof", async () => {
  const given = tools();
  const { sealer, clock } = given;
  const proof = await proofBy(given);
  const open = (text: string) => openProof(given, { principal: CALLER }, NAMED, text);
  const unreadable = { kind: "invalid", why: "unreadable" } as const;
  for (let at = 0; at < proof.length; at++) {
    const changed = proof.slice(0, at) + (proof[at] === "A" ? "Q" : "A") + proof.slice(at + 1);
    assertEquals(await open(changed), unreadable, `character ${at}`);
  }
  for (const text of ["", "A", "%2e", `${proof}A`, proof.slice(1), `${proof}\0`]) {
    assertEquals(await open(text), unreadable, text.slice(0, 20));
  }
  const end = clock.wallTime() + PROOF_MS;
  const right = ["team", "sesn_1", "sevt_1", CALL.kind, CALL.digest, true, end];
  assertEquals(await open(await sealer.seal("proof", right)), VALID);
  const purposes: readonly Exclude<Purpose, "proof">[] = [
    ...["approval state", "session owner", "session list", "session page"] as const,
    ...["file link", "client extension", "idempotency"] as const,
  ];
  for (const purpose of purposes) {
    assertEquals(await open(await sealer.seal(purpose, right)), unreadable, purpose);
    assertEquals(await sealer.open(purpose, proof), undefined, purpose);
  }
  const values: readonly unknown[] = [
    null,
    { ...CALL, sessionId: "sesn_1" },
    right.slice(0, 6),
    right.with(3, "answer"),
    right.with(4, ""),
    right.with(4, 1),
    right.with(5, "true"),
    right.with(6, String(end)),
  ];
  for (const value of values) {
    assertEquals(await open(await sealer.seal("proof", value)), unreadable, String(value));
  }
});

Deno.test("a text longer than any proof is not even decrypted", async () => {
  const sealer = {
    ...createSealer([key(1)]),
    open: () => Promise.reject(new Error("It was opened")),
  };
  const given = { ...tools(), sealer };
  assertEquals(
    await openProof(given, { principal: CALLER }, NAMED, "A".repeat(MAX_PROOF_CHARS + 1)),
    { kind: "invalid", why: "unreadable" },
  );
});

Deno.test("the longest ids have a proof; what would be longer than any proof has none", async () => {
  const given = tools();
  const long = { sessionId: "s".repeat(128), eventId: "😀".repeat(128) };
  const proof = await proofBy(given, { id: "t".repeat(128) }, long.sessionId, {
    ...CALL,
    eventId: long.eventId,
  });
  assert(proof.length <= MAX_PROOF_CHARS);
  const event = { ...CALL, eventId: "x".repeat(2_000) };
  assertEquals(await makeProof(given, { principal: CALLER }, "sesn_1", event), undefined);
});

Deno.test("a person with the longest id has a proof, which is nobody else's", async () => {
  const given = tools();
  const [alice, bob] = ["a", "b"].map((letter) => ({ id: letter.repeat(2_000) }));
  const proof = await makeProof(given, { principal: alice }, NAMED.sessionId, CALL);
  assert(proof !== undefined && proof.length < MAX_PROOF_CHARS / 2);
  assertEquals((await openProof(given, { principal: alice }, NAMED, proof)).kind, "valid");
  assertEquals(await openProof(given, { principal: bob }, NAMED, proof), {
    kind: "invalid",
    why: "foreign",
  });
});

Deno.test("a proof in which a secret seems to stand is sealed again, and given up in the end", async () => {
  const seen: string[] = [];
  const inner = createSealer([key(1)]);
  const sealer: ProofTools["sealer"] = {
    open: inner.open,
    seal: async (purpose, value) => {
      const text = await inner.seal(purpose, value);
      seen.push(text);
      return text;
    },
  };
  const hiding = (times: number) =>
    tools({
      sealer,
      redact: { thorough: (text) => seen.length <= times ? `${text.slice(1)}[redacted]` : text },
    });
  const given = hiding(2);
  const proof = await proofBy(given);
  assertEquals([seen.length, new Set(seen).size, seen.at(-1) === proof], [3, 3, true]);
  assertEquals(await openProof(given, { principal: CALLER }, NAMED, proof), VALID);
  seen.length = 0;
  assertEquals(await makeProof(hiding(99), { principal: CALLER }, "sesn_1", CALL), undefined);
  assertEquals(seen.length, 4);
});
