import { assert, assertEquals } from "@std/assert";
import { requestIdFor, withRequestId } from "../../../src/http/responses.ts";

const SANE = ["1", "a-b_c.d~e", "Root=1-67891233-abcdef012345678912345678", "x".repeat(128)];
for (const id of SANE) {
  Deno.test(`a request id such as ${id.slice(0, 50)} is kept`, () => {
    assertEquals(requestIdFor(new Headers({ "x-request-id": id })), id);
  });
}

const ODD: readonly (string | undefined)[] = [
  undefined,
  "",
  "two words",
  'quo"ted',
  "{}",
  "x".repeat(129),
  "%0a",
];
for (const id of ODD) {
  Deno.test(`instead of ${JSON.stringify(id)?.slice(0, 50)} a request gets an id of its own`, () => {
    const headers = new Headers(id === undefined ? {} : { "x-request-id": id });
    const [one, two] = [requestIdFor(headers), requestIdFor(headers)];
    assert(/^[0-9a-f-]{36}$/.test(one) && one !== two);
  });
}

Deno.test("the answer carries the id beside its other headers", () => {
  const response = withRequestId(new Response(null, { headers: { allow: "GET" } }), "req-1");
  assertEquals([response.headers.get("x-request-id"), response.headers.get("allow")], [
    "req-1",
    "GET",
  ]);
});
