import { assertEquals } from "@std/assert";
import { createAuthenticator, hasCredentials } from "../../../src/transport/auth.ts";

const FIRST = "first-token-0123456789-0123456789";
const SECOND = "second-token-0123456789-012345678";

const CASES: readonly [string, Record<string, string>, number | undefined][] = [
  ["no header", {}, undefined],
  ["the first token", { authorization: `Bearer ${FIRST}` }, 1],
  ["the second token", { authorization: `Bearer ${SECOND}` }, 2],
  ["another case of the scheme", { authorization: `bearer ${FIRST}` }, 1],
  ["two spaces", { authorization: `Bearer  ${FIRST}` }, 1],
  ["X-API-Key", { "x-api-key": SECOND }, 2],
  ["a wrong bearer and a right key", { authorization: "Bearer no", "x-api-key": FIRST }, 1],
  ["a wrong token", { authorization: `Bearer ${FIRST}x` }, undefined],
  ["a prefix of a token", { authorization: `Bearer ${FIRST.slice(0, -1)}` }, undefined],
  ["another case of the token", { authorization: `Bearer ${FIRST.toUpperCase()}` }, undefined],
  ["another scheme", { authorization: `Basic ${FIRST}` }, undefined],
  ["no scheme", { authorization: FIRST }, undefined],
  ["an empty bearer", { authorization: "Bearer " }, undefined],
  ["an empty key", { "x-api-key": "" }, undefined],
  ["both tokens in one header", { authorization: `Bearer ${FIRST} ${SECOND}` }, undefined],
];

for (const [name, headers, expected] of CASES) {
  Deno.test(`identify() with ${name} gives ${expected}`, async () => {
    const { identify } = createAuthenticator([FIRST, SECOND]);
    assertEquals(await identify(new Headers(headers)), expected);
  });
}

Deno.test("hasCredentials() tells an offered token from none", () => {
  assertEquals(hasCredentials(new Headers()), false);
  assertEquals(hasCredentials(new Headers({ authorization: "Bearer x" })), true);
  assertEquals(hasCredentials(new Headers({ "x-api-key": "x" })), true);
});
