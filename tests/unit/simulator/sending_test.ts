import { assertEquals } from "@std/assert";
import { answeredId, answerOf } from "../../../src/simulator/sending.ts";

for (
  const [event, id, answer] of [
    [
      { type: "user.tool_confirmation", tool_use_id: "a", result: "allow" },
      "a",
      { allowed: true, text: "" },
    ],
    [
      { type: "user.tool_confirmation", tool_use_id: "a", result: "deny", deny_message: "No." },
      "a",
      { allowed: false, text: "No." },
    ],
    [
      {
        type: "user.custom_tool_result",
        custom_tool_use_id: "b",
        content: [{ type: "text", text: "42" }],
      },
      "b",
      { allowed: true, text: "42" },
    ],
    [{ type: "user.tool_result", tool_use_id: "c" }, "c", { allowed: true, text: "" }],
  ] as const
) {
  Deno.test(`a ${event.type} answers call ${id} with ${JSON.stringify(answer)}`, () => {
    assertEquals([answeredId(event), answerOf(event)], [id, answer]);
  });
}

Deno.test("a message answers no call", () => {
  assertEquals(answeredId({ type: "user.message", content: [] }), undefined);
});
