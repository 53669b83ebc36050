import { assertEquals } from "@std/assert";
import { findings, lineOf, summaryOf } from "../../../../src/commands/doctor/finding.ts";
import { createRedact } from "../../../../src/core/redact.ts";

const { ok, warn, fail, skip } = findings("network");
const PLAIN = { color: false, redact: createRedact(["hunter2-secret"]) };

Deno.test("findings() makes findings of its check, with a cure only where there is one", () => {
  assertEquals([ok("Fine"), fail("Broken", "mend it")], [
    { check: "network", status: "ok", message: "Fine" },
    { check: "network", status: "fail", message: "Broken", cure: "mend it" },
  ]);
});

Deno.test("lineOf() puts status, check, message and cure on one line, in columns", () => {
  assertEquals(lineOf(fail("Broken", "mend it"), PLAIN), "fail network        Broken: mend it");
  assertEquals(lineOf(ok("Fine\nreally"), PLAIN), "ok   network        Fine really");
});

Deno.test("lineOf() drops the full stop of the API's words before a cure", () => {
  assertEquals(lineOf(fail("Invalid.", "mend it"), PLAIN), "fail network        Invalid: mend it");
  assertEquals(lineOf(fail("Invalid."), PLAIN), "fail network        Invalid.");
});

Deno.test("lineOf() hides known secrets", () => {
  assertEquals(
    lineOf(warn("The key hunter2-secret is odd"), PLAIN),
    "warn network        The key [redacted] is odd",
  );
});

Deno.test("lineOf() colours the status alone, and only on a terminal", () => {
  const line = lineOf(fail("Broken"), { ...PLAIN, color: true });
  assertEquals(line, "\u001b[31mfail \u001b[39mnetwork        Broken");
});

Deno.test("summaryOf() counts what is well, what is doubtful and what failed", () => {
  assertEquals(
    summaryOf([ok("a"), ok("b"), warn("c"), fail("d"), skip("e")]),
    "2 ok, 1 warning, 1 failed",
  );
  assertEquals(summaryOf([warn("a"), warn("b")]), "0 ok, 2 warnings, 0 failed");
});
