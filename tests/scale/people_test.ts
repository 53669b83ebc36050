import { assert, assertEquals } from "@std/assert";
import { createRateLimiter } from "../../src/access/limits.ts";
import { createOwnerMarks } from "../../src/access/policy.ts";
import { ManualClock } from "../helpers/manual_clock.ts";

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
