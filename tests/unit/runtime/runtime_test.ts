import { assert, assertEquals } from "@std/assert";
import { UsageError } from "../../../src/core/errors.ts";
import { ListenError } from "../../../src/runtime/runtime.ts";

const ADDRESS = { host: "203.0.113.1", port: 443 };

const REASONS: readonly [ListenError["reason"], string][] = [
  ["taken", "Port 443 is taken: type --port <another>, or 0 for a free one"],
  ["forbidden", "Cannot listen on 203.0.113.1:443: type another --host or --port"],
  ["unavailable", "Cannot listen on 203.0.113.1:443: type another --host or --port"],
  [
    "certificate",
    "The certificate and its key cannot be used together: check that both are whole and belong " +
    "to each other",
  ],
];
for (const [reason, message] of REASONS) {
  Deno.test(`a ListenError with the reason ${reason} says what to do`, () => {
    const error = new ListenError(reason, ADDRESS);
    assertEquals([error.reason, error.message], [reason, message]);
    assert(error instanceof UsageError);
  });
}
