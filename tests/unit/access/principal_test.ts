import { assert, assertEquals } from "@std/assert";
import { TOKEN_NAME } from "../../../src/access/access_file.ts";
import { personId } from "../../../src/access/principal.ts";

Deno.test("a person's id is no token's name, and tells issuers and subjects apart", () => {
  const people = [
    { issuer: "https://a.example", subject: "b" },
    { issuer: "https://a.example", subject: 'b","c' },
    { issuer: 'https://a.example","b', subject: "c" },
    { issuer: "https://b.example", subject: "b" },
  ];
  const ids = people.map(personId);
  assertEquals(new Set(ids).size, people.length);
  for (const id of ids) assert(!TOKEN_NAME.test(id), id);
});
