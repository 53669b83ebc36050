import { assertEquals, assertMatch } from "@std/assert";
import { ApiError } from "../../../../src/api/errors.ts";
import { createApiReadiness } from "../../../../src/commands/serve/readiness.ts";
import { recordProgram } from "../../../helpers/program.ts";

function open() {
  const state = { reached: true, asked: 0 };
  const program = recordProgram();
  const agents = {
    list: () => {
      state.asked++;
      return state.reached
        ? Promise.resolve({ data: [] })
        : Promise.reject(new ApiError("Cannot reach the API at api.example.com", { kind: "http" }));
    },
  };
  return { state, program, api: createApiReadiness({ agents }, program.log) };
}

Deno.test("a readiness check writes no line as long as the API can be reached", async () => {
  const { state, program, api } = open();
  assertEquals(api.last, undefined);
  for (let i = 0; i < 3; i++) assertEquals(await api.check(), true);
  assertEquals([api.last, state.asked, program.logged], [true, 3, []]);
});

Deno.test("readiness checks write one line when the API is lost, and one when it is back", async () => {
  const { state, program, api } = open();
  for (const reached of [false, false, false, true, true, false, true]) {
    state.reached = reached;
    assertEquals([await api.check(), api.last], [reached, reached]);
  }
  const [lost = "", back = "", ...more] = program.logged;
  assertMatch(lost, /warn: The API is not reached.*error=.*Cannot reach the API at api\.example/);
  assertMatch(back, /info: The API is reached again/);
  assertEquals(more, [lost, back]);
});

Deno.test("what is last known of the API costs no request", () => {
  const { state, api } = open();
  for (let i = 0; i < 3; i++) assertEquals(api.last, undefined);
  assertEquals(state.asked, 0);
});
