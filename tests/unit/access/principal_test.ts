import { assert, assertEquals } from "@std/assert";
import { TOKEN_NAME } from "../../../src/access/tokens.ts";
import { callerFields, personId, sealedIdOf } from "../../../src/access/principal.ts";

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

Deno.test("what stands for a caller in sealed texts is short, and tells callers apart", () => {
  const issuer = `https://${"a".repeat(200)}.example`;
  const ids = ["x".repeat(255), `${"x".repeat(254)}y`, '"'.repeat(255)]
    .map((subject) => personId({ issuer, subject }));
  const sealed = ids.map((id) => sealedIdOf({ principal: { id } }));
  assertEquals(new Set(sealed).size, ids.length);
  for (const text of sealed) assert(text.length <= 66 && !TOKEN_NAME.test(text), text);
  const token = "t".repeat(64);
  assertEquals([sealedIdOf({ principal: { id: token } }), sealedIdOf({})], [token, ""]);
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
