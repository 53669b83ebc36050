import { assertEquals } from "@std/assert";
import { answererOf } from "../../../src/tools/answerer.ts";
import { personId } from "../../../src/access/principal.ts";
import { harness } from "./support.ts";

Deno.test("answererOf() names token, client and request, and asks for the scope of actions", () => {
  const { call } = harness({});
  const { mayAct, ...facts } = answererOf(call({
    principal: { id: "team-a", scopes: ["sessions:read"] },
    clientInfo: { name: "host", version: "1" },
    httpRequestId: "req-1",
  }));
  assertEquals(facts, { caller: { token: "team-a" }, client: "host", requestId: "req-1" });
  assertEquals(mayAct(), false);
  const person = { issuer: "https://login.example.com", subject: "alice", rule: "staff" };
  const alice = { id: personId(person), person: { ...person, subjectHash: "h" } };
  assertEquals<unknown>(answererOf(call({ principal: alice })).caller, {
    issuer: person.issuer,
    subject_hash: "h",
    rule: "staff",
  });
  const local = answererOf(call({ requestId: "an id\nof a client" }));
  assertEquals([local.mayAct(), "requestId" in local, "caller" in local], [true, false, false]);
  assertEquals(answererOf(call({ principal: { id: "a", scopes: ["actions"] } })).mayAct(), true);
  assertEquals(answererOf(call({ principal: { id: "a", readOnly: true } })).mayAct(), false);
});
