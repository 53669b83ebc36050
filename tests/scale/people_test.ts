import { assert, assertEquals } from "@std/assert";
import { createRateLimiter } from "../../src/access/limits.ts";
import { createOwnerMarks } from "../../src/access/policy.ts";
import type { TokenCheck } from "../../src/access/access_tokens.ts";
import { createSealer } from "../../src/access/sealing.ts";
import { createTokenRegistry } from "../../src/access/tokens.ts";
import { type LogFields, silentLogger } from "../../src/core/logger.ts";
import { createSignIn } from "../../src/http/sign_in.ts";
import { ManualClock } from "../helpers/manual_clock.ts";
import { fakeVerifier, ISSUER, oauthSettings } from "../helpers/signed_in.ts";

Deno.test("however many people come in one minute, their buckets are bounded", () => {
  const { take, size } = createRateLimiter(new ManualClock());
  for (let one = 0; one < 100_100; one++) take(String(one), 5);
  assertEquals(size(), 100_000);
});

Deno.test("however many people make sessions, their marks are bounded", async () => {
  let signed = 0;
  const { subtle } = crypto;
  const sign = subtle.sign.bind(subtle);
  subtle.sign = (...args: Parameters<typeof sign>) => {
    signed++;
    return sign(...args);
  };
  try {
    const marks = createOwnerMarks({ bindingKey: "x".repeat(32) });
    const first = await marks.markOf("first");
    assert(await marks.isMarkOf(first, "first"));
    assertEquals(signed, 1);
    for (let one = 0; one < 10_000; one++) await marks.markOf(`person ${one}`);
    assert(await marks.isMarkOf(first, "first"));
    assertEquals(signed, 10_002);
  } finally {
    subtle.sign = sign;
  }
});

Deno.test("however many people sign in, what is remembered of them is bounded", async () => {
  const lines: unknown[] = [];
  const log = { ...silentLogger, info: (_: string, fields?: LogFields) => lines.push(fields) };
  let hashed = 0;
  const { subtle } = crypto;
  const sign = subtle.sign.bind(subtle);
  subtle.sign = (...args: Parameters<typeof sign>) => {
    hashed++;
    return sign(...args);
  };
  try {
    const { check } = createSignIn({
      settings: oauthSettings({ hashSubjects: true }),
      verifier: { ...fakeVerifier(), verify: (subject) => Promise.resolve(accepted(subject)) },
      registry: createTokenRegistry([]),
      sealer: createSealer([new Uint8Array(32).fill(1)]),
      ...{ clock: new ManualClock(), log, scopes: [], metadataUrl: "https://mcp.example.com" },
    });
    for (let again = 0; again < 2; again++) await check("first");
    assertEquals([lines.length, hashed], [1, 1]);
    for (let one = 0; one < 10_000; one++) await check(`person ${one}`);
    await check("first");
    // Forgotten by then, and so said and hashed anew.
    assertEquals([lines.length, hashed], [10_002, 10_002]);
  } finally {
    subtle.sign = sign;
  }
});

function accepted(subject: string): TokenCheck {
  return {
    kind: "accepted",
    ...{ issuer: ISSUER, subject, scopes: [], claims: {} },
    expiresAtMs: Infinity,
    method: "jwt",
  };
}
