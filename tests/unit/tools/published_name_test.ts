import { assert, assertEquals, assertMatch } from "@std/assert";
import { publishedHash, publishedName, publishedNamed } from "../../../src/tools/published_name.ts";
import { TOOLS } from "../../../src/tools/registry.ts";
import { fc, fuzzRuns } from "../../helpers/fuzz.ts";

const hash = publishedHash(publishedName("agent_1", "")) ?? "";

Deno.test("publishedName() is made of the agent's name and of its id", () => {
  const cases: readonly [string, string][] = [
    ["Research Lead", "research_lead"],
    ["  Résumé-Prüfer 2.0 ", "resume_prufer_2_0"],
    ["ＦＵＬＬ width ﬁ", "full_width_fi"],
    ["A".repeat(29) + " b", "a".repeat(29)],
    ["A".repeat(40), "a".repeat(30)],
    ["-".repeat(40) + "a", "a"],
  ];
  for (const [name, slug] of cases) {
    assertEquals(publishedName("agent_1", name), `agent_${slug}_${hash}`);
  }
});

Deno.test("publishedName() goes by the id alone where a name has no Latin letter and no digit", () => {
  for (const name of ["", "研究員", "Аналитик", "🤖", "_", "--"]) {
    assertEquals(publishedName("agent_1", name), `agent_${hash}`);
  }
});

Deno.test("publishedName() differs for agents of one name", () => {
  const names = Array.from({ length: 1_000 }, (_, at) => publishedName(`agent_${at}`, "Writer"));
  assertEquals(new Set(names).size, names.length);
});

Deno.test("publishedName() is a name that every host takes, whatever the agent is called", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.string(), (name, id) => {
      const made = publishedName(id, name);
      assertMatch(made, /^agent_[a-z0-9_]{6,37}$/);
      assert(!made.includes("__"), made);
      assertEquals(publishedHash(made), publishedHash(publishedName(id, "")));
    }),
    fuzzRuns(300),
  );
});

Deno.test("no other tool has the name of a published one, or looks as if it could", () => {
  assertEquals(TOOLS.filter(({ name }) => name.startsWith("agent_")), []);
  for (const name of ["list_agents", "ask_agent", "agent_", "agent_short", "x_agent_abcdef"]) {
    assertEquals(publishedHash(name), undefined, name);
  }
  assertEquals(publishedHash(`agent_${"a".repeat(31)}_abcdef`), undefined);
});

Deno.test("publishedNamed() finds an agent by its name, and by each that it had before", () => {
  const tools = [["agent_1", "Writer"], ["agent_2", "Writer"]]
    .map(([id = "", name = ""]) => ({ id, name: publishedName(id, name) }));
  const found = (name: string) => publishedNamed(tools, name)?.id;
  assertEquals(tools.map(({ name }) => found(name)), ["agent_1", "agent_2"]);
  assertEquals(found(publishedName("agent_2", "Reader")), "agent_2");
  assertEquals(found(publishedName("agent_2", "")), "agent_2");
  assertEquals(found(publishedName("agent_3", "Writer")), undefined);
  assertEquals(found("writer"), undefined);
});

Deno.test("publishedNamed() guesses nothing where two agents could be meant", () => {
  const tools = ["a", "b"].map((slug) => ({ name: `agent_${slug}_abcdef` }));
  assertEquals(publishedNamed(tools, "agent_a_abcdef"), tools[0]);
  assertEquals(publishedNamed(tools, "agent_c_abcdef"), undefined);
});
