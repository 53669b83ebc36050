import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import {
  subagentsIn,
  type TranscriptOptions,
  utcTime,
  writeTranscript,
} from "../../../src/session/transcript.ts";

const OPTIONS: TranscriptOptions = {
  subagents: new Map(),
  exposeToolInputs: false,
  redact: (text) => text,
  roomChars: 10_000,
};

/** An event so many seconds after nine o'clock. */
function at(second: number, type: string, fields: Record<string, unknown> = {}): SessionEvent {
  const processed_at = new Date(Date.parse("2026-11-26T09:00:00.250Z") + second * 1_000)
    .toISOString();
  return { id: `sevt_${second}`, type, processed_at, ...fields };
}

function said(second: number, type: string, text: string): SessionEvent {
  return at(second, type, { content: [{ type: "text", text }] });
}

Deno.test("writeTranscript() has a section for each speaker, and a line for each tool call", () => {
  const { markdown, told } = writeTranscript([
    said(0, "user.message", "Make a chart.\n\nOf June."),
    said(2, "agent.message", "I'll look."),
    at(3, "agent.tool_use", { name: "bash" }),
    at(4, "agent.tool_use", { name: "write" }),
    at(5, "agent.tool_result", { tool_use_id: "sevt_3", content: "abc" }),
    at(6, "agent.thinking"),
    said(7, "agent.message", "Done.\n"),
    said(100, "agent.message", "By the way:"),
    at(101, "user.interrupt"),
  ], OPTIONS);
  assertEquals(told, 9);
  assertEquals(
    markdown,
    `## User · 2026-11-26 09:00:00 UTC

> Make a chart.
>
> Of June.

## Agent · 2026-11-26 09:00:02 UTC

> I'll look.

- Tool \`bash\`: done, 3 characters
- Tool \`write\`

> Done.

## Agent · 2026-11-26 09:01:40 UTC

> By the way:

## User · 2026-11-26 09:01:41 UTC

- Interrupted the agent.
`,
  );
});

Deno.test("writeTranscript() takes a decision about a call for no result of it", () => {
  const { markdown } = writeTranscript([
    at(0, "agent.tool_use", { name: "bash", evaluated_permission: "ask" }),
    at(1, "user.tool_confirmation", { tool_use_id: "sevt_0", result: "allow" }),
  ], OPTIONS);
  assert(markdown.includes("- Tool `bash` (asked for approval)\n"), markdown);
});

Deno.test("writeTranscript() puts what a line announces, and what came with it, around the text", () => {
  const content = [{ type: "text", text: "Look." }, { type: "image" }];
  const { markdown } = writeTranscript([
    at(0, "agent.thread_message_sent", { to_agent_name: "Reviewer", content }),
    at(1, "session.thread_created", { agent_name: "Reviewer" }),
    at(2, "agent.message", { content: [] }),
    at(3, "session.thread_created", { agent_name: "Reviewer" }),
  ], OPTIONS);
  assertEquals(
    markdown,
    `## Agent · 2026-11-26 09:00:00 UTC

- To subagent Reviewer:

> Look.

- With an image
- Started subagent Reviewer
- Started subagent Reviewer
`,
  );
});

Deno.test("writeTranscript() has no time where an event has none, and stays in its section", () => {
  const { markdown } = writeTranscript([
    { type: "user.message", content: "a" },
    { type: "user.message", content: "b", processed_at: null },
  ], OPTIONS);
  const queued = "- Queued: the agent has not taken it up yet.\n";
  assertEquals(markdown, `## User\n\n> a\n\n> b\n\n${queued}`);
});

Deno.test("writeTranscript() ends before an event for which there is no room", () => {
  const events = [1, 2, 3].map((second) => said(second, "agent.message", "x".repeat(400)));
  const { markdown, told, textTo } = writeTranscript(events, { ...OPTIONS, roomChars: 1_000 });
  assertEquals([told, textTo], [2, undefined]);
  assert(JSON.stringify(markdown).length <= 1_000);
});

Deno.test("writeTranscript() parts a text for which no part has room, and goes on in it", () => {
  const text = Array.from({ length: 100 }, (_, line) => `Line ${line}: ${"x".repeat(50)}`).join(
    "\n",
  );
  const content = [{ type: "text", text }, { type: "image" }];
  const event = at(0, "agent.thread_message_sent", { to_agent_name: "Reviewer", content });
  let textFrom = 0;
  const quoted: string[] = [];
  for (let parts = 1;; parts++) {
    assert(parts < 20, "does not end");
    const { markdown, told, textTo } = writeTranscript([event, said(1, "agent.message", "End.")], {
      ...OPTIONS,
      roomChars: 1_000,
      textFrom,
    });
    assert(JSON.stringify(markdown).length <= 1_000, markdown);
    assertEquals(markdown.includes("- To subagent"), parts === 1);
    assertEquals(markdown.includes("(continued)"), parts > 1);
    assertEquals(markdown.includes("- With an image"), textTo === undefined);
    quoted.push(...markdown.split("\n").filter((line) => line.startsWith("> Line")));
    if (textTo === undefined) {
      assertEquals(told, 2);
      break;
    }
    assertEquals(told, 0);
    textFrom = textTo;
  }
  assertEquals(quoted.map((line) => line.slice(2)).join("\n"), text);
});

Deno.test("writeTranscript() passes a text of which nothing is left", () => {
  const events = [said(0, "agent.message", "Done."), said(1, "user.message", "Thanks.")];
  const { markdown, told } = writeTranscript(events, { ...OPTIONS, textFrom: 5 });
  assertEquals([told, markdown], [2, "## User · 2026-11-26 09:00:01 UTC\n\n> Thanks.\n"]);
});

Deno.test("subagentsIn() names each thread that began", () => {
  const began = (session_thread_id: unknown, agent_name?: unknown) => ({
    ...{ type: "session.thread_created", session_thread_id, agent_name },
  });
  const events = [began("sthr_1", "A"), began("sthr_2"), began(7, "B"), { type: "agent.message" }];
  assertEquals([...subagentsIn(events)], [["sthr_1", "A"], ["sthr_2", "unnamed"]]);
});

Deno.test("utcTime() is a time as people read it", () => {
  assertEquals(utcTime(Date.parse("2026-11-26T23:59:59.999+01:00")), "2026-11-26 22:59:59 UTC");
});
