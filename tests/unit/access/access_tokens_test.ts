import { assertEquals } from "@std/assert";
import { isJwt } from "../../../src/access/access_tokens.ts";

Deno.test("isJwt() tells JWTs, also encrypted and garbled ones, from tokens to ask about", () => {
  const jwts = [
    "eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
    "a.b.c",
    "a..",
    "eyJhbGciOiJkaXIifQ..a.b.c",
    "eyJhb",
  ];
  assertEquals(jwts.filter((token) => !isJwt(token)), []);
  const others = ["", "opaque", "two.parts", "a.b.c.d", "a b.c.d", "ya29.a0AfB_token"];
  assertEquals(others.filter(isJwt), []);
});
