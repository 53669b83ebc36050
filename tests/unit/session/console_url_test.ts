import { assertEquals } from "@std/assert";
import { consoleUrlOf } from "../../../src/session/console_url.ts";

const BASE = "https://console.example/sessions";

Deno.test("consoleUrlOf() names the session, and the event where there is one", () => {
  assertEquals(consoleUrlOf(BASE, "sesn_1"), `${BASE}/sesn_1`);
  assertEquals(consoleUrlOf(BASE, "sesn_1", "sevt_2"), `${BASE}/sesn_1?event=sevt_2`);
});

Deno.test("consoleUrlOf() encodes ids: none leads elsewhere", () => {
  assertEquals(
    consoleUrlOf(BASE, "../a?b#c", "x&event=y"),
    `${BASE}/..%2Fa%3Fb%23c?event=x%26event%3Dy`,
  );
});
