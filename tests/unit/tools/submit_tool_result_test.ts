import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { submitToolResult } from "../../../src/tools/submit_tool_result.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { askingCall } from "../session/asked_support.ts";
import { answering } from "./answer_support.ts";

/** A session that waits for the result of `get_weather`, unless told otherwise. */
function submitting(
  make = (e: EventMaker): SessionEvent[] => [
    e.make("agent.custom_tool_use", { name: "get_weather", input: { city: "Lisbon" } }),
  ],
) {
  return answering(submitToolResult, make, { text: "Sunny." });
}

Deno.test("submit_tool_result sends the text, and says what to do next", async () => {
  const { answer, sent, ids } = submitting();
  assertEquals(await answer(), {
    session_id: "sesn_1",
    event_id: ids[0],
    outcome: "sent",
    next: "Call wait_for_idle for what the agent does next.",
  });
  assertEquals(sent, [{
    type: "user.custom_tool_result",
    custom_tool_use_id: String(ids[0]),
    content: [{ type: "text", text: "Sunny." }],
    is_error: false,
  }]);
});

Deno.test("submit_tool_result sends images and documents, by URL and by file", async () => {
  const { answer, sent, ids } = submitting();
  await answer({
    text: null,
    image_urls: ["https://example.com/a.png"],
    image_file_ids: ["file_1", "file_2"],
    document_urls: ["HTTPS://example.com/b.pdf?x=1"],
    document_file_ids: ["file_3"],
    is_error: "true",
  });
  assertEquals(sent, [{
    type: "user.custom_tool_result",
    custom_tool_use_id: String(ids[0]),
    content: [
      { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
      { type: "image", source: { type: "file", file_id: "file_1" } },
      { type: "image", source: { type: "file", file_id: "file_2" } },
      { type: "document", source: { type: "url", url: "HTTPS://example.com/b.pdf?x=1" } },
      { type: "document", source: { type: "file", file_id: "file_3" } },
    ],
    is_error: true,
  }]);
});

Deno.test("submit_tool_result takes an error without words, and no result without content", async () => {
  const bare = submitting();
  assertEquals((await bare.answer({ text: "", is_error: true })).outcome, "sent");
  assertEquals(bare.sent.map((event) => "content" in event && event.content), [[]]);
  const { refusal, sent } = submitting();
  for (
    const nothing of [{ text: null }, { text: "", is_error: false }, { text: "", image_urls: [] }]
  ) {
    const { code, message } = await refusal(nothing);
    assertEquals(code, "invalid_argument");
    assertStringIncludes(message, "no content, so nothing was sent");
  }
  assertEquals(sent, []);
});

const WRONG: readonly [string, Record<string, unknown>, string][] = [
  ["an http URL", { image_urls: ["http://example.com/a.png"] }, "image_urls must be a list of at "],
  ["another scheme", { document_urls: ["file:///etc/passwd"] }, "each an https:// address"],
  ["no host", { image_urls: ["https:///a"] }, "each an https:// address"],
  ["blanks in a URL", { image_urls: ["https://a.example/ b"] }, "each an https:// address"],
  ["a long URL", { image_urls: [`https://a.example/${"b".repeat(2_048)}`] }, "2048 characters"],
  ["many URLs", { image_urls: Array(11).fill("https://a.example/") }, "a list of at most 10"],
  ["many files", { document_file_ids: Array(11).fill("file_1") }, "a list of at most 10"],
  ["a path as a file", { image_file_ids: ["../files"] }, "image_file_ids must be a list"],
  ["a long text", { text: "x".repeat(100_001) }, "text must be a text of 0 to 100000 characters"],
  ["an error that is none", { is_error: "perhaps" }, "is_error must be a boolean"],
];

for (const [what, args, words] of WRONG) {
  Deno.test(`submit_tool_result refuses ${what}`, async () => {
    const { refusal, sent } = submitting();
    const { code, message } = await refusal(args);
    assertEquals(code, "invalid_argument");
    assertStringIncludes(message, words);
    assertEquals(sent, []);
  });
}

Deno.test("submit_tool_result sends nothing for a call that waits for a person's decision", async () => {
  const { refusal, sent } = submitting((e) => [askingCall(e, {})]);
  const { code, message } = await refusal({}, { has: () => true });
  assertEquals(code, "other_kind");
  assertMatch(
    message,
    /waits for a person's decision, so nothing was sent: use confirm_tool_use\.$/,
  );
  assertEquals(sent, []);
});

Deno.test("submit_tool_result sends nothing for an event that waits for no result", async () => {
  const { refusal, sent } = submitting();
  const { code, message } = await refusal({ event_id: "sevt_unknown" });
  assertEquals(code, "not_waiting");
  assertStringIncludes(message, "waits for the result of a custom tool under event_id");
  assertEquals(sent, []);
});

Deno.test("submit_tool_result sends each result once", async () => {
  const { answer, sent } = submitting();
  const outcomes = await Promise.all([answer(), answer()]);
  const later = [await answer(), await answer({ text: "Rain." })];
  assertEquals(outcomes.map(({ outcome }) => outcome).sort(), ["repeated", "sent"]);
  assertEquals(later.map(({ outcome }) => outcome), ["repeated", "answered_elsewhere"]);
  assertEquals(sent.length, 1);
});

Deno.test("submit_tool_result sends nothing for a caller without the right to act", async () => {
  const { answer, sent } = submitting();
  const principal = { id: "ci", scopes: ["sessions:write"] } as const;
  await assertRejects(() => answer({}, { principal }), ToolError, "Your token");
  assertEquals(sent, []);
});

Deno.test("submit_tool_result sends no file that its caller may not reach", async () => {
  const { answer, sent, services } = submitting();
  const asked: string[] = [];
  const access: typeof services.access = {
    ...services.access,
    checkFile: (id) => {
      asked.push(id);
      return Promise.reject(new ToolError("not_available", "That file does not exist."));
    },
  };
  for (const name of ["image_file_ids", "document_file_ids"]) {
    const args = { [name]: ["file_1"] };
    await assertRejects(() => answer(args, { services: { ...services, access } }), ToolError);
  }
  assertEquals([asked, sent], [["file_1", "file_1"], []]);
});

Deno.test("submit_tool_result repeats of a tool's name only the beginning", async () => {
  const { refusal } = submitting((e) => [askingCall(e, {}, { name: "n".repeat(120) })]);
  assertStringIncludes((await refusal({})).message, `of ${"n".repeat(100)}…, waits for`);
});
