import { assert, assertEquals } from "@std/assert";
import { TOKEN_NAME } from "../../../src/access/access_file.ts";
import { callerFields, personId } from "../../../src/access/principal.ts";

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

Deno.test("the log names a token, or who has signed in, with a hash where it is to have one", () => {
  const person = { issuer: "https://a.example", subject: "alice" };
  const id = personId(person);
  assertEquals(callerFields({ id: "ci" }), { token: "ci" });
  assertEquals(callerFields({ id, person }), person);
  assertEquals(callerFields({ id, person: { ...person, rule: "staff", subjectHash: "h" } }), {
    issuer: "https://a.example",
    subject_hash: "h",
    rule: "staff",
  });
});
