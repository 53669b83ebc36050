// Texts of any length, depth and pattern: what is made of them is bounded, and so is its time.
import { assert } from "@std/assert";
import { createRedact } from "../../src/core/redact.ts";
import { plainLine } from "../../src/core/text.ts";
import { showEvent } from "../../src/session/event_types.ts";
import { fc, fuzzRuns } from "../helpers/fuzz.ts";
import { workedMs } from "../helpers/work_time.ts";

const BODY = "x7Kq-Zt2_Lm9RbVf4WsYc8NdHp3GjTa6QeUo1XiKzMv5BnJr0CyDwSl";

Deno.test("showEvent() bounds what is deep and what is wide", () => {
  const deep = JSON.parse(`${'{"a":['.repeat(20_000)}${"]}".repeat(20_000)}`);
  const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`k${at}`, [at]]));
  for (const odd of [deep, wide]) {
    for (const exposeToolInputs of [false, true]) {
      const options = { exposeToolInputs, maxFieldChars: 1_000 };
      for (const type of ["agent.tool_use", "agent.tool_result", "session.usage", "brand.new"]) {
        const event = { id: "sevt_1", type, content: odd, input: odd, usage: odd, other: odd };
        assert(JSON.stringify(showEvent(event, options)).length < 20_000);
      }
    }
  }
});

Deno.test("thorough() takes little time for long texts, however many secrets are known", () => {
  const secrets = Array.from({ length: 100 }, (_, index) => `${BODY.slice(index % 20)}${index}AbC`);
  const redact = createRedact(secrets);
  const nearly = `${BODY.slice(3, 13)}\\n%41`.repeat(20_000);
  fc.assert(
    fc.property(fc.constantFrom(nearly, "\\".repeat(200_000), "%4".repeat(100_000)), (text) => {
      redact.thorough(text);
    }),
    { ...fuzzRuns(5_000), numRuns: 6 },
  );
});

Deno.test("learn() takes no longer the more is known, however much secrets have in common", () => {
  const redact = createRedact([]);
  const head = `eyJ${BODY.repeat(4)}.eyJ${BODY.repeat(12)}`;
  const startedAt = workedMs();
  for (let index = 0; index < 2_000; index++) {
    redact.learn(`${head}.${BODY}${BODY.slice(index % 50)}${index}`);
    redact.learn(`${BODY}${BODY.slice(index % 50)}${index}`);
  }
  // By making all anew for each, it took minutes.
  assert(workedMs() - startedAt < 20_000);
});

Deno.test("what looks like the beginning of many JWTs takes little time", () => {
  const { learn, loose } = createRedact([]);
  learn(`eyJ${BODY}.eyJ${BODY}.${BODY}`);
  const startedAt = workedMs();
  for (const part of ["_eyJ", "eyJ", "-eyJabcdefgh", ".eyJ", ".eyJabcdefgh", "eyJabcdefgh."]) {
    for (const end of ["", " .eyJ", ".eyJ"]) loose(part.repeat(400_000 / part.length) + end);
  }
  // In the square of the length, it took minutes.
  assert(workedMs() - startedAt < 20_000);
});

Deno.test("loose() of any repetition of what it looks for comes to an end", () => {
  const { loose } = createRedact([]);
  const parts = [
    "bearer ",
    "basic\n",
    "authorization:",
    "a://",
    "@",
    "sk-ant-",
    'x-api-key=\\"',
    "Aa1",
  ];
  const pattern = fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 4 });
  fc.assert(
    // In quadratic time this would take minutes.
    fc.property(pattern, (repeated) => void loose(repeated.join("").repeat(50_000))),
    { ...fuzzRuns(3_000), numRuns: 30 },
  );
});

Deno.test("plainLine() of any repetition of what it looks for comes to an end", () => {
  for (const part of ["\x9d", "\x1b]", "\x9b0", "\x1b", "\x9b ", "\u200b", "\x1b]\x9d", "\x90a"]) {
    assert(plainLine(part.repeat(200_000)).length <= 400_000);
  }
});
